//! Facts as the policies see them: one condition, one case, whether it holds.

use super::*;

/// Whether the condition holds for the case; `Err` is what made it a refusal.
fn holds(condition: &str, given: &Given) -> Result<bool, String> {
    let desk = Desk::new();
    let text = format!(
        "@id(\"probe\") permit (principal, action == Action::\"{}\", resource) when {{ {condition} }};",
        given.tool
    );
    let judgement = given.judged(&desk, &desk.only(&text));
    match judgement.errors.first() {
        Some(error) => Err(error.clone()),
        None => Ok(judgement.permitted),
    }
}

fn pay(amount: Value) -> Given {
    given("bank.pay", json!({"iban": "DE1", "amount": amount}))
}

#[test]
fn each_fact_can_be_read() {
    let case =
        given("mail.send", json!({"to": ["a", "b"], "amount": 1.5, "count": 3, "strange \"name\"\n": "x"}))
            .from("/to/0", ArgumentRole::Recipient, Integrity::Operator)
            .from("/to/1", ArgumentRole::Recipient, Integrity::Trusted);
    for condition in [
        r#"context.mode == "enforce" && context.environment == "test" && context.workflow == "support""#,
        r#"context.release == "r1" && !context.deferred && context.decides == "automated""#,
        r#"context.now == datetime("2027-01-15T08:00:00Z")"#,
        "context.flow.aimed == 1 && context.flow has recipient && context.flow.recipient == 1",
        "!(context.flow has account) && !context.flow.unknown",
        "context.trajectory.integrity == 0 && context.trajectory.spans == 3",
        r#"!context.trajectory.classes.contains("payment") && !context.trajectory.untrusted_tools.contains("x.y")"#,
        "!context.approval.granted && context.checks.declared == 0 && context.checks.passed",
        "context.hypothesis.known && context.amount.hundredths == 0 && context.amount.within_free",
        r#"context.args has to && context.args.to.containsAll(["a", "b"]) && context.args.amount == decimal("1.5")"#,
        r#"context.args has count && context.args.count == 3 && !(context.args has urgent)"#,
        r#"context.args has "strange \"name\"\n" && context.args["strange \"name\"\n"] == "x""#,
        r#"principal is User && principal.tenant == "acme" && principal.roles.contains("clerk")"#,
        r#"principal.requester == "key:ada" && principal in Workflow::"support""#,
        r#"resource in Server::"mail" && resource.tier == "guarded" && resource.effect == "egress""#,
        r#"resource.account == "execute" && action in Action::"egress" && action in Action::"mail""#,
    ] {
        assert_eq!(holds(condition, &case), Ok(true), "{condition}");
    }
}

#[test]
fn an_act_is_aimed_as_well_as_its_worst_aiming_argument() {
    use ArgumentRole::{Account, Amount};
    let aimed = |level: i64, given: &Given| holds(&format!("context.flow.aimed == {level}"), given);
    assert_eq!(
        aimed(
            2,
            &pay(json!(1)).from("/iban", Account, Integrity::User).from(
                "/amount",
                Amount,
                Integrity::Untrusted
            )
        ),
        Ok(true)
    );
    // No origin was recorded for the account: found nowhere.
    assert_eq!(aimed(0, &pay(json!(1))), Ok(true));
    assert_eq!(
        holds(
            "context.flow.unknown && context.flow has account && context.flow.account == 0",
            &pay(json!(1))
        ),
        Ok(true)
    );
    // Nothing to aim at: what the model has seen.
    let mut clear = given("desk.clear_cart", json!({"amount": 0}));
    assert_eq!(aimed(0, &clear), Ok(true));
    clear.seen = Integrity::User;
    assert_eq!(aimed(2, &clear), Ok(true));
    // An origin that says `unknown` counts as untrusted, whatever level it also says.
    let mut lying = pay(json!(1)).from("/iban", Account, Integrity::Operator);
    lying.flow.origins[0].unknown = true;
    assert_eq!(aimed(0, &lying), Ok(true));
}

