//! What happens to one HTTP request at the MCP endpoint.
//!
//! A request is answered as plain JSON unless its service has something to say before the answer; then the answer
//! becomes an event stream that ends with it. A service keeps working when its client goes away, as real servers do:
//! that is how an act comes to be done although nobody saw the result.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::context::{Context, Era, Out};
use super::http::HttpOptions;
use super::hub::{Hub, Session};
use super::rpc::{self, Message, RpcError};
use super::service::Service;
use super::{SESSION_VERSIONS, dispatch, legacy, modern};
use crate::net::{self, Body, Feed, header_text};

/// The longest message that is read.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Messages that may wait between a service and its client.
const OUT_QUEUE: usize = 64;

pub(crate) struct Endpoint<S> {
    pub(crate) service: Arc<S>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) options: HttpOptions,
}

/// An answer that turns a request away; boxed, because most requests are not.
type Refusal = Box<Response<Body>>;

type Answered = Result<Response<Body>, Refusal>;

// === impl Endpoint ===

impl<S: Service> Endpoint<S> {
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let answered = match self.admit(&parts) {
            Err(refusal) => Err(refusal),
            Ok(()) if parts.method == Method::POST => match net::read_body(body, MAX_MESSAGE_BYTES).await {
                Ok(bytes) => self.post(&parts.headers, &bytes).await,
                Err(message) => {
                    Err(failure(StatusCode::PAYLOAD_TOO_LARGE, RpcError::INVALID_REQUEST, message))
                }
            },
            Ok(()) if parts.method == Method::GET => self.stream(&parts.headers),
            Ok(()) if parts.method == Method::DELETE => self.delete(&parts.headers),
            Ok(()) => Err(Box::new(net::empty(StatusCode::METHOD_NOT_ALLOWED))),
        };
        answered.unwrap_or_else(|refusal| *refusal)
    }

    fn admit(&self, parts: &Parts) -> Result<(), Refusal> {
        if !matches!(parts.uri.path(), "/mcp" | "/") {
            return Err(failure(StatusCode::NOT_FOUND, RpcError::INVALID_REQUEST, "the endpoint is /mcp"));
        }
        let host = header_text(&parts.headers, "host");
        let origin = header_text(&parts.headers, "origin");
        let strange = host.is_some_and(|host| !is_loopback(host))
            || origin
                .is_some_and(|origin| !origin.split_once("://").is_some_and(|(_, host)| is_loopback(host)));
        if strange && !self.options.any_host {
            return Err(failure(
                StatusCode::FORBIDDEN,
                RpcError::INVALID_REQUEST,
                "this Host or Origin is not allowed",
            ));
        }
        let shown =
            header_text(&parts.headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
        match self.service.required_token() {
            Some(token) if shown != Some(token) => {
                let mut refusal = failure(
                    StatusCode::UNAUTHORIZED,
                    RpcError::INVALID_REQUEST,
                    "a bearer token is required",
                );
                refusal
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"drill\""));
                Err(refusal)
            }
            _ => Ok(()),
        }
    }

    async fn post(&self, headers: &HeaderMap, bytes: &Bytes) -> Answered {
        let value = rpc::read(bytes).map_err(|error| bad_request(&Value::Null, &error))?;
        let id = value.get("id").cloned().unwrap_or(Value::Null);
        let message = rpc::sort(&value).map_err(|error| bad_request(&id, &error))?;
        let stateless = modern::is_stateless(headers, value.get("params"));
        match message {
            Message::Request { id, method, params } if stateless => {
                self.stateless(headers, id, method, params).await
            }
            Message::Request { id, method, params } if method == "initialize" => {
                self.initialize(&id, &params)
            }
            Message::Request { id, method, params } => self.in_session(headers, id, method, params).await,
            Message::Notification { .. } if stateless => Ok(net::empty(StatusCode::ACCEPTED)),
            Message::Notification { .. } => self.session(headers).map(|_| net::empty(StatusCode::ACCEPTED)),
            Message::Response { id, outcome } => {
                self.session(headers)?.answer(&id, outcome);
                Ok(net::empty(StatusCode::ACCEPTED))
            }
        }
    }

    async fn stateless(&self, headers: &HeaderMap, id: Value, method: String, params: Value) -> Answered {
        let checked = modern::check(&*self.service, headers, &method, &params);
        let client_capabilities = checked.map_err(|error| bad_request(&id, &error))?;
        let (out, queue) = mpsc::channel(OUT_QUEUE);
        let cx = self.context(Era::Stateless, headers, id, params, client_capabilities, None, out);
        Ok(self.run(cx, method, queue).await)
    }

    async fn in_session(&self, headers: &HeaderMap, id: Value, method: String, params: Value) -> Answered {
        let session = self.session(headers)?;
        let (out, queue) = mpsc::channel(OUT_QUEUE);
        let capabilities = session.client_capabilities.clone();
        let cx = self.context(Era::Sessions, headers, id, params, capabilities, Some(session), out);
        Ok(self.run(cx, method, queue).await)
    }

    fn initialize(&self, id: &Value, params: &Value) -> Answered {
        let (session, result) =
            legacy::initialize(&*self.service, &self.hub, params).map_err(|error| bad_request(id, &error))?;
        let mut response =
            net::json(StatusCode::OK, &json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        if let Ok(value) = HeaderValue::from_str(&session.id) {
            response.headers_mut().insert("mcp-session-id", value);
        }
        Ok(response)
    }

    #[expect(clippy::too_many_arguments, reason = "these are the fields of the context, once")]
    fn context(
        &self,
        era: Era,
        headers: &HeaderMap,
        id: Value,
        params: Value,
        client_capabilities: Value,
        session: Option<Arc<Session>>,
        out: mpsc::Sender<Out>,
    ) -> Context {
        let credential = header_text(headers, "authorization").map(str::to_owned);
        Context { era, id, params, client_capabilities, credential, session, hub: Arc::clone(&self.hub), out }
    }

    /// The session a request names.
    fn session(&self, headers: &HeaderMap) -> Result<Arc<Session>, Refusal> {
        let id = header_text(headers, "mcp-session-id").ok_or_else(|| {
            failure(StatusCode::BAD_REQUEST, -32000, "the Mcp-Session-Id header is required")
        })?;
        let session = self
            .hub
            .session(id)
            .ok_or_else(|| failure(StatusCode::NOT_FOUND, -32001, "there is no such session (any more)"))?;
        match header_text(headers, "mcp-protocol-version") {
            Some(version) if !SESSION_VERSIONS.contains(&version) => Err(failure(
                StatusCode::BAD_REQUEST,
                -32000,
                format!("this session speaks {}", session.version),
            )),
            _ => Ok(session),
        }
    }

    fn delete(&self, headers: &HeaderMap) -> Answered {
        let session = self.session(headers)?;
        self.hub.end(&session.id);
        Ok(net::empty(StatusCode::OK))
    }

    /// The standing stream of a session, for what belongs to no request.
    fn stream(&self, headers: &HeaderMap) -> Answered {
        if modern::is_stateless(headers, None) {
            return Err(Box::new(net::empty(StatusCode::METHOD_NOT_ALLOWED)));
        }
        self.session(headers)?;
        let mut changes = self.hub.changes();
        let (feed, body) = Body::fed();
        tokio::spawn(async move {
            let hello = feed.send(Ok(Bytes::from_static(b": open\n\n"))).await;
            while hello.is_ok() {
                let change = tokio::select! {
                    change = changes.recv() => change,
                    () = feed.closed() => break,
                };
                let Ok(change) = change else { continue };
                let note = json!({ "jsonrpc": "2.0", "method": change.method(), "params": change.params() });
                if feed.send(Ok(frame(&note.to_string()))).await.is_err() {
                    break;
                }
            }
        });
        Ok(net::event_stream(body))
    }

    /// Starts the service on a request and answers in whichever form its first word calls for.
    async fn run(&self, cx: Context, method: String, mut queue: mpsc::Receiver<Out>) -> Response<Body> {
        let (service, id, out, era) = (Arc::clone(&self.service), cx.id.clone(), cx.out.clone(), cx.era);
        let (done, failed) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let last = match dispatch::answer(service, cx, method).await {
                Ok(text) => text,
                Err(error) => {
                    let text = error.to_message(&id).to_string();
                    let _ = done.send(error);
                    text
                }
            };
            let _ = out.send(Out::Last(last)).await;
        });
        match queue.recv().await {
            Some(Out::Last(text)) if !self.options.always_stream => {
                let error = failed.await.ok().filter(|_| era == Era::Stateless);
                let status = error.map_or(StatusCode::OK, |error| error.stateless_status());
                net::whole(status, "application/json", Bytes::from(text))
            }
            Some(first) => {
                let (feed, body) = Body::fed();
                tokio::spawn(pump(first, queue, feed));
                net::event_stream(body)
            }
            None => *failure(StatusCode::INTERNAL_SERVER_ERROR, RpcError::INTERNAL, "the service stopped"),
        }
    }
}

/// Moves a service's messages into the event stream until the last one, or until the client is gone.
async fn pump(first: Out, mut queue: mpsc::Receiver<Out>, feed: Feed) {
    let mut next = Some(first);
    while let Some(out) = next {
        let (text, last) = match out {
            Out::Meanwhile(message) => (message.to_string(), false),
            Out::Last(text) => (text, true),
        };
        if feed.send(Ok(frame(&text))).await.is_err() || last {
            return;
        }
        next = tokio::select! {
            out = queue.recv() => out,
            () = feed.closed() => return,
        };
    }
}

fn frame(text: &str) -> Bytes {
    Bytes::from(format!("event: message\ndata: {text}\n\n"))
}

/// Is this the name of the machine itself, with or without a port?
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}

fn bad_request(id: &Value, error: &RpcError) -> Refusal {
    let status = if error.code == RpcError::METHOD_NOT_FOUND {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::BAD_REQUEST
    };
    Box::new(net::json(status, &error.to_message(id)))
}

fn failure(status: StatusCode, code: i64, message: impl Into<String>) -> Refusal {
    Box::new(net::json(status, &RpcError::new(code, message).to_message(&Value::Null)))
}
