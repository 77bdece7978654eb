//! The repository of the demo.

use std::path::Path;

use plimsoll_bundle::{Bundle, Decider, Diagnostic, Env, Overrides, Provider, Tree, load, pin};
use plimsoll_core::{Account, Mode, ToolName};
use serde_json::{Value, json};

pub(crate) fn tree() -> Tree {
    Tree::read_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/support-desk")).unwrap()
}

pub(crate) fn env() -> Env<'static> {
    Env {
        var: &|name| match name {
            "DESK_URL" => Some("http://127.0.0.1:7999/mcp".to_owned()),
            "MODEL_URL" => Some("http://127.0.0.1:7998".to_owned()),
            "DESK_READ" | "DESK_DRAFT" | "DESK_EXECUTE" => Some(format!("secret of {name}")),
            _ => None,
        },
        file: &|_| Err("no files in this test".to_owned()),
    }
}

pub(crate) fn bundle() -> (Bundle, Vec<Diagnostic>) {
    load(&tree(), env(), &Overrides::default())
        .unwrap_or_else(|found| panic!("{}", plimsoll_bundle::render::text(&found, &tree(), false)))
}

fn tool(name: &str) -> ToolName {
    name.parse().unwrap()
}

#[test]
fn it_loads_without_a_word() {
    let (bundle, warnings) = bundle();
    assert_eq!(warnings, []);
    assert_eq!(bundle.id, tree().id());
    assert_eq!(bundle.project.environment, "demo");
    assert_eq!(bundle.project.listen_data, "127.0.0.1:7300");
    let support = bundle.workflow("support").unwrap();
    assert_eq!((support.mode, support.acts.len()), (Mode::Enforce, 9));
}

#[test]
fn what_the_gateway_asks() {
    let (bundle, _) = bundle();
    let support = bundle.workflow("support").unwrap();
    assert!(bundle.terms(support, &tool("desk.refund_order")).is_none());
    let terms = bundle.terms(support, &tool("desk.delete_customer")).unwrap();
    assert_eq!((terms.roles, terms.quorum, terms.expires_after_s), (vec!["reviewer".to_owned()], 1, 900));
    assert!(matches!(support.boundary(&tool("desk.get_order")).unwrap().decides, Decider::Automated));
    let renamed = bundle.resolve_client_name(support, "mcp__plimsoll__desk_refund_order");
    assert_eq!(renamed, Ok(tool("desk.refund_order")));
    assert_eq!(bundle.model_for(support, "support").unwrap().id, "main");
    assert_eq!(bundle.model_speaking(Provider::Anthropic, support, "claude-opus-4-6").unwrap().id, "claude");
    let desk = &bundle.servers["desk"];
    assert_eq!(desk.accounts[&Account::Draft].reveal(), "secret of DESK_DRAFT");
    assert_eq!(format!("{:?}", desk.accounts[&Account::Draft]), "Secret(${DESK_DRAFT})");
    assert_eq!(bundle.find_tool(&tool("desk.draft_payment")).unwrap().account, Account::Draft);
}

#[test]
fn its_check_asks_the_system_of_record() {
    let (bundle, _) = bundle();
    let refund = bundle.find_tool(&tool("desk.refund_order")).unwrap();
    let check = &refund.checks[0];
    let act = json!({"order_id": "A-1001", "amount": 12});
    assert_eq!(check.arguments(&act), Ok(json!({"order_id": "A-1001"})));
    let order: Value = json!({"order_id": "A-1001", "total": 49.90});
    let outcome = check.evaluate(&act, &order).unwrap();
    assert_eq!((outcome.passed, &*outcome.detail), (true, "amount 12 <= result.total 49.9"));
    let pin = refund.pin.as_ref().unwrap();
    assert_eq!(pin.validate(&act), Ok(()));
    assert!(pin.validate(&json!({"order_id": "A-1001", "amount": "12"})).is_err());
    assert_eq!(pin.digest, pin::digest(&pin.tool));
}

#[test]
fn a_mode_from_outside_is_never_silent() {
    let overrides = Overrides::from_env(Env {
        var: &|name| (name == "PLIMSOLL_MODE").then(|| "support=observe".to_owned()),
        file: &|_| Err(String::new()),
    });
    let (bundle, warnings) = load(&tree(), env(), &overrides.unwrap()).unwrap();
    assert_eq!(bundle.workflow("support").unwrap().mode, Mode::Observe);
    let ids: Vec<_> = warnings.iter().map(|d| d.id).collect();
    assert_eq!(ids, ["override/mode"]);
}

#[test]
fn without_its_environment_it_can_still_be_checked() {
    let strict = load(&tree(), Env::empty(), &Overrides::default()).unwrap_err();
    assert!(strict.iter().all(|d| d.id == "env/unset"), "{strict:?}");
    let lenient = Overrides { allow_unset: true, ..Overrides::default() };
    let (_, warnings) = load(&tree(), Env::empty(), &lenient).unwrap();
    assert_eq!(warnings.len(), strict.len());
}
