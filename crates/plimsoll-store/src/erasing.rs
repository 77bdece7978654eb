//! Deleting what the database holds of somebody in the clear.

use crate::Answer;

/// Whose rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsOf {
    Session(String),
    /// All the names somebody goes by: `ada`, `key:ada`, `oidc:ada`.
    Names(Vec<String>),
}

/// Erasure in the database. What it deletes is overwritten; [`Upkeep::shred`](crate::Upkeep::shred) rewrites the rest.
pub trait Erasing {
    /// Deletes what the database holds of somebody: questions and their answers, proposals, remembered results and
    /// sessions, counters, and keys that are revoked or expired. Answers that they gave to questions of others go when
    /// the question has ended. Returns how many rows went, or with `only_count` would go.
    fn erase_rows(&self, whose: &RowsOf, only_count: bool) -> Answer<u64>;
}
