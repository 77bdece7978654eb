//! Without a solver: the cases of the behaviour diff, each asked of the engine under every assumption about
//! checks and people. It finds what is broken; it proves nothing.

use plimsoll_core::Assume;

use super::Counterexample;
use super::inquiry::Found;
use crate::cedar::{Invariant, Memo};
use crate::diff::reach::{Builder, Plan, SideAct, told_case};

/// The most cases of one act and one invariant.
const CASES_MAX: usize = 4_000;

/// What has happened by the time it is decided, beside the case itself.
const ASSUMED: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

pub(super) fn act(memo: &mut Memo, side: &SideAct<'_>, invariant: &Invariant, environment: &str) -> Found {
    let space = Builder::new(vec![side], [environment, environment]).build();
    let plan = Plan::about(&space, CASES_MAX, |_, dim| dim.matters_to(&side.probe, &invariant.content));
    let (mut cases, mut broken) = (0, None);
    plan.each(&mut |key: &[u16]| {
        if broken.is_some() {
            return;
        }
        let situation = space.at(key);
        for (checks, approval) in ASSUMED {
            cases += 1;
            let assume = Assume { checks, approval, ..Assume::default() };
            if side.with(&situation, |case| side.probe.breaches(memo, case, &assume, invariant)) {
                let permitted_by = side.with(&situation, |case| side.probe.permits_of(memo, case, &assume));
                broken = Some((key.to_vec(), assume, situation.arguments.clone(), permitted_by));
                return;
            }
        }
    });
    let Some((key, assume, arguments, permitted_by)) = broken else {
        return Found::Tried { cases, left_out: plan.cut(), because: None };
    };
    let (who, mut given) = told_case(&space, &key);
    given.push(if assume.approval { "people approved it" } else { "nobody approved it" }.to_owned());
    if side.tool.is_some_and(|tool| !tool.checks.is_empty()) {
        given.push(if assume.checks { "its checks passed" } else { "no check has passed yet" }.to_owned());
    }
    let (workflow, tool) = (side.workflow.to_owned(), side.name.to_string());
    Found::Broken(Counterexample { workflow, tool, who, arguments: Some(arguments), given, permitted_by })
}
