//! Proofs compared with an implementation that shares no code with ours.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use plimsoll_core::Digest;
use proptest::prelude::*;
use sha2::Sha256;

use crate::Head;
use crate::merkle::{Frontier, Hash, leaf};
use crate::proof::tree::{Nodes, check_consistency, check_inclusion, consistency, inclusion};

type Oracle = MemoryBackedTree<Sha256, Vec<u8>>;

/// All leaves in memory; complete subtrees are computed from them.
struct Leaves(Vec<Hash>);

impl Nodes for Leaves {
    type Error = std::convert::Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        let from = (index << level) as usize;
        let mut frontier = Frontier::default();
        for leaf in &self.0[from..from + (1 << level)] {
            frontier.push(*leaf);
        }
        Ok(frontier.root())
    }
}

fn entry(n: usize) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

fn trees(size: usize) -> (Oracle, Leaves, Head) {
    let (mut oracle, mut leaves, mut frontier) = (Oracle::new(), Vec::new(), Frontier::default());
    for n in 0..size {
        oracle.push(entry(n));
        leaves.push(leaf(&entry(n)));
        frontier.push(leaf(&entry(n)));
    }
    (oracle, Leaves(leaves), Head::of(&frontier))
}

fn root(head: &Head) -> RootHash<Sha256> {
    RootHash::new((*head.root.as_bytes()).into(), head.size)
}

/// Every path of every tree up to 70 leaves.
#[test]
fn inclusion_agrees() {
    for size in 1..=70 {
        let (oracle, leaves, head) = trees(size);
        for index in 0..size {
            let ours = inclusion(&leaves, index as u64, size as u64).unwrap();
            assert_eq!(ours.as_flattened(), oracle.prove_inclusion(index).as_bytes(), "{index} of {size}");
            assert!(check_inclusion(&leaf(&entry(index)), index as u64, &ours, &head));
            let theirs = InclusionProof::<Sha256>::from_bytes(ours.concat());
            root(&head).verify_inclusion(&entry(index), index as u64, &theirs).unwrap();
        }
    }
}

/// Every pair of trees up to 70 leaves.
#[test]
fn consistency_agrees() {
    let heads: Vec<Head> = (0..=70).map(|size| trees(size).2).collect();
    for new in 1..=70_usize {
        let (oracle, leaves, head) = trees(new);
        for (old, before) in heads.iter().enumerate().take(new + 1) {
            let ours = consistency(&leaves, old as u64, new as u64).unwrap();
            assert!(check_consistency(before, &head, &ours), "{old} to {new}");
            if old == 0 {
                continue;
            }
            assert_eq!(ours.as_flattened(), oracle.prove_consistency(new - old).as_bytes(), "{old} to {new}");
            let theirs = ConsistencyProof::<Sha256>::try_from_bytes(ours.concat()).unwrap();
            root(&head).verify_consistency(&root(before), &theirs).unwrap();
        }
    }
}

/// A proof with something changed: not checked as good, by us or the other.
#[derive(Clone, Debug)]
enum Change {
    Flip(usize, u8),
    Drop(usize),
    Double(usize),
    Index(u64),
    Size(u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, bit)| Change::Flip(at, bit)),
        any::<usize>().prop_map(Change::Drop),
        any::<usize>().prop_map(Change::Double),
        (0_u64..400).prop_map(Change::Index),
        (0_u64..400).prop_map(Change::Size),
    ]
}

fn changed(path: &[Hash], change: &Change) -> Vec<Hash> {
    let mut path = path.to_vec();
    if !path.is_empty() {
        let length = path.len();
        match *change {
            Change::Flip(at, bit) => path[at % length][usize::from(bit >> 3)] ^= 1 << (bit & 7),
            Change::Drop(at) => drop(path.remove(at % length)),
            Change::Double(at) => path.insert(at % length, path[at % length]),
            Change::Index(_) | Change::Size(_) => {}
        }
    }
    path
}

proptest! {
    #[test]
    fn a_changed_inclusion_proof_is_no_proof(size in 1_usize..300, at in any::<prop::sample::Index>(), change in change()) {
        let (_, leaves, mut head) = trees(size);
        let index = at.index(size) as u64;
        let path = inclusion(&leaves, index, head.size).unwrap();
        let other = changed(&path, &change);
        let mut place = index;
        match change {
            Change::Index(other) => place = other,
            Change::Size(other) => head.size = other,
            _ => {}
        }
        let leaf = leaves.0[index as usize];
        let same = other == path && place == index;
        // Another size is another shape of tree; where this leaf's path has the same one, the root alone would not tell.
        // The signature is over size and root.
        if !same || !check_inclusion(&leaf, place, &other, &head) {
            prop_assert_eq!(same && head.size == size as u64, check_inclusion(&leaf, place, &other, &head));
        }
    }

    #[test]
    fn a_changed_consistency_proof_is_no_proof(new in 2_usize..300, at in any::<prop::sample::Index>(), change in change()) {
        let (_, leaves, head) = trees(new);
        let old = at.index(new - 1) + 1;
        let before = trees(old).2;
        let path = consistency(&leaves, old as u64, new as u64).unwrap();
        let other = changed(&path, &change);
        prop_assert_eq!(other == path, check_consistency(&before, &head, &other));
        let forged = Head { root: Digest::from_bytes([3; 32]), ..before };
        prop_assert!(!check_consistency(&forged, &head, &path));
        let forged = Head { root: Digest::from_bytes([3; 32]), ..head };
        prop_assert!(!check_consistency(&before, &forged, &path));
    }
}
