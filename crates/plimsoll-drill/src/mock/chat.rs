//! OpenAI chat completions: `messages` in, `choices` or `chat.completion.chunk` events out.

use serde_json::{Value, json};

use super::answer::{Answer, Proposal, fresh, piece_size, pieces};
use super::conversation::{Conversation, Tool, Turn, content_text};
use super::dialect::Event;

pub(crate) fn read(body: &Value) -> Result<Conversation, String> {
    let messages = body.get("messages").and_then(Value::as_array).ok_or("messages must be an array")?;
    let mut turns = Vec::new();
    for message in messages {
        read_message(message, &mut turns)?;
    }
    let tools = body.get("tools").and_then(Value::as_array).map(|t| t.iter().filter_map(read_tool).collect());
    let usage_wanted =
        body.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or(false);
    Ok(Conversation { turns, tools: tools.unwrap_or_default(), usage_wanted, ..Conversation::default() })
}

fn read_message(message: &Value, turns: &mut Vec<Turn>) -> Result<(), String> {
    let role = message.get("role").and_then(Value::as_str).ok_or("every message needs a role")?;
    let text = message.get("content").map(content_text).unwrap_or_default();
    match role {
        "system" | "developer" => turns.push(Turn::System(text)),
        "user" => turns.push(Turn::User(text)),
        "tool" | "function" => turns.push(Turn::Outcome { text, failed: false }),
        "assistant" => {
            if !text.is_empty() {
                turns.push(Turn::Assistant(text));
            }
            let calls = message.get("tool_calls").and_then(Value::as_array);
            turns.extend(calls.into_iter().flatten().filter_map(read_call));
        }
        other => return Err(format!("unknown role '{other}'")),
    }
    Ok(())
}

fn read_call(call: &Value) -> Option<Turn> {
    let function = call.get("function").or_else(|| call.get("custom"))?;
    let name = function.get("name")?.as_str()?.to_owned();
    let text =
        function.get("arguments").or_else(|| function.get("input")).and_then(Value::as_str).unwrap_or("{}");
    let arguments = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    Some(Turn::Call { name, arguments })
}

fn read_tool(tool: &Value) -> Option<Tool> {
    let inner = tool.get("function").or_else(|| tool.get("custom"))?;
    Some(Tool {
        name: inner.get("name")?.as_str()?.to_owned(),
        namespace: None,
        free_text: tool.get("type").and_then(Value::as_str) == Some("custom"),
        declared_bytes: tool.to_string().len(),
    })
}

pub(crate) fn whole(asked: &Conversation, answer: &Answer) -> Value {
    let mut message = json!({ "role": "assistant", "content": text_or_null(answer), "refusal": null });
    if !answer.calls.is_empty() {
        message["tool_calls"] = answer.calls.iter().map(call).collect();
    }
    json!({
        "id": fresh("chatcmpl-"), "object": "chat.completion", "created": now(), "model": asked.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish(answer) }],
        "usage": usage(asked, answer), "system_fingerprint": "fp_plimsoll",
    })
}

fn call(call: &Proposal) -> Value {
    if call.free_text {
        return json!({ "id": call.id, "type": "custom", "custom": { "name": call.name, "input": call.arguments } });
    }
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } })
}

pub(crate) fn events(asked: &Conversation, answer: &Answer) -> Vec<Event> {
    let (id, created) = (fresh("chatcmpl-"), now());
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": created, "model": asked.model,
            "system_fingerprint": "fp_plimsoll", "choices": choices,
        });
        if asked.usage_wanted {
            chunk["usage"] = usage;
        }
        Event::bare(chunk.to_string())
    };
    let delta = |delta: Value, finish: Value| {
        chunk(json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]), Value::Null)
    };
    let mut events = vec![delta(json!({ "role": "assistant", "content": "" }), Value::Null)];
    let text = pieces(&answer.text, piece_size(&answer.text));
    events.extend(text.into_iter().map(|piece| delta(json!({ "content": piece }), Value::Null)));
    for (index, proposal) in answer.calls.iter().enumerate() {
        events.extend(
            call_deltas(index, proposal)
                .into_iter()
                .map(|d| delta(json!({ "tool_calls": [d] }), Value::Null)),
        );
    }
    events.push(delta(json!({}), json!(finish(answer))));
    if asked.usage_wanted {
        events.push(chunk(json!([]), usage(asked, answer)));
    }
    events.push(Event::bare("[DONE]"));
    events
}

fn call_deltas(index: usize, proposal: &Proposal) -> Vec<Value> {
    let mut head = call(proposal);
    head["index"] = json!(index);
    let (kind, field) = if proposal.free_text { ("custom", "input") } else { ("function", "arguments") };
    head[kind][field] = json!("");
    let mut deltas = vec![head];
    let rest = pieces(&proposal.arguments, 16);
    deltas.extend(rest.into_iter().map(|piece| json!({ "index": index, kind: { field: piece } })));
    deltas
}

fn text_or_null(answer: &Answer) -> Value {
    if answer.text.is_empty() && !answer.calls.is_empty() { Value::Null } else { json!(answer.text) }
}

fn finish(answer: &Answer) -> &'static str {
    if answer.calls.is_empty() { "stop" } else { "tool_calls" }
}

fn usage(asked: &Conversation, answer: &Answer) -> Value {
    let (prompt, completion) = (asked.prompt_tokens(), answer.tokens());
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": { "cached_tokens": 0 }, "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
