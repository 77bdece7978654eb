//! Spans made ready for searching, once for all calls of an answer.
//!
//! Each text is folded (ASCII letters lowered, white space made spaces) without changing a single
//! position, so a hit in the folded text can be checked against the text as it was written. What costs
//! more (decoding long words, undoing look-alike characters, cutting JSON into fields) is done only for
//! texts that have such things, and only when first asked for.

use std::borrow::Cow;
use std::sync::OnceLock;

use memchr::memmem::Finder;
use plimsoll_core::{Span, SpanKind};
use serde::de::IgnoredAny;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::TracedSpan;
use super::encoded::{decoded_words, without_disguise};
use super::spelling::Spelling;

/// Spans made ready. Borrows their texts.
#[derive(Debug)]
pub struct Prepared<'a> {
    spans: Vec<PreparedSpan<'a>>,
}

#[derive(Debug)]
pub(super) struct PreparedSpan<'a> {
    pub(super) span: &'a Span,
    /// The text in Unicode's composed form (NFC): nearly always as it came.
    pub(super) exact: Cow<'a, str>,
    folded: Vec<u8>,
    fields: OnceLock<Option<Vec<Field>>>,
    disguised: OnceLock<String>,
}

/// One string in a JSON text, by position; quotes excluded.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) is_name: bool,
}

impl<'a> Prepared<'a> {
    pub fn new(spans: &[TracedSpan<'a>]) -> Self {
        Self { spans: spans.iter().map(PreparedSpan::new).collect() }
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(super) fn spans(&self) -> &[PreparedSpan<'a>] {
        &self.spans
    }
}

impl<'a> PreparedSpan<'a> {
    fn new(traced: &TracedSpan<'a>) -> Self {
        let exact = if traced.text.is_ascii() || is_nfc(traced.text) {
            Cow::Borrowed(traced.text)
        } else {
            Cow::Owned(traced.text.nfc().collect())
        };
        let folded = fold(exact.as_bytes());
        Self { span: traced.span, exact, folded, fields: OnceLock::new(), disguised: OnceLock::new() }
    }

    /// Whether the value stands here: `Some(true)` whole, `Some(false)` only in part or in disguise.
    pub(super) fn find(&self, spelling: &Spelling) -> Option<bool> {
        if spelling.needles.is_empty() || self.span.kind == SpanKind::Media {
            return None;
        }
        let mut partly = false;
        for needle in &spelling.needles {
            for at in needle.find_iter(&self.folded) {
                match self.judge(spelling, needle, at) {
                    Some(true) => return Some(true),
                    Some(false) => partly = true,
                    None => {}
                }
            }
        }
        (partly || self.in_disguise(spelling)).then_some(false)
    }

    fn judge(&self, spelling: &Spelling, needle: &Finder<'_>, at: usize) -> Option<bool> {
        match self.fields() {
            None => spelling.stands_at(&self.exact, &self.folded, at),
            Some(fields) => {
                // Inside a structured text only a whole field is a value; a name is none.
                let index = fields.partition_point(|field| field.end <= at);
                let field = fields.get(index).filter(|field| field.start <= at);
                match field {
                    Some(field) if field.is_name => None,
                    Some(field) => Some(spelling.is_field(self, field, index, fields)),
                    None => Some(spelling.is_bare_field(self, at, needle.needle().len(), index, fields)),
                }
            }
        }
    }

    /// The strings of a result that is JSON.
    fn fields(&self) -> Option<&[Field]> {
        let fields = self.fields.get_or_init(|| {
            let json = self.span.kind == SpanKind::Result
                && self.exact.trim_start().starts_with(['{', '[', '"'])
                && serde_json::from_str::<IgnoredAny>(&self.exact).is_ok();
            json.then(|| cut(self.exact.as_bytes()))
        });
        fields.as_deref()
    }

    fn in_disguise(&self, spelling: &Spelling) -> bool {
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

/// The strings of a valid JSON text.
fn cut(text: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut at = 0;
    while let Some(quote) = memchr::memchr(b'"', &text[at..]) {
        let start = at + quote + 1;
        let mut end = start;
        while let Some(next) = memchr::memchr2(b'"', b'\\', &text[end..]) {
            end += next;
            if text[end] == b'"' {
                break;
            }
            end = (end + 2).min(text.len());
        }
        let behind = text[end..].iter().skip(1).find(|b| !b.is_ascii_whitespace());
        fields.push(Field { start, end, is_name: behind == Some(&b':') });
        at = (end + 1).min(text.len());
    }
    fields
}
