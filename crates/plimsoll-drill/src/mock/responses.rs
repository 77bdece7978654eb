//! OpenAI responses: input items in, output items or `response.*` events out.
//!
//! The events come in the order the OpenAI SDKs, the Agents SDK and Codex expect: the response opens, each item is
//! added, filled and finished, the response completes with everything in it. Each event has a `sequence_number`.

use serde_json::{Value, json};

use super::answer::{Answer, Proposal, fresh, piece_size, pieces};
use super::chat::now;
use super::conversation::{Conversation, Tool, Turn, content_text, join_name};
use super::dialect::Event;

pub(crate) fn read(body: &Value) -> Result<Conversation, String> {
    let mut turns = Vec::new();
    if let Some(Value::String(instructions)) = body.get("instructions") {
        turns.push(Turn::System(instructions.clone()));
    }
    match body.get("input") {
        Some(Value::String(text)) => turns.push(Turn::User(text.clone())),
        Some(Value::Array(items)) => turns.extend(items.iter().filter_map(read_item)),
        _ => return Err("input must be a string or an array of items".to_owned()),
    }
    let mut tools = Vec::new();
    for tool in body.get("tools").and_then(Value::as_array).into_iter().flatten() {
        read_tool(tool, None, &mut tools);
    }
    Ok(Conversation { turns, tools, ..Conversation::default() })
}

fn read_item(item: &Value) -> Option<Turn> {
    let text = |key: &str| item.get(key).map(content_text).unwrap_or_default();
    match item.get("type").and_then(Value::as_str).unwrap_or("message") {
        "message" => match item.get("role").and_then(Value::as_str)? {
            "user" => Some(Turn::User(text("content"))),
            "assistant" => Some(Turn::Assistant(text("content"))),
            _ => Some(Turn::System(text("content"))),
        },
        "function_call" => {
            let arguments = text("arguments");
            let arguments = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
            Some(Turn::Call { name: called_name(item)?, arguments })
        }
        "custom_tool_call" => {
            Some(Turn::Call { name: called_name(item)?, arguments: Value::String(text("input")) })
        }
        "function_call_output" | "custom_tool_call_output" => {
            Some(Turn::Outcome { text: text("output"), failed: false })
        }
        _ => None,
    }
}

fn called_name(item: &Value) -> Option<String> {
    let namespace = item.get("namespace").and_then(Value::as_str);
    Some(join_name(namespace, item.get("name")?.as_str()?))
}

fn read_tool(tool: &Value, namespace: Option<&str>, tools: &mut Vec<Tool>) {
    let Some(name) = tool.get("name").and_then(Value::as_str) else { return };
    match tool.get("type").and_then(Value::as_str) {
        Some("namespace") => {
            for inner in tool.get("tools").and_then(Value::as_array).into_iter().flatten() {
                read_tool(inner, Some(name), tools);
            }
        }
        kind @ Some("function" | "custom") => tools.push(Tool {
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            free_text: kind == Some("custom"),
            declared_bytes: tool.to_string().len(),
        }),
        _ => {}
    }
}

pub(crate) fn whole(request: &Value, asked: &Conversation, answer: &Answer) -> Value {
    let items: Vec<Value> = Item::of(answer).iter().map(Item::finished).collect();
    let mut response = frame(request, asked, &fresh("resp_"));
    complete(&mut response, items, asked, answer);
    response
}

pub(crate) fn events(request: &Value, asked: &Conversation, answer: &Answer) -> Vec<Event> {
    let mut response = frame(request, asked, &fresh("resp_"));
    let mut out = Sequence::default();
    out.push("response.created", json!({ "response": response }));
    out.push("response.in_progress", json!({ "response": response }));
    let items = Item::of(answer);
    for (index, item) in items.iter().enumerate() {
        item.stream(index, &mut out);
    }
    complete(&mut response, items.iter().map(Item::finished).collect(), asked, answer);
    out.push("response.completed", json!({ "response": response }));
    out.events
}

#[derive(Default)]
struct Sequence {
    events: Vec<Event>,
}

impl Sequence {
    fn push(&mut self, name: &'static str, mut data: Value) {
        data["type"] = json!(name);
        data["sequence_number"] = json!(self.events.len());
        self.events.push(Event::named(name, &data));
    }
}

