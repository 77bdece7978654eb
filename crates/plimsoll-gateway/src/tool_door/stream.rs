//! One request's answer: a JSON text when there is nothing to say before it, else a stream of events that ends with it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use plimsoll_wire::mcp::Answer;
use plimsoll_wire::sse;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::server::{Body, json};

/// Messages that may wait for a slow client. Beyond it the server waits too.
const QUEUE: usize = 32;

/// Where a request's messages to its client go, before the answer.
#[derive(Clone, Debug)]
pub(super) struct Outlet(mpsc::Sender<Bytes>);

impl Outlet {
    /// Sends one message; false when the client is gone.
    pub(super) async fn send(&self, message: &[u8]) -> bool {
        self.0.send(sse::write(Some("message"), message)).await.is_ok()
    }

    /// Says that the answer will be a stream, as the server's is, although nothing stands in it yet.
    pub(super) async fn begin(&self) {
        let _client_may_be_gone = self.0.send(Bytes::new()).await;
    }

    /// Resolves when the client is gone.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }
}

/// Does the work and answers with what it gives. When the client goes away, the work is dropped; an act that may change
/// something runs on in a task of its own.
pub(super) async fn respond<F>(work: impl FnOnce(Outlet) -> F) -> Response<Body>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    // In a box: a task is moved several times before it begins, and once more when it ends.
    let mut working = Working(tokio::spawn(Box::pin(work(Outlet(sender.clone())))));
    let first = tokio::select! {
        biased;
        first = receiver.recv() => first,
        done = &mut working.0 => return whole(done.unwrap_or_else(|error| lost(&error))),
    };
    let rest = Working(tokio::spawn(async move {
        let answer = (&mut working.0).await.unwrap_or_else(|error| lost(&error));
        let _client_is_gone = sender.send(sse::write(Some("message"), &answer.body)).await;
    }));
    events(EventBody { first: first.filter(|first| !first.is_empty()), receiver, _working: rest })
}

/// A stream that some task feeds until it ends.
pub(super) fn feed<F>(work: impl FnOnce(Outlet) -> F) -> Response<Body>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(QUEUE);
    let working = Working(tokio::spawn(work(Outlet(sender))));
    events(EventBody { first: None, receiver, _working: working })
}

/// A whole answer.
pub(super) fn whole(answer: Answer) -> Response<Body> {
    json(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK), answer.body)
}

fn lost(error: &tokio::task::JoinError) -> Answer {
    tracing::error!(%error, "a request was torn down");
    Answer::error(
        500,
        None,
        plimsoll_wire::jsonrpc::INTERNAL_ERROR,
        "the gateway lost sight of the request",
        None,
    )
}

fn events(body: EventBody) -> Response<Body> {
    let mut response = Response::new(body.boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// A task that ends when nobody wants its result.
#[derive(Debug)]
struct Working<T>(JoinHandle<T>);

impl<T> Drop for Working<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug)]
struct EventBody {
    first: Option<Bytes>,
    receiver: mpsc::Receiver<Bytes>,
    _working: Working<()>,
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.receiver.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}
