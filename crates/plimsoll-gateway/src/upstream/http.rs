//! The HTTP client for every upstream: pooled, bounded, TCP_NODELAY, rustls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response};
use hyper_rustls::{ConfigBuilderExt, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

use super::UpstreamError;
use super::pool::{Lost, Pool, Reply};
use crate::cassette::Recorded;

/// Seconds to establish a connection.
pub const CONNECT_TIMEOUT_S: u64 = 10;

/// A client for model providers and tool servers. Redirects are not followed: a credential never goes
/// anywhere but where the repository says.
#[derive(Clone, Debug)]
pub struct HttpClient {
    way: Way,
    tls: bool,
}

/// Where requests go.
#[derive(Clone, Debug)]
enum Way {
    Network(Arc<Pool>),
    /// To a tape. There is no network behind it.
    Tape(Arc<Recorded>),
    /// Tools to a tape, models to the network.
    Models(Arc<(Arc<Recorded>, Arc<Pool>)>),
}

impl HttpClient {
    /// `tls`: whether any upstream is reached by https; only then the system's trust store is read.
    ///
    /// # Errors
    /// When the system's trust store can't be read although it is needed.
    pub fn new(tls: bool) -> std::io::Result<Self> {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        http.set_connect_timeout(Some(Duration::from_secs(CONNECT_TIMEOUT_S)));
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(std::io::Error::other)?;
        let config = if tls {
            config.with_native_roots()?.with_no_client_auth()
        } else {
            config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self { way: Way::Network(Arc::new(Pool::new(connector))), tls })
    }

    /// A client that answers from a tape and reaches nothing.
    pub(crate) const fn recorded(recorded: Arc<Recorded>) -> Self {
        Self { way: Way::Tape(recorded), tls: true }
    }

    /// Whether it can reach an upstream by https.
    pub(crate) const fn has_tls(&self) -> bool {
        self.tls
    }

    /// The same, but for models, which it reaches.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub(crate) fn of_models(recorded: Arc<Recorded>, tls: bool) -> std::io::Result<Self> {
        Ok(match Self::new(tls)?.way {
            Way::Network(pool) => Self { way: Way::Models(Arc::new((recorded, pool))), tls },
            way => Self { way, tls },
        })
    }

    /// Whether it reaches no tool.
    pub(crate) const fn is_recorded(&self) -> bool {
        matches!(self.way, Way::Tape(_) | Way::Models(..))
    }

    /// The certificate by which a server proves itself; none where it is reached without TLS.
    ///
    /// # Errors
    /// When it can't be reached, or proves nothing.
    pub(crate) async fn certificate(
        &self,
        name: &str,
        url: &str,
        timeout_s: u64,
    ) -> Result<Option<rustls::pki_types::CertificateDer<'static>>, UpstreamError> {
        let name = name.to_owned();
        let unreachable = |why: String| UpstreamError::Unreachable { name: name.clone(), why };
        let Way::Network(pool) = &self.way else {
            return Err(unreachable("a recorded conversation reaches nothing".to_owned()));
        };
        let to = url.parse::<hyper::Uri>().map_err(|error| unreachable(error.to_string()))?;
        match tokio::time::timeout(Duration::from_secs(timeout_s), pool.certificate(to)).await {
            Ok(found) => found.map_err(unreachable),
            Err(_) => Err(UpstreamError::Timeout { name, after_s: timeout_s }),
        }
    }

    /// Sends one request and waits for the answer's head.
    ///
    /// # Errors
    /// `Unreachable` when it certainly was not sent; `Timeout` and `Broken` when it may have been.
    pub(crate) async fn send(
        &self,
        name: &str,
        request: Request<Full<Bytes>>,
        timeout_s: u64,
    ) -> Result<Response<Reply>, UpstreamError> {
        let name = name.to_owned();
        let pool = match &self.way {
            Way::Network(pool) => pool,
            Way::Models(both) if !Recorded::has_tools_of(request.uri()) => &both.1,
            Way::Models(both) => return from_tape(&both.0, name, request).await,
            Way::Tape(recorded) => return from_tape(recorded, name, request).await,
        };
        let answer = tokio::time::timeout(Duration::from_secs(timeout_s), pool.send(request)).await;
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(Lost::Unsent(why))) => Err(UpstreamError::Unreachable { name, why }),
            Ok(Err(Lost::Broken(why))) => Err(UpstreamError::Broken { name, why }),
            Err(_) => Err(UpstreamError::Timeout { name, after_s: timeout_s }),
        }
    }
}

async fn from_tape(
    recorded: &Recorded,
    name: String,
    request: Request<Full<Bytes>>,
) -> Result<Response<Reply>, UpstreamError> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let answered = recorded.answer(&Request::from_parts(head, ()), &body);
    answered
        .map(|response| response.map(Reply::recorded))
        .map_err(|why| UpstreamError::Unreachable { name, why })
}

/// Reads a whole body within a bound and a time.
///
/// # Errors
/// When it is too large, breaks off, or stalls.
pub(crate) async fn collect(
    name: &str,
    body: Reply,
    bound: usize,
    timeout_s: u64,
) -> Result<Bytes, UpstreamError> {
    let whole = Limited::new(body, bound).collect();
    match tokio::time::timeout(Duration::from_secs(timeout_s), whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(UpstreamError::TooLarge { name: name.to_owned(), bound })
        }
        Ok(Err(error)) => Err(UpstreamError::Broken { name: name.to_owned(), why: error.to_string() }),
        Err(_) => Err(UpstreamError::Timeout { name: name.to_owned(), after_s: timeout_s }),
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
