//! The format of a segment file, and a cursor that walks one without believing it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::LedgerError;
use crate::merkle::{Frontier, Hash};
use crate::{ENTRY_BYTES_MAX, GROUP_BYTES_MAX};

/// What this version writes and reads. Version 1 had no sealed parts, and would take one for damage.
pub(crate) const VERSION: u32 = 2;
/// The first version whose segments may hold sealed parts.
pub(crate) const SEALED_SINCE: u32 = 2;
/// In `place`: the record has a sealed part behind its entry.
const SEALED: u16 = 1 << 15;
/// Bytes of the length that parts the entry from its sealed part.
const PARTED_BYTES: usize = 2;
pub(crate) const HEADER_BYTES: usize = 4_096;
pub(crate) const RECORD_HEADER_BYTES: usize = 16;
const MAGIC: &[u8; 8] = b"PLIMSEG\0";
const PEAKS_AT: usize = 64;
const CHECKSUM_AT: usize = HEADER_BYTES - 4;
const PEAKS_MAX: usize = 64;
/// How much a cursor reads at once.
const CHUNK_BYTES: usize = 256 << 10;
/// What an unused part of a segment holds. Few, as they are a part of the program that stays in memory.
pub(crate) static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Where segments live.
pub(crate) fn segments_dir(dir: &Path) -> PathBuf {
    dir.join("seg")
}

pub(crate) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    segments_dir(dir).join(format!("{first:020}.seg"))
}

/// The first sequence numbers of all segments, in order.
pub(crate) fn list(dir: &Path) -> Result<Vec<u64>, LedgerError> {
    let path = segments_dir(dir);
    let mut firsts = Vec::new();
    for item in std::fs::read_dir(&path).map_err(LedgerError::io("list", &path))? {
        let name = item.map_err(LedgerError::io("list", &path))?.file_name();
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".seg")) else { continue };
        if stem.len() == 20
            && let Ok(first) = stem.parse()
        {
            firsts.push(first);
        }
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// What a segment's first block says: the tree of everything before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u32,
    pub(crate) before: Frontier,
}

impl Header {
    /// ```text
    ///  0 magic  8 version u32  12 peaks u32  16 first seq u64  24 root before (32)  56 zero
    /// 64 peaks (32 each, largest first) …  4092 crc32c u32 over everything before
    /// ```
    pub(crate) fn encode(before: &Frontier) -> [u8; HEADER_BYTES] {
        let mut block = [0; HEADER_BYTES];
        block[..8].copy_from_slice(MAGIC);
        block[8..12].copy_from_slice(&VERSION.to_le_bytes());
        block[12..16].copy_from_slice(&(before.peaks().len() as u32).to_le_bytes());
        block[16..24].copy_from_slice(&before.size().to_le_bytes());
        block[24..56].copy_from_slice(&before.root());
        for (slot, peak) in block[PEAKS_AT..].chunks_exact_mut(32).zip(before.peaks()) {
            slot.copy_from_slice(peak);
        }
        let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
        block[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        block
    }

    fn decode(block: &[u8; HEADER_BYTES], file: &Path) -> Result<Self, LedgerError> {
        let damaged =
            |what: &str| LedgerError::Damaged { file: file.to_owned(), offset: 0, what: what.to_owned() };
        if &block[..8] != MAGIC {
            return Err(damaged("this is not a segment: the magic number is missing"));
        }
        let version = u32_at(block, 8);
        if version > VERSION {
            return Err(LedgerError::NewerFormat { file: file.to_owned(), version });
        }
        if crc32c::crc32c(&block[..CHECKSUM_AT]) != u32_at(block, CHECKSUM_AT) {
            return Err(damaged("the segment header's checksum is wrong"));
        }
        let peaks: Vec<Hash> = block[PEAKS_AT..]
            .as_chunks::<32>()
            .0
            .iter()
            .take((u32_at(block, 12) as usize).min(PEAKS_MAX))
            .copied()
            .collect();
        let before = Frontier::from_peaks(u64_at(block, 16), peaks)
            .ok_or_else(|| damaged("the segment header's tree has the wrong number of peaks"))?;
        if before.root() != block[24..56] {
            return Err(damaged("the segment header's tree does not have the root it names"));
        }
        Ok(Self { version, before })
    }
}

/// Appends one record to a group's buffer.
pub(crate) fn encode_record(buffer: &mut Vec<u8>, place: u16, seq: u64, entry: &[u8], sealed: &[u8]) {
    let at = buffer.len();
    buffer.resize(at + RECORD_HEADER_BYTES, 0);
    if sealed.is_empty() {
        buffer.extend_from_slice(entry);
    } else {
        buffer.extend_from_slice(&(entry.len() as u16).to_le_bytes());
        buffer.extend_from_slice(entry);
        buffer.extend_from_slice(sealed);
    }
    let (head, body) = buffer[at..].split_at_mut(RECORD_HEADER_BYTES);
    let place = if sealed.is_empty() { place } else { place | SEALED };
    head[0..2].copy_from_slice(&(body.len() as u16).to_le_bytes());
    head[2..4].copy_from_slice(&place.to_le_bytes());
    head[8..16].copy_from_slice(&seq.to_le_bytes());
    let checksum = checksum(head, body);
    head[4..8].copy_from_slice(&checksum.to_le_bytes());
}

/// Bytes of a record with such parts, without its header.
pub(crate) const fn body_bytes(entry: usize, sealed: usize) -> usize {
    if sealed == 0 { entry } else { PARTED_BYTES + entry + sealed }
}

fn checksum(head: &[u8], entry: &[u8]) -> u32 {
    let checksum = crc32c::crc32c(&head[0..4]);
    crc32c::crc32c_append(crc32c::crc32c_append(checksum, &head[8..16]), entry)
}

/// One record found intact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found<'a> {
    place: u16,
    seq: u64,
    entry: &'a [u8],
    sealed: &'a [u8],
}

