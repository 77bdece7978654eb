//! The conformance server's resources.

use serde_json::{Value, json};

use super::PIXEL;
use crate::mcp::{Reply, RpcError};

pub(super) fn list() -> Value {
    let resource = |uri: &str, name: &str, mime: &str| json!({ "uri": uri, "name": name, "description": format!("{name}, for tests"), "mimeType": mime });
    json!({ "resources": [
        resource("test://static-text", "static text", "text/plain"),
        resource("test://static-binary", "static image", "image/png"),
        resource("test://watched-resource", "watched resource", "text/plain"),
    ] })
}

pub(super) fn templates() -> Value {
    json!({ "resourceTemplates": [{
        "uriTemplate": "test://template/{id}/data", "name": "template",
        "description": "data for an id", "mimeType": "application/json",
    }] })
}

pub(super) fn read(params: &Value) -> Result<Reply, RpcError> {
    let uri = params
        .get("uri")
        .and_then(Value::as_str)
        .ok_or_else(|| RpcError::invalid_params("a uri is needed"))?;
    let mut contents = match uri {
        "test://static-text" => text("text/plain", "This is the content of the static text resource."),
        "test://watched-resource" => text("text/plain", "Watched resource content"),
        "test://static-binary" => json!({ "mimeType": "image/png", "blob": PIXEL }),
        _ => from_template(uri).ok_or_else(|| not_found(uri))?,
    };
    contents["uri"] = json!(uri);
    Ok(Reply::Result(json!({ "contents": [contents] })))
}

fn from_template(uri: &str) -> Option<Value> {
    let id = uri.strip_prefix("test://template/")?.strip_suffix("/data").filter(|id| !id.is_empty())?;
    let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
    Some(text("application/json", &data.to_string()))
}

fn text(mime: &str, text: &str) -> Value {
    json!({ "mimeType": mime, "text": text })
}

fn not_found(uri: &str) -> RpcError {
    RpcError::invalid_params(format!("there is no resource {uri}")).with(json!({ "uri": uri }))
}
