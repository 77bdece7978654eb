//! The session era: opening with `initialize`, and finding the session again.

use std::sync::Arc;

use serde_json::{Value, json};

use super::SESSION_VERSIONS;
use super::hub::{Hub, Session};
use super::rpc::RpcError;
use super::service::Service;

/// Opens a session and says what the server is and can.
pub(crate) fn initialize<S: Service>(
    service: &S,
    hub: &Hub,
    params: &Value,
) -> Result<(Arc<Session>, Value), RpcError> {
    let wanted = params.get("protocolVersion").and_then(Value::as_str);
    let wanted = wanted.ok_or_else(|| RpcError::invalid_params("initialize needs a protocolVersion"))?;
    let version = if SESSION_VERSIONS.contains(&wanted) { wanted } else { SESSION_VERSIONS[0] };
    let capabilities = params.get("capabilities").cloned().unwrap_or_else(|| json!({}));
    let session = Arc::new(Session::new(version.to_owned(), capabilities));
    if !hub.keep(&session) {
        return Err(RpcError::new(RpcError::INTERNAL, "too many sessions are open"));
    }
    let identity = service.identity();
    let result = json!({
        "protocolVersion": version,
        "capabilities": service.capabilities(),
        "serverInfo": { "name": identity.name, "version": identity.version },
        "instructions": identity.instructions,
    });
    Ok((session, result))
}
