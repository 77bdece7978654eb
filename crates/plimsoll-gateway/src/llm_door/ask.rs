//! Reading a request: who asks, what the model will be shown, what is asked for.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderMap;
use plimsoll_bundle::{Bundle, HostedTools, Model, Provider, Workflow};
use plimsoll_core::{Code, ContentOf, Digest, Door, Flow, Objection, Span, SpanKind, ToolName, Trajectory};
use plimsoll_wire::json::{self, Limits, Parsed};
use plimsoll_wire::llm::{Dialect, HostedTool, Request, Role, Runs, WireError};
use serde_json::json;

use super::actors::AskModel;
use super::prompt;
use super::session::{begins, scope};
use crate::caller::Caller;
use crate::content::{Said, kept};
use crate::context::{Ahead, Context, Filled, Scope, Shown};
use crate::gateway::Gateway;
use crate::path::{Proposal, Sight, act};
use crate::refusal::Refusal;
use crate::server::Arrival;
use crate::upstream::model::ModelRequest;

/// Headers of a request that are recorded with it: they decide what it means.
const SAID: [&str; 7] = [
    "x-plimsoll-session",
    "x-claude-code-session-id",
    "session_id",
    "session-id",
    "x-plimsoll-workflow",
    "anthropic-version",
    "anthropic-beta",
];
/// State members that only say how long the provider keeps things; they hide nothing from us.
const HARMLESS_STATE: [&str; 1] = ["store"];
/// Opaque content that the provider itself made and reads back.
const OWN_OPAQUE: [&str; 2] = ["encrypted_content", "redacted_thinking"];

/// A request that was read and is not yet proposed.
pub(super) struct Asked {
    pub streaming: bool,
    turn: Box<Turn>,
    objections: Vec<Objection>,
    fresh: Vec<Span>,
    detail: serde_json::Value,
    query: Option<String>,
    headers: HeaderMap,
    body: Bytes,
    trace: Option<String>,
    said: Option<Said>,
}

/// What the answer's judgement needs of the request. It keeps the request's own bytes, because the
/// origins of arguments are looked for in them.
pub(super) struct Turn {
    pub dialect: Dialect,
    pub caller: Caller,
    pub scope: Scope,
    pub request: String,
    pub trace: Option<String>,
    pub model: Arc<Model>,
    pub trajectory: Trajectory,
    pub parsed: Parsed<Bytes>,
    /// The released prompt that was put into it here.
    pub filled: Option<Filled>,
    /// What the model was shown, where it may call tools.
    pub context: Option<Arc<Context<'static>>>,
    /// What was read of a long context while the model thought.
    pub ahead: Arc<OnceLock<Ahead>>,
}

pub(super) async fn read(
    gateway: &Arc<Gateway>,
    dialect: Dialect,
    mut arrival: Arrival,
) -> Result<Asked, Refusal> {
    let caller = arrival.identify(gateway).await?;
    let trace = arrival.trace();
    let bounds = caller.bundle().project.bounds;
    let Arrival { query, headers, body, request: id, .. } = arrival;
    let body = Arrival::read(body, bounds.request_bytes, bounds.request_timeout_s).await?;
    let body = gateway.masked_request(&caller, body);
    let limits = Limits { bytes: bounds.request_bytes, depth: bounds.json_depth, ..Limits::DEFAULT };
    let malformed = |error: json::JsonError| Refusal::plain(Code::Malformed, error.to_string());
    let first = body.clone();
    let mut body = body;
    let mut parsed = json::parse(body.clone(), &limits).map_err(malformed)?;
    let unread = |error: WireError| Refusal::plain(Code::Malformed, error.to_string());
    // Which conversation it is says which release serves it, and only then is anything read by a release.
    let prompt = (dialect == Dialect::Responses).then(|| parsed.root().get_some("prompt")).flatten();
    let prompt = prompt.map(|prompt| Digest::of(prompt.raw()));
    let mut request = dialect.read_request(parsed.doc()).map_err(unread)?;
    let mut scope = scope(&headers, caller.principal(), caller.workflow(), &request, prompt);
    let caller = gateway.aboard(caller, &mut scope, begins(&request))?;
    let mut filled = None;
    if prompt.is_some()
        && let Some((with_text, prompt)) =
            prompt::filled_in(caller.bundle(), caller.workflow(), parsed.doc())?
    {
        // From here on it is as if the client had sent the text.
        parsed = json::parse(with_text.clone(), &limits).map_err(malformed)?;
        (body, filled) = (with_text, Some(prompt));
        request = dialect.read_request(parsed.doc()).map_err(unread)?;
    }

    let (bundle, workflow) = (caller.bundle(), caller.workflow());
    let model = model(bundle, workflow, dialect, &request.model)?;
    let shown = shown(bundle, workflow, &request, filled.as_ref());
    let context = gateway.see(bundle, workflow, &scope, shown);
    let objections = objections(bundle, workflow, &request);
    let fresh = gateway.fresh(&scope, &context);
    let may_call = !request.tools.is_empty();
    if context.trajectory.unreleased {
        gateway.saw_unreleased(&caller);
    }
    let detail = detail(dialect, &request, &context);
    let said = workflow.records().then(|| {
        let at = match &query {
            Some(query) => format!("{}?{query}", path(dialect)),
            None => path(dialect).to_owned(),
        };
        Said::new(ContentOf::Request, first, json!({ "path": at, "headers": kept(&headers, &SAID) }))
    });
    let body = outgoing(gateway, workflow, dialect, &parsed, &request, body)?;
    let (trajectory, streaming) = (context.trajectory.clone(), request.stream);
    let context = may_call.then(|| Arc::new(context.into_owned()));
    drop(request);
    let ahead = Arc::default();
    let turn = Box::new(Turn {
        dialect,
        caller,
        scope,
        request: id,
        trace: trace.clone(),
        model,
        trajectory,
        parsed,
        filled,
        context,
        ahead,
    });
    Ok(Asked { streaming, turn, objections, fresh, detail, query, headers, body, trace, said })
}

