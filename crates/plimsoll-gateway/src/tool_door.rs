//! The tool door: MCP over streamable HTTP, in both eras.
//!
//! `/mcp/<server>`, and `/mcp` where the workflow has one server. The door translates: it reads a message, holds its
//! headers against its body, finds its row in the [table of methods](plimsoll_wire::mcp::Method), and either answers,
//! passes it on, or puts it on the path. What the table does not know goes nowhere.
//!
//! Here Plimsoll holds the credentials, so what is refused here did not happen.

mod call;
mod ifc;
mod relay;
mod session;
mod stream;
mod talk;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method as HttpMethod, Response, StatusCode};
use plimsoll_bundle::Server;
use plimsoll_core::{Account, Code, ToolName};
use plimsoll_wire::json::{Edit, Limits, OwnedDoc, parse};
use plimsoll_wire::jsonrpc::{self, Body as Said, Frame, Id, Message, id_of};
use plimsoll_wire::mcp::read::{Initialize, Meta};
use plimsoll_wire::mcp::{
    Answer, Capabilities, Era, HeaderList, Method, Opening, Sender, Treatment, Turned, Version,
};
use plimsoll_wire::mcp::{render, translate};

use self::session::{Owner, Session, Sessions};
use self::talk::{Talk, number};
use crate::caller::Caller;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::server::{Arrival, Body, plain};
use crate::upstream::http::HttpClient;
use crate::upstream::mcp::McpUpstreams;
use crate::upstream::mcp::exchange::Coming;
use crate::upstream::mcp::link::Hello;

const SESSION_HEADER: &str = "mcp-session-id";

/// What the door remembers between requests.
#[derive(Debug)]
pub(crate) struct ToolDoor {
    pub upstreams: Arc<McpUpstreams>,
    sessions: Sessions,
}

impl ToolDoor {
    pub(crate) fn new(http: HttpClient, redactor: Arc<crate::redaction::Redaction>) -> Self {
        Self { upstreams: Arc::new(McpUpstreams::new(http, redactor)), sessions: Sessions::default() }
    }
}

/// Why a request ends before it reaches a server.
struct Turn {
    answer: Answer,
    /// What the record says.
    refusal: Refusal,
}

impl Turn {
    fn new(status: u16, id: Option<&Id>, refusal: Refusal) -> Box<Self> {
        let data = refusal.structured().to_string();
        let answer = Answer::error(status, id, number(refusal.code), &refusal.headline(), Some(&data));
        Box::new(Self { answer, refusal })
    }

    fn protocol(turned: &Turned, id: Option<&Id>) -> Box<Self> {
        let code = if turned.code == plimsoll_wire::mcp::code::HEADER_MISMATCH {
            Code::HeaderMismatch
        } else {
            Code::Malformed
        };
        let answer = Answer { status: turned.status, body: turned.render(id) };
        Box::new(Self { answer, refusal: Refusal::plain(code, turned.message.as_str()) })
    }

    fn invalid(status: u16, code: i64, id: Option<&Id>, why: &str) -> Box<Self> {
        Box::new(Self {
            answer: Answer::error(status, id, code, why, None),
            refusal: Refusal::plain(Code::Malformed, why),
        })
    }
}

