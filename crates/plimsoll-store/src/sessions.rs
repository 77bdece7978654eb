//! Sessions: what one conversation was shown before, and whose it is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use plimsoll_core::{Digest, Trajectory};

use crate::Answer;

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    /// Tells it from every other: two principals share none, whatever they call it.
    pub key: String,
    /// Its name, as the record has it.
    pub id: String,
    pub workflow: String,
    /// The principal's id, and the one who really asks.
    pub principal: String,
    pub requester: String,
    /// When it was seen to begin; a conversation may be older than the gateway's acquaintance with it.
    pub began_at: Option<Timestamp>,
    pub seen_at: Timestamp,
    /// The join of all it was ever shown.
    pub life: Trajectory,
    /// Addresses of the texts that were its user's or its system's own, in the caller's own encoding.
    pub texts: Vec<u8>,
    /// Whether those are only the ones that came since this session was remembered last. Never of one that is read.
    pub adds: bool,
    /// The release it is served by.
    pub release: Option<Digest>,
    /// The feature flags that are on for it under that release; `None`: nobody asked yet.
    pub flags: Option<BTreeSet<String>>,
}

/// The sessions seen.
pub trait Sessions {
    /// Remembers sessions as they are now; what was known of one with this key is replaced, but for the texts that
    /// are only [added](SessionRow::adds) to.
    fn remember_sessions(&self, sessions: Vec<SessionRow>) -> Answer<()>;

    /// The sessions seen last, at or after `since`, at most `limit`, oldest first.
    fn latest_sessions(&self, since: Timestamp, limit: usize) -> Answer<Vec<SessionRow>>;
}
