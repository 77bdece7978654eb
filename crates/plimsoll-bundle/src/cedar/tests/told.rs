//! What was asked before is answered as it would be by an engine that never was.

use super::*;
use crate::cedar::told::TOLD_MAX;

const OWN: &str = r#"
@id("clerks") permit (principal, action == Action::"desk.read_order", resource)
when { principal.roles.contains("clerk") && context.counters.calls_per_minute < 3 };
@id("hours") forbid (principal, action == Action::"bank.pay", resource)
when { context.now < datetime("2027-01-15T08:00:00Z") };
@id("overflows") forbid (principal, action == Action::"desk.clear_cart", resource)
when { context.trajectory.spans * 9223372036854775807 > 3 };
"#;

/// Cases of which each differs from its neighbours in one thing.
fn cases() -> Vec<Given> {
    let called = |times: i64| {
        let mut read = given("desk.read_order", json!({ "order": "A-1" }));
        let names = ["calls_per_minute", "calls_per_hour", "calls_per_day", "amount_per_day"];
        read.facts.counters = names.map(|name| (name.to_owned(), times)).into();
        read
    };
    let mut guest = called(0);
    guest.principal.roles = BTreeSet::from(["guest".into()]);
    let mut service = called(0);
    service.principal.kind = PrincipalKind::Service;
    let mut other = called(0);
    other.workflow = "other";
    let mut wrong_tier = called(0);
    wrong_tier.tier = Some(Tier::Guarded);
    let pay = |amount: Value| given("bank.pay", json!({ "iban": "DE1", "amount": amount }));
    let named = pay(json!(12)).from("/iban", ArgumentRole::Account, Integrity::User);
    let approved = pay(json!(12)).approved();
    let clear = given("desk.clear_cart", json!({}));
    let mut clean = clear.clone();
    clean.seen = Integrity::User;
    let unreadable = given("desk.refund_order", json!({ "order": "A-1", "amount": "much" }));
    let refund = given("desk.refund_order", json!({ "order": "A-1", "amount": 1 }));
    let checked = refund.clone().checked("within-order", Some(true));
    let failed = refund.clone().checked("within-order", Some(false));
    vec![
        called(0),
        called(2),
        called(3),
        guest,
        service,
        other,
        wrong_tier,
        pay(json!(12)),
        pay(json!("12 EUR")),
        named,
        approved,
        clear,
        clean,
        unreadable,
        refund,
        checked,
        failed,
    ]
}

#[test]
fn answers_are_those_of_an_engine_that_was_never_asked() {
    let desk = Desk::new();
    let warm = desk.with(OWN);
    let judge = |given: &Given, engine: &Engine| (given.judged(&desk, engine), given.decided(&desk, engine));
    let cases: Vec<_> = cases().into_iter().map(|given| (judge(&given, &desk.with(OWN)), given)).collect();
    // There and back, so that each is asked after all others.
    for (fresh, given) in cases.iter().chain(cases.iter().rev()).chain(&cases) {
        assert_eq!(judge(given, &warm), *fresh, "{} {}", given.tool, given.args);
    }
}

#[test]
fn it_forgets_what_is_too_much() {
    let desk = Desk::new();
    let engine = desk.with(OWN);
    for times in 0..2 * TOLD_MAX as i64 {
        let mut read = given("desk.read_order", json!({ "order": "A-1" }));
        let names = ["calls_per_minute", "calls_per_hour", "calls_per_day", "amount_per_day"];
        read.facts.counters = names.map(|name| (name.to_owned(), times)).into();
        let rules = read.judged(&desk, &engine).rules;
        assert_eq!(rules.iter().any(|hit| hit.id == "clerks"), times < 3, "{times}: {rules:?}");
    }
    let slice = engine.slice("support", &name("desk.read_order")).unwrap();
    assert!(slice.told.len() <= TOLD_MAX);
}
