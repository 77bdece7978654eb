//! The right edge of a tree in tiles: what is not yet a full tile, at each level. Pure.

use super::tile::TILE_WIDTH;
use crate::merkle::{Frontier, Hash};

/// The hashes of the last, not yet full tile of each level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

/// A tile that an added leaf filled.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) level: u8,
    pub(crate) index: u64,
    pub(crate) hashes: Vec<Hash>,
}

impl Edge {
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The edge of a tree of `size` leaves, if the levels have as many hashes as that takes.
    pub(crate) fn from_levels(size: u64, levels: Vec<Vec<Hash>>) -> Option<Self> {
        let fits = levels.iter().enumerate().all(|(level, hashes)| hashes.len() == Self::width(size, level));
        (fits && levels.len() == Self::levels_of(size)).then_some(Self { size, levels })
    }

    /// How many levels a tree of `size` leaves has in tiles.
    pub(crate) fn levels_of(size: u64) -> usize {
        (u64::BITS - size.leading_zeros()).div_ceil(8) as usize
    }

    /// How many hashes the partial tile of a level has, 0 when there is none.
    pub(crate) fn width(size: u64, level: usize) -> usize {
        (size >> (8 * level) & 0xff) as usize
    }

    /// The partial tile of each level.
    pub(crate) fn levels(&self) -> &[Vec<Hash>] {
        &self.levels
    }

    /// Adds a leaf; gives the tiles it filled, lowest first.
    pub(crate) fn push(&mut self, leaf: Hash) -> Vec<Filled> {
        let mut filled = Vec::new();
        let mut hash = leaf;
        self.size += 1;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE_WIDTH));
            }
            self.levels[level].push(hash);
            if self.levels[level].len() < TILE_WIDTH {
                break;
            }
            let hashes = std::mem::replace(&mut self.levels[level], Vec::with_capacity(TILE_WIDTH));
            hash = root(&hashes);
            let index = (self.size >> (8 * (level + 1))) - 1;
            filled.push(Filled { level: level as u8, index, hashes });
        }
        filled
    }

    /// The tree's frontier: each byte of the size is one level's share of the peaks.
    pub(crate) fn frontier(&self) -> Frontier {
        let mut peaks = Vec::new();
        for level in self.levels.iter().rev() {
            peaks.extend_from_slice(frontier_of(level).peaks());
        }
        Frontier::from_peaks(self.size, peaks).unwrap_or_default()
    }
}

fn frontier_of(hashes: &[Hash]) -> Frontier {
    let mut frontier = Frontier::default();
    for hash in hashes {
        frontier.push(*hash);
    }
    frontier
}

/// The root over one tile's hashes.
pub(crate) fn root(hashes: &[Hash]) -> Hash {
    frontier_of(hashes).root()
}
