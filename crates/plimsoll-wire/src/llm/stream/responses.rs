//! OpenAI Responses ("Streaming events"): items between `response.output_item.added` and `.done`, then the whole
//! response once more.
//!
//! A refused call's events give way to those of a message at the same `output_index`; later `sequence_number`s are
//! moved so that they stay in step, and the final `output` shows what the stream has shown.

use super::super::answer::{Channel, HostedUse, Response, ToolCall, Usage};
use super::super::{CallKind, WireError, render, responses};
use super::lane::{Held, Lane, Part};
use super::{Out, Summary, TextDelta, Verdict, check_name, emit};
use crate::json::{Doc, Edit, Kind, Limits, Reader, Ref};
use crate::sse::{self, Event};

const CUT_OFF: &str = "A tool call was cut off before it was complete, so it was not carried out.";

#[derive(Debug, Default)]
pub(super) struct Responses {
    reader: Reader,
    lane: Lane,
    /// How far the numbers of outgoing events are ahead of those that came.
    shift: i64,
    /// The number that the next event to come should have.
    next_number: i64,
    /// Calls that only the closing event has shown, and what was decided.
    late: Vec<(ToolCall, Option<Verdict>)>,
    /// Calls that began but never ended: they may not come back in the closing event.
    was_cut_off: bool,
}

impl Responses {
    pub(super) fn is_holding(&self) -> bool {
        self.lane.is_holding()
    }

    pub(super) fn next_sequence_number(&self) -> u64 {
        u64::try_from(self.next_number + self.shift).unwrap_or(0)
    }

    pub(super) fn push(
        &mut self,
        event: Event,
        summary: &mut Summary,
        out: &mut Vec<Out>,
    ) -> Result<(), WireError> {
        let Some(data) = event.data.clone().filter(|data| &data[..] != b"[DONE]") else {
            out.push(Out::Forward(event.bytes));
            return Ok(());
        };
        let mut reader = std::mem::take(&mut self.reader);
        let outcome = reader.read(&data, &Limits::DEFAULT).map_err(WireError::from);
        let outcome = outcome.and_then(|doc| self.take(event, doc.root(), summary, out));
        self.reader = reader;
        outcome?;
        self.drain(out)
    }

