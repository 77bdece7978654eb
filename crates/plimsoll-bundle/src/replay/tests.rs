use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_core::{
    Act, ActId, ApprovalFact, ArgumentOrigin, ArgumentRole, Case, CheckFact, Code, Door, Effect, Facts, Flow,
    Hypothesis, Integrity, Intent, Label, Mode, Objection, PermitId, Principal, PrincipalKind, Ruling, Tier,
    ToolName, Trajectory,
};
use serde_json::{Value, json};

use super::*;
use crate::declared;
use crate::env::Env;
use crate::load::{Overrides, load};
use crate::tree::Tree;

const TOOLS: &str = "server: bank\nlocal: true\ntools:\n  look: {tier: safe, effect: read, output: trusted}\n  mail: {tier: safe, effect: read}\n  \
     pay: {tier: guarded, effect: external, args: {iban: account, amount: amount}, amount_free: 20}\n  \
     wipe: {tier: dangerous, effect: destructive, args: {who: identifier}}\n";
const WORKFLOW: &str = "workflow: desk\npurpose: p\nowner: o\nmode: enforce\nacts:\n  bank.*: automated\n  bank.wipe:\n    \
     decides: {people: [boss], expires: 1h}\n    on_failure: f\n    way_back: w\n  bank.pay:\n    \
     decides: {people: [boss], expires: 1h}\n    on_failure: f\n    way_back: w\n";
/// Rules that read what the shipped ones do not: time, counters, tenant, release.
const RULES: &str = "@id(\"no-night-payments\") forbid (principal, action == Action::\"bank.pay\", resource)\n\
     when { context.now.toTime() < duration(\"6h\") };\n\
     @id(\"at-most-three\") forbid (principal, action == Action::\"bank.pay\", resource)\n\
     when { context.counters has calls_per_hour && context.counters.calls_per_hour >= 3 };\n\
     @id(\"north-only\") forbid (principal, action == Action::\"bank.pay\", resource)\n\
     unless { principal.tenant == \"north\" };\n";

fn tree() -> Tree {
    Tree::from_iter([
        ("plimsoll.yaml", "plimsoll: 1\nproject: p\nenvironment: test\n"),
        ("people.yaml", "people:\n  bo: {roles: [boss]}\nroles:\n  boss: {purpose: decides}\n"),
        ("tools/bank.yaml", TOOLS),
        ("workflows/desk.yaml", WORKFLOW),
        ("policies/more.cedar", RULES),
    ])
}

fn bundle(tree: &Tree) -> Arc<Bundle> {
    match load(tree, Env::empty(), &Overrides::default()) {
        Ok((bundle, _)) => Arc::new(bundle),
        Err(found) => panic!("{}", crate::render::text(&found, tree, false)),
    }
}

fn with(file: &str, old: &str, new: &str) -> Arc<Bundle> {
    let mut tree = tree();
    let text = tree.text(file).unwrap().to_owned();
    assert!(text.contains(old), "{file} does not say `{old}`");
    tree.insert(file, text.replace(old, new));
    bundle(&tree)
}

fn origin(argument: &str, role: ArgumentRole, chosen: bool) -> ArgumentOrigin {
    ArgumentOrigin {
        argument: argument.to_owned(),
        role,
        integrity: if chosen { Integrity::User } else { Integrity::Untrusted },
        chosen,
        authored: false,
        listed: false,
        unknown: !chosen,
        found: Vec::new(),
        more: 0,
        preview: None,
    }
}

