//! One conversation with one tool server, in whichever era it speaks.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use plimsoll_bundle::{Bounds, Reach, Secret, Server};
use plimsoll_inspect::redact::Redactor;
use plimsoll_ledger::Warrant;
use plimsoll_wire::json::{Edit, Limits, OwnedDoc, Ref, parse};
use plimsoll_wire::jsonrpc::{self, Body, Frame, Id};
use plimsoll_wire::mcp::headers::{self, ParamHeader};
use plimsoll_wire::mcp::read::{Discover, Initialize, Meta};
use plimsoll_wire::mcp::render::{self, Identity};
use plimsoll_wire::mcp::translate::{self, Profile};
use plimsoll_wire::mcp::{Answer, Era, Method, Sender, Treatment, Version};
use serde_json::Value;

use super::super::UpstreamError;
use super::super::http::HttpClient;
use super::exchange::{Exchange, Listening};
use super::http::{HttpWire, Mark, Posted, Replies};
use super::live::Live;
use super::stdio::StdioWire;

/// Seconds a server may take to say which era it speaks before the other one is tried.
pub const PROBE_TIMEOUT_S: u64 = 10;

/// How long a server is left alone before a broken stream is taken up, where it does not say.
const RESUME_AFTER: Duration = Duration::from_secs(1);
/// However long it says.
const RESUME_AFTER_MAX: Duration = Duration::from_secs(10);

/// Who we are toward a server: a client's own words, or ours.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The era tried first.
    pub era: Era,
    /// The parameters of `initialize`, as JSON.
    initialize: String,
    /// What each request says in the stateless era.
    profile: Profile,
}

impl Hello {
    /// The gateway in its own name: for checks and for `plimsoll init`. It can answer nothing.
    #[must_use]
    pub fn own() -> Self {
        Self::with(Era::Stateless, Version::LATEST_SESSIONS.name(), "{}", None)
    }

    /// A client that opens a session. Its own words go on, without what the gateway can't carry.
    #[must_use]
    pub fn of_session(params: Ref<'_>, initialize: &Initialize<'_>) -> Self {
        let mut edit = Edit::new(params.doc());
        translate::narrow(&mut edit, initialize.capabilities, false);
        let version = Version::parse(&initialize.version).filter(|version| version.era() == Era::Sessions);
        if version.is_none()
            && let Some(said) = params.get("protocolVersion")
        {
            edit.replace_with_str(said, Version::LATEST_SESSIONS.name());
        }
        let own = Self::with(Era::Sessions, Version::LATEST_SESSIONS.name(), "{}", initialize.info);
        Self { initialize: render::inside(params, edit), ..own }
    }

    /// A client whose request stands alone.
    #[must_use]
    pub fn of_request(meta: Option<Meta<'_>>) -> Self {
        Self::with(Era::Stateless, Version::LATEST_SESSIONS.name(), "{}", meta.and_then(Meta::client_info))
    }

