//! SQLite: one thread writes, a few read, and nobody waits for a lock on a tokio worker.

mod approvals;
mod counters;
mod entries;
mod erasing;
mod keys;
mod memory;
mod migrate;
mod proposals;
mod results;
mod sessions;
mod stops;
mod stretches;
#[cfg(test)]
mod tests;
mod upkeep;
mod values;
mod vault;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

pub use vault::SqliteKeys;

use crate::{Answer, Backend, Bodies, QUEUE_MAX, StoreError};

/// How many connections read beside the writer.
const READERS: usize = 3;
/// How long one process waits for another that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages that gather in the log before they are put into their places, 16 MB. Whoever syncs a file meanwhile waits some
/// milliseconds for the disk, so it had better be seldom.
const CHECKPOINT_PAGES: u32 = 4_000;
/// Statements kept ready on each connection.
const STATEMENTS: usize = 128;

/// A SQLite database.
#[derive(Debug)]
pub struct Sqlite {
    writer: Lane,
    /// None for a database in memory, which has one connection.
    readers: Option<Lane>,
    bodies: Arc<OnceLock<Arc<dyn Bodies>>>,
}

impl Backend for Sqlite {}

/// What must survive a power failure, and what need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    Full,
    Normal,
}

type Work = Box<dyn FnOnce(&mut Desk) + Send>;

/// A connection, and what it was last told about syncing.
struct Desk {
    connection: Connection,
    durability: Durability,
}

// === impl Sqlite ===

impl Sqlite {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // Key hashes and redacted acts: nobody else's business.
        let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        made.map_err(|source| StoreError::Failed { doing: "open its file", source: Box::new(source) })?;
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // What takes back half a statement: it would be written to a file, page by page.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        prepare(&connection)?;
        migrate::migrate(&mut connection, &path.display().to_string())?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let readers: Result<Vec<_>, StoreError> = (0..READERS)
            .map(|_| {
                let connection = Connection::open_with_flags(path, flags)?;
                prepare(&connection)?;
                Ok(connection)
            })
            .collect();
        Ok(Self {
            writer: Lane::start("store-writer", vec![connection])?,
            readers: Some(Lane::start("store-reader", readers?)?),
            bodies: Arc::default(),
        })
    }

    pub fn in_memory() -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        prepare(&connection)?;
        migrate::migrate(&mut connection, "the database in memory")?;
        let writer = Lane::start("store-writer", vec![connection])?;
        Ok(Self { writer, readers: None, bodies: Arc::default() })
    }

    /// Does the work in one transaction on the writer's thread.
    fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<T> {
        self.writer.ask(doing, move |desk| {
            desk.set(durability)?;
            let transaction = desk.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })
    }

    fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<T> {
        let lane = self.readers.as_ref().unwrap_or(&self.writer);
        lane.ask(doing, move |desk| work(&desk.connection))
    }
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // What is deleted is overwritten: some of it is deleted because somebody asked to be forgotten.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

// === impl Desk ===

impl Desk {
    fn set(&mut self, durability: Durability) -> Result<(), StoreError> {
        if self.durability != durability {
            let level = match durability {
                Durability::Full => "FULL",
                Durability::Normal => "NORMAL",
            };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.durability = durability;
        }
        Ok(())
    }
}

/// Threads that share one queue, each with a connection.
#[derive(Debug)]
struct Lane {
    queue: Option<SyncSender<Work>>,
    threads: Vec<JoinHandle<()>>,
}

impl Lane {
    fn start(name: &str, connections: Vec<Connection>) -> Result<Self, StoreError> {
        let (queue, work) = mpsc::sync_channel(QUEUE_MAX);
        let work = Arc::new(Mutex::new(work));
        let mut threads = Vec::new();
        for connection in connections {
            let desk = Desk { connection, durability: Durability::Full };
            let work = Arc::clone(&work);
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || serve(desk, &work));
            let failed = |source| StoreError::Failed { doing: "start a thread", source: Box::new(source) };
            threads.push(thread.map_err(failed)?);
        }
        Ok(Self { queue: Some(queue), threads })
    }

    /// Queues the work and gives its answer. The work is done even when nobody waits any more.
    fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Desk) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<T> {
        let (answer, waiting) = oneshot::channel();
        let work: Work = Box::new(move |desk| {
            let _nobody_waits = answer.send(work(desk).map_err(|error| name(error, doing)));
        });
        let queued = match self.queue.as_ref().map(|queue| queue.try_send(work)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(StoreError::Busy),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(StoreError::Closed),
        };
        Box::pin(async move {
            queued?;
            waiting.await.unwrap_or(Err(StoreError::Closed))
        })
    }
}

fn serve(mut desk: Desk, queue: &Mutex<Receiver<Work>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(&mut desk),
            Err(_) => return,
        }
    }
}

impl Drop for Lane {
    /// Finishes what is queued.
    fn drop(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

/// Says what was being done.
fn name(error: StoreError, doing: &'static str) -> StoreError {
    match error {
        StoreError::Failed { source, .. } => StoreError::Failed { doing, source },
        other => other,
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        match &error {
            Error::SqliteFailure(failure, message) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
                ErrorCode::ConstraintViolation => {
                    Self::Conflict(message.clone().unwrap_or_else(|| error.to_string()))
                }
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(error.to_string()),
                _ => Self::Failed { doing: "answer", source: Box::new(error) },
            },
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => Self::Damaged(error.to_string()),
            _ => Self::Failed { doing: "answer", source: Box::new(error) },
        }
    }
}
