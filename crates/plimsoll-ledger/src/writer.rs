//! The one thread that writes.
//!
//! It takes what arrived while it was syncing, writes it at once, syncs, and acknowledges: a group
//! is as large as the disk is slow. Nobody waits for a timer: only entries that no caller waits for
//! are held a moment, to share the write of one that somebody does.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::disk::Disk;
use crate::error::LedgerError;
use crate::ledger::{Seq, Shared};
use crate::merkle::{Frontier, Hash};
use crate::recovery::{self, End};
use crate::segment::{RECORD_HEADER_BYTES, Segment, encode_record};
use crate::{FREE_CHECK_COMMITS, GROUP_BYTES_MAX, GROUP_ENTRIES_MAX, NOTE_WAIT_MS};

pub(crate) type Acknowledge = oneshot::Sender<Result<Seq, LedgerError>>;

/// One entry that waits. An empty entry is a mark: it is acknowledged in its turn, and not written.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) entry: Vec<u8>,
    pub(crate) leaf: Hash,
    pub(crate) acknowledge: Option<Acknowledge>,
}

impl Job {
    pub(crate) fn mark(acknowledge: Acknowledge) -> Self {
        Self { entry: Vec::new(), leaf: [0; 32], acknowledge: Some(acknowledge) }
    }

    fn record_bytes(&self) -> usize {
        if self.entry.is_empty() { 0 } else { RECORD_HEADER_BYTES + self.entry.len() }
    }

