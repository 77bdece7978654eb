//! Reading beside the writer, without its lock.
//!
//! A reader from [`Ledger::reader`](crate::Ledger::reader) is bounded by what the writer has made
//! durable. A reader of a directory, in another process or after the fact, sees what recovery would
//! accept: a record that was written but not yet synced can appear to it, and would vanish if the
//! machine lost power in that moment. So nothing may be *done* because such a reader saw an entry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::error::LedgerError;
use crate::ledger::{Head, Seq};
use crate::merkle::{Frontier, leaf};
use crate::recovery::{missing, unreadable};
use crate::segment::{self, Cursor, Segment, Tail};

/// How far apart the places are that readers remember.
const MARK_BYTES: u64 = 256 << 10;
/// How many places readers remember: enough for 4 GiB. The oldest go first.
const MARKS_MAX: usize = 16_384;

/// One entry and its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub seq: Seq,
    /// What is hashed into the tree.
    pub entry: Vec<u8>,
    /// What stands beside it, sealed; empty when nothing does. It may be destroyed by destroying its keys, and is no
    /// part of any proof: the entry holds its digest.
    pub sealed: Vec<u8>,
}

/// Reads a ledger. See the module's note on what it can see.
#[derive(Clone, Debug)]
pub struct LedgerReader {
    dir: PathBuf,
    durable: Option<watch::Receiver<u64>>,
    /// Shared by all clones, so that a reader finds its way back to where another one was.
    marks: Arc<Marks>,
    /// The segment that [`read_at`](LedgerReader::read_at) looked into last.
    open: Arc<Mutex<Option<Arc<Segment>>>>,
}

impl LedgerReader {
    /// Opens a ledger's directory for reading, also while a gateway writes it.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, LedgerError> {
        let dir = dir.into();
        if !segment::segments_dir(&dir).is_dir() {
            return Err(LedgerError::NotALedger { path: dir });
        }
        Ok(Self { dir, durable: None, marks: Arc::default(), open: Arc::default() })
    }

    pub(crate) fn bounded(dir: PathBuf, durable: watch::Receiver<u64>) -> Self {
        Self { dir, durable: Some(durable), marks: Arc::default(), open: Arc::default() }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Entries from `seq` on.
    pub fn iter_from(&self, seq: Seq) -> Records {
        Records { reader: self.clone(), next: seq.0, place: 0, at: None }
    }

    /// One entry, or `None` when there are not that many.
    pub fn read(&self, seq: Seq) -> Result<Option<Vec<u8>>, LedgerError> {
        self.record(seq).map(|record| record.map(|record| record.entry))
    }

    /// One entry with its sealed part, or `None` when there are not that many.
    pub fn record(&self, seq: Seq) -> Result<Option<Record>, LedgerError> {
        self.iter_from(seq).next().transpose()
    }

    /// One record that should begin at `place` of its segment, where [`Records::place`] found it. It is looked for
    /// where that turns out to be wrong.
    pub fn read_at(&self, seq: Seq, place: u64) -> Result<Option<Record>, LedgerError> {
        if !self.is_durable(seq.0) {
            return Ok(None);
        }
        let known = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let of = |(entry, sealed)| Record { seq, entry, sealed };
        if let Some(found) = known.and_then(|segment| segment.record_at(seq.0, place)) {
            return Ok(Some(of(found)));
        }
        let Some(segment) = self.segment_of(seq.0)?.map(Arc::new) else { return Ok(None) };
        let found = segment.record_at(seq.0, place);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(segment);
        found.map_or_else(|| self.record(seq), |found| Ok(Some(of(found))))
    }

    /// Reads every entry, checks every checksum, and computes the head from nothing but the
    /// entries. Segment headers that name another head on the way are reported as damage.
    pub fn verify(&self) -> Result<Head, LedgerError> {
        let mut frontier = Frontier::default();
        let mut records = self.iter_from(Seq(0));
        while let Some(record) = records.next().transpose()? {
            if let Some((segment, _)) = &records.at
                && segment.first() == record.seq.0
                && segment.header.before != frontier
            {
                return Err(segment.damaged(24, "the header's root is not the root of the entries before it"));
            }
            frontier.push(leaf(&record.entry));
        }
        Ok(Head::of(&frontier))
    }

    fn is_durable(&self, seq: u64) -> bool {
        self.durable.as_ref().is_none_or(|durable| seq < *durable.borrow())
    }

    /// The segment that holds `seq`, or will.
    fn segment_of(&self, seq: u64) -> Result<Option<Segment>, LedgerError> {
        let firsts = segment::list(&self.dir)?;
        if let Some(&first) = firsts.first()
            && first > 0
        {
            return Err(missing(&self.dir, 0, first));
        }
        let holder = firsts.into_iter().take_while(|&first| first <= seq).last();
        holder.map(|first| Segment::open(&self.dir, first, false)).transpose()
    }

    /// The first segment that starts after `first`.
    fn segment_after(&self, first: u64) -> Result<Option<u64>, LedgerError> {
        Ok(segment::list(&self.dir)?.into_iter().find(|&other| other > first))
    }
}

