//! Values that are not for everybody, in a text: as they are, with other separators, and encoded.

use std::collections::BTreeSet;

use crate::trace::{decoded_words, without_disguise};

/// Shorter values are in every text.
const VALUE_MIN: usize = 3;
/// Values shorter than this count only as words of their own.
const WORD_MAX: usize = 6;

/// The data classes of the values that stand in these texts. Values come as (class, value).
pub(super) fn classes<'t>(values: &[(&str, &str)], texts: impl Iterator<Item = &'t str>) -> BTreeSet<String> {
    let mut classes = BTreeSet::new();
    if values.is_empty() {
        return classes;
    }
    for text in texts.map(Haystack::of) {
        for (class, value) in values {
            if !classes.contains(*class) && text.holds(value.trim()) {
                classes.insert((*class).to_owned());
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
}

impl Haystack {
    fn of(text: &str) -> Self {
        let plain = format!("{}\n{}\n{}", text.to_lowercase(), decoded_words(text), without_disguise(text));
        Self { compact: compact(&plain), plain: spaced(&plain), exact: text.to_owned() }
    }

    fn holds(&self, value: &str) -> bool {
        let length = value.chars().count();
        if length < VALUE_MIN {
            return false;
        }
        let plain = spaced(&value.to_lowercase());
        if length < WORD_MAX {
            return stands(&self.plain, &plain);
        }
        let compacted = compact(&plain);
        self.plain.contains(&plain)
            || (compacted.chars().count() >= WORD_MAX && self.compact.contains(&compacted))
            || encodings(value).iter().any(|encoded| self.exact.contains(encoded))
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
    let hex: String = value.bytes().map(|b| format!("{b:02x}")).collect();
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
