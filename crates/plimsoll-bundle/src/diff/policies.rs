//! What is said about policies themselves, beside what they let happen: refusals in other words, and changes
//! that no tried case shows.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::Digest;
use serde_json::json;

use super::Diffing;
use super::change::Change;
use super::reach::Touched;
use super::rules;

impl Diffing<'_> {
    pub(super) fn policies(&mut self, touched: &Touched) {
        self.blind(touched);
        self.reasons();
        self.invariants(touched);
    }

    /// Changed policies that no case could show.
    fn blind(&mut self, touched: &Touched) {
        let mut told: BTreeMap<&Digest, BTreeSet<&str>> = BTreeMap::new();
        for (content, facts) in &touched.blind {
            told.entry(content).or_default().extend(facts.iter().map(String::as_str));
        }
        for (content, facts) in told {
            let (id, in_base) = touched.names.get(content).cloned().unwrap_or_default();
            let place = if in_base { self.at_base.policy(&id) } else { self.at_head.policy(&id) };
            let does = if in_base { "is gone or another" } else { "is new" };
            let facts: Vec<&str> = facts.into_iter().collect();
            let what =
                format!("the policy `{id}` {does}, and reads what is not varied here: {}", facts.join(", "));
            let side = if in_base { "base" } else { "head" };
            self.tell(Change::new(
                &rules::POLICY_BLIND,
                &[side],
                place,
                what,
                json!(facts),
                json!(content.to_string()),
            ));
        }
    }

    /// Sentences that refusals did not say before.
    fn reasons(&mut self) {
        let (base, head) = (self.base, self.head);
        let known: BTreeSet<&str> = base.rules.reasons().map(|(_, reason)| reason).collect();
        let new: BTreeMap<&str, &str> =
            head.rules.reasons().filter(|(_, reason)| !known.contains(reason)).collect();
        for (id, reason) in new {
            let was = base.rules.reasons().find(|(old, _)| *old == id).map(|(_, reason)| reason);
            let instead = was.map(|was| format!(", not \"{was}\"")).unwrap_or_default();
            let what = format!("`{id}` says \"{reason}\"{instead}");
            let place = self.at_head.policy(id);
            self.tell(Change::new(&rules::POLICY_REASON, &[], place, what, json!(was), json!(reason)));
        }
    }
}
