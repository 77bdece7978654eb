//! One request's circumstances: who asks, of which server, in which revision.

use std::sync::Arc;

use plimsoll_bundle::Server;
use plimsoll_core::{Account, Code, Digest, ToolName};
use plimsoll_wire::json::OwnedDoc;
use plimsoll_wire::jsonrpc::{Body, Frame, Id};
use plimsoll_wire::mcp::{Answer, Capabilities, Era, Method, Sender, Treatment, Version, translate};
use serde_json::Value;

use super::session::{Asked, Session};
use super::stream::Outlet;
use crate::caller::Caller;
use crate::gateway::Gateway;
use crate::joins::JoinKey;
use crate::refusal::Refusal;
use crate::upstream::UpstreamError;
use crate::upstream::mcp::link::{Hello, Link};

/// Everything that is known about a request before it is read further.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    pub gateway: Arc<Gateway>,
    pub caller: Caller,
    pub server: Arc<Server>,
    pub version: Version,
    pub session: Option<Arc<Session>>,
    pub hello: Hello,
    pub capabilities: Capabilities,
    /// The id this request goes by.
    pub request: String,
    pub trace: Option<String>,
    /// The headers that the protocol gives a meaning.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Talk {
    pub(super) const fn era(&self) -> Era {
        self.version.era()
    }

    /// The headers that the protocol gives a meaning, as they are recorded with a call.
    pub(super) fn said_headers(&self) -> serde_json::Value {
        let pairs =
            self.headers.iter().filter(|(name, _)| name.starts_with("mcp-") && name != "mcp-session-id");
        let text = |value: &[u8]| serde_json::Value::from(String::from_utf8_lossy(value));
        pairs.map(|(name, value)| (name.clone(), text(value))).collect::<serde_json::Map<_, _>>().into()
    }

    /// The same talk under the release that this call's proposal was made under: what a model proposed under one
    /// release is not judged by another.
    ///
    /// # Errors
    /// When that release does not let this caller in, or does not have the server.
    pub(super) async fn as_proposed(
        self: &Arc<Self>,
        tool: &ToolName,
        arguments: &Value,
    ) -> Result<Arc<Self>, Refusal> {
        let key = JoinKey {
            principal: self.caller.principal().requester().to_owned(),
            workflow: self.caller.workflow().name.clone(),
            tool: tool.clone(),
            arguments: Digest::of_json(arguments),
        };
        let Some(bundle) = self.gateway.aboard_of(&self.caller, &key).await else {
            return Ok(Arc::clone(self));
        };
        if bundle.id == self.caller.bundle().id {
            return Ok(Arc::clone(self));
        }
        let caller = self.caller.clone().moved(&bundle)?;
        let server = bundle.servers.get(&self.server.name).cloned();
        let server = server.ok_or_else(|| {
            let text = format!("the release does not have the tool server `{}`", self.server.name);
            Refusal::plain(Code::UnknownTool, text)
        })?;
        Ok(Arc::new(Self { caller, server, ..(**self).clone() }))
    }

    /// What the record calls the session.
    pub(super) fn session_name(&self) -> String {
        self.session.as_ref().map_or_else(String::new, |session| session.name.clone())
    }

    /// The conversation with the server in this client's name.
    pub(super) async fn link(&self, account: Account) -> Result<Arc<Link>, UpstreamError> {
        let lane = match &self.session {
            Some(session) => session.id.clone(),
            None => format!("alone:{}:{}", self.caller.workflow().name, self.caller.principal().requester()),
        };
        self.gateway
            .tool_door
            .upstreams
            .link(&lane, self.caller.bundle(), &self.server, account, &self.hello)
            .await
    }

    /// What a server said on its own, as this client should hear it.
    pub(super) fn notice(&self, link: &Arc<Link>, doc: &OwnedDoc) -> Option<Vec<u8>> {
        let frame = Frame::read(doc.root()).ok()?;
        let Body::Notification { method, params } = &frame.body else { return None };
        let (from, to) = (link.era(), self.era());
        let passes = [from, to]
            .iter()
            .all(|era| Method::treat(Sender::Server, method, false, *era) == Treatment::Pass);
        // A client that stands alone hears logs only if it asked for them, which the other era can't be told.
        let unasked = from == Era::Sessions && to == Era::Stateless && method != "notifications/progress";
        if !passes || unasked {
            tracing::debug!(server = link.name(), method = %method, "a notification that is not passed on");
            return None;
        }
        if method == "notifications/cancelled" {
            let id = params.and_then(|params| params.get("requestId")).and_then(Id::read)?;
            let known = self.session.as_ref()?.taken_back(link, &id)?;
            return Some(translate::with_cancelled_id(&frame, &known));
        }
        Some(frame.root.raw().to_vec())
    }

    /// Puts a server's question to the client, if it said that it can answer; else the server hears no.
    pub(super) async fn ask(&self, link: &Arc<Link>, doc: &OwnedDoc, outlet: &Outlet) {
        if !self.put(link, doc, outlet).await {
            link.decline(doc).await;
        }
    }

    async fn put(&self, link: &Arc<Link>, doc: &OwnedDoc, outlet: &Outlet) -> bool {
        let Ok(frame) = Frame::read(doc.root()) else { return false };
        let (Body::Request { id, method, params }, Some(session)) = (&frame.body, &self.session) else {
            return false;
        };
        let asks = Method::treat(Sender::Server, method, true, self.era()) == Treatment::Ask;
        let url = params.and_then(|params| params.get("mode")).is_some_and(|mode| mode.is_str("url"));
        let roots_of_child = method == "roots/list" && link.is_child();
        if !asks || roots_of_child || link.era() != self.era() || !self.capabilities.answers(method, url) {
            return false;
        }
        let Some(known) = session.ask(Asked { link: Arc::clone(link), id: id.clone() }) else { return false };
        if outlet.send(&translate::with_id(&frame, &known)).await {
            return true;
        }
        session.answered(&known);
        false
    }

    /// An upstream's failure, where no act was at stake.
    pub(super) fn failed(&self, id: &Id, error: &UpstreamError) -> Answer {
        self.refused(id, &Refusal::plain(error.code(), error.to_string()))
    }

    /// A refusal where no tool result can carry it.
    pub(super) fn refused(&self, id: &Id, refusal: &Refusal) -> Answer {
        let message = self.gateway.redactor.redact(&refusal.headline()).into_owned();
        Answer::error(200, Some(id), number(refusal.code), &message, Some(&refusal.structured().to_string()))
    }
}

/// A code of ours as JSON-RPC wants one: `PLM-0430` is 430, far from what the protocol reserves.
pub(super) fn number(code: Code) -> i64 {
    code.id().trim_start_matches("PLM-").parse().unwrap_or_default()
}
