//! The mock model's address: options, routes, and a handle for tests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::brain::{model_card, think};
use super::dialect::{Dialect, openai_error};
use super::personality::{PERSONALITIES, Personality, Wire};
use super::record::{Record, Seen};
use super::{delivery, embeddings, messages};
use crate::net::{self, Body};

/// What can be set. The defaults suit a test.
#[derive(Debug, Clone)]
pub struct MockOptions {
    /// Answer as this model whatever the request names.
    pub always: Option<String>,
    /// Time before every answer, as a real model would take.
    pub latency: Duration,
    /// The pause of `slow` before each piece, when its name has no number.
    pub slow_pause: Duration,
    /// Length of a `huge` answer in bytes.
    pub huge_bytes: usize,
    /// The statuses of `flaky`, in turn, from the start again after the last.
    pub flaky_schedule: Vec<u16>,
    /// How many requests are kept for [`MockHandle::requests`]; older ones are forgotten.
    pub keep_requests: usize,
    /// The longest request body that is read.
    pub max_body_bytes: usize,
}

impl Default for MockOptions {
    fn default() -> Self {
        Self {
            always: None,
            latency: Duration::ZERO,
            slow_pause: Duration::from_millis(200),
            huge_bytes: 4 * 1024 * 1024,
            flaky_schedule: vec![500, 429, 503, 200],
            keep_requests: 256,
            max_body_bytes: 32 * 1024 * 1024,
        }
    }
}

#[derive(Debug)]
struct Mock {
    options: MockOptions,
    record: Record,
    flaky_turn: AtomicUsize,
}

/// A running mock model; it stops when this is dropped.
#[derive(Debug)]
pub struct MockHandle {
    addr: SocketAddr,
    mock: Arc<Mock>,
    task: JoinHandle<io::Result<()>>,
}

impl MockHandle {
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL an OpenAI client is given; an Anthropic client takes it without `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// How many requests arrived.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.mock.record.count()
    }

    /// The last requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.mock.record.kept()
    }
}

impl Drop for MockHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the mock model on `listener` until the future is dropped.
///
/// # Errors
/// When the listener can no longer accept.
pub async fn serve(listener: TcpListener, options: MockOptions) -> io::Result<()> {
    Mock::new(options).serve(listener).await
}

/// Starts a mock model on a free port of the loopback interface.
///
/// # Errors
/// When no port can be bound.
pub async fn spawn(options: MockOptions) -> io::Result<MockHandle> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let addr = listener.local_addr()?;
    let mock = Mock::new(options);
    let task = tokio::spawn(Arc::clone(&mock).serve(listener));
    Ok(MockHandle { addr, mock, task })
}

// === impl Mock ===

impl Mock {
    fn new(options: MockOptions) -> Arc<Self> {
        let record = Record::keeping(options.keep_requests);
        Arc::new(Self { options, record, flaky_turn: AtomicUsize::new(0) })
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        net::serve(listener, move |request| Arc::clone(&self).handle(request)).await
    }

    async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let bytes = match net::read_body(body, self.options.max_body_bytes).await {
            Ok(bytes) => bytes,
            Err(message) => return refuse(&parts, StatusCode::PAYLOAD_TOO_LARGE, &message),
        };
        self.record.add(|| Seen::of(&parts, bytes.clone()));
        self.route(&parts, &bytes).await
    }

    async fn route(&self, parts: &Parts, bytes: &Bytes) -> Response<Body> {
        let path = parts.uri.path();
        if parts.method == Method::GET || parts.method == Method::HEAD {
            return models(path).unwrap_or_else(|| refuse(parts, StatusCode::NOT_FOUND, "no such page"));
        }
        if parts.method != Method::POST {
            return refuse(parts, StatusCode::METHOD_NOT_ALLOWED, "use POST");
        }
        let request: Value = match serde_json::from_slice(bytes) {
            Ok(request) => request,
            Err(error) => {
                return refuse(parts, StatusCode::BAD_REQUEST, &format!("the body is not JSON: {error}"));
            }
        };
        let answer = match (Dialect::at(path), path) {
            (Some(dialect), _) => self.talk(dialect, &request).await,
            (None, "/v1/embeddings") => {
                embeddings::answer(&request).map(|value| net::json(StatusCode::OK, &value))
            }
            (None, "/v1/messages/count_tokens") => count_tokens(&request),
            _ => return refuse(parts, StatusCode::NOT_FOUND, &format!("there is no {path} here")),
        };
        answer.unwrap_or_else(|message| refuse(parts, StatusCode::BAD_REQUEST, &message))
    }

    async fn talk(&self, dialect: Dialect, request: &Value) -> Result<Response<Body>, String> {
        let asked = dialect.read(request)?;
        let personality = Personality::of(self.options.always.as_deref().unwrap_or(&asked.model));
        if !self.options.latency.is_zero() {
            tokio::time::sleep(self.options.latency).await;
        }
        if personality.wire == Wire::Flaky
            && let Some(failure) = self.failure(dialect)
        {
            return Ok(failure);
        }
        let answer = think(personality.mind, &asked, self.options.huge_bytes);
        let pause = self.options.slow_pause;
        Ok(if asked.stream {
            delivery::stream(dialect.events(request, &asked, &answer), personality.wire, pause)
        } else {
            delivery::whole(&dialect.whole(request, &asked, &answer), personality.wire, pause).await
        })
    }

    /// The failure that is due in the schedule, if this turn is one.
    fn failure(&self, dialect: Dialect) -> Option<Response<Body>> {
        let schedule = &self.options.flaky_schedule;
        let turn = self.flaky_turn.fetch_add(1, Ordering::Relaxed);
        let status = *schedule.get(turn.checked_rem(schedule.len())?)?;
        let code = StatusCode::from_u16(status).ok().filter(|code| !code.is_success())?;
        let mut response = net::json(code, &dialect.error(status, "the mock model fails, as scheduled"));
        if matches!(status, 429 | 503) {
            response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("0"));
        }
        Some(response)
    }
}

fn count_tokens(request: &Value) -> Result<Response<Body>, String> {
    let asked = messages::read(request)?;
    Ok(net::json(StatusCode::OK, &json!({ "input_tokens": asked.prompt_tokens() })))
}

fn models(path: &str) -> Option<Response<Body>> {
    let rest = path.strip_prefix("/v1/models")?;
    let cards: Vec<Value> =
        PERSONALITIES.iter().map(|(name, description)| model_card(name, description)).collect();
    let answer = match rest.strip_prefix('/') {
        None if rest.is_empty() => json!({
            "object": "list", "data": cards, "has_more": false,
            "first_id": PERSONALITIES.first().map(|(name, _)| name), "last_id": PERSONALITIES.last().map(|(name, _)| name),
        }),
        Some(id) if !id.is_empty() => {
            let known = PERSONALITIES.iter().find(|(name, _)| id.starts_with(name));
            model_card(id, known.map_or("answers like scripted", |(_, description)| description))
        }
        _ => return None,
    };
    Some(net::json(StatusCode::OK, &answer))
}

/// An error in the protocol of the path it was met on.
fn refuse(parts: &Parts, status: StatusCode, message: &str) -> Response<Body> {
    let anthropic = parts.uri.path().starts_with("/v1/messages");
    let body = if anthropic {
        messages::error(status.as_u16(), message)
    } else {
        openai_error(status.as_u16(), message)
    };
    net::json(status, &body)
}