/// Where some groups start, found while reading, so that reading on does not begin at the start of
/// the segment each time.
#[derive(Debug, Default)]
struct Marks {
    /// First sequence number of a group, to its segment and its offset there.
    groups: Mutex<BTreeMap<u64, (u64, u64)>>,
}

impl Marks {
    fn note(&self, segment: u64, seq: u64, offset: u64) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let near = |at: &(u64, u64)| at.0 == segment && offset.saturating_sub(at.1) < MARK_BYTES;
        if groups.range(..=seq).next_back().is_some_and(|(_, at)| near(at)) {
            return;
        }
        groups.insert(seq, (segment, offset));
        if groups.len() > MARKS_MAX {
            groups.pop_first();
        }
    }

    /// A cursor as close before `seq` as is known.
    fn cursor(&self, segment: &Segment, seq: u64) -> Cursor {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        match groups.range(..=seq).next_back() {
            Some((&seq, &(first, offset))) if first == segment.first() => Cursor::at(seq, offset),
            _ => Cursor::new(segment),
        }
    }
}

/// Entries in order. `None` means *no more yet*: ask again later to follow a ledger that grows.
#[derive(Debug)]
pub struct Records {
    reader: LedgerReader,
    next: u64,
    place: u64,
    at: Option<(Segment, Cursor)>,
}

impl Iterator for Records {
    type Item = Result<Record, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = Record::default();
        match self.read_into(&mut record) {
            Ok(true) => Some(Ok(record)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl Records {
    /// The place of the entry that comes next.
    pub const fn position(&self) -> Seq {
        Seq(self.next)
    }

    /// Where in its segment the last entry stands, for [`LedgerReader::read_at`].
    pub const fn place(&self) -> u64 {
        self.place
    }

    /// Like `next`, into a record whose memory is used again. False when there are no more yet.
    pub(crate) fn read_into(&mut self, record: &mut Record) -> Result<bool, LedgerError> {
        if !self.reader.is_durable(self.next) {
            return Ok(false);
        }
        loop {
            let Some((segment, cursor)) = &mut self.at else {
                let Some(segment) = self.reader.segment_of(self.next)? else { return Ok(false) };
                let cursor = self.reader.marks.cursor(&segment, self.next);
                self.at = Some((segment, cursor));
                continue;
            };
            while let Some(intact) = cursor.step(segment)? {
                if let Some(offset) = intact.group_at {
                    self.reader.marks.note(segment.first(), intact.seq, offset);
                }
                if intact.seq == self.next {
                    record.seq = Seq(intact.seq);
                    for (part, read) in
                        [(&mut record.entry, intact.entry), (&mut record.sealed, intact.sealed)]
                    {
                        part.clear();
                        part.extend_from_slice(read);
                    }
                    self.place = intact.offset;
                    self.next += 1;
                    return Ok(true);
                }
            }
            match look(&self.reader, segment, cursor)? {
                Look::Again => {}
                Look::NextSegment => self.at = None,
                Look::End => return Ok(false),
            }
        }
    }
}

/// What to do at a place where no record was found.
enum Look {
    Again,
    NextSegment,
    End,
}

/// Tells the end of the ledger from the end of a segment, and both from damage.
///
/// The writer may be ahead of what was read, so damage is believed only when a second, fresh look
/// finds it too: groups become visible in order.
fn look(reader: &LedgerReader, segment: &Segment, cursor: &mut Cursor) -> Result<Look, LedgerError> {
    if is_there(segment, cursor)? {
        return Ok(Look::Again);
    }
    let after = reader.segment_after(segment.first())?;
    let tail = segment.tail_before(cursor.judge_until(segment), cursor.offset, cursor.next)?;
    if is_there(segment, cursor)? {
        return Ok(Look::Again);
    }
    match (after, tail) {
        (_, Tail::Damaged { later }) => Err(unreadable(segment, cursor, later)),
        (None, Tail::Clean | Tail::Torn { .. }) => Ok(Look::End),
        (Some(after), Tail::Clean) if after == cursor.next => Ok(Look::NextSegment),
        (Some(after), _) => {
            let what = format!("entries {} to {} are missing", cursor.next, after.saturating_sub(1));
            Err(segment.damaged(cursor.offset, what))
        }
    }
}

/// Whether the file now has the record that the cursor waits for.
fn is_there(segment: &Segment, cursor: &mut Cursor) -> Result<bool, LedgerError> {
    cursor.refresh();
    Ok(cursor.clone().step(segment)?.is_some())
}
