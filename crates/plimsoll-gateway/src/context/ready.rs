//! Texts that are ready for tracing, kept between the requests of a conversation: each request shows all that the one
//! before it showed, and making a long text ready takes longer than deciding.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_bundle::Bundle;
use plimsoll_core::{Digest, Integrity, Output, SpanKind};
use plimsoll_inspect::trace::PreparedText;

use super::{Context, output};

/// Bytes that texts which are kept ready take at most, of all conversations together, as [`weight`] estimates them. Those
/// that nobody asked for longest go first.
pub const READY_BYTES: usize = 16 << 20;
/// Longer texts are made ready again.
pub const READY_MAX: usize = READY_BYTES / 16;
/// Shorter texts are made ready again.
pub const READY_MIN: usize = 32;
/// Bytes that every text takes besides what is made of its own: a conversation may hold thousands of short results.
pub const READY_TEXT_BYTES: usize = 768;

/// The memory, by content address.
#[derive(Debug, Default)]
pub struct Ready {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    texts: HashMap<Digest, Kept>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Kept {
    text: Arc<PreparedText>,
    bytes: usize,
    asked: u64,
}

/// A text that is to be made ready.
#[derive(Debug)]
pub struct Unready {
    address: Digest,
    text: String,
    is_users: bool,
    output: Option<Output>,
}

impl Context<'_> {
    /// The texts that are not ready yet and may be kept. Making them ready needs nothing but them, so that it can be done
    /// while the model thinks.
    pub fn unready(&self, bundle: &Bundle, ready: &Ready) -> Vec<Unready> {
        let new = |(span, text): (&plimsoll_core::Span, &std::borrow::Cow<'_, str>)| {
            let new = is_kept(text) && ready.find(&span.address).is_none();
            new.then(|| Unready {
                address: span.address,
                text: text.to_string(),
                is_users: span.kind == SpanKind::User && span.label.integrity >= Integrity::User,
                output: output(bundle, span).cloned(),
            })
        };
        self.spans.iter().zip(&self.texts).filter_map(new).collect()
    }
}

fn is_kept(text: &str) -> bool {
    (READY_MIN..=READY_MAX).contains(&text.len())
}

/// What a text takes that is ready: the text itself, the text folded, what it holds in short, and what was found in it.
const fn weight(text: &str) -> usize {
    3 * text.len() + READY_TEXT_BYTES
}

impl Ready {
    /// Makes texts ready, in all that deciding asks of them.
    pub fn make(&self, texts: Vec<Unready>) {
        for unready in texts {
            let text = Arc::new(PreparedText::new(&unready.text));
            text.settle(unready.is_users, unready.output.as_ref());
            self.keep(unready.address, text, weight(&unready.text));
        }
    }

    /// The text with this content address, made ready now or before.
    pub(super) fn text(&self, address: &Digest, text: &str) -> Arc<PreparedText> {
        if !is_kept(text) {
            return Arc::new(PreparedText::new(text));
        }
        if let Some(known) = self.find(address) {
            return known;
        }
        let ready = Arc::new(PreparedText::new(text));
        self.keep(*address, Arc::clone(&ready), weight(text));
        ready
    }

    fn find(&self, address: &Digest) -> Option<Arc<PreparedText>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clock += 1;
        let now = inner.clock;
        let kept = inner.texts.get_mut(address)?;
        kept.asked = now;
        Some(Arc::clone(&kept.text))
    }

    fn keep(&self, address: Digest, text: Arc<PreparedText>, bytes: usize) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.bytes += bytes;
        let asked = inner.clock;
        if let Some(before) = inner.texts.insert(address, Kept { text, bytes, asked }) {
            inner.bytes -= before.bytes;
        }
        if inner.bytes > READY_BYTES {
            inner.trim();
        }
    }
}

impl Inner {
    /// Forgets those that were not asked for longest, until half of the room is free.
    fn trim(&mut self) {
        let mut ages: Vec<(u64, Digest, usize)> =
            self.texts.iter().map(|(address, kept)| (kept.asked, *address, kept.bytes)).collect();
        ages.sort_unstable_by_key(|(asked, ..)| *asked);
        for (_, address, bytes) in ages {
            if self.bytes <= READY_BYTES / 2 {
                break;
            }
            self.texts.remove(&address);
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_made_ready_once_and_forgotten_in_time() {
        let ready = Ready::default();
        let text = |n: u8| String::from(char::from(n)).repeat(1 << 20);
        let get = |text: &str| ready.text(&Digest::of(text.as_bytes()), text);
        let first = get(&text(b'a'));
        for n in b'b'..=b'z' {
            assert!(Arc::ptr_eq(&first, &get(&text(b'a'))), "it is asked for all the time");
            get(&text(n));
            assert!(ready.inner.lock().unwrap().bytes <= READY_BYTES);
        }
        let second = get(&text(b'b'));
        assert!(Arc::ptr_eq(&second, &get(&text(b'b'))));
        let short = get("short");
        assert!(!Arc::ptr_eq(&short, &get("short")), "that costs less than remembering it");
    }
}
