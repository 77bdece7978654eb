//! Opening a ledger: find the end, cut off what was never acknowledged, refuse what is missing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, io};

use crate::FIRST_SEGMENT_BYTES;
use crate::disk::{Disk, sync_dir};
use crate::error::LedgerError;
use crate::ledger::Head;
use crate::merkle::{Frontier, leaf};
use crate::segment::{self, Cursor, Header, Segment, Tail, ZEROS};

/// Bytes of a segment that are filled between two rests.
const STRIDE_BYTES: u64 = 512 << 10;
/// How long the disk is left to others between two pieces of a segment that nobody needs yet.
const REST: Duration = Duration::from_millis(25);

/// What opening the ledger found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The tree as it was found.
    pub head: Head,
    pub segments: usize,
    /// What was cut off, when the last run stopped in the middle of a write.
    pub truncated: Option<Truncation>,
}

/// Bytes of a write that was cut short. None of its entries was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncation {
    pub file: PathBuf,
    pub offset: u64,
    pub bytes: u64,
}

/// Where the writer goes on.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) segment: Segment,
    pub(crate) offset: u64,
    pub(crate) frontier: Frontier,
}

/// Finds the end of the ledger in `dir`, making it when it is new.
pub(crate) fn recover(dir: &Path, disk: &Disk, segment_bytes: u64) -> Result<(End, Recovery), LedgerError> {
    let mut firsts = segment::list(dir)?;
    match firsts.first() {
        Some(0) => {}
        Some(&first) => return Err(missing(dir, 0, first)),
        None => {
            create(dir, disk, segment_bytes.min(FIRST_SEGMENT_BYTES), &Frontier::default())?;
            firsts.push(0);
        }
    }
    let signed = Signed::of(dir)?;
    let mut found = None;
    let mut watch = |frontier: &Frontier| {
        if frontier.size() == signed.size() {
            found = Some(Head::of(frontier));
        }
    };
    let (end, tail) = match firsts.as_slice() {
        [.., before, last] => {
            let last = Segment::open(dir, *last, true)?;
            let walk = walk(last, &mut watch)?;
            if walk.0.frontier.size() == walk.0.segment.first() {
                joins(dir, *before, &walk.0.segment)?;
            }
            walk
        }
        _ => walk(Segment::open(dir, 0, true)?, &mut watch)?,
    };
    // Before anything is cut off: what looks like a write cut short may be what a checkpoint covers.
    signed.compare(dir, &firsts, end.frontier.size(), found)?;
    let truncated = truncate(&end, tail, disk)?;
    let head = Head::of(&end.frontier);
    Ok((end, Recovery { head, segments: firsts.len(), truncated }))
}

/// What the ledger's last checkpoint says that the ledger is.
struct Signed(Option<Head>);

impl Signed {
    fn of(dir: &Path) -> Result<Self, LedgerError> {
        Ok(Self(crate::proof::stored(dir)?.map(|checkpoint| checkpoint.head())))
    }

    fn size(&self) -> u64 {
        self.0.map_or(0, |head| head.size)
    }

    /// Compares it with a ledger that ends after `size` entries. `found` is its head at the checkpoint's size, where
    /// that was seen on the way.
    fn compare(&self, dir: &Path, firsts: &[u64], size: u64, found: Option<Head>) -> Result<(), LedgerError> {
        let Some(signed) = self.0 else { return Ok(()) };
        let file = dir.join(crate::proof::CHECKPOINT);
        if signed.size > size {
            return Err(LedgerError::RolledBack { file, size, signed: signed.size });
        }
        let found = match found {
            Some(found) => found,
            None => head_at(dir, firsts, signed.size)?,
        };
        if found != signed {
            let (found, signed) = (found.root.short(), signed.root.short());
            return Err(LedgerError::Rewritten { file, size: self.size(), found, signed });
        }
        Ok(())
    }
}

/// The head that the ledger had at a size, from the one segment that says so.
fn head_at(dir: &Path, firsts: &[u64], size: u64) -> Result<Head, LedgerError> {
    let first = firsts.iter().copied().take_while(|&first| first <= size).last().unwrap_or(0);
    let segment = Segment::open(dir, first, false)?;
    let mut frontier = segment.header.before.clone();
    let mut cursor = Cursor::new(&segment);
    while frontier.size() < size
        && let Some(record) = cursor.step(&segment)?
    {
        frontier.push(leaf(record.entry));
    }
    match frontier.size() == size {
        true => Ok(Head::of(&frontier)),
        false => Err(unreadable(&segment, &cursor, None)),
    }
}

/// Reads a segment to its end and judges what follows. `watch` sees the tree as it grows.
fn walk(segment: Segment, watch: &mut dyn FnMut(&Frontier)) -> Result<(End, Tail), LedgerError> {
    let mut frontier = segment.header.before.clone();
    let mut cursor = Cursor::new(&segment);
    watch(&frontier);
    while let Some(record) = cursor.step(&segment)? {
        frontier.push(leaf(record.entry));
        watch(&frontier);
    }
    let tail = segment.tail(cursor.offset, cursor.next)?;
    if let Tail::Damaged { later } = tail {
        return Err(unreadable(&segment, &cursor, later));
    }
    Ok((End { offset: cursor.offset, segment, frontier }, tail))
}

