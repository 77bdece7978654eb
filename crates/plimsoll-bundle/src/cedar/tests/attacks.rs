//! Ways to make a policy fall away, and laws that no set of policies breaks.

use super::*;
use plimsoll_core::{Code, Ruling};

const LIMIT: &str = r#"@id("limit") forbid (principal, action, resource)
    when { context.counters.amount_per_day + context.amount.hundredths > 100000 };"#;

/// A payment that the shipped policies allow.
fn payment(amount: Value) -> Given {
    let mut given = given("bank.pay", json!({"iban": "DE1", "amount": amount}))
        .from("/iban", ArgumentRole::Account, Integrity::User)
        .from("/amount", ArgumentRole::Amount, Integrity::User);
    given.facts.counters.insert("amount_per_day".into(), 1);
    given
}

fn check(more: &str, given: &Given, expected: &str) {
    let desk = Desk::new();
    let decision = given.decided(&desk, &desk.with(more));
    let told = format!("{} {:?}", told(&decision), decision.reasons[0].text);
    assert!(told.contains(expected), "{expected} is not in {told}");
}

#[test]
fn an_overflow_switches_no_forbid_off() {
    check(LIMIT, &payment(json!(5)), "allow");
    check(LIMIT, &payment(json!(5000)), "refuse limit");
    let mut given = payment(json!(5));
    given.facts.counters.insert("amount_per_day".into(), i64::MAX);
    check(LIMIT, &given, "refuse policy-error");
    check(LIMIT, &payment(json!(92_233_720_368_547_758_i64)), "refuse limit");
    check(LIMIT, &payment(json!(9_223_372_036_854_775_807_i64)), "refuse policy-error");
}

#[test]
fn a_fact_that_is_not_there_switches_no_forbid_off() {
    let mut given = payment(json!(5));
    given.facts.counters.clear();
    check(LIMIT, &given, "`context.counters.amount_per_day` is not known");
    // Nobody reads the counters here, so nobody misses them.
    check("", &given, "allow");
}

#[test]
fn an_argument_that_can_not_be_represented_switches_no_forbid_off() {
    let few = r#"@id("few") forbid (principal, action in Action::"bank", resource)
        when { context.args has count && context.args.count > 3 };"#;
    let exact = r#"@id("exact") forbid (principal, action in Action::"bank", resource)
        when { context.args.amount.greaterThan(decimal("100.0")) };"#;
    let with = |count: Value| {
        let mut given = payment(json!(5));
        given.args["count"] = count;
        given
    };
    check(few, &with(json!(3)), "allow");
    check(few, &with(json!(3.0)), "allow");
    check(few, &with(json!(4)), "refuse few");
    for odd in [json!(1e19), json!(4.5), json!("4"), json!([4]), json!(null), json!(u64::MAX)] {
        check(few, &with(odd), "refuse policy-error");
    }
    check(exact, &payment(json!(99.9999)), "allow");
    check(exact, &payment(json!(1e17)), "refuse policy-error");
    let mut tiny = payment(json!(100.00001));
    check(exact, &tiny, "refuse policy-error");
    tiny.args = json!({"iban": "DE1"});
    check(exact, &tiny, "argument `amount` is required and absent");
}

#[test]
fn a_huge_string_is_refused_when_a_rule_reads_it_and_not_copied_when_none_does() {
    let note = r#"@id("note") forbid (principal, action in Action::"bank", resource)
        when { context.args has note && context.args.note like "*secret*" };"#;
    let mut given = payment(json!(5));
    given.args["note"] = json!("x".repeat(super::super::args::STRING_BYTES));
    check(note, &given, "allow");
    given.args["note"] = json!("x".repeat(super::super::args::STRING_BYTES + 1));
    check(note, &given, "refuse policy-error");
    check("", &given, "allow");
    given.args["to"] = json!(vec!["a"; super::super::args::LIST_LENGTH + 1]);
    let list = r#"@id("list") forbid (principal, action in Action::"bank", resource)
        when { context.args has to && context.args.to.contains("b") };"#;
    check(list, &given, "refuse policy-error");
}

#[test]
fn a_policy_that_errs_for_some_arguments_refuses_only_those() {
    let sum = r#"@id("sum") forbid (principal, action in Action::"bank", resource)
        when { context.args has count && context.args.count * 2 > 10 };"#;
    let mut given = payment(json!(5));
    for (count, expected) in [(1, "allow"), (6, "refuse sum"), (i64::MAX, "refuse policy-error")] {
        given.args["count"] = json!(count);
        check(sum, &given, expected);
    }
}

