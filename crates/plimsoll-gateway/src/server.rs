//! The data listener: sockets, the table of endpoints, and the refusals that come before any door.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use plimsoll_core::Code;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::caller::{Caller, Credentials};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// A body the gateway answers with.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Bytes of all headers of a request. What is larger gets 431.
pub const HEADER_BYTES: usize = 64 << 10;
/// Seconds to send the request's head: slow clients lose their connection.
pub const HEAD_TIMEOUT_S: u64 = 15;
/// Seconds that running requests get to end after a stop was asked for.
pub const DRAIN_S: u64 = 20;
/// Bytes of a refused request's body that are still taken in, so that its client reads the refusal.
pub const LEFT_BYTES: usize = 64 << 10;
/// Milliseconds for which the rest of a refused request is waited for.
pub const LEFT_MS: u64 = 250;

/// Every endpoint of the data listener. What is not here is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Live,
    Ready,
    Chat,
    Responses,
    Messages,
    CountTokens,
    Embeddings,
    Models,
    Mcp,
}

impl Endpoint {
    /// The table, for the manual and for tests that walk all of it: methods, path, endpoint.
    pub const TABLE: &'static [(&'static [Method], &'static str, Self)] = &[
        (&[Method::GET, Method::HEAD], "/health/live", Self::Live),
        (&[Method::GET, Method::HEAD], "/health/ready", Self::Ready),
        (&[Method::POST], "/v1/chat/completions", Self::Chat),
        (&[Method::POST], "/v1/responses", Self::Responses),
        (&[Method::POST], "/v1/messages", Self::Messages),
        (&[Method::POST], "/v1/messages/count_tokens", Self::CountTokens),
        (&[Method::POST], "/v1/embeddings", Self::Embeddings),
        (&[Method::GET], "/v1/models", Self::Models),
        (&[Method::GET], "/v1/models/{id}", Self::Models),
        (&[Method::POST, Method::GET, Method::DELETE], "/mcp", Self::Mcp),
        (&[Method::POST, Method::GET, Method::DELETE], "/mcp/{server}", Self::Mcp),
    ];

    /// Finds the endpoint and the value of its `{…}` part.
    pub fn find<'p>(method: &Method, path: &'p str) -> Result<(Self, Option<&'p str>), Refusal> {
        let mut other_method = false;
        for (methods, pattern, endpoint) in Self::TABLE {
            let Some(rest) = matched(pattern, path) else { continue };
            if methods.contains(method) {
                return Ok((*endpoint, rest));
            }
            other_method = true;
        }
        let why = if other_method { "has no such method" } else { "is unknown" };
        Err(Refusal::plain(Code::UnknownEndpoint, format!("the endpoint {method} {path} {why} here")))
    }
}

fn matched<'p>(pattern: &str, path: &'p str) -> Option<Option<&'p str>> {
    match pattern.split_once("{") {
        None => (pattern == path).then_some(None),
        Some((prefix, _)) => {
            path.strip_prefix(prefix).filter(|rest| !rest.is_empty() && !rest.contains('/')).map(Some)
        }
    }
}

/// What a door gets: the head, the body still to be read, and the id this request goes by.
#[derive(Debug)]
pub struct Arrival {
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Incoming,
    pub request: String,
}

impl Arrival {
    /// The credentials a client sent, in any of the places its SDK puts them.
    pub fn credentials(&self) -> Credentials<'_> {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = self.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| {
            let (scheme, secret) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
        });
        Credentials {
            secret: bearer.or_else(|| text("x-api-key")),
            on_behalf_of: text("x-plimsoll-on-behalf-of"),
            workflow: text("x-plimsoll-workflow"),
        }
    }

    /// Who asks. Of a request that is refused here the rest is taken in.
    pub async fn identify(&mut self, gateway: &Gateway) -> Result<Caller, Refusal> {
        let found = gateway.identify(self.credentials()).await;
        if found.is_err() {
            self.take_in().await;
        }
        found
    }

    /// Takes in the rest of a small request whose answer is known: a client whose connection is closed while it still
    /// writes may never read why.
    async fn take_in(&mut self) {
        let rest = async {
            let mut taken = 0;
            while taken < LEFT_BYTES
                && let Some(Ok(frame)) = self.body.frame().await
            {
                taken += frame.data_ref().map_or(0, Bytes::len);
            }
        };
        // Whoever is slower is cut off, as everybody with a larger request is.
        let _in_time = tokio::time::timeout(Duration::from_millis(LEFT_MS), rest).await;
    }

    /// The W3C trace id, when there is a well-formed one.
    pub fn trace(&self) -> Option<String> {
        let parent = self.headers.get("traceparent")?.to_str().ok()?;
        let id = parent.split('-').nth(1)?;
        (id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).then(|| id.to_owned())
    }

    /// Reads the body within bound and time.
    pub async fn read(body: Incoming, bound: usize, timeout_s: u64) -> Result<Bytes, Refusal> {
        let whole = Limited::new(body, bound).collect();
        match tokio::time::timeout(Duration::from_secs(timeout_s), whole).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                let message =
                    format!("the request body is larger than {bound} bytes (`bounds.request_bytes`)");
                Err(Refusal::plain(Code::TooLarge, message))
            }
            Ok(Err(error)) => {
                Err(Refusal::plain(Code::Malformed, format!("the request body broke off: {error}")))
            }
            Err(_) => {
                let message =
                    format!("the request body took longer than {timeout_s} s (`bounds.request_timeout_s`)");
                Err(Refusal::plain(Code::Malformed, message))
            }
        }
    }
}

