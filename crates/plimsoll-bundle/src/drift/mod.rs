//! Drift: what the release says of the world, held against what was seen of it.
//!
//! What was accepted lies in the lock files beside `models/*.yaml` and `tools/*.yaml`: reviewed, and part of the release.
//! What was seen is a [`World`]. Comparing the two is a function of values; who looks, and what it leads to, is
//! elsewhere. What has no baseline is never drift: [`unknown`] lists it, so that nobody takes silence for a yes.

mod compare;
mod world;

pub use compare::{Drifting, compare, unknown};
pub use world::{NAMES_MAX, World};

pub use crate::forms::drift::{
    CertificateForm as Certificate, ModelLockForm as ModelLock, ReachedForm as Reached, Seen,
};
use crate::pin::Lock;

/// The text of `models/<id>.lock.json`.
pub fn model_lock(lock: &ModelLock) -> String {
    let value = serde_json::to_value(lock).unwrap_or_default();
    format!("{}\n", crate::pin::escaped(&format!("{value:#}")))
}

impl Lock {
    /// Accepts where a tool server was reached.
    pub fn reach(&mut self, reached: &Reached) {
        self.rest_mut().insert("reached".to_owned(), serde_json::to_value(reached).unwrap_or_default());
    }
}
