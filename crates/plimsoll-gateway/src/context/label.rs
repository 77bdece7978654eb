//! Labelling: each text of a request as one span, or as several where it is not all of one origin.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use plimsoll_bundle::{Bundle, Prompt, PromptRole, Workflow};
use plimsoll_core::{Digest, Integrity, Label, Span, SpanKind, ToolName, Trajectory};
use plimsoll_inspect::trace::UNRELEASED;
use serde_json::Value;

use super::known::copies;
use super::recognise::Copy;
use super::results::{Called, Results, call_address};
use super::sessions::{Copies, Seen, Sessions, Sight, covered};
use super::template::{Part as Filled, Rendering, rendering};
use super::{CallOf, Context, RECOGNISED_MIN, Scope, Shown, summary};

/// What its session was shown before.
pub(super) struct Past<'s> {
    pub sessions: &'s Sessions,
    pub scope: &'s Scope,
}

/// Everything a label depends on.
pub(super) struct Reader<'r> {
    pub bundle: &'r Bundle,
    pub workflow: &'r Workflow,
    pub results: &'r Results,
    pub past: Option<Past<'r>>,
}

/// A text with what is known before it is labelled.
struct Piece<'a> {
    shown: Shown<'a>,
    address: Digest,
    copies: Copies,
    summary: bool,
    /// It may be what a tool returned, and nobody remembers.
    doubted: bool,
}

/// A part of a text, with its label.
struct Part<'a> {
    range: Range<usize>,
    kind: SpanKind,
    label: Label,
    source: String,
    mark: Option<&'static str>,
    call: CallOf<'a>,
    /// What stands there, where it is not what is written there.
    text: Option<Arc<str>>,
}

impl<'a> Part<'a> {
    fn new(range: Range<usize>, kind: SpanKind, integrity: Integrity, source: impl Into<String>) -> Self {
        let source = source.into();
        Self {
            range,
            kind,
            label: Label::of(integrity),
            source,
            mark: None,
            call: CallOf::Unknown,
            text: None,
        }
    }

    fn marked(self, mark: &'static str) -> Self {
        Self { mark: Some(mark), ..self }
    }
}