/// An act as the path records it.
fn recorded(
    bundle: &Bundle,
    tool: &str,
    arguments: Value,
    change: impl FnOnce(&mut Facts, &mut Flow),
) -> Entry {
    let name = ToolName::new("bank", tool);
    let workflow = bundle.workflow("desk").unwrap();
    let (tier, effect, account) = declared::weight(bundle, &name);
    let act = Act {
        id: ActId(uuid(7)),
        door: Door::Llm,
        tool: name.clone(),
        arguments,
        schema: None,
        call_id: None,
    };
    let principal = Principal {
        id: "key:ada".to_owned(),
        kind: PrincipalKind::Agent,
        tenant: "north".to_owned(),
        roles: std::collections::BTreeSet::default(),
        on_behalf_of: None,
    };
    let mut facts = Facts {
        hypothesis: Hypothesis::Answer,
        terms: bundle.terms(workflow, &name),
        checks: declared::open_checks(bundle, &name),
        counters: [("calls_per_hour".to_owned(), 1)].into(),
        ..Facts::default()
    };
    let mut flow = Flow {
        origins: vec![
            origin("/iban", ArgumentRole::Account, true),
            origin("/amount", ArgumentRole::Amount, true),
        ],
        intent: Intent { asked: true, word: Some("pay".to_owned()), ..Intent::default() },
        ..Flow::default()
    };
    change(&mut facts, &mut flow);
    let trajectory = Trajectory { label: Label::of(Integrity::User), spans: 2, ..Trajectory::default() };
    let now: Timestamp = "2026-11-21T12:00:00.123456789Z".parse().unwrap();
    let release = bundle.id.to_string();
    let case = Case {
        principal: &principal,
        workflow: "desk",
        environment: "test",
        release: &release,
        mode: workflow.mode,
        act: &act,
        tier,
        effect,
        account,
        trajectory: &trajectory,
        flow: &flow,
        facts: &facts,
        now,
        permit: PermitId::nil(),
    };
    let act_digest = case.act_digest();
    let verdict = bundle.decide(workflow, &bundle.rules, &case);
    let permit = verdict.permit.as_ref().map(plimsoll_core::Permit::id);
    let judged = Judged {
        act_digest,
        tier,
        effect,
        mode: workflow.mode,
        environment: "test".to_owned(),
        account: Some(account),
        now: Some(now),
        ground: Some(bundle.kept.digest),
        redacted: 0,
        shortened: false,
        decision: verdict.decision,
        permit,
        origins: flow.origins,
        intent: flow.intent,
        payload: flow.payload,
        trajectory,
        facts,
        spans: Vec::new(),
        detail: Value::Null,
        act,
    };
    let body = if permit.is_some() { EntryBody::Intent } else { EntryBody::Decision };
    let entry = Entry {
        v: 1,
        id: uuid(8),
        at: now,
        request: "r".to_owned(),
        session: "s".to_owned(),
        workflow: "desk".to_owned(),
        release,
        trace: None,
        principal: Some(principal),
        seal: None,
        body: body(Box::new(judged)),
    };
    // As it comes back from the disk.
    serde_json::from_slice(&serde_json::to_vec(&entry).unwrap()).unwrap()
}

fn uuid(n: u8) -> uuid::Uuid {
    uuid::Uuid::from_bytes([n; 16])
}

fn pay(bundle: &Bundle) -> Entry {
    recorded(bundle, "pay", json!({ "iban": "DE02", "amount": 12.5 }), |_, _| {})
}

fn replay(entry: &Entry, bundle: &Bundle) -> Replayed {
    let (judged, passed) = judged(entry).unwrap();
    again(entry, judged, passed, bundle)
}

fn compare(entry: &Entry, recorded: &Arc<Bundle>, candidate: &Arc<Bundle>) -> Result<Compared, Unanswerable> {
    let (judged, passed) = judged(entry).unwrap();
    Candidate::new(Arc::clone(recorded), Arc::clone(candidate)).decide(entry, judged, passed)
}

/// What a candidate changes about an act, in a word.
fn change(entry: &Entry, recorded: &Arc<Bundle>, candidate: &Arc<Bundle>) -> String {
    match compare(entry, recorded, candidate) {
        Ok(compared) => compared.change().unwrap_or("nothing").to_owned(),
        Err(why) => format!("not replayable: {}", why.name()),
    }
}

