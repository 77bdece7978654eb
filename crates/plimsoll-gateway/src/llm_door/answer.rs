//! A whole answer: every call it proposes is judged before any byte of it leaves.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};
use plimsoll_bundle::declared;
use plimsoll_core::{Code, Door, Objection, OutcomeStatus, ToolName};
use plimsoll_inspect::trace::Prepared;
use plimsoll_wire::json::{self, Limits};
use plimsoll_wire::llm::{CallKind, Dialect, ToolCall, Usage};
use serde_json::{Value, json};

use super::actors::{Release, error_body, provider_error};
use super::ask::{Turn, is_deferred, tool_name};
use crate::authoriser::{self, ModelAuthoriser};
use crate::content::Said;
use crate::context::{Context, flow};
use crate::gateway::Gateway;
use crate::joins::{Join, JoinKey};
use crate::path::{Proposal, Sight, act};
use crate::record::{Report, Slip};
use crate::refusal::Refusal;
use crate::server::{Body, full};
use crate::upstream::http::collect;
use crate::upstream::pool::Reply;

/// Headers of the provider's answer that the client gets to see.
const PASSED: [&str; 8] = [
    "content-type",
    "openai-model",
    "openai-processing-ms",
    "openai-version",
    "request-id",
    "retry-after",
    "x-request-id",
    "x-should-retry",
];

pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    turn: Box<Turn>,
    response: Response<Reply>,
    slip: Slip,
) -> Result<Response<Body>, Refusal> {
    let bounds = turn.caller.bundle().project.bounds;
    let (mut head, body) = response.into_parts();
    head.headers = passed(&head.headers);
    if !head.status.is_success() {
        let response = Response::from_parts(head, body);
        let theirs = their_error(gateway, &turn.model.id, response, bounds.idle_timeout_s, slip);
        return Box::pin(theirs).await;
    }
    let intent = slip.intent();
    let fail = |slip: Slip, code: Code, why: String| {
        slip.close_soon(Report::failed(code, why.clone()));
        Refusal { entry: Some(intent), ..Refusal::plain(code, why) }
    };
    let body = match collect(&turn.model.id, body, bounds.response_bytes, bounds.upstream_timeout_s).await {
        Ok(body) => body,
        Err(error) => return Err(fail(slip, error.code(), error.to_string())),
    };
    slip.keep(|| Said::answer(head.status.as_u16(), &head.headers, body.clone()));
    let limits = Limits { bytes: bounds.response_bytes, ..Limits::DEFAULT };
    let parsed = match json::parse(body.clone(), &limits) {
        Ok(parsed) => parsed,
        Err(error) => return Err(fail(slip, Code::UpstreamGarbage, format!("the model's answer: {error}"))),
    };
    let read = match turn.dialect.read_response(parsed.doc()) {
        Ok(read) => read,
        Err(error) => return Err(fail(slip, Code::UpstreamGarbage, format!("the model's answer: {error}"))),
    };
    // Before its calls are judged: they are proposed by whoever this is.
    gateway.saw_answer(&turn.caller, &turn.model.id, read.model.as_deref(), read.fingerprint.as_deref());
    let refusals = match read.calls.is_empty() {
        true => Vec::new(),
        false => Box::pin(judge(gateway, &turn, &read.calls)).await,
    };
    let refused: Vec<(&ToolCall, &str)> = read
        .calls
        .iter()
        .zip(&refusals)
        .filter_map(|(call, refusal)| Some((call, refusal.as_deref()?)))
        .collect();
    let body = if refused.is_empty() {
        body
    } else {
        Bytes::from(turn.dialect.replace_calls(parsed.doc(), &refused))
    };
    let (body, redacted) = match gateway.redactor.redact_bytes_of_json(&body) {
        Some(clean) => (Bytes::from(clean), 1),
        None => (body, 0),
    };
    let mut report = Report::of(OutcomeStatus::Done, "");
    report.downstream = read.id.iter().map(|id| id.to_string()).collect();
    report.usage = usage(read.usage);
    report.redacted = redacted;
    slip.close_soon(report);
    Ok(assemble(head.status, &head.headers, body))
}

