//! Values that are not for everybody, in a text: as they are, with other separators, and encoded.

use std::collections::BTreeSet;

use crate::trace::{decoded_words, without_disguise};

/// Shorter values are in every text.
const VALUE_MIN: usize = 3;
/// Values shorter than this count only as words of their own.
const WORD_MAX: usize = 6;

/// Words that hold an encoding of a value are at least so long.
const ENCODED_MIN: usize = VALUE_MIN * 8 / 6;

/// A value of a sensitive field in the forms in which it is looked for: a conversation may hold thousands of them, and
/// each is looked for in every act.
#[derive(Debug)]
pub(crate) struct Sensitive {
    pub(crate) class: String,
    pub(crate) value: String,
    /// It counts only as a word of its own.
    is_word: bool,
    plain: String,
    /// Letters and digits alone; empty where they are too few to tell anything.
    compact: String,
    encoded: [String; 4],
}

impl Sensitive {
    /// Nothing for a value that is in every text.
    pub(crate) fn of(class: &str, value: &str) -> Option<Self> {
        let value = value.trim();
        let length = value.chars().count();
        let plain = spaced(&value.to_lowercase());
        let mut compact = compact(&plain);
        if compact.chars().count() < WORD_MAX {
            compact.clear();
        }
        let encoded = encodings(value);
        let is_word = length < WORD_MAX;
        let class = class.to_owned();
        (length >= VALUE_MIN).then(|| Self {
            class,
            value: value.to_owned(),
            is_word,
            plain,
            compact,
            encoded,
        })
    }
}

/// The data classes of the values that stand in these texts.
pub(super) fn classes<'t, 's>(
    values: impl Iterator<Item = &'s Sensitive> + Clone,
    texts: impl Iterator<Item = &'t str>,
) -> BTreeSet<String> {
    let mut classes = BTreeSet::new();
    if values.clone().next().is_none() {
        return classes;
    }
    for text in texts {
        let text = Haystack::of(text);
        for value in values.clone() {
            if !classes.contains(&value.class) && text.holds(value) {
                classes.insert(value.class.clone());
            }
        }
    }
    classes
}

/// A text in the forms in which a value may stand in it.
struct Haystack {
    /// In lower case, and also without disguises and encodings.
    plain: String,
    /// Letters and digits alone.
    compact: String,
    exact: String,
    /// It has a word that is long enough to be an encoding.
    may_encode: bool,
}

impl Haystack {
    fn of(text: &str) -> Self {
        let plain = format!("{}\n{}\n{}", text.to_lowercase(), decoded_words(text), without_disguise(text));
        let digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
        let may_encode = text.split(|c| !digit(c)).any(|word| word.len() >= ENCODED_MIN);
        Self { compact: compact(&plain), plain: spaced(&plain), exact: text.to_owned(), may_encode }
    }

    fn holds(&self, value: &Sensitive) -> bool {
        if value.is_word {
            return stands(&self.plain, &value.plain);
        }
        // A text that holds a value holds its letters and digits in a row.
        let holds = match value.compact.is_empty() {
            true => self.plain.contains(&value.plain),
            false => self.compact.contains(&value.compact),
        };
        holds || (self.may_encode && value.encoded.iter().any(|encoded| self.exact.contains(encoded)))
    }
}

/// Whether the value stands in the text as words of its own.
fn stands(text: &str, value: &str) -> bool {
    text.match_indices(value).any(|(at, _)| {
        !text[..at].ends_with(char::is_alphanumeric)
            && !text[at + value.len()..].starts_with(char::is_alphanumeric)
    })
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn compact(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The value in hex and base 64. Longer words of a text are decoded as a whole; this is for short ones.
fn encodings(value: &str) -> [String; 4] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let nibbles = value.bytes().flat_map(|b| [b >> 4, b & 15]);
    let hex: String = nibbles.map(|nibble| char::from(HEX[usize::from(nibble)])).collect();
    let base64 = base64(value.as_bytes());
    [hex.to_uppercase(), hex, base64.replace('+', "-").replace('/', "_"), base64]
}

/// Base 64 of whole sextets: what does not depend on what follows.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|b| b >> (7 - at % 8) & 1 == 1);
    let sextet = |at: usize| (0..6).fold(0, |sum, i| sum << 1 | usize::from(bit(at * 6 + i)));
    (0..bytes.len() * 8 / 6).map(|at| char::from(DIGITS[sextet(at)])).collect()
}
