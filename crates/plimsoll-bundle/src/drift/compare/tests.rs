use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::{Digest, DriftPolicy};
use serde_json::json;

use super::*;
use crate::drift::{Certificate, ModelLock, model_lock};
use crate::env::Env;
use crate::load::{Overrides, load};
use crate::pin::lock_file;
use crate::tree::Tree;

const PROJECT: &str = "plimsoll: 1\nproject: p\n";

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn at(endpoint: &str, key: &str) -> Reached {
    let certificate = Some(Certificate { issuer: "CN=Test".to_owned(), key: key.to_owned() });
    Reached { endpoint: endpoint.to_owned(), redirect: None, certificate }
}

fn accepted() -> ModelLock {
    let answers = ["a", "b", "c", "d"].map(|q| (q.to_owned(), format!("sha256:{q}")));
    ModelLock {
        model: "gpt".to_owned(),
        reviewed_by: "ada".to_owned(),
        seen: Seen {
            names: set(&["gpt-5-2026-01"]),
            fingerprints: set(&["fp_1", "fp_2"]),
            tokens: BTreeMap::from([("a".to_owned(), 12)]),
            answers: BTreeMap::from(answers),
        },
        reached: Some(at("https://models.example", "sha256:1")),
        ..ModelLock::default()
    }
}

fn tool(says: &str) -> serde_json::Value {
    json!({"name": "look", "description": says, "inputSchema": {"type": "object"}})
}

fn bundle(project: &str, lock: Option<&ModelLock>) -> Bundle {
    let mut pins = crate::pin::Lock::parse(&lock_file("desk", "", "", "ada", &[tool("x")])).unwrap();
    pins.reach(&at("http://127.0.0.1:9/mcp", "sha256:2"));
    let mut tree = Tree::from_iter([
        ("plimsoll.yaml", project.to_owned()),
        ("models/gpt.yaml", "model: gpt\nprovider: openai\nurl: https://models.example\nnames: [\"gpt-*\"]\n".to_owned()),
        ("tools/desk.yaml", "server: desk\nhttp: http://127.0.0.1:9/mcp\ntools: {look: {tier: safe, effect: read}}\n".to_owned()),
        ("tools/desk.lock.json", pins.text("desk")),
        ("workflows/w.yaml", "workflow: w\npurpose: p\nowner: o\nincident_owner: i\nmode: enforce\nmodels: [gpt]\nacts: {desk.look: automated}\n".to_owned()),
    ]);
    if let Some(lock) = lock {
        tree.insert("models/gpt.lock.json", model_lock(lock));
    }
    let loaded = load(&tree, Env::empty(), &Overrides::default());
    loaded.unwrap_or_else(|found| panic!("{found:#?}")).0
}

/// What drifted, a line each.
fn told(bundle: &Bundle, world: &World) -> String {
    let lines =
        compare(bundle, world).into_iter().map(|d| format!("{} {}: {}", d.of.name(), d.subject, d.text));
    lines.collect::<Vec<_>>().join("\n")
}

fn seen(seen: Seen) -> World {
    World { models: BTreeMap::from([("gpt".to_owned(), seen)]), ..World::default() }
}

#[test]
fn what_is_as_accepted_is_no_drift() {
    let lock = accepted();
    let bundle = bundle(PROJECT, Some(&lock));
    let mut world = seen(Seen {
        names: lock.seen.names.clone(),
        fingerprints: set(&["fp_2"]),
        tokens: lock.seen.tokens.clone(),
        answers: lock.seen.answers.clone(),
    });
    world.models_at.insert("gpt".to_owned(), lock.reached.clone().unwrap());
    world.servers_at.insert("desk".to_owned(), at("http://127.0.0.1:9/mcp", "sha256:2"));
    let digest = Some(crate::pin::digest(&tool("x")));
    world
        .tools
        .insert("desk".to_owned(), BTreeMap::from([("look".to_owned(), digest), ("more".to_owned(), None)]));
    world.repository = Some(bundle.id);
    assert_eq!(told(&bundle, &world), "");
    assert_eq!(unknown(&bundle), Vec::<String>::new());
}

#[test]
fn every_kind_is_told_with_what_was_and_what_is() {
    let bundle = bundle(PROJECT, Some(&accepted()));
    let mut world = seen(Seen {
        names: set(&["gpt-5-2026-01", "gpt-5-mini"]),
        fingerprints: set(&["fp_9\u{202e}"]),
        tokens: BTreeMap::from([("a".to_owned(), 13)]),
        answers: ["a", "b"].map(|q| (q.to_owned(), "sha256:z".to_owned())).into(),
    });
    let moved = Reached {
        redirect: Some("https://other.example".to_owned()),
        ..at("https://models.example", "sha256:9")
    };
    world.models_at.insert("gpt".to_owned(), moved);
    world.servers_at.insert("desk".to_owned(), at("http://127.0.0.1:8/mcp", "sha256:2"));
    world.tools.insert("desk".to_owned(), BTreeMap::from([("look".to_owned(), Some(Digest::of(b"other")))]));
    world.repository = Some(Digest::of(b"another"));
    let told = told(&bundle, &world).replace(&bundle.id.to_string(), "BUNDLE");
    insta::assert_snapshot!(told.replace(&Digest::of(b"another").to_string(), "ANOTHER"));
}

#[test]
fn one_odd_answer_is_none_and_half_of_them_are_another_model() {
    let bundle = bundle(PROJECT, Some(&accepted()));
    let answers = |odd: usize| {
        let answer = |(i, q): (usize, &str)| {
            (q.to_owned(), if i < odd { "odd".to_owned() } else { format!("sha256:{q}") })
        };
        seen(Seen {
            answers: ["a", "b", "c", "d"].into_iter().enumerate().map(answer).collect(),
            ..Seen::default()
        })
    };
    assert_eq!(told(&bundle, &answers(1)), "");
    assert_eq!(told(&bundle, &answers(2)), "models gpt: `gpt` answers 2 of 4 fixed questions otherwise");
}

#[test]
fn without_a_baseline_nothing_drifts_and_the_lack_is_listed() {
    let bundle = bundle(PROJECT, None);
    let world = seen(Seen { names: set(&["anything"]), ..Seen::default() });
    assert_eq!(told(&bundle, &world), "");
    assert_eq!(unknown(&bundle), ["models/gpt.lock.json"]);
}

#[test]
fn policies_default_to_the_stricter_where_it_matters_and_are_read() {
    let policies = |text: &str| {
        let bundle = bundle(&format!("{PROJECT}{text}"), None);
        DriftKind::ALL.map(|kind| bundle.project.drift.policy(kind))
    };
    use DriftPolicy::{Alert, Hold, Refuse};
    assert_eq!(policies(""), [Refuse, Alert, Alert, Hold, Alert, Alert]);
    assert_eq!(
        policies("drift: {models: refuse, tools: hold, every: 1h}"),
        [Hold, Refuse, Alert, Hold, Alert, Alert]
    );
}

#[test]
fn a_model_names_what_it_is_bounded() {
    let mut seen = Seen::default();
    for i in 0..1_000 {
        seen.add(Some(&format!("m{i}")), Some("fp"));
    }
    assert_eq!((seen.names.len(), seen.fingerprints.len()), (super::super::world::NAMES_MAX, 1));
    assert!(!seen.add(Some("m0"), None) && !seen.add(None, Some("")));
}
