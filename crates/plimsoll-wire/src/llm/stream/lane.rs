//! The queue in front of a held call, for dialects whose answers are a row of items (Responses, Messages).
//!
//! Events leave in the order they came. An event of an undecided call stops the queue; in practice items come one after
//! the other, so nothing but the call itself waits.

use std::collections::{BTreeMap, VecDeque};

use super::super::answer::ToolCall;
use super::super::{CallKind, WireError};
use super::{MAX_HELD, TextDelta, Verdict};
use crate::sse::Event;

#[derive(Debug, Default)]
pub(super) struct Lane {
    queue: VecDeque<Held>,
    held_bytes: usize,
    calls: BTreeMap<usize, Call>,
    /// Calls that were offered for judgement, in that order.
    offered: VecDeque<usize>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) event: Event,
    pub(super) deltas: Vec<TextDelta>,
    pub(super) part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// No call's event.
    Free,
    /// The first event of the call at this place.
    Start(usize),
    /// A later one.
    Rest(usize),
    /// The event that tells how the whole answer ended.
    Closing,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: CallKind,
    /// Input as the first event had it.
    pub(super) initial: String,
    /// Input as the deltas had it.
    pub(super) input: String,
    pub(super) has_deltas: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Open,
    Offered(ToolCall),
    Decided(ToolCall, Verdict),
}

impl Lane {
    pub(super) fn is_holding(&self) -> bool {
        !self.queue.is_empty() || self.calls.values().any(|call| !matches!(call.state, State::Decided(..)))
    }

    pub(super) fn push(&mut self, event: Event, deltas: Vec<TextDelta>, part: Part) -> Result<(), WireError> {
        self.held_bytes += event.bytes.len();
        self.queue.push_back(Held { event, deltas, part });
        match self.held_bytes > MAX_HELD && self.queue.len() > 1 {
            true => Err(WireError::TooMuchHeld { limit: MAX_HELD }),
            false => Ok(()),
        }
    }

    /// A call begins at a place where none has been.
    pub(super) fn open(&mut self, place: usize, call: ToolCall) -> Result<(), WireError> {
        let ToolCall { id, name, kind, arguments, .. } = call;
        let call = Call {
            id,
            name,
            kind,
            initial: arguments,
            input: String::new(),
            has_deltas: false,
            state: State::Open,
        };
        match self.calls.insert(place, call) {
            None => Ok(()),
            Some(_) => Err(WireError::Ambiguous("two calls stand at one place")),
        }
    }

    pub(super) fn has(&self, place: usize) -> bool {
        self.calls.contains_key(&place)
    }

    /// The call at a place, while it may still grow.
    pub(super) fn open_call(&mut self, place: usize) -> Option<&mut Call> {
        self.calls.get_mut(&place).filter(|call| matches!(call.state, State::Open))
    }

    pub(super) fn has_open_call(&self) -> bool {
        self.calls.values().any(|call| matches!(call.state, State::Open))
    }

    /// A call is complete; it waits for its verdict.
    pub(super) fn offer(&mut self, place: usize, complete: ToolCall) {
        if let Some(call) = self.calls.get_mut(&place) {
            call.state = State::Offered(complete);
            self.offered.push_back(place);
        }
    }

    pub(super) fn offered_count(&self) -> usize {
        self.offered.len()
    }

    pub(super) fn decide(&mut self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            let Some(call) = self.offered.pop_front().and_then(|place| self.calls.get_mut(&place)) else {
                return;
            };
            if let State::Offered(complete) = std::mem::replace(&mut call.state, State::Open) {
                call.state = State::Decided(complete, verdict.clone());
            }
        }
    }

    /// The next event that nothing holds, with the verdict on its call.
    pub(super) fn pop(&mut self) -> Option<(Held, Option<Verdict>)> {
        let verdict = match self.queue.front()?.part {
            Part::Start(place) | Part::Rest(place) => match self.calls.get(&place).map(|call| &call.state) {
                Some(State::Decided(_, verdict)) => Some(verdict.clone()),
                _ => return None,
            },
            Part::Free | Part::Closing => None,
        };
        let held = self.queue.pop_front()?;
        self.held_bytes -= held.event.bytes.len();
        Some((held, verdict))
    }

    /// Puts back what [`Lane::pop`] gave and can't go yet.
    pub(super) fn unpop(&mut self, held: Held) {
        self.held_bytes += held.event.bytes.len();
        self.queue.push_front(held);
    }

    /// Forgets whatever is held: the stream has failed.
    pub(super) fn drop_held(&mut self) {
        self.queue.clear();
        self.offered.clear();
        self.held_bytes = 0;
        self.calls.retain(|_, call| matches!(call.state, State::Decided(..)));
    }

    /// Forgets calls that never ended, together with their events.
    pub(super) fn drop_open(&mut self) -> usize {
        let is_open = |calls: &BTreeMap<usize, Call>, place| {
            matches!(calls.get(&place), Some(Call { state: State::Open, .. }))
        };
        let before = self.queue.len();
        let calls = &self.calls;
        self.queue.retain(
            |held| !matches!(held.part, Part::Start(place) | Part::Rest(place) if is_open(calls, place)),
        );
        self.held_bytes = self.queue.iter().map(|held| held.event.bytes.len()).sum();
        self.calls.retain(|_, call| !matches!(call.state, State::Open));
        before - self.queue.len()
    }

    pub(super) fn decided(&self) -> impl Iterator<Item = (&ToolCall, &Verdict)> {
        self.calls.values().filter_map(|call| match &call.state {
            State::Decided(complete, verdict) => Some((complete, verdict)),
            _ => None,
        })
    }
}
