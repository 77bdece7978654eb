//! Model providers: one request with the gateway's own credential, for one warrant.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use plimsoll_bundle::{Model, Provider};
use plimsoll_ledger::Warrant;

use super::UpstreamError;
use super::http::HttpClient;
use super::pool::Reply;

/// Headers of the client that the provider gets to see: protocol options, never credentials.
const PASSED: [&str; 8] = [
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "traceparent",
    "tracestate",
];

/// One request to a provider.
#[derive(Debug)]
pub struct ModelRequest {
    pub model: Arc<Model>,
    pub method: Method,
    /// `/v1/chat/completions` and the like, with the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub timeout_s: u64,
}

impl HttpClient {
    /// Asks the provider. The warrant is used up.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn ask_model(
        &self,
        warrant: Warrant,
        ask: ModelRequest,
    ) -> Result<Response<Reply>, UpstreamError> {
        let name = ask.model.id.clone();
        let timeout_s = ask.timeout_s;
        let request =
            build(ask).map_err(|error| UpstreamError::Unreachable { name: name.clone(), why: error })?;
        super::spend(warrant, &name)?;
        self.send(&name, request, timeout_s).await
    }
}

fn build(ask: ModelRequest) -> Result<Request<Full<Bytes>>, String> {
    let url = format!("{}{}", ask.model.url.trim_end_matches('/'), ask.path);
    let mut request = Request::builder().method(ask.method).uri(url);
    let headers = request.headers_mut().ok_or("the model's url is not valid")?;
    for (name, value) in ask.headers.iter().filter(|(name, _)| PASSED.contains(&name.as_str())) {
        headers.append(name, value.clone());
    }
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("plimsoll/", env!("CARGO_PKG_VERSION"))));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(credential) = &ask.model.credential {
        let (name, value) = match ask.model.provider {
            Provider::OpenAi => (AUTHORIZATION, format!("Bearer {}", credential.reveal())),
            Provider::Anthropic => (HeaderName::from_static("x-api-key"), credential.reveal().to_owned()),
        };
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| "the model's credential is not a header value")?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    request.body(Full::new(ask.body)).map_err(|error| error.to_string())
}
