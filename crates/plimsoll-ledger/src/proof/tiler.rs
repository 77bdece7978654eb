//! Tiles beside the segments: a follower that never gets ahead of what is durable.
//!
//! Whatever of the tiles is there when a checkpoint is written was on the disk before. What is missing, also all of it,
//! is made again from the segments, which are the truth; the last checkpoint says whether they still are.

use std::io;
use std::path::{Path, PathBuf};

use plimsoll_core::Digest;

use super::checkpoint::SignedCheckpoint;
use super::edge::Edge;
use super::files::{Batch, Dir, Files as _, write_durably};
use super::tile::{TILE_WIDTH, Tile, TileKind, bundle_entries, bundle_push, hashes, tiles_of};
use super::{CHECKPOINT, NOTE_BYTES_MAX};
use crate::merkle::leaf;
use crate::{Head, LedgerError, LedgerReader, Record, Seq};

/// Tiles and bundles that are written before they are synced together.
const BATCH_FILES_MAX: usize = 256;

/// Entries that are hashed in a row; then whoever waits for the processor gets it.
const TURN: u64 = 256;

/// Writes the tiles of one ledger.
#[derive(Debug)]
pub struct Tiler {
    dir: PathBuf,
    edge: Edge,
    bundle: Vec<u8>,
    batch: Batch,
    batched: usize,
    /// Bundles and tiles that became full: their partial forms are not needed after the next checkpoint.
    outgrown: Vec<Tile>,
    /// Made anew: what is on the disk already is left alone.
    anew: bool,
}

/// Why tiles, or the checkpoint over them, can't be written.
#[derive(Debug, thiserror::Error)]
pub enum TilerError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("cannot write tiles in {}", dir.display())]
    Io { dir: PathBuf, source: io::Error },
    #[error(
        "the segments make root {found} over {size} entries, but {signed} was {who}: entries were changed after they \
         were written"
    )]
    Changed { size: u64, found: String, signed: String, who: &'static str },
    #[error("the ledger ends after {found} entries, {wanted} were expected")]
    Short { found: u64, wanted: u64 },
}

impl Tiler {
    /// Goes on after the last checkpoint; where its tiles are missing or wrong, begins anew from the first entry.
    pub fn open(dir: &Path, last: Option<&SignedCheckpoint>) -> Self {
        let tiler = Self {
            dir: dir.to_owned(),
            edge: Edge::default(),
            bundle: Vec::new(),
            batch: Batch::default(),
            batched: 0,
            outgrown: Vec::new(),
            anew: true,
        };
        let Some(last) = last else { return tiler };
        match tiler.edge_of(last.head()).filter(|_| tiler.all_there(last.head().size)) {
            Some((edge, bundle)) => Self { edge, bundle, anew: false, ..tiler },
            None => {
                tracing::warn!(dir = %dir.display(), "tiles are missing or damaged; they are made again from the segments");
                tiler
            }
        }
    }

    /// How many entries are in tiles.
    pub const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The tree in tiles.
    pub fn head(&self) -> Head {
        Head::of(&self.edge.frontier())
    }

    /// Brings the tiles up to a head of the ledger, durably.
    ///
    /// # Errors
    /// When the disk fails, or the segments no longer make the signed root or the head. Then nothing may be signed; a
    /// new tiler begins again.
    pub fn advance(
        &mut self,
        reader: &LedgerReader,
        head: Head,
        last: Option<&SignedCheckpoint>,
    ) -> Result<(), TilerError> {
        let signed = last.map(SignedCheckpoint::head).filter(|signed| signed.size > self.size());
        let mut records = reader.iter_from(Seq(self.size()));
        let mut record = Record::default();
        while self.size() < head.size {
            if !records.read_into(&mut record)? {
                return Err(TilerError::Short { found: self.size(), wanted: head.size });
            }
            self.push(&record.entry)?;
            if self.size().is_multiple_of(TURN) {
                std::thread::yield_now();
            }
            if let Some(signed) = signed.filter(|signed| signed.size == self.size()) {
                self.compare(signed, "signed")?;
            }
        }
        self.compare(head, "written")?;
        self.write_partial()
    }

