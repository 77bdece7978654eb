//! The judgement, case by case: one line says what stood in the case and what must come of it.
#![expect(clippy::panic, reason = "a test says so when its words are wrong")]

use std::collections::BTreeSet;

use jiff::Timestamp;
use plimsoll_core::case::RuleHit;
use plimsoll_core::{
    Account, Act, ActId, ApprovalFact, ApprovalTerms, ArgumentOrigin, ArgumentRole, Assume, Basis, Case,
    CheckFact, Code, Door, DriftKind, DriftPolicy, Drifted, Effect, Facts, Flow, Integrity, Judgement, Mode,
    Need, Objection, PermitId, Principal, PrincipalKind, Remedy, Rules, Ruling, Stop, StopScope, Tier,
    ToolName, Trajectory, decide, would_run,
};
use serde_json::json;
use uuid::Uuid;

/// Rules that ask for a set of things and permit when all of them are there.
#[derive(Default)]
struct Asks {
    check: bool,
    approval: bool,
    named: Option<&'static str>,
    /// That the user asked for it.
    asked: bool,
    /// Only for want of a name or an asking: an approval does as well.
    or_approval: bool,
    never: bool,
    /// A rule forbids it unless people approved it.
    bounded: bool,
    breaks: bool,
}

impl Rules for Asks {
    fn judge(&self, case: &Case<'_>, assume: &Assume) -> Judgement {
        if self.breaks {
            return Judgement { errors: vec!["overflow".to_owned()], ..Judgement::default() };
        }
        let checked = assume.checks || case.facts.checks.iter().all(|check| check.passed == Some(true));
        let approved =
            assume.approval || case.facts.approval.as_ref().is_some_and(|approval| approval.granted);
        let named = self.named.is_none_or(|argument| {
            let known =
                case.flow.origins.iter().any(|o| o.argument == argument && o.integrity >= Integrity::User);
            known || assume.named.iter().any(|name| name == argument)
        });
        let asked = !self.asked || case.flow.intent.asked || assume.asked;
        let said = (named && asked) || (self.or_approval && approved);
        let bounded = self.bounded && !approved;
        let permitted =
            !self.never && !bounded && (!self.check || checked) && (!self.approval || approved) && said;
        let rules = if permitted || self.never || bounded {
            vec![RuleHit { id: "rule".to_owned(), reason: None }]
        } else {
            Vec::new()
        };
        Judgement { permitted, rules, errors: Vec::new() }
    }
}