/// One output item with its id.
enum Item<'a> {
    Message { id: String, text: &'a str },
    Call { id: String, call: &'a Proposal },
}

impl<'a> Item<'a> {
    fn of(answer: &'a Answer) -> Vec<Self> {
        let mut items = Vec::new();
        if !answer.text.is_empty() || answer.calls.is_empty() {
            items.push(Self::Message { id: fresh("msg_"), text: &answer.text });
        }
        items.extend(answer.calls.iter().map(|call| {
            let prefix = if call.free_text { "ctc_" } else { "fc_" };
            Self::Call { id: fresh(prefix), call }
        }));
        items
    }

    fn finished(&self) -> Value {
        match self {
            Self::Message { id, text } => message(id, "completed", vec![part(text)]),
            Self::Call { id, call } => call_item(id, "completed", call, &call.arguments),
        }
    }

    fn stream(&self, index: usize, out: &mut Sequence) {
        match self {
            Self::Message { id, text } => stream_message(id, text, index, out),
            Self::Call { id, call } => stream_call(id, call, index, out),
        }
        out.push("response.output_item.done", json!({ "output_index": index, "item": self.finished() }));
    }
}

fn stream_message(id: &str, text: &str, index: usize, out: &mut Sequence) {
    let here = |mut more: Value| {
        more["item_id"] = json!(id);
        more["output_index"] = json!(index);
        more["content_index"] = json!(0);
        more
    };
    let item = message(id, "in_progress", Vec::new());
    out.push("response.output_item.added", json!({ "output_index": index, "item": item }));
    out.push("response.content_part.added", here(json!({ "part": part("") })));
    for piece in pieces(text, piece_size(text)) {
        out.push("response.output_text.delta", here(json!({ "delta": piece, "logprobs": [] })));
    }
    out.push("response.output_text.done", here(json!({ "text": text, "logprobs": [] })));
    out.push("response.content_part.done", here(json!({ "part": part(text) })));
}

fn stream_call(id: &str, call: &Proposal, index: usize, out: &mut Sequence) {
    let (delta, done, field) = if call.free_text {
        ("response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", "input")
    } else {
        ("response.function_call_arguments.delta", "response.function_call_arguments.done", "arguments")
    };
    let item = call_item(id, "in_progress", call, "");
    out.push("response.output_item.added", json!({ "output_index": index, "item": item }));
    for piece in pieces(&call.arguments, 16) {
        out.push(delta, json!({ "item_id": id, "output_index": index, "delta": piece }));
    }
    out.push(done, json!({ "item_id": id, "output_index": index, "name": call.name, field: call.arguments }));
}

fn message(id: &str, status: &str, content: Vec<Value>) -> Value {
    json!({ "id": id, "type": "message", "status": status, "role": "assistant", "content": content })
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn call_item(id: &str, status: &str, call: &Proposal, arguments: &str) -> Value {
    let (kind, field) =
        if call.free_text { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
    let mut item = json!({
        "id": id, "type": kind, "status": status, "call_id": call.id, "name": call.name, field: arguments,
    });
    if let Some(namespace) = &call.namespace {
        item["namespace"] = json!(namespace);
    }
    item
}

/// The response object while it is in progress, with the request's settings echoed.
fn frame(request: &Value, asked: &Conversation, id: &str) -> Value {
    let echo =
        |key: &str, otherwise: Value| request.get(key).filter(|v| !v.is_null()).cloned().unwrap_or(otherwise);
    json!({
        "id": id, "object": "response", "created_at": now(), "status": "in_progress", "background": false,
        "error": null, "incomplete_details": null, "instructions": echo("instructions", Value::Null),
        "max_output_tokens": echo("max_output_tokens", Value::Null), "max_tool_calls": null, "model": asked.model,
        "output": [], "parallel_tool_calls": echo("parallel_tool_calls", json!(true)),
        "previous_response_id": echo("previous_response_id", Value::Null),
        "reasoning": echo("reasoning", json!({ "effort": null, "summary": null })),
        "service_tier": "default", "store": echo("store", json!(true)), "temperature": echo("temperature", json!(1.0)),
        "text": echo("text", json!({ "format": { "type": "text" } })), "tool_choice": echo("tool_choice", json!("auto")),
        "tools": echo("tools", json!([])), "top_logprobs": 0, "top_p": echo("top_p", json!(1.0)),
        "truncation": "disabled", "usage": null, "user": null, "metadata": echo("metadata", json!({})),
    })
}

fn complete(response: &mut Value, output: Vec<Value>, asked: &Conversation, answer: &Answer) {
    let (input, written) = (asked.prompt_tokens(), answer.tokens());
    response["status"] = json!("completed");
    response["output"] = Value::Array(output);
    response["usage"] = json!({
        "input_tokens": input, "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": written, "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": input + written,
    });
}
