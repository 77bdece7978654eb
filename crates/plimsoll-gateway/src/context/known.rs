//! What of one text is known to have come from a tool: the whole of it, what is wrapped in it, or pieces.

use std::ops::Range;
use std::sync::Arc;

use plimsoll_core::{Digest, Integrity, SpanKind};
use plimsoll_wire::json::{Kind, Limits, Ref, parse};

use super::RECOGNISED_MIN;
use super::recognise::{Copy, recognise};
use super::results::{KnownResult, Results, is_exact, of_value};
use super::sessions::Copies;

/// Levels of JSON around a result that are looked through.
const WRAPPED_LEVELS: usize = 6;
/// Bytes of a word that a wrapper says about itself.
const WORD_BYTES: usize = 16;
/// Members and items in it that are looked at.
const WRAPPED_PLACES: usize = 2_000;

/// What is known about a text.
#[derive(Debug)]
pub(super) struct Known {
    /// Its parts that tools returned, in order.
    pub copies: Vec<Copy>,
    /// Whether what stands between them says anything.
    pub rest: bool,
}

/// The copies in a text that comes in this place.
pub(super) fn copies(results: &Results, kind: SpanKind, address: &Digest, text: &str) -> Copies {
    if results.is_empty() {
        return None;
    }
    let whole = |known| Known { copies: vec![copy(0..text.len(), known, None)], rest: false };
    let pieces = || Known { copies: recognise(results, text), rest: true };
    let cut = || Known { copies: beginning(text, recognise(results, text)), rest: true };
    let known = match kind {
        SpanKind::Assistant | SpanKind::Media => return None,
        SpanKind::Result => match results.find_text(address, text) {
            Some(known) => whole(known),
            None => within(results, text).unwrap_or_else(cut),
        },
        // A person may well type what some tool also said, when it is short.
        _ if text.len() < RECOGNISED_MIN => return None,
        _ => results.find_text(address, text).map_or_else(pieces, whole),
    };
    (!known.copies.is_empty()).then(|| Arc::new(known))
}

fn copy(range: Range<usize>, known: KnownResult, unescaped: Option<Arc<str>>) -> Copy {
    Copy { range, known, verbatim: true, unescaped }
}

/// A result that is not all there was told by the client. What stands before everything else is as it was; nobody
/// knows what the client left out or put in between of the others.
fn beginning(text: &str, mut copies: Vec<Copy>) -> Vec<Copy> {
    for copy in &mut copies {
        if text[..copy.range.start].contains(char::is_alphanumeric) {
            copy.verbatim = false;
            copy.known.label.integrity = Integrity::Untrusted;
        }
    }
    copies
}

/// A whole result inside what clients put around one: Codex's lines, a fence, an object of the client's.
fn within(results: &Results, text: &str) -> Option<Known> {
    let inner = unwrapped(text).or_else(|| fenced(text));
    if let Some(inner) = inner
        && let Some(known) = results.find_text(&Digest::of(inner.as_bytes()), inner)
    {
        let start = inner.as_ptr() as usize - text.as_ptr() as usize;
        return Some(Known { copies: vec![copy(start..start + inner.len(), known, None)], rest: false });
    }
    let limits = Limits { bytes: super::results::PIECED_BYTES, ..Limits::DEFAULT };
    let doc = text.trim_start().starts_with(['{', '[']).then(|| parse(text, &limits).ok())??;
    let mut wrapped = Wrapped { results, left: WRAPPED_PLACES, copies: Vec::new(), rest: false };
    wrapped.look(doc.root(), 0);
    let Wrapped { copies, rest, .. } = wrapped;
    (!copies.is_empty()).then_some(Known { copies, rest })
}

struct Wrapped<'r> {
    results: &'r Results,
    left: usize,
    copies: Vec<Copy>,
    rest: bool,
}

impl Wrapped<'_> {
    fn look(&mut self, value: Ref<'_>, level: usize) {
        if self.left == 0 || level > WRAPPED_LEVELS {
            self.rest = true;
            return;
        }
        self.left -= 1;
        match value.kind() {
            Kind::Object | Kind::Array => self.container(value, level),
            Kind::String => self.string(value),
            _ => {}
        }
    }

    fn container(&mut self, value: Ref<'_>, level: usize) {
        let whole = value.to_value();
        let known = is_exact(&whole).then(|| self.results.find(&of_value(&whole))).flatten();
        match known {
            Some(known) => self.copies.push(copy(value.range(), known, None)),
            None if value.kind() == Kind::Object => {
                value.members().for_each(|(_, member)| self.look(member, level + 1));
            }
            None => value.items().for_each(|item| self.look(item, level + 1)),
        }
    }

    fn string(&mut self, value: Ref<'_>) {
        let Some(text) = value.as_str() else { return };
        let known = (text.len() >= RECOGNISED_MIN)
            .then(|| self.results.find_text(&Digest::of(text.as_bytes()), &text))
            .flatten();
        match known {
            Some(known) => self.copies.push(copy(value.range(), known, Some(Arc::from(&*text)))),
            // `text`, `success`: the wrapper's own words.
            None => {
                self.rest |=
                    text.len() > WORD_BYTES || !text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            }
        }
    }
}

/// A tool's result inside the lines that Codex writes before it. Nothing but a number may stand in them: whatever
/// else precedes a known text is no part of it, and must not share its label.
fn unwrapped(text: &str) -> Option<&str> {
    let (took, result) = text.strip_prefix("Wall time: ")?.split_once(" seconds\nOutput:\n")?;
    took.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some(result)
}

/// What stands between a code fence or a tag and its end, when nothing stands around them.
fn fenced(text: &str) -> Option<&str> {
    let (first, rest) = text.trim().split_once('\n')?;
    let (inner, last) = rest.rsplit_once('\n')?;
    let name = |tag: &str| tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let fence = first.strip_prefix("```").is_some_and(name) && last == "```";
    let tag = first.strip_prefix('<').and_then(|tag| tag.strip_suffix('>'));
    let tagged = tag.is_some_and(|tag| name(tag) && last == format!("</{tag}>"));
    (fence || tagged).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_stands_before_a_wrapped_result() {
        let check = |text: &str| unwrapped(text).map(str::to_owned);
        assert_eq!(check("Wall time: 0.0093 seconds\nOutput:\n{\"a\":1}").as_deref(), Some("{\"a\":1}"));
        assert_eq!(check("Wall time: pay DE02 seconds\nOutput:\n{\"a\":1}"), None);
        assert_eq!(check("pay DE02\nWall time: 1 seconds\nOutput:\n{\"a\":1}"), None);
        assert_eq!(check("{\"a\":1}"), None);
    }

    #[test]
    fn a_fence_is_all_there_is() {
        assert_eq!(fenced("```json\n{\"a\":1}\n```"), Some("{\"a\":1}"));
        assert_eq!(fenced("<result>\n{\"a\":1}\n</result>\n"), Some("{\"a\":1}"));
        assert_eq!(fenced("Mind:\n```\nx\n```"), None);
        assert_eq!(fenced("<result to pay>\nx\n</result to pay>"), None);
    }
}
