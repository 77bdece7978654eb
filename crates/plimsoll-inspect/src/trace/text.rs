//! A text made ready for searching, once.
//!
//! It is folded (ASCII letters lowered, white space made spaces) without changing a single position, so a
//! hit in the folded text can be checked against the text as it was written. What costs more (decoding
//! long words, undoing look-alike characters, reading records) is done only when first asked for.

use std::sync::OnceLock;

use memchr::memmem::Finder;
use plimsoll_core::Output;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::encoded::{decoded_words, without_disguise};
use super::fields::{Declared, Fields};
use super::records::{Records, Shape};
use super::spelling::{Spelling, is_quoted};
use crate::intent::Words;

/// One text, ready. It owns what it holds, so that a caller can keep it between turns under the text's
/// content address (in an `Arc`, which [`Prepared::with`](super::Prepared::with) takes) and pay for it
/// once.
///
/// It takes twice the text's length; where a value was found in a result, about as much again or, for
/// texts of very many very short values, up to 60 bytes a value, of which there are at most 100 000.
#[derive(Debug)]
pub struct PreparedText {
    /// The text in Unicode's composed form (NFC): nearly always as it came.
    pub(super) exact: Box<str>,
    pub(super) folded: Vec<u8>,
    /// It has a backslash, so values may be escaped in it.
    escapes: bool,
    records: OnceLock<Records>,
    disguised: OnceLock<String>,
    words: OnceLock<Words>,
    /// Which of its values are the declared fields of one output: that of the tool which returned it.
    declared: OnceLock<(Output, Vec<Declared>)>,
}

impl PreparedText {
    pub fn new(text: &str) -> Self {
        let exact: Box<str> =
            if text.is_ascii() || is_nfc(text) { text.into() } else { text.nfc().collect() };
        let folded = fold(exact.as_bytes());
        Self {
            escapes: memchr::memchr(b'\\', &folded).is_some(),
            exact,
            folded,
            records: OnceLock::new(),
            disguised: OnceLock::new(),
            words: OnceLock::new(),
            declared: OnceLock::new(),
        }
    }

    /// The fields of a text that is a result.
    pub(super) fn records(&self) -> &Records {
        self.records.get_or_init(|| Records::read(&self.exact))
    }

    /// What was found of an output's declared fields before.
    pub(super) fn declared(&self, output: &Output) -> Option<&[Declared]> {
        self.declared.get().filter(|(known, _)| known == output).map(|(_, declared)| declared.as_slice())
    }

    pub(super) fn keep_declared(&self, output: &Output, fields: &Fields<'_>) {
        self.declared.get_or_init(|| (output.clone(), fields.declared().to_vec()));
    }

    /// A text that the user wrote, read for what it asks to be done.
    pub(super) fn words(&self) -> &Words {
        self.words.get_or_init(|| Words::read(&self.exact))
    }

    pub(super) fn is_quoted(&self) -> bool {
        self.records().shape == Shape::Quoted
    }

    /// Where a value may stand. Every hit still has to be judged.
    pub(super) fn hits<'s>(&'s self, spelling: &'s Spelling) -> impl Iterator<Item = (usize, usize)> {
        let in_text = |needle: &'s Finder<'static>| {
            needle.find_iter(&self.folded).map(|at| (at, needle.needle().len()))
        };
        let possible = |needle: &&Finder<'static>| self.escapes || !needle.needle().contains(&b'\\');
        spelling.needles.iter().filter(possible).flat_map(in_text)
    }

    /// Whether the value stands here as free text: `Some(true)` whole, `Some(false)` in part.
    pub(super) fn stands(&self, spelling: &Spelling) -> Option<bool> {
        let mut partly = None;
        for (at, _) in self.hits(spelling) {
            match spelling.stands_at(&self.exact, &self.folded, at) {
                Some(true) => return Some(true),
                Some(false) => partly = Some(false),
                None => {}
            }
        }
        partly
    }

    /// Whether the value stands here whole and in quotes.
    pub(super) fn stands_quoted(&self, spelling: &Spelling) -> bool {
        self.hits(spelling).any(|(at, len)| {
            is_quoted(&self.exact, at, len) && spelling.stands_at(&self.exact, &self.folded, at) == Some(true)
        })
    }

    /// Whether the value stands here in an encoding or in look-alike characters.
    pub(super) fn hides(&self, spelling: &Spelling) -> bool {
        let disguised = self.disguised.get_or_init(|| {
            let mut text = decoded_words(&self.exact);
            if !self.exact.is_ascii() {
                text.push_str(&without_disguise(&self.exact));
            }
            text
        });
        !disguised.is_empty() && spelling.needles.iter().any(|n| n.find(disguised.as_bytes()).is_some())
    }
}

/// Lowers ASCII letters and makes white space spaces; every position stays what it was.
pub(super) fn fold(bytes: &[u8]) -> Vec<u8> {
    let one = |b: &u8| match *b {
        b'\t' | b'\n' | b'\r' => b' ',
        b => b.to_ascii_lowercase(),
    };
    bytes.iter().map(one).collect()
}
