//! C2SP tlog-tiles: the tree in files of up to 256 hashes, and the entries in bundles of as many. Pure.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use super::edge::Edge;
use super::files::{FileError, Files};
use super::tree::Nodes;
use crate::merkle::{Hash, node};

/// Hashes of a full tile, entries of a full bundle (tlog-tiles, "Merkle Tree").
pub const TILE_WIDTH: usize = 256;
/// Bytes of a full tile.
pub(crate) const TILE_BYTES: usize = TILE_WIDTH * 32;
/// Bytes of the largest entry bundle.
pub(crate) const BUNDLE_BYTES_MAX: usize = TILE_WIDTH * (2 + crate::ENTRY_BYTES_MAX);

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TileKind {
    /// The entries themselves.
    Entries,
    /// Hashes of complete subtrees of 256^level leaves.
    Hashes(u8),
}

/// One file of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    pub kind: TileKind,
    pub index: u64,
    /// 256 for a full tile, fewer for a partial one.
    pub width: usize,
}

impl Tile {
    /// The tile that this one will be, or is the beginning of.
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// Reads a path as [`Display`](fmt::Display) writes it.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (kind, rest) = rest.split_once('/')?;
        let (rest, width) = match rest.split_once(".p/") {
            Some((rest, width)) => (rest, width.parse().ok()?),
            None => (rest, TILE_WIDTH),
        };
        let kind = if kind == "entries" { TileKind::Entries } else { TileKind::Hashes(kind.parse().ok()?) };
        let mut index: u64 = 0;
        for group in rest.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            index = index.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { kind, index, width };
        // One tile has one name.
        ((1..=TILE_WIDTH).contains(&width) && tile.to_string() == path).then_some(tile)
    }

    /// Bytes that a file of this kind has at most.
    pub(crate) const fn bytes_max(self) -> usize {
        match self.kind {
            TileKind::Entries => BUNDLE_BYTES_MAX,
            TileKind::Hashes(_) => TILE_BYTES,
        }
    }
}

impl fmt::Display for Tile {
    /// `tile/<L>/<N>[.p/<W>]`, `<N>` in groups of three digits, all but the last after an `x`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![format!("{:03}", self.index % 1_000)];
        let mut rest = self.index / 1_000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1_000));
            rest /= 1_000;
        }
        groups.reverse();
        f.write_str(&groups.join("/"))?;
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// All tiles and bundles of a tree with `size` leaves: bundles first, then hashes from the lowest level up.
pub fn tiles_of(size: u64) -> impl Iterator<Item = Tile> {
    let kinds = std::iter::once((TileKind::Entries, 0));
    let levels = (0..Edge::levels_of(size)).map(|level| (TileKind::Hashes(level as u8), level));
    kinds.chain(levels).flat_map(move |(kind, level)| {
        let full = size >> (8 * level) >> 8;
        let partial = Edge::width(size, level);
        let last = (partial > 0).then_some(Tile { kind, index: full, width: partial });
        (0..full).map(move |index| Tile { kind, index, width: TILE_WIDTH }).chain(last)
    })
}

/// The hashes of a tile's file, if it has exactly `width`.
pub(crate) fn hashes(bytes: &[u8], width: usize) -> Option<Vec<Hash>> {
    (bytes.len() == width * 32).then(|| bytes.as_chunks::<32>().0.to_vec())
}

/// Adds an entry to a bundle: its length in two bytes, big-endian, then itself (tlog-tiles, "Log entries").
pub(crate) fn bundle_push(bundle: &mut Vec<u8>, entry: &[u8]) {
    bundle.extend_from_slice(&(entry.len() as u16).to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle; `None` where it ends inside one.
pub fn bundle_entries(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::with_capacity(TILE_WIDTH);
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bundle = rest;
    }
    Some(entries)
}

/// Reads a tile, or the beginning of a wider one of the same place (tlog-tiles, "Partial Tiles").
pub(crate) fn read(files: &dyn Files, tile: Tile) -> Result<Option<Vec<u8>>, FileError> {
    if let Some(bytes) = files.read(&tile.to_string(), tile.bytes_max())? {
        return Ok(Some(bytes));
    }
    if tile.width == TILE_WIDTH {
        return Ok(None);
    }
    let wider = files.read(&tile.full().to_string(), tile.bytes_max())?;
    Ok(wider.and_then(|bytes| beginning(tile.kind, &bytes, tile.width).map(<[u8]>::to_vec)))
}

/// The first `width` hashes or entries of a tile's bytes.
pub(crate) fn beginning(kind: TileKind, bytes: &[u8], width: usize) -> Option<&[u8]> {
    match kind {
        TileKind::Hashes(_) => bytes.get(..width * 32),
        TileKind::Entries => {
            let length: usize =
                bundle_entries(bytes)?.get(..width)?.iter().map(|entry| 2 + entry.len()).sum();
            bytes.get(..length)
        }
    }
}

/// The nodes of a tree of `size` leaves, from its tiles. They are what the files say, which may be wrong: see
/// [`Nodes`].
#[derive(Debug)]
pub struct TileNodes<'a> {
    files: &'a dyn Files,
    size: u64,
    read: RefCell<BTreeMap<(u8, u64), Vec<Hash>>>,
}