impl Found<'_> {
    fn bytes(&self) -> usize {
        RECORD_HEADER_BYTES + body_bytes(self.entry.len(), self.sealed.len())
    }
}

/// The record that starts these bytes, when there is one and it is intact.
fn decode_record(bytes: &[u8]) -> Option<Found<'_>> {
    let head = bytes.get(..RECORD_HEADER_BYTES)?;
    let length = usize::from(u16_at(head, 0));
    let body = bytes.get(RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + length)?;
    if length == 0 || checksum(head, body) != u32_at(head, 4) {
        return None;
    }
    let (place, seq) = (u16_at(head, 2), u64_at(head, 8));
    if place & SEALED == 0 {
        return Some(Found { place, seq, entry: body, sealed: &[] });
    }
    let entry_bytes = body.get(..PARTED_BYTES).map(|parted| usize::from(u16_at(parted, 0)))?;
    let (entry, sealed) = body[PARTED_BYTES..].split_at_checked(entry_bytes)?;
    (!entry.is_empty() && !sealed.is_empty()).then_some(Found { place: place & !SEALED, seq, entry, sealed })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// An open segment file.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) length: u64,
    pub(crate) header: Header,
}

impl Segment {
    pub(crate) fn open(dir: &Path, first: u64, write: bool) -> Result<Self, LedgerError> {
        let path = segment_path(dir, first);
        let file =
            File::options().read(true).write(write).open(&path).map_err(LedgerError::io("open", &path))?;
        let length = file.metadata().map_err(LedgerError::io("measure", &path))?.len();
        if length < HEADER_BYTES as u64 {
            return Err(LedgerError::Damaged {
                file: path,
                offset: length,
                what: "the file ends inside the segment header".to_owned(),
            });
        }
        let mut block = [0; HEADER_BYTES];
        file.read_exact_at(&mut block, 0).map_err(LedgerError::io("read", &path))?;
        let header = Header::decode(&block, &path)?;
        if header.before.size() != first {
            return Err(LedgerError::Damaged {
                file: path,
                offset: 16,
                what: format!("the header says that entry {} comes first", header.before.size()),
            });
        }
        Ok(Self { path, file, length, header })
    }

    pub(crate) fn first(&self) -> u64 {
        self.header.before.size()
    }

    /// The entry of this number, if its record begins here and is intact.
    pub(crate) fn record_at(&self, seq: u64, offset: u64) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut head = [0; RECORD_HEADER_BYTES];
        if offset < HEADER_BYTES as u64 || seq < self.first() {
            return None;
        }
        self.file.read_exact_at(&mut head, offset).ok()?;
        let mut record = vec![0; RECORD_HEADER_BYTES + usize::from(u16_at(&head, 0))];
        self.file.read_exact_at(&mut record, offset).ok()?;
        let found = decode_record(&record).filter(|found| found.seq == seq)?;
        Some((found.entry.to_vec(), found.sealed.to_vec()))
    }

    pub(crate) fn damaged(&self, offset: u64, what: impl Into<String>) -> LedgerError {
        LedgerError::Damaged { file: self.path.clone(), offset, what: what.into() }
    }

    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).map_err(LedgerError::io("read", &self.path))?;
        Ok(bytes)
    }

    /// Judges what follows the last intact record.
    pub(crate) fn tail(&self, offset: u64, next: u64) -> Result<Tail, LedgerError> {
        self.tail_before(self.length, offset, next)
    }

    /// Judges what follows the last intact record and lies before `limit`.
    pub(crate) fn tail_before(&self, limit: u64, offset: u64, next: u64) -> Result<Tail, LedgerError> {
        let end = self.end_of_data(limit, offset)?;
        if end <= offset {
            return Ok(Tail::Clean);
        }
        let rest = self.read(offset, (end - offset) as usize)?;
        let later_group = (1..rest.len()).find_map(|at| {
            let head = rest.get(at..at + RECORD_HEADER_BYTES)?;
            let seq = u64_at(head, 8);
            if seq <= next || seq - next > rest.len() as u64 {
                return None;
            }
            let found = decode_record(&rest[at..])?;
            (found.seq.saturating_sub(u64::from(found.place)) > next).then_some(found.seq)
        });
        Ok(match later_group {
            Some(later) => Tail::Damaged { later: Some(later) },
            None if rest.len() > GROUP_BYTES_MAX => Tail::Damaged { later: None },
            None => Tail::Torn { end },
        })
    }

    /// Where the last byte before `limit` that is not zero ends, or `offset` when all are zero.
    fn end_of_data(&self, limit: u64, offset: u64) -> Result<u64, LedgerError> {
        let mut end = limit;
        while end > offset {
            let start = end.saturating_sub(ZEROS.len() as u64).max(offset);
            let chunk = self.read(start, (end - start) as usize)?;
            // Most of a segment is zeros: compared whole, and looked at byte by byte only where it is not.
            if chunk == ZEROS[..chunk.len()] {
                end = start;
                continue;
            }
            if let Some(last) = chunk.iter().rposition(|&byte| byte != 0) {
                return Ok(start + last as u64 + 1);
            }
            end = start;
        }
        Ok(offset)
    }
}