    /// Nothing is declared toward a server of the other era: what it would ask for could not be carried over.
    fn with(era: Era, version: &str, capabilities: &str, info: Option<Ref<'_>>) -> Self {
        let own = concat!(r#"{"name":"plimsoll","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);
        let info = info.map_or_else(|| own.to_owned(), |info| info.raw_str().to_owned());
        let initialize =
            format!(r#"{{"protocolVersion":"{version}","capabilities":{capabilities},"clientInfo":{info}}}"#);
        let profile =
            Profile { capabilities: capabilities.to_owned(), client_info: Some(info), log_level: None };
        Self { era, initialize, profile }
    }

    /// Without roots: a client must not widen what a child process may touch.
    fn without_roots(self) -> Self {
        let Ok(parsed) = parse(self.initialize.as_bytes(), &Limits::DEFAULT) else { return self };
        let Some(roots) = parsed.root().get("capabilities").and_then(|it| it.get("roots")) else {
            return self;
        };
        let mut edit = Edit::new(parsed.doc());
        edit.remove(roots);
        let initialize = String::from_utf8_lossy(&edit.apply()).into_owned();
        Self { initialize, ..self }
    }
}

/// Told what the server will know a request as, just before it goes out.
pub type Began<'a> = &'a (dyn Fn(&Id) + Sync);

/// Parameters of a tool that headers repeat.
#[derive(Clone, Debug, Default)]
pub struct Params(pub Vec<ParamHeader>);

impl Params {
    /// Those of a pinned schema. Unsound annotations count as none: such a tool is not listed anyway.
    #[must_use]
    pub fn of(schema: &Value) -> Self {
        Self(ParamHeader::of_schema(schema).unwrap_or_default())
    }
}

/// A request that is no act. There is none for `tools/call`.
#[derive(Clone, Copy, Debug)]
pub struct Unjudged<'f, 'a>(&'f Frame<'a>);

impl<'f, 'a> Unjudged<'f, 'a> {
    #[must_use]
    pub fn of(frame: &'f Frame<'a>) -> Option<Self> {
        let method = frame.method()?;
        let acts =
            [Era::Sessions, Era::Stateless].map(|era| Method::treat(Sender::Client, method, true, era));
        (!acts.contains(&Treatment::Judge)).then_some(Self(frame))
    }
}

/// One conversation.
#[derive(Debug)]
pub struct Link {
    server: Arc<Server>,
    wire: Wire,
    hello: Hello,
    pub(super) bounds: Bounds,
    agreed: RwLock<Arc<Agreed>>,
    reopening: tokio::sync::Mutex<()>,
    next_id: AtomicI64,
    pub(super) live: tokio::sync::Mutex<Option<Arc<Live>>>,
    pub(super) changed: AtomicBool,
}

#[derive(Debug)]
enum Wire {
    Http(HttpWire),
    Stdio(StdioWire),
}

/// What was agreed when the conversation began.
#[derive(Debug)]
pub struct Agreed {
    pub version: Version,
    session: Option<String>,
    pub identity: Identity,
    /// The server's own answer to `initialize` or `server/discover`.
    pub welcome: OwnedDoc,
}

impl Link {
    pub(super) async fn open(
        client: &HttpClient,
        redactor: &Redactor,
        server: &Arc<Server>,
        credential: Option<Secret>,
        bounds: Bounds,
        hello: Hello,
    ) -> Result<Self, UpstreamError> {
        let name = server.name.clone();
        let (wire, hello) = match &server.reach {
            Reach::Http { url } => (
                Wire::Http(HttpWire { client: client.clone(), name, url: url.clone(), credential, bounds }),
                hello,
            ),
            Reach::Stdio { .. } if client.is_recorded() => {
                let why = "a played conversation starts no program".to_owned();
                return Err(UpstreamError::Unreachable { name, why });
            }
            Reach::Stdio { command, env } => {
                (Wire::Stdio(StdioWire::start(&name, command, env, bounds, redactor)?), hello.without_roots())
            }
            Reach::Local => {
                let why = "its tools run inside the client".to_owned();
                return Err(UpstreamError::Unreachable { name, why });
            }
        };
        let next_id = AtomicI64::new(1);
        let agreed =
            Handshake { wire: &wire, name: &server.name, hello: &hello, bounds: &bounds, next_id: &next_id }
                .shake()
                .await?;
        Ok(Self {
            server: Arc::clone(server),
            wire,
            hello,
            bounds,
            agreed: RwLock::new(Arc::new(agreed)),
            reopening: tokio::sync::Mutex::default(),
            next_id,
            live: tokio::sync::Mutex::default(),
            changed: AtomicBool::new(false),
        })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.server.name
    }

    #[must_use]
    pub fn agreed(&self) -> Arc<Agreed> {
        Arc::clone(&self.agreed.read().unwrap_or_else(PoisonError::into_inner))
    }

    #[must_use]
    pub fn era(&self) -> Era {
        self.agreed().version.era()
    }

    /// Whether the server is a child process.
    #[must_use]
    pub const fn is_child(&self) -> bool {
        matches!(self.wire, Wire::Stdio(_))
    }

    /// Whether this still is the way to that server.
    pub(super) fn serves(&self, server: &Arc<Server>) -> bool {
        let dead = matches!(&self.wire, Wire::Stdio(wire) if wire.is_dead());
        Arc::ptr_eq(&self.server, server) && !dead
    }

    /// Sends a request that is no act.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn request(
        self: &Arc<Self>,
        request: Unjudged<'_, '_>,
        era: Era,
        began: Began<'_>,
    ) -> Result<Exchange, UpstreamError> {
        self.send(request.0, era, &Params::default(), began).await
    }

    /// Performs an act. The warrant is used up.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn call(
        self: &Arc<Self>,
        warrant: Warrant,
        frame: &Frame<'_>,
        era: Era,
        params: Params,
        began: Began<'_>,
    ) -> Result<Exchange, UpstreamError> {
        crate::upstream::spend(warrant, self.name())?;
        self.send(frame, era, &params, began).await
    }

