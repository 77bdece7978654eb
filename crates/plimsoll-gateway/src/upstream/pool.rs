//! Kept connections: one request at a time on each, and back into the pool when its answer has ended.
//!
//! A request goes out twice only if it certainly was not sent the first time: a kept connection that the
//! other side had closed hands it back unsent.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::CertificateDer;
use tower_service::Service;

use super::http::chain;

/// Idle connections kept per upstream.
pub const IDLE_PER_HOST: usize = 256;
/// Seconds that an idle connection is kept.
pub const IDLE_S: u64 = 60;

type Sender = SendRequest<Full<Bytes>>;

/// The connections to every upstream.
#[derive(Debug)]
pub(super) struct Pool {
    connector: HttpsConnector<HttpConnector>,
    idle: Mutex<HashMap<Origin, VecDeque<(Sender, Instant)>>>,
}

/// Where a request goes.
type Place = (Scheme, Authority);

/// Scheme and authority: what a connection is to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Origin(Arc<str>);

impl Origin {
    fn of((scheme, authority): &Place) -> Self {
        Self([scheme.as_str(), "://", authority.as_str()].concat().into())
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// It certainly was not sent.
    Unsent(String),
    /// It may have been.
    Broken(String),
}

impl Pool {
    pub(super) fn new(connector: HttpsConnector<HttpConnector>) -> Self {
        Self { connector, idle: Mutex::default() }
    }

    pub(super) async fn send(
        self: &Arc<Self>,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Reply>, Lost> {
        let (mut request, to) = addressed(request)?;
        let origin = Origin::of(&to);
        loop {
            let (mut sender, kept) = match self.take(&origin).await {
                Some(sender) => (sender, true),
                None => (Box::pin(self.connect(&to)).await?, false),
            };
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let back = Back { pool: Arc::clone(self), origin, sender };
                    return Ok(response.map(|body| Reply::over(body, back)));
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if kept => request = unsent,
                    Some(_) => return Err(Lost::Unsent(chain(error.error()))),
                    None => return Err(Lost::Broken(chain(error.error()))),
                },
            }
        }
    }

    /// A kept connection, the one used last first.
    async fn take(&self, origin: &Origin) -> Option<Sender> {
        loop {
            let (mut sender, since) = self.lock().get_mut(origin)?.pop_back()?;
            if since.elapsed() < Duration::from_secs(IDLE_S) && sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    async fn connect(&self, to: &Place) -> Result<Sender, Lost> {
        let unsent = |error: &dyn std::error::Error| Lost::Unsent(chain(error));
        let (scheme, authority) = to.clone();
        let to = Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build();
        let to = to.map_err(|error| unsent(&error))?;
        let stream = self.connector.clone().call(to).await.map_err(|error| unsent(&*error))?;
        let (sender, connection) = handshake(stream).await.map_err(|error| unsent(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an upstream ended");
            }
        });
        Ok(sender)
    }

    /// The certificate of a new connection, which is not kept.
    pub(super) async fn certificate(&self, to: Uri) -> Result<Option<CertificateDer<'static>>, String> {
        let stream = self.connector.clone().call(to).await.map_err(|error| chain(&*error))?;
        Ok(match &stream {
            MaybeHttpsStream::Http(_) => None,
            MaybeHttpsStream::Https(stream) => {
                let (_, session) = stream.inner().get_ref();
                let first = session.peer_certificates().and_then(<[_]>::first);
                first.map(|certificate| certificate.clone().into_owned())
            }
        })
    }

    fn keep(&self, origin: Origin, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.lock();
        let kept = idle.entry(origin).or_default();
        let old = |(_, since): &mut (Sender, Instant)| since.elapsed() >= Duration::from_secs(IDLE_S);
        while kept.len() >= IDLE_PER_HOST || kept.front_mut().is_some_and(old) {
            kept.pop_front();
        }
        kept.push_back((sender, Instant::now()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Origin, VecDeque<(Sender, Instant)>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request as it stands on a connection, and where that goes to.
fn addressed(mut request: Request<Full<Bytes>>) -> Result<(Request<Full<Bytes>>, Place), Lost> {
    let parts = std::mem::take(request.uri_mut()).into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(Lost::Unsent("the url names no server".to_owned()));
    };
    if !request.headers().contains_key(HOST) {
        let name = authority.as_str().rsplit('@').next().unwrap_or_default();
        let host = HeaderValue::from_str(name).map_err(|error| Lost::Unsent(error.to_string()))?;
        request.headers_mut().insert(HOST, host);
    }
    let path = parts.path_and_query.unwrap_or_else(|| hyper::http::uri::PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    Ok((request, (scheme, authority)))
}

/// An answer's body.
#[derive(Debug)]
pub struct Reply {
    body: Source,
    /// Until the body has ended: the connection it comes over. A body that is dropped before its end
    /// closes the connection with it.
    back: Option<Back>,
}

#[derive(Debug)]
struct Back {
    pool: Arc<Pool>,
    origin: Origin,
    sender: Sender,
}

/// Where a body comes from.
#[derive(Debug)]
enum Source {
    Network(Incoming),
    Tape(Full<Bytes>),
}

impl Reply {
    /// An answer from a tape.
    pub(super) fn recorded(body: Bytes) -> Self {
        Self { body: Source::Tape(Full::new(body)), back: None }
    }

    fn over(body: Incoming, back: Back) -> Self {
        let mut reply = Self { body: Source::Network(body), back: Some(back) };
        reply.keep_if_ended();
        reply
    }

    fn keep_if_ended(&mut self) {
        if self.is_end_stream()
            && let Some(Back { pool, origin, sender }) = self.back.take()
        {
            pool.keep(origin, sender);
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = match &mut self.body {
            Source::Network(body) => ready!(Pin::new(body).poll_frame(context)),
            Source::Tape(body) => {
                ready!(Pin::new(body).poll_frame(context)).map(|frame| frame.map_err(|never| match never {}))
            }
        };
        if !matches!(frame, Some(Err(_))) {
            self.keep_if_ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Source::Network(body) => body.is_end_stream(),
            Source::Tape(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Source::Network(body) => body.size_hint(),
            Source::Tape(body) => body.size_hint(),
        }
    }
}
