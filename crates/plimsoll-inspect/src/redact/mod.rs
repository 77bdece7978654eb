//! Taking secrets out of text before anybody or anything keeps it.
//!
//! Two kinds are taken out: the gateway's own secrets, by value and in the spellings in which values
//! travel, and secrets whose form gives them away ([`DETECTORS`]). Both stand in the text as
//! `[redacted:github-token]`.
//!
//! The work has two stages. A prefilter reads every byte once and names the few places where a secret
//! could begin; recognisers look at those places alone. The prefilter never misses (a test compares it
//! with asking everywhere), so a clean text costs one fast pass and no allocation.
//!
//! Limits, honestly: a secret must stand at the beginning of a word (after an escape counts), in one
//! piece, in a form the table knows. Secrets that are encoded, split, spelt out or merely
//! password-like pass; only *known* secrets are also found percent-encoded and within base 64.

mod digits;
mod json;
mod known;
mod prefilter;
mod rows;
mod shape;
mod stream;
mod tail;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

pub use known::KNOWN_SECRET_MIN;
pub use rows::{DETECTORS, Detector};
pub(crate) use shape::{base64_decode, is_base64, is_base64url};
pub use stream::{Channels, STREAM_HOLD_MAX, StreamRedactor};

use known::Known;
use prefilter::Prefilter;
use rows::{AWS_KEY_ID, AWS_SECRET};
use shape::{Ahead, Verdict};
use tail::Tail;

/// How far behind an AWS access key id its other half is looked for.
const BESIDE_MAX: usize = 80;

/// How many bytes before a place decide whether a secret may begin there: `\u0022` is the longest.
const BEHIND_MAX: usize = 6;

/// One secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit<'r> {
    /// A detector's id, or `secret:<name>` for a known secret.
    pub id: &'r str,
    /// In bytes.
    pub range: Range<usize>,
}

/// Finds and replaces secrets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Redactor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    known: Known,
    detectors: Vec<&'static Detector>,
    prefilter: Prefilter,
    /// Whether a secret of any detector can begin with this byte; whether a known one can.
    starts: [(bool, bool); 256],
}

/// The detectors that are on by default, and no known secrets.
pub(crate) static PLAIN: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(&[]));

/// Which secret was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Known(usize),
    Detector(&'static str),
}

/// What stands at one place.
#[derive(Clone, Copy, Debug)]
enum Found {
    Nothing,
    /// The text ends too early to tell.
    Perhaps,
    Secret {
        what: What,
        keep: usize,
        head: usize,
        tail: Tail,
    },
}

impl Redactor {
    /// Looks for these secrets, given as (name, value), and for everything in [`DETECTORS`] that is on
    /// by default. Values shorter than [`KNOWN_SECRET_MIN`] bytes are not looked for.
    pub fn new(known: &[(&str, &str)]) -> Self {
        Self::with(known, &[])
    }

    /// The same, with further detectors by id.
    pub fn with(known: &[(&str, &str)], also: &[&str]) -> Self {
        let known = Known::new(known);
        let detectors: Vec<_> = DETECTORS.iter().filter(|d| d.default || also.contains(&d.id)).collect();
        let prefilter = Prefilter::new(&detectors, known.heads());
        let mut starts = [(false, false); 256];
        for first in detectors.iter().flat_map(|d| d.forms).flat_map(|form| form.starts) {
            starts[usize::from(*first)].0 = true;
        }
        for first in known.starts() {
            starts[usize::from(first)].1 = true;
        }
        Self(Arc::new(Inner { known, detectors, prefilter, starts }))
    }

