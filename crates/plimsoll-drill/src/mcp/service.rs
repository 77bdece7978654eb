//! What a server on the kit has to say for itself. Eras, transports, sessions and headers are the kit's business.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::context::Context;
use super::rpc::RpcError;

/// A future that answers one request.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Reply, RpcError>> + Send + 'a>>;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The result object; what the era demands around it is added.
    Result(Value),
    /// The bytes of the whole message, sent as they are. For servers that misbehave.
    Raw(String),
}

/// Who the server is.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    pub name: &'static str,
    pub version: &'static str,
    pub instructions: &'static str,
}

/// A server on the kit.
pub trait Service: Send + Sync + 'static {
    fn identity(&self) -> Identity;

    /// The capabilities object, the same in both eras.
    fn capabilities(&self) -> Value {
        json!({ "tools": {} })
    }

    /// The declared tools. Called once for each `tools/list`.
    fn tools(&self) -> Vec<Value>;

    /// A tool's input schema, for checking the headers that mirror its arguments.
    fn input_schema(&self, _tool: &str) -> Option<Value> {
        None
    }

    fn call_tool<'a>(&'a self, cx: &'a Context, name: &'a str, arguments: &'a Value) -> Answering<'a>;

    /// Any method the kit doesn't answer itself: resources, prompts, completion.
    fn other<'a>(&'a self, _cx: &'a Context, method: &'a str, _params: &'a Value) -> Answering<'a> {
        let error = RpcError::method_not_found(method);
        Box::pin(async move { Err(error) })
    }

    /// The bearer token every HTTP request must show, if any.
    fn required_token(&self) -> Option<&str> {
        None
    }
}

/// A tool result that is one text.
#[must_use]
pub fn text_result(text: impl Into<String>) -> Reply {
    Reply::Result(json!({ "content": [{ "type": "text", "text": text.into() }] }))
}

/// A tool result that says the tool failed.
#[must_use]
pub fn tool_error(text: impl Into<String>) -> Reply {
    Reply::Result(json!({ "content": [{ "type": "text", "text": text.into() }], "isError": true }))
}
