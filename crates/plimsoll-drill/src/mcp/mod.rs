//! A small MCP server kit that speaks both eras of the protocol, and three servers built on it.
//!
//! The *session* era (2025-03-26, 2025-06-18, 2025-11-25) opens with `initialize`, keeps an `Mcp-Session-Id`, and lets
//! the server ask the client in the middle of a call. The *stateless* era (2026-07-28) has none of that: every request
//! carries its version and capabilities in `_meta`, mirrors method and name in headers that must agree with the body,
//! and a server that needs input says so in the result. A [`Service`] is written once and served in both, over
//! streamable HTTP and over stdio.
//!
//! * [`desk`]: a support desk with money and customers in it, which counts what was really done.
//! * [`conformance`]: the tools, resources and prompts the protocol's conformance suite asks for.
//! * [`hostile`]: a server that lies, changes, floods, hangs and breaks the framing.
//!
//! JSON-RPC batches (2025-03-26 only) are answered with an error.

pub mod conformance;
mod context;
pub mod desk;
mod dispatch;
mod endpoint;
mod headers;
pub mod hostile;
mod http;
mod hub;
mod legacy;
mod modern;
mod rpc;
mod service;
mod stdio;

pub use context::{Context, Era};
pub use http::{HttpOptions, McpHandle, serve, serve_with, spawn, spawn_with};
pub use hub::Change;
pub use rpc::RpcError;
pub use service::{Answering, Identity, Reply, Service, text_result, tool_error};
pub use stdio::{serve_lines, serve_stdio};

/// The revisions that open with `initialize`, newest first.
pub const SESSION_VERSIONS: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26"];

/// The revision without sessions.
pub const STATELESS_VERSION: &str = "2026-07-28";