    /// The text without its secrets; the same text when there are none.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let hits = self.scan(text.as_bytes());
        if hits.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut from = 0;
        for hit in hits {
            clean.push_str(text.get(from..hit.range.start).unwrap_or_default());
            push_placeholder(&mut clean, hit.id);
            from = hit.range.end;
        }
        clean.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(clean)
    }

    /// Where the secrets are, in order and without overlap.
    pub fn scan(&self, bytes: &[u8]) -> Vec<Hit<'_>> {
        let candidates = self.0.prefilter.candidates(bytes);
        if candidates.is_empty() {
            return Vec::new();
        }
        self.look(bytes, Some(&candidates))
    }

    /// How many secrets there are.
    pub fn count(&self, text: &str) -> usize {
        self.scan(text.as_bytes()).len()
    }

    /// Looks at the given places, or everywhere.
    fn look(&self, bytes: &[u8], candidates: Option<&[usize]>) -> Vec<Hit<'_>> {
        let mut hits = Vec::new();
        let mut rest = candidates.unwrap_or_default();
        let (mut at, mut beside) = (0, 0);
        while at < bytes.len() {
            if candidates.is_some() && at >= beside {
                rest = &rest[rest.partition_point(|c| *c < at)..];
                let Some(next) = rest.first() else { break };
                at = *next;
            }
            match self.at(bytes, at, true, at < beside) {
                Found::Secret { what, keep, head, tail } => {
                    let end = at + head;
                    let end = end + tail.swallow(&bytes[end..], true, &self.0.known).bytes;
                    hits.push(Hit { id: self.name(what), range: at + keep..end });
                    if what == What::Detector(AWS_KEY_ID) {
                        beside = end + BESIDE_MAX;
                    }
                    at = end;
                }
                _ => at += 1,
            }
        }
        hits
    }

    fn name(&self, what: What) -> &str {
        match what {
            What::Known(secret) => self.0.known.id(secret),
            What::Detector(id) => id,
        }
    }

    /// What stands at one place: known secrets first, then the table in its order. The first that does
    /// not say no is the answer, also when it is *perhaps*: so the answer never depends on how much of
    /// the text had arrived.
    fn at(&self, bytes: &[u8], at: usize, complete: bool, beside: bool) -> Found {
        let first = bytes[at];
        let (form, known) = self.0.starts[usize::from(first)];
        if !(form || known || beside) {
            return Found::Nothing;
        }
        let ahead = Ahead { bytes: &bytes[at..], complete };
        if known && let Some((secret, verdict)) = self.0.known.recognise(ahead) {
            return found(What::Known(secret), verdict);
        }
        if !(form || beside) || !begins_word(bytes, at) {
            return Found::Nothing;
        }
        if form {
            for detector in &self.0.detectors {
                for form in detector.forms.iter().filter(|form| form.starts.contains(&first)) {
                    match (form.recognise)(ahead) {
                        Verdict::No => {}
                        verdict => return found(What::Detector(detector.id), verdict),
                    }
                }
            }
        }
        match beside && shape::is_base64(first) && !within_base64(bytes, at) {
            true => found(What::Detector(AWS_SECRET), shape::aws_secret_value(ahead)),
            false => Found::Nothing,
        }
    }
}

fn found(what: What, verdict: Verdict) -> Found {
    match verdict {
        Verdict::No => Found::Nothing,
        Verdict::More => Found::Perhaps,
        Verdict::Hit { keep, head, tail } => Found::Secret { what, keep, head, tail },
    }
}

fn push_placeholder(text: &mut String, id: &str) {
    text.push_str("[redacted:");
    text.push_str(id);
    text.push(']');
}

/// Whether a word can begin here: nothing before it, no letter or digit before it, or one that is the
/// end of an escape (`\n`, `\u0022`, `%22`). Numbers ask for more: what follows a point, a dash or a
/// slash belongs to a decimal, an identifier or an address.
fn begins_word(bytes: &[u8], at: usize) -> bool {
    let behind = &bytes[at.saturating_sub(BEHIND_MAX)..at];
    let Some(last) = behind.last() else { return true };
    if bytes[at].is_ascii_digit() && matches!(last, b'.' | b'_' | b'-' | b'/' | b'+') {
        return false;
    }
    if !last.is_ascii_alphanumeric() {
        return true;
    }
    match behind {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [b'\\', b'u', hex @ ..] => hex.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    }
}

/// Whether the byte before is one of base 64 that does not end a letter run.
fn within_base64(bytes: &[u8], at: usize) -> bool {
    at > 0 && matches!(bytes[at - 1], b'+' | b'/')
}
