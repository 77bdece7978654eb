//! The prefilter: where could a secret begin? It reads every byte once, several at a time, and names
//! all places that deserve a look. It may name too many; it must not miss one.
//!
//! - Literals are found by packed search (Teddy), overlapping ones too.
//! - Card numbers come in 14 to 19 digits in one run, or in groups 4-4-4-4, 4-6-5 or 4-6-4 with single
//!   separators. Any run of seven digits covers a four-byte word at a position divisible by four. So do
//!   the groups: consecutive groups of four begin at positions that differ by five, so one of four
//!   begins at a multiple of four; in 4-6-x the first group does when the position is a multiple of
//!   four, and otherwise the six do. So it suffices to look at aligned words.

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, Input, Span};

use super::digits::issuer;
use super::rows::{Anchor, Detector};

/// Teddy's limit is 64 patterns; smaller groups have fewer false alarms.
const GROUP: usize = 32;

/// Finds the places that deserve a look.
#[derive(Clone, Debug)]
pub(crate) struct Prefilter {
    groups: Vec<Group>,
    digits: bool,
    countries: bool,
}

#[derive(Clone, Debug)]
struct Group {
    search: Search,
    /// How far behind the beginning each literal stands.
    back: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Search {
    Packed(Searcher),
    /// Where the processor has no packed search.
    Automaton(AhoCorasick),
}

impl Prefilter {
    pub(crate) fn new<'a>(detectors: &[&Detector], known: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut literals: Vec<(Vec<u8>, usize)> = Vec::new();
        let (mut digits, mut countries) = (false, false);
        for form in detectors.iter().flat_map(|detector| detector.forms) {
            match form.anchor {
                Anchor::Literals(all, back) => {
                    literals.extend(all.iter().map(|literal| (literal.as_bytes().to_vec(), back)));
                }
                Anchor::Digits => digits = true,
                Anchor::Country => countries = true,
            }
        }
        literals.extend(known.map(|head| (head.to_vec(), 0)));
        // Within a group, literals that stand behind their beginning come first; see `literals`.
        literals.sort_by_key(|(_, back)| std::cmp::Reverse(*back));
        literals.dedup();
        let groups = literals.chunks(GROUP).filter_map(Group::new).collect();
        Self { groups, digits, countries }
    }

    /// All places where a secret could begin, in order.
    pub(crate) fn candidates(&self, bytes: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        for group in &self.groups {
            group.find(bytes, &mut found);
        }
        if self.digits {
            digit_runs(bytes, &mut found);
        }
        if self.countries {
            countries(bytes, &mut found);
        }
        if found.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        found
    }
}

impl Group {
    /// `None` only when the literals can't be built into an automaton, which their number and length
    /// rule out.
    fn new(literals: &[(Vec<u8>, usize)]) -> Option<Self> {
        let back = literals.iter().map(|(_, back)| *back).collect();
        let bytes = || literals.iter().map(|(literal, _)| literal);
        let packed = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(bytes()).build();
        let search = match packed {
            Some(searcher) => Search::Packed(searcher),
            None => {
                let automaton = AhoCorasick::builder()
                    .match_kind(aho_corasick::MatchKind::LeftmostFirst)
                    .build(bytes())
                    .ok()?;
                Search::Automaton(automaton)
            }
        };
        Some(Self { search, back })
    }

    /// Each place is reported by the first of its literals. One that stands behind its beginning comes
    /// first and speaks for both places, so a literal that begins at the same byte is not lost.
    fn find(&self, bytes: &[u8], found: &mut Vec<usize>) {
        let mut from = 0;
        while from < bytes.len() {
            let span = Span { start: from, end: bytes.len() };
            let hit = match &self.search {
                Search::Packed(searcher) => searcher.find_in(bytes, span),
                Search::Automaton(automaton) => automaton.find(Input::new(bytes).span(span)),
            };
            let Some(hit) = hit else { return };
            found.push(hit.start());
            let back = self.back.get(hit.pattern().as_usize()).copied().unwrap_or(0);
            if back > 0 {
                found.extend(hit.start().checked_sub(back));
            }
            from = hit.start() + 1;
        }
    }
}

/// Bytes looked at in one go.
const BLOCK: usize = 64;

