//! What `plimsoll explain` can say about a refusal.

use super::*;

fn check(given: &Given, expected: &[&str]) {
    let desk = Desk::new();
    let near = given.case(&desk, |case| desk.shipped().nearest(case));
    let near: Vec<String> = near.iter().map(|n| format!("{}: {}", n.rule, n.missing.join("; "))).collect();
    assert_eq!(near, expected);
}

#[test]
fn the_permits_that_could_have_spoken() {
    let clear = || given("desk.clear_cart", json!({"amount": 1}));
    check(
        &clear().unknown(),
        &[
            "guarded-approved: an approval of this exact act",
            "guarded-asked-and-told: a known model answer that proposed this call; a value that can be proven",
            "guarded-asked-and-chosen: a known model answer that proposed this call; \
             each value that must be proven taken from a trusted source; \
             a value that can be proven, or a model that has seen nothing untrusted",
            "guarded-look: a tool that only looks; a known model answer that proposed this call; \
             a value that can be proven",
            "guarded-asked-and-checked: a known model answer that proposed this call; \
             a value that can be proven; each value that must be proven taken from a trusted source; \
             a check against a system of record",
            "guarded-asked-and-listed: a tool that changes what the house shares; \
             a known model answer that proposed this call; a value that can be proven; \
             each value that must be proven taken from a trusted source",
        ],
    );
    check(&given("desk.read_order", json!({})), &[]);
    check(&given("nobody.knows", json!({})), &[]);
    check(
        &given("crm.delete_customer", json!({})),
        &["dangerous-approved: an approval of this exact act; every declared check passed"],
    );
}

#[test]
fn other_conditions_are_said_in_cedar() {
    let desk = Desk::new();
    let engine = desk.only(
        r#"@id("p") permit (principal is Agent, action in Action::"desk", resource)
           when { context.hypothesis.known && context.trajectory.spans < 2 } unless { context.deferred || principal.tenant == "acme" };"#,
    );
    let near = given("desk.read_order", json!({})).case(&desk, |case| engine.nearest(case));
    assert_eq!(
        near[0].missing,
        [
            "permit( principal is Agent, action in [Action::\"desk\"], resource );",
            "context.trajectory.spans < 2",
            "!(context.deferred || (principal.tenant == \"acme\"))"
        ]
    );
}

#[test]
fn in_a_workflow_where_people_decide_a_safe_act_is_held() {
    let mut desk = Desk::new();
    let mut tools = workflow("support", vec![name("desk.read_order")]);
    tools.acts.values_mut().for_each(|act| act.decides = Decider::People(terms()));
    desk.workflows.insert("support".into(), Arc::new(tools));
    let read = given("desk.read_order", json!({}));
    assert_eq!(told(&read.decided(&desk, &desk.shipped())), "hold approval people-decide");
    assert_eq!(told(&read.approved().decided(&desk, &desk.shipped())), "allow safe-acts");
}
