//! Which release serves whom.
//!
//! A session is served by one release from its beginning to its end. It is chosen when the session is first seen and
//! remembered with it; while a canary runs, a share of the sessions that begin is the canary's. Requests read a
//! [`Standing`] once and go on with what it said, so changing it loses none of them.

mod boot;
mod canary;
mod follow;
mod helm;
mod shadow;
mod shelf;
mod state;
mod status;
mod watch;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use plimsoll_bundle::Bundle;
use plimsoll_core::Digest;

pub use self::boot::STEPS_MAX;
pub use self::canary::Canary;
pub(crate) use self::canary::is_among;
pub(crate) use self::follow::Watched;
pub use self::follow::{WATCH_BATCH, WATCH_LOOK_MS};
pub use self::helm::{HelmError, Promotion, Rollback, Stand};
pub use self::shadow::{DIFFERENCES_MAX, Difference};
pub use self::shelf::{BootError, First, Loader, Shelf, TRUST};
pub use self::state::{INSTALLED_MAX, Known, PREVIOUS_MAX};
pub use self::status::{Status, Told};

/// How long sessions stay with a release that serves no new ones. Longer than a proposal or a question waits.
pub const LEAVING_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Releases that serve nothing but the sessions that began under them, at most; the one that left first goes first.
pub const LEAVING_MAX: usize = 4;

/// The releases in force. Immutable: a change is another one.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Serves every session that no other serves. Whoever asks is identified by it, and who may do what is its say.
    pub live: Arc<Bundle>,
    /// Serves a share of the sessions that begin.
    pub canary: Option<Canary>,
    /// Decides beside the live one, and serves nobody.
    pub shadow: Option<Arc<Bundle>>,
    /// Serve the sessions that began under them, and no new ones.
    pub leaving: Vec<Leaving>,
    /// Goes up with every change.
    pub generation: u64,
}

/// A release on its way out.
#[derive(Clone, Debug)]
pub struct Leaving {
    pub bundle: Arc<Bundle>,
    /// From then on its sessions are the live release's.
    pub until: Timestamp,
}

impl Standing {
    /// One release for everybody.
    pub fn of(live: Arc<Bundle>) -> Self {
        Self { live, canary: None, shadow: None, leaving: Vec::new(), generation: 0 }
    }

    /// Whether every session has the same release.
    pub fn is_single(&self) -> bool {
        self.canary.is_none() && self.leaving.is_empty()
    }

    /// The release of this id, as far as it serves anybody.
    pub fn serving(&self, id: &Digest) -> Option<&Arc<Bundle>> {
        self.all().find(|bundle| bundle.id == *id)
    }

    /// What a release is here, in one word.
    pub fn stage(&self, id: &Digest) -> &'static str {
        match self {
            _ if self.live.id == *id => "live",
            _ if self.canary.as_ref().is_some_and(|canary| canary.bundle.id == *id) => "canary",
            _ => "leaving",
        }
    }

    /// Every release that serves somebody, the live one first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Bundle>> {
        let canary = self.canary.iter().map(|canary| &canary.bundle);
        std::iter::once(&self.live).chain(canary).chain(self.leaving.iter().map(|leaving| &leaving.bundle))
    }

    /// The release that serves a session: the one it began under, while that still serves; else, for one that begins,
    /// the canary or the live one by the session's name alone.
    pub fn berth(&self, session: &str, began: Option<&Digest>) -> &Arc<Bundle> {
        if let Some(began) = began {
            return self.serving(began).unwrap_or(&self.live);
        }
        self.canary.as_ref().filter(|canary| canary.takes(session)).map_or(&self.live, |c| &c.bundle)
    }
}
