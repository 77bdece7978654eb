//! What a text holds, in short, so that a value need not be looked for in texts that can't have it.
//!
//! A Bloom filter (Bloom 1970) over the text's pieces of three bytes, its short words and its numbers. It may say that
//! something stands in a text where nothing does, which costs a search, and never the reverse. And the places of its
//! numbers, so that amounts and short ids need no search at all.

use super::number::NUMBER_MAX;
use super::spelling::SHORT_ID;

/// Bits of the filter for each byte of the text, at least.
const BITS: usize = 2;
/// Pieces of a value that are asked about at most; what else it has says little more.
const ASKED_MAX: usize = 8;

/// What one text holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Grams {
    /// The filter: as many bits as a power of two, none for an empty text.
    bits: Vec<u64>,
    /// Where each number ends, by its hash and then by place: nearly every text has a `1`, and
    /// few have one by itself. Nothing where a row of digits is too long to be one number.
    numbers: Option<Vec<(u32, u32)>>,
}

/// What a text must have for a value to stand in it. Nothing: any text may.
#[derive(Debug, Default)]
pub(super) struct Asked {
    hashes: [u32; ASKED_MAX],
    len: usize,
    /// A number that stands by itself wherever the value does, and how far behind the value's beginning it ends.
    number: Option<(u32, usize)>,
}

impl Grams {
    pub(super) const NONE: Self = Self { bits: Vec::new(), numbers: None };

    /// `folded` is a folded text.
    pub(super) fn of(folded: &[u8]) -> Self {
        if folded.is_empty() {
            return Self::default();
        }
        let words = (folded.len() * BITS).next_power_of_two().div_ceil(64);
        let mut grams = Self { bits: vec![0; words], numbers: None };
        let mut numbers = Some(Vec::new());
        let (mut piece, mut word, mut number) = (Piece::default(), Word::default(), Number::default());
        // What stands at the end of a text ends with it.
        for (at, byte) in folded.iter().copied().chain([b' ']).enumerate() {
            piece.push(byte);
            if at >= 2 {
                grams.put(piece.hash());
            }
            if byte.is_ascii_alphanumeric() {
                word.push(byte);
            } else if word.len > 0 {
                if word.len < SHORT_ID {
                    grams.put(word.hash());
                }
                word = Word::default();
            }
            if byte.is_ascii_digit() {
                number.push(byte);
            } else if number.len > 0 {
                grams.put(number.hash());
                // Of such a row of digits only a part is looked at: it may stand for any number.
                if number.len > NUMBER_MAX {
                    grams.bits.fill(u64::MAX);
                    numbers = None;
                }
                if let (Some(numbers), Ok(end)) = (&mut numbers, u32::try_from(at)) {
                    numbers.push((number.hash(), end));
                }
                number = Number::default();
            }
        }
        if let Some(numbers) = &mut numbers {
            numbers.sort_unstable();
            numbers.shrink_to_fit();
        }
        grams.numbers = numbers.filter(|_| u32::try_from(folded.len()).is_ok());
        grams
    }

    fn put(&mut self, hash: u32) {
        let bit = hash as usize & (self.bits.len() * 64 - 1);
        self.bits[bit / 64] |= 1 << (bit % 64);
    }

    pub(super) fn bits(&self) -> &[u64] {
        &self.bits
    }

    /// Where the value may begin, in order; nothing when that can't be said.
    pub(super) fn places(&self, asked: &Asked) -> Option<impl Iterator<Item = usize>> {
        let ((number, end), numbers) = asked.number.zip(self.numbers.as_deref())?;
        let first = numbers.partition_point(|(other, _)| *other < number);
        let here = numbers[first..].iter().take_while(move |(other, _)| *other == number);
        Some(here.filter_map(move |(_, at)| (*at as usize).checked_sub(end)))
    }
}