pub(crate) fn unreadable(segment: &Segment, cursor: &Cursor, later: Option<u64>) -> LedgerError {
    let next = cursor.next;
    let what = match later {
        Some(later) => format!("entry {next} is unreadable, but a later write with entry {later} is intact"),
        None => format!("entry {next} is unreadable, and more follows than one write can hold"),
    };
    segment.damaged(cursor.offset, what)
}

/// Checks that the segment before an empty one ends where the empty one says.
fn joins(dir: &Path, before: u64, last: &Segment) -> Result<(), LedgerError> {
    let (end, _) = walk(Segment::open(dir, before, false)?, &mut |_| {})?;
    if end.frontier != last.header.before {
        let what = format!(
            "the segment ends after {} entries, but the next one starts after {} others",
            end.frontier.size(),
            last.first()
        );
        return Err(end.segment.damaged(end.offset, what));
    }
    Ok(())
}

pub(crate) fn missing(dir: &Path, from: u64, to: u64) -> LedgerError {
    LedgerError::Damaged {
        file: segment::segment_path(dir, from),
        offset: 0,
        what: format!("the segment with entries {from} to {} is missing", to - 1),
    }
}

fn truncate(end: &End, tail: Tail, disk: &Disk) -> Result<Option<Truncation>, LedgerError> {
    let Tail::Torn { end: torn_end } = tail else { return Ok(None) };
    let path = &end.segment.path;
    let bytes = torn_end - end.offset;
    let zeros = vec![0; bytes as usize];
    disk.write(&end.segment.file, &zeros, end.offset).map_err(LedgerError::io("truncate", path))?;
    disk.sync(&end.segment.file).map_err(LedgerError::io("sync", path))?;
    tracing::warn!(file = %path.display(), offset = end.offset, bytes, "cut off a write that was never acknowledged");
    Ok(Some(Truncation { file: path.clone(), offset: end.offset, bytes }))
}

/// Makes a segment file from zeros, under its final name, durably.
pub(crate) fn create(
    dir: &Path,
    disk: &Disk,
    segment_bytes: u64,
    before: &Frontier,
) -> Result<Segment, LedgerError> {
    let spare = segment::segments_dir(dir).join("spare");
    make_spare(dir, disk, segment_bytes, &Pace::at_once())?;
    let file =
        fs::File::options().read(true).write(true).open(&spare).map_err(LedgerError::io("open", &spare))?;
    disk.write(&file, &Header::encode(before), 0).map_err(LedgerError::io("write", &spare))?;
    disk.sync(&file).map_err(LedgerError::io("sync", &spare))?;
    let path = segment::segment_path(dir, before.size());
    fs::rename(&spare, &path).map_err(LedgerError::io("rename", &spare))?;
    sync_segments_dir(dir)?;
    Segment::open(dir, before.size(), true)
}

/// Makes `seg/spare`, unless it is there: a file of zeros that are really on the disk, so that
/// writing records later allocates nothing and can't run out of space.
pub(crate) fn make_spare(dir: &Path, disk: &Disk, bytes: u64, pace: &Pace) -> Result<(), LedgerError> {
    if has_spare(dir, bytes) {
        return Ok(());
    }
    let spare = segment::segments_dir(dir).join("spare");
    let part = segment::segments_dir(dir).join("spare.part");
    match fill(&part, disk, bytes, pace) {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            let _ = fs::remove_file(&part);
            return Err(LedgerError::DiskFull { free: disk.free_bytes(dir).unwrap_or(0), floor: bytes });
        }
        filled => filled.map_err(LedgerError::io("fill", &part))?,
    }
    fs::rename(&part, &spare).map_err(LedgerError::io("rename", &part))?;
    sync_segments_dir(dir)
}

fn fill(path: &Path, disk: &Disk, bytes: u64, pace: &Pace) -> io::Result<()> {
    let file = fs::File::create(path)?;
    let mut at = 0;
    while at < bytes {
        let length = (bytes - at).min(ZEROS.len() as u64);
        disk.fill(&file, &ZEROS[..length as usize], at)?;
        at += length;
        if at.is_multiple_of(STRIDE_BYTES) {
            pace.rest(&file)?;
        }
    }
    file.sync_all()
}

/// How fast a segment is filled. All at once it would keep the disk from everything else for a moment, and every answer
/// that waits for its record waits for the disk.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    hurries: Arc<AtomicBool>,
}

impl Pace {
    pub(crate) fn slow() -> Self {
        Self { hurries: Arc::new(AtomicBool::new(false)) }
    }

    pub(crate) fn at_once() -> Self {
        Self { hurries: Arc::new(AtomicBool::new(true)) }
    }

    /// Somebody waits for it now.
    pub(crate) fn hurry(&self) {
        self.hurries.store(true, Ordering::Relaxed);
    }

    fn rest(&self, file: &fs::File) -> io::Result<()> {
        if !self.hurries.load(Ordering::Relaxed) {
            file.sync_data()?;
            std::thread::sleep(REST);
        }
        Ok(())
    }
}

/// Whether the next segment lies ready.
pub(crate) fn has_spare(dir: &Path, bytes: u64) -> bool {
    let spare = segment::segments_dir(dir).join("spare");
    fs::metadata(spare).is_ok_and(|found| found.len() == bytes)
}

fn sync_segments_dir(dir: &Path) -> Result<(), LedgerError> {
    let path = segment::segments_dir(dir);
    sync_dir(&path).map_err(LedgerError::io("sync", &path))
}
