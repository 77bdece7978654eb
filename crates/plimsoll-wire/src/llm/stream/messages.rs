//! Anthropic Messages ("Streaming messages"): blocks between `content_block_start` and `content_block_stop`.

use std::collections::BTreeMap;

use super::super::answer::{Channel, HostedUse, ToolCall, Usage};
use super::super::{CallKind, WireError, messages, render};
use super::lane::{Lane, Part};
use super::{Out, Summary, TextDelta, Verdict, check_name, emit};
use crate::json::{Edit, Limits, Reader, Ref};
use crate::sse::{self, Event};

#[derive(Debug, Default)]
pub(super) struct Messages {
    reader: Reader,
    lane: Lane,
    /// Blocks that have begun; false once they have stopped.
    blocks: BTreeMap<usize, bool>,
    allowed: usize,
    refused: usize,
}

impl Messages {
    pub(super) fn is_holding(&self) -> bool {
        self.lane.is_holding()
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
        let kind = root.get_str("type").ok_or_else(|| WireError::missing(root, "type", "a string"))?;
        check_name(&event, &kind)?;
        let mut deltas = Vec::new();
        let part = match &*kind {
            "ping" => {
                out.push(Out::Forward(event.bytes));
                return Ok(());
            }
            "error" => {
                self.lane.drop_held();
                summary.is_complete = true;
                Part::Free
            }
            "message_start" => self.begin(root, summary)?,
            "content_block_start" => self.start(root, summary, &mut deltas)?,
            "content_block_delta" => self.delta(root, &mut deltas)?,
            "content_block_stop" => self.stop(root, out)?,
            "message_delta" => self.close(root, summary)?,
            "message_stop" => {
                summary.is_complete = true;
                Part::Free
            }
            _ => Part::Free,
        };
        self.lane.push(event, deltas, part)?;
        self.drain(out)
    }

    fn begin(&mut self, root: Ref<'_>, summary: &mut Summary) -> Result<Part, WireError> {
        let Some(message) = root.get_some("message") else { return Ok(Part::Free) };
        if message.get("content").is_some_and(|content| content.items().next().is_some()) {
            return Err(WireError::Ambiguous("a message begins with content"));
        }
        summary.id = message.get_str("id").map(|id| id.into_owned());
        summary.model = message.get_str("model").map(|model| model.into_owned());
        summary.usage.merge(Usage::read(message));
        Ok(Part::Free)
    }

    fn start(
        &mut self,
        root: Ref<'_>,
        summary: &mut Summary,
        deltas: &mut Vec<TextDelta>,
    ) -> Result<Part, WireError> {
        let index = place(root)?;
        let block = root
            .get_some("content_block")
            .ok_or_else(|| WireError::missing(root, "content_block", "an object"))?;
        if self.blocks.insert(index, true).is_some() {
            return Err(WireError::Ambiguous("two blocks stand at one place"));
        }
        if let Some(call) = messages::call_of(block, index) {
            self.lane.open(index, call)?;
            return Ok(Part::Start(index));
        }
        if messages::is_hosted_use(block) {
            summary.hosted.push(HostedUse { range: 0..0, ..HostedUse::of(block) });
        }
        deltas.extend(TextDelta::of(block.get("text"), Channel::Answer, index, false));
        deltas.extend(TextDelta::of(block.get("thinking"), Channel::Reasoning, index, false));
        Ok(Part::Free)
    }

    fn delta(&mut self, root: Ref<'_>, deltas: &mut Vec<TextDelta>) -> Result<Part, WireError> {
        let index = place(root)?;
        if self.blocks.get(&index) != Some(&true) {
            return Err(WireError::Ambiguous("a delta belongs to no open block"));
        }
        let delta = root.get_some("delta").ok_or_else(|| WireError::missing(root, "delta", "an object"))?;
        if let Some(call) = self.lane.open_call(index) {
            if let Some(piece) = delta.get_str("partial_json") {
                call.has_deltas |= !piece.is_empty();
                call.input.push_str(&piece);
            }
            return Ok(Part::Rest(index));
        }
        deltas.extend(TextDelta::of(delta.get("text"), Channel::Answer, index, false));
        deltas.extend(TextDelta::of(delta.get("thinking"), Channel::Reasoning, index, false));
        Ok(Part::Free)
    }

