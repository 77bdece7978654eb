//! RFC 6962, section 2.1: Merkle tree hashes, and nothing else. Pure.

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

/// A SHA-256 value: a leaf, a node or a root.
pub type Hash = [u8; 32];

/// The hash of one entry.
pub fn leaf(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of an entry that is a hash itself.
pub(crate) fn leaf_of(hash: &Hash) -> Hash {
    short::<1>(&[&[0], hash])
}

/// The hash of two subtrees side by side.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    short::<2>(&[&[1], left, right])
}

/// SHA-256 of what takes exactly so many blocks: up to 55 bytes one, from there to 119 two (FIPS 180-4, sections 5.1.1,
/// 5.3.3 and 6.2). For hashes of hashes, of which there are dozens to an entry: a hasher takes as long to gather its
/// blocks as to hash them.
pub(crate) fn short<const BLOCKS: usize>(parts: &[&[u8]]) -> Hash {
    const BEGIN: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    let mut blocks = [[0; 64]; BLOCKS];
    let bytes = blocks.as_flattened_mut();
    let mut length = 0;
    for part in parts {
        bytes[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    debug_assert_eq!((length + 8) / 64 + 1, BLOCKS, "{length} bytes take other than {BLOCKS} blocks");
    let (message, bits) = bytes.split_at_mut(BLOCKS * 64 - 8);
    message[length] = 0x80;
    bits.copy_from_slice(&(length as u64 * 8).to_be_bytes());
    let mut state = BEGIN;
    compress256(&mut state, &blocks);
    let mut hash = [0; 32];
    for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    hash
}

/// The root of a tree without entries.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The right edge of a tree: the roots of its complete subtrees, largest (leftmost) first.
///
/// One for each bit set in `size`, so at most 64: all that is needed to add leaves and to name the
/// root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree of `size` leaves, unless the number of peaks does not fit.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// How many leaves the tree has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf on the right, merging each pair of equal subtrees this completes.
    pub fn push(&mut self, leaf: Hash) {
        let mut right = leaf;
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            right = node(&left, &right);
        }
        self.peaks.push(right);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(&last) = peaks.next() else { return empty_root() };
        peaks.fold(last, |right, left| node(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition in RFC 6962, word for word.
    fn oracle(entries: &[Vec<u8>]) -> Hash {
        match entries {
            [] => empty_root(),
            [one] => leaf(one),
            many => {
                let mut split = 1;
                while split * 2 < many.len() {
                    split *= 2;
                }
                node(&oracle(&many[..split]), &oracle(&many[split..]))
            }
        }
    }

    fn hex(hash: Hash) -> String {
        hash.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The test vectors of the Certificate Transparency project.
    #[test]
    fn known_roots() {
        let entries: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut frontier = Frontier::default();
        assert_eq!(hex(frontier.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        frontier.push(leaf(entries[0]));
        assert_eq!(hex(frontier.root()), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        for entry in &entries[1..] {
            frontier.push(leaf(entry));
        }
        assert_eq!(hex(frontier.root()), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    /// For every length that takes so many blocks.
    #[test]
    fn a_short_hash_is_the_hash() {
        let bytes: Vec<u8> = (0..=255).collect();
        let whole = |length: usize| Hash::from(Sha256::digest(&bytes[..length]));
        for length in 0..=55 {
            let (left, right) = bytes[..length].split_at(length / 2);
            assert_eq!(short::<1>(&[left, right]), whole(length));
        }
        for length in 56..=119 {
            assert_eq!(short::<2>(&[&bytes[..length]]), whole(length));
        }
        let hash = whole(7);
        assert_eq!(leaf_of(&hash), leaf(&hash));
    }

    proptest! {
        #[test]
        fn the_frontier_agrees_with_the_definition(entries in proptest::collection::vec(any::<Vec<u8>>(), 0..130)) {
            let mut frontier = Frontier::default();
            for (n, entry) in entries.iter().enumerate() {
                prop_assert_eq!(frontier.size(), n as u64);
                frontier.push(leaf(entry));
            }
            prop_assert_eq!(frontier.root(), oracle(&entries));
            let again = Frontier::from_peaks(frontier.size(), frontier.peaks().to_vec());
            prop_assert_eq!(again, Some(frontier));
        }
    }
}
