//! The same limits over one stretch of time that lies inside every window, for measuring a policy on conversations
//! that say nothing about time. Nobody else is thought to have used anything up.

use std::collections::BTreeMap;

use plimsoll_bundle::{Limit, LimitMeasure, Workflow};
use plimsoll_core::{Act, ArgumentOrigin, Objection, ToolName};

use super::{amount_hundredths, objection};

/// What went through so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Calls and amounts in hundredths, by tool.
    used: BTreeMap<ToolName, (i64, i64)>,
}

impl Tally {
    /// The first limit that one more act would exceed.
    pub fn objection(&self, workflow: &Workflow, act: &Act, origins: &[ArgumentOrigin]) -> Option<Objection> {
        let covers = |limit: &&Limit| limit.tool.as_ref().is_none_or(|tool| *tool == act.tool);
        workflow.limits.iter().filter(covers).find_map(|limit| {
            let tools = self.used.iter().filter(|(tool, _)| limit.tool.as_ref().is_none_or(|of| of == *tool));
            let (used, wanted) = match limit.measure {
                LimitMeasure::Calls => (tools.map(|(_, (calls, _))| calls).sum(), 1),
                LimitMeasure::Amount => {
                    let used = tools.fold(0_i64, |sum, (_, (_, amount))| sum.saturating_add(*amount));
                    (used, amount_hundredths(act, origins))
                }
            };
            (i64::saturating_add(used, wanted) > limit.at_most).then(|| objection(limit, used, wanted))
        })
    }

    /// What rules may compare.
    pub fn counters(&self, tool: &ToolName) -> BTreeMap<String, i64> {
        let (calls, amount) = self.used.get(tool).copied().unwrap_or_default();
        let windows = ["calls_per_minute", "calls_per_hour", "calls_per_day"].map(|name| (name, calls));
        let all = windows.into_iter().chain([("amount_per_day", amount)]);
        all.map(|(name, count)| (name.to_owned(), count)).collect()
    }

    /// Counts an act that went through.
    pub fn count(&mut self, act: &Act, origins: &[ArgumentOrigin]) {
        let (calls, amount) = self.used.entry(act.tool.clone()).or_default();
        *calls += 1;
        *amount = amount.saturating_add(amount_hundredths(act, origins));
    }
}
