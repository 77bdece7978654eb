//! What waits for the writer, and who waits for the disk.
//!
//! An entry gets its place the moment it is handed over, under the lock of the queue. Whoever waits for the disk holds
//! a [`Pending`]. A group is acknowledged by waking one of those who wait for it; that one wakes the others from the
//! inside of the runtime, where a wake-up costs nothing like one from another thread.

use std::collections::BTreeMap;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::error::LedgerError;
use crate::ledger::{Seq, Shared, Written};
use crate::merkle::Hash;
use crate::segment::{RECORD_HEADER_BYTES, body_bytes};
use crate::{GROUP_BYTES_MAX, GROUP_ENTRIES_MAX, NOTE_WAIT_MS, QUEUE_BYTES_MAX, REST_US_MAX};

/// Entries that wait for the writer. Their bytes stand one after the other, so that what one thread allocated is not for
/// another to free.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    each: Vec<Length>,
    bytes: Vec<u8>,
}

/// How long the parts of one entry are, and its leaf.
#[derive(Debug)]
struct Length {
    entry: usize,
    sealed: usize,
    beside: usize,
    leaf: Hash,
}

/// One entry that waits for the writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'j> {
    pub(crate) entry: &'j [u8],
    pub(crate) sealed: &'j [u8],
    pub(crate) beside: &'j [u8],
    pub(crate) leaf: Hash,
}

impl Job<'_> {
    pub(crate) fn record_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + body_bytes(self.entry.len(), self.sealed.len())
    }
}

impl Jobs {
    fn push(&mut self, written: &Written, leaf: Hash) {
        let Written { entry, sealed, beside } = written;
        for part in [entry, sealed, beside] {
            self.bytes.extend_from_slice(part);
        }
        let length = Length { entry: entry.len(), sealed: sealed.len(), beside: beside.len(), leaf };
        self.each.push(length);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Job<'_>> {
        let mut rest = &self.bytes[..];
        let mut part = move |length: usize| {
            let (part, after) = rest.split_at(length);
            rest = after;
            part
        };
        self.each.iter().map(move |length| Job {
            entry: part(length.entry),
            sealed: part(length.sealed),
            beside: part(length.beside),
            leaf: length.leaf,
        })
    }

    /// Forgets them. What an unusually long queue took is given back.
    pub(crate) fn clear(&mut self) {
        self.each.clear();
        self.bytes.clear();
        self.bytes.shrink_to(GROUP_BYTES_MAX);
    }
}

/// A run of places that were given one after the other. It ends when what was handed over could not be written: then
/// the places that were not used are given again, in a new run.
#[derive(Debug, Default)]
struct Run {
    /// How many entries are durable at its end, and why it ended.
    end: OnceLock<(u64, LedgerError)>,
}

/// The entries that wait for the writer.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    entries_max: usize,
    /// Where those who wait run.
    runtime: Option<Handle>,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: Jobs,
    /// The place of the next entry.
    next: u64,
    run: Arc<Run>,
    /// Whether somebody waits for one of them, or is about to.
    awaited: bool,
    closing: Closing,
    writer: Writer,
    closed: bool,
}

/// What the writer does at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    /// It writes, and looks at the queue when it is done.
    #[default]
    Busy,
    /// It looks at the queue before long.
    Dozing,
    /// It has nothing to do, and sleeps until it is woken.
    Asleep,
}

/// Whether the group that waits is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Closing {
    /// Nobody has looked.
    #[default]
    Not,
    /// A [`Closer`] is at work, and the writer leaves it to that one.
    Soon,
    /// It is.
    Done,
}

/// How soon an entry should be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Together with one that somebody waits for, or after a moment.
    None,
    /// With the next group: somebody will wait for it later.
    Soon,
    /// As soon as somebody waits for it, which is about to happen.
    WhenAwaited,
}

impl Waiting {
    /// Whether these entries should be written now.
    fn is_due(&self, entries_max: usize) -> bool {
        self.closed
            || self.closing == Closing::Done
            || self.jobs.bytes.len() >= GROUP_BYTES_MAX
            || self.jobs.each.len() >= GROUP_ENTRIES_MAX.min(entries_max)
    }

    /// Says that somebody waits. True when a closer has to be sent; a writer that is at work sends its own.
    fn waits(&mut self) -> bool {
        self.awaited = true;
        self.writer != Writer::Busy && self.wants_closer()
    }

    fn wants_closer(&mut self) -> bool {
        let wants = self.awaited && self.closing == Closing::Not && !self.jobs.each.is_empty();
        if wants {
            self.closing = Closing::Soon;
        }
        wants
    }

