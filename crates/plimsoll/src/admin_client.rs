//! Talking to a gateway's admin listener.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::talk::{self, Error};

/// Seconds to wait for an answer.
const TIMEOUT_S: u64 = 30;
/// Bytes of an answer.
const ANSWER_BYTES: usize = 16 << 20;

/// Where the admin listener is, and who is asking.
#[derive(Clone, Debug, clap::Args)]
pub struct Admin {
    /// The gateway's admin listener
    #[arg(long, env = "PLIMSOLL_ADMIN", default_value = "http://127.0.0.1:7301", value_name = "URL")]
    pub admin: String,
    /// A file that holds your admin key; without it the environment's PLIMSOLL_ADMIN_KEY counts
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// A client with a key.
pub struct AdminClient {
    base: String,
    key: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Admin {
    /// # Errors
    /// When there is no key, or the URL is not one this client can use.
    pub fn client(&self) -> Result<AdminClient, Error> {
        let base = self.admin.trim_end_matches('/').to_owned();
        let uri: http::Uri = base.parse().map_err(|error| Error::new(format!("--admin {base}: {error}")))?;
        let host = uri.host().unwrap_or_default();
        if uri.scheme_str() != Some("http") || host.is_empty() {
            return Err(Error::new(format!("--admin {base}: it must be http://HOST:PORT")).help(
                "reach a gateway on another machine through a tunnel: ssh -L 7301:127.0.0.1:7301 HOST",
            ));
        }
        if !matches!(host, "127.0.0.1" | "localhost" | "[::1]") {
            talk::say(format!("note: your admin key goes to {host} without encryption"));
        }
        let http = Client::builder(TokioExecutor::new()).build_http();
        Ok(AdminClient { base, key: self.key()?, http })
    }

    /// A secret on a command line is a secret in the process list, so there is no flag for it.
    fn key(&self) -> Result<String, Error> {
        let key = match &self.key_file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| Error::new(format!("the key file {}: {error}", file.display())))?,
            None => std::env::var("PLIMSOLL_ADMIN_KEY").unwrap_or_default(),
        };
        let key = key.trim();
        if key.is_empty() {
            return Err(Error::new("no admin key").help(
                "set PLIMSOLL_ADMIN_KEY or name a --key-file; make one with `plimsoll key create --admin --name YOU`",
            ));
        }
        if !key.starts_with("pla_") {
            return Err(Error::new("that is no admin key: they begin with `pla_`"));
        }
        Ok(key.to_owned())
    }
}

impl AdminClient {
    /// # Errors
    /// When the gateway does not answer, or says no; its own message and help are passed on.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    /// # Errors
    /// As [`get`](Self::get).
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Error> {
        self.call(Method::POST, path, Bytes::from(body.to_string())).await
    }

    /// Posts a file that is JSON already.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn send<T: DeserializeOwned>(&self, path: &str, body: Bytes) -> Result<T, Error> {
        self.call(Method::POST, path, body).await
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, bytes: Bytes) -> Result<T, Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, format!("Bearer {}", self.key))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(bytes))?;
        let exchange = async {
            let response = self.http.request(request).await.map_err(|error| self.unreachable(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
            let body =
                body.map_err(|error| Error::new(format!("the answer of {} broke off: {error}", self.base)))?;
            Ok::<_, Error>((status, body.to_bytes()))
        };
        let answered = tokio::time::timeout(Duration::from_secs(TIMEOUT_S), exchange).await;
        let (status, body) = answered
            .map_err(|_| Error::new(format!("{} did not answer within {TIMEOUT_S} s", self.base)))??;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| Error::new(format!("{} answered with something else: {error}", self.base)));
        }
        Err(refused(status, &body, &self.base))
    }

    fn unreachable(&self, error: &hyper_util::client::legacy::Error) -> Error {
        let why = if error.is_connect() { "nobody listens there".to_owned() } else { error.to_string() };
        Error::new(format!("no gateway answers at {}: {why}", self.base)).help(
            "start it with `plimsoll up`, or name it with --admin; `plimsoll stop --sentinel` needs none",
        )
    }
}

/// The gateway's own words.
fn refused(status: StatusCode, body: &[u8], base: &str) -> Error {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| answer["error"][name].as_str().map(plimsoll_console::chain::shown);
    match (text("message"), text("code")) {
        (Some(message), Some(code)) => {
            Error::new(format!("{message} ({code})")).help(text("help").unwrap_or_default())
        }
        _ => Error::new(format!("{base} answered with status {status}"))
            .help("is that the admin listener of a Plimsoll gateway?"),
    }
}

/// One part of a path, as a URL wants it.
pub fn part(id: &str) -> String {
    let mut text = String::new();
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
