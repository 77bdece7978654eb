//! The gateway's tool door as an HTTP client sees it.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use plimsoll_wire::sse;

use super::lines::LINE_BYTES;
use crate::talk::Error;

/// Where to go, and with which key.
#[derive(Debug)]
pub(super) struct Door {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    key: HeaderValue,
}

/// What a session adds to each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub id: String,
    pub version: String,
}

/// The messages of one answer.
#[derive(Debug)]
pub(super) enum Messages {
    /// Taken, and nothing to say.
    None,
    One(Bytes),
    Stream {
        body: Incoming,
        reader: sse::Reader,
    },
}

/// An answer's head, with its messages still to come.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub session: Option<String>,
    pub messages: Messages,
}

impl Door {
    pub(super) fn new(url: &str, server: &str, key: &str) -> Result<Self, Error> {
        let url = format!("{}/mcp/{server}", url.trim_end_matches('/'));
        let parsed: hyper::Uri = url.parse().map_err(|_| Error::new(format!("`{url}` is not a URL")))?;
        let mut key = HeaderValue::try_from(format!("Bearer {key}"))
            .map_err(|_| Error::new("the API key holds characters that a header can't"))?;
        key.set_sensitive(true);
        Ok(Self { client: client(parsed.scheme_str() == Some("https"))?, url, key })
    }

    pub(super) async fn post(
        &self,
        body: Bytes,
        session: Option<&Session>,
        headers: &[(String, String)],
    ) -> Result<Reply, String> {
        let mut request = self.request(Method::POST, session, body)?;
        let map = request.headers_mut();
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        map.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        for (name, value) in headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|error| error.to_string())?;
            map.insert(name, HeaderValue::try_from(value.as_str()).map_err(|error| error.to_string())?);
        }
        Reply::read(self.send(request).await?).await
    }

    /// Opens the stream for what belongs to no request.
    pub(super) async fn listen(&self, session: &Session) -> Result<Reply, String> {
        let mut request = self.request(Method::GET, Some(session), Bytes::new())?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        Reply::read(self.send(request).await?).await
    }

    /// Says that a session is over.
    pub(super) async fn delete(&self, session: &Session) -> Result<(), String> {
        let request = self.request(Method::DELETE, Some(session), Bytes::new())?;
        self.send(request).await.map(|_| ())
    }

    fn request(
        &self,
        method: Method,
        session: Option<&Session>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(&self.url)
            .header(AUTHORIZATION, self.key.clone())
            .header(USER_AGENT, concat!("plimsoll-mcp/", env!("CARGO_PKG_VERSION")));
        if let Some(session) = session {
            request = request
                .header("mcp-session-id", &session.id)
                .header("mcp-protocol-version", &session.version);
        }
        request.body(Full::new(body)).map_err(|error| error.to_string())
    }

    /// No time limit: a call may wait for a person. The client has its own, and the gateway too.
    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, String> {
        self.client.request(request).await.map_err(|error| {
            let mut why = format!("the gateway at {} can't be reached: {error}", self.url);
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                why.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            why
        })
    }
}

fn client(tls: bool) -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, Error> {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.enforce_http(false);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match tls {
        true => config.with_native_roots()?,
        false => config.with_root_certificates(rustls::RootCertStore::empty()),
    };
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config.with_no_client_auth())
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

impl Reply {
    async fn read(response: Response<Incoming>) -> Result<Self, String> {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let session = header("mcp-session-id").map(str::to_owned);
        let streams = header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        let is_json = header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let status = response.status();
        let messages = if streams {
            Messages::Stream { body: response.into_body(), reader: sse::Reader::new(LINE_BYTES) }
        } else {
            let body = Limited::new(response.into_body(), LINE_BYTES).collect().await;
            let body = body.map_err(|error| format!("the gateway's answer broke off: {error}"))?.to_bytes();
            if is_json && !body.is_empty() { Messages::One(body) } else { Messages::None }
        };
        Ok(Self { status, session, messages })
    }
}

impl Messages {
    /// The next message; `None` when there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        let (body, reader) = match self {
            Self::None => return Ok(None),
            Self::One(_) => {
                return Ok(match std::mem::replace(self, Self::None) {
                    Self::One(message) => Some(message),
                    _ => None,
                });
            }
            Self::Stream { body, reader } => (body, reader),
        };
        loop {
            while let Some(event) = reader.next_event().map_err(|error| error.to_string())? {
                if let Some(data) = event.data.filter(|data| !data.is_empty()) {
                    return Ok(Some(data));
                }
            }
            match body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        reader.push(data);
                    }
                }
                Some(Err(error)) => return Err(format!("the gateway's answer broke off: {error}")),
            }
        }
    }
}
