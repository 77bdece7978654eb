//! What can go wrong, in the words of the person on call.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::ENTRY_BYTES_MAX;

/// Why the ledger did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The caller asked wrongly.
    #[error("an entry of {length} bytes is too long: the limit is {ENTRY_BYTES_MAX}")]
    TooLong { length: usize },
    #[error("an entry must have at least one byte")]
    Empty,
    #[error("the permit expired at {expired_at}")]
    PermitExpired { expired_at: Timestamp },
    #[error("this act may change something: its intent has to be durable before it begins")]
    NotSafe,
    #[error("a segment of {bytes} bytes is outside the limits ({min} to {max})", min = crate::SEGMENT_BYTES_MIN, max = crate::SEGMENT_BYTES_MAX)]
    SegmentBytes { bytes: u64 },

    /// What must not be written in the clear could not be sealed. Nothing was written.
    #[error("the entry could not be sealed: {reason}")]
    Unsealed { reason: Arc<str> },

    /// Too much work is waiting for the disk. Nothing was written; try again later.
    #[error("the ledger is busy: its queue is full")]
    Busy,
    /// Nothing was written. Appends work again when space has been made.
    #[error("the ledger's disk is nearly full: {free} bytes free, {floor} needed")]
    DiskFull { free: u64, floor: u64 },
    /// An earlier write failed, so what the disk holds is unknown. Only a restart, which reads the
    /// disk again, can clear this.
    #[error("the ledger is poisoned: {reason}")]
    Poisoned { reason: Arc<str> },
    #[error("the ledger is closed")]
    Closed,

    /// One ledger has one writer.
    #[error("another gateway (process {holder}) writes this ledger: {} is locked", path.display())]
    Locked { path: PathBuf, holder: String },
    /// Acknowledged records are unreadable. They are never skipped.
    #[error("the ledger is damaged: {} at byte {offset}: {what}", file.display())]
    Damaged { file: PathBuf, offset: u64, what: String },
    /// An old copy was put back, or entries were lost.
    #[error(
        "the ledger was rolled back: it ends after {size} entries, but {} covers {signed}. Put the newest copy of its \
         segments back; entries that are lost for good need a new ledger, begun in another directory",
        file.display()
    )]
    RolledBack { file: PathBuf, size: u64, signed: u64 },
    /// Entries that a checkpoint covers were replaced.
    #[error(
        "the ledger was rewritten: its first {size} entries have root {found}, but {} says {signed}. Keep a copy of all \
         of it: `plimsoll verify` says which entries were changed",
        file.display()
    )]
    Rewritten { file: PathBuf, size: u64, found: String, signed: String },
    #[error("{} is not the ledger's checkpoint: {what}", file.display())]
    Checkpoint { file: PathBuf, what: String },
    #[error("{} was written by a newer version (format {version}, this one reads {known})", file.display(), known = crate::segment::VERSION)]
    NewerFormat { file: PathBuf, version: u32 },
    #[error("{} is not a ledger", path.display())]
    NotALedger { path: PathBuf },
    #[error("cannot {doing} {}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: Arc<io::Error> },
}

impl LedgerError {
    /// Adds what was being done, and to which file.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source: Arc::new(source) }
    }
}
