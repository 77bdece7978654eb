//! Streamable HTTP: every message a POST, every answer one JSON text or a stream of events.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use plimsoll_bundle::{Bounds, Secret};
use plimsoll_wire::json::{Limits, OwnedDoc, parse};
use plimsoll_wire::sse;
use tokio::sync::mpsc;

use super::super::UpstreamError;
use super::super::http::{HttpClient, collect};
use super::super::pool::Reply;

/// One address of a tool server, with the credential for it.
#[derive(Clone, Debug)]
pub(super) struct HttpWire {
    pub client: HttpClient,
    pub name: String,
    pub url: String,
    pub credential: Option<Secret>,
    pub bounds: Bounds,
}

/// What a server answered to one POST.
#[derive(Debug)]
pub(super) enum Posted {
    /// Taken, and nothing to say (202).
    Accepted,
    /// Messages follow.
    Replies { replies: Replies, session: Option<String> },
    /// The session is gone (404 to a request that named one): it certainly was not acted upon.
    Gone,
}

/// The messages that answer one request.
#[derive(Debug)]
pub struct Replies {
    /// The HTTP status they came with; 200 where there is no HTTP.
    pub status: u16,
    source: Source,
}

#[derive(Debug)]
enum Source {
    One(Option<Box<OwnedDoc>>),
    Events {
        body: Box<Reply>,
        reader: sse::Reader,
        mark: Mark,
    },
    /// Messages one a line under the type of a single one: what a known test server makes of a subscription.
    Lines {
        body: Box<Reply>,
        held: BytesMut,
    },
    Pipe(mpsc::Receiver<OwnedDoc>),
}

/// How far a stream of events was read, so that it can be taken up again where it broke off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub id: Option<String>,
    /// How long the server wants to be left alone first.
    pub retry: Option<Duration>,
}

impl Mark {
    fn note(&mut self, event: &[u8]) {
        for line in event.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let Some((field, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':'))
            else {
                continue;
            };
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
                "retry" => self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry),
                _ => {}
            }
        }
    }
}

impl Replies {
    /// Whether messages come one after the other, rather than all at once.
    pub(super) const fn is_stream(&self) -> bool {
        matches!(self.source, Source::Events { .. } | Source::Lines { .. })
    }

    /// Where to go on when the stream has broken off; none where the server marks no places.
    pub(super) fn mark(&self) -> Option<Mark> {
        match &self.source {
            Source::Events { mark, .. } if mark.id.is_some() => Some(mark.clone()),
            _ => None,
        }
    }

    pub(super) fn one(status: u16, doc: OwnedDoc) -> Self {
        Self { status, source: Source::One(Some(Box::new(doc))) }
    }

    pub(super) const fn pipe(messages: mpsc::Receiver<OwnedDoc>) -> Self {
        Self { status: 200, source: Source::Pipe(messages) }
    }

    /// The next message; `None` when there are no more.
    pub(super) async fn next(
        &mut self,
        name: &str,
        bounds: &Bounds,
        patience: Option<Duration>,
    ) -> Result<Option<OwnedDoc>, UpstreamError> {
        let waiting = self.wait(name, bounds);
        match patience {
            None => waiting.await,
            Some(patience) => tokio::time::timeout(patience, waiting).await.unwrap_or_else(|_| {
                Err(UpstreamError::Timeout { name: name.to_owned(), after_s: patience.as_secs() })
            }),
        }
    }

    async fn wait(&mut self, name: &str, bounds: &Bounds) -> Result<Option<OwnedDoc>, UpstreamError> {
        let (body, reader, mark) = match &mut self.source {
            Source::One(doc) => return Ok(doc.take().map(|doc| *doc)),
            Source::Pipe(messages) => return Ok(messages.recv().await),
            Source::Lines { body, held } => return next_line(body, held, name, bounds).await,
            Source::Events { body, reader, mark } => (body, reader, mark),
        };
        loop {
            let too_large = |error: sse::EventTooLarge| UpstreamError::TooLarge {
                name: name.to_owned(),
                bound: error.limit,
            };
            if let Some(event) = reader.next_event().map_err(too_large)? {
                mark.note(&event.bytes);
                // An event without data only marks a place; other names are not MCP.
                let ours = event.name().is_none_or(|name| name == "message");
                match event.data.filter(|data| ours && !data.is_empty()) {
                    Some(data) => return read(data, name, bounds).map(Some),
                    None => continue,
                }
            }
            match chunk(body, name).await? {
                Some(chunk) => reader.push(&chunk),
                None => return Ok(None),
            }
        }
    }
}

/// The next bytes of a body.
async fn chunk(body: &mut Reply, name: &str) -> Result<Option<Bytes>, UpstreamError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) => {
                return Err(UpstreamError::Broken {
                    name: name.to_owned(),
                    why: super::super::http::chain(&error),
                });
            }
        }
    }
}

async fn next_line(
    body: &mut Reply,
    held: &mut BytesMut,
    name: &str,
    bounds: &Bounds,
) -> Result<Option<OwnedDoc>, UpstreamError> {
    loop {
        if let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let line = held.split_to(end + 1).freeze();
            if !line.trim_ascii().is_empty() {
                return read(line, name, bounds).map(Some);
            }
            continue;
        }
        if held.len() > bounds.response_bytes {
            return Err(UpstreamError::TooLarge { name: name.to_owned(), bound: bounds.response_bytes });
        }
        match chunk(body, name).await? {
            Some(chunk) => held.extend_from_slice(&chunk),
            None if held.trim_ascii().is_empty() => return Ok(None),
            None => return read(held.split().freeze(), name, bounds).map(Some),
        }
    }
}