    fn take(
        &mut self,
        event: Event,
        root: Ref<'_>,
        summary: &mut Summary,
        out: &mut Vec<Out>,
    ) -> Result<(), WireError> {
        let kind = root.get_str("type").ok_or_else(|| WireError::missing(root, "type", "a string"))?;
        check_name(&event, &kind)?;
        let place = root.get("output_index").and_then(Ref::as_u64).map(|place| place as usize);
        let part = match &*kind {
            "error" => {
                self.lane.drop_held();
                summary.is_complete = true;
                Part::Free
            }
            "response.output_item.added" => self.added(root, place, summary)?,
            "response.output_item.done" => self.done(root, place, summary, out)?,
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.input(root, place, "delta")?
            }
            "response.function_call_arguments.done" => self.input(root, place, "arguments")?,
            "response.custom_tool_call_input.done" => self.input(root, place, "input")?,
            _ => match (root.get_some("response"), place) {
                (Some(response), _) => self.whole(response, &kind, summary),
                (None, Some(place)) if self.lane.has(place) => Part::Rest(place),
                _ => Part::Free,
            },
        };
        let deltas =
            if matches!(part, Part::Free) { texts(root, &kind, place.unwrap_or(0)) } else { Vec::new() };
        self.lane.push(event, deltas, part)
    }

    fn added(
        &mut self,
        root: Ref<'_>,
        place: Option<usize>,
        summary: &mut Summary,
    ) -> Result<Part, WireError> {
        let (place, item) = item(root, place)?;
        match responses::call_of(item, place) {
            Some(call) => {
                let initial = item
                    .get_str("arguments")
                    .or_else(|| item.get_str("input"))
                    .unwrap_or_default()
                    .into_owned();
                self.lane.open(place, ToolCall { arguments: initial, ..call })?;
                Ok(Part::Start(place))
            }
            None if self.lane.has(place) => Err(WireError::Ambiguous("two items stand at one place")),
            None => {
                let kind = item.get_str("type").unwrap_or_default();
                if !matches!(&*kind, "message" | "reasoning") {
                    summary.hosted.push(HostedUse { range: 0..0, ..HostedUse::of(item) });
                }
                Ok(Part::Free)
            }
        }
    }

    /// Pieces add up; a whole must equal their sum.
    fn input(&mut self, root: Ref<'_>, place: Option<usize>, key: &str) -> Result<Part, WireError> {
        let place = place.ok_or_else(|| WireError::missing(root, "output_index", "a whole number"))?;
        let call = self.lane.open_call(place).ok_or(WireError::Ambiguous("input belongs to no open call"))?;
        let text = root.get_str(key).ok_or_else(|| WireError::missing(root, key, "a string"))?;
        match key {
            "delta" => {
                call.has_deltas |= !text.is_empty();
                call.input.push_str(&text);
            }
            _ if call.has_deltas && call.input != *text => return Err(DISAGREE),
            _ => {
                call.has_deltas = true;
                call.input = text.into_owned();
            }
        }
        Ok(Part::Rest(place))
    }

    fn done(
        &mut self,
        root: Ref<'_>,
        place: Option<usize>,
        summary: &mut Summary,
        out: &mut Vec<Out>,
    ) -> Result<Part, WireError> {
        let (place, item) = item(root, place)?;
        let Some(complete) = responses::call_of(item, place) else {
            if self.lane.has(place) {
                return Err(DISAGREE);
            }
            return Ok(Part::Free);
        };
        let is_new = !self.lane.has(place);
        if is_new {
            self.added(root, Some(place), summary)?;
        }
        let call = self.lane.open_call(place).ok_or(WireError::Ambiguous("a call ends twice"))?;
        let whole = matches!(complete.kind, CallKind::Function | CallKind::Custom | CallKind::Hosted);
        let same_input = !whole || is_new || {
            let begun = call.initial.is_empty() || call.initial == complete.arguments;
            begun && (!call.has_deltas || call.input == complete.arguments)
        };
        if !same_input || call.id != complete.id || call.name != complete.name || call.kind != complete.kind {
            return Err(DISAGREE);
        }
        let complete = ToolCall { range: 0..0, ..complete };
        self.lane.offer(place, complete.clone());
        out.push(Out::Calls(vec![complete]));
        Ok(if is_new { Part::Start(place) } else { Part::Rest(place) })
    }

    /// An event that carries the response object.
    fn whole(&mut self, response: Ref<'_>, kind: &str, summary: &mut Summary) -> Part {
        summary.id = response.get_str("id").map(|id| id.into_owned());
        summary.model = response.get_str("model").map(|model| model.into_owned());
        summary.usage.merge(Usage::read(response));
        if matches!(
            kind,
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled"
        ) {
            summary.finish.extend(response.get_str("status").map(|status| status.into_owned()));
            summary.is_complete = true;
            let dropped = self.lane.drop_open();
            self.was_cut_off |= dropped > 0;
            self.shift -= dropped as i64;
            self.next_number += dropped as i64;
        }
        Part::Closing
    }

    pub(super) fn resolve(&mut self, verdicts: &[Verdict], out: &mut Vec<Out>) -> Result<(), WireError> {
        let (first, late) = verdicts.split_at(verdicts.len().min(self.lane.offered_count()));
        self.lane.decide(first);
        let open = self.late.iter_mut().filter(|(_, verdict)| verdict.is_none());
        open.zip(late).for_each(|((_, open), verdict)| *open = Some(verdict.clone()));
        self.drain(out)
    }

    fn drain(&mut self, out: &mut Vec<Out>) -> Result<(), WireError> {
        while let Some((held, verdict)) = self.lane.pop() {
            match (held.part, verdict) {
                (Part::Start(place), Some(Verdict::Refuse(text))) => {
                    self.say_instead(&held, place, &text, out)?
                }
                (_, Some(Verdict::Refuse(_))) => {
                    self.shift -= 1;
                    self.next_number += 1;
                }
                (Part::Closing, _) => {
                    if !self.conclude(held, out)? {
                        return Ok(());
                    }
                }
                _ => out.push(self.renumbered(held)?),
            }
        }
        Ok(())
    }

    fn say_instead(
        &mut self,
        start: &Held,
        place: usize,
        text: &str,
        out: &mut Vec<Out>,
    ) -> Result<(), WireError> {
        let data = start.event.data.clone().unwrap_or_default();
        let mut reader = Reader::default();
        let root = reader.read(&data, &Limits::DEFAULT)?.root();
        let number = self.number(root) + self.shift;
        let id = root
            .get("item")
            .map(|item| responses::refusal_id(&super::super::answer::owned(item, "id")))
            .unwrap_or_default();
        let events = render::message_events(&id, place, text);
        self.shift += events.len() as i64 - 1;
        for (offset, (name, rest)) in events.iter().enumerate() {
            let number = u64::try_from(number).unwrap_or(0) + offset as u64;
            let data = render::numbered_event(name, number, rest);
            out.push(Out::Forward(sse::write(Some(name), data.as_bytes())));
        }
        Ok(())
    }

    fn number(&mut self, root: Ref<'_>) -> i64 {
        let number = root.get("sequence_number").and_then(Ref::as_i64).unwrap_or(self.next_number);
        self.next_number = number + 1;
        number
    }

    /// The event as it came, but for its number if the stream has been changed before it.
    fn renumbered(&mut self, held: Held) -> Result<Out, WireError> {
        let data = held.event.data.clone().unwrap_or_default();
        if self.shift == 0 {
            self.next_number += 1;
            return Ok(emit(held.event, held.deltas));
        }
        let mut reader = Reader::default();
        let doc = reader.read(&data, &Limits::DEFAULT)?;
        let edit = self.edit(doc);
        reparsed(&held.event, &edit.apply())
    }

    fn edit<'a>(&mut self, doc: Doc<'a>) -> Edit<'a> {
        let mut edit = Edit::new(doc);
        let number = self.number(doc.root()) + self.shift;
        if let Some(value) = doc.root().get("sequence_number").filter(|_| self.shift != 0) {
            edit.replace(value, number.to_string());
        }
        edit
    }

    /// Sends an event with the response object, its `output` put right. False: it shows calls that no event has shown
    /// before; they are offered, and it waits.
    fn conclude(&mut self, held: Held, out: &mut Vec<Out>) -> Result<bool, WireError> {
        let data = held.event.data.clone().unwrap_or_default();
        let mut reader = Reader::default();
        let doc = reader.read(&data, &Limits::DEFAULT)?;
        let Some(object) = doc.root().get_some("response") else { return Ok(true) };
        let mut shown = Response::default();
        responses::read_output(&mut shown, object)?;
        let mut refused: Vec<(&ToolCall, String)> = Vec::new();
        let mut offered = Vec::new();
        for call in &shown.calls {
            match self.verdict(call) {
                Some(Some(Verdict::Allow)) => {}
                Some(Some(Verdict::Refuse(text))) => refused.push((call, text)),
                Some(None) => {
                    self.lane.unpop(held);
                    return Ok(false);
                }
                None if self.was_cut_off => refused.push((call, CUT_OFF.to_owned())),
                None => offered.push(call.clone()),
            }
        }
        if !offered.is_empty() {
            self.late.extend(offered.iter().map(|call| (call.clone(), None)));
            out.push(Out::Calls(offered.into_iter().map(|call| ToolCall { range: 0..0, ..call }).collect()));
            self.lane.unpop(held);
            return Ok(false);
        }
        let refused: Vec<(&ToolCall, &str)> =
            refused.iter().map(|(call, text)| (*call, text.as_str())).collect();
        let mut edit = self.edit(doc);
        responses::replace_calls(object, &refused, &mut edit);
        match edit.is_empty() {
            true => out.push(emit(held.event, texts_of_output(object))),
            false => out.push(reparsed(&held.event, &edit.apply())?),
        }
        Ok(true)
    }

    /// What was decided on this very call; inside, `None` while that is open.
    fn verdict(&self, call: &ToolCall) -> Option<Option<Verdict>> {
        let streamed = self
            .lane
            .decided()
            .find(|(known, _)| is_same(known, call))
            .map(|(_, verdict)| Some(verdict.clone()));
        streamed.or_else(|| {
            self.late.iter().find(|(known, _)| is_same(known, call)).map(|(_, verdict)| verdict.clone())
        })
    }
}