/// An error of the provider's own goes on in its own form, without secrets. What is no error (a redirect),
/// or holds a call that nobody judged, does not.
pub(super) async fn their_error(
    gateway: &Gateway,
    model: &str,
    response: Response<Reply>,
    timeout_s: u64,
    slip: Slip,
) -> Result<Response<Body>, Refusal> {
    let (status, headers) = (response.status(), passed(response.headers()));
    let streams = super::actors::says_event_stream(response.headers());
    let body = error_body(model, response, timeout_s).await;
    slip.keep(|| Said::answer(status.as_u16(), &headers, body.clone()));
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || streams || may_hold_call(&body) {
        let why = format!("the model answered with status {} and with what is no error", status.as_u16());
        let intent = slip.intent();
        slip.close_soon(Report::failed(Code::UpstreamGarbage, why.clone()));
        return Err(Refusal { entry: Some(intent), ..Refusal::plain(Code::UpstreamGarbage, why) });
    }
    slip.close_soon(provider_error(status.as_u16()));
    let text = String::from_utf8_lossy(&body);
    let clean = match gateway.redactor.redact(&text) {
        std::borrow::Cow::Borrowed(_) => body,
        std::borrow::Cow::Owned(clean) => Bytes::from(clean),
    };
    Ok(assemble(status, &headers, clean))
}

/// Whether a client could find a call in a body where none belongs. JSON that can't be read strictly counts.
pub(super) fn may_hold_call(body: &Bytes) -> bool {
    let is_json =
        body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|b| matches!(b, b'{' | b'['));
    let limits = Limits { bytes: usize::MAX, ..Limits::DEFAULT };
    match json::parse(body.clone(), &limits) {
        Ok(parsed) => [Dialect::Chat, Dialect::Responses, Dialect::Messages]
            .iter()
            .any(|dialect| dialect.read_response(parsed.doc()).is_ok_and(|read| !read.calls.is_empty())),
        Err(_) => is_json,
    }
}

/// Judges every call of an answer, in order. `None`: let it out; else the refusal's text.
pub(super) async fn judge(gateway: &Arc<Gateway>, turn: &Turn, calls: &[ToolCall]) -> Vec<Option<String>> {
    let proposed = |context: &Context<'_>, prepared: &Prepared<'_>| {
        let proposals: Vec<(Proposal, Release)> =
            calls.iter().map(|call| propose(gateway, turn, prepared, call)).collect();
        let words: Vec<String> =
            turn.caller.workflow().authoriser.iter().flat_map(|_| context.user_words()).collect();
        (proposals, words)
    };
    let bundle = turn.caller.bundle();
    let ahead = turn.ahead.get().and_then(|ahead| Some((ahead.context(), ahead.prepare(bundle)?)));
    let (proposals, words) = if let Some((context, prepared)) = ahead {
        proposed(context, &prepared)
    } else if let Some(context) = &turn.context {
        proposed(context, &context.prepare_with(bundle, &gateway.ready))
    } else {
        let Ok(context) = turn.read_again(gateway) else {
            return calls.iter().map(|_| Some("the request can't be read again".to_owned())).collect();
        };
        proposed(&context, &context.prepare_with(bundle, &gateway.ready))
    };
    let mut refusals = Vec::with_capacity(calls.len());
    for (mut proposal, mut release) in proposals {
        if turn.caller.workflow().authoriser.is_some() {
            Box::pin(authorise(gateway, turn, &words, &mut proposal, &mut release)).await;
        }
        let passed = gateway.pass(&turn.caller, proposal, release).await;
        refusals.push(passed.unwrap_or_else(|refusal| Some(refusal.text())));
    }
    refusals
}

/// Lets the workflow's authoriser say whether the user asked for this, where there is one and it may help.
async fn authorise(
    gateway: &Arc<Gateway>,
    turn: &Turn,
    words: &[String],
    proposal: &mut Proposal,
    release: &mut Release,
) {
    let (bundle, workflow) = (turn.caller.bundle(), turn.caller.workflow());
    let Some(model) = workflow.authoriser.as_ref().and_then(|id| bundle.models.get(id)) else { return };
    let Some(tool) = bundle.find_tool(&proposal.act.tool) else { return };
    let Sight::Context { flow, .. } = &proposal.sight else { return };
    let asking = ModelAuthoriser { gateway, caller: &turn.caller, model, about: proposal };
    let Some(intent) = authoriser::consult(&asking, &model.id, tool, flow, words).await else { return };
    if let Some((_, join)) = &mut release.join {
        join.flow.intent = intent.clone();
    }
    if let Sight::Context { flow, .. } = &mut proposal.sight {
        flow.intent = intent;
    }
}

