//! Step two of the path: what the model has been shown, span by span, with labels.
//!
//! A span's label follows *what it is known to be*, not where the client put it: text that a tool or
//! document door returned keeps its label also when it is pasted into a user message. System text that
//! is not a released prompt is marked as drift.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

use plimsoll_bundle::{Bundle, Tool, Workflow};
use plimsoll_core::{Digest, Flow, Integrity, Label, Output, Span, SpanKind, ToolName, Trajectory};
use plimsoll_inspect::redact::Redactor;
use plimsoll_inspect::trace::{Prepared, TracedSpan, trace};
use serde_json::Value;

use crate::gateway::Gateway;

/// Results remembered at most, for recognising their text in a later prompt; the oldest go first.
pub const RESULTS_MAX: usize = 65_536;
/// Bytes a text needs to be recognised as a tool's result outside a result's place.
pub const RECOGNISED_MIN: usize = 24;
/// Sessions whose spans are remembered as recorded at most.
pub const SESSIONS_MAX: usize = 8_192;
/// Characters of a span that the record shows to people.
pub const PREVIEW_CHARS: usize = 160;

/// One piece of text as a door read it.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    pub kind: SpanKind,
    pub text: Cow<'a, str>,
    /// The tool whose result the client says this is.
    pub tool: Option<ToolName>,
}

/// The context of one request.
#[derive(Debug)]
pub struct Context<'a> {
    pub spans: Vec<Span>,
    pub texts: Vec<Cow<'a, str>>,
    pub trajectory: Trajectory,
}

impl Gateway {
    /// Labels everything the model is shown.
    pub fn see<'a>(&self, bundle: &Bundle, workflow: &Workflow, shown: Vec<Shown<'a>>) -> Context<'a> {
        see(bundle, workflow, &self.results, shown)
    }

    /// The spans that this session's record does not have yet, with previews.
    pub fn fresh(&self, session: &str, context: &Context<'_>) -> Vec<Span> {
        let unseen = self.sessions.unseen(session, &context.spans);
        let with_preview = |n: usize| {
            let mut span = context.spans[n].clone();
            span.preview = Some(self.redactor.preview(&context.texts[n], PREVIEW_CHARS));
            span
        };
        unseen.into_iter().map(with_preview).collect()
    }
}

/// Labels everything the model is shown: a function of the release, the texts in their order, and the results that
/// have passed a door.
pub fn see<'a>(
    bundle: &Bundle,
    workflow: &Workflow,
    results: &Results,
    shown: Vec<Shown<'a>>,
) -> Context<'a> {
    let mut context = Context {
        spans: Vec::with_capacity(shown.len()),
        texts: Vec::new(),
        trajectory: Trajectory::default(),
    };
    for piece in shown {
        let span = label(bundle, workflow, results, context.spans.len(), &piece);
        // What a model said derives from what it saw; it adds nothing of its own to the join.
        if span.kind != SpanKind::Assistant {
            context.trajectory.label = context.trajectory.label.join(&span.label);
        }
        if span.label.integrity == Integrity::Untrusted
            && let Some(tool) = piece.tool
            && !context.trajectory.untrusted_tools.contains(&tool)
        {
            context.trajectory.untrusted_tools.push(tool);
        }
        context.spans.push(span);
        context.texts.push(piece.text);
    }
    context.trajectory.spans = u32::try_from(context.spans.len()).unwrap_or(u32::MAX);
    context
}

fn label(bundle: &Bundle, workflow: &Workflow, results: &Results, index: usize, piece: &Shown<'_>) -> Span {
    let address = Digest::of(piece.text.as_bytes());
    let known = match piece.kind {
        SpanKind::Assistant | SpanKind::Media => None,
        SpanKind::Result => results.find(&address).or_else(|| {
            let inner = unwrapped(&piece.text)?;
            results.find(&Digest::of(inner.as_bytes()))
        }),
        // A person may well type what some tool also said, when it is short.
        _ if piece.text.len() < RECOGNISED_MIN => None,
        _ => results.find(&address),
    };
    let (label, source, mark) = match (known, piece.kind) {
        (Some(known), _) => (known.label, format!("tool:{}", known.tool), None),
        (None, SpanKind::System) => system(bundle, workflow, &address),
        (None, SpanKind::User) => (Label::of(Integrity::User), "user".to_owned(), None),
        (None, SpanKind::Assistant) => (Label::of(Integrity::Untrusted), "model".to_owned(), None),
        (None, SpanKind::Media) => (Label::of(Integrity::Untrusted), "media".to_owned(), None),
        (None, SpanKind::Result) => claimed_result(bundle, piece.tool.as_ref()),
    };
    Span {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        kind: piece.kind,
        address,
        label,
        source,
        bytes: u32::try_from(piece.text.len()).unwrap_or(u32::MAX),
        mark,
        preview: None,
    }
}

/// A result as the client tells it. It is what the client claims, so a tool that has a door of its
/// own and whose answer never passed there is marked: `unseen` or `altered`, and untrusted.
fn claimed_result(bundle: &Bundle, tool: Option<&ToolName>) -> (Label, String, Option<String>) {
    let Some(name) = tool else {
        return (Label::default(), "tool:unknown".to_owned(), None);
    };
    let source = format!("tool:{name}");
    if name.server != ToolName::LOCAL {
        return (Label::default(), source, Some("unseen".to_owned()));
    }
    let declared = bundle.find_tool(name).map_or_else(Label::default, |tool| tool.meaning.output.label());
    (declared, source, None)
}

