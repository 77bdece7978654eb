//! What this door does with a warrant: ask a provider, or let a tool call out to the client.

use bytes::Bytes;
use hyper::Response;
use hyper::header::CONTENT_TYPE;
use plimsoll_core::Code;
use plimsoll_ledger::{Rehearsal, Warrant};

use crate::gateway::Gateway;
use crate::joins::{Join, JoinKey};
use crate::path::Actor;
use crate::record::{Report, Slip};
use crate::refusal::Refusal;
use crate::server::Body;
use crate::upstream::UpstreamError;
use crate::upstream::http::collect;
use crate::upstream::model::ModelRequest;
use crate::upstream::pool::Reply;
use std::sync::Arc;

use super::ask::Turn;

/// Bytes of an upstream's error body that are read for the record.
const ERROR_BYTES: usize = 64 << 10;

/// Asks the provider.
#[derive(Debug)]
pub(crate) struct AskModel {
    pub gateway: Arc<Gateway>,
    pub ask: ModelRequest,
}

/// An upstream that failed, with what the client is told.
#[derive(Debug)]
pub(crate) struct Failed {
    error: UpstreamError,
    intent: u64,
}

impl Failed {
    pub(crate) fn refusal(self) -> Refusal {
        Refusal { entry: Some(self.intent), ..Refusal::plain(self.error.code(), self.error.to_string()) }
    }
}

impl Actor for AskModel {
    type Done = Result<(Response<Reply>, Slip), Failed>;

    async fn act(self, warrant: Warrant, slip: Slip) -> Self::Done {
        match self.gateway.http.ask_model(warrant, self.ask).await {
            Ok(response) => Ok((response, slip)),
            Err(error) => {
                let intent = slip.intent();
                slip.close_soon(Report::failed(error.code(), error.to_string()));
                Err(Failed { error, intent })
            }
        }
    }

    /// Conversing is a safe act, and those are performed everywhere.
    async fn simulate(self, _rehearsal: Rehearsal, slip: Slip) -> Self::Done {
        let (name, why) = (self.ask.model.id.clone(), "a conversation is not simulated".to_owned());
        let error = UpstreamError::Unreachable { name, why };
        let intent = slip.intent();
        slip.close_soon(Report::failed(error.code(), error.to_string()));
        Err(Failed { error, intent })
    }
}

/// Asks the provider and judges its answer, all while the intent to ask is on the way to the disk: whoever gave this to
/// the path gets nothing of it before that is there. Of a stream it is only the head.
pub(super) struct Converse {
    pub ask: AskModel,
    pub turn: Box<Turn>,
    pub streaming: bool,
}

/// What the provider answered.
pub(super) enum Answered {
    Whole(Response<Body>),
    Stream(Box<Turn>, Box<(Response<Reply>, Slip)>),
}

impl Actor for Converse {
    type Done = Result<Answered, Refusal>;

    async fn act(self, warrant: Warrant, slip: Slip) -> Self::Done {
        let gateway = Arc::clone(&self.ask.gateway);
        let (response, slip) = self.ask.act(warrant, slip).await.map_err(Failed::refusal)?;
        if self.streaming && is_event_stream(&response) {
            return Ok(Answered::Stream(self.turn, Box::new((response, slip))));
        }
        super::answer::answer(&gateway, self.turn, response, slip).await.map(Answered::Whole)
    }

    async fn simulate(self, rehearsal: Rehearsal, slip: Slip) -> Self::Done {
        Err(self.ask.simulate(rehearsal, slip).await.map_or_else(Failed::refusal, |_| {
            Refusal::plain(Code::UpstreamFailed, "a conversation is not simulated")
        }))
    }
}

/// Lets one tool call out to the client. For tools that run in the client this *is* the act; for others
/// the tool door judges it again, and is told what was seen here.
#[derive(Debug)]
pub(super) struct Release {
    pub gateway: Arc<Gateway>,
    pub tool: plimsoll_core::ToolName,
    pub join: Option<(JoinKey, Join)>,
}

impl Actor for Release {
    /// What the client reads in place of a call that is kept back.
    type Done = Option<String>;

    async fn act(self, warrant: Warrant, slip: Slip) -> Self::Done {
        if let Some((key, join)) = self.join {
            self.gateway.joins.remember(key, join);
        }
        drop(warrant);
        slip.close_soon(Report::of(plimsoll_core::OutcomeStatus::Done, "handed to the client"));
        None
    }

    /// A tool in the client is not handed out: nothing here could keep it from running.
    async fn simulate(self, _rehearsal: Rehearsal, slip: Slip) -> Self::Done {
        slip.close_soon(Report::of(plimsoll_core::OutcomeStatus::Simulated, "not handed to the client"));
        Some(format!(
            "Simulated: `{}` was allowed, and this environment does not perform such acts.",
            self.tool
        ))
    }
}

pub(super) fn is_event_stream(response: &Response<Reply>) -> bool {
    response.status().is_success() && says_event_stream(response.headers())
}

pub(super) fn says_event_stream(headers: &hyper::HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"))
}

/// An upstream's own error, whole, to be passed on in its own form.
pub(super) async fn error_body(name: &str, response: Response<Reply>, timeout_s: u64) -> Bytes {
    collect(name, response.into_body(), ERROR_BYTES, timeout_s).await.unwrap_or_default()
}

/// The report of an answer that was an error of the provider's own.
pub(super) fn provider_error(status: u16) -> Report {
    Report::failed(Code::UpstreamFailed, format!("the provider answered with status {status}"))
}