impl Asked {
    /// The proposal to converse, and what carries it out. A long context is read meanwhile.
    pub(super) fn propose(self, gateway: &Arc<Gateway>) -> Result<(Box<Turn>, Proposal, AskModel), Refusal> {
        let Self { turn, objections, fresh, detail, query, headers, body, trace, said, .. } = self;
        if let Some(context) = turn.context.clone().filter(|context| context.is_long()) {
            // While the model thinks. An answer that comes before it is done reads what it needs itself.
            let (bundle, ahead) = (Arc::clone(turn.caller.bundle()), Arc::clone(&turn.ahead));
            let gateway = Arc::clone(gateway);
            drop(tokio::task::spawn_blocking(move || {
                ahead.set(Ahead::read(context, &bundle, &gateway.ready))
            }));
        }
        let name = ToolName::new(ToolName::MODEL, turn.model.id.clone());
        let body_digest = gateway.grown.digest(&turn.scope.key, &body);
        let arguments = json!({ "model": detail["model"], "stream": detail["stream"], "body": body_digest });
        let proposal = Proposal {
            act: act(Door::Llm, name, arguments),
            session: turn.scope.session.clone(),
            request: turn.request.clone(),
            trace,
            sight: Sight::Context { trajectory: turn.trajectory.clone(), flow: Flow::default() },
            objections,
            drifts: Vec::new(),
            deferred: false,
            detail,
            fresh,
            said,
        };
        let path = match (path(turn.dialect), query) {
            (path, Some(query)) => format!("{path}?{query}"),
            (path, None) => path.to_owned(),
        };
        let ask = ModelRequest {
            model: Arc::clone(&turn.model),
            method: Method::POST,
            path,
            headers,
            body,
            timeout_s: turn.caller.bundle().project.bounds.upstream_timeout_s,
        };
        Ok((turn, proposal, AskModel { gateway: Arc::clone(gateway), ask }))
    }
}

impl Turn {
    /// The context again, for tracing the calls of a model that was offered no tools.
    ///
    /// # Errors
    /// When the request can't be read again.
    pub(super) fn read_again(&self, gateway: &Gateway) -> Result<Context<'_>, WireError> {
        let (bundle, workflow) = (self.caller.bundle(), self.caller.workflow());
        let request = self.dialect.read_request(self.parsed.doc())?;
        let shown = shown(bundle, workflow, &request, self.filled.as_ref());
        Ok(gateway.see(bundle, workflow, &self.scope, shown))
    }
}

/// The provider's path of a dialect.
pub(crate) const fn path(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "/v1/chat/completions",
        Dialect::Responses => "/v1/responses",
        Dialect::Messages => "/v1/messages",
    }
}

/// The declared model that serves a name and speaks the client's protocol.
pub(super) fn model(
    bundle: &Bundle,
    workflow: &Workflow,
    dialect: Dialect,
    name: &str,
) -> Result<Arc<Model>, Refusal> {
    let provider = match dialect {
        Dialect::Chat | Dialect::Responses => Provider::OpenAi,
        Dialect::Messages => Provider::Anthropic,
    };
    bundle.model_speaking(provider, workflow, name).cloned().ok_or_else(|| {
        let message = format!(
            "workflow `{}` has no model of this protocol that serves the name `{name}`",
            workflow.name
        );
        Refusal::plain(Code::NotInWorkflow, message)
    })
}

