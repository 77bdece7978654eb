//! Judging an answer while it streams.
//!
//! Text goes out at once, in the bytes it came in. From the first sign of a tool call the call's events are held until
//! the call is complete; then it is offered for judgement, and the held bytes go out untouched, or a text in the same
//! protocol goes out in their place. A call that was never completed never gets out.
//!
//! Where a protocol says the same thing twice (Responses repeats arguments up to four times) the copies must agree:
//! clients differ in which one they read.

mod chat;
mod lane;
mod messages;
mod responses;

use std::ops::Range;

use bytes::Bytes;

use super::answer::{Channel, HostedUse, ToolCall, Usage};
use super::{Dialect, ErrorBody, WireError};
use crate::json::escape;
use crate::sse::Event;

/// Bytes of events that may wait for a verdict: 16 MiB.
pub(super) const MAX_HELD: usize = 16 << 20;

/// What to do next. Everything is in order; an empty list means that the event is held back.
#[derive(Clone, Debug)]
pub enum Out {
    /// Send these bytes.
    Forward(Bytes),
    /// Send [`TextEvent::bytes`], or the event with other texts.
    Text(TextEvent),
    /// Judge these complete calls and call [`Stream::resolve`].
    Calls(Vec<ToolCall>),
}

/// An event that carries text of the model.
#[derive(Clone, Debug)]
pub struct TextEvent {
    event: Event,
    pub deltas: Vec<TextDelta>,
}

/// One text inside an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextDelta {
    pub text: String,
    pub channel: Channel,
    /// Chat: the choice. Elsewhere the place of the item or block.
    pub choice: usize,
    /// The event repeats text that earlier deltas have carried.
    pub is_repeat: bool,
    range: Range<usize>,
}

/// The judgement of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// The text that stands in the answer instead of the call.
    Refuse(String),
}

/// What the stream has said about itself so far.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub id: Option<String>,
    pub model: Option<String>,
    pub fingerprint: Option<String>,
    pub usage: Usage,
    /// Why choices ended, in the dialect's own words, as the provider said it.
    pub finish: Vec<String>,
    pub hosted: Vec<HostedUse>,
    /// The dialect's last event has been seen, so nothing is missing.
    pub is_complete: bool,
}

/// The judge of one streamed answer.
#[derive(Debug)]
pub struct Stream {
    dialect: Dialect,
    judge: Judge,
    summary: Summary,
    is_over: bool,
}

#[derive(Debug)]
enum Judge {
    Chat(chat::Chat),
    Responses(responses::Responses),
    Messages(messages::Messages),
}

impl Stream {
    pub(super) fn new(dialect: Dialect) -> Self {
        let judge = match dialect {
            Dialect::Chat => Judge::Chat(chat::Chat::default()),
            Dialect::Responses => Judge::Responses(responses::Responses::default()),
            Dialect::Messages => Judge::Messages(messages::Messages::default()),
        };
        Self { dialect, judge, summary: Summary::default(), is_over: false }
    }

    /// Takes the next event. After an error nothing more is taken and nothing that was held gets out: send
    /// [`Stream::end`].
    pub fn push(&mut self, event: Event) -> Result<Vec<Out>, WireError> {
        self.step(|judge, summary, out| match judge {
            Judge::Chat(judge) => judge.push(event, summary, out),
            Judge::Responses(judge) => judge.push(event, summary, out),
            Judge::Messages(judge) => judge.push(event, summary, out),
        })
    }

    /// Takes the verdicts on the calls offered so far, in their order. A call without a verdict stays held.
    pub fn resolve(&mut self, verdicts: &[Verdict]) -> Result<Vec<Out>, WireError> {
        self.step(|judge, summary, out| match judge {
            Judge::Chat(judge) => judge.resolve(verdicts, summary, out),
            Judge::Responses(judge) => judge.resolve(verdicts, out),
            Judge::Messages(judge) => judge.resolve(verdicts, out),
        })
    }

    fn step(
        &mut self,
        step: impl FnOnce(&mut Judge, &mut Summary, &mut Vec<Out>) -> Result<(), WireError>,
    ) -> Result<Vec<Out>, WireError> {
        if self.is_over {
            return Err(WireError::Over);
        }
        let mut out = Vec::new();
        let outcome = step(&mut self.judge, &mut self.summary, &mut out);
        self.is_over = outcome.is_err();
        outcome.map(|()| out)
    }

    /// The upstream has ended, or failed, or we give up. If the answer is whole, nothing is left to say; otherwise this
    /// is the error in the dialect's form, and whatever was held is dropped.
    pub fn end(&mut self, error: &ErrorBody<'_>) -> Option<Bytes> {
        let is_whole = self.summary.is_complete && !self.is_holding() && !self.is_over;
        self.is_over = true;
        let sequence_number = match &self.judge {
            Judge::Responses(judge) => judge.next_sequence_number(),
            _ => 0,
        };
        (!is_whole).then(|| self.dialect.render_stream_error(error, sequence_number))
    }

    /// Whether events wait for a call's end or its verdict.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        match &self.judge {
            Judge::Chat(judge) => judge.is_holding(),
            Judge::Responses(judge) => judge.is_holding(),
            Judge::Messages(judge) => judge.is_holding(),
        }
    }

    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }
}

impl TextEvent {
    pub(super) fn new(event: Event, deltas: Vec<TextDelta>) -> Self {
        Self { event, deltas }
    }

    /// The event exactly as it came.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.event.bytes.clone()
    }

    /// The event with other texts, one for each of `deltas`; `None` leaves a text as it is.
    #[must_use]
    pub fn with_texts(&self, texts: &[Option<&str>]) -> Bytes {
        let data = self.event.data.as_deref().unwrap_or_default();
        let mut changes: Vec<_> =
            self.deltas.iter().zip(texts).filter_map(|(delta, text)| Some((delta, (*text)?))).collect();
        if changes.is_empty() {
            return self.bytes();
        }
        changes.sort_by_key(|(delta, _)| delta.range.start);
        let mut out = Vec::with_capacity(data.len());
        let mut at = 0;
        for (delta, text) in changes {
            out.extend_from_slice(&data[at..delta.range.start]);
            out.extend_from_slice(escape(text).as_bytes());
            at = delta.range.end;
        }
        out.extend_from_slice(&data[at..]);
        self.event.with_data(&out)
    }
}

impl TextDelta {
    /// The text in a JSON string, if the value is one and says anything.
    pub(super) fn of(
        value: Option<crate::json::Ref<'_>>,
        channel: Channel,
        choice: usize,
        is_repeat: bool,
    ) -> Option<Self> {
        let value = value?;
        let text = value.as_str().filter(|text| !text.is_empty())?.into_owned();
        Some(Self { text, channel, choice, is_repeat, range: value.range() })
    }
}

/// An event as it goes out: with its texts, if it has any.
pub(super) fn emit(event: Event, deltas: Vec<TextDelta>) -> Out {
    match deltas.is_empty() {
        true => Out::Forward(event.bytes),
        false => Out::Text(TextEvent::new(event, deltas)),
    }
}

/// `event:` and `type` say the same, or clients that trust one would see another event than those that trust the other.
pub(super) fn check_name(event: &Event, kind: &str) -> Result<(), WireError> {
    match event.name() {
        Some(name) if !name.is_empty() && name != kind => {
            Err(WireError::Ambiguous("an event's name and its type differ"))
        }
        _ => Ok(()),
    }
}