/// A tool's result inside the lines that Codex writes before it. Nothing but a number may stand in them: whatever
/// else precedes a known text is no part of it, and must not share its label.
fn unwrapped(text: &str) -> Option<&str> {
    let (took, result) = text.strip_prefix("Wall time: ")?.split_once(" seconds\nOutput:\n")?;
    took.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some(result)
}

impl<'a> Context<'a> {
    /// What the user wrote, oldest first, without anything recognised as somebody else's.
    pub fn user_words(&self) -> impl Iterator<Item = String> {
        let own = |span: &Span| span.kind == SpanKind::User && span.label.integrity >= Integrity::User;
        self.spans
            .iter()
            .zip(&self.texts)
            .filter(move |(span, _)| own(span))
            .map(|(_, text)| text.to_string())
    }

    /// Makes the context ready for tracing several calls of one answer.
    pub fn prepare<'b>(&'b self, bundle: &'b Bundle) -> Prepared<'b> {
        let traced = |(span, text): (&'b Span, &'b Cow<'a, str>)| TracedSpan {
            span,
            text,
            output: output(bundle, span),
            call: None,
        };
        let spans: Vec<TracedSpan<'_>> = self.spans.iter().zip(&self.texts).map(traced).collect();
        Prepared::new(&spans)
    }
}

/// What the fields of a tool's result mean. Nothing about a result of which it is not sure that the tool wrote it.
fn output<'b>(bundle: &'b Bundle, span: &Span) -> Option<&'b Output> {
    let tool = span.source.strip_prefix("tool:").filter(|_| span.mark.is_none())?;
    Some(&bundle.find_tool(&tool.parse().ok()?)?.meaning.output)
}

/// What is found out about one call of an answer, in a context.
pub fn flow(prepared: &Prepared<'_>, arguments: &Value, tool: Option<&Tool>, redactor: &Redactor) -> Flow {
    trace(prepared, arguments, tool.map(|tool| &tool.meaning), redactor)
}

/// The flow of a call of which no context was seen: everything is unknown.
pub fn flow_unseen(arguments: &Value, tool: Option<&Tool>, redactor: &Redactor) -> Flow {
    flow(&Prepared::new(&[]), arguments, tool, redactor)
}

/// System text: a released prompt speaks for the operator; anything else is drift and informs at most.
fn system(bundle: &Bundle, workflow: &Workflow, address: &Digest) -> (Label, String, Option<String>) {
    let prompts = workflow.prompts.iter().filter_map(|id| bundle.prompts.get(id));
    for prompt in prompts {
        if prompt.digest == *address {
            return (
                Label::of(Integrity::Operator),
                format!("prompt:{}@{}", prompt.id, prompt.version),
                None,
            );
        }
    }
    (Label::of(Integrity::Trusted), "system".to_owned(), Some("drift".to_owned()))
}

/// What a tool or document door returned, by content address.
#[derive(Debug, Default)]
pub struct Results {
    inner: Mutex<ResultsInner>,
}

#[derive(Debug, Default)]
struct ResultsInner {
    map: HashMap<Digest, KnownResult>,
    order: VecDeque<Digest>,
}

/// A result that passed a door.
#[derive(Clone, Debug)]
pub struct KnownResult {
    pub label: Label,
    pub tool: ToolName,
}

impl Results {
    pub fn remember(&self, text: &str, result: KnownResult) -> Digest {
        let address = Digest::of(text.as_bytes());
        let mut inner = self.lock();
        match inner.map.get_mut(&address) {
            // The same text from two tools is worth what the lesser one is worth.
            Some(known) => known.label = known.label.join(&result.label),
            None => {
                if inner.order.len() >= RESULTS_MAX
                    && let Some(oldest) = inner.order.pop_front()
                {
                    inner.map.remove(&oldest);
                }
                inner.order.push_back(address);
                inner.map.insert(address, result);
            }
        }
        address
    }

    pub fn find(&self, address: &Digest) -> Option<KnownResult> {
        let inner = self.lock();
        if inner.map.is_empty() { None } else { inner.map.get(address).cloned() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ResultsInner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Which spans each session's record already has.
#[derive(Debug, Default)]
pub struct Sessions {
    inner: Mutex<HashMap<String, HashSet<[u8; 8]>>>,
}

impl Sessions {
    /// The positions of spans that are new to this session; they count as recorded from now on.
    fn unseen(&self, session: &str, spans: &[Span]) -> Vec<usize> {
        let mut inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if inner.len() >= SESSIONS_MAX && !inner.contains_key(session) {
            inner.clear();
        }
        let known = inner.entry(session.to_owned()).or_default();
        let is_new = |(n, span): (usize, &Span)| {
            let mut short = [0; 8];
            short.copy_from_slice(&span.address.as_bytes()[..8]);
            known.insert(short).then_some(n)
        };
        spans.iter().enumerate().filter_map(is_new).collect()
    }
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
}
