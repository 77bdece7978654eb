//! OpenAI Chat Completions ("Streaming": the chat completion chunk).
//!
//! A call's fragments carry an index and may come in any order, so calls are complete only when their choice says why
//! it ended, or at `[DONE]`. Until then text goes on flowing past the held chunks. When some of a choice's calls are
//! refused, the others move up: clients keep calls in a list and can't bear a gap.

use std::collections::{BTreeMap, BTreeSet};

use super::super::answer::{Channel, ToolCall, Usage};
use super::super::request::optional_array;
use super::super::{CallKind, WireError, chat};
use super::{MAX_HELD, Out, Summary, TextDelta, Verdict, emit};
use crate::json::{Doc, Edit, Limits, Reader, Ref, escape};
use crate::sse::{self, Event};

/// The index under which a call of the old `function_call` kind is kept.
const LEGACY: usize = usize::MAX;

type Key = (usize, usize);

#[derive(Debug, Default)]
pub(super) struct Chat {
    reader: Reader,
    /// Calls of the batch that is being held, by choice and index.
    calls: BTreeMap<Key, Call>,
    held: Vec<Event>,
    held_bytes: usize,
    /// Choices that have ended.
    ended: BTreeSet<usize>,
    /// The batch was offered and waits for its verdicts; what comes meanwhile waits behind it.
    is_offered: bool,
    later: Vec<Event>,
    /// Choices that have said something.
    said: BTreeSet<usize>,
}

#[derive(Debug, Default)]
struct Call {
    id: String,
    name: String,
    input: String,
    kind: Option<CallKind>,
}