    /// The next group needs another closer, unless this one is still at work.
    fn forget_closer(&mut self) {
        if self.closing == Closing::Done {
            self.closing = Closing::Not;
        }
    }
}

impl Queue {
    pub(crate) fn new(next: u64, entries_max: usize) -> Self {
        let waiting = Mutex::new(Waiting { next, ..Waiting::default() });
        Self { waiting, arrived: Condvar::new(), entries_max, runtime: Handle::try_current().ok() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an entry over and gives it its place.
    fn push(
        &self,
        shared: &Arc<Shared>,
        written: &Written,
        leaf: Hash,
        haste: Haste,
    ) -> Result<(u64, Arc<Run>), LedgerError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(LedgerError::Closed);
        }
        let bytes = waiting.jobs.bytes.len() + written.entry.len() + written.sealed.len();
        if bytes > QUEUE_BYTES_MAX || waiting.jobs.each.len() >= self.entries_max {
            return Err(LedgerError::Busy);
        }
        waiting.jobs.push(written, leaf);
        let seq = waiting.next;
        waiting.next += 1;
        let run = Arc::clone(&waiting.run);
        let closes = haste == Haste::Soon && waiting.waits();
        let wakes = match waiting.writer {
            Writer::Busy => false,
            Writer::Dozing => waiting.is_due(self.entries_max),
            Writer::Asleep => haste == Haste::None || waiting.is_due(self.entries_max),
        };
        if wakes {
            waiting.writer = Writer::Busy;
        }
        drop(waiting);
        if wakes {
            self.arrived.notify_one();
        }
        if closes {
            Self::send_closer(shared, Handle::try_current().ok());
        }
        Ok((seq, run))
    }

    /// The last place that was given, if any was.
    fn last(&self) -> Option<(u64, Arc<Run>)> {
        let waiting = self.lock();
        Some((waiting.next.checked_sub(1)?, Arc::clone(&waiting.run)))
    }

    /// Says that somebody waits.
    fn is_awaited(&self, shared: &Arc<Shared>) {
        let closes = self.lock().waits();
        if closes {
            Self::send_closer(shared, Handle::try_current().ok());
        }
    }

    /// Has the group closed by a runtime; at once, where there is none. Whoever waits names the one that runs them: it is
    /// alive as long as they are.
    fn send_closer(shared: &Arc<Shared>, runtime: Option<Handle>) {
        let closer = Closer { shared: Arc::clone(shared) };
        match runtime {
            Some(runtime) => drop(runtime.spawn(closer.close())),
            None => drop(closer),
        }
    }

    /// Nobody waits for its entries any more, but they are written all the same.
    fn wake_sleeping(&self) {
        let mut waiting = self.lock();
        if waiting.writer == Writer::Asleep && !waiting.jobs.each.is_empty() {
            waiting.writer = Writer::Busy;
            drop(waiting);
            self.arrived.notify_one();
        }
    }

    /// Waits for work and takes all of it. False when there will be no more.
    pub(crate) fn take(&self, shared: &Arc<Shared>, jobs: &mut Jobs) -> bool {
        let soon = || Instant::now() + Duration::from_millis(NOTE_WAIT_MS);
        let mut until = soon();
        let mut waiting = self.lock();
        loop {
            if waiting.wants_closer() {
                drop(waiting);
                Self::send_closer(shared, self.runtime.clone());
                waiting = self.lock();
            }
            let left = until.saturating_duration_since(Instant::now());
            if waiting.jobs.each.is_empty() {
                if waiting.closed {
                    return false;
                }
                waiting.awaited = false;
                waiting.forget_closer();
                if left.is_zero() {
                    waiting.writer = Writer::Asleep;
                    waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                    waiting.writer = Writer::Busy;
                    until = soon();
                    continue;
                }
            } else if left.is_zero() || waiting.is_due(self.entries_max) {
                break;
            }
            // After a write too, although nothing waits: what is handed over in a moment finds it awake.
            waiting.writer = Writer::Dozing;
            let waited = self.arrived.wait_timeout(waiting, left);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
            waiting.writer = Writer::Busy;
        }
        waiting.forget_closer();
        waiting.awaited = false;
        mem::swap(jobs, &mut waiting.jobs);
        true
    }

    /// Ends the run: what was not durable by then is not written.
    pub(crate) fn fail(&self, durable: u64, error: LedgerError) {
        let mut waiting = self.lock();
        waiting.jobs.clear();
        waiting.next = durable;
        let run = mem::take(&mut waiting.run);
        let _ended_once = run.end.set((durable, error));
    }

    /// Takes no more entries. Those that wait are still written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().jobs.each.len()
    }
}

