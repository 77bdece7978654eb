//! The tool door: MCP over streamable HTTP, both eras. This is the hard boundary: the credentials are
//! held here, so what is refused here did not happen.

use std::sync::Arc;

use hyper::Response;
use plimsoll_core::Code;

use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::server::{Arrival, Body};

/// Serves one request of this door. `server` is the name in `/mcp/<server>`.
pub(crate) async fn serve(gateway: &Arc<Gateway>, server: Option<&str>, arrival: Arrival) -> Response<Body> {
    let refusal = Refusal::plain(
        Code::UnknownEndpoint,
        format!("no tool server {} is reachable", server.unwrap_or("")),
    );
    gateway.note_turned(&arrival.request, &refusal);
    crate::llm_door::render_plain(&arrival.path, &refusal)
}
