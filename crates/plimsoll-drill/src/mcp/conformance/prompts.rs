//! The conformance server's prompts, and the completion of their arguments.

use serde_json::{Value, json};

use super::{PIXEL, input};
use crate::mcp::{Context, Reply, RpcError};

pub(super) fn list() -> Value {
    let argument =
        |name: &str| json!({ "name": name, "description": format!("{name}, for tests"), "required": true });
    let prompt = |name: &str, description: &str, arguments: Vec<Value>| json!({ "name": name, "description": description, "arguments": arguments });
    json!({ "prompts": [
        prompt("test_simple_prompt", "a prompt without arguments", vec![]),
        prompt("test_prompt_with_arguments", "a prompt with two", vec![argument("arg1"), argument("arg2")]),
        prompt("test_prompt_with_embedded_resource", "a prompt with a resource", vec![argument("resourceUri")]),
        prompt("test_prompt_with_image", "a prompt with an image", vec![]),
        prompt("test_input_required_result_prompt", "a prompt that needs input", vec![]),
    ] })
}

pub(super) fn get(cx: &Context, params: &Value) -> Result<Reply, RpcError> {
    let argument = |key: &str| {
        let given = params.pointer(&format!("/arguments/{key}")).and_then(Value::as_str);
        given.ok_or_else(|| RpcError::invalid_params(format!("the argument {key} is needed")))
    };
    let messages = match params.get("name").and_then(Value::as_str).unwrap_or_default() {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (one, two) = (argument("arg1")?, argument("arg2")?);
            vec![text(&format!("Prompt with arguments: arg1='{one}', arg2='{two}'"))]
        }
        "test_prompt_with_embedded_resource" => {
            let content = "Embedded resource content for testing.";
            let resource =
                json!({ "uri": argument("resourceUri")?, "mimeType": "text/plain", "text": content });
            vec![
                message(json!({ "type": "resource", "resource": resource })),
                text("Please process the embedded resource above."),
            ]
        }
        "test_prompt_with_image" => vec![
            message(json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" })),
            text("Please analyze the image above."),
        ],
        "test_input_required_result_prompt" => return Ok(Reply::Result(input::prompt(cx))),
        other => return Err(RpcError::invalid_params(format!("there is no prompt {other}"))),
    };
    Ok(Reply::Result(json!({ "messages": messages })))
}

fn message(content: Value) -> Value {
    json!({ "role": "user", "content": content })
}

fn text(text: &str) -> Value {
    message(json!({ "type": "text", "text": text }))
}

/// Suggestions that start with what was typed.
pub(super) fn complete(params: &Value) -> Value {
    const KNOWN: &[&str] = &["paris", "park", "party", "test", "testing"];
    let typed = params.pointer("/argument/value").and_then(Value::as_str).unwrap_or_default();
    let values: Vec<_> = KNOWN.iter().filter(|word| word.starts_with(typed)).collect();
    json!({ "completion": { "values": values, "total": values.len(), "hasMore": false } })
}
