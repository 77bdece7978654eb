//! A server with one of everything, for the protocol's conformance suite (`@modelcontextprotocol/conformance`).
//!
//! The names of tools, resources and prompts are the suite's. What the suite may change between requests (tools and
//! prompts that come and go) is only announced, not changed.

mod catalogue;
mod input;
mod prompts;
mod resources;
mod tools;

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Answering, Context, Identity, McpHandle, Reply, RpcError, Service, http, stdio};

/// A one-pixel PNG and a few samples of silence, in base64.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const SILENCE: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA==";

#[derive(Debug)]
pub struct Conformance {
    seal: input::Seal,
}

impl Default for Conformance {
    fn default() -> Self {
        Self { seal: input::Seal::fresh() }
    }
}

/// Serves the conformance server over HTTP until the future is dropped.
///
/// # Errors
/// When the listener can no longer accept.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    http::serve(listener, Arc::new(Conformance::default())).await
}

/// Starts the conformance server on a free port of the loopback interface.
///
/// # Errors
/// When no port can be bound.
pub async fn spawn() -> io::Result<McpHandle> {
    http::spawn(Arc::new(Conformance::default())).await
}

/// Serves the conformance server on stdin and stdout until stdin closes.
///
/// # Errors
/// When a pipe breaks.
pub async fn serve_stdio() -> io::Result<()> {
    stdio::serve_stdio(Arc::new(Conformance::default())).await
}

impl Service for Conformance {
    fn identity(&self) -> Identity {
        Identity {
            name: "drill-conformance",
            version: env!("CARGO_PKG_VERSION"),
            instructions: "One of everything, for conformance tests.",
        }
    }

    fn capabilities(&self) -> Value {
        json!({
            "tools": { "listChanged": true },
            "resources": { "subscribe": true, "listChanged": true },
            "prompts": { "listChanged": true },
            "logging": {},
            "completions": {},
        })
    }

    fn tools(&self) -> Vec<Value> {
        catalogue::tools()
    }

    fn input_schema(&self, tool: &str) -> Option<Value> {
        let declared = catalogue::tools().into_iter().find(|declared| declared["name"] == tool)?;
        declared.get("inputSchema").cloned()
    }

    fn call_tool<'a>(&'a self, cx: &'a Context, name: &'a str, arguments: &'a Value) -> Answering<'a> {
        Box::pin(async move {
            match input::tool(&self.seal, cx, name) {
                Some(answer) => answer,
                None => tools::call(cx, name, arguments).await,
            }
        })
    }

    fn other<'a>(&'a self, cx: &'a Context, method: &'a str, params: &'a Value) -> Answering<'a> {
        Box::pin(async move {
            match method {
                "resources/list" => Ok(Reply::Result(resources::list())),
                "resources/templates/list" => Ok(Reply::Result(resources::templates())),
                "resources/read" => resources::read(params),
                "resources/subscribe" | "resources/unsubscribe" => Ok(Reply::Result(json!({}))),
                "prompts/list" => Ok(Reply::Result(prompts::list())),
                "prompts/get" => prompts::get(cx, params),
                "completion/complete" => Ok(Reply::Result(prompts::complete(params))),
                _ => Err(RpcError::method_not_found(method)),
            }
        })
    }
}