#[test]
fn what_was_decided_is_decided_again() {
    let bundle = bundle(&tree());
    let stranger =
        |_: &mut Facts, flow: &mut Flow| flow.origins[0] = origin("/iban", ArgumentRole::Account, false);
    let entries = [
        (pay(&bundle), Ruling::Allow),
        (recorded(&bundle, "pay", json!({ "iban": "DE66", "amount": 500 }), stranger), Ruling::Refuse),
        (recorded(&bundle, "wipe", json!({ "who": "C-1" }), |_, _| {}), Ruling::Hold),
        (recorded(&bundle, "look", json!({}), |_, _| {}), Ruling::Allow),
    ];
    for (entry, ruling) in entries {
        assert_eq!(judged(&entry).unwrap().0.decision.ruling, ruling);
        assert_eq!(replay(&entry, &bundle), Replayed::Same);
    }
}

/// A number comes back from the disk as the number it was, to the last bit: an act is bound by its digest.
#[test]
fn numbers_survive_the_record() {
    let bundle = bundle(&tree());
    for amount in [
        0.1 + 0.2,
        1.0 / 3.0,
        123_456_789.123_456_79,
        9_007_199_254_740_993.0,
        1e-7,
        2.5e-8,
        4.35,
        1e22,
        1.1e23,
    ] {
        let entry = recorded(&bundle, "pay", json!({ "iban": "DE02", "amount": amount }), |_, _| {});
        assert_eq!(replay(&entry, &bundle), Replayed::Same, "{amount:e}");
    }
}

/// Every fact that a decision looks at, changed in the record: either another decision comes out, or it is said that
/// the fact is not what it was.
#[test]
fn a_planted_fact_is_found() {
    let bundle = bundle(&tree());
    let entry = serde_json::to_value(pay(&bundle)).unwrap();
    let planted = [
        ("/principal/tenant", json!("south"), "ruling"),
        ("/principal/id", json!("key:eve"), "altered"),
        ("/workflow", json!("other"), "altered"),
        ("/release", json!("sha256:00"), "altered"),
        ("/act/arguments/amount", json!(12.6), "altered"),
        ("/act/arguments", json!(null), "sealed"),
        ("/act/tool", json!("bank.wipe"), "altered"),
        ("/tier", json!("safe"), "ruling"),
        ("/mode", json!("suggest"), "ruling"),
        ("/now", json!("2026-11-21T03:00:00Z"), "ruling"),
        ("/now", json!(null), "older"),
        ("/origins/0/chosen", json!(false), "ruling"),
        ("/intent/asked", json!(false), "ruling"),
        ("/facts/counters/calls_per_hour", json!(3), "ruling"),
        ("/facts/hypothesis", json!({ "kind": "unknown" }), "ruling"),
        ("/facts/objections", json!([{ "code": "PLM-0300", "text": "too many" }]), "ruling"),
        (
            "/facts/stops",
            json!([{ "scope": "all", "reason": "r", "by": "b", "at": "2026-11-21T00:00:00Z" }]),
            "ruling",
        ),
        ("/redacted", json!(1), "redacted"),
        ("/shortened", json!(true), "shortened"),
        ("/decision/ruling", json!("refuse"), "ruling"),
        ("/decision/reasons/0/rule", json!("another"), "rules"),
        ("/decision/reasons/0/text", json!("in other words"), "reworded"),
        ("/kind", json!("decision"), "passage"),
    ];
    for (place, value, expected) in planted {
        let mut entry = entry.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        entry.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value.clone());
        let entry: Entry = serde_json::from_value(entry).unwrap_or_else(|error| panic!("{place}: {error}"));
        let found = match replay(&entry, &bundle) {
            Replayed::Same => "same",
            Replayed::Reworded => "reworded",
            Replayed::Differs(difference) => difference.of[0],
            Replayed::Missing(missing) => missing.name(),
        };
        assert_eq!(found, expected, "{place} = {value}");
    }
}

