//! The languages on the wire: strict JSON, server-sent events, and the dialects of OpenAI, Anthropic and MCP.
//!
//! This crate alone knows how each protocol spells a model's text, a tool call, an error. It turns bytes into values
//! and values into bytes; it never waits, never reads a clock and never decides. Two rules hold everywhere. What was
//! judged is what is sent: readers hand out byte ranges of the body they read, and a change is an [`json::Edit`] that
//! leaves every other byte alone. And nothing is silently ignored: what a dialect does not know is listed.
//!
//! It has never heard of policy.

pub mod json;
pub mod jsonrpc;
pub mod llm;
pub mod mcp;
pub mod sse;
