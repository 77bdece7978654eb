//! Two keys of one object must not mean the same.
//!
//! Each key leaves a small hash on the tape when it is read. When its object closes, a 64-bit sieve of those hashes
//! clears most objects in one walk, and a sort of the whole hashes the wide ones; only where two are equal are keys
//! compared. That comparison sorts too, so that a text built out of colliding hashes costs `n log n`, not `n²`.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::string::decode;
use super::tape::{Node, NodeKind};

/// A hash of a key's decoded bytes: equal keys have equal hashes. It need not be strong, only cheap.
pub(super) fn hash(decoded: &[u8]) -> u32 {
    let (head, tail) = match (decoded.first_chunk::<4>(), decoded.last_chunk::<4>()) {
        (Some(head), Some(tail)) => (u32::from_le_bytes(*head), u32::from_le_bytes(*tail)),
        _ => (decoded.iter().fold(0, |sum, &byte| (sum << 8) | u32::from(byte)), 0),
    };
    let length = decoded.len() as u32;
    let mixed = head.wrapping_mul(0x9E37_79B1)
        ^ tail.rotate_left(13).wrapping_mul(0x85EB_CA77)
        ^ length.wrapping_mul(0xC2B2_AE3D);
    mixed ^ (mixed >> 15)
}

/// The second of two like keys among the members that begin at `first_key` and run to the end of the tape. `scratch` is
/// room to sort in.
pub(super) fn duplicate(
    text: &[u8],
    nodes: &[Node],
    first_key: usize,
    scratch: &mut Vec<u32>,
) -> Option<usize> {
    let mut seen = 0u64;
    let mut collides = false;
    for key in keys(nodes, first_key) {
        let place = 1u64 << (nodes[key].next & 63);
        collides |= seen & place != 0;
        seen |= place;
    }
    (collides && share_a_hash(nodes, first_key, scratch)).then(|| find(text, nodes, first_key)).flatten()
}

/// Whether two keys have the same whole hash: a wide object always fails the sieve, but hardly ever this.
fn share_a_hash(nodes: &[Node], first_key: usize, scratch: &mut Vec<u32>) -> bool {
    scratch.clear();
    scratch.extend(keys(nodes, first_key).map(|key| nodes[key].next));
    scratch.sort_unstable();
    scratch.windows(2).any(|pair| pair[0] == pair[1])
}

#[cold]
fn find(text: &[u8], nodes: &[Node], first_key: usize) -> Option<usize> {
    let mut sorted: Vec<usize> = keys(nodes, first_key).collect();
    let order = |a: &usize, b: &usize| compare(text, &nodes[*a], &nodes[*b]);
    sorted.sort_by(order);
    sorted.windows(2).filter(|pair| order(&pair[0], &pair[1]) == Ordering::Equal).map(|pair| pair[1]).min()
}

fn compare(text: &[u8], a: &Node, b: &Node) -> Ordering {
    a.next.cmp(&b.next).then_with(|| content(text, a).cmp(&content(text, b)))
}

fn content<'a>(text: &'a [u8], key: &Node) -> Cow<'a, [u8]> {
    let raw = &text[key.start as usize + 1..key.end as usize - 1];
    match key.escaped {
        false => Cow::Borrowed(raw),
        true => Cow::Owned(decode(raw, true).into_owned().into_bytes()),
    }
}

fn keys(nodes: &[Node], first_key: usize) -> impl Iterator<Item = usize> {
    let key_at = |at: usize| nodes.get(at).is_some_and(|node| node.kind == NodeKind::Key).then_some(at);
    std::iter::successors(key_at(first_key), move |key| key_at(nodes.get(key + 1)?.next as usize))
}
