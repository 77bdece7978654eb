//! What can go wrong, in the words of the person on call.

use std::error::Error;

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The caller asked for something that can never be.
    #[error("{0}")]
    Misuse(String),
    /// The call contradicts what is stored: it was done already, or by somebody else.
    #[error("this contradicts what is stored: {0}")]
    Conflict(String),
    /// Entries must be projected without gaps.
    #[error("entry {found} can't be projected before entry {expected}")]
    Gap { expected: u64, found: u64 },

    /// Nothing was done; try again later.
    #[error("the database is busy")]
    Busy,
    #[error("the database is closed")]
    Closed,

    #[error("{path} was written by a newer version (schema {found}, this one knows {known})")]
    NewerSchema { path: String, found: i64, known: i64 },
    #[error("{path} is a database of another program")]
    Foreign { path: String },
    /// A row holds something it can't hold.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    #[error("the database failed to {doing}")]
    Failed { doing: &'static str, source: Box<dyn Error + Send + Sync> },
}
