//! Calling tools: the seam between the path and the MCP connections.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use plimsoll_bundle::{Bundle, Server};
use plimsoll_core::{Account, Act};
use plimsoll_ledger::Warrant;
use serde_json::Value;

use super::UpstreamError;

/// What a tool answered.
#[derive(Clone, Debug)]
pub struct ToolAnswer {
    /// The whole `result` member as the server sent it.
    pub result: Value,
    /// Its texts, one per content block.
    pub texts: Vec<String>,
    pub structured: Option<Value>,
    pub is_error: bool,
}

/// One call, ready to go out.
#[derive(Clone, Debug)]
pub struct ToolRequest {
    pub bundle: Arc<Bundle>,
    pub server: Arc<Server>,
    pub account: Account,
    pub act: Act,
}

/// A future in a box: the seam is used as a trait object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Calls tools. Takes the warrant by value: without one, nothing moves.
pub trait ToolCaller: Send + Sync + std::fmt::Debug {
    fn call(&self, warrant: Warrant, request: ToolRequest) -> Boxed<'_, Result<ToolAnswer, UpstreamError>>;

    /// The live description of the server's tools, for drift. Reads only.
    fn list(&self, bundle: Arc<Bundle>, server: Arc<Server>) -> Boxed<'_, Result<Vec<Value>, UpstreamError>>;
}