#[test]
fn a_candidate_is_compared_act_by_act() {
    let base = bundle(&tree());
    let pay = pay(&base);
    let wipe = recorded(&base, "wipe", json!({ "who": "C-1" }), |_, _| {});
    let look = recorded(&base, "look", json!({}), |_, _| {});
    let check = |entry: &Entry, file: &str, old: &str, new: &str, expected: &str| {
        assert_eq!(change(entry, &base, &with(file, old, new)), expected, "{file}: {old} -> {new}");
    };
    let (tools, workflow, rules) = ("tools/bank.yaml", "workflows/desk.yaml", "policies/more.cedar");
    assert_eq!(change(&pay, &base, &base), "nothing");
    let strict = with(rules, "== \"north\"", "== \"south\"");
    assert_eq!(change(&super::tests::pay(&strict), &strict, &base), "newly allowed");
    check(&pay, rules, "== \"north\"", "== \"south\"", "newly refused");
    check(&pay, workflow, "mode: enforce", "mode: suggest", "newly refused");
    check(&pay, tools, "pay: {tier: guarded", "pay: {tier: dangerous", "newly held");
    check(&wipe, workflow, "mode: enforce", "mode: observe", "newly allowed");
    check(&pay, tools, "iban: account, ", "", "not replayable: meaning");
    check(&look, tools, "output: trusted", "output: untrusted", "nothing");
    check(&look, tools, "  look: {tier: safe, effect: read, output: trusted}\n", "", "not replayable: tool");
    check(
        &pay,
        tools,
        "amount_free: 20",
        "amount_free: 20, check: [{name: c, call: bank.look, with: {x: $iban}, require: [\"amount <= result.total\"]}]",
        "not replayable: check",
    );
}

#[test]
fn what_a_conversation_had_seen_can_make_its_record_no_answer() {
    let base = bundle(&tree());
    let mut entry = recorded(&base, "look", json!({}), |_, _| {});
    let EntryBody::Intent(judged) = &mut entry.body else { panic!("it was allowed") };
    judged.trajectory.untrusted_tools = vec![ToolName::new("bank", "mail")];
    let trusting = with(
        "tools/bank.yaml",
        "mail: {tier: safe, effect: read}",
        "mail: {tier: safe, effect: read, output: trusted}",
    );
    assert_eq!(change(&entry, &base, &trusting), "not replayable: output");
}

#[test]
fn facts_of_the_release_are_the_candidates() {
    let base = bundle(&tree());
    let unlisted = recorded(&base, "pay", json!({ "iban": "DE02", "amount": 1 }), |facts, _| {
        let text = "workflow `desk` does not list `bank.pay`".to_owned();
        facts.objections.push(Objection { code: Code::NotInWorkflow, text });
    });
    // The record says so, the recorded release does not: what is not explained by the release stays.
    assert_eq!(change(&unlisted, &base, &base), "nothing");
    let approved = recorded(&base, "wipe", json!({ "who": "C-1" }), |facts, _| {
        let approvers = vec!["bo".to_owned()];
        facts.approval =
            Some(ApprovalFact { id: "ap-1".to_owned(), granted: true, denied: false, approvers });
        facts.checks = Vec::<CheckFact>::new();
    });
    assert_eq!(judged(&approved).unwrap().0.decision.ruling, Ruling::Allow);
    assert_eq!(
        change(&approved, &base, &with("workflows/desk.yaml", "expires: 1h", "expires: 2h")),
        "nothing"
    );
    let compared =
        compare(&approved, &base, &with("workflows/desk.yaml", "bank.*: automated", "bank.look: automated"))
            .unwrap();
    assert_eq!((compared.passed, compared.passes), (true, true));
    let (tier, effect, mode) = (Tier::Dangerous, Effect::Destructive, Mode::Enforce);
    let wiped = judged(&approved).unwrap().0;
    assert_eq!((wiped.tier, wiped.effect, wiped.mode), (tier, effect, mode));
}
