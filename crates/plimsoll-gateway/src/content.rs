//! Conversations in full, for the share of sessions that a workflow's `record` picks: what clients asked, what models and
//! tools answered, as it went over the wire and without secrets. It is what a cassette is made of.
//!
//! Which sessions is decided by their ids alone, so that all of a conversation is recorded or nothing of it. Recording
//! waits for nobody and stops nothing: it is no ground of any decision.

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use jiff::Timestamp;
use plimsoll_core::{ActId, Content, ContentOf, Digest, EntryBody};
use serde_json::{Map, Value, json};

use crate::gateway::Gateway;
use crate::record::Header;
use crate::standing::is_among;

/// Bytes of one piece, as JSON writes them: an entry has to hold it with everything else, also when it is sealed.
pub const PIECE_BYTES: usize = 32 << 10;
/// Bytes of one text that are recorded at most. A longer one is not recorded, and a replay says what is missing.
pub const CONTENT_BYTES_MAX: usize = 4 << 20;

/// Something that was said, whole.
#[derive(Clone, Debug)]
pub struct Said {
    of: ContentOf,
    bytes: Bytes,
    detail: Value,
}

impl Said {
    pub(crate) fn new(of: ContentOf, bytes: Bytes, detail: Value) -> Self {
        Self { of, bytes, detail }
    }

    /// JSON that came with a status.
    pub(crate) fn json(of: ContentOf, status: u16, bytes: Bytes) -> Self {
        Self::new(of, bytes, json!({ "status": status, "type": "application/json" }))
    }

    /// A whole answer of a model.
    pub(crate) fn answer(status: u16, headers: &HeaderMap, bytes: Bytes) -> Self {
        let kind =
            headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("application/json");
        Self::new(ContentOf::Answer, bytes, json!({ "status": status, "type": kind }))
    }

    /// A streamed answer of a model.
    pub(crate) fn stream(bytes: Bytes) -> Self {
        Self::new(ContentOf::Answer, bytes, json!({ "status": 200, "type": "text/event-stream" }))
    }
}

/// These headers, as they came.
pub(crate) fn kept(headers: &HeaderMap, names: &[&str]) -> Value {
    let pairs = names.iter().filter_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        Some(((*name).to_owned(), Value::from(value)))
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}

impl Gateway {
    /// Whether the session of this header is recorded in full.
    pub(crate) fn keeps(&self, header: &Header) -> bool {
        let bundle = self.bundle_of(&header.release);
        let share = bundle.workflow(&header.workflow).map_or(0, |workflow| workflow.recorded_millionths);
        is_picked(share, &header.session)
    }

    /// Records what was said, in pieces, where its session is one that is recorded.
    pub(crate) fn keep(&self, header: &Header, act: ActId, said: impl FnOnce() -> Said) {
        if !self.keeps(header) {
            return;
        }
        let said = said();
        if said.bytes.len() > CONTENT_BYTES_MAX {
            return;
        }
        let address = Digest::of(&said.bytes);
        let clean = self.redactor.redact_bytes_of_json(&said.bytes);
        let redacted = clean.is_some();
        let text = String::from_utf8_lossy(clean.as_deref().unwrap_or(&said.bytes)).into_owned();
        let texts = pieces(&text);
        let count = u32::try_from(texts.len()).unwrap_or(u32::MAX);
        for (piece, text) in (0..).zip(texts) {
            let detail = if piece == 0 { said.detail.clone() } else { Value::Null };
            let content = Content {
                of: said.of,
                act,
                address,
                piece,
                pieces: count,
                text: text.to_owned(),
                redacted,
                detail,
            };
            let entry = header.entry(Timestamp::now(), EntryBody::Content(Box::new(content)));
            if let Err(error) = self.note(entry) {
                tracing::warn!(%error, "a recorded conversation lacks a piece");
            }
        }
    }
}

/// Whether a session is among the share that is recorded. By its id alone: always, or never.
fn is_picked(millionths: u32, session: &str) -> bool {
    if millionths == 0 || session.is_empty() {
        return false;
    }
    is_among(millionths, &Digest::of(session.as_bytes()))
}

/// The text in pieces of which each is written in at most [`PIECE_BYTES`].
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut size) = (Vec::new(), 0, 0);
    for (at, letter) in text.char_indices() {
        let written = match letter {
            '"' | '\\' => 2,
            letter if letter < ' ' => 6,
            letter => letter.len_utf8(),
        };
        if size + written > PIECE_BYTES {
            pieces.push(&text[start..at]);
            (start, size) = (at, 0);
        }
        size += written;
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_a_share_and_sticks_to_its_session() {
        let picked = |share| (0..20_000).filter(|n| is_picked(share, &format!("s-{n}"))).count();
        assert_eq!((picked(0), picked(1_000_000)), (0, 20_000));
        let five = picked(50_000);
        assert!((850..1_150).contains(&five), "{five} of 20,000 are not five in a hundred");
        assert!((0..2_000).all(|n| {
            let session = format!("s-{n}");
            !is_picked(50_000, &session) || is_picked(60_000, &session)
        }));
        assert!(!is_picked(1_000_000, ""));
    }

    #[test]
    fn pieces_fit_and_join() {
        for text in ["", "abc", &"x".repeat(100_000), &"\u{1}\"é".repeat(30_000)] {
            let pieces = pieces(text);
            assert_eq!(pieces.concat(), *text);
            assert!(
                pieces.iter().all(|piece| serde_json::to_string(piece).unwrap().len() <= PIECE_BYTES + 2)
            );
        }
    }
}
