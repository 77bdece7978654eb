//! What a release that serves nobody would have decided, act by act, from what the live one wrote down.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_bundle::Bundle;
use plimsoll_bundle::replay::{Candidate, Compared, Unanswerable};
use plimsoll_core::{Entry, EntryBody, Judged, ReleaseFigure, ToolName};
use serde::Serialize;

/// Differences that are listed; further ones are counted.
pub const DIFFERENCES_MAX: usize = 200;

/// One act that the shadow would have decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub seq: u64,
    pub at: Timestamp,
    pub tool: String,
    pub workflow: String,
    /// `newly allowed`, `newly refused`, `newly held`, `for another reason`.
    pub change: String,
    /// The rule that makes the difference.
    pub rule: String,
}

/// The comparison so far.
#[derive(Debug)]
pub(crate) struct Shadow {
    candidate: Candidate,
    live: String,
    /// Acts that both releases decided.
    pub decided: u64,
    /// Acts of which the record can't say what the shadow would have decided, by why.
    pub unanswerable: BTreeMap<&'static str, u64>,
    /// How often each change came up.
    pub changes: BTreeMap<&'static str, u64>,
    pub differences: Vec<Difference>,
}

impl Shadow {
    pub(super) fn new(live: &Arc<Bundle>, shadow: &Arc<Bundle>) -> Self {
        Self {
            candidate: Candidate::new(Arc::clone(live), Arc::clone(shadow)),
            live: live.id.to_string(),
            decided: 0,
            unanswerable: BTreeMap::new(),
            changes: BTreeMap::new(),
            differences: Vec::new(),
        }
    }

    /// Takes in an entry of the record, opened.
    pub(crate) fn see(&mut self, seq: u64, entry: &Entry) {
        let (judged, passed) = match &entry.body {
            EntryBody::Intent(judged) => (judged, true),
            EntryBody::Decision(judged) => (judged, false),
            _ => return,
        };
        if entry.release != self.live {
            return;
        }
        match self.compare(entry, judged, passed) {
            Ok(compared) => self.compared(seq, entry, judged, &compared),
            Err(why) => *self.unanswerable.entry(why).or_default() += 1,
        }
    }

    fn compare(&self, entry: &Entry, judged: &Judged, passed: bool) -> Result<Compared, &'static str> {
        let decided = self.candidate.decide(entry, judged, passed).map_err(|why: Unanswerable| why.name())?;
        // It decides about the question alike; what the model would answer to another prompt nobody knows.
        match judged.act.tool.server == ToolName::MODEL && self.has_changed(judged) {
            true => Err("prompt"),
            false => Ok(decided),
        }
    }

    /// Whether the model was asked with a prompt that the shadow changes.
    fn has_changed(&self, judged: &Judged) -> bool {
        let named = judged.detail["prompt"].as_str().unwrap_or_default();
        let id = named.split_once('@').map_or(named, |(id, _)| id);
        !id.is_empty() && self.candidate.changed().prompts.contains(id)
    }

    fn compared(&mut self, seq: u64, entry: &Entry, judged: &Judged, compared: &Compared) {
        self.decided += 1;
        let Some(change) = compared.change() else { return };
        *self.changes.entry(change).or_default() += 1;
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(Difference {
                seq,
                at: entry.at,
                tool: judged.act.tool.to_string(),
                workflow: entry.workflow.clone(),
                change: change.to_owned(),
                rule: compared.rule(),
            });
        }
    }

    /// Acts that were seen, decided or not.
    pub(crate) fn seen(&self) -> u64 {
        self.decided + self.unanswerable.values().sum::<u64>()
    }

    /// What an entry says of it.
    pub(crate) fn figures(&self) -> Vec<ReleaseFigure> {
        let seen = self.seen();
        let mut figures = vec![ReleaseFigure::count("decisions", self.decided, seen)];
        figures
            .extend(self.changes.iter().map(|(change, n)| ReleaseFigure::count(*change, *n, self.decided)));
        let unknown =
            |(why, n): (&&str, &u64)| ReleaseFigure::count(format!("unanswerable: {why}"), *n, seen);
        figures.extend(self.unanswerable.iter().map(unknown));
        figures
    }
}
