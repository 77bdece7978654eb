//! Step two of the path: what the model has been shown, span by span, with labels.
//!
//! A span's label follows *what it is known to be*, not where the client put it: text that a tool or
//! document door returned keeps its label also when it is pasted into a user message. System text that
//! is not a released prompt is marked as drift.

mod ahead;
mod fold;
mod grown;
mod known;
mod label;
mod last;
mod long;
pub mod prints;
mod ready;
mod recognise;
mod results;
mod sessions;
mod summary;
pub mod template;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use plimsoll_bundle::{Bundle, Tool, Workflow};
use plimsoll_core::{Digest, Flow, Integrity, Output, Principal, Span, SpanKind, ToolName, Trajectory};
use plimsoll_inspect::redact::Redactor;
use plimsoll_inspect::trace::{Prepared, TracedSpan, trace};
use serde_json::Value;

pub use self::ahead::{AHEAD_MIN, Ahead};
pub use self::grown::{GROWN_BYTES, GROWN_MAX, GROWN_MIN, Grown};
pub use self::long::{LONG_BYTES, LONG_MIN};
pub use self::ready::{READY_BYTES, READY_MAX, READY_MIN, READY_TEXT_BYTES, Ready, Unready};
pub(crate) use self::results::Fingerprint;
pub use self::results::{
    Called, KnownResult, PIECED_BYTES, PIECES_MAX, RESULT_TEXT_BYTES, RESULTS_MAX, Results,
};
pub use self::sessions::{
    LAPSE_LIFE, SESSION_PIECES_MAX, SESSION_TEXTS_MAX, SESSIONS_MAX, SIGHTS_MAX, SUMMARY_MIN, Sessions,
};
pub use self::template::Filled;
use crate::gateway::Gateway;

/// Bytes a text needs to be recognised as a tool's result outside a result's place.
pub const RECOGNISED_MIN: usize = 24;
/// Characters of a span that the record shows to people.
pub const PREVIEW_CHARS: usize = 160;

/// One piece of text as a door read it.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    pub kind: SpanKind,
    pub text: Cow<'a, str>,
    /// The tool whose result the client says this is.
    pub tool: Option<ToolName>,
    /// The arguments of the call that the client says it answers, as JSON.
    pub call: Option<Cow<'a, str>>,
    /// The released prompt that the gateway itself made this of.
    pub filled: Option<&'a Filled>,
}

/// The arguments of the call whose result a span is.
#[derive(Clone, Debug, Default)]
pub(crate) enum CallOf<'a> {
    #[default]
    Unknown,
    Said(Cow<'a, str>),
    Known(Arc<Value>),
}

/// The context of one request.
#[derive(Debug)]
pub struct Context<'a> {
    pub spans: Vec<Span>,
    pub texts: Vec<Cow<'a, str>>,
    pub trajectory: Trajectory,
    calls: Vec<CallOf<'a>>,
    /// The calls as values, once somebody asks.
    arguments: OnceLock<Vec<Option<Value>>>,
}

/// Whose session it is, for remembering what it has seen. Two principals share none, whatever they call it.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub session: String,
    /// The session's name is made of how its conversation begins.
    pub derived: bool,
    pub key: String,
    /// The principal's id, and the one who really asks.
    pub principal: String,
    pub requester: String,
    pub workflow: String,
    /// The time of the request.
    pub at: Timestamp,
    /// The release that serves it, once that is known.
    pub release: Option<Digest>,
}

impl Scope {
    /// What a session of this name is remembered by.
    pub(crate) fn key_of(principal: &Principal, workflow: &str, session: &str) -> String {
        [&principal.id, principal.requester(), workflow, session].join("|")
    }

    /// The scope of a session of this name.
    pub fn of(principal: &Principal, workflow: &str, session: String, derived: bool, at: Timestamp) -> Self {
        let requester = principal.requester();
        Self {
            key: Self::key_of(principal, workflow, &session),
            session,
            derived,
            principal: principal.id.clone(),
            requester: requester.to_owned(),
            workflow: workflow.to_owned(),
            at,
            release: None,
        }
    }
}

impl Gateway {
    /// Labels everything the model is shown, knowing what its session was shown before.
    pub fn see<'a>(
        &self,
        bundle: &Bundle,
        workflow: &Workflow,
        scope: &Scope,
        shown: Vec<Shown<'a>>,
    ) -> Context<'a> {
        see_again(bundle, workflow, &self.results, &self.sessions, scope, shown)
    }

    /// The spans that this session's record does not have yet, with previews.
    pub fn fresh(&self, scope: &Scope, context: &Context<'_>) -> Vec<Span> {
        let unseen = self.sessions.unseen(&scope.key, &context.spans);
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
    label::Reader { bundle, workflow, results, past: None }.read(shown)
}

/// The same in a session: texts keep the labels of their first sight, and what the session saw goes on.
pub fn see_again<'a>(
    bundle: &Bundle,
    workflow: &Workflow,
    results: &Results,
    sessions: &Sessions,
    scope: &Scope,
    shown: Vec<Shown<'a>>,
) -> Context<'a> {
    let past = Some(label::Past { sessions, scope });
    label::Reader { bundle, workflow, results, past }.read(shown)
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
        Prepared::new(&self.traced(bundle))
    }

    /// The same, with the texts that are ready from an earlier request.
    pub fn prepare_with<'b>(&'b self, bundle: &'b Bundle, ready: &Ready) -> Prepared<'b> {
        Prepared::with(&self.traced(bundle), |traced| ready.text(&traced.span.address, traced.text))
    }

    fn traced<'b>(&'b self, bundle: &'b Bundle) -> Vec<TracedSpan<'b>> {
        let said = |call: &CallOf<'_>| match call {
            CallOf::Said(text) => serde_json::from_str(text).ok(),
            CallOf::Unknown | CallOf::Known(_) => None,
        };
        let arguments = self.arguments.get_or_init(|| self.calls.iter().map(said).collect());
        let traced = |(n, span): (usize, &'b Span)| TracedSpan {
            span,
            text: &self.texts[n],
            output: output(bundle, span),
            call: match &self.calls[n] {
                CallOf::Known(call) => Some(&**call),
                CallOf::Unknown | CallOf::Said(_) => arguments[n].as_ref(),
            },
        };
        self.spans.iter().enumerate().map(traced).collect()
    }

    fn push(&mut self, span: Span, text: Cow<'a, str>, call: CallOf<'a>) {
        let tool = span.source.strip_prefix("tool:").and_then(|tool| tool.parse::<ToolName>().ok());
        if let (Integrity::Untrusted, Some(tool)) = (span.label.integrity, tool)
            && !self.trajectory.untrusted_tools.contains(&tool)
        {
            self.trajectory.untrusted_tools.push(tool);
        }
        self.trajectory.unreleased |= span.kind == SpanKind::System
            && span.mark.as_deref() == Some(plimsoll_inspect::trace::UNRELEASED);
        // What a model said derives from what it saw; it adds nothing of its own to the join. A summary says what it
        // may cover.
        if span.kind != SpanKind::Assistant || span.mark.is_some() {
            self.trajectory.label = self.trajectory.label.join(&span.label);
        }
        self.spans.push(span);
        self.texts.push(text);
        self.calls.push(call);
        self.trajectory.spans = u32::try_from(self.spans.len()).unwrap_or(u32::MAX);
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