fn propose(
    gateway: &Arc<Gateway>,
    turn: &Turn,
    prepared: &Prepared<'_>,
    call: &ToolCall,
) -> (Proposal, Release) {
    let (bundle, workflow) = (turn.caller.bundle(), turn.caller.workflow());
    let mut objections = Vec::new();
    let arguments = arguments(call).unwrap_or_else(|objection| {
        objections.push(objection);
        json!({ "unreadable": call.arguments })
    });
    let name = match call.kind {
        CallKind::Hosted | CallKind::Unknown => ToolName::new("hosted", call.name.clone()),
        _ => tool_name(bundle, workflow, &full_name(call)),
    };
    let tool = bundle.find_tool(&name);
    if matches!(call.kind, CallKind::Hosted | CallKind::Unknown) {
        let text = format!("`{}` would run where no gateway can see it", call.name);
        objections.push(Objection { code: Code::HostedTool, text });
    } else {
        objections.extend(declared::objections(bundle, workflow, &name, &arguments));
    }
    let found = flow(prepared, &arguments, tool.map(|t| &**t), &gateway.redactor.now());
    let mut act = act(Door::Llm, name.clone(), arguments);
    act.call_id = Some(call.id.clone());
    act.schema = tool.as_ref().and_then(|tool| tool.pin.as_ref()).map(|pin| pin.digest);
    let deferred = is_deferred(bundle, &name);
    let join = deferred.then(|| {
        let key = JoinKey {
            principal: turn.caller.principal().requester().to_owned(),
            workflow: workflow.name.clone(),
            tool: name,
            arguments: act.arguments_digest(),
        };
        let join = Join {
            session: turn.scope.session.clone(),
            act: act.id,
            flow: found.clone(),
            trajectory: turn.trajectory.clone(),
            release: Some(turn.caller.bundle().id),
            at: jiff::Timestamp::now(),
        };
        (key, join)
    });
    let proposal = Proposal {
        act,
        session: turn.scope.session.clone(),
        request: turn.request.clone(),
        trace: turn.trace.clone(),
        sight: Sight::Context { trajectory: turn.trajectory.clone(), flow: found },
        objections,
        drifts: Vec::new(),
        deferred,
        detail: json!({ "model": turn.model.id }),
        fresh: Vec::new(),
        said: None,
    };
    let tool = proposal.act.tool.clone();
    (proposal, Release { gateway: Arc::clone(gateway), tool, join })
}

fn full_name(call: &ToolCall) -> String {
    match &call.namespace {
        Some(namespace) => format!("{namespace}__{}", call.name),
        None => call.name.clone(),
    }
}

/// The arguments as the client will read them. Anything a second reader might take differently is
/// refused.
fn arguments(call: &ToolCall) -> Result<Value, Objection> {
    if call.kind == CallKind::Custom {
        return Ok(json!({ "input": call.arguments }));
    }
    if call.arguments.trim().is_empty() {
        return Ok(json!({}));
    }
    match json::parse(call.arguments.as_bytes(), &Limits::DEFAULT) {
        Ok(parsed) => Ok(parsed.root().to_value()),
        Err(error) => {
            Err(Objection { code: Code::InvalidArguments, text: format!("the arguments: {error}") })
        }
    }
}

pub(super) fn usage(usage: Usage) -> Value {
    json!({ "input_tokens": usage.input, "output_tokens": usage.output, "cached_tokens": usage.cached })
}

pub(super) fn passed(headers: &hyper::HeaderMap) -> hyper::HeaderMap {
    let mut out = hyper::HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| PASSED.contains(&name.as_str())) {
        if !out.contains_key(name) {
            out.insert(name, value.clone());
        }
    }
    out
}

pub(super) fn assemble(status: StatusCode, headers: &hyper::HeaderMap, body: Bytes) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers.clone();
    if !response.headers().contains_key(CONTENT_TYPE) {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    }
    response
}