/// One case, in words: `mode tier fact fact …`.
fn with_case<T>(words: &str, then: impl FnOnce(&Case<'_>) -> T) -> T {
    let mut words_left = words.split(' ');
    let mode = match words_left.next() {
        Some("observe") => Mode::Observe,
        Some("suggest") => Mode::Suggest,
        _ => Mode::Enforce,
    };
    let tier = match words_left.next() {
        Some("safe") => Tier::Safe,
        Some("dangerous") => Tier::Dangerous,
        _ => Tier::Guarded,
    };
    let mut facts = Facts::default();
    for word in words_left {
        add(&mut facts, word);
    }
    let principal = Principal {
        id: "key:agent".to_owned(),
        kind: PrincipalKind::Agent,
        tenant: String::new(),
        roles: BTreeSet::new(),
        on_behalf_of: None,
    };
    let act = Act {
        id: ActId(Uuid::nil()),
        door: Door::Tool,
        tool: ToolName::new("desk", "pay"),
        arguments: json!({ "to": "acct-77" }),
        schema: None,
        call_id: None,
    };
    let flow = Flow {
        origins: vec![ArgumentOrigin {
            argument: "/to".to_owned(),
            role: ArgumentRole::Account,
            integrity: Integrity::Untrusted,
            chosen: false,
            authored: false,
            listed: false,
            unknown: false,
            found: Vec::new(),
            more: 0,
            preview: None,
        }],
        ..Flow::default()
    };
    let trajectory = Trajectory::default();
    let case = Case {
        principal: &principal,
        workflow: "support",
        environment: "test",
        release: "sha256:0",
        mode,
        act: &act,
        tier,
        effect: Effect::External,
        account: Account::Execute,
        trajectory: &trajectory,
        flow: &flow,
        facts: &facts,
        now: Timestamp::UNIX_EPOCH,
        permit: PermitId(Uuid::nil()),
    };
    then(&case)
}

fn check_run(words: &str, rules: &Asks, expected: bool) {
    assert_eq!(with_case(words, |case| would_run(rules, case)), expected, "{words}");
}

fn check(words: &str, rules: &Asks, expected: &str) {
    with_case(words, |case| check_case(words, case, rules, expected));
}

fn check_case(words: &str, case: &Case<'_>, rules: &Asks, expected: &str) {
    let verdict = decide(rules, case);
    let decision = &verdict.decision;
    let mut said = vec![decision.ruling.name().to_owned()];
    said.extend(decision.code.map(|code| code.id().to_owned()));
    said.extend(decision.needs.iter().map(|need| match need {
        Need::Check { .. } => "needs-check".to_owned(),
        Need::Approval(_) => "needs-approval".to_owned(),
    }));
    said.extend(decision.remedies.iter().filter_map(way));
    said.extend(verdict.permit.as_ref().map(|permit| match permit.basis() {
        Basis::Allowed => "permit".to_owned(),
        Basis::Observed => "permit:observed".to_owned(),
        Basis::Deferred => "permit:deferred".to_owned(),
    }));
    assert_eq!(said.join(" "), expected, "{words}");
    if let Some(permit) = verdict.permit {
        assert_eq!(*permit.act_digest(), case.act_digest(), "{words}: the permit is bound to the act");
        assert!(permit.expires_at() > case.now, "{words}");
    }
    assert!(!decision.reasons.is_empty(), "{words}: every decision has a reason");
}

fn way(remedy: &Remedy) -> Option<String> {
    match remedy {
        Remedy::NameValue { argument } => Some(format!("name:{argument}")),
        Remedy::AskFor { verb } => Some(format!("ask:{verb}")),
        Remedy::Together { all } => Some(all.iter().filter_map(way).collect::<Vec<_>>().join("+")),
        Remedy::AskApproval { .. } => Some("approval".to_owned()),
        _ => None,
    }
}

fn add(facts: &mut Facts, word: &str) {
    let approval = |granted, denied| {
        Some(ApprovalFact { id: "T-1".to_owned(), granted, denied, approvers: vec!["rosa".to_owned()] })
    };
    let checked = |passed| CheckFact { name: "within".to_owned(), passed, detail: String::new() };
    match word {
        "askable" => {
            facts.terms =
                Some(ApprovalTerms { roles: vec!["reviewer".to_owned()], quorum: 1, expires_after_s: 60 });
        }
        "asked" => facts.approval = approval(false, false),
        "approved" => facts.approval = approval(true, false),
        "denied" => facts.approval = approval(false, true),
        "unchecked" => facts.checks.push(checked(None)),
        "checked" => facts.checks.push(checked(Some(true))),
        "failed" => facts.checks.push(checked(Some(false))),
        "deferred" => facts.deferred = true,
        "drift" => facts.objections.push(Objection { code: Code::SchemaDrift, text: "changed".to_owned() }),
        "drift-alert" => facts.drifts.push(drifted(DriftPolicy::Alert)),
        "drift-hold" => facts.drifts.push(drifted(DriftPolicy::Hold)),
        "drift-refuse" => facts.drifts.push(drifted(DriftPolicy::Refuse)),
        "stopped" => facts.stops.push(Stop {
            scope: StopScope::All,
            reason: "test".to_owned(),
            by: "rosa".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }),
        other => panic!("unknown word {other}"),
    }
}

fn drifted(policy: DriftPolicy) -> Drifted {
    Drifted { of: DriftKind::Models, subject: "gpt".to_owned(), policy, text: "another answers".to_owned() }
}

#[test]
fn drift_only_makes_stricter() {
    let open = Asks::default();
    check("enforce guarded drift-alert", &open, "allow permit");
    check("enforce safe drift-hold", &open, "allow permit");
    check("enforce guarded drift-hold", &open, "refuse PLM-0404");
    check("enforce guarded askable drift-hold", &open, "hold PLM-0220 needs-approval approval");
    check("enforce guarded askable asked drift-hold", &open, "hold PLM-0220 needs-approval approval");
    check("enforce guarded askable approved drift-hold", &open, "allow permit");
    check("enforce guarded askable denied drift-hold", &open, "refuse PLM-0222");
    check(
        "enforce guarded askable deferred drift-hold",
        &open,
        "hold PLM-0220 needs-approval approval permit:deferred",
    );
    check("enforce guarded deferred drift-hold", &open, "refuse PLM-0404");
    check("enforce safe drift-refuse", &open, "refuse PLM-0404");
    check("enforce dangerous askable approved drift-refuse", &open, "refuse PLM-0404");
    check("enforce guarded drift-alert drift-hold drift-refuse", &open, "refuse PLM-0404");
    // What was refused or held anyway stays what it was, for its own reasons.
    let never = Asks { never: true, ..Asks::default() };
    check("enforce guarded askable drift-hold", &never, "refuse PLM-0200");
    let checks = Asks { check: true, ..Asks::default() };
    check("enforce guarded unchecked askable drift-hold", &checks, "hold PLM-0221 needs-check");
    check("enforce guarded unchecked drift-hold", &checks, "refuse PLM-0404");
    check("enforce guarded failed askable drift-hold", &checks, "refuse PLM-0230");
    check("enforce guarded drift drift-refuse", &open, "refuse PLM-0402");
    check("enforce guarded stopped drift-refuse", &open, "refuse PLM-0100");
    check("observe guarded drift-refuse", &open, "refuse PLM-0404 permit:observed");
    check("suggest guarded askable approved drift-hold", &open, "refuse PLM-0110");
    check_run("enforce guarded drift-hold", &open, false);
    check_run("enforce safe drift-refuse", &open, false);
    check_run("enforce safe drift-hold", &open, true);
}

#[test]
fn what_the_rules_permit_is_allowed() {
    let open = Asks::default();
    check("enforce safe", &open, "allow permit");
    check("enforce guarded", &open, "allow permit");
    check("suggest safe", &open, "allow permit");
    check("suggest guarded", &open, "refuse PLM-0110");
    check("suggest dangerous", &open, "refuse PLM-0110");
    check("suggest guarded deferred", &open, "allow permit");
}

#[test]
fn hold_is_what_a_check_or_an_approval_would_turn_into_allow() {
    let checks = Asks { check: true, ..Asks::default() };
    check("enforce guarded unchecked", &checks, "hold PLM-0221 needs-check");
    check("enforce guarded checked", &checks, "allow permit");
    check("enforce guarded failed askable", &checks, "refuse PLM-0230");
    let asks = Asks { approval: true, ..Asks::default() };
    check("enforce dangerous", &asks, "refuse PLM-0202");
    check("enforce dangerous askable", &asks, "hold PLM-0220 needs-approval approval");
    check("enforce dangerous askable asked", &asks, "hold PLM-0220 needs-approval approval");
    check("enforce dangerous askable approved", &asks, "allow permit");
    check("enforce dangerous askable denied", &asks, "refuse PLM-0222");
    let both = Asks { check: true, approval: true, ..Asks::default() };
    check("enforce dangerous unchecked askable", &both, "hold PLM-0220 needs-check needs-approval approval");
    check("enforce dangerous checked askable", &both, "hold PLM-0220 needs-approval approval");
    check("enforce dangerous checked askable approved", &both, "allow permit");
    check("enforce dangerous failed askable approved", &both, "refuse PLM-0230");
}

/// The named declassification: the decision says which rules nothing but the approval lifted.
#[test]
fn what_only_an_approval_lifts_is_told() {
    let lifted = |words: &str, rules: &Asks| {
        with_case(words, |case| {
            let told = decide(rules, case).decision.declassified;
            told.into_iter().map(|reason| reason.rule).collect::<Vec<_>>()
        })
    };
    let bounded = Asks { bounded: true, ..Asks::default() };
    check("enforce guarded askable", &bounded, "hold PLM-0220 needs-approval approval");
    check("enforce guarded askable approved", &bounded, "allow permit");
    assert_eq!(lifted("enforce guarded askable approved", &bounded), ["rule"]);
    assert_eq!(lifted("enforce guarded askable asked", &bounded), [""; 0], "nothing was lifted yet");
    let asks = Asks { approval: true, ..Asks::default() };
    assert_eq!(lifted("enforce dangerous askable approved", &asks), [""; 0], "no rule forbade it");
    let open = Asks::default();
    assert_eq!(lifted("enforce guarded askable approved", &open), [""; 0], "it was legal without");
}

#[test]
fn a_deferred_hold_is_shown_and_moves_nothing() {
    let asks = Asks { approval: true, ..Asks::default() };
    check(
        "enforce dangerous askable deferred",
        &asks,
        "hold PLM-0220 needs-approval approval permit:deferred",
    );
    check("enforce dangerous deferred", &asks, "refuse PLM-0202");
}

#[test]
fn untrusted_aim_is_refused_with_the_one_change_that_would_make_it_legal() {
    let named = Asks { named: Some("/to"), ..Asks::default() };
    check("enforce guarded", &named, "refuse PLM-0210 name:/to");
    check("enforce guarded askable", &named, "refuse PLM-0210 name:/to");
    let never = Asks { never: true, ..Asks::default() };
    check("enforce guarded askable", &never, "refuse PLM-0200");
}

#[test]
fn a_hold_says_what_the_user_could_say_instead() {
    let either = Asks { named: Some("/to"), or_approval: true, ..Asks::default() };
    check("enforce guarded askable", &either, "hold PLM-0220 needs-approval approval name:/to");
    check("enforce guarded askable approved", &either, "allow permit");
    let asked = Asks { asked: true, or_approval: true, ..Asks::default() };
    check("enforce guarded askable", &asked, "hold PLM-0220 needs-approval approval ask:pay");
    check(
        "enforce guarded askable deferred",
        &asked,
        "hold PLM-0220 needs-approval approval ask:pay permit:deferred",
    );
    // Neither alone would do: one way, of two parts.
    let both = Asks { asked: true, ..either };
    check("enforce guarded askable", &both, "hold PLM-0220 needs-approval approval name:/to+ask:pay");
    // Of a dangerous act people decide, whatever the user says.
    check("enforce dangerous askable", &both, "hold PLM-0220 needs-approval approval");
}

#[test]
fn what_is_offered_with_an_approval_says_so() {
    let both = Asks { named: Some("/to"), approval: true, ..Asks::default() };
    check("enforce guarded", &both, "refuse PLM-0202");
    check("enforce guarded askable", &both, "refuse PLM-0210 name:/to+approval");
    // A check that failed is not put right by words.
    let checked = Asks { named: Some("/to"), check: true, ..Asks::default() };
    check("enforce guarded unchecked", &checked, "refuse PLM-0210 name:/to");
    check("enforce guarded failed", &checked, "refuse PLM-0230");
}

#[test]
fn a_way_of_several_parts_is_one_sentence() {
    let name = |argument: &str| Remedy::NameValue { argument: argument.to_owned() };
    let ask = Remedy::AskFor { verb: "pay".to_owned() };
    let approval = Remedy::AskApproval { roles: vec!["treasurer".to_owned()], quorum: 1 };
    let sentence =
        |all: &[&Remedy]| Remedy::Together { all: all.iter().map(|way| (*way).clone()).collect() }.sentence();
    assert_eq!(
        sentence(&[&name("/iban"), &name("/amount"), &ask]),
        "let the user name the iban and the amount and ask for it in their own words, for example \"please pay …\""
    );
    assert_eq!(
        sentence(&[&name("/iban"), &approval]),
        "let the user name the iban in their own words, and ask for approval by 1 of: treasurer; then repeat the identical call"
    );
    assert!(sentence(&[&ask, &approval]).starts_with("let the user ask for it in their own words"));
}

#[test]
fn another_way_is_offered_only_if_it_would_run() {
    let open = Asks::default();
    check_run("enforce guarded", &open, true);
    check_run("suggest guarded", &open, false);
    check_run("suggest safe", &open, true);
    check_run("enforce guarded stopped", &open, false);
    check_run("enforce guarded drift", &open, false);
    let checks = Asks { check: true, ..Asks::default() };
    check_run("enforce guarded unchecked", &checks, true);
    check_run("enforce guarded failed", &checks, false);
    check_run("enforce guarded askable", &Asks { approval: true, ..Asks::default() }, false);
    check_run("enforce guarded", &Asks { breaks: true, ..Asks::default() }, false);
}

#[test]
fn values_are_named_one_by_one_and_lists_element_by_element() {
    let origin = |argument: &str| ArgumentOrigin {
        argument: argument.to_owned(),
        role: ArgumentRole::Recipient,
        integrity: Integrity::Untrusted,
        chosen: false,
        authored: false,
        listed: false,
        unknown: true,
        found: Vec::new(),
        more: 0,
        preview: None,
    };
    let all = ["/to/0", "/to/1", "/to", "/items/0/sku", "/items/*/sku", "/cc"].map(origin);
    let summed: Vec<&str> = all.iter().filter(|o| o.sums_up(&all)).map(|o| o.argument.as_str()).collect();
    assert_eq!(summed, ["/to", "/items/*/sku"]);
}

#[test]
fn errors_objections_and_stops_never_open() {
    let broken = Asks { breaks: true, ..Asks::default() };
    check("enforce safe", &broken, "refuse PLM-0201");
    check("enforce dangerous askable approved", &broken, "refuse PLM-0201");
    let open = Asks::default();
    check("enforce guarded drift", &open, "refuse PLM-0402");
    check("enforce guarded stopped", &open, "refuse PLM-0100");
    check("enforce safe stopped", &open, "allow permit");
    check("enforce guarded stopped drift", &open, "refuse PLM-0100");
}

#[test]
fn observe_decides_and_never_stops_but_for_the_kill_switch() {
    let asks = Asks { approval: true, ..Asks::default() };
    check("observe dangerous askable", &asks, "hold PLM-0220 needs-approval approval permit:observed");
    check("observe guarded drift", &asks, "refuse PLM-0402 permit:observed");
    check("observe safe", &Asks { breaks: true, ..Asks::default() }, "refuse PLM-0201 permit:observed");
    check("observe dangerous stopped", &Asks::default(), "refuse PLM-0100");
    assert_eq!(Ruling::Refuse.name(), "refuse");
}