    fn answer(self, answer: Result<Seq, LedgerError>) {
        if let Some(acknowledge) = self.acknowledge {
            // The caller may have stopped waiting.
            let _ = acknowledge.send(answer);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    dir: PathBuf,
    disk: Disk,
    segment_bytes: u64,
    min_free_bytes: u64,
    jobs: Receiver<Job>,
    shared: Arc<Shared>,
    segment: Segment,
    offset: u64,
    frontier: Frontier,
    buffer: Vec<u8>,
    spare: Option<JoinHandle<()>>,
    /// How many commits may pass until the free space is looked at again.
    unchecked_commits: u32,
}

impl Writer {
    pub(crate) fn new(
        dir: PathBuf,
        disk: Disk,
        segment_bytes: u64,
        min_free_bytes: u64,
        end: End,
        shared: Arc<Shared>,
        jobs: Receiver<Job>,
    ) -> Self {
        let End { segment, offset, frontier } = end;
        Self {
            dir,
            disk,
            segment_bytes,
            min_free_bytes,
            jobs,
            shared,
            segment,
            offset,
            frontier,
            buffer: Vec::with_capacity(GROUP_BYTES_MAX),
            spare: None,
            unchecked_commits: 0,
        }
    }

    /// Writes until the last handle is dropped and the queue is empty.
    pub(crate) fn run(mut self) {
        self.prepare_spare();
        let mut group = VecDeque::with_capacity(GROUP_ENTRIES_MAX);
        while self.gather(&mut group) {
            if let Err(error) = self.commit(&mut group) {
                let error = self.judge(error);
                for job in group.drain(..) {
                    job.answer(Err(error.clone()));
                }
            }
        }
        if let Some(spare) = self.spare.take() {
            let _ = spare.join();
        }
    }

    /// Waits for work, then takes what has arrived. False when there will be no more.
    ///
    /// A group within these bounds can be a little over [`GROUP_BYTES_MAX`] here; `encode` splits it.
    fn gather(&mut self, group: &mut VecDeque<Job>) -> bool {
        let Ok(first) = self.jobs.recv() else { return false };
        let mut bytes = first.record_bytes();
        let mut awaited = first.acknowledge.is_some();
        group.push_back(first);
        let until = Instant::now() + Duration::from_millis(NOTE_WAIT_MS);
        while group.len() < GROUP_ENTRIES_MAX && bytes < GROUP_BYTES_MAX {
            let next = match awaited {
                true => self.jobs.try_recv().ok(),
                false => self.jobs.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
            };
            let Some(job) = next else { break };
            bytes += job.record_bytes();
            awaited |= job.acknowledge.is_some();
            group.push_back(job);
        }
        let entries: usize = group.iter().map(|job| job.entry.len()).sum();
        self.shared.queued_bytes.fetch_sub(entries, Ordering::Relaxed);
        self.shared.queued_entries.fetch_sub(group.len(), Ordering::Relaxed);
        true
    }

    /// Makes the group durable and acknowledges it. What is left in it on error was not written,
    /// or may not be.
    fn commit(&mut self, group: &mut VecDeque<Job>) -> Result<(), LedgerError> {
        if let Some(poisoned) = self.shared.poison() {
            return Err(poisoned);
        }
        self.check_free_space()?;
        while let Some(job) = group.front() {
            if self.offset + job.record_bytes() as u64 > self.segment.length {
                self.rotate()?;
            }
            let first = self.frontier.size();
            let (jobs, frontier) = self.encode(group);
            if !self.buffer.is_empty() {
                self.write()?;
                self.publish(frontier);
            }
            acknowledge(group.drain(..jobs), first);
        }
        Ok(())
    }

    /// Fills the buffer with as many records as one write and this segment take, and says how many
    /// jobs those are and what the tree is after them.
    fn encode(&mut self, group: &VecDeque<Job>) -> (usize, Frontier) {
        self.buffer.clear();
        let room = (self.segment.length - self.offset).min(GROUP_BYTES_MAX as u64) as usize;
        let mut frontier = self.frontier.clone();
        let mut place = 0;
        let mut jobs = 0;
        for job in group {
            if self.buffer.len() + job.record_bytes() > room {
                break;
            }
            jobs += 1;
            if !job.entry.is_empty() {
                encode_record(&mut self.buffer, place, frontier.size(), &job.entry);
                frontier.push(job.leaf);
                place += 1;
            }
        }
        (jobs, frontier)
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
        self.shared.frontier.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&self.frontier);
        self.shared.durable.send_replace(self.frontier.size());
    }

    /// Goes on in a new segment.
    fn rotate(&mut self) -> Result<(), LedgerError> {
        if let Some(spare) = self.spare.take() {
            let _ = spare.join();
        }
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
        let thread = std::thread::Builder::new().name("ledger-spare".to_owned());
        let spare = thread.spawn(move || {
            if let Err(error) = recovery::make_spare(&dir, &disk, bytes) {
                tracing::warn!(%error, "cannot prepare the next ledger segment");
            }
        });
        self.spare = spare.ok();
    }

    fn free_space(&self) -> Option<u64> {
        self.disk.free_bytes(&self.dir).ok()
    }

    /// Looks at the free space now and then, and at each commit while there is too little.
    fn check_free_space(&mut self) -> Result<(), LedgerError> {
        if self.unchecked_commits > 0 {
            self.unchecked_commits -= 1;
            return Ok(());
        }
        self.check_free_space_for(0)?;
        self.unchecked_commits = FREE_CHECK_COMMITS;
        Ok(())
    }

    fn check_free_space_for(&mut self, bytes: u64) -> Result<(), LedgerError> {
        let free = self.disk.free_bytes(&self.dir).map_err(LedgerError::io("measure", &self.dir))?;
        let spare = recovery::has_spare(&self.dir, bytes);
        let floor = self.min_free_bytes.saturating_add(if spare { 0 } else { bytes });
        let full = (free < floor).then_some((free, floor));
        *self.shared.disk_full.lock().unwrap_or_else(PoisonError::into_inner) = full;
        match full {
            Some((free, floor)) => {
                self.unchecked_commits = 0;
                Err(LedgerError::DiskFull { free, floor })
            }
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

/// Tells the callers of one write where their entries stand.
fn acknowledge(jobs: impl Iterator<Item = Job>, first: u64) {
    let mut seq = first;
    for job in jobs {
        let mark = job.entry.is_empty();
        job.answer(Ok(Seq(seq)));
        seq += u64::from(!mark);
    }
}