impl Chat {
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty() || !self.later.is_empty()
    }

    pub(super) fn push(
        &mut self,
        event: Event,
        summary: &mut Summary,
        out: &mut Vec<Out>,
    ) -> Result<(), WireError> {
        let Some(data) = event.data.clone() else {
            out.push(Out::Forward(event.bytes));
            return Ok(());
        };
        if self.is_offered {
            self.count(&event)?;
            self.later.push(event);
            return Ok(());
        }
        if &data[..] == b"[DONE]" {
            summary.is_complete = true;
            return self.forward_or_hold(event, Vec::new(), !self.calls.is_empty(), true, out);
        }
        let mut reader = std::mem::take(&mut self.reader);
        let outcome = reader.read(&data, &Limits::DEFAULT).map_err(WireError::from);
        let outcome = outcome.and_then(|doc| self.take(event, doc.root(), summary, out));
        self.reader = reader;
        outcome
    }

    fn take(
        &mut self,
        event: Event,
        root: Ref<'_>,
        summary: &mut Summary,
        out: &mut Vec<Out>,
    ) -> Result<(), WireError> {
        if root.get_some("error").is_some() {
            (self.held, self.held_bytes) = (Vec::new(), 0);
            self.calls.clear();
            summary.is_complete = true;
            out.push(Out::Forward(event.bytes));
            return Ok(());
        }
        summary.id = summary.id.take().or_else(|| root.get_str("id").map(|id| id.into_owned()));
        summary.model =
            summary.model.take().or_else(|| root.get_str("model").map(|model| model.into_owned()));
        let fingerprint = || root.get_str("system_fingerprint").map(|fingerprint| fingerprint.into_owned());
        summary.fingerprint = summary.fingerprint.take().or_else(fingerprint);
        summary.usage.merge(Usage::read(root));
        let mut deltas = Vec::new();
        let mut must_hold = false;
        for choice in optional_array(root, "choices")? {
            must_hold |= self.read_choice(choice, &mut deltas, summary)?;
        }
        let is_complete = self.calls.keys().all(|(choice, _)| self.ended.contains(choice));
        self.forward_or_hold(event, deltas, must_hold, is_complete, out)
    }

    /// Takes in one choice of a chunk. True when the chunk must be held.
    fn read_choice(
        &mut self,
        choice: Ref<'_>,
        deltas: &mut Vec<TextDelta>,
        summary: &mut Summary,
    ) -> Result<bool, WireError> {
        check_index(choice)?;
        let number = chat::choice_number(choice);
        let calls_in =
            |part: Ref<'_>| part.get_some("tool_calls").is_some() || part.get_some("function_call").is_some();
        if choice.get_some("message").is_some_and(calls_in) {
            return Err(WireError::Ambiguous("a chunk carries a whole message"));
        }
        let mut must_hold = false;
        if let Some(delta) = choice.get_some("delta") {
            let texts = [("content", Channel::Answer), ("refusal", Channel::Refusal)];
            let thoughts = [("reasoning_content", Channel::Reasoning), ("reasoning", Channel::Reasoning)];
            for (key, channel) in texts.into_iter().chain(thoughts) {
                let text = TextDelta::of(delta.get(key), channel, number, false);
                if text.is_some() && channel == Channel::Answer {
                    self.said.insert(number);
                }
                deltas.extend(text);
            }
            must_hold = calls_in(delta) && self.read_calls(delta, number)?;
        }
        if let Some(reason) = choice.get_some("finish_reason").and_then(Ref::as_str) {
            summary.finish.push(reason.into_owned());
            self.ended.insert(number);
            must_hold |= self.calls.keys().any(|(choice, _)| *choice == number);
            // Some compatible servers never say [DONE].
            summary.is_complete = true;
        }
        Ok(must_hold)
    }

    fn read_calls(&mut self, delta: Ref<'_>, choice: usize) -> Result<bool, WireError> {
        if self.ended.contains(&choice) {
            return Err(WireError::Ambiguous("a call goes on after its choice has ended"));
        }
        let listed = optional_array(delta, "tool_calls")?;
        let mut any = false;
        for (position, fragment) in listed.enumerate() {
            check_index(fragment)?;
            let body = fragment.get_some("function").or_else(|| fragment.get_some("custom"));
            self.grow((choice, index_of(fragment, position)), fragment, body)?;
            any = true;
        }
        if let Some(fragment) = delta.get_some("function_call") {
            self.grow((choice, LEGACY), fragment, Some(fragment))?;
            any = true;
        }
        Ok(any)
    }

    /// Adds a fragment. Clients differ in whether a second name or id replaces the first, so there may be only one.
    fn grow(&mut self, key: Key, fragment: Ref<'_>, body: Option<Ref<'_>>) -> Result<(), WireError> {
        let call = self.calls.entry(key).or_default();
        let member = |key: &str| body.and_then(|body| body.get_str(key)).filter(|text| !text.is_empty());
        if let Some(name) = member("name") {
            if !call.name.is_empty() {
                return Err(WireError::Ambiguous("a call is named twice"));
            }
            call.name = name.into_owned();
        }
        if let Some(id) = fragment.get_str("id").filter(|id| !id.is_empty()) {
            if !call.id.is_empty() && call.id != *id {
                return Err(WireError::Ambiguous("a call has two ids"));
            }
            call.id = id.into_owned();
        }
        if body.is_some() || fragment.get_some("type").is_some() {
            let kind =
                match (key.1, fragment.get_some("function").is_some(), fragment.get_some("custom").is_some())
                {
                    (LEGACY, ..) => CallKind::Function,
                    (_, true, false)
                        if fragment.get_some("type").is_none_or(|kind| kind.is_str("function")) =>
                    {
                        CallKind::Function
                    }
                    (_, false, true)
                        if fragment.get_some("type").is_none_or(|kind| kind.is_str("custom")) =>
                    {
                        CallKind::Custom
                    }
                    (_, false, false) => call.kind.unwrap_or(CallKind::Unknown),
                    _ => CallKind::Unknown,
                };
            let known = call.kind.get_or_insert(kind);
            if *known == CallKind::Unknown && kind != CallKind::Unknown {
                *known = kind;
            }
            if *known != kind {
                return Err(WireError::Ambiguous("a call is of two kinds"));
            }
        }
        for piece in [member("arguments"), member("input")].into_iter().flatten() {
            call.input.push_str(&piece);
        }
        Ok(())
    }

    fn forward_or_hold(
        &mut self,
        event: Event,
        deltas: Vec<TextDelta>,
        must_hold: bool,
        is_complete: bool,
        out: &mut Vec<Out>,
    ) -> Result<(), WireError> {
        if !must_hold {
            out.push(emit(event, deltas));
            return Ok(());
        }
        self.count(&event)?;
        self.held.push(event);
        if is_complete {
            self.is_offered = true;
            out.push(Out::Calls(self.calls.iter().map(|(key, call)| call.complete(*key)).collect()));
        }
        Ok(())
    }

    fn count(&mut self, event: &Event) -> Result<(), WireError> {
        self.held_bytes += event.bytes.len();
        match self.held_bytes > MAX_HELD {
            true => Err(WireError::TooMuchHeld { limit: MAX_HELD }),
            false => Ok(()),
        }
    }

    pub(super) fn resolve(
        &mut self,
        verdicts: &[Verdict],
        summary: &mut Summary,
        out: &mut Vec<Out>,
    ) -> Result<(), WireError> {
        if !self.is_offered || verdicts.len() < self.calls.len() {
            return Ok(());
        }
        let decided: BTreeMap<Key, &Verdict> = self.calls.keys().copied().zip(verdicts).collect();
        let held = std::mem::take(&mut self.held);
        (self.is_offered, self.held_bytes) = (false, 0);
        self.calls.clear();
        let all_allowed = decided.values().all(|verdict| **verdict == Verdict::Allow);
        match all_allowed {
            true => out.extend(held.into_iter().map(|event| Out::Forward(event.bytes))),
            false => {
                Rewrite { decided: &decided, said: &self.said, told: BTreeSet::new() }.all(&held, out)?
            }
        }
        for event in std::mem::take(&mut self.later) {
            self.push(event, summary, out)?;
        }
        Ok(())
    }
}

