//! Spans made ready for tracing, once for all calls of an answer.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use plimsoll_core::{ArgumentRole, Integrity, Output, Span, SpanKind};
use serde_json::{Map, Value};

use super::TracedSpan;
use super::authored::Written;
use super::fields::Fields;
use super::haystack::{Folded, Haystack, Hits};
use super::records::Records;
use super::spelling::Spelling;
use super::text::{Disguised, PreparedText};
use super::times::Said;
use crate::payload::Sensitive;

/// Spans made ready.
///
/// Once the first value was looked for it holds the filters of their texts one after the other: a quarter to half as many
/// bytes as the context has.
#[derive(Debug)]
pub struct Prepared<'a> {
    pub(super) spans: Vec<PreparedSpan<'a>>,
    pub(super) found: Arc<Found>,
}

#[derive(Debug)]
pub(super) struct PreparedSpan<'a> {
    pub(super) span: &'a Span,
    pub(super) text: Arc<PreparedText>,
    pub(super) output: Option<&'a Output>,
    pub(super) call: Option<&'a Value>,
    pub(super) found: Arc<FoundOfSpan>,
}

/// What depends on a context alone, and is found out once.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// All texts, by span; of a picture or a file, none.
    texts: OnceLock<Haystack>,
    /// Those of them that are the user's words.
    users: OnceLock<Haystack>,
    /// Those of them that list entries of a directory.
    directories: OnceLock<Haystack>,
    /// All of them without their disguises; most texts have none.
    disguised: OnceLock<Haystack>,
    /// What the user said about time.
    pub(super) said: OnceLock<Said>,
    /// The user's words, in short.
    pub(super) vocabulary: OnceLock<HashSet<u64>>,
    /// What known authors wrote.
    pub(super) written: OnceLock<Vec<Written>>,
    /// Where each sensitive value stands first: its span, and its place among the span's.
    pub(super) sensitive: OnceLock<Vec<(usize, usize)>>,
}

/// The same of one of its spans.
#[derive(Debug, Default)]
pub(super) struct FoundOfSpan {
    /// What its call asked for, in few words.
    asked: OnceLock<Option<String>>,
    fields: OnceLock<Option<Fields>>,
    sensitive: OnceLock<Vec<Sensitive>>,
    /// It is what a search for the user's own words found.
    pub(super) searched: OnceLock<bool>,
}

/// What was found out about a context, to be kept until the model has answered.
#[derive(Clone, Debug)]
pub struct Findings {
    found: Arc<Found>,
    spans: Vec<KnownSpan>,
}

#[derive(Clone, Debug)]
struct KnownSpan {
    span: Span,
    text: Arc<PreparedText>,
    found: Arc<FoundOfSpan>,
}