/// Says when a group is as large as it can be without anybody waiting for a clock: when a whole turn of the runtime,
/// with everything that was ready to run and everything that the network had, brought no further entry. So a busy
/// gateway syncs for many requests at once, and one with a single request after a turn or two.
struct Closer {
    shared: Arc<Shared>,
}

impl Closer {
    async fn close(self) {
        let bound = Instant::now() + Duration::from_micros(REST_US_MAX);
        let mut before = None;
        loop {
            tokio::task::yield_now().await;
            let next = self.shared.queue.lock().next;
            if before == Some(next) || Instant::now() >= bound {
                return;
            }
            before = Some(next);
        }
    }
}

impl Drop for Closer {
    /// Also when its runtime ends before it does.
    fn drop(&mut self) {
        let queue = &self.shared.queue;
        let mut waiting = queue.lock();
        waiting.closing = Closing::Done;
        let wakes = waiting.writer != Writer::Busy && !waiting.jobs.each.is_empty();
        if wakes {
            waiting.writer = Writer::Busy;
            drop(waiting);
            queue.arrived.notify_one();
        }
    }
}

/// Those who wait for the disk, by the place they wait for.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    wakers: Mutex<BTreeMap<(u64, u64), Waker>>,
    last_id: AtomicU64,
}

impl Waiters {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(u64, u64), Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes one of those whose entries are durable. That one wakes the others.
    pub(crate) fn wake_one(&self, durable: u64) {
        let mut wakers = self.lock();
        let first = wakers.first_entry().filter(|first| first.key().0 < durable);
        let first = first.map(|first| first.remove());
        drop(wakers);
        if let Some(first) = first {
            first.wake();
        }
    }

    pub(crate) fn wake_all(&self) {
        let all = mem::take(&mut *self.lock());
        all.into_values().for_each(Waker::wake);
    }

    /// One of them goes, and wakes everybody whose entries are durable: perhaps it was woken for all.
    fn leave(&self, key: (u64, u64), durable: u64) {
        let ready = {
            let mut wakers = self.lock();
            wakers.remove(&key);
            if wakers.first_key_value().is_none_or(|(first, _)| first.0 >= durable) {
                return;
            }
            let later = wakers.split_off(&(durable, 0));
            mem::replace(&mut *wakers, later)
        };
        ready.into_values().for_each(Waker::wake);
    }
}

/// An entry that was handed over and has its place. Waiting for it says whether it is durable.
#[derive(Debug)]
#[must_use = "until this was waited for, the entry may get lost"]
pub struct Pending {
    shared: Arc<Shared>,
    run: Arc<Run>,
    seq: u64,
    /// Among those who wait.
    id: u64,
    /// Whether the writer knows that somebody waits.
    asked: bool,
}

impl Pending {
    /// Hands an entry over.
    pub(crate) fn push(
        shared: &Arc<Shared>,
        written: &Written,
        leaf: Hash,
        haste: Haste,
    ) -> Result<Self, LedgerError> {
        let (seq, run) = shared.queue.push(shared, written, leaf, haste)?;
        Ok(Self::of(shared, seq, run))
    }

    /// For everything that was handed over so far; `None` when nothing ever was.
    pub(crate) fn last(shared: &Arc<Shared>) -> Option<Self> {
        let (seq, run) = shared.queue.last()?;
        Some(Self::of(shared, seq, run))
    }

    fn of(shared: &Arc<Shared>, seq: u64, run: Arc<Run>) -> Self {
        Self { shared: Arc::clone(shared), run, seq, id: 0, asked: false }
    }

    /// The place that the entry has once it is durable.
    pub const fn seq(&self) -> Seq {
        Seq(self.seq)
    }

    fn answer(&self) -> Option<Result<Seq, LedgerError>> {
        // In this order: what is durable in a later run is so after the end of this one.
        let durable = self.shared.size();
        match self.run.end.get() {
            Some((size, error)) if self.seq >= *size => Some(Err(error.clone())),
            _ => (self.seq < durable).then_some(Ok(Seq(self.seq))),
        }
    }

    fn register(&mut self, waker: &Waker) {
        if self.id == 0 {
            self.id = self.shared.waiters.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        }
        self.shared.waiters.lock().insert((self.seq, self.id), waker.clone());
    }
}

impl Future for Pending {
    type Output = Result<Seq, LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(answer) = self.answer() {
            return Poll::Ready(answer);
        }
        if !mem::replace(&mut self.asked, true) {
            self.shared.queue.is_awaited(&self.shared);
        }
        self.register(context.waker());
        // It may have become durable while this one was not yet among those who wait.
        self.answer().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        match self.asked {
            true => self.shared.waiters.leave((self.seq, self.id), self.shared.size()),
            false => self.shared.queue.wake_sleeping(),
        }
    }
}