const DISAGREE: WireError = WireError::Ambiguous("a call's events disagree about it");

fn item<'a>(root: Ref<'a>, place: Option<usize>) -> Result<(usize, Ref<'a>), WireError> {
    let place = place.ok_or_else(|| WireError::missing(root, "output_index", "a whole number"))?;
    let item = root.get_some("item").ok_or_else(|| WireError::missing(root, "item", "an object"))?;
    Ok((place, item))
}

fn is_same(a: &ToolCall, b: &ToolCall) -> bool {
    let json = |call: &ToolCall| serde_json::from_str::<serde_json::Value>(&call.arguments).ok();
    let same_arguments = || a.arguments == b.arguments || (a.kind == CallKind::Local && json(a) == json(b));
    a.kind == b.kind && a.id == b.id && a.name == b.name && a.namespace == b.namespace && same_arguments()
}

/// A changed event, with its texts found anew.
fn reparsed(event: &Event, data: &[u8]) -> Result<Out, WireError> {
    let bytes = event.with_data(data);
    let mut events = sse::Reader::new(usize::MAX);
    events.push(&bytes);
    let Ok(Some(event)) = events.next_event() else { return Ok(Out::Forward(bytes)) };
    let data = event.data.clone().unwrap_or_default();
    let mut reader = Reader::default();
    let root = reader.read(&data, &Limits::DEFAULT)?.root();
    let kind = root.get_str("type").unwrap_or_default();
    let place = root.get("output_index").and_then(Ref::as_u64).unwrap_or(0) as usize;
    let deltas = match root.get_some("response") {
        Some(object) => texts_of_output(object),
        None => texts(root, &kind, place),
    };
    Ok(emit(event, deltas))
}

