//! JSON-RPC 2.0: telling requests, notifications and responses apart, and writing answers.

use http::StatusCode;
use serde_json::{Value, json};

/// What one JSON-RPC message is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Request { id: Value, method: String, params: Value },
    Notification { method: String },
    Response { id: Value, outcome: Result<Value, Value> },
}

/// An error answer, with the code the protocol gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcError {
    pub code: i64,
    pub message: String,
    pub data: Option<Value>,
}

impl RpcError {
    pub const PARSE: i64 = -32700;
    pub const INVALID_REQUEST: i64 = -32600;
    pub const METHOD_NOT_FOUND: i64 = -32601;
    pub const INVALID_PARAMS: i64 = -32602;
    pub const INTERNAL: i64 = -32603;
    pub const HEADER_MISMATCH: i64 = -32020;
    pub const MISSING_CAPABILITY: i64 = -32021;
    pub const UNSUPPORTED_VERSION: i64 = -32022;

    #[must_use]
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    #[must_use]
    pub fn with(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        Self::new(Self::METHOD_NOT_FOUND, format!("there is no method '{method}' here"))
    }

    #[must_use]
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }

    /// The HTTP status the stateless era prescribes for this error.
    pub(crate) fn stateless_status(&self) -> StatusCode {
        match self.code {
            Self::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
            Self::HEADER_MISMATCH | Self::MISSING_CAPABILITY | Self::UNSUPPORTED_VERSION => {
                StatusCode::BAD_REQUEST
            }
            Self::PARSE | Self::INVALID_REQUEST => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        }
    }

    pub(crate) fn to_message(&self, id: &Value) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    }
}

pub(crate) fn read(text: &[u8]) -> Result<Value, RpcError> {
    serde_json::from_slice(text)
        .map_err(|error| RpcError::new(RpcError::PARSE, format!("parse error: {error}")))
}

/// Sorts a parsed message.
pub(crate) fn sort(value: &Value) -> Result<Message, RpcError> {
    let bad = |why: &str| RpcError::new(RpcError::INVALID_REQUEST, why);
    let object = value
        .as_object()
        .ok_or_else(|| bad("one JSON-RPC message is expected, not a batch or a bare value"))?;
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(bad("jsonrpc must be \"2.0\""));
    }
    let id = object.get("id").cloned();
    if id.as_ref().is_some_and(|id| !id.is_string() && !id.is_number() && !id.is_null()) {
        return Err(bad("id must be a string or a number"));
    }
    let method = object.get("method").and_then(Value::as_str).map(str::to_owned);
    match (method, id) {
        (Some(_), Some(Value::Null)) => Err(bad("id must not be null")),
        (Some(method), Some(id)) => {
            let params = object.get("params").cloned().unwrap_or_else(|| json!({}));
            if !params.is_object() {
                return Err(RpcError::invalid_params("params must be an object"));
            }
            Ok(Message::Request { id, method, params })
        }
        (Some(method), None) => Ok(Message::Notification { method }),
        (None, Some(id)) => match (object.get("result"), object.get("error")) {
            (Some(result), None) => Ok(Message::Response { id, outcome: Ok(result.clone()) }),
            (None, Some(error)) => Ok(Message::Response { id, outcome: Err(error.clone()) }),
            _ => Err(bad("a response has either a result or an error")),
        },
        (None, None) => Err(bad("neither a request nor a response")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_sorted_and_nonsense_is_named() {
        let request = sort(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}));
        assert!(matches!(request, Ok(Message::Request { .. })));
        let note = sort(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert!(matches!(note, Ok(Message::Notification { .. })));
        for bad in [
            json!([]),
            json!({}),
            json!({"jsonrpc": "2.0", "id": {}, "method": "x"}),
            json!({"jsonrpc": "2.0", "id": 1}),
        ] {
            assert_eq!(sort(&bad).map_err(|e| e.code), Err(RpcError::INVALID_REQUEST), "{bad}");
        }
    }
}
