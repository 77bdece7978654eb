//! The drill servers over a raw HTTP client: every dialect, personality and era as its bytes are on the wire.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod it {
    mod client;
    mod desk;
    mod hostile;
    mod mcp_http;
    mod mcp_stdio;
    mod mock_dialects;
    mod mock_personalities;
}