/// Reads one message of a server, strictly.
pub(super) fn read(text: Bytes, name: &str, bounds: &Bounds) -> Result<OwnedDoc, UpstreamError> {
    let limits = Limits { bytes: bounds.response_bytes, depth: bounds.json_depth, ..Limits::DEFAULT };
    parse(text, &limits).map_err(|error| match error.kind.is_limit() {
        true => UpstreamError::TooLarge { name: name.to_owned(), bound: bounds.response_bytes },
        false => UpstreamError::Garbage { name: name.to_owned(), why: error.to_string() },
    })
}

impl HttpWire {
    /// Sends one message.
    pub(super) async fn post(
        &self,
        body: Bytes,
        version: Option<&str>,
        session: Option<&str>,
        headers: &[(String, String)],
    ) -> Result<Posted, UpstreamError> {
        let mut request = self
            .request(Method::POST, version, session)?
            .body(Full::new(body))
            .map_err(|e| self.unsent(&e))?;
        let map = request.headers_mut();
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        map.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        for (name, value) in headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|e| self.unsent(&e))?;
            map.insert(name, HeaderValue::try_from(value.as_str()).map_err(|e| self.unsent(&e))?);
        }
        let response = self.client.send(&self.name, request, self.bounds.upstream_timeout_s).await?;
        let subscribes =
            headers.iter().any(|(name, value)| name == "mcp-method" && value == "subscriptions/listen");
        self.posted(response, session.is_some(), subscribes).await
    }

    async fn posted(
        &self,
        response: Response<Reply>,
        in_session: bool,
        subscribes: bool,
    ) -> Result<Posted, UpstreamError> {
        let status = response.status().as_u16();
        if status == 404 && in_session {
            return Ok(Posted::Gone);
        }
        let session =
            response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match (status, kind.as_str()) {
            (200, "text/event-stream") => {
                let reader = sse::Reader::new(self.bounds.response_bytes);
                let source =
                    Source::Events { body: Box::new(response.into_body()), reader, mark: Mark::default() };
                Ok(Posted::Replies { replies: Replies { status, source }, session })
            }
            (200, "application/json") if subscribes => {
                let source = Source::Lines { body: Box::new(response.into_body()), held: BytesMut::new() };
                Ok(Posted::Replies { replies: Replies { status, source }, session })
            }
            (200 | 400..=499, "application/json") => {
                let text = collect(
                    &self.name,
                    response.into_body(),
                    self.bounds.response_bytes,
                    self.bounds.idle_timeout_s,
                )
                .await?;
                match read(text, &self.name, &self.bounds) {
                    Ok(doc) => Ok(Posted::Replies { replies: Replies::one(status, doc), session }),
                    Err(error) if status == 200 => Err(error),
                    Err(_) => Err(self.refused(status)),
                }
            }
            (202 | 204, _) => Ok(Posted::Accepted),
            (200..=299, other) => Err(UpstreamError::Garbage {
                name: self.name.clone(),
                why: format!("an answer of the type `{other}`"),
            }),
            // A gateway in between may say 502 or 504 about something that did happen.
            (500..=599, _) => {
                Err(UpstreamError::Broken { name: self.name.clone(), why: format!("HTTP {status}") })
            }
            _ => Err(self.refused(status)),
        }
    }

    /// Opens the stream for what belongs to no request, or takes up one that broke off `after` an event. `None` when
    /// the server offers none.
    pub(super) async fn listen(
        &self,
        version: &str,
        session: Option<&str>,
        after: Option<&str>,
    ) -> Result<Option<Replies>, UpstreamError> {
        let mut request = self
            .request(Method::GET, Some(version), session)?
            .body(Full::default())
            .map_err(|e| self.unsent(&e))?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(after) = after.and_then(|after| HeaderValue::try_from(after).ok()) {
            request.headers_mut().insert(HeaderName::from_static("last-event-id"), after);
        }
        let response = self.client.send(&self.name, request, self.bounds.upstream_timeout_s).await?;
        match response.status().as_u16() {
            200 => {
                let reader = sse::Reader::new(self.bounds.response_bytes);
                Ok(Some(Replies {
                    status: 200,
                    source: Source::Events {
                        body: Box::new(response.into_body()),
                        reader,
                        mark: Mark::default(),
                    },
                }))
            }
            405 | 404 | 400 => Ok(None),
            status => Err(self.refused(status)),
        }
    }

    /// Says that a session is over. Nobody waits for the answer.
    pub(super) async fn delete(&self, version: &str, session: &str) {
        let Ok(request) = self.request(Method::DELETE, Some(version), Some(session)) else { return };
        let Ok(request) = request.body(Full::default()) else { return };
        let _ended_either_way = self.client.send(&self.name, request, 5).await;
    }

    fn request(
        &self,
        method: Method,
        version: Option<&str>,
        session: Option<&str>,
    ) -> Result<http::request::Builder, UpstreamError> {
        let mut request = Request::builder().method(method).uri(&self.url);
        request = request.header(USER_AGENT, concat!("plimsoll/", env!("CARGO_PKG_VERSION")));
        if let Some(version) = version {
            request = request.header("mcp-protocol-version", version);
        }
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        if let Some(credential) = &self.credential {
            let secret = credential.reveal();
            // A secret that names its scheme keeps it.
            let value = if secret.contains(' ') { secret.to_owned() } else { format!("Bearer {secret}") };
            let mut value = HeaderValue::try_from(value)
                .map_err(|_| self.unsent(&"the credential is not a header value"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        Ok(request)
    }

    fn refused(&self, status: u16) -> UpstreamError {
        UpstreamError::Refused { name: self.name.clone(), why: format!("HTTP {status}") }
    }

    fn unsent(&self, why: &dyn std::fmt::Display) -> UpstreamError {
        UpstreamError::Unreachable { name: self.name.clone(), why: why.to_string() }
    }
}
