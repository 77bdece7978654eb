//! Checking a ledger or a pack against a trust policy: every leaf, tile, checkpoint and cosignature, and the segments
//! where they are. Nothing that is stored is believed; every hash is computed anew.

use std::fmt;
use std::path::PathBuf;

use super::checkpoint::SignedCheckpoint;
use super::edge::Edge;
use super::files::{FileError, Files};
use super::policy::{Policy, Trusted};
use super::tile::{self, TILE_WIDTH, Tile, TileKind, bundle_entries, tiles_of};
use super::{CHECKPOINT, NOTE_BYTES_MAX, PROBLEMS_MAX};
use crate::merkle::{Hash, leaf};
use crate::{Head, LedgerReader, Seq};

/// What is verified, and against what.
#[derive(Debug)]
pub struct Verification<'a> {
    pub files: &'a dyn Files,
    pub policy: &'a Policy,
    /// Checkpoints that were kept from earlier: the tree must have grown from each.
    pub earlier: &'a [SignedCheckpoint],
    /// The ledger's directory, when its segments are to be compared with the tiles.
    pub segments: Option<PathBuf>,
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: String,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}

impl From<FileError> for Problem {
    fn from(FileError { file, what }: FileError) -> Self {
        Self { file, what }
    }
}

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub origin: String,
    pub head: Head,
    pub trusted: Trusted,
    pub checked: Checked,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub entries: u64,
    pub tiles: u64,
    pub bundles: u64,
    /// Entries that the segments hold, when there are segments.
    pub in_segments: Option<u64>,
}

/// Verifies. `progress` hears now and then how many of how many steps are done.
///
/// # Errors
/// All that is wrong, the first [`PROBLEMS_MAX`] of it.
pub fn verify(what: &Verification<'_>, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, Vec<Problem>> {
    let mut walk = Walk { what, problems: Vec::new(), checked: Checked::default() };
    let checkpoint = match walk.checkpoint() {
        Ok(checkpoint) => checkpoint,
        Err(problem) => return Err(vec![problem]),
    };
    let head = checkpoint.head();
    let trusted = what.policy.judge(&checkpoint).map_err(|why| walk.tell(&CHECKPOINT, why)).ok();
    let steps = if what.segments.is_some() { head.size.saturating_mul(2) } else { head.size };
    let mut progress = |done| progress(done, steps.max(1));
    let found = walk.tree(head, &mut progress);
    if found != head {
        let what = format!(
            "it names root {}, but the tiles make {}: tiles, or the checkpoint, were changed",
            head.root.short(),
            found.root.short()
        );
        walk.tell(&CHECKPOINT, what);
    }
    walk.others(head.size);
    if let Some(dir) = &what.segments {
        walk.segments(dir, head, &mut progress);
    }
    let Walk { problems, checked, .. } = walk;
    match (problems.is_empty(), trusted) {
        (true, Some(trusted)) => {
            Ok(Verified { origin: checkpoint.origin().to_owned(), head, trusted, checked })
        }
        _ => Err(problems),
    }
}

struct Walk<'a> {
    what: &'a Verification<'a>,
    problems: Vec<Problem>,
    checked: Checked,
}

