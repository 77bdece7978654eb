//! What tool and document doors returned, so that it is known again wherever it turns up.
//!
//! A text is known *as it was* by content address: as the exact bytes, as the same JSON value, or with
//! nothing but white space changed. Only that gives it its tool's label. *Pieces* of it are known by
//! fingerprints, in whatever wrapping: enough to keep them from counting as anybody else's words. A restart leaves
//! nothing of a text but these.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use plimsoll_core::{Digest, Label, ToolName};
use plimsoll_wire::json::{Limits, parse};
use serde_json::{Number, Value};

use super::fold::{Folded, spaced};
use super::prints;

/// Results remembered at most, for recognising their text in a later prompt; the oldest go first.
pub const RESULTS_MAX: usize = 65_536;
/// Bytes of results kept at most, for telling where a copy begins and ends.
pub const RESULT_TEXT_BYTES: usize = 32 << 20;
/// Fingerprints of pieces kept at most: about those of [`RESULT_TEXT_BYTES`]. They take 36 MiB.
pub const PIECES_MAX: usize = 1_800_000;
/// Bytes of one result whose pieces are known; what comes after is known as a whole only.
pub const PIECED_BYTES: usize = 4 << 20;

/// A result that passed a door.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownResult {
    pub label: Label,
    pub tool: ToolName,
    /// The call that it answers.
    pub call: Option<Called>,
}

/// How a call is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Called {
    /// By its arguments.
    With(Arc<Value>),
    /// By a digest of tool and arguments: it was before a restart.
    Like(Digest),
}

impl Called {
    fn address(&self, tool: &ToolName) -> Digest {
        match self {
            Self::With(call) => call_address(tool, call),
            Self::Like(digest) => *digest,
        }
    }
}

/// What outlives the process of a result: enough to know it again, and nothing that says what it was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fingerprint {
    pub label: Label,
    pub tool: ToolName,
    pub call: Option<Digest>,
    /// Its content addresses, that of its bytes first.
    pub digests: Vec<Digest>,
    pub folded: u32,
    pub prints: Vec<u8>,
}

/// The memory.
#[derive(Debug, Default)]
pub struct Results {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<Digest, u64>,
    pieces: hashbrown::HashMap<u64, Place>,
    entries: VecDeque<Entry>,
    /// How many entries have gone before the front one. An entry is born with the number of all before it.
    first: u64,
    text_bytes: usize,
    /// Calls that were answered here, by tool and arguments.
    answered: HashSet<Digest>,
}

/// Where a piece stands: in which result, from which folded byte.
#[derive(Clone, Copy, Debug)]
struct Place {
    born: u32,
    at: u32,
}

#[derive(Debug)]
struct Entry {
    known: KnownResult,
    digests: Vec<Digest>,
    body: Body,
}

/// What there is to hold a copy against.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Text(Arc<str>),
    /// After a restart: only what is remembered of a text.
    Prints(Arc<Outline>),
}

/// A text of which only the fingerprints are left.
#[derive(Debug)]
pub(super) struct Outline {
    /// In order.
    pub prints: Vec<prints::Print>,
    /// How many folded bytes it had.
    pub folded: usize,
}

impl Body {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Prints(outline) => outline.prints.len() * size_of::<prints::Print>(),
        }
    }

    fn hashes(&self) -> Vec<u64> {
        match self {
            Self::Text(text) => {
                let pieced = pieced(text);
                prints::of(pieced, &Folded::new(pieced)).iter().map(|print| print.hash).collect()
            }
            Self::Prints(outline) => outline.prints.iter().map(|print| print.hash).collect(),
        }
    }
}

/// A piece that was found again.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub known: KnownResult,
    pub body: Body,
    /// The folded byte of the result's text that it begins with.
    pub at: usize,
    pub born: u64,
}

impl Results {
    /// Remembers a text that a tool returned.
    pub fn remember(&self, text: &str, result: KnownResult) -> Digest {
        self.take_in(text, result).0
    }

    /// The same, and what to remember of it beyond this process.
    pub(crate) fn take_in(&self, text: &str, result: KnownResult) -> (Digest, Fingerprint) {
        let address = Digest::of(text.as_bytes());
        let mut digests = vec![address];
        digests.extend(other_forms(text));
        digests.dedup();
        let pieced = pieced(text);
        let folded = Folded::new(pieced);
        let found = prints::of(pieced, &folded);
        let entry = Entry { known: result, digests: digests.clone(), body: Body::Text(Arc::from(text)) };
        let (label, tool, call) = self.enter(entry, &found);
        let folded = short(folded.bytes.len() as u64);
        (address, Fingerprint { label, tool, call, digests, folded, prints: prints::encode(&found) })
    }

