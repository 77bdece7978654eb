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
            self.stored.store(Arc::new(stored));
        }
        changed
    }

    /// A signal pulled the switch: everything stops until the process is told otherwise.
    pub fn pull_by_signal(&self, now: Timestamp) {
        self.local.store(Arc::new(vec![Stop {
            scope: StopScope::All,
            reason: "signal received".to_owned(),
            by: "signal".to_owned(),
            at: now,
        }]));
    }

    pub fn sentinel(&self) -> &Path {
        &self.sentinel
    }

    /// Follows the sentinel file: while it exists, everything is stopped. An unreadable file counts as
    /// present.
    pub fn follow_sentinel(&self, now: Timestamp) {
        let present = self.sentinel.try_exists().unwrap_or(true);
        let mut local = (**self.local.load()).clone();
        let known = local.iter().any(|stop| stop.by == "sentinel file");
        if present == known {
            return;
        }
        if present {
            local.push(Stop {
                scope: StopScope::All,
                reason: format!("the file {} exists", self.sentinel.display()),
                by: "sentinel file".to_owned(),
                at: now,
            });
        } else {
            local.retain(|stop| stop.by != "sentinel file");
        }
        self.local.store(Arc::new(local));
    }

    /// Lifts what a signal pulled.
    pub fn lift_signal(&self) {
        let kept = self.local.load().iter().filter(|stop| stop.by != "signal").cloned().collect();
        self.local.store(Arc::new(kept));
    }
}
