//! What tools gave back, by fingerprints, so that it is recognised wherever it turns up again.

use jiff::Timestamp;
use plimsoll_core::{Digest, Label};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// That some content came out of a tool, with the label it came with. The content is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultRow {
    /// SHA-256 of the content.
    pub address: Digest,
    pub label: Label,
    /// `server.tool`.
    pub tool: String,
    pub session: String,
    /// The principal's id, and the one who really asks.
    pub principal: String,
    pub requester: String,
    /// What makes the call that it answers known again: a digest of tool and arguments.
    pub call: Option<Digest>,
    /// Content addresses of the same content in other spellings.
    pub forms: Vec<Digest>,
    /// How long the content is as its fingerprints count.
    pub folded: u32,
    /// Fingerprints of its pieces, in the caller's own encoding.
    #[serde(skip)]
    pub prints: Vec<u8>,
    pub at: Timestamp,
}

/// The memory of results.
pub trait Results {
    /// Remembers results. The same content from the same tool for the same requester in the same session is one row,
    /// whose label is the join of both: remembering never raises trust.
    fn remember_results(&self, results: Vec<ResultRow>) -> Answer<()>;

    /// The newest results made at or after `since`, oldest first: at most `limit`, and not many more than `bytes` of
    /// fingerprints.
    fn latest_results(&self, since: Timestamp, limit: usize, bytes: usize) -> Answer<Vec<ResultRow>>;
}
