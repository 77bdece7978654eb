//! Anthropic messages: content blocks in, content blocks or `content_block_*` events out.
//!
//! Claude Code sends `system` as an array, system messages in the middle of the conversation, tool results whose
//! content is an array of blocks, and many fields nobody documented; whatever isn't needed is ignored.

use serde_json::{Value, json};

use super::answer::{Answer, Proposal, fresh, piece_size, pieces};
use super::conversation::{Conversation, Tool, Turn, content_text};
use super::dialect::Event;

pub(crate) fn read(body: &Value) -> Result<Conversation, String> {
    let messages = body.get("messages").and_then(Value::as_array).ok_or("messages: Field required")?;
    let mut turns = Vec::new();
    if let Some(system) = body.get("system") {
        turns.push(Turn::System(content_text(system)));
    }
    for message in messages {
        read_message(message, &mut turns)?;
    }
    let tools = body.get("tools").and_then(Value::as_array).map(|t| t.iter().filter_map(read_tool).collect());
    Ok(Conversation { turns, tools: tools.unwrap_or_default(), ..Conversation::default() })
}

fn read_message(message: &Value, turns: &mut Vec<Turn>) -> Result<(), String> {
    let role = message.get("role").and_then(Value::as_str).ok_or("messages: role: Field required")?;
    let speak: fn(String) -> Turn = match role {
        "user" => Turn::User,
        "assistant" => Turn::Assistant,
        "system" => Turn::System,
        other => return Err(format!("messages: unexpected role '{other}'")),
    };
    match message.get("content") {
        Some(Value::Array(blocks)) => {
            turns.extend(blocks.iter().filter_map(|block| read_block(block, speak)))
        }
        Some(content) => turns.push(speak(content_text(content))),
        None => return Err("messages: content: Field required".to_owned()),
    }
    Ok(())
}

fn read_block(block: &Value, speak: fn(String) -> Turn) -> Option<Turn> {
    match block.get("type").and_then(Value::as_str)? {
        "text" => Some(speak(content_text(block))),
        "tool_use" => Some(Turn::Call {
            name: block.get("name")?.as_str()?.to_owned(),
            arguments: block.get("input").cloned().unwrap_or(Value::Null),
        }),
        "tool_result" => Some(Turn::Outcome {
            text: block.get("content").map(content_text).unwrap_or_default(),
            failed: block.get("is_error").and_then(Value::as_bool).unwrap_or(false),
        }),
        _ => None,
    }
}

/// Deferred tools and provider-hosted ones can't be called by this model: only tools with a schema are offered.
fn read_tool(tool: &Value) -> Option<Tool> {
    tool.get("input_schema")?;
    Some(Tool {
        name: tool.get("name")?.as_str()?.to_owned(),
        namespace: None,
        free_text: false,
        declared_bytes: tool.to_string().len(),
    })
}

pub(crate) fn whole(asked: &Conversation, answer: &Answer) -> Value {
    let mut content = Vec::new();
    if !answer.text.is_empty() || answer.calls.is_empty() {
        content.push(json!({ "type": "text", "text": answer.text }));
    }
    content.extend(answer.calls.iter().map(|call| tool_use(call, call.value())));
    json!({
        "id": fresh("msg_"), "type": "message", "role": "assistant", "model": asked.model, "content": content,
        "stop_reason": stop(answer), "stop_sequence": null, "usage": usage(asked, answer.tokens()),
    })
}

fn tool_use(call: &Proposal, input: Value) -> Value {
    json!({ "type": "tool_use", "id": call.id.replacen("call_", "toolu_", 1), "name": call.name, "input": input })
}

pub(crate) fn events(asked: &Conversation, answer: &Answer) -> Vec<Event> {
    let message = json!({
        "id": fresh("msg_"), "type": "message", "role": "assistant", "model": asked.model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage(asked, 1),
    });
    let mut events = vec![event("message_start", json!({ "message": message })), event("ping", json!({}))];
    let mut index = 0;
    if !answer.text.is_empty() || answer.calls.is_empty() {
        let deltas = pieces(&answer.text, piece_size(&answer.text));
        let deltas = deltas.into_iter().map(|piece| json!({ "type": "text_delta", "text": piece })).collect();
        block(&mut events, index, json!({ "type": "text", "text": "" }), deltas);
        index += 1;
    }
    for call in &answer.calls {
        let deltas = pieces(&call.arguments, 16);
        let deltas = deltas
            .into_iter()
            .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }))
            .collect();
        block(&mut events, index, tool_use(call, json!({})), deltas);
        index += 1;
    }
    let usage = json!({ "output_tokens": answer.tokens() });
    let delta = json!({ "stop_reason": stop(answer), "stop_sequence": null });
    events.push(event("message_delta", json!({ "delta": delta, "usage": usage })));
    events.push(event("message_stop", json!({})));
    events
}

fn block(events: &mut Vec<Event>, index: usize, start: Value, deltas: Vec<Value>) {
    events.push(event("content_block_start", json!({ "index": index, "content_block": start })));
    events.extend(
        deltas
            .into_iter()
            .map(|delta| event("content_block_delta", json!({ "index": index, "delta": delta }))),
    );
    events.push(event("content_block_stop", json!({ "index": index })));
}

fn event(name: &'static str, mut data: Value) -> Event {
    data["type"] = json!(name);
    Event::named(name, &data)
}

fn stop(answer: &Answer) -> &'static str {
    if answer.calls.is_empty() { "end_turn" } else { "tool_use" }
}

fn usage(asked: &Conversation, output: u64) -> Value {
    json!({
        "input_tokens": asked.prompt_tokens(), "output_tokens": output,
        "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
    })
}

pub(crate) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        400..=428 => "invalid_request_error",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": fresh("req_") })
}