impl Asked {
    /// A value of which any part of a text may be a place.
    pub(super) fn anywhere(needle: &[u8]) -> Self {
        let mut asked = Self::default();
        let pieces = needle.len().saturating_sub(2);
        let step = pieces.div_ceil(ASKED_MAX - 1).max(1);
        for bytes in needle.windows(3).step_by(step) {
            let mut piece = Piece::default();
            bytes.iter().for_each(|byte| piece.push(*byte));
            asked.also(piece.hash());
        }
        asked
    }

    /// One that no letter and no digit may stand beside.
    pub(super) fn as_word(needle: &[u8]) -> Self {
        let mut asked = Self::anywhere(needle);
        let words = needle.split(|b| !b.is_ascii_alphanumeric());
        let short = words.filter(|bytes| (1..SHORT_ID).contains(&bytes.len()));
        if let Some(longest) = short.max_by_key(|bytes| bytes.len()) {
            let mut word = Word::default();
            longest.iter().for_each(|byte| word.push(*byte));
            asked.also(word.hash());
        }
        if needle.iter().all(u8::is_ascii_alphanumeric)
            && let Some(last) = needle.iter().rposition(u8::is_ascii_digit)
        {
            let rest = needle[..=last].rsplit(|b| !b.is_ascii_digit()).next().unwrap_or_default();
            asked.number = Some((Number::of(rest).hash(), last + 1));
        }
        asked
    }

    /// A number: only noughts may stand before it and, where it has a fraction, behind it.
    pub(super) fn as_number(needle: &[u8], has_fraction: bool) -> Self {
        let mut asked = Self::anywhere(needle);
        let digits = needle.iter().position(|b| !b.is_ascii_digit()).unwrap_or(needle.len());
        if digits > 0 && (digits < needle.len() || !has_fraction) {
            let number = Number::of(&needle[..digits]);
            asked.also(number.hash());
            asked.number = Some((number.hash(), digits));
        }
        asked
    }

    fn also(&mut self, hash: u32) {
        if let Some(place) = self.hashes.get_mut(self.len) {
            *place = hash;
            self.len += 1;
        }
    }

    /// Whether a text of these grams may hold it.
    pub(super) fn may_be_in(&self, bits: &[u64]) -> bool {
        let Some(mask) = (bits.len() * 64).checked_sub(1) else { return false };
        self.hashes[..self.len].iter().all(|hash| {
            let bit = *hash as usize & mask;
            bits[bit / 64] & (1 << (bit % 64)) != 0
        })
    }
}

/// Three bytes that stand side by side.
#[derive(Clone, Copy, Default)]
struct Piece(u32);

impl Piece {
    const fn push(&mut self, byte: u8) {
        self.0 = (self.0 << 8 | byte as u32) & 0x00ff_ffff;
    }

    const fn hash(self) -> u32 {
        spread(self.0)
    }
}

/// Letters and digits with none beside them: only short ones are asked about.
#[derive(Clone, Copy, Default)]
struct Word {
    bytes: u32,
    len: usize,
}

impl Word {
    const fn push(&mut self, byte: u8) {
        self.bytes = self.bytes << 8 | byte as u32;
        self.len += 1;
    }

    const fn hash(self) -> u32 {
        spread(self.bytes ^ 0x5bd1_e995)
    }
}

/// Digits with none beside them, without the noughts before them.
#[derive(Clone, Copy, Default)]
struct Number {
    digits: u32,
    len: usize,
}

impl Number {
    fn of(digits: &[u8]) -> Self {
        let mut number = Self::default();
        digits.iter().for_each(|digit| number.push(*digit));
        number
    }

    const fn push(&mut self, digit: u8) {
        self.len += 1;
        if self.digits != 0 || digit != b'0' {
            self.digits = (self.digits ^ digit as u32).wrapping_mul(0x0100_0193);
        }
    }

    const fn hash(self) -> u32 {
        spread(self.digits ^ 0x811c_9dc5)
    }
}

/// The low bits depend on all (Knuth's multiplicative hash).
const fn spread(bits: u32) -> u32 {
    let spread = bits.wrapping_mul(0x9e37_79b1);
    spread >> 15 ^ spread
}
