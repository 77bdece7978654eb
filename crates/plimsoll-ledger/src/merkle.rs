//! RFC 6962, section 2.1: Merkle tree hashes, and nothing else. Pure.

use sha2::{Digest as _, Sha256};

/// A SHA-256 value: a leaf, a node or a root.
pub type Hash = [u8; 32];

/// The hash of one entry.
pub fn leaf(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of two subtrees side by side.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
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
        let merges = self.size.trailing_ones() as usize;
        let pairs = self.peaks.split_off(self.peaks.len() - merges);
        self.peaks.push(pairs.iter().rev().fold(leaf, |right, left| node(left, &right)));
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
