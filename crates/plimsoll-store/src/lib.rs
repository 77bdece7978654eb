//! What the gateway remembers between requests and restarts: who may ask, what people were asked,
//! what is stopped, what was seen.
//!
//! Callers hold a [`Store`] and speak in verbs ([`Keys`], [`Approvals`], [`Stops`], [`Sessions`],
//! [`Results`], [`Memory`], [`Proposals`], [`Entries`], [`Counters`]). It alone knows: SQL. It has never heard
//! of: HTTP, or of what follows from an answer.
//!
//! Two kinds of things live here. Keys, approvals and stops are the truth, and are on the disk
//! before a call returns (`synchronous=FULL`). Everything else is memory that may lose its last
//! moments when the machine loses power, though not when the process dies; the entries are a
//! projection of the ledger and can be rebuilt from it.
//!
//! A call that fails says so. No error is ever read as "not found".
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

mod approvals;
mod counters;
mod entries;
mod erasing;
mod error;
mod keys;
mod memory;
mod packed;
mod proposals;
mod results;
mod sessions;
mod sqlite;
mod stops;
mod vault;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod ring_conformance;

use std::fmt::Debug;
use std::future::Future;
use std::ops::Deref;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;

pub use approvals::Approvals;
pub use counters::Counters;
pub use entries::{
    Bodies, Body, Entries, EntryFilter, EntryRow, IdMatch, SealedBy, SealedOf, SessionPart, SessionSummary,
};
pub use erasing::{Erasing, RowsOf};
pub use error::StoreError;
pub use keys::{AdminKeyRow, KeyRow, Keys};
pub use memory::{Edge, Lapse, Memory, Whose};
pub use packed::{Packed, PackedRow, pack, unpack};
pub use proposals::{Proposal, ProposalKey, Proposals};
pub use results::{ResultRow, Results};
pub use sessions::{SessionRow, Sessions};
pub use sqlite::{Sqlite, SqliteKeys};
pub use stops::Stops;
pub use vault::{Destroyed, Gone, GrantRow, HoldRow, Instance, KeyRing, Pseudonym, Rewrap, SealKey, Wrapped};

/// How many calls may wait for the database. One more is [`StoreError::Busy`].
pub const QUEUE_MAX: usize = 1_024;
/// How many rows one answer holds at most, whatever limit was asked for.
pub const ROWS_MAX: usize = 10_000;
/// How many tool results are remembered; the oldest go first.
pub const RESULTS_MAX: u64 = 65_536;
/// How many bytes of their fingerprints are kept, about as many as the results had themselves; the oldest go first.
pub const PRINT_BYTES_MAX: u64 = 64 << 20;
/// How many entries one insert may carry.
pub const ENTRIES_MAX: usize = 4_096;
/// How many matches a search by prefix gives.
pub const MATCHES_MAX: usize = 20;

/// An answer on its way.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Everything a database has to be able to do. The conformance suite says how.
pub trait Backend:
    Keys
    + Approvals
    + Stops
    + Sessions
    + Results
    + Memory
    + Proposals
    + Entries
    + Counters
    + Upkeep
    + Erasing
    + Debug
    + Send
    + Sync
{
}

/// Forgetting what is too old, and knowing whether the database answers.
pub trait Upkeep {
    /// Forgets results, proposals and lapses from before `before`, the results beyond [`RESULTS_MAX`] or
    /// [`PRINT_BYTES_MAX`], counters whose window began before it, and sessions not seen since. Returns how many rows
    /// went.
    fn prune(&self, before: Timestamp) -> Answer<u64>;

    /// Rewrites the database, so that nothing of what was deleted is found in its free pages or its log.
    fn shred(&self) -> Answer<()>;

    /// Writes and reads: whether the database works, for the readiness probe.
    fn check(&self) -> Answer<()>;
}

/// The database, whichever it is. Cloning gives another handle.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Arc<dyn Backend>,
}

impl Store {
    /// Opens, or makes, the SQLite database in this file.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || Sqlite::open(&path)).await;
        opened.unwrap_or(Err(StoreError::Closed)).map(Self::on)
    }

    /// A database that is gone when the last handle is.
    pub fn in_memory() -> Result<Self, StoreError> {
        Sqlite::in_memory().map(Self::on)
    }

    /// A store on this backend.
    pub fn on(backend: impl Backend + 'static) -> Self {
        Self { backend: Arc::new(backend) }
    }
}

impl Deref for Store {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}