impl<'a> Prepared<'a> {
    pub fn new(spans: &[TracedSpan<'a>]) -> Self {
        Self::with(spans, |traced| Arc::new(PreparedText::new(traced.text)))
    }

    /// The same with texts that a caller kept: `text` must give the one prepared from the span's text.
    pub fn with(
        spans: &[TracedSpan<'a>],
        mut text: impl FnMut(&TracedSpan<'a>) -> Arc<PreparedText>,
    ) -> Self {
        let ready = |traced: &TracedSpan<'a>| PreparedSpan::of(traced, text(traced), Arc::default());
        Self { spans: spans.iter().map(ready).collect(), found: Arc::default() }
    }

    /// The same with all that was found out about these very spans, of the same outputs and calls, before. About other
    /// spans nothing is known.
    pub fn again(spans: &[TracedSpan<'a>], findings: &Findings) -> Self {
        let known = &findings.spans;
        if spans.len() != known.len() || spans.iter().zip(known).any(|(a, b)| *a.span != b.span) {
            return Self::new(spans);
        }
        let ready = |(traced, known): (&TracedSpan<'a>, &KnownSpan)| {
            PreparedSpan::of(traced, Arc::clone(&known.text), Arc::clone(&known.found))
        };
        Self { spans: spans.iter().zip(known).map(ready).collect(), found: Arc::clone(&findings.found) }
    }

    /// Finds out all that depends on the context alone.
    pub fn settle(&self) -> Findings {
        let nothing = Spelling::of("", ArgumentRole::Content, "");
        for find in [Self::hits, Self::users_hits, Self::directory_hits, Self::hidden] {
            find(self, &nothing);
        }
        self.said();
        self.user_may_say("");
        self.written();
        self.sensitive().for_each(drop);
        for span in &self.spans {
            span.asked_for();
            self.named(span);
            self.is_searched(span);
        }
        let known = |span: &PreparedSpan<'_>| KnownSpan {
            span: span.span.clone(),
            text: Arc::clone(&span.text),
            found: Arc::clone(&span.found),
        };
        Findings { found: Arc::clone(&self.found), spans: self.spans.iter().map(known).collect() }
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Where a value may stand in the spans' texts.
    pub(super) fn hits(&self, spelling: &Spelling) -> Hits {
        let of = |n: usize| self.folded(n, |span| span.span.kind != SpanKind::Media);
        self.hits_among(&self.found.texts, spelling, of)
    }

    /// Where it may stand in the user's words.
    pub(super) fn users_hits(&self, spelling: &Spelling) -> Hits {
        self.hits_among(&self.found.users, spelling, |n| self.folded(n, PreparedSpan::is_users))
    }

    /// Where it may stand in a directory.
    pub(super) fn directory_hits(&self, spelling: &Spelling) -> Hits {
        let lists = |span: &PreparedSpan<'_>| span.fields().is_some_and(Fields::is_directory);
        self.hits_among(&self.found.directories, spelling, |n| self.folded(n, lists))
    }

    /// Where it may stand in an encoding or in look-alike characters.
    pub(super) fn hidden(&self, spelling: &Spelling) -> Hits {
        let of = |n: usize| match self.spans[n].span.kind {
            SpanKind::Media => Disguised::NONE.folded(),
            _ => self.spans[n].text.disguised().folded(),
        };
        self.hits_among(&self.found.disguised, spelling, of)
    }

    fn hits_among<'s>(
        &'s self,
        all: &OnceLock<Haystack>,
        spelling: &Spelling,
        of: impl Fn(usize) -> Folded<'s> + Clone,
    ) -> Hits {
        let haystack = all.get_or_init(|| Haystack::of((0..self.spans.len()).map(of.clone())));
        haystack.hits(spelling, of)
    }

    /// The text of a span, if it is one of those.
    fn folded(&self, n: usize, is_one: impl Fn(&PreparedSpan<'a>) -> bool) -> Folded<'_> {
        let span = &self.spans[n];
        match is_one(span) {
            true => (span.text.folded.as_slice(), span.text.grams()),
            false => Disguised::NONE.folded(),
        }
    }
}

impl<'a> PreparedSpan<'a> {
    fn of(traced: &TracedSpan<'a>, text: Arc<PreparedText>, found: Arc<FoundOfSpan>) -> Self {
        Self { span: traced.span, text, output: traced.output, call: traced.call, found }
    }

    /// What its call asked for, in few words.
    pub(super) fn asked_for(&self) -> Option<&str> {
        self.found.asked.get_or_init(|| self.call.and_then(asked_for)).as_deref()
    }

    /// What the asking person said in words of their own.
    pub(super) fn is_users(&self) -> bool {
        self.span.kind == SpanKind::User
            && self.span.label.integrity >= Integrity::User
            && self.output.is_none()
    }

    /// Text whose author is in charge: a value that stands in it was chosen.
    pub(super) fn is_spoken(&self) -> bool {
        self.is_users()
            || (self.span.kind == SpanKind::System && self.span.label.integrity >= Integrity::User)
    }

    /// What the span is worth as a whole. What a model said before, and what only looks like text, is
    /// worth nothing.
    pub(super) fn integrity(&self) -> Integrity {
        match self.span.kind {
            SpanKind::Assistant | SpanKind::Media => Integrity::Untrusted,
            _ => self.span.label.integrity,
        }
    }

    /// A result has records, wherever in the context it stands.
    pub(super) fn records(&self) -> Option<&Records> {
        (self.span.kind == SpanKind::Result || self.output.is_some()).then(|| self.text.records())
    }

    /// The result of a tool that has nothing to be asked: what it says is so for everybody.
    pub(super) fn was_asked_nothing(&self) -> bool {
        self.call.is_some_and(|call| call.is_null() || call.as_object().is_some_and(Map::is_empty))
    }

    /// The values of its fields that are declared sensitive.
    pub(super) fn sensitive(&self) -> &[Sensitive] {
        let declared = self.output.filter(|output| !output.sensitive.is_empty());
        let found = || declared.map_or_else(Vec::new, |output| self.text.sensitive(output));
        match declared.and_then(|output| self.text.sensitive_known(output)) {
            Some(known) => known,
            None => self.found.sensitive.get_or_init(found),
        }
    }

    /// What is declared about the fields of its records.
    pub(super) fn fields(&self) -> Option<&Fields> {
        let read = || {
            let (output, records) = (self.output?, self.records()?);
            Some(Fields::of(output, records, self.integrity(), self.text.declared_or_found(output)))
        };
        self.found.fields.get_or_init(read).as_ref()
    }

    /// What a field is called: its path, or `*`.
    pub(super) fn path(&self, id: u32) -> String {
        let path = self.text.records().path(&self.text.exact, id);
        if path.is_empty() { "*".to_owned() } else { path }
    }

    pub(super) fn value(&self, id: u32) -> &str {
        self.text.records().value(&self.text.exact, id)
    }
}

/// Characters of a call's arguments that name its result to people.
const ASKED_MAX: usize = 60;

/// What a call asked for, in few words: `mail_id M-12`.
fn asked_for(call: &Value) -> Option<String> {
    let word = |(name, value): (&String, &Value)| match value {
        Value::String(text) if !text.is_empty() => Some(format!("{name} {text}")),
        Value::Number(number) => Some(format!("{name} {number}")),
        _ => None,
    };
    let words: Vec<String> = call.as_object()?.iter().filter_map(word).take(2).collect();
    (!words.is_empty()).then(|| crate::preview(&words.join(", "), ASKED_MAX))
}
