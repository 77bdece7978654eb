//! The handle that the rest of the gateway holds.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use jiff::Timestamp;
use plimsoll_core::{Digest, Permit, Tier};
use tokio::sync::watch;

use crate::disk::{Disk, sync_dir};
use crate::error::LedgerError;
use crate::merkle::{Frontier, leaf};
use crate::queue::{Haste, Pending, Queue, Waiters};
use crate::reader::LedgerReader;
use crate::recovery::{Recovery, recover};
use crate::segment;
use crate::warrant::Warrant;
use crate::writer::Writer;
use crate::{
    BESIDE_MAX, ENTRY_BYTES_MAX, FREE_BYTES_MIN, QUEUE_ENTRIES_MAX, SEGMENT_BYTES, SEGMENT_BYTES_MAX,
    SEGMENT_BYTES_MIN,
};

/// The place of an entry in the ledger, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One record as it is handed over: the entry, which is hashed into the tree and never goes, and its sealed part, which
/// is written beside it in the same durable write and is nobody's leaf. Both together within
/// [`ENTRY_BYTES_MAX`].
#[derive(Clone, Debug, Default)]
pub struct Written {
    pub entry: Vec<u8>,
    /// Empty when nothing of the entry is sealed.
    pub sealed: Vec<u8>,
    /// What its author hands on to whoever follows the ledger in the same process, and saves it from reading the entry
    /// again: [`Ledger::beside`]. It is never written.
    pub beside: Vec<u8>,
}

/// What was handed over beside durable entries, in their order.
#[derive(Debug, Default)]
pub struct Beside {
    pub entries: Vec<Followed>,
    /// What stood beside each, one after the other.
    pub bytes: Vec<u8>,
}

/// A durable entry of which something was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    pub seq: u64,
    /// Where in its segment the entry stands, for [`LedgerReader::read_at`].
    pub place: u64,
    /// How many of the bytes are this one's.
    pub bytes: usize,
}

impl Beside {
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
    }

    /// Adds what another one has.
    fn append(&mut self, more: &Self) {
        self.entries.extend_from_slice(&more.entries);
        self.bytes.extend_from_slice(&more.bytes);
    }
}

impl From<Vec<u8>> for Written {
    fn from(entry: Vec<u8>) -> Self {
        Self { entry, ..Self::default() }
    }
}

impl Written {
    /// Whether one record can hold it.
    pub fn fits(&self) -> bool {
        segment::body_bytes(self.entry.len(), self.sealed.len()) <= ENTRY_BYTES_MAX
    }
}

/// The whole ledger in 40 bytes: how many entries, and the RFC 6962 root over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: Digest,
}

impl Head {
    pub(crate) fn of(frontier: &Frontier) -> Self {
        Self { size: frontier.size(), root: Digest::from_bytes(frontier.root()) }
    }
}

/// Where the ledger is and how large its parts are.
#[derive(Clone, Debug)]
pub struct LedgerOptions {
    pub dir: PathBuf,
    /// Size of new segments. Default [`SEGMENT_BYTES`].
    pub segment_bytes: u64,
    /// How many entries may wait for the writer. Default [`QUEUE_ENTRIES_MAX`].
    pub queue_entries: usize,
    /// Free space under which nothing is written. Default [`FREE_BYTES_MIN`].
    pub min_free_bytes: u64,
    disk: Disk,
}

impl LedgerOptions {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: SEGMENT_BYTES,
            queue_entries: QUEUE_ENTRIES_MAX,
            min_free_bytes: FREE_BYTES_MIN,
            disk: Disk::default(),
        }
    }

    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    #[must_use]
    pub fn queue_entries(mut self, entries: usize) -> Self {
        self.queue_entries = entries;
        self
    }

    #[must_use]
    pub fn min_free_bytes(mut self, bytes: u64) -> Self {
        self.min_free_bytes = bytes;
        self
    }

    /// The handle with which a test makes this ledger's disk fail.
    #[cfg(any(test, feature = "faults"))]
    pub fn faults(&self) -> crate::Faults {
        self.disk.faults.clone()
    }
}

