//! RFC 6962, sections 2.1.1 and 2.1.2: proofs that an entry is in a tree and that one tree grew from another; checked
//! as RFC 9162, sections 2.1.3.2 and 2.1.4.2, say. Pure.

use crate::Head;
use crate::merkle::{Hash, empty_root, node};

/// Where the roots of complete subtrees come from.
pub trait Nodes {
    type Error;

    /// The root of the complete subtree of 2^`level` leaves that is the `index`-th of its size.
    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// The proof that the leaf at `index` is in the tree of `size` leaves: siblings, from the leaf's to the root's child.
///
/// The answer is worth what the nodes are worth. Check it against a signed root before it is handed on.
///
/// # Errors
/// When a node can't be had. A leaf outside the tree has no proof: the answer is empty and does not check.
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    if index >= size {
        return Ok(path);
    }
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(range(nodes, middle, high)?);
            high = middle;
        } else {
            path.push(range(nodes, low, middle)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `new` leaves begins with the tree of `old` leaves. Empty where none is needed.
///
/// # Errors
/// When a node can't be had.
pub fn consistency<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Vec<Hash>, N::Error> {
    let (mut low, mut high) = (0, new);
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            path.push(range(nodes, middle, high)?);
            high = middle;
        } else {
            path.push(range(nodes, low, middle)?);
            low = middle;
        }
    }
    // The old tree itself is known to whoever checks; a part of it is not.
    if low > 0 {
        path.push(range(nodes, low, high)?);
    }
    path.reverse();
    Ok(path)
}

/// The largest power of two below `n`; `n` is at least 2.
const fn split(n: u64) -> u64 {
    1 << (u64::BITS - 1 - (n - 1).leading_zeros())
}

/// The root over leaves `low` to `high`, a range as RFC 6962 divides trees: it begins at a multiple of its width.
fn range<N: Nodes>(nodes: &N, low: u64, high: u64) -> Result<Hash, N::Error> {
    let width = high - low;
    if width.is_power_of_two() {
        let level = width.trailing_zeros();
        return nodes.node(level as u8, low >> level);
    }
    let middle = low + split(width);
    Ok(node(&range(nodes, low, middle)?, &range(nodes, middle, high)?))
}

/// Whether the path proves that `leaf` is the hash of entry `index` in the tree with this head.
pub fn check_inclusion(leaf: &Hash, index: u64, path: &[Hash], head: &Head) -> bool {
    if index >= head.size {
        return false;
    }
    let (mut at, mut last) = (index, head.size - 1);
    let mut root = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            root = node(sibling, &root);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            root = node(&root, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && root == *head.root.as_bytes()
}

/// Whether the path proves that the tree with head `new` begins with the one with head `old`.
pub fn check_consistency(old: &Head, new: &Head, path: &[Hash]) -> bool {
    let (old_root, new_root) = (old.root.as_bytes(), new.root.as_bytes());
    if old.size == 0 {
        return path.is_empty() && *old_root == empty_root();
    }
    if old.size >= new.size {
        return old.size == new.size && path.is_empty() && old_root == new_root;
    }
    let mut path = path.iter();
    // A complete subtree is its own first node.
    let first = if old.size.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(&first) = first else { return false };
    let (mut at, mut last) = (old.size - 1, new.size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut grown_old, mut grown_new) = (first, first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            grown_old = node(sibling, &grown_old);
            grown_new = node(sibling, &grown_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            grown_new = node(&grown_new, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && grown_old == *old_root && grown_new == *new_root
}