/// Every text in an event that is not a call's.
fn texts(root: Ref<'_>, kind: &str, place: usize) -> Vec<TextDelta> {
    let channel = match kind {
        _ if kind.contains("reasoning") => Channel::Reasoning,
        _ if kind.contains("refusal") => Channel::Refusal,
        _ => Channel::Answer,
    };
    match kind {
        "response.output_text.delta"
        | "response.refusal.delta"
        | "response.reasoning_text.delta"
        | "response.reasoning_summary_text.delta" => {
            TextDelta::of(root.get("delta"), channel, place, false).into_iter().collect()
        }
        _ => {
            let part = root.get_some("part").filter(|part| part.kind() == Kind::Object).unwrap_or(root);
            let found = ["text", "refusal"].map(|key| TextDelta::of(part.get(key), channel, place, true));
            let mut deltas: Vec<TextDelta> = found.into_iter().flatten().collect();
            if let Some(item) = root.get_some("item") {
                deltas.extend(texts_of_item(item, place));
            }
            deltas
        }
    }
}

fn texts_of_item(item: Ref<'_>, place: usize) -> Vec<TextDelta> {
    let mut shown = Response::default();
    responses::read_texts(&mut shown, item, place);
    repeats(shown)
}

fn texts_of_output(object: Ref<'_>) -> Vec<TextDelta> {
    let mut shown = Response::default();
    // An output of another shape has been refused before its texts are asked for.
    let _ = responses::read_output(&mut shown, object);
    repeats(shown)
}

fn repeats(shown: Response<'_>) -> Vec<TextDelta> {
    let texts = shown.texts.into_iter().filter(|text| !text.text.is_empty());
    let repeat = |text: super::super::TextPiece<'_>| TextDelta {
        text: text.text.into_owned(),
        channel: text.channel,
        choice: text.choice,
        is_repeat: true,
        range: text.range,
    };
    texts.map(repeat).collect()
}