/// What follows the last intact record of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Zeros.
    Clean,
    /// A group that was never acknowledged, cut short; it ends at this offset.
    Torn { end: u64 },
    /// Acknowledged records that cannot be read: an intact one of a later group lies behind them,
    /// or there is more than one group could have written.
    Damaged { later: Option<u64> },
}

/// A record that a cursor passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intact<'a> {
    pub(crate) seq: u64,
    pub(crate) entry: &'a [u8],
    pub(crate) sealed: &'a [u8],
    /// Where it stands.
    pub(crate) offset: u64,
    /// The same, when it is the first of its group.
    pub(crate) group_at: Option<u64>,
}

/// Walks the records of a segment.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// Where the next record starts.
    pub(crate) offset: u64,
    /// Which sequence number it must have.
    pub(crate) next: u64,
    place: Option<u16>,
    /// Whether the rest of the segment has been judged once.
    judged: bool,
    buffer: Vec<u8>,
    buffer_at: u64,
}

impl Cursor {
    pub(crate) fn new(segment: &Segment) -> Self {
        Self::at(segment.first(), HEADER_BYTES as u64)
    }

    /// A cursor at the start of a group that has been seen before.
    pub(crate) fn at(seq: u64, offset: u64) -> Self {
        Self { offset, next: seq, place: None, judged: false, buffer: Vec::new(), buffer_at: offset }
    }

    /// The next record, or `None` when what is there is not that record.
    pub(crate) fn step(&mut self, segment: &Segment) -> Result<Option<Intact<'_>>, LedgerError> {
        self.fill(segment)?;
        let Self { offset, next, place, buffer, buffer_at, .. } = self;
        let Some(found) = decode_record(&buffer[(*offset - *buffer_at) as usize..]) else { return Ok(None) };
        let follows = found.place == 0 || place.is_some_and(|place| found.place == place + 1);
        if found.seq != *next || !follows {
            return Ok(None);
        }
        *place = Some(found.place);
        let at = *offset;
        let group_at = (found.place == 0).then_some(at);
        *offset += found.bytes() as u64;
        *next += 1;
        Ok(Some(Intact { seq: found.seq, entry: found.entry, sealed: found.sealed, offset: at, group_at }))
    }

    /// How far to look for damage behind the end: once to the end of the segment, and then, while
    /// following it, as far as two groups reach.
    pub(crate) fn judge_until(&mut self, segment: &Segment) -> u64 {
        let first = !std::mem::replace(&mut self.judged, true);
        if first { segment.length } else { segment.length.min(self.offset + 2 * GROUP_BYTES_MAX as u64) }
    }

    /// Forgets what was read ahead, so that the next step sees what has been written since.
    pub(crate) fn refresh(&mut self) {
        self.buffer.clear();
        self.buffer_at = self.offset;
    }

    fn fill(&mut self, segment: &Segment) -> Result<(), LedgerError> {
        let longest = (RECORD_HEADER_BYTES + ENTRY_BYTES_MAX) as u64;
        let wanted = longest.min(segment.length.saturating_sub(self.offset));
        if self.buffer_at + self.buffer.len() as u64 >= self.offset + wanted {
            return Ok(());
        }
        let length = (CHUNK_BYTES as u64).min(segment.length - self.offset);
        self.buffer.resize(length as usize, 0);
        self.buffer_at = self.offset;
        segment
            .file
            .read_exact_at(&mut self.buffer, self.offset)
            .map_err(LedgerError::io("read", &segment.path))
    }
}
