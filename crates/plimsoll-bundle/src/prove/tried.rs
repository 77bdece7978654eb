//! Without a solver: the cases of the behaviour diff, each asked of the engine under every assumption about
//! checks and people. It finds what is broken; it proves nothing.

use super::Counterexample;
use super::inquiry::Found;
use crate::cedar::{Assumed, Invariant, Memo};
use crate::diff::reach::{Builder, Plan, Sheet, SideAct, told_case};

/// The most cases of one act and one invariant.
const CASES_MAX: usize = 4_000;

pub(super) fn act(memo: &mut Memo, side: &SideAct<'_>, invariant: &Invariant, environment: &str) -> Found {
    let space = Builder::new(vec![side], [environment, environment]).build();
    let plan = Plan::about(&space, CASES_MAX, |_, dim| dim.matters_to(&side.probe, &invariant.content));
    let mut sheet = Sheet::new(memo, &space, side);
    let (mut cases, mut broken) = (0, None);
    plan.each(&mut |key: &[u16]| {
        if broken.is_some() {
            return;
        }
        cases += Assumed::ALL.len();
        if let Some(assumed) = sheet.breaches(memo, key, invariant).first() {
            broken = Some((key.to_vec(), assumed, sheet.permits(memo, assumed)));
        }
    });
    let Some((key, assumed, permitted_by)) = broken else {
        return Found::Tried { cases, left_out: plan.cut(), because: None };
    };
    let (who, mut given) = told_case(&space, &key);
    given.push(if assumed.approval() { "people approved it" } else { "nobody approved it" }.to_owned());
    if side.tool.is_some_and(|tool| !tool.checks.is_empty()) {
        given.push(if assumed.checks() { "its checks passed" } else { "no check has passed yet" }.to_owned());
    }
    let (workflow, tool) = (side.workflow.to_owned(), side.name.to_string());
    let arguments = Some(space.at(&key).arguments);
    Found::Broken(Counterexample { workflow, tool, who, arguments, given, permitted_by })
}