impl Walk<'_> {
    fn tell(&mut self, path: &dyn fmt::Display, what: impl Into<String>) {
        let file = self.what.files.called(&path.to_string());
        self.note(Problem { file, what: what.into() });
    }

    fn note(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn checkpoint(&self) -> Result<SignedCheckpoint, Problem> {
        let files = self.what.files;
        let bytes = files.read(CHECKPOINT, NOTE_BYTES_MAX)?;
        let bytes = bytes.ok_or_else(|| FileError::missing(files, &CHECKPOINT))?;
        let file = files.called(CHECKPOINT);
        SignedCheckpoint::parse(&bytes).map_err(|error| Problem { file, what: error.to_string() })
    }

    /// A tile's bytes, of exactly the width it must have.
    fn tile(&mut self, tile: Tile) -> Option<Vec<u8>> {
        let read = tile::read(self.what.files, tile);
        let read = read.and_then(|bytes| bytes.ok_or_else(|| FileError::missing(self.what.files, &tile)));
        match read {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.note(error.into());
                None
            }
        }
    }

    fn hashes(&mut self, tile: Tile) -> Option<Vec<Hash>> {
        let bytes = self.tile(tile)?;
        let hashes = tile::hashes(&bytes, tile.width);
        if hashes.is_none() {
            self.tell(
                &tile,
                format!("it has {} bytes; {} hashes have {}", bytes.len(), tile.width, tile.width * 32),
            );
        }
        self.checked.tiles += 1;
        hashes
    }

    /// Walks all leaves, compares entries and tiles with them, and gives the head that the leaves make.
    fn tree(&mut self, head: Head, progress: &mut dyn FnMut(u64)) -> Head {
        let mut edge = Edge::default();
        let mut earlier: Vec<&SignedCheckpoint> = self.what.earlier.iter().collect();
        earlier.sort_by_key(|checkpoint| checkpoint.head().size);
        let mut earlier = earlier.into_iter().peekable();
        for index in 0..head.size.div_ceil(TILE_WIDTH as u64) {
            let width = (head.size - (index << 8)).min(TILE_WIDTH as u64) as usize;
            let tile = Tile { kind: TileKind::Hashes(0), index, width };
            let Some(leaves) = self.hashes(tile) else { break };
            self.entries(tile, &leaves);
            for (n, leaf) in leaves.into_iter().enumerate() {
                while let Some(kept) = earlier.next_if(|kept| kept.head().size == (index << 8) + n as u64) {
                    self.compare_earlier(kept, &edge);
                }
                for filled in edge.push(leaf).into_iter().filter(|filled| filled.level > 0) {
                    let kind = TileKind::Hashes(filled.level);
                    self.upper(Tile { kind, index: filled.index, width: TILE_WIDTH }, &filled.hashes);
                }
            }
            self.checked.entries += width as u64;
            progress(self.checked.entries);
            if self.problems.len() == PROBLEMS_MAX {
                break;
            }
        }
        for (level, hashes) in
            edge.levels().to_vec().iter().enumerate().skip(1).filter(|(_, h)| !h.is_empty())
        {
            let index = edge.size() >> (8 * level) >> 8;
            self.upper(Tile { kind: TileKind::Hashes(level as u8), index, width: hashes.len() }, hashes);
        }
        for kept in earlier {
            self.compare_earlier(kept, &edge);
        }
        Head::of(&edge.frontier())
    }

    /// Compares the entries of a bundle with the leaves beside it.
    fn entries(&mut self, beside: Tile, leaves: &[Hash]) {
        let tile = Tile { kind: TileKind::Entries, ..beside };
        let Some(bytes) = self.tile(tile) else { return };
        self.checked.bundles += 1;
        let Some(entries) = bundle_entries(&bytes).filter(|entries| entries.len() == leaves.len()) else {
            return self.tell(&tile, format!("it does not hold exactly {} entries", leaves.len()));
        };
        for (n, (entry, hash)) in entries.iter().zip(leaves).enumerate() {
            if leaf(entry) != *hash {
                let seq = (tile.index << 8) + n as u64;
                self.tell(
                    &tile,
                    format!("entry {seq} is not the one that was written: its hash is not in {beside}"),
                );
            }
        }
    }

    /// Compares a tile above the leaves with what the tiles below it make.
    fn upper(&mut self, tile: Tile, computed: &[Hash]) {
        let Some(hashes) = self.hashes(tile) else { return };
        if let Some(n) = hashes.iter().zip(computed).position(|(stored, computed)| stored != computed) {
            let TileKind::Hashes(level) = tile.kind else { return };
            let below = Tile {
                kind: TileKind::Hashes(level - 1),
                index: (tile.index << 8) + n as u64,
                width: TILE_WIDTH,
            };
            self.tell(&tile, format!("hash {n} is not the root of {below}: one of the two was changed"));
        }
    }

    fn compare_earlier(&mut self, kept: &SignedCheckpoint, edge: &Edge) {
        let (head, size) = (kept.head(), edge.size());
        if head.size > size {
            let what = format!(
                "it covers {size} entries, but an earlier checkpoint covered {}: the ledger was rolled back",
                head.size
            );
            self.tell(&CHECKPOINT, what);
        } else if Head::of(&edge.frontier()) != head {
            let what = format!(
                "its first {size} entries are not those of an earlier checkpoint: the ledger was rewritten, or there \
                 are two of it"
            );
            self.tell(&CHECKPOINT, what);
        }
    }

    /// Looks at files that the checkpoint does not ask for: older, narrower tiles must be the beginning of those it
    /// does.
    fn others(&mut self, size: u64) {
        let listed = match self.what.files.list() {
            Ok(Some(listed)) => listed,
            Ok(None) => return,
            Err(error) => return self.note(error.into()),
        };
        let is_live = self.what.segments.is_some();
        for path in listed.iter().filter(|path| path.starts_with("tile/")) {
            let Some(tile) = Tile::parse(path) else {
                // A write that was cut short leaves its beginning under another name.
                if !(is_live && path.ends_with(".part")) {
                    self.tell(path, "this is not a file of the tree");
                }
                continue;
            };
            self.other(path, tile, size, is_live);
        }
    }

    fn other(&mut self, path: &str, tile: Tile, size: u64, is_live: bool) {
        let level = match tile.kind {
            TileKind::Entries => 0,
            TileKind::Hashes(level) => u32::from(level),
        };
        let all = size.checked_shr(8 * level).unwrap_or(0);
        let covered = tile.index.checked_mul(TILE_WIDTH as u64).map_or(0, |first| all.saturating_sub(first));
        let asked = covered.min(TILE_WIDTH as u64) as usize;
        if tile.width == asked {
            return;
        }
        // A gateway writes tiles before the checkpoint that covers them.
        if tile.width > asked && is_live {
            return;
        }
        if asked == 0 {
            return self.tell(&path, "it is beyond the end of the tree");
        }
        let narrow = tile.width.min(asked);
        let wide = tile::read(self.what.files, Tile { width: asked, ..tile });
        let own = self.what.files.read(path, tile.bytes_max());
        let (Ok(Some(wide)), Ok(Some(own))) = (wide, own) else { return };
        let begins = tile::beginning(tile.kind, &wide, narrow);
        let same = match tile.width < asked {
            true => begins == Some(own.as_slice()),
            false => false,
        };
        if !same {
            self.tell(&path, "it is not the beginning of the tile that the checkpoint covers");
        }
    }

    /// Compares the segments with the tiles.
    fn segments(&mut self, dir: &std::path::Path, head: Head, progress: &mut dyn FnMut(u64)) {
        let reader = match LedgerReader::open(dir) {
            Ok(reader) => reader,
            Err(error) => return self.tell(&"seg", error.to_string()),
        };
        let (mut count, mut leaves) = (0, Vec::new());
        for record in reader.iter_from(Seq(0)) {
            let record = match record {
                Ok(record) => record,
                Err(error) => return self.tell(&"seg", error.to_string()),
            };
            count += 1;
            let seq = record.seq.0;
            if seq >= head.size {
                continue;
            }
            let (index, n) = (seq >> 8, (seq & 0xff) as usize);
            if n == 0 {
                let width = (head.size - seq).min(TILE_WIDTH as u64) as usize;
                let tile = Tile { kind: TileKind::Hashes(0), index, width };
                let bytes = tile::read(self.what.files, tile).ok().flatten().unwrap_or_default();
                leaves = tile::hashes(&bytes, width).unwrap_or_default();
                progress(head.size.saturating_add(seq));
            }
            if leaves.get(n).is_some_and(|hash| *hash != leaf(&record.entry)) {
                self.tell(
                    &"seg",
                    format!("entry {seq} is not the one that the checkpoint covers: it was rewritten"),
                );
                if self.problems.len() == PROBLEMS_MAX {
                    break;
                }
            }
        }
        if count < head.size {
            let what = format!(
                "the segments end after {count} entries, the checkpoint covers {}: the ledger was rolled back",
                head.size
            );
            self.tell(&"seg", what);
        }
        self.checked.in_segments = Some(count);
    }
}

/// How many files a pack of this size has, beside checkpoint, policy and read-me.
pub(crate) fn files_of(size: u64) -> u64 {
    tiles_of(size).count() as u64
}