impl<'a> TileNodes<'a> {
    pub fn new(files: &'a dyn Files, size: u64) -> Self {
        Self { files, size, read: RefCell::default() }
    }

    fn hashes(&self, level: u8, index: u64) -> Result<Vec<Hash>, FileError> {
        if let Some(hashes) = self.read.borrow().get(&(level, index)) {
            return Ok(hashes.clone());
        }
        let all = self.size >> (8 * u32::from(level));
        let width = all.saturating_sub(index << 8).min(TILE_WIDTH as u64) as usize;
        let tile = Tile { kind: TileKind::Hashes(level), index, width };
        let bytes = read(self.files, tile)?.ok_or_else(|| FileError::missing(self.files, &tile))?;
        let hashes = hashes(&bytes, width).ok_or_else(|| FileError::length(self.files, &tile))?;
        self.read.borrow_mut().insert((level, index), hashes.clone());
        Ok(hashes)
    }
}

impl Nodes for TileNodes<'_> {
    type Error = FileError;

    fn node(&self, level: u8, index: u64) -> Result<Hash, FileError> {
        // A node between two levels of tiles is the root over a power of two of the lower level's hashes.
        let (tile_level, within) = (level / 8, level % 8);
        let first = index << within;
        let hashes = self.hashes(tile_level, first >> 8)?;
        let from = (first & 0xff) as usize;
        let tile = Tile { kind: TileKind::Hashes(tile_level), index: first >> 8, width: hashes.len() };
        let part =
            hashes.get(from..from + (1 << within)).ok_or_else(|| FileError::length(self.files, &tile))?;
        Ok(fold(part))
    }
}

fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            node(&fold(left), &fold(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let check = |kind, index, width, path: &str| {
            let tile = Tile { kind, index, width };
            assert_eq!(tile.to_string(), path);
            assert_eq!(Tile::parse(path), Some(tile));
        };
        check(TileKind::Hashes(0), 0, 256, "tile/0/000");
        check(TileKind::Hashes(2), 1_234_067, 256, "tile/2/x001/x234/067");
        check(TileKind::Entries, 1_000, 17, "tile/entries/x001/000.p/17");
        for none in [
            "tile/0/0",
            "tile/00/000",
            "tile/0/x000/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/07",
            "tile/0/1000",
            "tile/0/001/x000",
            "tile/0/+01",
            "tile/-1/000",
            "tiles/0/000",
        ] {
            assert_eq!(Tile::parse(none), None, "{none}");
        }
    }

    /// The examples of the specification.
    #[test]
    fn which_tiles_a_tree_has() {
        let count = |size, kind, full: bool| {
            tiles_of(size).filter(|tile| tile.kind == kind && (tile.width == 256) == full).count()
        };
        let widths = |size| -> Vec<usize> {
            tiles_of(size)
                .filter(|tile| tile.width < 256 && tile.kind != TileKind::Entries)
                .map(|t| t.width)
                .collect()
        };
        assert_eq!(count(70_000, TileKind::Hashes(0), true), 273);
        assert_eq!(count(70_000, TileKind::Hashes(1), true), 1);
        assert_eq!(count(70_000, TileKind::Entries, true), 273);
        assert_eq!(widths(70_000), [112, 17, 1]);
        assert_eq!(count(256, TileKind::Hashes(0), true), 1);
        assert_eq!(widths(256), [1]);
        assert_eq!(tiles_of(0).count(), 0);
    }

    #[test]
    fn bundles() {
        let mut bundle = Vec::new();
        for entry in [&b"a"[..], b"", b"bcd"] {
            bundle_push(&mut bundle, entry);
        }
        assert_eq!(bundle_entries(&bundle).unwrap(), [&b"a"[..], b"", b"bcd"]);
        assert_eq!(beginning(TileKind::Entries, &bundle, 2), Some(&b"\0\x01a\0\0"[..]));
        assert_eq!(bundle_entries(&bundle[..bundle.len() - 1]), None);
        assert_eq!(bundle_entries(&[0]), None);
    }
}