impl Reader<'_> {
    pub(super) fn read<'a>(&self, shown: Vec<Shown<'a>>) -> Context<'a> {
        let mut context = Context {
            spans: Vec::with_capacity(shown.len()),
            texts: Vec::with_capacity(shown.len()),
            calls: Vec::with_capacity(shown.len()),
            trajectory: Trajectory::default(),
            arguments: OnceLock::new(),
        };
        // Nothing was answered in it yet.
        let goes_on = |shown: &Shown<'_>| !matches!(shown.kind, SpanKind::System | SpanKind::User);
        let begins = !shown.iter().any(goes_on);
        for piece in self.look(shown, begins) {
            let parts = self.parts(&piece);
            let Piece { shown, address, .. } = piece;
            place(&mut context, shown.text, address, parts);
        }
        if let Some(past) = &self.past {
            context.trajectory = past.sessions.live_on(past.scope, &context.trajectory, begins);
        }
        context
    }

    /// Looks each text up, those of a session that were seen before as they were then.
    fn look<'a>(&self, shown: Vec<Shown<'a>>, begins: bool) -> Vec<Piece<'a>> {
        let texts = shown.iter().map(|shown| &*shown.text);
        let addresses: Vec<Digest> = match &self.past {
            Some(past) => past.sessions.long.addresses(&past.scope.key, texts),
            None => texts.map(|text| Digest::of(text.as_bytes())).collect(),
        };
        let piece = |(shown, address): (Shown<'a>, Digest)| {
            let summary =
                matches!(shown.kind, SpanKind::User | SpanKind::System) && summary::says_so(&shown.text);
            Piece { address, shown, copies: None, summary, doubted: false }
        };
        let mut pieces: Vec<Piece<'a>> = shown.into_iter().zip(addresses).map(piece).collect();
        let sights: Vec<Sight> =
            pieces.iter().map(|piece| Sight::new(piece.shown.kind, &piece.address)).collect();
        let found =
            |piece: &Piece<'_>| copies(self.results, piece.shown.kind, &piece.address, &piece.shown.text);
        let Some(past) = &self.past else {
            for piece in &mut pieces {
                piece.copies = found(piece);
            }
            return pieces;
        };
        let known = past.sessions.first_sights(&past.scope.key, &sights);
        let doubts = OnceCell::new();
        let mut new = Vec::new();
        for ((piece, sight), known) in pieces.iter_mut().zip(&sights).zip(known) {
            // A result may be known by now that was not when somebody else's text was the same.
            let again = |seen: &Seen| seen.copies.is_none() && piece.shown.kind == SpanKind::Result;
            let seen = match known {
                Some(seen) if !again(&seen) => seen,
                _ => {
                    let may_be_told = matches!(piece.shown.kind, SpanKind::User | SpanKind::System)
                        && piece.shown.text.len() >= RECOGNISED_MIN;
                    let doubted =
                        may_be_told && *doubts.get_or_init(|| past.sessions.doubts(past.scope, begins));
                    let seen = Seen { copies: found(piece), doubted };
                    new.push((*sight, seen.clone()));
                    seen
                }
            };
            piece.copies = seen.copies;
            piece.doubted = seen.doubted;
        }
        if !new.is_empty() {
            past.sessions.keep_sights(&past.scope.key, new);
        }
        self.mark_summaries(past, &mut pieces, &sights);
        pieces
    }

    fn mark_summaries(&self, past: &Past<'_>, pieces: &mut [Piece<'_>], sights: &[Sight]) {
        let is_user = |piece: &Piece<'_>| piece.shown.kind == SpanKind::User && !piece.summary;
        let users: Vec<(Sight, usize)> = pieces
            .iter()
            .zip(sights)
            .filter(|(piece, _)| is_user(piece))
            .map(|(piece, sight)| (*sight, piece.shown.text.len()))
            .collect();
        let judged = past.sessions.summaries(&past.scope.key, &users);
        for (piece, summary) in pieces.iter_mut().filter(|piece| is_user(piece)).zip(judged) {
            piece.summary = summary;
        }
    }

    fn parts<'a>(&self, piece: &Piece<'a>) -> Vec<Part<'a>> {
        let Shown { kind, text, .. } = &piece.shown;
        let all = 0..text.len();
        if let Some(parts) = self.released(piece) {
            return parts;
        }
        if piece.summary {
            let life = self.past.as_ref().and_then(|past| past.sessions.life(&past.scope.key));
            let part = Part::new(all, SpanKind::Assistant, Integrity::Untrusted, "summary").marked("summary");
            return vec![Part { label: covered(life.as_ref()), ..part }];
        }
        match (kind, &piece.copies) {
            (SpanKind::Assistant, _) => vec![Part::new(all, *kind, Integrity::Untrusted, "model")],
            (SpanKind::Media, _) => vec![Part::new(all, *kind, Integrity::Untrusted, "media")],
            (_, None) => vec![self.rest(piece, all, false)],
            (_, Some(known)) => {
                let mut parts = Vec::new();
                let mut at = 0;
                let says =
                    |range: &Range<usize>| known.rest && text[range.clone()].contains(char::is_alphanumeric);
                for copy in &known.copies {
                    let between = at..copy.range.start;
                    if says(&between) {
                        parts.push(self.rest(piece, between, true));
                    }
                    parts.push(self.copy(piece, copy));
                    at = copy.range.end;
                }
                if says(&(at..text.len())) {
                    parts.push(self.rest(piece, at..text.len(), true));
                }
                parts
            }
        }
    }

    /// A part that some tool returned. Among a local tool's results it is worth no more than they are.
    fn copy<'a>(&self, piece: &Piece<'a>, copy: &Copy) -> Part<'a> {
        let known = &copy.known;
        let source = format!("tool:{}", known.tool);
        let mut part = Part::new(copy.range.clone(), SpanKind::Result, Integrity::Untrusted, source);
        part.label = known.label.clone();
        part.text = copy.unescaped.clone();
        part.mark = (!copy.verbatim).then_some("altered");
        part.call = match &known.call {
            Some(Called::With(call)) => CallOf::Known(Arc::clone(call)),
            Some(Called::Like(digest)) => said_like(piece, &known.tool, digest),
            None => CallOf::Unknown,
        };
        if piece.shown.kind == SpanKind::Result
            && let Some(local) = piece.shown.tool.as_ref().filter(|tool| tool.server == ToolName::LOCAL)
        {
            part.label = part.label.join(&self.declared(local));
        }
        part
    }

    /// A part that no tool is known to have returned: it is what it is said to be, at most.
    fn rest<'a>(&self, piece: &Piece<'a>, range: Range<usize>, beside: bool) -> Part<'a> {
        match piece.shown.kind {
            SpanKind::System | SpanKind::User if piece.doubted => {
                let source = if piece.shown.kind == SpanKind::User { "user" } else { "system" };
                Part::new(range, piece.shown.kind, Integrity::Untrusted, source).marked("forgotten")
            }
            SpanKind::System => {
                Part::new(range, SpanKind::System, Integrity::Trusted, "system").marked(UNRELEASED)
            }
            SpanKind::User => Part::new(range, SpanKind::User, Integrity::User, "user"),
            SpanKind::Assistant | SpanKind::Media | SpanKind::Result => self.claimed(piece, range, beside),
        }
    }

    /// A result as the client tells it. It is what the client claims, so a tool that has a door of its
    /// own and whose answer never passed there is marked: `unseen`, or `altered` when another answer to
    /// this call did; and untrusted.
    fn claimed<'a>(&self, piece: &Piece<'a>, range: Range<usize>, beside: bool) -> Part<'a> {
        let Some(name) = &piece.shown.tool else {
            return Part::new(range, SpanKind::Result, Integrity::Untrusted, "tool:unknown");
        };
        let part = Part::new(range, SpanKind::Result, Integrity::Untrusted, format!("tool:{name}"));
        let said = piece.shown.call.clone();
        if name.server == ToolName::LOCAL {
            let call = said.map_or(CallOf::Unknown, CallOf::Said);
            return Part { label: self.declared(name), call, ..part };
        }
        let answered = || {
            let call: Option<Value> = said.as_deref().and_then(|call| serde_json::from_str(call).ok());
            call.is_some_and(|call| self.results.has_answered(name, &call))
        };
        part.marked(if beside || answered() { "altered" } else { "unseen" })
    }

    fn declared(&self, tool: &ToolName) -> Label {
        self.bundle.find_tool(tool).map_or_else(Label::default, |tool| tool.meaning.output.label())
    }

    /// A released prompt speaks for the operator, and its variables for whoever the release says.
    fn released<'a>(&self, piece: &Piece<'a>) -> Option<Vec<Part<'a>>> {
        let prompts = self.workflow.prompts.iter().filter_map(|id| self.bundle.prompts.get(id));
        if let Some(filled) = piece.shown.filled {
            let prompt = self.bundle.prompts.get(&filled.prompt)?;
            let source = format!("prompt:{}@{}", prompt.id, prompt.version);
            return Some(filled.parts().flat_map(|part| self.filled(piece, prompt, &source, part)).collect());
        }
        let fits = |prompt: &&Arc<Prompt>| match piece.shown.kind {
            SpanKind::System => prompt.role != PromptRole::User,
            SpanKind::User => prompt.role == PromptRole::User,
            _ => false,
        };
        let mut prompts = prompts.filter(fits);
        prompts.find_map(|prompt| {
            let source = format!("prompt:{}@{}", prompt.id, prompt.version);
            let text = &*piece.shown.text;
            if prompt.digest == piece.address {
                return Some(vec![Part::new(0..text.len(), piece.shown.kind, Integrity::Operator, source)]);
            }
            Some(match rendering(prompt, text)? {
                Rendering::Clear(filled) => {
                    filled.into_iter().flat_map(|part| self.filled(piece, prompt, &source, part)).collect()
                }
                Rendering::Unclear => {
                    let least = prompt.variables.values().min().copied().unwrap_or_default();
                    let least = if piece.doubted { Integrity::Untrusted } else { least };
                    let kind = if least >= Integrity::User { SpanKind::User } else { SpanKind::Result };
                    vec![Part::new(0..text.len(), kind, least.min(Integrity::User), source).marked("unclear")]
                }
            })
        })
    }

    fn filled<'a>(
        &self,
        piece: &Piece<'a>,
        prompt: &Prompt,
        source: &str,
        part: Filled<'_>,
    ) -> Vec<Part<'a>> {
        let (name, range) = match part {
            Filled::Text(range) => {
                return vec![Part::new(range, piece.shown.kind, Integrity::Operator, source)];
            }
            Filled::Variable(name, range) => (name, range),
        };
        let declared = prompt.variables.get(name).copied().unwrap_or_default();
        let integrity = if piece.doubted { Integrity::Untrusted } else { declared };
        let kind = match integrity {
            Integrity::User => SpanKind::User,
            Integrity::Operator | Integrity::Trusted => SpanKind::System,
            Integrity::Untrusted => SpanKind::Result,
        };
        let value = &piece.shown.text[range.clone()];
        let whole = |range| Part::new(range, kind, integrity, format!("variable:{name}"));
        let found = copies(self.results, SpanKind::System, &Digest::of(value.as_bytes()), value);
        let Some(known) = found else { return vec![whole(range)] };
        let mut parts = Vec::new();
        let mut at = range.start;
        for copy in &known.copies {
            let here = range.start + copy.range.start..range.start + copy.range.end;
            parts.push(whole(at..here.start));
            at = here.end;
            let mut part = self.copy(piece, &Copy { range: here, ..copy.clone() });
            // A value is worth no more than what the release says of its variable.
            part.label.integrity = part.label.integrity.min(integrity);
            parts.push(part);
        }
        parts.push(whole(at..range.end));
        parts.retain(|part| !part.range.is_empty());
        parts
    }
}

