//! A ledger's files from a web server, read as a monitor reads them (C2SP tlog-tiles, "APIs").

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use plimsoll_ledger::proof::{FileError, Files};
use tokio::runtime::Runtime;

use crate::talk::Error;

/// Seconds that one file gets.
const FILE_S: u64 = 30;

#[derive(Debug)]
pub(super) struct Web {
    base: String,
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Web {
    pub(super) fn new(base: &str) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = match base.starts_with("https://") {
            true => config.with_native_roots()?.with_no_client_auth(),
            false => config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(),
        };
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { base: base.trim_end_matches('/').to_owned(), runtime, client })
    }

    async fn get(&self, path: &str, bytes_max: usize) -> Result<Option<Bytes>, String> {
        let request = Request::builder().uri(self.called(path)).header("accept-encoding", "identity");
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await.map_err(|error| Error::from(error).message)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            other => return Err(format!("the server answered {other}")),
        }
        let body = Limited::new(answer.into_body(), bytes_max).collect().await;
        body.map(|body| Some(body.to_bytes())).map_err(|error| error.to_string())
    }
}

impl Files for Web {
    fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, FileError> {
        let error = |what: String| FileError::new(self.called(path), what);
        let got = self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(FILE_S), self.get(path, bytes_max)).await
        });
        let bytes = got.map_err(|_| error(format!("no answer within {FILE_S} s")))?.map_err(error)?;
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }

    fn list(&self) -> Result<Option<Vec<String>>, FileError> {
        Ok(None)
    }

    fn called(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}
