//! What the program itself holds to, and what a solver is told of requests.

use plimsoll_core::Assume;

use super::*;
use crate::diff::load_for_diff;
use crate::diff::reach::{Builder, Plan, side_of};

fn with(edits: &[(&str, &str)]) -> Tree {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diff/repo");
    let mut tree = Tree::read_dir(&dir).unwrap();
    for (file, text) in edits {
        tree.insert(*file, (*text).to_owned());
    }
    tree
}

#[test]
fn the_programs_own_laws_hold() {
    for law in laws() {
        assert_eq!(law.broken, None, "{}", law.id);
        assert!(law.cases > 1000, "{} {}", law.id, law.cases);
    }
}

/// What a solver is told about requests has to be true of every request that the engine builds.
#[test]
fn what_is_assumed_of_requests_holds_for_those_that_are_built() {
    let own = r#"@id("reads-all") forbid (principal, action, resource) when {
        context.mode == "x" && context.workflow == "x" && context.decides == "x" && context.approval.untrusted &&
        context.checks.declared > 9 && context.counters.calls_per_day > 9 && context.trajectory.integrity > 9 &&
        context.trajectory.tainted && context.trajectory.lethal && context.trajectory.spans > 9 &&
        context.flow.aimed > 9 && context.flow.proven > 9 && context.flow.targets > 99 && context.flow.chosen &&
        context.flow.authored && context.flow.listed && context.amount.hundredths > 9 && context.amount.within_free &&
        context.flow has recipient && context.flow.recipient > 9 && context.flow has account && context.flow.account > 9 &&
        context.flow has amount && context.flow.amount > 9 && context.flow has url && context.flow.url > 9 &&
        context.flow has path && context.flow.path > 9 && context.flow has identifier && context.flow.identifier > 9 &&
        context.flow has content && context.flow.content > 9 && principal.tenant == "x" };"#;
    let tree = with(&[("policies/more.cedar", own)]);
    let bundle = load_for_diff(&tree).unwrap();
    let book = bundle.rules.book();
    let (mut cases, mut acts) = (0, 0);
    for (workflow, flow) in &bundle.workflows {
        for name in flow.acts.keys() {
            let side = side_of(&bundle, &bundle.rules, &book, workflow, name).unwrap();
            let space = Builder::new(vec![&side], ["demo", "demo"]).build();
            acts += 1;
            let assumed = side.probe.assumed().unwrap();
            let mut tried = 0;
            Plan::about(&space, 300, |_, _| false).each(&mut |key: &[u16]| {
                tried += 1;
                if tried % 17 != 1 {
                    return;
                }
                let situation = space.at(key);
                for assume in
                    [Assume::default(), Assume { checks: true, approval: true, ..Assume::default() }]
                {
                    let is = side.with(&situation, |case| side.probe.is_as_assumed(&assumed, case, &assume));
                    assert_eq!(is, Ok(true), "{name} in {workflow}: {situation:#?}");
                    cases += 1;
                }
            });
        }
    }
    assert!(acts > 5 && cases > 300, "{acts} {cases}");
}