/// Answers one request at the door.
pub(crate) async fn serve(gateway: &Arc<Gateway>, server: Option<&str>, arrival: Arrival) -> Response<Body> {
    let request = arrival.request.clone();
    match enter(gateway, server, arrival).await {
        Ok(response) => response,
        Err(turn) => {
            gateway.note_turned(&request, &turn.refusal);
            let mut response = stream::whole(turn.answer);
            if turn.refusal.code == Code::Unauthenticated {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            response
        }
    }
}

async fn enter(
    gateway: &Arc<Gateway>,
    server: Option<&str>,
    mut arrival: Arrival,
) -> Result<Response<Body>, Box<Turn>> {
    let caller = arrival.identify(gateway).await.map_err(|refusal| {
        let status = if refusal.code == Code::Unauthenticated { 401 } else { 403 };
        Turn::new(status, None, refusal)
    })?;
    let server = find_server(&caller, server)?;
    let owner = Owner {
        principal: caller.principal().id.clone(),
        requester: caller.principal().requester().to_owned(),
        workflow: caller.workflow().name.clone(),
        server: server.name.clone(),
    };
    let visitor = Visitor { gateway: Arc::clone(gateway), caller, server, owner };
    let head = Head { trace: arrival.trace(), request: arrival.request, headers: arrival.headers };
    match arrival.method {
        HttpMethod::GET => visitor.listen(&head).await,
        HttpMethod::DELETE => visitor.leave(&head),
        _ => visitor.post(&head, arrival.body).await,
    }
}

/// The server that a path names, if the workflow has it. Another's server is as unknown as none.
fn find_server(caller: &Caller, name: Option<&str>) -> Result<Arc<Server>, Box<Turn>> {
    let mut servers: Vec<&str> = caller.workflow().acts.keys().map(|tool| tool.server.as_str()).collect();
    servers.retain(|server| !matches!(*server, ToolName::LOCAL | ToolName::MODEL));
    servers.dedup();
    let known =
        |name: &str| servers.contains(&name).then(|| caller.bundle().servers.get(name)).flatten().cloned();
    let found = match (name, servers.as_slice()) {
        (Some(name), _) => known(name),
        (None, [only]) => known(only),
        (None, _) => None,
    };
    found.ok_or_else(|| {
        let list = servers.iter().map(|server| format!("/mcp/{server}")).collect::<Vec<_>>().join(", ");
        let text = format!("this endpoint is not one of the workflow's tool servers: {list}");
        Turn::new(404, None, Refusal::plain(Code::UnknownEndpoint, text))
    })
}

/// Somebody at the door, identified, before their message is read.
struct Visitor {
    gateway: Arc<Gateway>,
    caller: Caller,
    server: Arc<Server>,
    owner: Owner,
}

/// What came before the body.
struct Head {
    headers: HeaderMap,
    request: String,
    trace: Option<String>,
}

/// The headers that the protocol gives a meaning, as they came.
fn headers_of(arrival: &Head) -> Vec<(String, Vec<u8>)> {
    let ours = |name: &str| name.starts_with("mcp-") || matches!(name, "accept" | "content-type");
    let all = arrival.headers.iter().filter(|(name, _)| ours(name.as_str()));
    all.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

impl Visitor {
    /// The session that a request names. None when it names none; refused when it names one that is not theirs.
    fn session(&self, arrival: &Head, id: Option<&Id>) -> Result<Option<Arc<Session>>, Box<Turn>> {
        let mut named = arrival.headers.get_all(SESSION_HEADER).iter();
        let Some(value) = named.next() else { return Ok(None) };
        let found = value.to_str().ok().filter(|_| named.next().is_none());
        let found = found.and_then(|value| self.gateway.tool_door.sessions.find(value, &self.owner));
        found.map(Some).ok_or_else(|| {
            Turn::invalid(404, jsonrpc::INVALID_REQUEST, id, "Session not found: initialize again")
        })
    }

    fn needed(&self, arrival: &Head, id: Option<&Id>) -> Result<Arc<Session>, Box<Turn>> {
        self.session(arrival, id)?.ok_or_else(|| {
            Turn::invalid(
                400,
                jsonrpc::INVALID_REQUEST,
                id,
                "the Mcp-Session-Id header is missing: initialize first",
            )
        })
    }

    fn talk(
        &self,
        arrival: &Head,
        version: Version,
        session: Option<Arc<Session>>,
        meta: Option<Meta<'_>>,
    ) -> Result<Arc<Talk>, Box<Turn>> {
        let (caller, server) = self.aboard(session.as_deref())?;
        let (hello, capabilities) = match &session {
            Some(session) => (session.hello.clone(), session.capabilities),
            None => {
                let declared = meta.and_then(Meta::capabilities).map(Capabilities::read).unwrap_or_default();
                (Hello::of_request(meta), declared)
            }
        };
        Ok(Arc::new(Talk {
            gateway: Arc::clone(&self.gateway),
            caller,
            server,
            version,
            session,
            hello,
            capabilities,
            request: arrival.request.clone(),
            trace: arrival.trace.clone(),
            headers: headers_of(arrival),
        }))
    }

    /// The caller, and the server they named, under the release that serves this session: the one it began under. A
    /// request that stands alone is its requester's session.
    fn aboard(&self, session: Option<&Session>) -> Result<(Caller, Arc<Server>), Box<Turn>> {
        let standing = self.gateway.standing();
        let bundle = match session {
            Some(session) => standing.berth(&session.name, Some(&session.release)),
            None => standing.berth(&self.owner.alone(), None),
        };
        let refused = |refusal| Turn::new(403, None, refusal);
        let caller = self.caller.clone().moved(bundle).map_err(refused)?;
        let server = find_server(&caller, Some(&self.server.name))?;
        Ok((caller, server))
    }

    /// GET: the stream for what belongs to no request.
    async fn listen(self, arrival: &Head) -> Result<Response<Body>, Box<Turn>> {
        let headers = headers_of(arrival);
        let pairs: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        HeaderList::new(&pairs).get_acceptable().map_err(|turned| Turn::protocol(&turned, None))?;
        if arrival
            .headers
            .get("mcp-protocol-version")
            .is_some_and(|version| version.as_bytes() == Version::LATEST.name().as_bytes())
        {
            return Ok(plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "this revision has no stream of its own; use subscriptions/listen\n",
            ));
        }
        let session = self.needed(arrival, None)?;
        let talk = self.talk(arrival, session.version, Some(session), None)?;
        let upstream = |error: crate::upstream::UpstreamError| {
            Turn::new(502, None, Refusal::plain(error.code(), error.to_string()))
        };
        let link = talk.link(Account::Read).await.map_err(upstream)?;
        let Some(mut listening) = link.listen().await.map_err(upstream)? else {
            return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "the server offers no stream of its own\n"));
        };
        Ok(stream::feed(|outlet| async move {
            while let Some(coming) = tokio::select! {
                coming = listening.next() => coming,
                () = outlet.closed() => None,
            } {
                match coming {
                    Coming::Ask(ask) => talk.ask(&link, &ask, &outlet).await,
                    Coming::Notice(notice) => {
                        if let Some(text) = talk.notice(&link, &notice)
                            && !outlet.send(&text).await
                        {
                            break;
                        }
                    }
                    Coming::Answer(_) => {}
                }
            }
        }))
    }

    /// DELETE: the end of a session.
    fn leave(self, arrival: &Head) -> Result<Response<Body>, Box<Turn>> {
        let session = self.needed(arrival, None)?;
        if self.gateway.tool_door.sessions.close(&session.id, &self.owner).is_some() {
            self.gateway.tool_door.upstreams.end(&session.id);
        }
        Ok(plain(StatusCode::OK, ""))
    }

    /// POST: one message.
    async fn post(self, arrival: &Head, body: Incoming) -> Result<Response<Body>, Box<Turn>> {
        let headers = headers_of(arrival);
        let pairs: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let list = HeaderList::new(&pairs);
        if !list.is_json() {
            return Err(Turn::invalid(
                415,
                jsonrpc::INVALID_REQUEST,
                None,
                "Content-Type must be application/json",
            ));
        }
        list.post_acceptable().map_err(|turned| Turn::protocol(&turned, None))?;
        let doc = self.read(body).await?;
        let frame = match Message::read(doc.root()) {
            Ok(Message::Single(frame)) => frame,
            Ok(Message::Batch(_)) => {
                let why = "batches are not taken: send one message at a time";
                return Err(Turn::invalid(400, jsonrpc::INVALID_REQUEST, None, why));
            }
            Err(error) => {
                return Err(Turn::invalid(
                    400,
                    jsonrpc::INVALID_REQUEST,
                    id_of(doc.root()).as_ref(),
                    &error.to_string(),
                ));
            }
        };
        let turned = |turned: Turned| Turn::protocol(&turned, frame.id());
        let agreed = match self.session(arrival, frame.id()) {
            Ok(session) => session,
            // To a request that stands alone, a session's id means nothing.
            Err(gone) => match Opening::http(&list, &frame, None).map_err(turned)?.era() {
                Era::Stateless => None,
                Era::Sessions => return Err(gone),
            },
        };
        let opening =
            Opening::http(&list, &frame, agreed.as_ref().map(|session| session.version)).map_err(turned)?;
        match opening.era() {
            Era::Stateless => {
                let talk = self.talk(arrival, opening.version, None, Meta::of(&frame))?;
                Ok(self.dispatch(talk, &doc, &frame).await)
            }
            Era::Sessions if frame.method() == Some("initialize") => self.initialize(arrival, &frame).await,
            Era::Sessions => {
                let session = match agreed {
                    Some(session) => session,
                    None => self.needed(arrival, frame.id())?,
                };
                let talk = self.talk(arrival, session.version, Some(session), None)?;
                Ok(self.dispatch(talk, &doc, &frame).await)
            }
        }
    }

    async fn read(&self, body: Incoming) -> Result<OwnedDoc, Box<Turn>> {
        let bounds = self.caller.bundle().project.bounds;
        let text =
            Arrival::read(body, bounds.request_bytes, bounds.request_timeout_s).await.map_err(|refusal| {
                let status = if refusal.code == Code::TooLarge { 413 } else { 400 };
                Turn::new(status, None, refusal)
            })?;
        let limits = Limits { bytes: bounds.request_bytes, depth: bounds.json_depth, ..Limits::DEFAULT };
        parse(text, &limits)
            .map_err(|error| Turn::invalid(400, jsonrpc::PARSE_ERROR, None, &format!("Parse error: {error}")))
    }

    /// One message, by its row in the table.
    async fn dispatch(self, talk: Arc<Talk>, doc: &OwnedDoc, frame: &Frame<'_>) -> Response<Body> {
        let accepted = || plain(StatusCode::ACCEPTED, "");
        let (id, method) = match &frame.body {
            Said::Request { id, method, .. } => (id, method),
            Said::Notification { method, .. } => {
                take_notification(&talk, frame, method).await;
                return accepted();
            }
            Said::Result { id, .. } | Said::Error { id: Some(id), .. } => {
                take_answer(&talk, frame, id).await;
                return accepted();
            }
            Said::Error { id: None, .. } => return accepted(),
        };
        let owned = doc.clone();
        match Method::treat(Sender::Client, method, true, talk.era()) {
            Treatment::Judge => stream::respond(|outlet| call::call(talk, owned, outlet)).await,
            Treatment::Answer if &**method == "ping" => stream::whole(Answer::empty(id, talk.version)),
            Treatment::Pass | Treatment::Filter | Treatment::Answer => {
                stream::respond(|outlet| relay::relay(talk, owned, outlet)).await
            }
            Treatment::Ask | Treatment::Refuse => {
                let turned = Turned::unknown_method(method, talk.era());
                stream::whole(Answer { status: turned.status, body: turned.render(Some(id)) })
            }
        }
    }

    /// Opens a session on both sides.
    async fn initialize(self, arrival: &Head, frame: &Frame<'_>) -> Result<Response<Body>, Box<Turn>> {
        let invalid = |why: &str| Turn::invalid(400, jsonrpc::INVALID_PARAMS, frame.id(), why);
        let (Some(id), Some(params)) = (frame.id(), frame.params()) else {
            return Err(invalid("initialize has no params"));
        };
        let read = Initialize::params(frame).map_err(|error| invalid(&error.to_string()))?;
        let asked = Version::parse(&read.version).filter(|version| version.era() == Era::Sessions);
        let asked =
            asked.filter(|version| *version != Version::V2024_11_05).unwrap_or(Version::LATEST_SESSIONS);
        let hello = Hello::of_session(params, &read);
        let capabilities = Capabilities::read(read.capabilities);
        let unmade = |error: std::io::Error| {
            Turn::invalid(500, jsonrpc::INTERNAL_ERROR, frame.id(), &error.to_string())
        };
        let name = format!("mcp-{}", crate::ids::fresh());
        let release = self.gateway.standing.load().berth(&name, None).id;
        let session = Session::new(self.owner.clone(), name, release, asked, hello, capabilities);
        let session = Arc::new(session.map_err(unmade)?);
        let talk = self.talk(arrival, asked, Some(session), None)?;
        let link = talk.link(Account::Read).await.map_err(|error| {
            let refusal =
                Refusal::plain(error.code(), self.gateway.redactor.redact(&error.to_string()).into_owned());
            Turn::new(502, frame.id(), refusal)
        })?;
        let agreed = link.agreed();
        let (version, body) = match agreed.version.era() {
            Era::Stateless => (asked, agreed.identity.initialize(id, asked)),
            Era::Sessions => (agreed.version, welcome(&agreed.welcome, id)),
        };
        let Some(session) = &talk.session else { return Err(invalid("no session")) };
        let agreed = Arc::new(session.agreed(version));
        for gone in self.gateway.tool_door.sessions.open(Arc::clone(&agreed)) {
            self.gateway.tool_door.upstreams.end(&gone.id);
        }
        let mut response = stream::whole(Answer { status: 200, body });
        if let Ok(value) = HeaderValue::from_str(&agreed.id) {
            response.headers_mut().insert(HeaderName::from_static(SESSION_HEADER), value);
        }
        Ok(response)
    }
}

