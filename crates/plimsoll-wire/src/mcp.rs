//! MCP, the Model Context Protocol, in both its eras.
//!
//! Until 2025-11-25 a client opens a session (`initialize`) and both sides may ask each other things in it. From
//! 2026-07-28 every request stands alone: it says in `_meta` who sends it, what it can do and which revision it
//! speaks, headers repeat the essentials, and a server that needs something answers `input_required`.
//!
//! [`Opening`] tells the eras apart and holds headers against the body; [`Method`] is the one table of what either
//! side may say and what becomes of it; [`read`] gives the parts that are judged, with their places in the text;
//! [`render`] writes what only the gateway says; [`translate`] carries an envelope from one era to the other.

pub mod era;
pub mod headers;
pub mod methods;
pub mod read;
pub mod render;
pub mod translate;

pub use era::{Era, Opening, Turned, Version};
pub use headers::HeaderList;
pub use methods::{Method, Sender, Treatment};
pub use read::{Capabilities, ContentText, Initialize, ListedTool, Meta, ToolCall, ToolList, ToolResult};
pub use render::{Answer, Refusal};

/// Codes that MCP gives a meaning.
pub mod code {
    /// Headers and body disagree, or a required header is missing.
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The request needs something its client did not declare.
    pub const MISSING_CLIENT_CAPABILITY: i64 = -32021;
    /// The revision asked for is not spoken here.
    pub const UNSUPPORTED_VERSION: i64 = -32022;
}

/// Keys of `_meta` that the protocol itself uses.
pub mod meta {
    pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
    pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
    pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
    pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
    pub const PROGRESS_TOKEN: &str = "progressToken";
}