    /// Stores the checkpoint, after the tiles under it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn store(&mut self, checkpoint: &SignedCheckpoint) -> Result<(), TilerError> {
        let stored = write_durably(&self.dir.join(CHECKPOINT), checkpoint.encode().as_bytes());
        stored.map_err(|source| self.io(source))?;
        self.anew = false;
        for tile in self.outgrown.drain(..) {
            let partial = self.dir.join(format!("{}.p", tile.full()));
            // What stays behind costs a few bytes and is still true.
            let _removed = std::fs::remove_dir_all(partial);
        }
        Ok(())
    }

    fn push(&mut self, entry: &[u8]) -> Result<(), TilerError> {
        bundle_push(&mut self.bundle, entry);
        for filled in self.edge.push(leaf(entry)) {
            if filled.level == 0 {
                let tile = Tile { kind: TileKind::Entries, index: filled.index, width: TILE_WIDTH };
                let mut bundle = std::mem::take(&mut self.bundle);
                self.write(tile, &bundle)?;
                self.outgrown.push(tile);
                // The next one is about as long.
                bundle.clear();
                self.bundle = bundle;
            }
            let kind = TileKind::Hashes(filled.level);
            let tile = Tile { kind, index: filled.index, width: TILE_WIDTH };
            self.write(tile, filled.hashes.as_flattened())?;
            self.outgrown.push(tile);
        }
        Ok(())
    }

    fn write_partial(&mut self) -> Result<(), TilerError> {
        let size = self.size();
        for (level, hashes) in self.edge.levels().to_vec().into_iter().enumerate() {
            if hashes.is_empty() {
                continue;
            }
            let index = size >> (8 * level) >> 8;
            let tile = Tile { kind: TileKind::Hashes(level as u8), index, width: hashes.len() };
            self.write(tile, hashes.as_flattened())?;
            if level == 0 {
                let bundle = self.bundle.clone();
                self.write(Tile { kind: TileKind::Entries, ..tile }, &bundle)?;
            }
        }
        self.commit()
    }

    fn write(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), TilerError> {
        let path = tile.to_string();
        if self.anew
            && let Ok(Some(there)) = Dir(self.dir.clone()).read(&path, tile.bytes_max())
        {
            if there == bytes {
                return Ok(());
            }
            tracing::warn!(tile = path, "a tile was not what its entries make it; it is written again");
        }
        self.batch.write(&self.dir.join(path), bytes).map_err(|source| self.io(source))?;
        self.batched += 1;
        if self.batched >= BATCH_FILES_MAX { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<(), TilerError> {
        self.batched = 0;
        self.batch.commit().map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> TilerError {
        TilerError::Io { dir: self.dir.clone(), source }
    }

    fn compare(&self, with: Head, who: &'static str) -> Result<(), TilerError> {
        let found = self.head();
        if found == with {
            return Ok(());
        }
        let short = |root: Digest| root.short();
        Err(TilerError::Changed { size: with.size, found: short(found.root), signed: short(with.root), who })
    }

    /// The edge on the disk for a tree of this head, if it makes its root.
    fn edge_of(&self, head: Head) -> Option<(Edge, Vec<u8>)> {
        let files = Dir(self.dir.clone());
        let read = |tile: Tile| super::tile::read(&files, tile).ok().flatten();
        let mut levels = Vec::new();
        for level in 0..Edge::levels_of(head.size) {
            let width = Edge::width(head.size, level);
            let index = head.size >> (8 * level) >> 8;
            let tile = Tile { kind: TileKind::Hashes(level as u8), index, width };
            levels.push(if width == 0 { Vec::new() } else { hashes(&read(tile)?, width)? });
        }
        let edge = Edge::from_levels(head.size, levels)?;
        let width = Edge::width(head.size, 0);
        let tile = Tile { kind: TileKind::Entries, index: head.size >> 8, width };
        let bundle = if width == 0 { Vec::new() } else { read(tile)? };
        let leaves: Vec<_> = bundle_entries(&bundle)?.into_iter().map(leaf).collect();
        let is_true =
            Head::of(&edge.frontier()) == head && edge.levels().first().is_none_or(|own| *own == leaves);
        is_true.then_some((edge, bundle))
    }

    /// Whether every full tile is there, with a length it can have.
    fn all_there(&self, size: u64) -> bool {
        tiles_of(size).filter(|tile| tile.width == TILE_WIDTH).all(|tile| {
            let length = std::fs::metadata(self.dir.join(tile.to_string())).map_or(0, |meta| meta.len());
            match tile.kind {
                TileKind::Entries => length >= 2 * TILE_WIDTH as u64,
                TileKind::Hashes(_) => length == 32 * TILE_WIDTH as u64,
            }
        })
    }
}

/// The checkpoint stored in a ledger's directory, if there is one.
///
/// # Errors
/// When what is stored is no checkpoint.
pub(crate) fn stored(dir: &Path) -> Result<Option<SignedCheckpoint>, LedgerError> {
    let damaged = |what: String| LedgerError::Checkpoint { file: dir.join(CHECKPOINT), what };
    let bytes = Dir(dir.to_owned()).read(CHECKPOINT, NOTE_BYTES_MAX).map_err(|error| damaged(error.what))?;
    bytes.map(|bytes| SignedCheckpoint::parse(&bytes).map_err(|error| damaged(error.to_string()))).transpose()
}