/// Whether the ledger can take entries, for the readiness probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// Nothing is written until space has been made.
    DiskFull {
        free: u64,
        floor: u64,
    },
    /// Nothing is written until the process has been restarted.
    Poisoned {
        reason: Arc<str>,
    },
}

impl Health {
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    /// Why no entry is taken: what an act that comes now is refused with.
    pub fn error(&self) -> Option<LedgerError> {
        match self {
            Self::Ready => None,
            Self::DiskFull { free, floor } => Some(LedgerError::DiskFull { free: *free, floor: *floor }),
            Self::Poisoned { reason } => Some(LedgerError::Poisoned { reason: Arc::clone(reason) }),
        }
    }
}

/// The ledger, open for writing. Cloning it gives another handle on the same one.
///
/// Dropping the last handle writes what still waits, stops the writer and releases the lock.
#[derive(Clone, Debug)]
pub struct Ledger {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    reader: LedgerReader,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    disk: Disk,
    min_free_bytes: u64,
    _lock: File,
}

/// What the writer tells the handles.
#[derive(Debug)]
pub(crate) struct Shared {
    /// How many entries are durable; everybody who follows the ledger waits on this.
    pub(crate) durable: watch::Sender<u64>,
    pub(crate) frontier: Mutex<Frontier>,
    pub(crate) poisoned: OnceLock<Arc<str>>,
    pub(crate) disk_full: Mutex<Option<(u64, u64)>>,
    pub(crate) queue: Queue,
    pub(crate) waiters: Waiters,
    /// What was handed over beside the latest durable entries and was not yet taken.
    pub(crate) beside: Mutex<Beside>,
}

impl Shared {
    /// Keeps what was handed over beside entries that are durable now. Who follows too slowly reads the ledger instead.
    pub(crate) fn hand_on(&self, beside: &Beside) {
        let mut kept = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.entries.len() + beside.entries.len() > BESIDE_MAX {
            kept.clear();
        }
        kept.append(beside);
    }

    /// How many entries are durable.
    pub(crate) fn size(&self) -> u64 {
        *self.durable.borrow()
    }

    pub(crate) fn poison(&self) -> Option<LedgerError> {
        self.poisoned.get().map(|reason| LedgerError::Poisoned { reason: Arc::clone(reason) })
    }
}

// === impl Ledger ===

impl Ledger {
    /// Opens the ledger in `options.dir`, making it when it is new. Fails when another process
    /// writes it, and when acknowledged entries are damaged.
    pub fn open(options: LedgerOptions) -> Result<(Self, Recovery), LedgerError> {
        let LedgerOptions { dir, segment_bytes, queue_entries, min_free_bytes, disk } = options;
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&segment_bytes) {
            return Err(LedgerError::SegmentBytes { bytes: segment_bytes });
        }
        make_dirs(&dir)?;
        let lock = lock(&dir, &disk)?;
        let (end, recovery) = recover(&dir, &disk, segment_bytes)?;
        let shared = Arc::new(Shared {
            durable: watch::Sender::new(end.frontier.size()),
            frontier: Mutex::new(end.frontier.clone()),
            poisoned: OnceLock::new(),
            disk_full: Mutex::new(None),
            queue: Queue::new(end.frontier.size(), queue_entries.max(1)),
            waiters: Waiters::default(),
            beside: Mutex::default(),
        });
        let writer =
            Writer::new(dir.clone(), disk.clone(), segment_bytes, min_free_bytes, end, Arc::clone(&shared));
        let writer = std::thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(LedgerError::io("start the writer of", &dir))?;
        let reader = LedgerReader::bounded(dir.clone(), shared.durable.subscribe());
        let inner = Inner { dir, reader, shared, writer: Some(writer), disk, min_free_bytes, _lock: lock };
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    /// The handle with which a test makes the disk of a ledger that is already open fail.
    #[cfg(any(test, feature = "faults"))]
    pub fn faults(&self) -> crate::Faults {
        self.inner.disk.faults.clone()
    }