/// A server's own answer to `initialize`, under the client's id and without what the gateway does not carry.
fn welcome(doc: &OwnedDoc, id: &Id) -> Vec<u8> {
    let mut edit = Edit::new(doc.doc());
    if let Some(known) = doc.root().get("id") {
        edit.replace(known, id.to_json());
    }
    if let Some(capabilities) = doc.root().get("result").and_then(|result| result.get("capabilities")) {
        edit.replace(capabilities, render::capabilities(capabilities, false));
    }
    edit.apply()
}

/// Notifications of a client.
async fn take_notification(talk: &Talk, frame: &Frame<'_>, method: &str) {
    let Some(session) = &talk.session else { return };
    if method == "notifications/cancelled" {
        let id = frame.params().and_then(|params| params.get("requestId")).and_then(Id::read);
        let Some(running) = id.and_then(|id| session.running(&id)) else { return };
        let text = translate::with_cancelled_id(frame, &running.id);
        let told = running.link.tell(text).await;
        running.cancelled.notify_one();
        if let Err(error) = told {
            tracing::debug!(%error, "a cancellation did not reach its server");
        }
        return;
    }
    if Method::treat(Sender::Client, method, false, talk.era()) != Treatment::Pass {
        return;
    }
    let Ok(link) = talk.link(Account::Read).await else { return };
    let roots_of_child = method == "notifications/roots/list_changed" && link.is_child();
    if link.era() != talk.era() || roots_of_child {
        return;
    }
    if let Err(error) = link.tell(frame.root.raw().to_vec()).await {
        tracing::debug!(%error, method, "a notification did not reach its server");
    }
}

/// A client's answer to something its server asked. An answer to nothing goes nowhere.
async fn take_answer(talk: &Talk, frame: &Frame<'_>, id: &Id) {
    let Some(asked) = talk.session.as_ref().and_then(|session| session.answered(id)) else { return };
    let text = translate::with_id(frame, &asked.id);
    if let Err(error) = asked.link.tell(text).await {
        tracing::debug!(%error, "a client's answer did not reach its server");
    }
}
