//! The endpoints beside conversation: embeddings and token counts go to the provider and walk the same
//! path; the list of models is the release's own.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, Response, StatusCode};
use plimsoll_core::{Code, Door, Flow, OutcomeStatus, SpanKind, ToolName};
use plimsoll_wire::json::{self, Kind, Limits, Ref};
use plimsoll_wire::llm::Dialect;
use serde_json::json;

use super::actors::{AskModel, Failed, says_event_stream};
use super::answer::{assemble, may_hold_call, passed, their_error};
use super::ask::model;
use crate::context::{Scope, Shown, see};
use crate::gateway::Gateway;
use crate::path::{Proposal, Sight, act};
use crate::record::Report;
use crate::refusal::Refusal;
use crate::server::{Arrival, Body, Endpoint, json as json_answer};
use crate::upstream::http::collect;
use crate::upstream::model::ModelRequest;

/// Embeddings and token counts.
pub(super) async fn forward(
    gateway: &Arc<Gateway>,
    endpoint: Endpoint,
    dialect: Dialect,
    mut arrival: Arrival,
) -> Result<Response<Body>, Refusal> {
    let caller = arrival.identify(gateway).await?;
    let trace = arrival.trace();
    let bounds = caller.bundle().project.bounds;
    let Arrival { path, query, headers, body, request, .. } = arrival;
    let body = Arrival::read(body, bounds.request_bytes, bounds.request_timeout_s).await?;
    let body = gateway.masked_request(&caller, body);
    let limits = Limits { bytes: bounds.request_bytes, depth: bounds.json_depth, ..Limits::DEFAULT };
    let parsed =
        json::parse(body.clone(), &limits).map_err(|e| Refusal::plain(Code::Malformed, e.to_string()))?;
    if endpoint == Endpoint::CountTokens {
        dialect.read_request(parsed.doc()).map_err(|e| Refusal::plain(Code::Malformed, e.to_string()))?;
    }
    let name = parsed.root().get_str("model");
    let name = name.ok_or_else(|| Refusal::plain(Code::Malformed, "$.model must be a string"))?;
    let model = model(caller.bundle(), caller.workflow(), dialect, &name)?;
    let mut shown = Vec::new();
    texts(parsed.root(), &mut shown);
    // Each stands alone: nothing of it goes on.
    let context = see(caller.bundle(), caller.workflow(), &gateway.results, shown);
    let session =
        format!("{}-{}", if endpoint == Endpoint::Embeddings { "e" } else { "c" }, caller.principal().id);
    let scope = Scope { key: session.clone(), session: session.clone(), derived: true, ..Scope::default() };
    let fresh = gateway.fresh(&scope, &context);
    let body = gateway.redactor.redact_bytes_of_json(&body).map_or(body, Bytes::from);
    let proposal = Proposal {
        act: act(
            Door::Llm,
            ToolName::new(ToolName::MODEL, model.id.clone()),
            json!({ "endpoint": path, "body": plimsoll_core::Digest::of(&body) }),
        ),
        session,
        request,
        trace,
        sight: Sight::Context { trajectory: context.trajectory.clone(), flow: Flow::default() },
        objections: Vec::new(),
        drifts: Vec::new(),
        deferred: false,
        detail: json!({ "endpoint": path, "model": name }),
        fresh,
        said: None,
    };
    drop(context);
    let path = query.map_or(path.clone(), |query| format!("{path}?{query}"));
    let timeout_s = bounds.upstream_timeout_s;
    let ask =
        ModelRequest { model: Arc::clone(&model), method: Method::POST, path, headers, body, timeout_s };
    let actor = AskModel { gateway: Arc::clone(gateway), ask };
    let (response, slip) = gateway.pass(&caller, proposal, actor).await?.map_err(Failed::refusal)?;
    if !response.status().is_success() {
        return their_error(gateway, &model.id, response, bounds.idle_timeout_s, slip).await;
    }
    let (head, body) = response.into_parts();
    let headers = passed(&head.headers);
    let intent = slip.intent();
    let (code, why) = match collect(&model.id, body, bounds.response_bytes, timeout_s).await {
        // Numbers were asked for; a call, or a stream of them, has no business here.
        Ok(body) if says_event_stream(&headers) || may_hold_call(&body) => {
            (Code::UpstreamGarbage, format!("the model's answer is none to {endpoint:?}"))
        }
        Ok(body) => {
            slip.close_soon(Report::of(OutcomeStatus::Done, ""));
            return Ok(assemble(head.status, &headers, body));
        }
        Err(error) => (error.code(), error.to_string()),
    };
    slip.close_soon(Report::failed(code, why.clone()));
    Err(Refusal { entry: Some(intent), ..Refusal::plain(code, why) })
}

/// Every string of the body but its key names and model: what the provider is shown.
fn texts<'a>(value: Ref<'a>, out: &mut Vec<Shown<'a>>) {
    match value.kind() {
        Kind::String => {
            if let Some(text) = value.as_str() {
                out.push(Shown { kind: SpanKind::User, text, tool: None, call: None, filled: None });
            }
        }
        Kind::Array => value.items().for_each(|item| texts(item, out)),
        Kind::Object => {
            for (key, member) in value.members() {
                if !key.is_str("model") && !key.is_str("type") && !key.is_str("role") {
                    texts(member, out);
                }
            }
        }
        _ => {}
    }
}

/// The models of the caller's workflow, in the client's protocol. Nothing is asked of a provider.
pub(super) async fn models(
    gateway: &Arc<Gateway>,
    dialect: Dialect,
    id: Option<&str>,
    arrival: &Arrival,
) -> Result<Response<Body>, Refusal> {
    let caller = gateway.identify(arrival.credentials()).await?;
    let bundle = caller.bundle();
    let models = caller.workflow().models.iter().filter_map(|id| bundle.models.get(id));
    let names = models.flat_map(|model| model.names.iter()).filter(|name| !name.ends_with('*'));
    let entry = |name: &str| match dialect {
        Dialect::Messages => {
            json!({ "type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z" })
        }
        _ => json!({ "id": name, "object": "model", "created": 1_767_225_600, "owned_by": "plimsoll" }),
    };
    if let Some(id) = id {
        model(bundle, caller.workflow(), dialect, id)?;
        return Ok(json_answer(StatusCode::OK, entry(id).to_string()));
    }
    let data: Vec<_> = names.map(|name| entry(name)).collect();
    let (first, last) = (data.first().map(|m| m["id"].clone()), data.last().map(|m| m["id"].clone()));
    let body = match dialect {
        Dialect::Messages => json!({ "data": data, "has_more": false, "first_id": first, "last_id": last }),
        _ => json!({ "object": "list", "data": data }),
    };
    Ok(json_answer(StatusCode::OK, body.to_string()))
}
