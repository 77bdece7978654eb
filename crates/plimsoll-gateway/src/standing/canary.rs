//! The canary: a release that serves a share of the sessions that begin.

use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_bundle::Bundle;
use plimsoll_core::Digest;

/// A release with a share of the sessions.
#[derive(Clone, Debug)]
pub struct Canary {
    pub bundle: Arc<Bundle>,
    /// Of the sessions that begin, in millionths.
    pub millionths: u32,
    pub since: Timestamp,
}

impl Canary {
    /// Whether a session that begins is among its share. By the names of both, so that another canary takes other
    /// sessions, and a larger share keeps those of a smaller one.
    pub fn takes(&self, session: &str) -> bool {
        let both = [self.bundle.id.as_bytes().as_slice(), session.as_bytes()].concat();
        is_among(self.millionths, &Digest::of(&both))
    }
}

/// Whether a digest is among this share of all digests.
pub(crate) fn is_among(millionths: u32, digest: &Digest) -> bool {
    let place = digest.as_bytes()[..8].iter().fold(0_u64, |place, byte| place << 8 | u64::from(*byte));
    place % 1_000_000 < u64::from(millionths)
}