    /// Takes back what outlived an earlier process.
    pub(crate) fn take_back(&self, print: Fingerprint) {
        let Fingerprint { label, tool, call, digests, folded, prints } = print;
        let prints = prints::decode(&prints);
        let outline = Arc::new(Outline { prints, folded: folded as usize });
        let known = KnownResult { label, tool, call: call.map(Called::Like) };
        self.enter(Entry { known, digests, body: Body::Prints(Arc::clone(&outline)) }, &outline.prints);
    }

    fn enter(&self, mut entry: Entry, prints: &[prints::Print]) -> (Label, ToolName, Option<Digest>) {
        let call = entry.known.call.as_ref().map(|call| call.address(&entry.known.tool));
        let mut inner = self.write();
        inner.answered.extend(call);
        // The same text from two tools is worth what the lesser one is worth.
        for digest in &entry.digests {
            if let Some(same) = inner.known.get(digest).and_then(|born| inner.entry(*born)) {
                entry.known.label = entry.known.label.join(&same.known.label);
            }
        }
        let found = (entry.known.label.clone(), entry.known.tool.clone(), call);
        if !inner.has_lately(&entry) {
            inner.enter(entry, prints);
        }
        found
    }

    /// The result whose text this is, byte by byte.
    pub fn find(&self, address: &Digest) -> Option<KnownResult> {
        let inner = self.read();
        inner.known.get(address).and_then(|born| inner.entry(*born)).map(|entry| entry.known.clone())
    }

    /// The result whose text this is, also as the same JSON value in another spelling, or indented
    /// otherwise.
    pub fn find_text(&self, address: &Digest, text: &str) -> Option<KnownResult> {
        if self.is_empty() {
            return None;
        }
        self.find(address).or_else(|| other_forms(text).into_iter().find_map(|form| self.find(&form)))
    }

    /// Whether a call like this was answered here.
    pub(super) fn has_answered(&self, tool: &ToolName, call: &Value) -> bool {
        self.read().answered.contains(&call_address(tool, call))
    }

    /// Those of some fingerprints that a result has too.
    pub(super) fn among(&self, mut prints: Vec<prints::Print>) -> Vec<prints::Print> {
        let inner = self.read();
        prints.retain(|print| inner.pieces.contains_key(&print.hash));
        prints
    }