#[test]
fn no_name_a_caller_chooses_becomes_syntax() {
    for id in [
        "\"; permit(principal, action, resource); //",
        "",
        "\u{0}\u{202e}",
        "User::\"x\"",
        &"x".repeat(1 << 20),
    ] {
        let mut given = payment(json!(5));
        given.principal.id = id.into();
        given.principal.tenant = id.into();
        given.principal.roles = BTreeSet::from([id.into()]);
        check(
            r#"@id("t") forbid (principal, action, resource) when { principal.tenant == "none" };"#,
            &given,
            "allow",
        );
    }
}

#[test]
fn what_the_release_does_not_know_is_not_permitted() {
    let desk = Desk::new();
    let engine = desk.shipped();
    let mut unlisted = given("desk.read_order", json!({}));
    unlisted.workflow = "nowhere";
    for given in [given("desk.nothing", json!({})), given("model.other", json!({})), unlisted] {
        assert_eq!(given.judged(&desk, &engine), Judgement::default());
        assert_eq!(given.decided(&desk, &engine).code, Some(Code::NotPermitted));
    }
    assert_eq!(given("model.gpt", json!({})).judged(&desk, &Engine::default()), Judgement::default());
    let mut lied = given("crm.delete_customer", json!({"customer": "1"}));
    lied.tier = Some(Tier::Safe);
    assert_eq!(lied.decided(&desk, &engine).code, Some(Code::PolicyError));
}

/// The default policies, one by one.
fn statements() -> Vec<String> {
    let text: String = super::super::DEFAULT_POLICIES
        .lines()
        .filter(|l| !l.starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    text.split_inclusive(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

/// Every case of the grid, so that a law is about the same cases that people see.
fn rulings(desk: &Desk, engine: &Engine) -> Vec<(Given, Ruling)> {
    grid::cases().into_iter().map(|(_, given)| (given.clone(), given.decided(desk, engine).ruling)).collect()
}

#[test]
fn without_any_one_permit_nothing_more_is_allowed() {
    let desk = Desk::new();
    let before = rulings(&desk, &desk.shipped());
    let all = statements();
    for dropped in all.iter().filter(|s| s.contains("permit (")) {
        let rest: Vec<&str> = all.iter().filter(|s| *s != dropped).map(String::as_str).collect();
        let after = rulings(&desk, &desk.only(&rest.join("\n")));
        for ((given, was), (_, is)) in before.iter().zip(after) {
            assert!(is != Ruling::Allow || *was == Ruling::Allow, "{} without {dropped}", given.tool);
        }
    }
}

#[test]
fn no_subset_of_the_default_policies_allows_a_dangerous_act_by_itself() {
    let desk = Desk::new();
    let all = statements();
    let open = r#"@id("open") permit (principal, action, resource);"#;
    let dangerous: Vec<Given> =
        grid::cases().into_iter().map(|(_, given)| given).filter(|g| g.tool.server == "crm").collect();
    // Every subset of one size matters less than the extremes: none, each alone, all but each, all.
    let mut sets: Vec<Vec<&String>> = vec![vec![], all.iter().collect()];
    sets.extend(all.iter().map(|one| vec![one]));
    sets.extend(all.iter().map(|out| all.iter().filter(|s| *s != out).collect()));
    for set in sets {
        let text: Vec<&str> = set.iter().map(|s| s.as_str()).chain([open]).collect();
        let engine = desk.only(&text.join("\n"));
        for given in &dangerous {
            let approved = given.facts.approval.as_ref().is_some_and(|a| a.granted);
            let allowed = given.decided(&desk, &engine).ruling == Ruling::Allow;
            assert!(!allowed || approved, "{} with {} rules", given.tool, set.len());
        }
    }
}

#[test]
fn the_invariants_can_not_be_dropped_or_renamed_away() {
    let desk = Desk::new();
    let open = r#"@id("open") permit (principal, action, resource);"#;
    let delete = given("crm.delete_customer", json!({"customer": "1"}))
        .from("/customer", ArgumentRole::Identifier, Integrity::User)
        .checked("is-closed", Some(true));
    let empty = ("policies/invariants.cedar", "");
    let engine = desk.compile(&[empty, (DEFAULT_PATH, open)]).unwrap();
    assert_eq!(told(&delete.decided(&desk, &engine)), "hold approval");
    let taken = open.replace("open", "dangerous-needs-approval");
    assert_eq!(desk.compile(&[(DEFAULT_PATH, &taken)]).unwrap_err()[0].id, "cedar/duplicate-id");
}
