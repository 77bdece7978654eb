//! The one thread that writes.
//!
//! It takes what arrived while it was syncing, writes it, syncs, and acknowledges. A group is closed when a turn of the
//! runtime brought nothing more, so it is as large as the disk is slow and the gateway busy. Nobody waits for a timer:
//! only entries that no caller waits for are held a moment, to share the write of one that somebody does.

use std::io;
use std::iter::Peekable;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::disk::Disk;
use crate::error::LedgerError;
use crate::ledger::{Beside, Followed, Shared};
use crate::merkle::Frontier;
use crate::queue::{Job, Jobs};
use crate::recovery::{self, End, Pace};
use crate::segment::{SEALED_SINCE, Segment, encode_record};
use crate::{FREE_LOOK_MS, GROUP_BYTES_MAX, GROUP_ENTRIES_MAX};

#[derive(Debug)]
pub(crate) struct Writer {
    dir: PathBuf,
    disk: Disk,
    segment_bytes: u64,
    min_free_bytes: u64,
    shared: Arc<Shared>,
    segment: Segment,
    offset: u64,
    frontier: Frontier,
    buffer: Vec<u8>,
    /// What was handed over beside the entries in the buffer.
    beside: Beside,
    spare: Option<(JoinHandle<()>, Pace)>,
    /// There was enough free space a moment ago, and it is not looked at again before this.
    enough_until: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(
        dir: PathBuf,
        disk: Disk,
        segment_bytes: u64,
        min_free_bytes: u64,
        end: End,
        shared: Arc<Shared>,
    ) -> Self {
        let End { segment, offset, frontier } = end;
        Self {
            dir,
            disk,
            segment_bytes,
            min_free_bytes,
            shared,
            segment,
            offset,
            frontier,
            buffer: Vec::with_capacity(GROUP_BYTES_MAX),
            beside: Beside::default(),
            spare: None,
            enough_until: None,
        }
    }

    /// Writes until the last handle is dropped and the queue is empty.
    pub(crate) fn run(mut self) {
        let _ended = Ended { shared: Arc::clone(&self.shared) };
        self.prepare_spare();
        let mut jobs = Jobs::default();
        while self.shared.queue.take(&self.shared, &mut jobs) {
            if let Err(error) = self.commit(&jobs) {
                let error = self.judge(error);
                self.shared.queue.fail(self.frontier.size(), error);
                self.shared.waiters.wake_all();
            }
            jobs.clear();
        }
        self.finish_spare();
    }

    /// Makes the jobs durable and acknowledges them, group by group. After an error some were not written, or may
    /// not be.
    fn commit(&mut self, jobs: &Jobs) -> Result<(), LedgerError> {
        if let Some(poisoned) = self.shared.poison() {
            return Err(poisoned);
        }
        self.check_free_space()?;
        let mut jobs = jobs.iter().peekable();
        while let Some(job) = jobs.peek() {
            // A segment of before sealed parts takes none: who reads it would not know them.
            let unknown = !job.sealed.is_empty() && self.segment.header.version < SEALED_SINCE;
            if unknown || self.offset + job.record_bytes() as u64 > self.segment.length {
                self.rotate()?;
            }
            let frontier = self.encode(&mut jobs);
            self.write()?;
            self.publish(frontier);
        }
        Ok(())
    }

