//! A text made ready for searching, once.
//!
//! It is folded (ASCII letters lowered, white space made spaces) without changing a single position, so a
//! hit in the folded text can be checked against the text as it was written. What costs more (decoding
//! long words, undoing look-alike characters, reading records) is done only when first asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use plimsoll_core::Output;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::encoded::{decoded_words, without_disguise};
use super::fields::{Declarations, covers};
use super::grams::Grams;
use super::haystack::{Folded, Hit};
use super::records::{Records, Shape};
use super::spelling::{Spelling, is_quoted};
use crate::intent::Words;
use crate::payload::Sensitive;

/// One text, ready. It owns what it holds, so that a caller can keep it between turns under the text's
/// content address (in an `Arc`, which [`Prepared::with`](super::Prepared::with) takes) and pay for it
/// once.
///
/// It takes twice the text's length and up to as much again (half of it for what it holds in short, and eight bytes for each
/// number in it); where a value was found in a result, about as much again or, for
/// texts of very many very short values, up to 60 bytes a value, of which there are at most 100 000.
#[derive(Debug)]
pub struct PreparedText {
    /// The text in Unicode's composed form (NFC): nearly always as it came.
    pub(super) exact: Box<str>,
    pub(super) folded: Vec<u8>,
    records: OnceLock<Records>,
    /// What it holds, in short.
    grams: OnceLock<Grams>,
    disguised: OnceLock<Disguised>,
    words: OnceLock<Words>,
    /// Which of its values are the declared fields of one output: that of the tool which returned it.
    declared: OnceLock<(Output, Arc<Declarations>)>,
    /// The values of that output's sensitive fields.
    sensitive: OnceLock<(BTreeMap<String, String>, Vec<Sensitive>)>,
}

impl PreparedText {
    pub fn new(text: &str) -> Self {
        let exact: Box<str> =
            if text.is_ascii() || is_nfc(text) { text.into() } else { text.nfc().collect() };
        let folded = fold(exact.as_bytes());
        Self {
            exact,
            folded,
            records: OnceLock::new(),
            grams: OnceLock::new(),
            disguised: OnceLock::new(),
            words: OnceLock::new(),
            declared: OnceLock::new(),
            sensitive: OnceLock::new(),
        }
    }

    /// Reads the text for all that is asked of it later, as one of the user's or as a result whose fields mean this. What is
    /// not read here is read when it is first asked for.
    pub fn settle(&self, is_users: bool, output: Option<&Output>) {
        self.grams();
        self.disguised();
        if is_users {
            self.words();
        }
        if let Some(output) = output {
            self.declared_or_found(output);
            if !output.sensitive.is_empty() {
                self.sensitive_known(output);
            }
        }
    }

    /// The fields of a text that is a result.
    pub(super) fn records(&self) -> &Records {
        self.records.get_or_init(|| Records::read(&self.exact))
    }

    /// Which of its values are an output's declared fields; looked up once for one output.
    pub(super) fn declared_or_found(&self, output: &Output) -> Arc<Declarations> {
        let find = || Arc::new(Declarations::find(output, self.records(), &self.exact));
        let (known, declared) = self.declared.get_or_init(|| (output.clone(), find()));
        if known == output { Arc::clone(declared) } else { find() }
    }

    /// The values of the fields that these outputs declare sensitive, where they are known from before or looked up now.
    pub(super) fn sensitive_known(&self, output: &Output) -> Option<&[Sensitive]> {
        let (of, known) = self.sensitive.get_or_init(|| (output.sensitive.clone(), self.sensitive(output)));
        (*of == output.sensitive).then_some(known.as_slice())
    }

    pub(super) fn sensitive(&self, output: &Output) -> Vec<Sensitive> {
        let records = self.records();
        let of = |(id, (name, class)): (u32, (&String, &String))| {
            covers(records, &self.exact, name, id)
                .then(|| Sensitive::of(class, records.value(&self.exact, id)))?
        };
        let places = (0..records.len()).flat_map(|id| output.sensitive.iter().map(move |field| (id, field)));
        places.filter_map(of).collect()
    }

    /// A text that the user wrote, read for what it asks to be done.
    pub(super) fn words(&self) -> &Words {
        self.words.get_or_init(|| Words::read(&self.exact))
    }

    pub(super) fn is_quoted(&self) -> bool {
        self.records().shape == Shape::Quoted
    }

    /// Whether the value stands here as free text, where it was hit: `Some(true)` whole, `Some(false)` in part.
    pub(super) fn stands(&self, spelling: &Spelling, hits: &[Hit]) -> Option<bool> {
        let mut partly = None;
        for hit in hits {
            match spelling.stands_at(&self.exact, &self.folded, hit.at) {
                Some(true) => return Some(true),
                Some(false) => partly = Some(false),
                None => {}
            }
        }
        partly
    }

    /// Whether the value stands here whole and in quotes.
    pub(super) fn stands_quoted(&self, spelling: &Spelling, hits: &[Hit]) -> bool {
        hits.iter().any(|hit| {
            is_quoted(&self.exact, hit.at, hit.len)
                && spelling.stands_at(&self.exact, &self.folded, hit.at) == Some(true)
        })
    }

    pub(super) fn grams(&self) -> &Grams {
        self.grams.get_or_init(|| Grams::of(&self.folded))
    }

    pub(super) fn disguised(&self) -> &Disguised {
        self.disguised.get_or_init(|| {
            let mut text = decoded_words(&self.exact);
            if !self.exact.is_ascii() {
                text.push_str(&without_disguise(&self.exact));
            }
            Disguised { grams: Grams::of(text.as_bytes()), text }
        })
    }
}

/// A text's long words decoded, and all of it without look-alike characters, where it has any.
#[derive(Debug)]
pub(super) struct Disguised {
    text: String,
    grams: Grams,
}

impl Disguised {
    /// What most texts have.
    pub(super) const NONE: &Self = &Self { text: String::new(), grams: Grams::NONE };

    pub(super) fn folded(&self) -> Folded<'_> {
        (self.text.as_bytes(), &self.grams)
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