impl Call {
    fn complete(&self, (choice, index): Key) -> ToolCall {
        ToolCall {
            id: self.id.clone(),
            name: self.name.clone(),
            namespace: None,
            arguments: self.input.clone(),
            kind: self.kind.unwrap_or(CallKind::Unknown),
            range: 0..0,
            choice,
            index: if index == LEGACY { 0 } else { index },
        }
    }
}

/// An index may be missing, but if it is there every client must read it alike.
fn check_index(value: Ref<'_>) -> Result<(), WireError> {
    match value.get_some("index") {
        Some(index) if index.as_u64().is_none() => Err(WireError::shape(index, "a whole number")),
        _ => Ok(()),
    }
}

fn index_of(fragment: Ref<'_>, position: usize) -> usize {
    fragment.get("index").and_then(Ref::as_u64).map_or(position, |index| index as usize)
}

/// Writes held chunks anew after some of their calls were refused.
struct Rewrite<'a> {
    decided: &'a BTreeMap<Key, &'a Verdict>,
    said: &'a BTreeSet<usize>,
    /// Choices whose refusals have been told.
    told: BTreeSet<usize>,
}

impl Rewrite<'_> {
    fn all(mut self, held: &[Event], out: &mut Vec<Out>) -> Result<(), WireError> {
        let mut reader = Reader::default();
        let mut last: Option<&Event> = None;
        for event in held {
            let data = event.data.clone().unwrap_or_default();
            if &data[..] == b"[DONE]" {
                self.tell_rest(last, out)?;
                out.push(Out::Forward(event.bytes.clone()));
                continue;
            }
            let doc = reader.read(&data, &Limits::DEFAULT)?;
            for choice in doc.root().get_some("choices").map(Ref::items).unwrap_or_default() {
                if choice.get_some("finish_reason").is_some() {
                    self.tell(chat::choice_number(choice), doc, out);
                }
            }
            out.extend(self.chunk(event, doc).map(Out::Forward));
            last = Some(event);
        }
        Ok(())
    }

    /// At `[DONE]`: refusals of choices that never said why they ended.
    fn tell_rest(&mut self, last: Option<&Event>, out: &mut Vec<Out>) -> Result<(), WireError> {
        let data = last.and_then(|event| event.data.clone()).unwrap_or_default();
        let mut reader = Reader::default();
        let doc = reader.read(&data, &Limits::DEFAULT)?;
        let choices: BTreeSet<usize> = self.decided.keys().map(|(choice, _)| *choice).collect();
        choices.into_iter().for_each(|choice| self.tell(choice, doc, out));
        Ok(())
    }

    /// One chunk with the refusals of a choice, made after the pattern of a chunk that was received.
    fn tell(&mut self, choice: usize, pattern: Doc<'_>, out: &mut Vec<Out>) {
        let own = self.decided.range((choice, 0)..=(choice, LEGACY));
        let texts: Vec<&str> = own.filter_map(|(_, verdict)| refusal(verdict)).collect();
        if texts.is_empty() || !self.told.insert(choice) {
            return;
        }
        let lead = if self.said.contains(&choice) { "\n\n" } else { "" };
        let content = escape(&format!("{lead}{}", texts.join("\n\n")));
        let mut data = String::from("{");
        for (key, value) in pattern.root().members() {
            if !["choices", "usage", "obfuscation"].iter().any(|known| key.is_str(known)) {
                data.push_str(&format!("{}:{},", key.raw_str(), value.raw_str()));
            }
        }
        data.push_str(&format!(
            "\"choices\":[{{\"index\":{choice},\"delta\":{{\"content\":{content}}},\"logprobs\":null,\"finish_reason\":null}}]}}"
        ));
        out.push(Out::Forward(sse::write(None, data.as_bytes())));
    }

    /// A chunk without its refused calls; `None` when nothing is left of it.
    fn chunk(&self, event: &Event, doc: Doc<'_>) -> Option<bytes::Bytes> {
        let mut edit = Edit::new(doc);
        let mut says_something = doc.root().get_some("usage").is_some();
        for choice in doc.root().get_some("choices").map(Ref::items).unwrap_or_default() {
            says_something |= self.choice(choice, &mut edit);
        }
        match (edit.is_empty(), says_something) {
            (true, _) => Some(event.bytes.clone()),
            (false, true) => Some(event.with_data(&edit.apply())),
            (false, false) => None,
        }
    }

    fn choice(&self, choice: Ref<'_>, edit: &mut Edit<'_>) -> bool {
        let number = chat::choice_number(choice);
        let is_refused = |key: Key| self.decided.get(&key).is_some_and(|verdict| refusal(verdict).is_some());
        let own = || self.decided.keys().filter(|(choice, _)| *choice == number);
        let mut says_something = choice.get_some("finish_reason").is_some();
        let mut has_removed = false;
        for (key, value) in choice.get_some("delta").map(Ref::members).into_iter().flatten() {
            if key.is_str("tool_calls") {
                let fragments: Vec<(usize, Ref<'_>)> = value
                    .items()
                    .enumerate()
                    .map(|(at, fragment)| (index_of(fragment, at), fragment))
                    .collect();
                let kept = fragments.iter().filter(|(index, _)| !is_refused((number, *index))).count();
                has_removed |= kept < fragments.len();
                match kept {
                    0 => edit.remove(value),
                    _ => self.fragments(number, &fragments, edit),
                }
                says_something |= kept > 0;
            } else if key.is_str("function_call") && is_refused((number, LEGACY)) {
                edit.remove(value);
                has_removed = true;
            } else {
                says_something |= !value.is_null() && !value.is_str("");
            }
        }
        if let Some(probabilities) = choice.get_some("logprobs").filter(|_| has_removed) {
            edit.replace(probabilities, "null");
        }
        if let Some(reason) = choice.get_some("finish_reason")
            && own().next().is_some()
            && own().all(|key| is_refused(*key))
        {
            edit.replace(reason, "\"stop\"");
        }
        says_something
    }

    /// Cuts refused fragments out and moves the indices of the others up.
    fn fragments(&self, choice: usize, fragments: &[(usize, Ref<'_>)], edit: &mut Edit<'_>) {
        for (index, fragment) in fragments {
            let before = self.decided.range((choice, 0)..(choice, *index));
            let gone = before.filter(|(_, verdict)| refusal(verdict).is_some()).count();
            match self.decided.get(&(choice, *index)).and_then(|verdict| refusal(verdict)) {
                Some(_) => edit.remove(*fragment),
                None if gone > 0 => edit.set(*fragment, "index", (index - gone).to_string()),
                None => {}
            }
        }
    }
}

fn refusal(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Allow => None,
        Verdict::Refuse(text) => Some(text),
    }
}
