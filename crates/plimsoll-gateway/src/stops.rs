//! The kill switch: what is stopped right now.
//!
//! Four independent ways pull it: `plimsoll stop` (a row in the store), the admin API, a signal, and a
//! sentinel file. The list in force is swapped atomically; every decision reads it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use plimsoll_core::{Act, Principal, Stop, StopScope};

/// How often store and sentinel file are looked at. A stop takes hold within this time.
pub const STOP_POLL_MS: u64 = 200;

/// Who the sentinel file counts as.
pub const SENTINEL: &str = "sentinel file";

/// The stops in force.
#[derive(Debug)]
pub struct Stops {
    stored: ArcSwap<Vec<Stop>>,
    local: ArcSwap<Vec<Stop>>,
    sentinel: PathBuf,
}

impl Stops {
    pub fn new(sentinel: PathBuf) -> Self {
        Self { stored: ArcSwap::default(), local: ArcSwap::default(), sentinel }
    }

    /// The stops that cover this act.
    pub fn covering(&self, workflow: &str, act: &Act, principal: &Principal) -> Vec<Stop> {
        let stored = self.stored.load();
        let local = self.local.load();
        let all = stored.iter().chain(local.iter());
        all.filter(|stop| stop.covers(workflow, act, principal)).cloned().collect()
    }

    /// Everything in force, for pages and readiness.
    pub fn all(&self) -> Vec<Stop> {
        self.stored.load().iter().chain(self.local.load().iter()).cloned().collect()
    }

    /// Takes over what the store holds. Returns whether anything changed.
    pub fn refresh(&self, stored: Vec<Stop>) -> bool {
        let changed = **self.stored.load() != stored;
        if changed {
            let local = self.local.load();
            let kept = local
                .iter()
                .filter(|stop| stop.by == SENTINEL || !stored.iter().any(|s| s.scope == stop.scope));
            self.local.store(Arc::new(kept.cloned().collect()));
            self.stored.store(Arc::new(stored));
        }
        changed
    }

    /// Pulls a switch here and now, without any store.
    pub fn pull(&self, stop: Stop) {
        let mut local = (**self.local.load()).clone();
        local.retain(|known| known.scope != stop.scope || known.by == SENTINEL);
        local.push(stop);
        self.local.store(Arc::new(local));
    }

    /// A signal pulled the switch: everything stops until a person lifts it.
    pub(crate) fn pull_by_signal(&self, now: Timestamp) -> Stop {
        let reason = "signal received".to_owned();
        let stop = Stop { scope: StopScope::All, reason, by: "signal".to_owned(), at: now };
        self.pull(stop.clone());
        stop
    }

    /// Lifts what was pulled here.
    pub fn lift_local(&self, scope: &StopScope) {
        let local = self.local.load();
        let kept = local.iter().filter(|stop| stop.scope != *scope || stop.by == SENTINEL).cloned();
        self.local.store(Arc::new(kept.collect()));
    }

    pub fn sentinel(&self) -> &Path {
        &self.sentinel
    }

    /// Follows the sentinel file: while it exists, everything is stopped. An unreadable file counts as
    /// present. Gives what changed, for the record.
    pub fn follow_sentinel(&self, now: Timestamp) -> Option<(bool, Stop)> {
        let present = self.sentinel.try_exists().unwrap_or(true);
        let mut local = (**self.local.load()).clone();
        let known = local.iter().position(|stop| stop.by == SENTINEL);
        let change = match (present, known) {
            (true, None) => {
                let stop = Stop {
                    scope: StopScope::All,
                    reason: format!("the file {} exists", self.sentinel.display()),
                    by: SENTINEL.to_owned(),
                    at: now,
                };
                local.push(stop.clone());
                (true, stop)
            }
            (false, Some(at)) => (false, Stop { at: now, ..local.remove(at) }),
            _ => return None,
        };
        self.local.store(Arc::new(local));
        Some(change)
    }
}