    /// Writes an entry and returns its place once the disk has it.
    ///
    /// The entry is written even when the caller stops waiting.
    pub async fn append(&self, entry: impl Into<Written>) -> Result<Seq, LedgerError> {
        self.hand_over(entry.into(), Haste::WhenAwaited)?.await
    }

    /// Hands an entry over without waiting: it becomes durable with the next group. When that
    /// fails, [`health`](Self::health) says so.
    pub fn note(&self, entry: impl Into<Written>) -> Result<(), LedgerError> {
        self.hand_over(entry.into(), Haste::None).map(drop)
    }

    /// Records the intent to perform a permitted act, and returns the warrant once it is durable.
    ///
    /// The permit is used up, also when this fails: deciding again is cheaper than acting twice.
    pub async fn enter(
        &self,
        permit: Permit,
        intent: impl Into<Written>,
        now: Timestamp,
    ) -> Result<Warrant, LedgerError> {
        in_time(&permit, now)?;
        let seq = self.append(intent).await?;
        Ok(Warrant::new(permit, seq))
    }

    /// Records the intent to perform a safe act, and returns the warrant at once: the act changes nothing, so it may
    /// run while its intent is on the way to the disk. What came of it must be held back until the [`Pending`] says
    /// that the intent is durable.
    ///
    /// # Errors
    /// [`LedgerError::NotSafe`] for any other act: its intent is durable first, by [`enter`](Self::enter).
    pub fn enter_safe(
        &self,
        permit: Permit,
        intent: impl Into<Written>,
        now: Timestamp,
    ) -> Result<(Warrant, Pending), LedgerError> {
        in_time(&permit, now)?;
        if permit.tier() != Tier::Safe {
            return Err(LedgerError::NotSafe);
        }
        let pending = self.hand_over(intent.into(), Haste::Soon)?;
        Ok((Warrant::new(permit, pending.seq()), pending))
    }

    /// Waits until everything handed over before is durable.
    pub async fn flush(&self) -> Result<(), LedgerError> {
        if let Some(poisoned) = self.inner.shared.poison() {
            return Err(poisoned);
        }
        match Pending::last(&self.inner.shared) {
            Some(last) => last.await.map(drop),
            None => Ok(()),
        }
    }

