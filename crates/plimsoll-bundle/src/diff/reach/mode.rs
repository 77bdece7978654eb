//! What a looser mode lets happen: the decisions stay what they were, and something comes of them.

use plimsoll_core::{Mode, Tier, ToolName};

use super::tell::{decided, simplest, told_case};
use super::{Builder, Judge, Key, Plan, Sheet, SideAct, Space, side};
use crate::cedar::{Memo, Reach};
use crate::diff::change::Example;
use crate::diff::{Diffing, ticked};

/// Cases of an act in which one is looked for that shows it.
const LOOKED_MAX: usize = 2_000;

impl Diffing<'_> {
    /// The acts of a workflow that come of their decisions now, and a request for the gravest.
    pub(in crate::diff) fn lets_happen(
        &self,
        workflow: &str,
        was: Mode,
        is: Mode,
    ) -> (Option<String>, Option<Example>) {
        let tier = |name: &ToolName| self.head.find_tool(name).map_or(Tier::Safe, |tool| tool.tier);
        let acts = self.head.workflows.get(workflow).into_iter().flat_map(|workflow| workflow.acts.keys());
        let mut acts: Vec<&ToolName> = acts.filter(|name| tier(name) > Tier::Safe).collect();
        acts.sort_by_key(|name| std::cmp::Reverse(tier(name)));
        let does = match is {
            Mode::Observe => "done whatever is decided",
            _ => "done when it is decided so, and no longer only proposed",
        };
        let told = (!acts.is_empty()).then(|| format!("{does}: {}", ticked(&acts)));
        let book = self.head.rules.book();
        let shown = acts.into_iter().find_map(|name| {
            let act = side(self.head, &book, workflow, name)?;
            self.shows(&act, was, is)
        });
        (told, shown)
    }

    /// A request that goes otherwise under another mode.
    fn shows(&self, act: &SideAct<'_>, was: Mode, is: Mode) -> Option<Example> {
        let environments = [self.base.project.environment.as_str(), self.head.project.environment.as_str()];
        let space = Builder::new(vec![act], environments).build();
        let keys = cases(&space, act, |reach| match is {
            Mode::Observe => reach < Reach::Free,
            _ => reach > Reach::Refused,
        });
        // What shows most: that a refusal no longer stops it, or how far it gets now.
        let key = simplest(&space, if is == Mode::Observe { keys.first()? } else { keys.last()? });
        let situation = space.at(&key);
        let (who, given) = told_case(&space, &key);
        let decision = decided(self.head, act, &situation);
        let comes = |mode: Mode| match mode {
            Mode::Observe => "and done all the same",
            Mode::Suggest => "and only proposed",
            Mode::Enforce => "and so it goes",
        };
        Some(Example {
            who: format!("{who} in {}", act.workflow),
            tool: act.name.to_string(),
            arguments: situation.arguments.clone(),
            given,
            before: format!("{decision}, {}", comes(was)),
            after: format!("{decision}, {}", comes(is)),
        })
    }
}

/// The cases that get so far, by how far, the least first.
fn cases(space: &Space, act: &SideAct<'_>, wanted: impl Fn(Reach) -> bool) -> Vec<Vec<Key>> {
    let mut memo = Memo::default();
    let (mut sheet, mut judge) = (Sheet::new(&mut memo, space, act), Judge::new(act));
    let mut found: std::collections::BTreeMap<Reach, Vec<Key>> = std::collections::BTreeMap::new();
    Plan::about(space, LOOKED_MAX, |_, _| false).each(&mut |key: &[u16]| {
        let reach = judge.reach(&mut memo, &mut sheet, key);
        if wanted(reach) {
            found.entry(reach).or_default().push(key.to_vec());
        }
    });
    found.into_values().collect()
}
