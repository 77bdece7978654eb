//! Ways around an act: each is offered exactly when it would run.

use std::collections::BTreeSet;

use jiff::Timestamp;
use plimsoll_bundle::{Bundle, Env, Overrides, Tree, load, pin, render};
use plimsoll_core::{
    Act, ArgumentOrigin, ArgumentRole, Case, CheckFact, Door, Facts, Flow, Hypothesis, Integrity, Intent,
    Label, Mode, Principal, PrincipalKind, Remedy, Trajectory,
};
use serde_json::{Value, json};

fn bundle(draft_tier: &str) -> Bundle {
    let mut tree = Tree::default();
    tree.insert("plimsoll.yaml", "plimsoll: 1\nproject: till\n");
    tree.insert("people.yaml", "people: {}\n");
    let workflow = "workflow: till\npurpose: x\nowner: Ines\nacts:\n  \
                    till.*: {on_failure: it is seen, way_back: charge again}\n";
    tree.insert("workflows/till.yaml", workflow);
    let tools = format!(
        "server: till\nlocal: true\ntools:\n  \
         pay: {{tier: guarded, effect: external, args: {{to: account, amount: amount}}, amount_free: 49.90, draft: till.draft}}\n  \
         draft: {{tier: {draft_tier}, effect: shared, args: {{to: account, amount: amount}}}}\n  \
         tell: {{tier: guarded, effect: egress, args: {{to: recipient, body: content}}}}\n"
    );
    tree.insert("tools/till.yaml", tools);
    tree.insert(
        "tools/till.lock.json",
        pin::lock_file("till", "2025-11-25", "2026-11-20", "Ines", &pinned()),
    );
    match load(&tree, Env::empty(), &Overrides::default()) {
        Ok((bundle, _)) => bundle,
        Err(found) => panic!("{}", render::text(&found, &tree, false)),
    }
}

fn pinned() -> [Value; 3] {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    let money =
        json!({"type": "object", "properties": {"to": text, "amount": number}, "required": ["amount"]});
    let people = json!({"type": "array", "items": text});
    [
        json!({"name": "pay", "inputSchema": money}),
        json!({"name": "draft", "inputSchema": money}),
        json!({"name": "tell", "inputSchema": {"type": "object", "properties": {"to": people, "body": text}}}),
    ]
}

fn origin(argument: &str, role: ArgumentRole, named: bool) -> ArgumentOrigin {
    ArgumentOrigin {
        argument: argument.to_owned(),
        role,
        integrity: if named { Integrity::User } else { Integrity::Untrusted },
        chosen: named,
        authored: false,
        listed: false,
        unknown: false,
        found: Vec::new(),
        more: 0,
        preview: Some(format!("the {argument}")),
    }
}

/// The same act and permit every time.
fn same<T: serde::de::DeserializeOwned>() -> T {
    serde_json::from_value(json!("00000000-0000-7000-8000-000000000007")).unwrap()
}

/// The ways on from an act that the user asked for, in words.
fn ways(
    bundle: &Bundle,
    tool: &str,
    arguments: Value,
    origins: Vec<ArgumentOrigin>,
    facts: Facts,
) -> Vec<String> {
    let principal = Principal {
        id: "key:ada".to_owned(),
        kind: PrincipalKind::User,
        tenant: String::new(),
        roles: BTreeSet::new(),
        on_behalf_of: None,
    };
    let act = Act {
        id: same(),
        door: Door::Llm,
        tool: tool.parse().unwrap(),
        arguments,
        schema: None,
        call_id: None,
    };
    let declared = bundle.find_tool(&act.tool).unwrap();
    let flow = Flow { origins, intent: Intent { asked: true, ..Intent::default() }, ..Flow::default() };
    let trajectory = Trajectory { label: Label::of(Integrity::Untrusted), ..Trajectory::default() };
    let case = Case {
        principal: &principal,
        workflow: "till",
        environment: "test",
        release: "r1",
        mode: Mode::Enforce,
        act: &act,
        tier: declared.tier,
        effect: declared.effect,
        account: declared.account,
        trajectory: &trajectory,
        flow: &flow,
        facts: &Facts { hypothesis: Hypothesis::Answer, ..facts },
        now: Timestamp::UNIX_EPOCH,
        permit: same(),
    };
    let ways = bundle.other_ways(bundle.workflow("till").unwrap(), &bundle.rules, &case);
    ways.iter().map(Remedy::sentence).collect()
}

#[test]
fn a_draft_is_offered_if_it_may_run_itself() {
    let stranger =
        || vec![origin("/to", ArgumentRole::Account, false), origin("/amount", ArgumentRole::Amount, true)];
    let pay = || json!({"to": "x", "amount": 5});
    assert_eq!(ways(&bundle("safe"), "till.pay", pay(), stranger(), Facts::default()), ["use `till.draft`"]);
    // The twin is guarded as well, and nobody named the account for it either.
    assert!(ways(&bundle("guarded"), "till.pay", pay(), stranger(), Facts::default()).is_empty());
    // What the twin's schema does not take is not offered.
    assert!(ways(&bundle("safe"), "till.pay", json!({"to": "x"}), stranger(), Facts::default()).is_empty());
}

#[test]
fn less_of_a_list() {
    let bundle = bundle("safe");
    let to = |named: &[bool]| -> Vec<ArgumentOrigin> {
        let each = named.iter().enumerate();
        let each = each.map(|(at, named)| origin(&format!("/to/{at}"), ArgumentRole::Recipient, *named));
        let all = origin("/to", ArgumentRole::Recipient, named.iter().all(|named| *named));
        each.chain([all]).collect()
    };
    let tell = |named: &[bool]| {
        let people: Vec<String> = (0..named.len()).map(|at| format!("p{at}")).collect();
        ways(&bundle, "till.tell", json!({"to": people, "body": "x"}), to(named), Facts::default())
    };
    assert_eq!(tell(&[true, false, true]), ["narrow the to to the /to/0, the /to/2"]);
    assert!(tell(&[false, false]).is_empty(), "nobody is left");
    assert!(tell(&[true, true]).is_empty(), "that is not what is missing");
    assert!(tell(&[false]).is_empty());
}

#[test]
fn less_money() {
    let bundle = bundle("guarded");
    let pay = |amount: Value, named: bool, facts: Facts| {
        let origins =
            vec![origin("/to", ArgumentRole::Account, named), origin("/amount", ArgumentRole::Amount, false)];
        ways(&bundle, "till.pay", json!({"to": "x", "amount": amount}), origins, facts)
    };
    assert_eq!(pay(json!(80), true, Facts::default()), ["narrow the amount to at most 49.90"]);
    assert!(pay(json!(80), false, Facts::default()).is_empty(), "the account is a stranger's");
    assert!(pay(json!(20), true, Facts::default()).is_empty(), "it is not too much");
    assert!(pay(json!("80"), true, Facts::default()).is_empty(), "no number");
    let failed = CheckFact { name: "x".to_owned(), passed: Some(false), detail: String::new() };
    assert!(pay(json!(80), true, Facts { checks: vec![failed], ..Facts::default() }).is_empty());
}
