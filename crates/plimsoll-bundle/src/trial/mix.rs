//! How far two mixes of tools are apart.

use std::collections::BTreeMap;

/// Acts of each arm that a comparison of their mixes needs.
pub(super) const MIX_ACTS: u64 = 200;
/// Tools that are told apart; what is beyond counts as one.
pub(super) const MIX_TOOLS: usize = 256;

/// How often each tool was called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mix {
    counts: BTreeMap<String, u64>,
    pub(super) total: u64,
}

impl Mix {
    pub(super) fn add(&mut self, tool: &str) {
        let known = self.counts.contains_key(tool) || self.counts.len() < MIX_TOOLS;
        *self.counts.entry(if known { tool.to_owned() } else { String::new() }).or_default() += 1;
        self.total += 1;
    }
}

/// The Jensen-Shannon divergence of two mixes in bits: 0 when they are the same, 1 when they have nothing in common.
pub(super) fn divergence(a: &Mix, b: &Mix) -> f64 {
    if a.total == 0 || b.total == 0 {
        return 0.0;
    }
    let share =
        |mix: &Mix, tool: &str| mix.counts.get(tool).copied().unwrap_or_default() as f64 / mix.total as f64;
    let part = |p: f64, q: f64| if p > 0.0 { p * (p / f64::midpoint(p, q)).log2() } else { 0.0 };
    let tools = a.counts.keys().chain(b.counts.keys().filter(|tool| !a.counts.contains_key(*tool)));
    let sum: f64 = tools
        .map(|tool| {
            let (p, q) = (share(a, tool), share(b, tool));
            part(p, q) + part(q, p)
        })
        .sum();
    (sum / 2.0).clamp(0.0, 1.0)
}