    async fn send(
        self: &Arc<Self>,
        frame: &Frame<'_>,
        era: Era,
        params: &Params,
        began: Began<'_>,
    ) -> Result<Exchange, UpstreamError> {
        let nothing =
            || UpstreamError::Unreachable { name: self.name().to_owned(), why: "not a request".to_owned() };
        let (Some(client_id), Some(method)) = (frame.id(), frame.method()) else { return Err(nothing()) };
        let mut reopened = false;
        loop {
            let agreed = self.agreed();
            let (text, id) = self.outgoing(frame, era, &agreed)?;
            began(&id);
            let replies = match &self.wire {
                Wire::Stdio(wire) => {
                    let token = Meta::of(frame).and_then(Meta::progress_token);
                    let Id::Number(number) = id else { return Err(nothing()) };
                    wire.request(number, token, &text).await?
                }
                Wire::Http(wire) => {
                    let headers = match agreed.version.era() {
                        Era::Stateless => headers::for_request(frame, &params.0),
                        Era::Sessions => Vec::new(),
                    };
                    let version = Some(agreed.version.name());
                    match wire.post(text, version, agreed.session.as_deref(), &headers).await? {
                        Posted::Replies { replies, .. } => replies,
                        Posted::Accepted => {
                            let why = "a request was taken without an answer".to_owned();
                            return Err(UpstreamError::Garbage { name: self.name().to_owned(), why });
                        }
                        Posted::Gone if !reopened => {
                            Box::pin(self.reopen(&agreed)).await?;
                            reopened = true;
                            continue;
                        }
                        Posted::Gone => {
                            let why = "it forgets its sessions at once".to_owned();
                            return Err(UpstreamError::Refused { name: self.name().to_owned(), why });
                        }
                    }
                }
            };
            return Ok(Exchange::new(
                Arc::clone(self),
                replies,
                (client_id.clone(), id),
                era,
                method.to_owned(),
            ));
        }
    }

    /// The text that goes out, and the id it goes by. Where several clients could share one stream of answers, ids are
    /// ours; else the bytes stay as they are.
    fn outgoing(&self, frame: &Frame<'_>, era: Era, agreed: &Agreed) -> Result<(Bytes, Id), UpstreamError> {
        let mut text = match (era, agreed.version.era()) {
            (Era::Sessions, Era::Stateless) => translate::request_to_stateless(frame, &self.hello.profile),
            (Era::Stateless, Era::Sessions) => translate::request_to_session(frame),
            (Era::Stateless, Era::Stateless) => translate::narrowed(frame, self.is_child()),
            (Era::Sessions, Era::Sessions) => frame.root.raw().to_vec(),
        };
        let own_ids = self.is_child() || agreed.version.era() == Era::Sessions;
        let mut id = frame.id().cloned().unwrap_or(Id::Number(0));
        if own_ids {
            id = Id::Number(self.next_id.fetch_add(1, Ordering::Relaxed));
            text = reframed(&text, |frame| translate::with_id(frame, &id)).ok_or_else(|| {
                UpstreamError::Unreachable {
                    name: self.name().to_owned(),
                    why: "the request can't be readdressed".to_owned(),
                }
            })?;
        }
        Ok((text.into(), id))
    }

