//! The observed effect of a change: acts on record, decided by BASE and by HEAD, and where the two differ.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use plimsoll_bundle::Bundle;
use plimsoll_bundle::replay::Compared;
use plimsoll_gateway::Lens;
use serde_json::{Value, json};

use super::changes::{KINDS, Line, each};
use super::{Asked, Grounds, many, some};
use crate::talk::Error;

/// What BASE and HEAD decide about recorded acts.
#[derive(Debug, Default)]
pub struct Observed {
    sessions: usize,
    /// Acts that both could decide.
    decided: usize,
    /// Kind → (tool, rule) → entries.
    changes: BTreeMap<&'static str, BTreeMap<(String, String), Vec<u64>>>,
    /// Why one of them could not → entries.
    open: BTreeMap<String, Vec<u64>>,
}

impl Observed {
    /// `sessions`: only so many, the last that are on record.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn of(
        state: &Path,
        lens: &Lens,
        sessions: Option<usize>,
        base: Bundle,
        head: Bundle,
    ) -> Result<Self, Error> {
        let grounds = Grounds::of(state.to_owned());
        let (ledger, asked) = (state.join("ledger"), Asked::default());
        let mut before: HashMap<u64, Line> = HashMap::new();
        each(&ledger, lens, &asked, &grounds, base, |line| {
            before.insert(line.seq, line);
        })?;
        let wanted = last(&before, sessions);
        let mut observed = Self { sessions: wanted.len(), ..Self::default() };
        each(&ledger, lens, &asked, &grounds, head, |after| {
            if let Some(before) = before.remove(&after.seq).filter(|line| wanted.contains(&line.session)) {
                observed.add(before, after);
            }
        })?;
        Ok(observed)
    }

    fn add(&mut self, before: Line, after: Line) {
        let (was, is) = match (before.compared, after.compared) {
            (Ok(was), Ok(is)) => (was, is),
            (Err(why), _) | (_, Err(why)) => {
                self.open.entry(why.to_string()).or_default().push(after.seq);
                return;
            }
        };
        self.decided += 1;
        let both = Compared { before: was.after, after: is.after, passed: was.passes, passes: is.passes };
        if let Some(kind) = both.change() {
            let by = (after.tool, both.rule());
            self.changes.entry(kind).or_default().entry(by).or_default().push(after.seq);
        }
    }

    pub fn json(&self) -> Value {
        let list = |by: &BTreeMap<(String, String), Vec<u64>>| -> Vec<Value> {
            by.iter()
                .map(|((tool, rule), entries)| json!({ "tool": tool, "rule": rule, "entries": entries }))
                .collect()
        };
        let changes: serde_json::Map<String, Value> =
            self.changes.iter().map(|(kind, by)| (kind.replace(' ', "_"), json!(list(by)))).collect();
        let open: Vec<Value> =
            self.open.iter().map(|(why, entries)| json!({ "why": why, "entries": entries })).collect();
        json!({ "sessions": self.sessions, "decided": self.decided, "changes": changes, "not_replayable": open })
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "observed: {} of {} decided by both sides",
            many(self.decided, "act"),
            many(self.sessions, "session")
        );
        text.push_str(if self.changes.is_empty() { ", all the same\n" } else { "\n" });
        for kind in KINDS {
            for ((tool, rule), entries) in self.changes.get(kind).into_iter().flatten() {
                let rule = if rule.is_empty() { String::new() } else { format!(" by {rule}") };
                let _ = writeln!(
                    text,
                    "  {kind}: {tool}{rule}, {}: {}",
                    many(entries.len(), "act"),
                    some(entries)
                );
            }
        }
        for (why, entries) in &self.open {
            let _ = writeln!(text, "  not replayable: {why}: {}", some(entries));
        }
        text
    }
}

/// The sessions whose last acts are the latest.
fn last(lines: &HashMap<u64, Line>, sessions: Option<usize>) -> BTreeSet<String> {
    let mut latest: HashMap<&str, u64> = HashMap::new();
    for line in lines.values() {
        let seq = latest.entry(&line.session).or_default();
        *seq = line.seq.max(*seq);
    }
    let mut latest: Vec<(u64, &str)> = latest.into_iter().map(|(session, seq)| (seq, session)).collect();
    latest.sort_unstable_by(|a, b| b.cmp(a));
    latest.into_iter().take(sessions.unwrap_or(usize::MAX)).map(|(_, session)| session.to_owned()).collect()
}