    fn stop(&mut self, root: Ref<'_>, out: &mut Vec<Out>) -> Result<Part, WireError> {
        let index = place(root)?;
        self.blocks.insert(index, false);
        let Some(call) = self.lane.open_call(index) else {
            return Ok(if self.lane.has(index) { Part::Rest(index) } else { Part::Free });
        };
        let is_filled = call.kind == CallKind::Function
            && !matches!(call.initial.trim_start_matches('{').trim(), "}" | "null");
        if call.has_deltas && is_filled {
            return Err(WireError::Ambiguous("a call's input is given whole and in pieces"));
        }
        let arguments =
            if call.has_deltas { std::mem::take(&mut call.input) } else { std::mem::take(&mut call.initial) };
        let (id, name, kind) = (call.id.clone(), call.name.clone(), call.kind);
        let complete = ToolCall { id, name, namespace: None, arguments, kind, range: 0..0, choice: 0, index };
        self.lane.offer(index, complete.clone());
        out.push(Out::Calls(vec![complete]));
        Ok(Part::Rest(index))
    }

    fn close(&mut self, root: Ref<'_>, summary: &mut Summary) -> Result<Part, WireError> {
        if self.lane.has_open_call() {
            return Err(WireError::Ambiguous("a call was never closed"));
        }
        summary.usage.merge(Usage::read(root));
        let reason = root.get("delta").and_then(|delta| delta.get_str("stop_reason"));
        summary.finish.extend(reason.map(|reason| reason.into_owned()));
        Ok(Part::Closing)
    }

    pub(super) fn resolve(&mut self, verdicts: &[Verdict], out: &mut Vec<Out>) -> Result<(), WireError> {
        self.lane.decide(verdicts);
        self.drain(out)
    }

    fn drain(&mut self, out: &mut Vec<Out>) -> Result<(), WireError> {
        while let Some((held, verdict)) = self.lane.pop() {
            match (held.part, verdict) {
                (Part::Start(index), Some(Verdict::Refuse(text))) => {
                    self.refused += 1;
                    let names = ["content_block_start", "content_block_delta", "content_block_stop"];
                    let events = names.iter().zip(render::text_block_events(index, &text));
                    out.extend(
                        events.map(|(name, data)| Out::Forward(sse::write(Some(name), data.as_bytes()))),
                    );
                }
                (_, Some(Verdict::Refuse(_))) => {}
                (Part::Closing, _) if self.refused > 0 && self.allowed == 0 => {
                    out.push(Out::Forward(self.end_turn(&held.event)?));
                }
                (part, _) => {
                    self.allowed += usize::from(matches!(part, Part::Start(_)));
                    out.push(emit(held.event, held.deltas));
                }
            }
        }
        Ok(())
    }

    /// No call is left for which the client would have to come back.
    fn end_turn(&mut self, event: &Event) -> Result<bytes::Bytes, WireError> {
        let data = event.data.clone().unwrap_or_default();
        let mut reader = Reader::default();
        let doc = reader.read(&data, &Limits::DEFAULT)?;
        let reason = doc.root().get("delta").and_then(|delta| delta.get("stop_reason"));
        let Some(reason) = reason.filter(|reason| reason.is_str("tool_use")) else {
            return Ok(event.bytes.clone());
        };
        let mut edit = Edit::new(doc);
        edit.replace(reason, "\"end_turn\"");
        Ok(event.with_data(&edit.apply()))
    }
}

fn place(root: Ref<'_>) -> Result<usize, WireError> {
    let index = root
        .get("index")
        .and_then(Ref::as_u64)
        .ok_or_else(|| WireError::missing(root, "index", "a whole number"))?;
    Ok(index as usize)
}