    /// Sends a notification, or an answer to something the server asked. Servers of the stateless era over HTTP take
    /// neither.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn tell(&self, text: Vec<u8>) -> Result<(), UpstreamError> {
        let agreed = self.agreed();
        match &self.wire {
            Wire::Stdio(wire) => wire.write(&text).await,
            Wire::Http(_) if agreed.version.era() == Era::Stateless => Ok(()),
            Wire::Http(wire) => {
                let version = Some(agreed.version.name());
                wire.post(text.into(), version, agreed.session.as_deref(), &[]).await.map(drop)
            }
        }
    }

    /// Tells the server that nobody here can answer what it asked.
    pub async fn decline(&self, ask: &OwnedDoc) {
        let Ok(Frame { body: Body::Request { id, method, .. }, .. }) = Frame::read(ask.root()) else {
            return;
        };
        let answer = match &*method {
            "ping" => Answer::empty(&id, self.agreed().version).body,
            "roots/list" if self.is_child() => Answer::no_roots(&id).body,
            _ => {
                let message = format!("the client did not declare that it can answer {method}");
                jsonrpc::error(Some(&id), jsonrpc::METHOD_NOT_FOUND, &message, None)
            }
        };
        if let Err(error) = self.tell(answer).await {
            tracing::debug!(server = self.name(), %error, "a server could not be told no");
        }
    }

    /// Opens the stream for what belongs to no request; `None` when the server has none.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn listen(self: &Arc<Self>) -> Result<Option<Listening>, UpstreamError> {
        let agreed = self.agreed();
        let replies = match &self.wire {
            Wire::Stdio(wire) => Some(wire.listen()),
            Wire::Http(_) if agreed.version.era() == Era::Stateless => None,
            Wire::Http(wire) => wire.listen(agreed.version.name(), agreed.session.as_deref(), None).await?,
        };
        Ok(replies.map(|replies| Listening::new(Arc::clone(self), replies)))
    }

    /// Takes up a stream that broke off, as servers of the sessions era let their clients do.
    pub(super) async fn resume(&self, mark: &Mark) -> Result<Option<Replies>, UpstreamError> {
        let agreed = self.agreed();
        match &self.wire {
            Wire::Http(wire) if agreed.version.era() == Era::Sessions => {
                tokio::time::sleep(mark.retry.unwrap_or(RESUME_AFTER).min(RESUME_AFTER_MAX)).await;
                wire.listen(agreed.version.name(), agreed.session.as_deref(), mark.id.as_deref()).await
            }
            _ => Ok(None),
        }
    }

    pub(super) fn forget(&self, id: &Id) {
        if let (Wire::Stdio(wire), Id::Number(number)) = (&self.wire, id) {
            wire.forget(*number);
        }
    }

    /// Why a conversation ended, as far as the other side said.
    pub(super) fn broken(&self) -> UpstreamError {
        let why = match &self.wire {
            Wire::Stdio(wire) => wire.last_words(),
            Wire::Http(_) => "the stream ended before the answer".to_owned(),
        };
        UpstreamError::Broken { name: self.name().to_owned(), why }
    }

    /// Ends the conversation in an orderly way.
    pub async fn goodbye(&self) {
        let agreed = self.agreed();
        match (&self.wire, &agreed.session) {
            (Wire::Http(wire), Some(session)) => wire.delete(agreed.version.name(), session).await,
            (Wire::Http(_), None) => {}
            (Wire::Stdio(wire), _) => wire.goodbye().await,
        }
    }

    /// Begins anew after the server forgot the session. Whoever comes second finds it done.
    async fn reopen(&self, lost: &Arc<Agreed>) -> Result<(), UpstreamError> {
        let _one_at_a_time = self.reopening.lock().await;
        if !Arc::ptr_eq(&self.agreed(), lost) {
            return Ok(());
        }
        let shake = Handshake {
            wire: &self.wire,
            name: self.name(),
            hello: &self.hello,
            bounds: &self.bounds,
            next_id: &self.next_id,
        };
        let agreed = shake.shake().await?;
        *self.agreed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(agreed);
        self.changed.store(true, Ordering::Release);
        Ok(())
    }
}

/// Reads a text again and changes it.
pub(super) fn reframed(text: &[u8], change: impl FnOnce(&Frame<'_>) -> Vec<u8>) -> Option<Vec<u8>> {
    let limits = Limits { bytes: usize::MAX, ..Limits::DEFAULT };
    let parsed = parse(text, &limits).ok()?;
    Frame::read(parsed.root()).ok().map(|frame| change(&frame))
}

/// Finding out which era a server speaks, and agreeing on a revision.
struct Handshake<'a> {
    wire: &'a Wire,
    name: &'a str,
    hello: &'a Hello,
    bounds: &'a Bounds,
    next_id: &'a AtomicI64,
}