    /// Fills the buffer with as many records as one write and this segment take, and says what the tree is after them.
    fn encode<'j>(&mut self, jobs: &mut Peekable<impl Iterator<Item = Job<'j>>>) -> Frontier {
        self.buffer.clear();
        self.beside.clear();
        let room = (self.segment.length - self.offset).min(GROUP_BYTES_MAX as u64) as usize;
        let mut frontier = self.frontier.clone();
        let mut place = 0;
        let version = self.segment.header.version;
        while usize::from(place) < GROUP_ENTRIES_MAX
            && let Some(job) = jobs.next_if(|job| {
                let unknown = !job.sealed.is_empty() && version < SEALED_SINCE;
                !unknown && self.buffer.len() + job.record_bytes() <= room
            })
        {
            if !job.beside.is_empty() {
                let place = self.offset + self.buffer.len() as u64;
                let followed = Followed { seq: frontier.size(), place, bytes: job.beside.len() };
                self.beside.entries.push(followed);
                self.beside.bytes.extend_from_slice(job.beside);
            }
            encode_record(&mut self.buffer, place, frontier.size(), job.entry, job.sealed);
            frontier.push(job.leaf);
            place += 1;
        }
        frontier
    }

    fn write(&mut self) -> Result<(), LedgerError> {
        let path = &self.segment.path;
        let file = &self.segment.file;
        self.disk.write(file, &self.buffer, self.offset).map_err(LedgerError::io("write", path))?;
        self.disk.sync(file).map_err(LedgerError::io("sync", path))?;
        self.offset += self.buffer.len() as u64;
        Ok(())
    }

    fn publish(&mut self, frontier: Frontier) {
        self.frontier = frontier;
        self.shared.hand_on(&self.beside);
        self.shared.frontier.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&self.frontier);
        self.shared.durable.send_replace(self.frontier.size());
        self.shared.waiters.wake_one(self.frontier.size());
    }

    /// Goes on in a new segment.
    fn rotate(&mut self) -> Result<(), LedgerError> {
        self.finish_spare();
        self.check_free_space_for(self.segment_bytes)?;
        self.segment = recovery::create(&self.dir, &self.disk, self.segment_bytes, &self.frontier)?;
        self.offset = crate::segment::HEADER_BYTES as u64;
        self.prepare_spare();
        Ok(())
    }

    /// Has another thread fill the next segment with zeros. Whether that works is seen when the
    /// segment is needed.
    fn prepare_spare(&mut self) {
        if self.free_space().is_none_or(|free| free < self.min_free_bytes.saturating_add(self.segment_bytes))
        {
            return;
        }
        let (dir, disk, bytes) = (self.dir.clone(), self.disk.clone(), self.segment_bytes);
        let pace = Pace::slow();
        let its = pace.clone();
        let thread = std::thread::Builder::new().name("ledger-spare".to_owned());
        let spare = thread.spawn(move || {
            if let Err(error) = recovery::make_spare(&dir, &disk, bytes, &its) {
                tracing::warn!(%error, "cannot prepare the next ledger segment");
            }
        });
        self.spare = spare.ok().map(|spare| (spare, pace));
    }

    /// Waits for the next segment, which is needed now, or is not any more.
    fn finish_spare(&mut self) {
        if let Some((spare, pace)) = self.spare.take() {
            pace.hurry();
            let _ = spare.join();
        }
    }

    fn free_space(&self) -> Option<u64> {
        self.disk.free_bytes(&self.dir).ok()
    }

    /// Looks at the free space before a commit, as somebody else may be filling the disk. What is written now has its
    /// place there already, so a look every [`FREE_LOOK_MS`] is early enough.
    fn check_free_space(&mut self) -> Result<(), LedgerError> {
        let now = Instant::now();
        if self.enough_until.is_some_and(|until| now < until) && !self.disk.pretends_free_bytes() {
            return Ok(());
        }
        self.enough_until = None;
        self.check_free_space_for(0)?;
        self.enough_until = Some(now + Duration::from_millis(FREE_LOOK_MS));
        Ok(())
    }

    fn check_free_space_for(&mut self, bytes: u64) -> Result<(), LedgerError> {
        let free = self.disk.free_bytes(&self.dir).map_err(LedgerError::io("measure", &self.dir))?;
        let spare = recovery::has_spare(&self.dir, bytes);
        let floor = self.min_free_bytes.saturating_add(if spare { 0 } else { bytes });
        let full = (free < floor).then_some((free, floor));
        *self.shared.disk_full.lock().unwrap_or_else(PoisonError::into_inner) = full;
        match full {
            Some((free, floor)) => Err(LedgerError::DiskFull { free, floor }),
            None => Ok(()),
        }
    }

    /// What an error means for the ledger: a failed write or sync poisons it for good.
    fn judge(&mut self, error: LedgerError) -> LedgerError {
        let reason: Arc<str> = match &error {
            LedgerError::DiskFull { .. } | LedgerError::Poisoned { .. } => return error,
            LedgerError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                format!("{error}: no space left").into()
            }
            LedgerError::Io { source, .. } => format!("{error}: {source}").into(),
            other => other.to_string().into(),
        };
        tracing::error!(%reason, "the ledger is poisoned: nothing more is recorded until a restart");
        LedgerError::Poisoned { reason: Arc::clone(self.shared.poisoned.get_or_init(|| reason)) }
    }
}

/// However the writer ends, nobody waits for it any longer.
struct Ended {
    shared: Arc<Shared>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.shared.queue.close();
        self.shared.queue.fail(self.shared.size(), LedgerError::Closed);
        self.shared.waiters.wake_all();
    }
}
