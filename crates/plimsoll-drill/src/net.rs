//! The HTTP/1.1 floor both kinds of server stand on: accept, read a bounded body, answer whole or in pieces.
//!
//! A [`Body`] is either one buffer, which hyper writes together with the head, or a channel that a task feeds. A fed
//! body can also fail on purpose, which drops the connection in the middle of an answer.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// How many connections one server holds at a time; further ones wait in the kernel's backlog.
pub const MAX_CONNECTIONS: usize = 4096;

/// How many pieces of an answer may wait for a slow reader.
const BODY_QUEUE: usize = 64;

/// An answer's body.
#[derive(Debug)]
pub enum Body {
    Whole(Option<Bytes>),
    Fed(mpsc::Receiver<io::Result<Bytes>>),
}

/// The writing end of [`Body::Fed`].
pub type Feed = mpsc::Sender<io::Result<Bytes>>;

impl Body {
    /// A body and the sender that fills it.
    #[must_use]
    pub fn fed() -> (Feed, Self) {
        let (feed, pieces) = mpsc::channel(BODY_QUEUE);
        (feed, Self::Fed(pieces))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Fed(pieces) => pieces.poll_recv(cx).map(|piece| piece.map(|p| p.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Fed(_) => SizeHint::default(),
        }
    }
}

/// Serves connections until the returned future is dropped; every open connection ends with it.
///
/// # Errors
/// Never for a single connection; a listener that can no longer accept is reported.
pub async fn serve<H, F>(listener: TcpListener, handler: H) -> io::Result<()>
where
    H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let handler = Arc::new(handler);
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return Ok(()) };
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_of_the_peer(&error) => continue,
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let handler = Arc::clone(&handler);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let answer = handler(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended early");
            }
            drop(seat);
        });
        while connections.try_join_next().is_some() {}
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Reads a request's body, or says why not.
///
/// # Errors
/// When the body is longer than `limit` bytes or the peer stops in the middle.
pub async fn read_body(body: Incoming, limit: usize) -> Result<Bytes, String> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(format!("cannot read the request body: {error}")),
    }
}

/// A JSON answer, in one piece.
#[must_use]
pub fn json(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    whole(status, "application/json", Bytes::from(value.to_string()))
}

/// Any answer in one piece.
#[must_use]
pub fn whole(status: StatusCode, content_type: &'static str, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Some(bytes)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Whole(None));
    *response.status_mut() = status;
    response
}

/// A server-sent event stream over `body`.
#[must_use]
pub fn event_stream(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// One header's value as text, if it is there and is text.
#[must_use]
pub fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