impl Handshake<'_> {
    /// Tries the era of whoever speaks first, so that nothing needs translating where both speak it.
    async fn shake(&self) -> Result<Agreed, UpstreamError> {
        let first = match self.hello.era {
            Era::Sessions => self.initialize().await,
            Era::Stateless => self.discover().await,
        };
        match first {
            Ok(agreed) => Ok(agreed),
            Err(error @ UpstreamError::Unreachable { .. }) => Err(error),
            Err(first) => {
                tracing::debug!(server = self.name, %first, "a server does not speak the era tried first");
                match self.hello.era {
                    Era::Sessions => self.discover().await,
                    Era::Stateless => self.initialize().await,
                }
            }
        }
    }

    async fn initialize(&self) -> Result<Agreed, UpstreamError> {
        let (welcome, session) = self.ask("initialize", &self.hello.initialize, None).await?;
        let (version, identity) = self.read(&welcome, |result| {
            let read = Initialize::result(result).map_err(|error| error.to_string())?;
            let version = Version::parse(&read.version).filter(|version| version.era() == Era::Sessions);
            let version =
                version.ok_or_else(|| format!("it speaks the unknown revision {}", read.version))?;
            let identity = Identity {
                capabilities: render::capabilities(read.capabilities, true),
                server_info: read.info.map_or_else(|| "{}".to_owned(), |info| info.raw_str().to_owned()),
                instructions: read.instructions.map(|text| text.raw_str().to_owned()),
            };
            Ok((version, identity))
        })?;
        let done = jsonrpc::notification("notifications/initialized", None);
        match self.wire {
            Wire::Stdio(wire) => wire.write(&done).await?,
            Wire::Http(wire) => {
                drop(wire.post(done.into(), Some(version.name()), session.as_deref(), &[]).await?)
            }
        }
        Ok(Agreed { version, session, identity, welcome })
    }

    async fn discover(&self) -> Result<Agreed, UpstreamError> {
        let params = format!(r#"{{"_meta":{}}}"#, self.hello.profile.meta());
        let (welcome, _) = self.ask("server/discover", &params, Some(Version::LATEST.name())).await?;
        let identity = self.read(&welcome, |result| {
            let read = Discover::result(result).map_err(|error| error.to_string())?;
            if !read.versions.iter().any(|version| version == Version::LATEST.name()) {
                return Err(format!("it speaks none of the known revisions: {}", read.versions.join(", ")));
            }
            Ok(Identity {
                capabilities: render::capabilities(read.capabilities, true),
                server_info: read
                    .server_info
                    .map_or_else(|| "{}".to_owned(), |info| info.raw_str().to_owned()),
                instructions: read.instructions.map(|text| text.raw_str().to_owned()),
            })
        })?;
        Ok(Agreed { version: Version::LATEST, session: None, identity, welcome })
    }

    fn read<T>(
        &self,
        welcome: &OwnedDoc,
        f: impl FnOnce(Ref<'_>) -> Result<T, String>,
    ) -> Result<T, UpstreamError> {
        let garbage = |why: String| UpstreamError::Garbage { name: self.name.to_owned(), why };
        match Frame::read(welcome.root()).map_err(|error| garbage(error.to_string()))?.body {
            Body::Result { result, .. } => f(result).map_err(garbage),
            Body::Error { error, .. } => Err(UpstreamError::Refused {
                name: self.name.to_owned(),
                why: format!("{} ({})", error.message, error.code),
            }),
            Body::Request { .. } | Body::Notification { .. } => Err(garbage("not an answer".to_owned())),
        }
    }

    /// One question of our own; whatever else the server says meanwhile is passed over.
    async fn ask(
        &self,
        method: &str,
        params: &str,
        version: Option<&str>,
    ) -> Result<(OwnedDoc, Option<String>), UpstreamError> {
        let number = self.next_id.fetch_add(1, Ordering::Relaxed);
        let text = jsonrpc::request(&Id::Number(number), method, params);
        let asking = async {
            let (mut replies, session): (Replies, _) = match self.wire {
                Wire::Stdio(wire) => (wire.request(number, None, &text).await?, None),
                Wire::Http(wire) => {
                    let headers: &[(String, String)] = match version {
                        Some(_) => &[("mcp-method".to_owned(), method.to_owned())],
                        None => &[],
                    };
                    match wire.post(Bytes::from(text), version, None, headers).await? {
                        Posted::Replies { replies, session } => (replies, session),
                        Posted::Accepted | Posted::Gone => {
                            let why = format!("{method} was not answered");
                            return Err(UpstreamError::Garbage { name: self.name.to_owned(), why });
                        }
                    }
                }
            };
            loop {
                let Some(doc) = replies.next(self.name, self.bounds, None).await? else {
                    let why = match self.wire {
                        Wire::Stdio(wire) => wire.last_words(),
                        Wire::Http(_) => format!("{method} was not answered"),
                    };
                    return Err(UpstreamError::Broken { name: self.name.to_owned(), why });
                };
                if Frame::read(doc.root()).is_ok_and(|frame| frame.is_answer()) {
                    return Ok((doc, session));
                }
            }
        };
        let timeout = || UpstreamError::Timeout { name: self.name.to_owned(), after_s: PROBE_TIMEOUT_S };
        tokio::time::timeout(Duration::from_secs(PROBE_TIMEOUT_S), asking)
            .await
            .unwrap_or_else(|_| Err(timeout()))
    }
}
