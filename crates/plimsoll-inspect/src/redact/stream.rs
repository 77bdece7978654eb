//! Redacting a text that arrives in pieces.
//!
//! The same recognisers as for whole texts, asked at every place as the text arrives. Only what could
//! be the beginning of a secret is kept back, at most [`STREAM_HOLD_MAX`] bytes, and never for a time.
//! The pieces put together are what redacting the whole text gives, however it was cut.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::rows::AWS_KEY_ID;
use super::{BEHIND_MAX, BESIDE_MAX, Found, Redactor, Tail, What, push_placeholder};

/// The most that one channel keeps back. Each recogniser decides within this many bytes; a test checks
/// it.
pub const STREAM_HOLD_MAX: usize = 256;

/// One channel of streamed text: an answer's text, or one tool call's arguments.
#[derive(Clone, Debug)]
pub struct StreamRedactor {
    redactor: Redactor,
    /// A few bytes already given out, which decide whether a word begins; then what is kept back.
    buffer: String,
    /// Where the kept-back part begins.
    held: usize,
    /// The secret in which the stream is right now.
    inside: Option<Tail>,
    /// Until here, counted like `held`, the other half of an AWS key pair is looked for.
    beside: usize,
    count: usize,
}

impl StreamRedactor {
    pub fn new(redactor: &Redactor) -> Self {
        Self { redactor: redactor.clone(), buffer: String::new(), held: 0, inside: None, beside: 0, count: 0 }
    }

    /// Takes the next piece; returns what can be given out now.
    pub fn push<'d>(&mut self, delta: &'d str) -> Cow<'d, str> {
        let was = self.held;
        let nothing_held = was == self.buffer.len();
        self.buffer.push_str(delta);
        let out = match self.advance(false) {
            Some(text) => Cow::Owned(text),
            None if nothing_held => Cow::Borrowed(&delta[..self.held - was]),
            None => Cow::Owned(self.buffer[was..self.held].to_owned()),
        };
        self.forget();
        out
    }

    /// The text has ended; returns what was still kept back.
    pub fn finish(&mut self) -> String {
        let was = self.held;
        let out = self.advance(true).unwrap_or_else(|| self.buffer[was..self.held].to_owned());
        self.buffer.clear();
        (self.held, self.beside, self.inside) = (0, 0, None);
        out
    }

    /// How many secrets were taken out so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes kept back right now.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.held
    }

    /// Walks on from what is kept back and moves `held` to the first place that is still undecided.
    /// Returns what to give out; `None` when that is the text between the old and the new `held` as it
    /// stands.
    fn advance(&mut self, complete: bool) -> Option<String> {
        let mut out = None;
        let (mut shown, mut at) = (self.held, self.held);
        while at < self.buffer.len() {
            if let Some(tail) = self.inside {
                let rest = &self.buffer.as_bytes()[at..];
                let swallowed = tail.swallow(rest, complete, &self.redactor.0.known);
                at += swallowed.bytes;
                shown = at;
                out.get_or_insert_with(String::new);
                self.inside = swallowed.next;
                if self.inside.is_some() {
                    break;
                }
                continue;
            }
            match self.redactor.at(self.buffer.as_bytes(), at, complete, at < self.beside) {
                Found::Nothing => at += 1,
                Found::Perhaps => break,
                Found::Secret { what, keep, head, tail } => {
                    let out = out.get_or_insert_with(String::new);
                    out.push_str(&self.buffer[shown..at + keep]);
                    push_placeholder(out, self.redactor.name(what));
                    self.count += 1;
                    at += head;
                    shown = at;
                    self.inside = (tail != Tail::None).then_some(tail);
                    if what == What::Detector(AWS_KEY_ID) {
                        self.beside = at + BESIDE_MAX;
                    }
                }
            }
        }
        if let Some(out) = &mut out {
            out.push_str(&self.buffer[shown..at]);
        }
        self.held = at;
        out
    }

    /// Drops what was given out, except the few bytes that decide whether a word begins.
    fn forget(&mut self) {
        let mut keep = self.held.saturating_sub(BEHIND_MAX);
        while !self.buffer.is_char_boundary(keep) {
            keep -= 1;
        }
        self.buffer.drain(..keep);
        self.held -= keep;
        self.beside = self.beside.saturating_sub(keep);
    }
}

/// The channels of one streamed answer, each on its own.
#[derive(Clone, Debug)]
pub struct Channels {
    redactor: Redactor,
    channels: BTreeMap<u32, StreamRedactor>,
}

impl Channels {
    pub fn new(redactor: &Redactor) -> Self {
        Self { redactor: redactor.clone(), channels: BTreeMap::new() }
    }

    /// Takes the next piece of one channel; returns what can be given out now.
    pub fn push<'d>(&mut self, channel: u32, delta: &'d str) -> Cow<'d, str> {
        let fresh = || StreamRedactor::new(&self.redactor);
        self.channels.entry(channel).or_insert_with(fresh).push(delta)
    }

    /// Ends one channel.
    pub fn finish(&mut self, channel: u32) -> String {
        self.channels.remove(&channel).map(|mut c| c.finish()).unwrap_or_default()
    }

    /// Ends all channels that still keep something back.
    pub fn finish_all(&mut self) -> Vec<(u32, String)> {
        let channels = std::mem::take(&mut self.channels);
        let ended = channels.into_iter().map(|(channel, mut c)| (channel, c.finish()));
        ended.filter(|(_, text)| !text.is_empty()).collect()
    }
}
