//! Fingerprints of a text: few enough to be remembered, and chosen by what they cover, so that two texts
//! that share a passage share a fingerprint wherever the passage stands.
//!
//! Winnowing (Schleimer, Wilkerson, Aiken, SIGMOD 2003): of every [`WINDOW`] neighbouring hashes of
//! [`GRAM`] folded bytes the least is kept, so a common passage of [`PASSAGE`] folded bytes is always
//! found. Lines and strings of [`SEGMENT_MIN`] folded bytes and [`PROSE_WORDS`] words are found whole.

use std::ops::Range;

use super::fold::{Folded, has_words, segments};

/// Folded bytes under one hash.
pub(super) const GRAM: usize = 32;
/// Neighbouring hashes of which one is kept.
const WINDOW: usize = 24;
/// Folded bytes of a common passage that is always found.
pub const PASSAGE: usize = GRAM + WINDOW - 1;
/// Folded bytes of a line or string that is found whole.
pub const SEGMENT_MIN: usize = 24;
/// Words that make a passage more than a value. Anybody may name an address or a number that a tool
/// returned too; who repeats a sentence of it has copied it.
pub const PROSE_WORDS: usize = 4;

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// One fingerprint and the folded bytes it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print {
    pub hash: u64,
    pub at: u32,
    pub len: u32,
}

impl Print {
    /// Whether the same piece stands at this folded byte of another text.
    pub(super) fn stands_at(&self, bytes: &[u8], at: usize) -> bool {
        let len = self.len as usize;
        let Some(piece) = at.checked_add(len).and_then(|end| bytes.get(at..end)) else { return false };
        // A line may be as long as a gram.
        self.hash == whole(piece) || self.is_gram() && self.hash == gram(piece)
    }

    /// It was chosen among its neighbours, and is not a line or string of its own.
    pub(super) const fn is_gram(&self) -> bool {
        self.len as usize == GRAM
    }
}

fn gram(piece: &[u8]) -> u64 {
    mixed(piece.iter().fold(0, |hash, byte| step(hash, *byte)))
}

fn whole(piece: &[u8]) -> u64 {
    mixed(!piece.iter().fold(BASE, |hash, byte| step(hash, *byte)))
}

/// Fingerprints as bytes: each by its distance from the one before, its length and its hash.
pub(super) fn encode(prints: &[Print]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(prints.len() * 10);
    let mut before = 0;
    for print in prints {
        number(&mut bytes, print.at.wrapping_sub(before));
        number(&mut bytes, print.len);
        bytes.extend(print.hash.to_le_bytes());
        before = print.at;
    }
    bytes
}

/// What [`encode`] wrote; as far as it can be read.
pub(super) fn decode(mut bytes: &[u8]) -> Vec<Print> {
    let mut prints = Vec::with_capacity(bytes.len() / 10);
    let mut at = 0_u32;
    while let (Some(step), Some(len)) = (read_number(&mut bytes), read_number(&mut bytes)) {
        let Some((hash, rest)) = bytes.split_first_chunk() else { break };
        bytes = rest;
        at = at.wrapping_add(step);
        prints.push(Print { hash: u64::from_le_bytes(*hash), at, len });
    }
    prints
}

/// Seven bits a byte, the lowest first.
fn number(bytes: &mut Vec<u8>, mut n: u32) {
    while n >= 0x80 {
        bytes.push(n.to_le_bytes()[0] | 0x80);
        n >>= 7;
    }
    bytes.push(n.to_le_bytes()[0]);
}

fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut n = 0_u32;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

/// What is remembered of a text, in order.
pub(super) fn of(text: &str, folded: &Folded<'_>) -> Vec<Print> {
    let mut prints = winnowed(&folded.bytes);
    prints.extend(segments(text).into_iter().filter_map(|part| segment(text, folded, part)));
    in_order(prints)
}

/// What is looked for in a text: also what stands after a label in a line.
pub(super) fn asked(text: &str, folded: &Folded<'_>) -> Vec<Print> {
    let mut prints = winnowed(&folded.bytes);
    for part in segments(text) {
        let labelled = text[part.clone()].find(": ").map(|label| part.start + label + 2..part.end);
        prints.extend(segment(text, folded, part));
        prints.extend(labelled.and_then(|part| segment(text, folded, part)));
    }
    in_order(prints)
}

fn in_order(mut prints: Vec<Print>) -> Vec<Print> {
    prints.sort_by_key(|print| print.at);
    prints
}

fn segment(text: &str, folded: &Folded<'_>, part: Range<usize>) -> Option<Print> {
    let range = folded.within(&part);
    if range.len() < SEGMENT_MIN || !has_words(&text[part], PROSE_WORDS) {
        return None;
    }
    Some(Print { hash: whole(&folded.bytes[range.clone()]), at: short(range.start), len: short(range.len()) })
}