    /// The head over all durable entries.
    pub fn head(&self) -> Head {
        Head::of(&self.inner.shared.frontier.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many entries are durable.
    pub fn size(&self) -> u64 {
        self.inner.shared.size()
    }

    /// Waits until there are more than `size` durable entries, and returns how many there are.
    pub async fn grown_beyond(&self, size: u64) -> Result<u64, LedgerError> {
        let mut durable = self.inner.shared.durable.subscribe();
        durable.wait_for(|now| *now > size).await.map(|now| *now).map_err(|_| LedgerError::Closed)
    }

    /// Takes what was handed over beside durable entries since this was last asked, as far as it was kept. Whoever finds
    /// a hole in it reads the ledger.
    pub fn beside(&self) -> Beside {
        let mut kept = self.inner.shared.beside.lock().unwrap_or_else(PoisonError::into_inner);
        // The next one is about as long.
        let next = Beside {
            entries: Vec::with_capacity(kept.entries.len()),
            bytes: Vec::with_capacity(kept.bytes.len()),
        };
        std::mem::replace(&mut kept, next)
    }

    /// A reader that sees durable entries and no others.
    pub fn reader(&self) -> LedgerReader {
        self.inner.reader.clone()
    }

    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Whether a write failed. It never heals; see [`LedgerError::Poisoned`].
    pub fn is_poisoned(&self) -> bool {
        self.inner.shared.poisoned.get().is_some()
    }

    pub fn health(&self) -> Health {
        let shared = &self.inner.shared;
        if let Some(reason) = shared.poisoned.get() {
            return Health::Poisoned { reason: Arc::clone(reason) };
        }
        let refused = *shared.disk_full.lock().unwrap_or_else(PoisonError::into_inner);
        let floor = refused.map_or(self.inner.min_free_bytes, |(_, floor)| floor);
        // Nobody may have written since the disk filled up, or since there is room again.
        match self.inner.disk.free_bytes(&self.inner.dir) {
            Ok(free) if free >= floor => Health::Ready,
            Ok(free) => Health::DiskFull { free, floor },
            // The writer can't tell either, and writes nothing then.
            Err(_) => Health::DiskFull { free: refused.map_or(0, |(free, _)| free), floor },
        }
    }

    /// How many entries wait for the writer now.
    pub fn queued(&self) -> usize {
        self.inner.shared.queue.len()
    }

    fn hand_over(&self, written: Written, haste: Haste) -> Result<Pending, LedgerError> {
        let Written { entry, sealed, .. } = &written;
        match segment::body_bytes(entry.len(), sealed.len()) {
            _ if entry.is_empty() => return Err(LedgerError::Empty),
            0..=ENTRY_BYTES_MAX => {}
            length => return Err(LedgerError::TooLong { length }),
        }
        if let Some(poisoned) = self.inner.shared.poison() {
            return Err(poisoned);
        }
        Pending::push(&self.inner.shared, &written, leaf(&written.entry), haste)
    }
}

fn in_time(permit: &Permit, now: Timestamp) -> Result<(), LedgerError> {
    match permit.expires_at() <= now {
        true => Err(LedgerError::PermitExpired { expired_at: permit.expires_at() }),
        false => Ok(()),
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the ledger's writer panicked");
        }
    }
}

fn make_dirs(dir: &Path) -> Result<(), LedgerError> {
    let segments = segment::segments_dir(dir);
    if segments.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(&segments).map_err(LedgerError::io("create", &segments))?;
    for dir in [Some(dir), dir.parent()].into_iter().flatten().filter(|dir| !dir.as_os_str().is_empty()) {
        sync_dir(dir).map_err(LedgerError::io("sync", dir))?;
    }
    Ok(())
}

/// A ledger that nobody writes for as long as this lives: no gateway can start on it meanwhile.
#[derive(Debug)]
pub struct Held {
    _lock: File,
}

/// Keeps a ledger from being written, to work beside it.
///
/// # Errors
/// [`LedgerError::Locked`] when a gateway is running on it.
pub fn hold(dir: &Path) -> Result<Held, LedgerError> {
    if !segment::segments_dir(dir).is_dir() {
        return Err(LedgerError::NotALedger { path: dir.to_owned() });
    }
    lock(dir, &Disk::default()).map(|lock| Held { _lock: lock })
}

/// What may still be written where a ledger lies, in bytes. Under [`FREE_BYTES_MIN`] a gateway takes no entries.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(dir: &Path) -> Result<u64, LedgerError> {
    Disk::default().free_bytes(dir).map_err(LedgerError::io("measure", dir))
}

/// Takes the lock that only one writer can hold. The kernel releases it when the process ends,
/// however it ends.
fn lock(dir: &Path, disk: &Disk) -> Result<File, LedgerError> {
    let path = dir.join("lock");
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(LedgerError::io("open", &path))?;
    if !disk.lock(&file).map_err(LedgerError::io("lock", &path))? {
        let mut holder = String::new();
        let _ = (&file).take(32).read_to_string(&mut holder);
        return Err(LedgerError::Locked { path, holder: holder.trim().to_owned() });
    }
    let note =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    note.map_err(LedgerError::io("write", &path))?;
    Ok(file)
}