    /// The result that holds a piece.
    pub(super) fn piece(&self, hash: u64) -> Option<Piece> {
        let inner = self.read();
        let place = inner.pieces.get(&hash)?;
        let born = u64::from(place.born);
        let entry = inner.entry(born)?;
        Some(Piece { known: entry.known.clone(), body: entry.body.clone(), at: place.at as usize, born })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.read().entries.is_empty()
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn place(&self, born: u64) -> Option<usize> {
        usize::try_from(born.checked_sub(self.first)?).ok()
    }

    fn entry(&self, born: u64) -> Option<&Entry> {
        self.entries.get(self.place(born)?)
    }

    /// Whether the same was returned before by the same call, and is not among the half that is forgotten next: a tool
    /// that is asked again and again takes hardly more room than one that is asked once.
    fn has_lately(&self, entry: &Entry) -> bool {
        let born = entry.digests.first().and_then(|address| self.known.get(address)).copied();
        born.and_then(|born| Some((self.place(born)?, self.entry(born)?))).is_some_and(|(place, same)| {
            place >= self.entries.len() / 2
                && same.known == entry.known
                && same.digests == entry.digests
                && matches!((&same.body, &entry.body), (Body::Text(_), Body::Text(_)))
        })
    }

    /// The newest place counts, so that what is returned again is not forgotten with its first time; but a piece stays
    /// with the lesser of its tools.
    fn enter(&mut self, entry: Entry, prints: &[prints::Print]) {
        let born = self.first + self.entries.len() as u64;
        self.text_bytes += entry.body.bytes();
        for digest in &entry.digests {
            self.known.insert(*digest, born);
        }
        let integrity = entry.known.label.integrity;
        for print in prints {
            let before = self.pieces.get(&print.hash).and_then(|place| self.entry(u64::from(place.born)));
            if before.is_none_or(|before| integrity <= before.known.label.integrity) {
                self.pieces.insert(print.hash, Place { born: short(born), at: print.at });
            }
        }
        self.entries.push_back(entry);
        self.trim();
    }

    /// Forgets the oldest until every bound is kept.
    fn trim(&mut self) {
        while self.entries.len() > RESULTS_MAX
            || self.text_bytes > RESULT_TEXT_BYTES && self.entries.len() > 1
            || self.pieces.len() > PIECES_MAX
        {
            let Some(oldest) = self.entries.pop_front() else { return };
            let born = self.first;
            self.first += 1;
            self.text_bytes = self.text_bytes.saturating_sub(oldest.body.bytes());
            for digest in &oldest.digests {
                if self.known.get(digest) == Some(&born) {
                    self.known.remove(digest);
                }
            }
            if let Some(call) = &oldest.known.call {
                self.answered.remove(&call.address(&oldest.known.tool));
            }
            for hash in oldest.body.hashes() {
                if self.pieces.get(&hash).is_some_and(|place| u64::from(place.born) == born) {
                    self.pieces.remove(&hash);
                }
            }
        }
    }
}

/// The beginning of a text whose pieces are known.
fn pieced(text: &str) -> &str {
    &text[..text.floor_char_boundary(PIECED_BYTES)]
}

/// Content addresses of a text apart from its bytes: of its JSON value, and of its words with one space between them.
fn other_forms(text: &str) -> Vec<Digest> {
    let mut forms = Vec::new();
    let limits = Limits { bytes: PIECED_BYTES, ..Limits::DEFAULT };
    if text.trim_start().starts_with(['{', '['])
        && let Ok(doc) = parse(text.trim(), &limits)
    {
        let value = doc.root().to_value();
        if is_exact(&value) {
            forms.push(of_value(&value));
        }
    }
    let spaced = spaced(text);
    if !spaced.is_empty() {
        forms.push(named(b"spaced", spaced.as_bytes()));
    }
    forms
}

/// The content address of a JSON value.
pub(super) fn of_value(value: &Value) -> Digest {
    named(b"json", &plimsoll_core::canonical(value))
}

/// One form's addresses are no addresses of another.
fn named(form: &[u8], bytes: &[u8]) -> Digest {
    Digest::of(&[form, b"\0", bytes].concat())
}

pub(super) fn call_address(tool: &ToolName, call: &Value) -> Digest {
    named(tool.to_string().as_bytes(), &plimsoll_core::canonical(call))
}

/// Whether the canonical form keeps all of its numbers apart from their neighbours.
pub(super) fn is_exact(value: &Value) -> bool {
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    let number = |number: &Number| number.as_f64().is_some_and(|n| n.abs() < WHOLE_MAX);
    match value {
        Value::Number(n) => number(n),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        _ => true,
    }
}

fn short(born: u64) -> u32 {
    u32::try_from(born).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(tool: &str, call: &Value) -> KnownResult {
        let call = Some(Called::With(Arc::new(call.clone())));
        KnownResult { label: Label::default(), tool: ToolName::new("desk", tool), call }
    }

    #[test]
    fn what_is_returned_again_and_again_takes_little_room() {
        let results = Results::default();
        let call = serde_json::json!({ "order": "A-1" });
        let text = "The order A-1 was sent on Monday and comes with the usual post.";
        for n in 0..100 {
            results.remember(
                &format!("another answer, the {n}th of many that are not the same"),
                known("read", &call),
            );
            let address = results.remember(text, known("read", &call));
            assert_eq!(results.find(&address), Some(known("read", &call)));
        }
        let inner = results.read();
        let same =
            inner.entries.iter().filter(|entry| matches!(&entry.body, Body::Text(is) if **is == *text));
        assert!((2..=8).contains(&same.count()), "once in each doubling of what there is");
        let newest = inner.known[&Digest::of(text.as_bytes())];
        assert!(
            inner.place(newest).unwrap() >= inner.entries.len() / 2,
            "and it is not forgotten with its first time"
        );
    }

    #[test]
    fn another_tool_or_call_is_another_result() {
        let results = Results::default();
        let (one, other) = (serde_json::json!({ "order": "A-1" }), serde_json::json!({ "order": "A-2" }));
        for known in [known("read", &one), known("read", &other), known("list", &one), known("list", &one)] {
            results.remember("The same words.", known);
        }
        assert_eq!(results.read().entries.len(), 3);
    }
}