/// The least of each window, the first where two are alike. A window is the end of one block of [`WINDOW`] hashes and
/// the beginning of the next, so what is least in each end of the one and in each beginning of the other is all there is
/// to compare (van Herk, Pattern Recognition Letters 13, 1992).
fn winnowed(bytes: &[u8]) -> Vec<Print> {
    let Some(last) = bytes.len().checked_sub(GRAM) else { return Vec::new() };
    let mut prints: Vec<Print> = Vec::with_capacity(last / 10 + 2);
    let mut keep = |(hash, at): (u64, usize)| {
        if prints.last().is_none_or(|last| last.at != short(at)) {
            prints.push(Print { hash, at: short(at), len: short(GRAM) });
        }
    };
    let gone = (0..GRAM).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let (first, rest) = bytes.split_at(GRAM);
    let mut hash = first.iter().fold(0, |hash, byte| step(hash, *byte));
    let mut grams = std::iter::once(hash).chain(rest.iter().zip(bytes).map(move |(new, old)| {
        hash = step(hash, *new).wrapping_sub(gone.wrapping_mul(u64::from(*old) + 1));
        hash
    }));
    // The least from each place of the block before to its end.
    let mut ends = [(u64::MAX, 0); WINDOW];
    for start in (0..=last).step_by(WINDOW) {
        let mut block = [(u64::MAX, 0); WINDOW];
        let mut least = (u64::MAX, start);
        for (n, (slot, gram)) in block.iter_mut().zip(&mut grams).enumerate() {
            *slot = (mixed(gram), start + n);
            least = earlier(least, *slot);
            match ends.get(n + 1) {
                Some(end) if start > 0 => keep(earlier(*end, least)),
                None => keep(least),
                Some(_) => {}
            }
        }
        if last + 1 < WINDOW {
            keep(least);
        }
        let mut least = (u64::MAX, usize::MAX);
        for (end, here) in ends.iter_mut().zip(&block).rev() {
            least = earlier(*here, least);
            *end = least;
        }
    }
    prints
}

/// The lesser hash, the first of two that are alike.
fn earlier(first: (u64, usize), second: (u64, usize)) -> (u64, usize) {
    if second.0 < first.0 { second } else { first }
}

fn step(hash: u64, byte: u8) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1)
}

fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ hash >> 32
}

fn short(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn prints(text: &str) -> HashSet<u64> {
        of(text, &Folded::new(text)).iter().map(|print| print.hash).collect()
    }

    #[test]
    fn a_common_passage_is_always_found() {
        let text: String = (0..200_u32).map(|n| format!("{:x} ", n.wrapping_mul(2_654_435_761))).collect();
        let known = prints(&text);
        let folded = Folded::new(&text);
        for at in (0..folded.bytes.len() - PASSAGE).step_by(7) {
            let passage = &text[folded.part(&(at..at + PASSAGE))];
            let within = format!("something before {passage} and something after");
            let asked = asked(&within, &Folded::new(&within));
            assert!(asked.iter().any(|print| known.contains(&print.hash)), "{passage}");
        }
    }

    #[test]
    fn a_short_line_is_found_whole_and_a_value_is_not() {
        let known =
            prints(r#"{"body": "Please pay us on Friday morning", "link": "https://a.example/b/c/d/e/f"}"#);
        let finds =
            |text: &str| asked(text, &Folded::new(text)).iter().any(|print| known.contains(&print.hash));
        assert!(finds("You have mail.\n  please PAY us on friday morning \nBye"));
        assert!(finds("Mail: Please pay us on Friday morning"));
        assert!(!finds("open https://a.example/b/c/d/e/f"));
        assert!(!finds("Please pay us on Monday"));
    }

    #[test]
    fn prints_come_back_from_bytes_and_stand_where_they_stood() {
        let text: String =
            (0..300_u32).map(|n| format!("{:x} is a\nword ", n.wrapping_mul(40_503))).collect();
        let folded = Folded::new(&text);
        let prints = of(&text, &folded);
        let bytes = encode(&prints);
        assert_eq!(decode(&bytes), prints);
        assert_eq!(decode(&bytes[..bytes.len() - 1]), prints[..prints.len() - 1]);
        for print in &prints {
            assert!(print.stands_at(&folded.bytes, print.at as usize));
            assert!(!print.stands_at(&folded.bytes, print.at as usize + 1));
            assert!(!print.stands_at(&folded.bytes, usize::MAX));
        }
    }

    /// As it is defined: of every window the least, the first of those that are alike.
    fn by_definition(bytes: &[u8]) -> Vec<Print> {
        let grams: Vec<(u64, usize)> =
            bytes.windows(GRAM).enumerate().map(|(at, piece)| (gram(piece), at)).collect();
        let windows = grams.windows(WINDOW.min(grams.len()).max(1));
        let mut least: Vec<(u64, usize)> =
            windows.filter_map(|window| window.iter().min().copied()).collect();
        least.dedup();
        least.into_iter().map(|(hash, at)| Print { hash, at: short(at), len: short(GRAM) }).collect()
    }

    #[test]
    fn every_window_keeps_its_least() {
        let mut bytes: Vec<u8> =
            (0..500_u32).map(|n| b'a' + n.wrapping_mul(2_654_435_761).to_be_bytes()[0] % 26).collect();
        bytes.splice(200..340, b"again".iter().cycle().copied().take(140));
        for end in 0..bytes.len() {
            assert_eq!(winnowed(&bytes[..end]), by_definition(&bytes[..end]), "{end} bytes");
        }
        assert_eq!(winnowed(&[b'a'; 300]), by_definition(&[b'a'; 300]));
    }

    #[test]
    fn prints_are_few() {
        let text: String = (0..20_000_u32).map(|n| format!("{:x} ", n.wrapping_mul(2_654_435_761))).collect();
        let few = prints(&text).len();
        assert!(few * 10 < text.len(), "{few} of {}", text.len());
    }
}