/// Every text of a request as a span to be.
fn shown<'a>(
    bundle: &Bundle,
    workflow: &Workflow,
    request: &Request<'a>,
    filled: Option<&'a Filled>,
) -> Vec<Shown<'a>> {
    let call_of = |id: &str| request.prior_calls.iter().rev().find(|call| call.id == id);
    let texts = request.pieces.iter().map(|piece| {
        let kind = match piece.role {
            Role::System | Role::Developer => SpanKind::System,
            Role::User => SpanKind::User,
            Role::Assistant => SpanKind::Assistant,
            // What nobody can place is treated like a result: untrusted.
            Role::Tool | Role::Other => SpanKind::Result,
        };
        let call = match kind {
            SpanKind::Result => piece.tool_call_id.as_deref().and_then(call_of),
            _ => None,
        };
        Shown {
            kind,
            text: piece.text.clone(),
            tool: call.map(|call| tool_name(bundle, workflow, &call.name)),
            call: call.map(|call| call.arguments.clone()),
            // It is the first item of the input, after the instructions.
            filled: filled.filter(|filled| piece.message_index == Some(0) && piece.text == filled.text),
        }
    });
    let opaque = request.opaque.iter().filter(|piece| !OWN_OPAQUE.contains(&&*piece.kind));
    let media = opaque.map(|piece| Shown {
        kind: SpanKind::Media,
        text: piece.kind.clone(),
        tool: None,
        call: None,
        filled: None,
    });
    texts.chain(media).collect()
}

/// The tool a client means by a name, or a name under `local` that nobody declared.
pub(super) fn tool_name(bundle: &Bundle, workflow: &Workflow, name: &str) -> ToolName {
    bundle
        .resolve_client_name(workflow, name)
        .unwrap_or_else(|_candidates| ToolName::new(ToolName::LOCAL, name))
}

/// Whether the tool door will judge this tool's calls itself.
pub(super) fn is_deferred(bundle: &Bundle, tool: &ToolName) -> bool {
    bundle.find_tool(tool).is_some() && !bundle.is_local(tool)
}

/// Hard reasons against the request as a whole.
fn objections(bundle: &Bundle, workflow: &Workflow, request: &Request<'_>) -> Vec<Objection> {
    let mut found = Vec::new();
    let mut object = |code, text| found.push(Objection { code, text });
    for tool in request.hosted.iter().filter(|tool| is_refused(workflow, tool)) {
        object(
            Code::HostedTool,
            format!("`{}` would run at the provider, where no gateway can see it", tool.kind),
        );
    }
    if workflow.hosted_tools != HostedTools::Approve {
        for approval in request.approvals.iter().filter(|approval| approval.approve) {
            object(
                Code::HostedTool,
                format!("`{}` would give the provider leave to run a tool", approval.request_id),
            );
        }
    }
    for state in request.hidden.iter().filter(|state| !HARMLESS_STATE.contains(&state.kind)) {
        let text = match state.kind {
            "prompt" => prompt::unreleased(bundle, workflow, state.item),
            kind => format!("`{kind}` refers to what the gateway can't see"),
        };
        object(Code::HiddenState, text);
    }
    if !workflow.media {
        for piece in request.opaque.iter().filter(|piece| !OWN_OPAQUE.contains(&&*piece.kind)) {
            object(
                Code::UnreadableContent,
                format!("content of the kind `{}` can't be read here", piece.kind),
            );
        }
    }
    found
}

/// Provider-run tools are refused unless the workflow strips them or can force the provider to ask.
fn is_refused(workflow: &Workflow, tool: &HostedTool<'_>) -> bool {
    tool.runs == Runs::AtProvider
        && match workflow.hosted_tools {
            HostedTools::Refuse => true,
            HostedTools::Strip => false,
            HostedTools::Approve => tool.kind != "mcp",
        }
}

/// The bytes that go out: the ones that came, unless a policy changes them.
fn outgoing(
    gateway: &Gateway,
    workflow: &Workflow,
    dialect: Dialect,
    parsed: &Parsed<Bytes>,
    request: &Request<'_>,
    body: Bytes,
) -> Result<Bytes, Refusal> {
    let hosted = request.hosted.iter().any(|tool| tool.runs == Runs::AtProvider);
    let changed = match workflow.hosted_tools {
        HostedTools::Strip if hosted => {
            Some(dialect.strip_hosted(parsed.doc(), |tool| tool.runs == Runs::AtProvider))
        }
        HostedTools::Approve if hosted => Some(dialect.force_approval(parsed.doc())),
        _ => None,
    };
    let body = match changed {
        Some(Ok(bytes)) => Bytes::from(bytes),
        Some(Err(error)) => return Err(Refusal::plain(Code::Malformed, error.to_string())),
        None => body,
    };
    Ok(match gateway.redactor.redact_bytes_of_json(&body) {
        Some(redacted) => {
            gateway.metrics.redactions.inc();
            Bytes::from(redacted)
        }
        None => body,
    })
}

/// What people ask for later.
fn detail(dialect: Dialect, request: &Request<'_>, context: &Context<'_>) -> serde_json::Value {
    let prompt = context.spans.iter().find_map(|span| span.source.strip_prefix("prompt:"));
    json!({
        "dialect": dialect.name(),
        "model": request.model,
        "stream": request.stream,
        "tools": request.tools.len(),
        "prompt": prompt,
        "spans": context.spans.len(),
        "unknown_content": request.unknown.iter().map(|unknown| unknown.path.clone()).take(8).collect::<Vec<_>>(),
    })
}
