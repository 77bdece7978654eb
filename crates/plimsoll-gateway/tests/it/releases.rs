//! Releases at a running gateway: stages, watching, going back, and what a restart makes of each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use plimsoll_bundle::Tree;
use plimsoll_bundle::diff::{Side, diff, load_for_diff};
use plimsoll_bundle::release::{DiffRecord, Finding, Found, Predicate, Release, SecretKey, Trust};
use plimsoll_core::{Digest, Entry, EntryBody, ReleaseMove, ReleaseStep};
use plimsoll_gateway::standing::{First, HelmError, Promotion, Rollback, Shelf, Stand};
use plimsoll_gateway::{Gateway, GatewayOptions, Operator, Source};
use serde_json::json;

use crate::client::Client;
use crate::world::{Plan, World};

/// Keys that no test has to keep.
fn key(person: &str) -> SecretKey {
    SecretKey::from_seed(Digest::of(person.as_bytes()).as_bytes(), person).unwrap()
}

fn public(person: &str) -> String {
    use plimsoll_bundle::release::Signer as _;
    key(person).key().to_string()
}

/// The support desk as an environment of signed releases.
fn plan(terms: &str) -> Plan {
    let people = format!(
        "people:
  rosa: {{roles: [reviewer], key: \"{}\"}}
  tom: {{roles: [treasurer]}}
  ines: {{roles: [reviewer, treasurer, owner], key: \"{}\"}}
roles:
  reviewer: {{purpose: answers, may: [approve]}}
  treasurer: {{purpose: answers}}
  owner: {{purpose: releases, may: [author, approve, promote, roll_back]}}
",
        public("rosa"),
        public("ines")
    );
    let plan = Plan::new().change(
        "plimsoll.yaml",
        "environment: demo",
        &format!("environment: demo\nenvironments: {{demo: {{approvals: 1{terms}}}}}"),
    );
    plan.add("people.yaml", people)
}

/// A release of these files that ines made and rosa agreed to.
fn release(sequence: u64, tree: &Tree, before: Option<&Tree>) -> String {
    let load = |tree: &Tree| load_for_diff(tree).unwrap_or_else(|found| panic!("{found:?}"));
    let found = before.map(|before| {
        let (base, head) = (load(before), load(tree));
        DiffRecord::of(&diff(Side { bundle: &base, tree: before }, Side { bundle: &head, tree }))
    });
    let finding = || Finding::new(Found::NotRun, "a test");
    let predicate = Predicate {
        project: "support-desk".to_owned(),
        sequence,
        parent: before.map(Tree::id),
        environments: BTreeSet::from(["demo".to_owned()]),
        created: Timestamp::now() - SignedDuration::from_secs(1),
        expires: Timestamp::now() + SignedDuration::from_hours(24),
        author: "ines".to_owned(),
        plimsoll: "0".to_owned(),
        manifest: Default::default(),
        diff: found.unwrap_or_default(),
        checks: finding(),
        invariants: finding(),
        drills: finding(),
        replays: finding(),
    };
    let mut release = Release::new(tree.clone(), predicate).unwrap();
    release.sign(&key("ines")).unwrap();
    release.sign(&key("rosa")).unwrap();
    release.to_text().unwrap()
}

/// Refunds are forbidden: what a planted regression looks like.
fn broken(plan: Plan) -> Plan {
    let policy =
        "@id(\"no-refunds\")\nforbid (principal, action == Action::\"desk.refund_order\", resource);\n";
    plan.add("policies/no-refunds.cedar", policy)
}

struct Yard {
    world: World,
    ines: Operator,
    first: Tree,
    second: Tree,
}

impl Yard {
    /// The first release is live; the second can be installed.
    async fn open(terms: &str) -> Self {
        let (first, second) = (plan(terms), broken(plan(terms)));
        let (one, two) = (first.tree().clone(), second.tree().clone());
        let bundle = load_for_diff(&one).unwrap_or_else(|found| panic!("{found:?}"));
        let trust = Trust::of(&bundle, "demo", None).unwrap().to_text();
        let world = first.start_signed(&trust, &release(1, &one, None)).await;
        let ines = world.person("ines").await;
        Self { world, ines, first: one, second: two }
    }

    async fn install(&self) {
        let file = release(2, &self.second, Some(&self.first));
        self.world.gateway.install(&self.ines, file.as_bytes(), "refunds are forbidden").await.unwrap();
    }

    async fn promote(&self, to: Stand) {
        let asked =
            Promotion { to: Some(to), reason: "a test".to_owned(), anyway: true, ..Promotion::default() };
        self.world.gateway.promote(&self.ines, &asked).await.unwrap();
    }

    async fn back(&self, security: bool) -> ReleaseStep {
        let asked = Rollback { reason: "a test".to_owned(), security, ..Rollback::default() };
        self.world.gateway.roll_back(&self.ines, &asked).await.unwrap()
    }

    fn steps(&self) -> Vec<ReleaseStep> {
        self.world.entries().into_iter().filter_map(step).collect()
    }

    fn session(&self, name: &str) -> Client {
        self.world.client().with("x-plimsoll-session", name)
    }

    /// A session that began under the canary, and one that began under the live release.
    async fn two_sessions(&self) -> (String, String) {
        let mut found = (None, None);
        for n in 0..64 {
            let name = format!("sticky-{n}");
            self.session(&name).chat("gullible", "hello").await.expect(200, "");
            match self.release_of(&name) {
                release if release == self.second.id().to_string() => drop(found.0.get_or_insert(name)),
                _ => drop(found.1.get_or_insert(name)),
            }
            if let (Some(canary), Some(live)) = &found {
                return (canary.clone(), live.clone());
            }
        }
        panic!("64 sessions had one release: {found:?}");
    }

    /// The release of the last act of a session.
    fn release_of(&self, session: &str) -> String {
        self.release_since(0, session)
    }

    /// The same among the entries after so many.
    fn release_since(&self, size: u64, session: &str) -> String {
        let of = |entry: &&Entry| entry.session == session && is_judged(entry);
        let entries = self.world.entries_from(size);
        entries.iter().rev().find(of).map(|entry| entry.release.clone()).unwrap_or_default()
    }
}

fn is_judged(entry: &Entry) -> bool {
    matches!(entry.body, EntryBody::Intent(_) | EntryBody::Decision(_))
}

fn step(entry: Entry) -> Option<ReleaseStep> {
    match entry.body {
        EntryBody::Release(step) => Some(*step),
        _ => None,
    }
}

fn moves(steps: &[ReleaseStep]) -> Vec<(ReleaseMove, u64)> {
    steps.iter().map(|step| (step.step, step.sequence)).collect()
}

fn refund() -> serde_json::Value {
    json!({ "order_id": "A-1001", "amount": 5, "currency": "EUR" })
}

const SHADOW: &str = ", shadow: {decisions: 4}, canary: {share: 50%, sessions: 8}";

#[tokio::test]
async fn a_shadow_decides_and_does_nothing() {
    let yard = Yard::open(SHADOW).await;
    yard.install().await;
    let client = yard.session("s-shadow");
    client.act("refund_order", refund()).await.expect(200, "refunded");
    client.call("desk", "get_order", json!({ "order_id": "A-1001" })).await.expect(200, "porcelain");
    let gateway = &yard.world.gateway;
    yard.world
        .within_a_second("the shadow's differences are listed", async || {
            !gateway.release_status().await.differences.is_empty()
        })
        .await;
    let status = gateway.release_status().await;
    assert!(status.differences.iter().all(|found| found.change == "newly refused"), "{status:?}");
    assert_eq!(status.differences[0].rule, "no-refunds");
    assert_eq!(status.shadow.unwrap().known.sequence, 2);
    assert_eq!(yard.world.done("refund_order"), 1, "the live release decided, and nobody else did anything");
    assert_eq!(
        moves(&yard.steps())[..4],
        [
            (ReleaseMove::Installed, 1),
            (ReleaseMove::Full, 1),
            (ReleaseMove::Installed, 2),
            (ReleaseMove::Shadow, 2)
        ]
    );
}

#[tokio::test]
async fn a_conversation_keeps_its_release_at_both_doors() {
    let yard = Yard::open(SHADOW).await;
    yard.install().await;
    yard.promote(Stand::Canary).await;
    let (canary, live) = yard.two_sessions().await;
    let (two, one) = (yard.second.id().to_string(), yard.first.id().to_string());
    // Refused at the LLM door already, where the canary judges the model's answer.
    let refused = yard.session(&canary).propose("refund_order", &refund()).await;
    assert!(refused.text().contains("PLM-0200"), "{}", refused.text());
    assert_eq!(yard.release_of(&canary), two);
    // What the live release let pass is judged by it at the tool door, whatever a stranger's call would be.
    let done = yard.session(&live).propose("refund_order", &refund()).await;
    assert!(!done.text().contains("PLM-0200"), "{}", done.text());
    yard.world.client().call("desk", "refund_order", refund()).await.expect(200, "refunded");
    assert_eq!(yard.release_of(&live), one);
    // An act that both let pass is judged at the tool door by the release of its conversation.
    let order = json!({ "order_id": "A-1002" });
    yard.session(&canary).propose("get_order", &order).await.expect(200, "");
    yard.world.client().call("desk", "get_order", order).await.expect(200, "");
    let last = yard.world.entries().into_iter().rfind(is_judged).unwrap();
    assert_eq!((last.session.as_str(), last.release.as_str()), (canary.as_str(), two.as_str()));
    // A promotion moves nobody who is on their way.
    yard.promote(Stand::Full).await;
    yard.session(&live).chat("gullible", "and on").await.expect(200, "");
    assert_eq!(yard.release_of(&live), one);
    yard.session("fresh").chat("gullible", "hello").await.expect(200, "");
    assert_eq!(yard.release_of("fresh"), two);
    // Nor does going back, unless it is for security.
    yard.back(false).await;
    yard.session("fresh").chat("gullible", "and on").await.expect(200, "");
    assert_eq!(yard.release_of("fresh"), two);
    yard.session("later").chat("gullible", "hello").await.expect(200, "");
    assert_eq!(yard.release_of("later"), one);
}

#[tokio::test]
async fn security_cuts_over() {
    let yard = Yard::open(SHADOW).await;
    yard.install().await;
    yard.promote(Stand::Canary).await;
    let (canary, _) = yard.two_sessions().await;
    let taken = yard.back(true).await;
    assert_eq!((taken.step, taken.security), (ReleaseMove::RolledBack, true));
    yard.session(&canary).chat("gullible", "and on").await.expect(200, "");
    assert_eq!(yard.release_of(&canary), yard.first.id().to_string());
}

#[tokio::test]
async fn a_worse_canary_takes_itself_back() {
    // Every session counts at once here: silence is over when the watch's clock is far ahead.
    let yard = Yard::open(", canary: {share: 50%}").await;
    yard.install().await;
    yard.promote(Stand::Canary).await;
    for n in 0..120 {
        let client = yard.session(&format!("many-{n}"));
        client.propose("refund_order", &refund()).await;
    }
    let later = Timestamp::now() + SignedDuration::from_mins(5);
    yard.world.gateway.look_at(later).await;
    let steps = yard.steps();
    let last = steps.last().unwrap();
    assert_eq!((last.step, last.by.as_str(), last.security), (ReleaseMove::RolledBack, "gateway", false));
    assert!(last.reason.contains("refused"), "{last:?}");
    let refused = last.figures.iter().find(|figure| figure.signal == "refused").unwrap();
    assert_eq!(refused.verdict, "worse", "{refused:?}");
    assert!(refused.count == refused.of && refused.live.unwrap().0 == 0, "{refused:?}");
    assert!(yard.world.gateway.standing().canary.is_none());
}

#[tokio::test]
async fn what_is_none_to_run_is_refused_and_the_old_one_stays() {
    let yard = Yard::open(SHADOW).await;
    let gateway = &yard.world.gateway;
    let file = release(2, &yard.second, Some(&yard.first));
    let mut unsigned: serde_json::Value = serde_json::from_str(&file).unwrap();
    unsigned["envelope"]["signatures"].as_array_mut().unwrap().truncate(1);
    let stale = release(1, &yard.second, Some(&yard.first));
    // It allows more than what runs, and its approvers were shown a diff against itself.
    let mut looser = yard.first.clone();
    let workflow = looser.text("workflows/support.yaml").unwrap().replace("calls: 10}", "calls: 1000}");
    assert!(workflow.contains("calls: 1000}"), "{workflow}");
    looser.insert("workflows/support.yaml", workflow);
    let hidden = release(3, &looser, Some(&looser));
    for (file, says) in [
        (unsigned.to_string(), "not signed enough"),
        (stale, "number 1"),
        (hidden, "not shown"),
        (file.replace("forbid (principal", "permit (principal"), "not the file that was signed"),
        ("{}".to_owned(), "no release file"),
    ] {
        let refused = gateway.install(&yard.ines, file.as_bytes(), "").await.unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
    let refusals: Vec<ReleaseStep> =
        yard.steps().into_iter().filter(|step| step.step == ReleaseMove::Refused).collect();
    assert_eq!(refusals.len(), 3, "what is a release at all is on record as refused, with the reason");
    assert!(refusals[0].reason.contains("not signed enough"), "{refusals:?}");
    assert_eq!(gateway.bundle().id, yard.first.id());
    let tom = yard.world.person("tom").await;
    let file = release(2, &yard.second, Some(&yard.first));
    let powerless = gateway.install(&tom, file.as_bytes(), "").await.unwrap_err();
    assert!(matches!(powerless, HelmError::Powerless { .. }), "{powerless}");
    let back = gateway.roll_back(&tom, &Rollback::default()).await.unwrap_err();
    assert!(matches!(back, HelmError::Powerless { .. }), "{back}");
}

#[tokio::test]
async fn stages_are_not_passed_over() {
    let yard = Yard::open(SHADOW).await;
    yard.install().await;
    let ask = async |to| {
        let asked = Promotion { to, reason: "now".to_owned(), ..Promotion::default() };
        yard.world.gateway.promote(&yard.ines, &asked).await.map(drop).unwrap_err().to_string()
    };
    assert!(ask(Some(Stand::Full)).await.contains("has not been through"));
    assert!(ask(None).await.contains("do not hold yet"));
    assert_eq!(yard.world.gateway.standing().canary.as_ref().map(|_| ()), None);
}

/// Opens a gateway on what a dead one left.
async fn reopen(yard: &Yard, image: &tempfile::TempDir) -> Result<Arc<Gateway>, String> {
    let none = First { trust: None, release: None };
    let shelf = Shelf::open(image.path(), yard.world.loader(), &none, Timestamp::now());
    let shelf = shelf.map_err(|error| error.to_string())?;
    let options = GatewayOptions {
        bundle: Source::Releases(Box::new(shelf)),
        state_dir: image.path().to_owned(),
        admin_url: "http://127.0.0.1:7301".to_owned(),
    };
    Gateway::open(options).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn every_stage_outlives_a_restart() {
    let yard = Yard::open(SHADOW).await;
    let picture = |gateway: &Gateway| {
        let standing = gateway.standing();
        let one = |id: Digest| if id == yard.first.id() { 1 } else { 2 };
        (
            one(standing.live.id),
            standing.canary.as_ref().map(|canary| one(canary.bundle.id)),
            standing.shadow.as_ref().map(|shadow| one(shadow.id)),
            standing.leaving.iter().map(|leaving| one(leaving.bundle.id)).collect::<Vec<_>>(),
        )
    };
    let same = async |expected: (i32, Option<i32>, Option<i32>, Vec<i32>)| {
        assert_eq!(picture(&yard.world.gateway), expected);
        let image = yard.world.image();
        let again = reopen(&yard, &image).await.unwrap();
        assert_eq!(picture(&again), expected, "after a restart");
    };
    same((1, None, None, vec![])).await;
    yard.install().await;
    same((1, None, Some(2), vec![])).await;
    yard.promote(Stand::Canary).await;
    let (canary, live) = yard.two_sessions().await;
    same((1, Some(2), None, vec![])).await;
    // Sessions are remembered too.
    let image = yard.world.image();
    let again = reopen(&yard, &image).await.unwrap();
    let key = |session: &str| format!("key:ada|key:ada|support|{session}");
    assert_eq!(again.release_of_session(&key(&canary)), Some(yard.second.id()));
    assert_eq!(again.release_of_session(&key(&live)), Some(yard.first.id()));
    yard.promote(Stand::Full).await;
    same((2, None, None, vec![1])).await;
    yard.back(false).await;
    same((1, None, None, vec![2])).await;
}

#[tokio::test]
async fn a_crash_between_entry_and_state_file_loses_no_step() {
    let yard = Yard::open(SHADOW).await;
    yard.install().await;
    let file = |state: &std::path::Path| state.join("releases").join("standing.json");
    let before = std::fs::read(file(yard.world.state())).unwrap();
    yard.promote(Stand::Full).await;
    let image = yard.world.image();
    std::fs::write(file(image.path()), &before).unwrap();
    let again = reopen(&yard, &image).await.unwrap();
    assert_eq!(again.bundle().id, yard.second.id(), "the entry was durable, so the step counts");
    drop(again);

    let image = yard.world.image();
    let forged = String::from_utf8(std::fs::read(file(image.path())).unwrap()).unwrap();
    let (one, two) = (yard.first.id().to_string(), yard.second.id().to_string());
    let forged = forged.replace(&two, "X").replace(&one, &two).replace('X', &one);
    std::fs::write(file(image.path()), forged).unwrap();
    let refused = reopen(&yard, &image).await.unwrap_err();
    assert!(refused.contains("no entry of the ledger put it into force"), "{refused}");
}

#[tokio::test]
async fn without_a_valid_release_nothing_starts() {
    let yard = Yard::open(SHADOW).await;
    let id = yard.first.id().hex();
    let refused = async |does: &dyn Fn(&std::path::Path)| {
        let image = yard.world.image();
        does(&image.path().join("releases"));
        reopen(&yard, &image).await.unwrap_err()
    };
    let path = |folder: &std::path::Path| folder.join(format!("{id}.release.json"));
    let gone = refused(&|folder| std::fs::remove_file(path(folder)).unwrap()).await;
    assert!(gone.contains("can't be read"), "{gone}");
    let damaged = refused(&|folder| {
        let text = std::fs::read_to_string(path(folder)).unwrap();
        std::fs::write(path(folder), text.replace("Refund only", "Refund also")).unwrap();
    })
    .await;
    assert!(damaged.contains("not the file that was signed"), "{damaged}");
    let unsigned = refused(&|folder| {
        let text = std::fs::read_to_string(path(folder)).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["envelope"]["signatures"] = json!([]);
        std::fs::write(path(folder), value.to_string()).unwrap();
    })
    .await;
    assert!(unsigned.contains("none to run"), "{unsigned}");
    let none = refused(&|folder| std::fs::remove_file(folder.join("standing.json")).unwrap()).await;
    assert!(none.contains("no release was ever put into force"), "{none}");
    assert!(Shelf::is_in_use(yard.world.state()));
}

/// Releases change under load again and again: nobody is lost, and nobody is answered by neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_while_releases_change() {
    const CHANGES: u64 = 40;
    const CLIENTS: u64 = 16;
    /// The whole record is read at the end: it must not grow without bound.
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
    let yard = Arc::new(Yard::open("").await);
    yard.install().await;
    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let (yard, over, asked) = (Arc::clone(&yard), Arc::clone(&over), Arc::clone(&asked));
            tokio::spawn(async move {
                let mut turn = 0_u64;
                while !over.load(Ordering::Relaxed) {
                    turn += 1;
                    let client = yard.session(&format!("load-{n}-{turn}"));
                    let answer = client.chat("gullible", &format!("hello {n} {turn}")).await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            })
        })
        .collect();
    let mut slowest = std::time::Duration::ZERO;
    for change in 0..CHANGES {
        if change % 2 == 0 {
            yard.promote_named("2").await;
            continue;
        }
        let (began, size) = (Instant::now(), yard.world.size());
        yard.back(false).await;
        let name = format!("after-{change}");
        yard.session(&name).chat("gullible", "hello").await.expect(200, "");
        slowest = slowest.max(began.elapsed());
        assert_eq!(yard.release_since(size, &name), yard.first.id().to_string());
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let known = [yard.first.id().to_string(), yard.second.id().to_string()];
    let entries = yard.world.entries();
    let judged: Vec<&Entry> =
        entries.iter().filter(|entry| entry.session.starts_with("load-") && is_judged(entry)).collect();
    assert!(judged.iter().all(|entry| known.contains(&entry.release)));
    assert_eq!(judged.len() as u64, asked.load(Ordering::Relaxed), "each request was judged once");
    for release in &known {
        assert!(judged.iter().any(|entry| entry.release == *release), "both served");
    }
    println!(
        "{CHANGES} changes under {} requests of {CLIENTS} clients; going back was visible after {} ms at most",
        judged.len(),
        slowest.as_millis()
    );
}

impl Yard {
    async fn promote_named(&self, release: &str) {
        let asked = Promotion {
            release: release.to_owned(),
            to: Some(Stand::Full),
            reason: "a test".to_owned(),
            anyway: true,
        };
        self.world.gateway.promote(&self.ines, &asked).await.unwrap();
    }
}

/// A policy for those who have the flag, which two roles and nobody else have.
fn flagged(plan: Plan) -> Plan {
    let policy = "@id(\"not-while-new\")\nforbid (principal, action == Action::\"desk.refund_order\", resource) when { context.flags.contains(\"new\") };\n";
    plan.change(
        "plimsoll.yaml",
        "environment: demo\n",
        "environment: demo\nflags: {new: {roles: [tester]}}\n",
    )
    .add("policies/new.cedar", policy)
}

#[tokio::test]
async fn a_session_keeps_its_flags() {
    let (first, second) = (flagged(plan(SHADOW)), flagged(broken(plan(SHADOW))));
    let (one, two) = (first.tree().clone(), second.tree().clone());
    let trust = Trust::of(&load_for_diff(&one).unwrap(), "demo", None).unwrap().to_text();
    let world = first.start_signed(&trust, &release(1, &one, None)).await;
    let ines = world.person("ines").await;
    // One agent with two keys: a role more or less is all that differs.
    let agent = plimsoll_core::PrincipalKind::Agent;
    let plain = world.key("bo", agent, "support").await;
    let tester = world.key_with("bo", agent, "support", |row| row.roles = vec!["tester".to_owned()]).await;
    let ask = async |key: &str, session: &str| {
        let client = world.anyone(key).with("x-plimsoll-session", session);
        client.chat("gullible", "hello").await.expect(200, "");
        flags_of(&world.entries(), session)
    };
    assert_eq!(ask(&plain, "s-plain").await, [] as [&str; 0]);
    assert_eq!(ask(&tester, "s-plain").await, [] as [&str; 0], "it began without");
    assert_eq!(ask(&tester, "s-new").await, ["new"]);
    assert_eq!(ask(&plain, "s-new").await, ["new"], "it began with it");
    // The rules see what was kept, and so does the tool door of what was proposed there.
    let refused =
        world.anyone(&plain).with("x-plimsoll-session", "s-new").propose("refund_order", &refund()).await;
    assert!(refused.text().contains("PLM-0200"), "{}", refused.text());
    let order = json!({ "order_id": "A-1002" });
    let proposes = world.anyone(&tester).with("x-plimsoll-session", "s-plain");
    proposes.propose("get_order", &order).await.expect(200, "");
    world.anyone(&tester).call("desk", "get_order", order).await.expect(200, "");
    let last = world.entries().into_iter().rfind(is_judged).unwrap();
    assert_eq!(
        (last.session.as_str(), flags_of(std::slice::from_ref(&last), "s-plain")),
        ("s-plain", vec![])
    );
    // Neither a crash nor a restart moves it.
    let image = world.image();
    let none = First { trust: None, release: None };
    let shelf = Shelf::open(image.path(), world.loader(), &none, Timestamp::now()).unwrap();
    let options = GatewayOptions {
        bundle: Source::Releases(Box::new(shelf)),
        state_dir: image.path().to_owned(),
        admin_url: "http://127.0.0.1:7301".to_owned(),
    };
    let again = Gateway::open(options).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(plimsoll_gateway::server::serve(Arc::clone(&again), listener, stopped));
    for (key, session, expected) in [(&tester, "s-plain", vec![]), (&plain, "s-new", vec!["new"])] {
        let client = Client::new(addr, key).with("x-plimsoll-session", session);
        client.chat("gullible", "hello").await.expect(200, "");
        let records = again.ledger().reader().iter_from(plimsoll_ledger::Seq(0)).map(Result::unwrap);
        let entries: Vec<Entry> =
            records.map(|record| again.reading_all().record(&record).unwrap().entry).collect();
        assert_eq!(flags_of(&entries, session), expected, "{session} after a restart");
    }
    // What moves a conversation to another release finds its flags anew, and nothing else does.
    let file = release(2, &two, Some(&one));
    world.gateway.install(&ines, file.as_bytes(), "a test").await.unwrap();
    let anyway =
        |to| Promotion { to: Some(to), reason: "a test".to_owned(), anyway: true, ..Promotion::default() };
    world.gateway.promote(&ines, &anyway(Stand::Full)).await.unwrap();
    assert_eq!(ask(&tester, "s-plain").await, [] as [&str; 0], "it stays with its release");
    assert_eq!(ask(&plain, "s-later").await, [] as [&str; 0]);
    let asked = Rollback { reason: "a test".to_owned(), security: true, ..Rollback::default() };
    world.gateway.roll_back(&ines, &asked).await.unwrap();
    assert_eq!(ask(&tester, "s-later").await, ["new"], "security moved it");
}

/// The flags that were on at the last act of a session.
fn flags_of(entries: &[Entry], session: &str) -> Vec<String> {
    let of = |entry: &&Entry| entry.session == session && is_judged(entry);
    match entries.iter().rev().find(of).map(|entry| &entry.body) {
        Some(EntryBody::Intent(judged) | EntryBody::Decision(judged)) => {
            judged.facts.flags.iter().cloned().collect()
        }
        _ => panic!("no act of {session} is on record"),
    }
}
