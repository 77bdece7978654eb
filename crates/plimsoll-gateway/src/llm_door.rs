//! The LLM door: OpenAI Chat Completions and Responses, Anthropic Messages, and what belongs to them.
//!
//! It reads a request into spans and a proposal to converse, and each tool call of the answer into a
//! proposal of its own; it puts verdicts back into the same protocol. It never decides.

mod actors;
mod answer;
pub(crate) mod ask;
mod others;
mod prompt;
mod session;
mod stream;

pub(crate) use actors::AskModel;
use actors::{Answered, Converse};
pub(crate) use ask::path;

use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use plimsoll_core::Code;
use plimsoll_wire::llm::{Dialect, ErrorBody};

use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::server::{Arrival, Body, Endpoint, json};

/// Serves one request of this door.
pub(crate) async fn serve(
    gateway: &Arc<Gateway>,
    endpoint: Endpoint,
    rest: Option<&str>,
    arrival: Arrival,
) -> Response<Body> {
    let dialect = dialect(endpoint, &arrival);
    let request = arrival.request.clone();
    let answered = match endpoint {
        Endpoint::Chat | Endpoint::Responses | Endpoint::Messages => {
            converse(gateway, dialect, arrival).await
        }
        Endpoint::CountTokens | Endpoint::Embeddings => {
            others::forward(gateway, endpoint, dialect, arrival).await
        }
        _ => others::models(gateway, dialect, rest, &arrival).await,
    };
    let answered = answered.unwrap_or_else(|refusal| {
        if refusal.entry.is_none() {
            gateway.note_turned(&request, &refusal);
        }
        render(dialect, &request, &refusal)
    });
    counted(gateway, answered)
}

async fn converse(
    gateway: &Arc<Gateway>,
    dialect: Dialect,
    arrival: Arrival,
) -> Result<Response<Body>, Refusal> {
    let asked = ask::read(gateway, dialect, arrival).await?;
    let streaming = asked.streaming;
    let (turn, proposal, ask) = asked.propose(gateway)?;
    let caller = turn.caller.clone();
    match gateway.pass(&caller, proposal, Converse { ask, turn, streaming }).await?? {
        Answered::Whole(response) => Ok(response),
        Answered::Stream(turn, begun) => {
            let (response, slip) = *begun;
            Ok(stream::answer(gateway, turn, response, slip))
        }
    }
}

fn counted(gateway: &Gateway, response: Response<Body>) -> Response<Body> {
    let labels = crate::metrics::RequestLabels { door: "llm", status: response.status().as_u16() };
    gateway.metrics.requests.get_or_create(&labels).inc();
    response
}

/// Which protocol's errors and models a client expects.
fn dialect(endpoint: Endpoint, arrival: &Arrival) -> Dialect {
    match endpoint {
        Endpoint::Messages | Endpoint::CountTokens => Dialect::Messages,
        Endpoint::Responses => Dialect::Responses,
        Endpoint::Models if arrival.headers.contains_key("anthropic-version") => Dialect::Messages,
        _ => Dialect::Chat,
    }
}

/// A refusal as an error of the client's protocol. Never 429 and never 5xx for a decision: clients
/// would retry it blindly.
pub(crate) fn render(dialect: Dialect, request: &str, refusal: &Refusal) -> Response<Body> {
    let status = status(dialect, refusal.code);
    let message = if refusal.decision.is_some() { refusal.text() } else { refusal.headline() };
    let error = ErrorBody {
        status: status.as_u16(),
        code: refusal.code.id(),
        message: &message,
        request_id: request,
    };
    let mut response = json(status, dialect.render_error(&error));
    if let Ok(value) = HeaderValue::from_str(request) {
        response.headers_mut().insert(HeaderName::from_static(dialect.request_id_header()), value);
    }
    response
}

/// The same where no door was reached: the path tells the protocol.
pub(crate) fn render_plain(path: &str, refusal: &Refusal) -> Response<Body> {
    let dialect = if path.starts_with("/v1/messages") { Dialect::Messages } else { Dialect::Chat };
    render(dialect, "", refusal)
}

/// The HTTP status of a code at this door. A request that policy turns away gets the one that the protocol's
/// clients take at once: Claude Code sends a 400 six times over, Codex a 403.
pub(crate) fn status(dialect: Dialect, code: Code) -> StatusCode {
    match code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::NotAllowed => StatusCode::FORBIDDEN,
        Code::UnknownEndpoint => StatusCode::NOT_FOUND,
        Code::NotInWorkflow => StatusCode::NOT_FOUND,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UpstreamFailed | Code::UpstreamGarbage => StatusCode::BAD_GATEWAY,
        Code::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        Code::RecordFailed | Code::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Code::Stopped | Code::Forbidden | Code::NotPermitted | Code::PolicyError | Code::Drifted => {
            match dialect {
                Dialect::Chat | Dialect::Messages => StatusCode::FORBIDDEN,
                Dialect::Responses => StatusCode::BAD_REQUEST,
            }
        }
        Code::RateLimited | Code::OverBudget | Code::HiddenState | Code::UnreadableContent
            if dialect == Dialect::Messages =>
        {
            StatusCode::FORBIDDEN
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Content type of an event stream.
pub(crate) fn event_stream() -> (HeaderName, HeaderValue) {
    (CONTENT_TYPE, HeaderValue::from_static(Dialect::EVENT_STREAM))
}
