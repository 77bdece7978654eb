//! MCP servers; see the next commit.