/// The call that the client says a result answers, where it is the one that it did answer.
fn said_like<'a>(piece: &Piece<'a>, tool: &ToolName, digest: &Digest) -> CallOf<'a> {
    let Some(said) = &piece.shown.call else { return CallOf::Unknown };
    match serde_json::from_str::<Value>(said) {
        Ok(call) if call_address(tool, &call) == *digest => CallOf::Said(said.clone()),
        _ => CallOf::Unknown,
    }
}

/// Puts the parts of a text into the context.
fn place<'a>(context: &mut Context<'a>, text: Cow<'a, str>, address: Digest, parts: Vec<Part<'a>>) {
    let parts = match <[Part<'_>; 1]>::try_from(parts) {
        Ok([part]) if part.range == (0..text.len()) && part.text.is_none() => {
            let span = span(context, &part, address, text.len());
            context.push(span, text, part.call);
            return;
        }
        Ok([part]) => vec![part],
        Err(parts) => parts,
    };
    for part in parts {
        let text = match (&part.text, &text) {
            (Some(inner), _) => Cow::Owned(inner.to_string()),
            (None, Cow::Borrowed(text)) => Cow::Borrowed(&text[part.range.clone()]),
            (None, Cow::Owned(text)) => Cow::Owned(text[part.range.clone()].to_owned()),
        };
        let span = span(context, &part, Digest::of(text.as_bytes()), text.len());
        context.push(span, text, part.call);
    }
}

fn span(context: &Context<'_>, part: &Part<'_>, address: Digest, bytes: usize) -> Span {
    Span {
        index: u32::try_from(context.spans.len()).unwrap_or(u32::MAX),
        kind: part.kind,
        address,
        label: part.label.clone(),
        source: part.source.clone(),
        bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        mark: part.mark.map(str::to_owned),
        preview: None,
    }
}
