//! Proofs and trials on the repository of the seeded changes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use plimsoll_bundle::Tree;
use plimsoll_bundle::diff::load_for_diff;
use plimsoll_bundle::prove::{Assurance, Outcome, Proofs, Solver, prove, render};
use plimsoll_solver::Cvc5;

fn repo() -> Tree {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../plimsoll-bundle/tests/diff/repo");
    Tree::read_dir(&dir).unwrap()
}

/// The solver of this machine. A machine without one can't run these tests of it; `.ci/run` installs it.
fn solver() -> Option<Cvc5> {
    let found = Cvc5::find(std::env::var_os("CVC5"), std::env::var_os("PATH").as_deref());
    assert!(found.is_ok() || std::env::var_os("PLIMSOLL_NEEDS_CVC5").is_none(), "{found:?}");
    found.ok()
}

fn with(edits: &[(&str, &str)]) -> Tree {
    let mut tree = repo();
    for (file, text) in edits {
        tree.insert(*file, (*text).to_owned());
    }
    tree
}

fn asked(tree: &Tree, solver: Option<&Cvc5>) -> Proofs {
    let bundle = load_for_diff(tree).unwrap();
    let none = || "no solver was to be asked".to_owned();
    prove(&bundle, tree, solver.map(|solver| solver as &dyn Solver).ok_or_else(none)).unwrap()
}

fn outcome<'p>(proofs: &'p Proofs, id: &str) -> &'p Outcome {
    &proofs.invariants.iter().find(|proof| proof.invariant == id).unwrap().outcome
}

/// A repository with rules of its own instead of the shipped ones: nothing is plain any more.
const OWN: &str = r#"
@id("models") permit (principal, action in Action::"model", resource);
@id("safe") permit (principal, action in Action::"safe", resource);
@id("proven") permit (principal, action in Action::"guarded", resource)
when { context.flow.targets >= 1 && context.flow.proven >= 1 };
@id("approved") permit (principal, action in [Action::"guarded", Action::"dangerous"], resource)
when { context.approval.granted };
@id("no-stranger") forbid (principal, action in Action::"guarded", resource)
when { context.flow has recipient && context.flow.recipient == 0 }
unless { context.approval.granted && context.approval.untrusted };
"#;

const RECIPIENTS: &str = "untrusted-content-chooses-no-recipient";
const TRANSFERS: &str = "no-transfer-without-a-person";

#[test]
fn what_holds_is_proved_and_without_a_solver_never_called_so() {
    let tree = with(&[("policies/default.cedar", OWN), ("policies/own.cedar", "")]);
    let tried = asked(&tree, None);
    assert_eq!(*outcome(&tried, RECIPIENTS), Outcome::Tried);
    assert_eq!(tried.assurance(), Assurance::Tried);
    assert!(tried.invariants.iter().any(|proof| proof.cases > 100));
    let page = render::terminal(&tried);
    assert!(page.starts_with("tried, not proved"), "{page}");
    let Some(solver) = solver() else { return };
    let proved = asked(&tree, Some(&solver));
    assert_eq!(*outcome(&proved, RECIPIENTS), Outcome::Proved, "{}", render::terminal(&proved));
    assert_eq!(proved.assurance(), Assurance::Proved);
}

#[test]
fn what_is_broken_is_shown_by_a_request_with_and_without_a_solver() {
    // One rule short, and one too generous for one role after a hundred calls.
    let own = OWN.replace("context.flow.recipient == 0 }", "context.flow.recipient == 0 && !principal.roles.contains(\"boss\") }")
        .replace("context.flow.targets >= 1 &&", "context.flow.targets >= 1 && context.flow.proven >= 0 || context.counters.calls_per_day > 100 &&");
    let tree = with(&[("policies/default.cedar", &own), ("policies/own.cedar", "")]);
    for solver in [None, solver()] {
        let found = asked(&tree, solver.as_ref());
        let Outcome::Broken(counter) = outcome(&found, RECIPIENTS) else {
            panic!("{}", render::terminal(&found))
        };
        assert!(counter.who.contains("boss"), "{counter:?}");
        assert!(!counter.permitted_by.is_empty(), "{counter:?}");
        assert!(counter.given.iter().any(|given| given.contains("untrusted content")), "{counter:?}");
        assert_eq!(found.assurance(), Assurance::Broken);
    }
}

#[test]
fn a_net_that_others_need_not_is_proved_and_one_that_they_need_stands_alone() {
    for solver in [None, solver()] {
        let found = asked(&repo(), solver.as_ref());
        let Outcome::Alone(counter) = outcome(&found, TRANSFERS) else {
            panic!("{}", render::terminal(&found))
        };
        assert_eq!(counter.tool, "bank.transfer");
        let rule = r#"@id("people-transfer") forbid (principal, action == Action::"bank.transfer", resource)
            when { !context.approval.granted };"#;
        let found = asked(&with(&[("policies/more.cedar", rule)]), solver.as_ref());
        let expected = if solver.is_some() { Outcome::Proved } else { Outcome::Tried };
        assert_eq!(*outcome(&found, TRANSFERS), expected, "{}", render::terminal(&found));
    }
}

#[test]
fn a_policy_that_may_err_is_named_with_a_request() {
    let rule = r#"@id("in-measure") forbid (principal, action == Action::"bank.transfer", resource)
        when { context.counters.amount_per_day + context.amount.hundredths > 100000 };"#;
    let tree = with(&[("policies/more.cedar", rule)]);
    let tried = asked(&tree, None);
    assert_eq!(tried.erring.len(), 1, "{:?}", tried.erring);
    assert!(tried.erring[0].because.is_some());
    let Some(solver) = solver() else { return };
    let found = asked(&tree, Some(&solver));
    assert_eq!(found.erring.len(), 1, "{:?}", found.erring);
    assert!(found.erring[0].given.iter().any(|given| given.contains("amount")), "{:?}", found.erring);
    let careful = rule.replace(
        "context.counters.amount_per_day +",
        "context.counters.amount_per_day > 100000 || context.amount.hundredths > 100000 || \
         context.amount.hundredths > -100000 && context.counters.amount_per_day > -100000 && context.counters.amount_per_day +",
    );
    let found = asked(&with(&[("policies/more.cedar", &careful)]), Some(&solver));
    assert_eq!(found.erring, [], "{careful}");
}