/// Serves the data listener until `stop` changes, then lets running requests end.
///
/// # Errors
/// When the listener itself fails.
pub async fn serve(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let local = listener.local_addr()?;
    let graceful = hyper_util::server::graceful::GracefulShutdown::new();
    loop {
        let (stream, _peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors and the like: wait a moment, lose nobody who is connected.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            _ = stop.changed() => break,
        };
        stream.set_nodelay(true)?;
        let gateway = Arc::clone(&gateway);
        let service = service_fn(move |request| answer(Arc::clone(&gateway), local, request));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(HEAD_TIMEOUT_S))
            .max_buf_size(HEADER_BYTES.max(1 << 16))
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let drained = tokio::time::timeout(Duration::from_secs(DRAIN_S), graceful.shutdown()).await;
    if drained.is_err() {
        tracing::warn!("requests were still running after {DRAIN_S} s");
    }
    Ok(())
}

/// Serves one connection that is no socket: the pipe over which a recorded conversation is played.
pub(crate) async fn serve_one(gateway: Arc<Gateway>, pipe: tokio::io::DuplexStream) {
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let service = service_fn(move |request| answer(Arc::clone(&gateway), local, request));
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(pipe), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a recorded client's connection ended early");
    }
}

async fn answer(
    gateway: Arc<Gateway>,
    local: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let id = crate::ids::fresh().to_string();
    let before = gateway.metrics.in_flight.inc();
    let (head, body) = request.into_parts();
    let arrival = Arrival {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
        request: id.clone(),
    };
    let bound = gateway.standing.load().live.project.bounds.in_flight;
    let mut response = match usize::try_from(before) {
        // In a box, as the connection moves what it is given more than once.
        Ok(before) if before < bound => Box::pin(route(&gateway, local, arrival)).await,
        _ => Box::pin(overloaded(&gateway, arrival, bound)).await,
    };
    gateway.metrics.in_flight.dec();
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-plimsoll-request"), value);
    }
    Ok(response)
}

async fn route(gateway: &Arc<Gateway>, local: SocketAddr, arrival: Arrival) -> Response<Body> {
    let found = admit(gateway, local, &arrival.headers).and_then(|()| {
        Endpoint::find(&arrival.method, &arrival.path).map(|(e, rest)| (e, rest.map(str::to_owned)))
    });
    let (endpoint, rest) = match found {
        Ok(found) => found,
        Err(refusal) => return turned(gateway, arrival, &refusal).await,
    };
    match endpoint {
        Endpoint::Live => plain(StatusCode::OK, "live\n"),
        Endpoint::Ready => ready(gateway),
        Endpoint::Mcp => crate::tool_door::serve(gateway, rest.as_deref(), arrival).await,
        _ => crate::llm_door::serve(gateway, endpoint, rest.as_deref(), arrival).await,
    }
}

/// `Host` and `Origin` allow-lists: a page in somebody's browser must not reach a loopback listener.
fn admit(gateway: &Gateway, local: SocketAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    let standing = gateway.standing.load();
    let bundle = &standing.live;
    if headers.get_all(HOST).iter().count() > 1 {
        // Whoever stands before us may have looked at the other one (RFC 9112, 3.2).
        return Err(Refusal::plain(Code::Malformed, "the request names more than one host"));
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    // `[::1]` has colons of its own.
    let name = if host.ends_with(']') { host } else { host.rsplit_once(':').map_or(host, |(name, _)| name) };
    let name = name.trim_matches(['[', ']']);
    let is_own = matches!(name, "localhost" | "127.0.0.1" | "::1") || name == local.ip().to_string();
    if !is_own && !bundle.project.hosts.iter().any(|allowed| allowed == name || allowed == host) {
        let message = format!("the host `{host}` is not served here; add it to `hosts` in plimsoll.yaml");
        return Err(Refusal::plain(Code::NotAllowed, message));
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    // A page that came from here may come back: none does, as this listener serves no pages.
    let is_same = origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host));
    if is_same || bundle.project.origins.iter().any(|allowed| allowed == origin) {
        return Ok(());
    }
    let message = format!("the origin `{origin}` is not served here; add it to `origins` in plimsoll.yaml");
    Err(Refusal::plain(Code::NotAllowed, message))
}

/// More than the bound at once: refused at once, so that those within it are served.
async fn overloaded(gateway: &Gateway, arrival: Arrival, bound: usize) -> Response<Body> {
    let message = format!("{bound} requests are in flight already (`bounds.in_flight`); repeat later");
    turned(gateway, arrival, &Refusal::plain(Code::Overloaded, message)).await
}

/// A request that ended before a door: recorded without waiting, counted, answered.
async fn turned(gateway: &Gateway, mut arrival: Arrival, refusal: &Refusal) -> Response<Body> {
    gateway.note_turned(&arrival.request, refusal);
    arrival.take_in().await;
    crate::llm_door::render_plain(&arrival.path, refusal)
}

fn ready(gateway: &Gateway) -> Response<Body> {
    if let Some(why) = gateway.ledger.health().error() {
        return text(StatusCode::SERVICE_UNAVAILABLE, format!("every act is refused: {why}\n"));
    }
    let alarms = gateway.alarms(jiff::Timestamp::now());
    let alarms: String = alarms.iter().map(|alarm| format!("alarm: {alarm}\n")).collect();
    text(StatusCode::OK, format!("ready\n{alarms}"))
}

/// A short text answer.
pub fn plain(status: StatusCode, words: &'static str) -> Response<Body> {
    text(status, words)
}

fn text(status: StatusCode, words: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(words.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// A JSON answer.
pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A body that is already whole.
pub fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}
