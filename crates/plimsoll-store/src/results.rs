//! What tools and documents gave back, by content address, so that it is recognised wherever it
//! turns up again.

use jiff::Timestamp;
use plimsoll_core::{Digest, Label};

use crate::Answer;

/// That some content came out of a tool, with the label it came with. The content is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRow {
    /// SHA-256 of the content.
    pub address: Digest,
    pub label: Label,
    /// `server.tool`, or a source.
    pub tool: String,
    pub session: String,
    pub at: Timestamp,
}

/// The memory of results.
pub trait Results {
    /// Remembers results. The same content from the same tool in the same session is one row, whose
    /// label is the join of both: remembering never raises trust.
    fn remember_results(&self, results: Vec<ResultRow>) -> Answer<()>;

    /// Everything known about contents with these addresses: one row for each tool and session.
    fn results(&self, addresses: &[Digest]) -> Answer<Vec<ResultRow>>;
}
