//! The stateless era: how a request shows that it belongs to it, and what must be true of it before it is answered.

use http::HeaderMap;
use serde_json::{Value, json};

use super::context::{META_CAPABILITIES, META_VERSION};
use super::headers::{check_arguments, check_standard, mismatch};
use super::rpc::RpcError;
use super::service::Service;
use super::{SESSION_VERSIONS, STATELESS_VERSION};
use crate::net::header_text;

/// A request is of the stateless era if its body says a version, or its header says one that no session era knows.
pub(crate) fn is_stateless(headers: &HeaderMap, params: Option<&Value>) -> bool {
    let in_body = params.is_some_and(|params| meta(params, META_VERSION).is_some());
    let in_header = header_text(headers, "mcp-protocol-version");
    let in_session = headers.contains_key("mcp-session-id");
    in_body
        || in_header
            .is_some_and(|said| said == STATELESS_VERSION || !in_session && !SESSION_VERSIONS.contains(&said))
}

/// Everything that can be wrong with a request before its method is looked at. Answers the client's capabilities.
pub(crate) fn check<S: Service>(
    service: &S,
    headers: &HeaderMap,
    method: &str,
    params: &Value,
) -> Result<Value, RpcError> {
    check_standard(headers, method, params)?;
    let (version, capabilities) = check_meta(params)?;
    let said = header_text(headers, "mcp-protocol-version");
    let said = said.ok_or_else(|| mismatch("the MCP-Protocol-Version header is missing"))?;
    if said.trim() != version {
        return Err(mismatch(format!("MCP-Protocol-Version says '{said}', the body '{version}'")));
    }
    check_version(version)?;
    if method == "tools/call"
        && let Some(schema) =
            params.get("name").and_then(Value::as_str).and_then(|name| service.input_schema(name))
    {
        check_arguments(headers, &schema, params.get("arguments").unwrap_or(&Value::Null))?;
    }
    Ok(capabilities)
}

/// The version and the client's capabilities from `_meta`; both are required.
pub(crate) fn check_meta(params: &Value) -> Result<(&str, Value), RpcError> {
    let missing = |key: &str| RpcError::invalid_params(format!("_meta needs {key}"));
    let version = meta(params, META_VERSION).and_then(Value::as_str).ok_or_else(|| missing(META_VERSION))?;
    let capabilities = meta(params, META_CAPABILITIES).filter(|value| value.is_object());
    Ok((version, capabilities.cloned().ok_or_else(|| missing(META_CAPABILITIES))?))
}

pub(crate) fn check_version(version: &str) -> Result<(), RpcError> {
    if version == STATELESS_VERSION {
        return Ok(());
    }
    let error = RpcError::new(
        RpcError::UNSUPPORTED_VERSION,
        format!("protocol version '{version}' is not supported"),
    );
    Err(error.with(json!({ "supported": [STATELESS_VERSION], "requested": version })))
}

fn meta<'a>(params: &'a Value, key: &str) -> Option<&'a Value> {
    params.get("_meta").and_then(|meta| meta.get(key))
}