/// Places where a bank account's number could begin: two capital letters and two digits.
fn countries(bytes: &[u8], found: &mut Vec<usize>) {
    let mut base = 0;
    while let Some(block) = bytes[base..].first_chunk::<{ BLOCK + 3 }>() {
        if any_country(block) {
            found.extend((0..BLOCK).filter(|at| is_country(&block[*at..at + 4]) != 0).map(|at| base + at));
        }
        base += BLOCK;
    }
    let rest = bytes[base..].windows(4).enumerate();
    found.extend(rest.filter(|(_, word)| is_country(word) != 0).map(|(at, _)| base + at));
}

/// Whether one begins in the block. Written so that the compiler makes vector instructions of it.
fn any_country(block: &[u8; BLOCK + 3]) -> bool {
    let mut any = 0;
    for at in 0..BLOCK {
        any |= is_country(&block[at..at + 4]);
    }
    any != 0
}

fn is_country(word: &[u8]) -> u8 {
    let upper = |byte: u8| u8::from(byte.wrapping_sub(b'A') < 26);
    let digit = |byte: u8| u8::from(byte.wrapping_sub(b'0') < 10);
    upper(word[0]) & upper(word[1]) & digit(word[2]) & digit(word[3])
}

/// Beginnings of digit groups near an aligned word of four digits.
fn digit_runs(bytes: &[u8], found: &mut Vec<usize>) {
    let mut blocks = bytes.chunks_exact(BLOCK);
    let mut base = 0;
    for block in &mut blocks {
        if any_digit_word(block) {
            words(bytes, base, BLOCK, found);
        }
        base += BLOCK;
    }
    words(bytes, base, blocks.remainder().len(), found);
}

/// Whether an aligned word of the block is four digits. Written so that the compiler makes vector
/// instructions of it.
fn any_digit_word(block: &[u8]) -> bool {
    let mut any = 0_u32;
    for word in block.chunks_exact(4) {
        let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
        any |= u32::from(is_digits(word));
    }
    any != 0
}

/// Four ASCII digits: the high halves are 3, and stay 3 when 6 is added. A carry out of a byte needs a
/// byte of 0xFA or more, whose own high half already differs.
fn is_digits(word: u32) -> bool {
    let high = word & 0xF0F0_F0F0;
    let more = word.wrapping_add(0x0606_0606) & 0xF0F0_F0F0;
    (high ^ 0x3030_3030) | (more ^ 0x3030_3030) == 0
}

fn words(bytes: &[u8], base: usize, len: usize, found: &mut Vec<usize>) {
    for at in (base..base + len).step_by(4) {
        let Some(word) = bytes.get(at..at + 4) else { return };
        if is_digits(u32::from_ne_bytes([word[0], word[1], word[2], word[3]])) {
            beginnings(bytes, at, found);
        }
    }
}

/// The longest grouped card: 16 digits and three separators; the last aligned word may be its end.
const GROUPED_MAX: usize = 19;

/// From a digit word back to where its number could begin: the start of its own run, and the starts of
/// the runs before it as far as a grouped card reaches. A lone year has nothing behind it and nothing
/// before it, and is let go.
fn beginnings(bytes: &[u8], at: usize, found: &mut Vec<usize>) {
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let mut start = at;
    loop {
        // Longer runs than a card's are no card; without this bound a long number costs its square.
        while start > 0 && digit(start - 1) && at - start <= GROUPED_MAX {
            start -= 1;
        }
        // The end of an escape (`%22`, `\u0022`) may look like the beginning of the number.
        let escape = start > 0 && matches!(bytes[start - 1], b'%' | b'u' | b'a'..=b'f' | b'A'..=b'F');
        for first in start..=start + if escape { 4 } else { 0 } {
            let grouped = bytes.get(first + 4).is_some_and(|b| matches!(b, b' ' | b'-')) && digit(first + 5);
            let long = || (0..14).all(|i| digit(first + i));
            if (grouped || long()) && bytes.get(first..).and_then(issuer).is_some() {
                found.push(first);
            }
        }
        let separated = start >= 2 && matches!(bytes[start - 1], b' ' | b'-') && digit(start - 2);
        if !separated || at - start > GROUPED_MAX {
            return;
        }
        start -= 2;
    }
}