#[test]
fn supposing_changes_what_is_supposed_and_nothing_else() {
    let desk = Desk::new();
    let engine = desk.only(r#"@id("p") permit (principal, action == Action::"mail.send", resource)
        when { context.flow has recipient && context.flow.recipient == 2 && context.flow has url && context.flow.url == 0
            && context.flow.unknown && context.checks.passed && !context.approval.granted };"#);
    let case = given("mail.send", json!({"to": ["a"], "link": "x"})).from(
        "/to/0",
        ArgumentRole::Recipient,
        Integrity::Untrusted,
    );
    let judge = |assume: Assume| case.case(&desk, |case| engine.judge(case, &assume).permitted);
    assert!(!judge(Assume::default()));
    assert!(judge(Assume { named: vec!["/to/0".into()], ..Assume::default() }));
    assert!(!judge(Assume { named: vec!["/to/0".into()], approval: true, ..Assume::default() }));
    assert!(!judge(Assume { named: vec!["/to/0".into(), "/link".into()], ..Assume::default() }));
}

#[test]
fn naming_never_lowers() {
    let desk = Desk::new();
    let engine = desk.only(r#"@id("p") permit (principal, action == Action::"bank.pay", resource) when { context.flow.aimed == 3 };"#);
    let case = pay(json!(1)).from("/iban", ArgumentRole::Account, Integrity::Operator);
    let assume = Assume { named: vec!["/iban".into()], ..Assume::default() };
    assert!(case.case(&desk, |case| engine.judge(case, &assume).permitted));
}

#[test]
fn money_is_counted_in_hundredths_and_never_guessed() {
    let hundredths =
        |n: i64, amount: Value| holds(&format!("context.amount.hundredths == {n}"), &pay(amount));
    assert_eq!(hundredths(1250, json!(12.5)), Ok(true));
    assert_eq!(hundredths(1251, json!(12.501)), Ok(true));
    assert_eq!(hundredths(1250, json!("12.50")), Ok(true));
    assert_eq!(hundredths(0, Value::Null), Ok(true));
    for odd in
        [json!("all of it"), json!(1e300), json!(u64::MAX), json!({"value": 1}), json!([1]), json!(true)]
    {
        assert!(hundredths(0, odd.clone()).unwrap_err().contains("/amount"), "{odd}");
    }
    let refund = |amount: Value| {
        given("desk.refund_order", json!({"order": "A", "amount": amount}))
            .checked("within-order", Some(true))
    };
    let free = |amount: Value| holds("context.amount.within_free", &refund(amount));
    assert_eq!(free(json!(20)), Ok(true));
    assert_eq!(free(json!(20.001)), Ok(false));
    assert_eq!(free(json!(-1)), Ok(false), "a negative refund is a charge");
    assert_eq!(holds("context.amount.within_free", &pay(json!(0))), Ok(false), "nothing is declared free");
}

#[test]
fn a_check_counts_only_when_it_has_passed() {
    let refund = || given("desk.refund_order", json!({"order": "A", "amount": 1}));
    let passed = |given: Given| holds("context.checks.passed && context.checks.declared >= 1", &given);
    assert_eq!(passed(refund()), Ok(false), "declared by the release, not handed in");
    assert_eq!(passed(refund().checked("another", Some(true))), Ok(false));
    assert_eq!(passed(refund().checked("within-order", None)), Ok(false));
    assert_eq!(passed(refund().checked("within-order", Some(true))), Ok(true));
    assert_eq!(passed(refund().checked("within-order", Some(true)).checked("x", Some(false))), Ok(false));
}

#[test]
fn what_must_be_proven_holds_for_each_value() {
    use ArgumentRole::{Account, Amount, Identifier, Recipient, Time, Url};
    let mail = |to: Value| given("mail.send", json!({"to": to, "amount": 0}));
    let both = mail(json!(["a", "b"])).from("/to/0", Recipient, Integrity::User).lent("/to/1", Recipient);
    for (condition, case) in [
        ("context.flow.targets == 2 && context.flow.proven == 1 && context.flow.chosen", both.clone()),
        // What sums a list up is no further value, and does not keep an element from being named.
        ("context.flow.targets == 2 && context.flow.chosen", both.clone().lent("/to", Recipient)),
        // One bad element holds them all.
        (
            "context.flow.targets == 3 && context.flow.proven == 0 && !context.flow.chosen && !context.flow.listed",
            both.clone().nowhere("/to/2", Recipient),
        ),
        (
            "!context.flow.chosen && context.flow.proven == 0 && context.flow.targets == 2",
            mail(json!(["a", "b"])),
        ),
        // An empty list reaches nobody; an act that reaches nobody is worth what the model has seen.
        ("context.flow.targets == 0 && context.flow.chosen && context.flow.proven == 0", mail(json!([]))),
        ("context.flow.authored", mail(json!(["a"])).written("/to/0", Recipient, true)),
        (
            "context.flow.chosen && context.flow.proven == 0",
            mail(json!(["a"])).written("/to/0", Recipient, true),
        ),
        (
            "context.flow.authored && !context.flow.chosen",
            mail(json!(["a"])).written("/to/0", Recipient, false),
        ),
        // Nobody's text gives an account or an amount.
        ("!context.flow.authored && !context.flow.chosen", pay(json!(1)).written("/iban", Account, true)),
        ("context.flow.listed && !context.flow.chosen", mail(json!(["a"])).listed("/to/0", Recipient)),
        // A time counts as well as an aim, and an amount that is not free.
        ("context.flow.proven == 0 && context.flow.aimed == 1", both.clone().nowhere("/when", Time)),
        (
            "context.flow.targets == 2 && context.flow.proven == 0",
            pay(json!(1)).from("/iban", Account, Integrity::User).nowhere("/amount", Amount),
        ),
        (
            "context.flow.targets == 1 && context.flow.proven == 2",
            given("desk.refund_order", json!({"order": "A", "amount": 1}))
                .from("/order", Identifier, Integrity::User)
                .nowhere("/amount", Amount)
                .checked("within-order", Some(true)),
        ),
        (
            "!context.flow.chosen",
            given("web.fetch", json!({"link": "x", "amount": 0})).from("/link", Url, Integrity::Trusted),
        ),
    ] {
        assert_eq!(holds(condition, &case), Ok(true), "{condition}: {:?}", case.flow.origins);
    }
}

#[test]
fn others_are_whoever_is_not_the_asker() {
    let others = |given: Given| holds("context.flow.others", &given);
    let book = |to: Value| given("diary.book", json!({"to": to, "amount": 0}));
    assert_eq!(others(book(json!([]))), Ok(false), "her own");
    assert_eq!(others(book(json!("key:ada"))), Ok(false));
    assert_eq!(others(book(json!("Ada"))), Ok(false));
    assert_eq!(others(book(json!(["ada", "bo"]))), Ok(true));
    assert_eq!(others(pay(json!(1))), Ok(true), "by its effect");
    let mut agent = book(json!("ada"));
    agent.principal.on_behalf_of = Some("user:bo".into());
    assert_eq!(others(agent), Ok(true), "the person behind the request is another");
}

#[test]
fn data_goes_to_its_readers_only() {
    let outside = |readers: &[&str], given: Given| {
        let mut given = given;
        let readers = readers.iter().map(|reader| (*reader).to_owned()).collect();
        given.label.readers = plimsoll_core::Readers::Only(readers);
        holds("context.egress.outside", &given) == Ok(true)
    };
    let mail = |to: &str| given("mail.send", json!({"to": [to], "amount": 0}));
    let house = &["*@acme.example"];
    assert!(!outside(house, mail("bo@acme.example")) && !outside(house, mail("BO@ACME.EXAMPLE")));
    for to in [
        "bo@evil.example",
        "bo@acme.example.evil.example",
        "@acme.example",
        "acme.example",
        "bo@evil.example,x@acme.example",
        "eve, x@acme.example",
        "x@acme.example@evil.example",
    ] {
        assert!(outside(house, mail(to)), "{to}");
    }
    assert!(!outside(&["bo@acme.example"], mail("bo@acme.example")));
    assert!(outside(&["role:bo", "tenant:bo"], mail("bo")), "an address shows no role");
    assert!(!outside(&["user:bo"], mail("bo")) && !outside(&[], mail("ada")), "the asker has seen it");
    assert!(outside(&[], given("mail.send", json!({"to": [], "amount": 0}))), "to nobody knows whom");
    assert!(!outside(&[], given("web.fetch", json!({"link": "x", "amount": 0}))), "it only looks");
    assert_eq!(holds("context.egress.outside", &mail("bo@evil.example")), Ok(false), "anyone may read it");
}

#[test]
fn what_was_asked_carried_and_seen() {
    let plain = || given("mail.send", json!({"to": ["a"], "amount": 0}));
    let with = |change: fn(&mut Given)| {
        let mut given = plain();
        change(&mut given);
        given
    };
    assert_eq!(
        holds(
            "context.intent.asked && !context.payload.foreign && context.payload.classes.isEmpty() && \
             !context.payload.undictated && context.trajectory.tainted && !context.trajectory.lethal && \
             !context.approval.untrusted",
            &plain()
        ),
        Ok(true)
    );
    assert_eq!(holds("!context.intent.asked", &with(|g| g.flow.intent.asked = false)), Ok(true));
    assert_eq!(
        holds("context.payload.foreign", &with(|g| g.flow.payload.foreign = vec!["x".into()])),
        Ok(true)
    );
    assert_eq!(
        holds(
            r#"context.payload.classes.contains("card")"#,
            &with(|g| g.flow.payload.classes = ["card".to_owned()].into())
        ),
        Ok(true)
    );
    assert_eq!(holds("context.payload.undictated", &with(|g| g.flow.payload.undictated = true)), Ok(true));
    let lethal = with(|g| g.label.classes = ["card".to_owned()].into());
    assert_eq!(holds("context.trajectory.lethal", &lethal), Ok(true));
    let clean = Given { seen: Integrity::Trusted, ..lethal };
    assert_eq!(holds("!context.trajectory.lethal && !context.trajectory.tainted", &clean), Ok(true));
}

#[test]
fn people_may_approve_what_untrusted_content_chose_only_where_the_workflow_says_so() {
    let mut desk = Desk::new();
    let stranger = pay(json!(1)).from("/iban", ArgumentRole::Account, Integrity::Untrusted);
    let stranger = stranger.from("/amount", ArgumentRole::Amount, Integrity::User);
    assert_eq!(told(&stranger.decided(&desk, &desk.shipped())), "refuse origin untrusted-account");
    let mut tools = workflow("support", vec![name("bank.pay")]);
    tools.acts.values_mut().for_each(|act| act.untrusted = true);
    desk.workflows.insert("support".into(), Arc::new(tools));
    let held = stranger.decided(&desk, &desk.shipped());
    assert_eq!(told(&held), "hold approval origin untrusted-account");
    assert_eq!(told(&stranger.approved().decided(&desk, &desk.shipped())), "allow guarded-approved");
}
