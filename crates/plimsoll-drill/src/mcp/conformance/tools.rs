//! The conformance server's ordinary tools, and those that ask the client in the middle of a call.

use std::time::Duration;

use serde_json::{Value, json};

use super::{PIXEL, SILENCE};
use crate::mcp::{Change, Context, Era, Reply, RpcError, text_result, tool_error};

/// The pause between two signs of life of a working tool.
const STEP: Duration = Duration::from_millis(50);

pub(super) async fn call(cx: &Context, name: &str, arguments: &Value) -> Result<Reply, RpcError> {
    let argument = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    match name {
        "test_simple_text" => Ok(text_result("This is a simple text response for testing.")),
        "test_image_content" => Ok(content(json!([image()]))),
        "test_audio_content" => {
            Ok(content(json!([{ "type": "audio", "data": SILENCE, "mimeType": "audio/wav" }])))
        }
        "test_embedded_resource" => {
            let text = "This is an embedded resource content.";
            Ok(content(json!([resource("test://embedded-resource", "text/plain", text)])))
        }
        "test_multiple_content_types" => Ok(mixed()),
        "test_error_handling" => Ok(tool_error("This tool intentionally returns an error for testing")),
        "test_tool_with_logging" => Ok(logging(cx).await),
        "test_logging_tool" => {
            cx.log("working").await;
            Ok(text_result("logged"))
        }
        "test_tool_with_progress" => Ok(progressing(cx).await),
        "test_sampling" => sampling(cx, &argument("prompt")).await,
        "test_elicitation" => elicitation(cx, &argument("message")).await,
        "test_elicitation_sep1034_defaults" => choose(cx, defaults()).await,
        "test_elicitation_sep1330_enums" => choose(cx, enums()).await,
        "test_missing_capability" => missing_capability(cx),
        "test_trigger_tool_change" => Ok(announce(cx, Change::Tools)),
        "test_trigger_prompt_change" => Ok(announce(cx, Change::Prompts)),
        "test_reconnection" => {
            // A server that marks no places in its streams must not break them off: nobody could come back.
            cx.log("staying on the line").await;
            tokio::time::sleep(STEP).await;
            Ok(text_result("Reconnection test completed"))
        }
        "test_header_mirror" => Ok(text_result(format!("region {}", argument("region")))),
        "json_schema_2020_12_tool" => Ok(text_result(arguments.to_string())),
        _ => Err(RpcError::invalid_params(format!("unknown tool: {name}"))),
    }
}

fn content(content: Value) -> Reply {
    Reply::Result(json!({ "content": content }))
}

fn image() -> Value {
    json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" })
}

fn resource(uri: &str, mime: &str, text: &str) -> Value {
    json!({ "type": "resource", "resource": { "uri": uri, "mimeType": mime, "text": text } })
}

fn mixed() -> Reply {
    let text = json!({ "type": "text", "text": "Multiple content types test:" });
    let data = json!({ "test": "data", "value": 123 }).to_string();
    content(json!([text, image(), resource("test://mixed-content-resource", "application/json", &data)]))
}

async fn logging(cx: &Context) -> Reply {
    for text in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        cx.log(text).await;
        tokio::time::sleep(STEP).await;
    }
    text_result("Tool with logging executed successfully")
}

async fn progressing(cx: &Context) -> Reply {
    for step in [0, 50, 100] {
        cx.progress(step, 100).await;
        tokio::time::sleep(STEP).await;
    }
    text_result("Tool with progress executed successfully")
}

fn announce(cx: &Context, change: Change) -> Reply {
    cx.announce(change);
    text_result("announced")
}

fn missing_capability(cx: &Context) -> Result<Reply, RpcError> {
    if cx.client_can("sampling") {
        return Ok(text_result("the client can sample"));
    }
    let error = RpcError::new(RpcError::MISSING_CAPABILITY, "this tool needs a client that can sample");
    Err(error.with(json!({ "requiredCapabilities": { "sampling": {} } })))
}

async fn sampling(cx: &Context, prompt: &str) -> Result<Reply, RpcError> {
    if cx.era == Era::Stateless || !cx.client_can("sampling") {
        return Ok(tool_error("this client can't sample in the middle of a call"));
    }
    let message = json!({ "role": "user", "content": { "type": "text", "text": prompt } });
    let answer = cx.ask("sampling/createMessage", json!({ "messages": [message], "maxTokens": 100 })).await?;
    let text = answer.pointer("/content/text").and_then(Value::as_str).unwrap_or_default();
    Ok(text_result(format!("LLM response: {text}")))
}

async fn elicitation(cx: &Context, message: &str) -> Result<Reply, RpcError> {
    let schema = json!({
        "type": "object",
        "properties": {
            "username": { "type": "string", "description": "User's response" },
            "email": { "type": "string", "description": "User's email address" },
        },
        "required": ["username", "email"],
    });
    let asked = ask_user(cx, message, schema).await?;
    Ok(asked.map_or_else(
        |refusal| refusal,
        |(action, content)| text_result(format!("User response: action={action}, content={content}")),
    ))
}

async fn choose(cx: &Context, properties: Value) -> Result<Reply, RpcError> {
    let schema = json!({ "type": "object", "properties": properties, "required": [] });
    let asked = ask_user(cx, "Please choose", schema).await?;
    Ok(asked.map_or_else(
        |refusal| refusal,
        |(action, content)| text_result(format!("Elicitation completed: action={action}, content={content}")),
    ))
}

async fn ask_user(
    cx: &Context,
    message: &str,
    schema: Value,
) -> Result<Result<(String, Value), Reply>, RpcError> {
    if cx.era == Era::Stateless || !cx.client_can("elicitation") {
        return Ok(Err(tool_error("this client's user can't be asked in the middle of a call")));
    }
    let answer =
        cx.ask("elicitation/create", json!({ "message": message, "requestedSchema": schema })).await?;
    let action = answer.get("action").and_then(Value::as_str).unwrap_or("cancel").to_owned();
    Ok(Ok((action, answer.get("content").cloned().unwrap_or_else(|| json!({})))))
}

fn defaults() -> Value {
    json!({
        "name": { "type": "string", "description": "User name", "default": "John Doe" },
        "age": { "type": "integer", "description": "User age", "default": 30 },
        "score": { "type": "number", "description": "User score", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "description": "Verification status", "default": true },
    })
}

fn enums() -> Value {
    let titled = |values: [(&str, &str); 3]| -> Value {
        values.iter().map(|(value, title)| json!({ "const": value, "title": title })).collect()
    };
    let options = json!(["option1", "option2", "option3"]);
    json!({
        "untitledSingle": { "type": "string", "enum": options },
        "titledSingle": {
            "type": "string",
            "oneOf": titled([("value1", "First Option"), ("value2", "Second Option"), ("value3", "Third Option")]),
        },
        "legacyEnum": {
            "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
        "titledMulti": {
            "type": "array",
            "items": { "anyOf": titled([("value1", "First Choice"), ("value2", "Second Choice"), ("value3", "Third Choice")]) },
        },
    })
}
