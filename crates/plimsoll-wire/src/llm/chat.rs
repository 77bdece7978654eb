//! OpenAI Chat Completions (API reference, "Chat": the request, the chat completion object).

use std::borrow::Cow;

use super::answer::owned;
use super::request::{At, array, optional_array, required_str};
use super::{
    CallKind, Channel, DeclaredTool, PriorCall, Request, Response, Role, Runs, ToolCall, ToolKind, WireError,
};
use crate::json::{Doc, Edit, Kind, Ref, escape};

/// Members by which OpenAI and compatible providers search or run plug-ins on their own.
const PROVIDER_MEMBERS: [&str; 3] = ["web_search_options", "search_parameters", "plugins"];

pub(super) fn read_request(doc: Doc<'_>) -> Result<Request<'_>, WireError> {
    let root = doc.root();
    let mut request = Request::begin(doc)?;
    request.choices = root.get_some("n").and_then(Ref::as_u64).unwrap_or(1);
    request.max_tokens(root, &["max_completion_tokens", "max_tokens"]);
    request.hide(root, &["store"]);
    for (index, message) in array(root, "messages")?.items().enumerate() {
        read_message(&mut request, message, index)?;
    }
    if let Some(content) = root.get_some("prediction").and_then(|prediction| prediction.get("content")) {
        read_content(&mut request, content, &At::role(Role::Assistant, None));
    }
    for tool in optional_array(root, "tools")? {
        read_tool(&mut request, tool)?;
    }
    for item in optional_array(root, "functions")? {
        let name = required_str(item, "name")?;
        request.tools.push(DeclaredTool { name, namespace: None, kind: ToolKind::Function, item });
    }
    for key in PROVIDER_MEMBERS {
        if let Some(item) = root.get_some(key) {
            request.hosted(Cow::Borrowed(key), item, Runs::AtProvider);
        }
    }
    Ok(request)
}

fn read_message<'a>(request: &mut Request<'a>, message: Ref<'a>, index: usize) -> Result<(), WireError> {
    let role = message.get("role").ok_or_else(|| WireError::missing(message, "role", "a string"))?;
    let at = At {
        role: Role::named(role),
        message: Some(index),
        call: message.get_str("tool_call_id"),
        name: message.get_str("name"),
    };
    if let Some(content) = message.get_some("content") {
        read_content(request, content, &at);
    }
    for key in ["refusal", "reasoning_content", "reasoning"] {
        request.text(message.get(key), &at);
    }
    if let Some(audio) = message.get_some("audio") {
        request.opaque(Cow::Borrowed("audio"), audio, at.role);
    }
    for call in optional_array(message, "tool_calls")? {
        let (id, body) = (call.get_str("id").unwrap_or_default(), call_body(call));
        push_prior(request, id, body, call, index);
    }
    if let Some(call) = message.get_some("function_call") {
        push_prior(request, Cow::Borrowed(""), Some(call), call, index);
    }
    Ok(())
}

/// The part of a call that has name and input: `function` or `custom`.
fn call_body(call: Ref<'_>) -> Option<Ref<'_>> {
    call.get_some("function").or_else(|| call.get_some("custom"))
}

fn push_prior<'a>(
    request: &mut Request<'a>,
    id: Cow<'a, str>,
    body: Option<Ref<'a>>,
    call: Ref<'a>,
    index: usize,
) {
    let member = |key: &str| body.and_then(|body| body.get_str(key));
    let arguments = member("arguments").or_else(|| member("input")).unwrap_or_default();
    let name = member("name").unwrap_or_default();
    request.prior_calls.push(PriorCall { id, name, arguments, range: call.range(), message_index: index });
}

fn read_content<'a>(request: &mut Request<'a>, content: Ref<'a>, at: &At<'a>) {
    if content.kind() != Kind::Array {
        return match content.kind() {
            Kind::String => request.text(Some(content), at),
            _ => request.unknown(content, at),
        };
    }
    for part in content.items() {
        match part.get_str("type").as_deref() {
            Some("text" | "input_text" | "output_text") if part.get("text").is_some() => {
                request.text(part.get("text"), at)
            }
            Some("refusal") => request.text(part.get("refusal"), at),
            Some(kind @ ("image_url" | "input_audio" | "file" | "video_url" | "audio_url")) => {
                request.opaque(Cow::Owned(kind.to_owned()), part, at.role);
            }
            _ => request.unknown(part, at),
        }
    }
}

fn read_tool<'a>(request: &mut Request<'a>, item: Ref<'a>) -> Result<(), WireError> {
    let kind = required_str(item, "type")?;
    let declared = match &*kind {
        "function" => ToolKind::Function,
        "custom" => ToolKind::Custom,
        _ => {
            request.hosted(kind, item, Runs::AtProvider);
            return Ok(());
        }
    };
    let body = item.get(&kind).ok_or_else(|| WireError::missing(item, &kind, "an object"))?;
    request.tools.push(DeclaredTool {
        name: required_str(body, "name")?,
        namespace: None,
        kind: declared,
        item,
    });
    Ok(())
}

pub(super) fn read_response(doc: Doc<'_>) -> Result<Response<'_>, WireError> {
    let mut response = Response::begin(doc)?;
    for choice in array(doc.root(), "choices")?.items() {
        let number = choice_number(choice);
        response.finish.extend(choice.get_str("finish_reason"));
        let Some(message) = choice.get_some("message") else { continue };
        match message.get_some("content") {
            Some(content) if content.kind() == Kind::Array => {
                content.items().for_each(|part| response.text(part.get("text"), Channel::Answer, number));
            }
            content => response.text(content, Channel::Answer, number),
        }
        response.text(message.get("refusal"), Channel::Refusal, number);
        response.text(message.get("reasoning_content"), Channel::Reasoning, number);
        response.text(message.get("reasoning"), Channel::Reasoning, number);
        optional_array(message, "tool_calls")?;
        response.calls.extend(calls_of(message, number));
    }
    Ok(response)
}

pub(super) fn choice_number(choice: Ref<'_>) -> usize {
    choice.get("index").and_then(Ref::as_u64).unwrap_or(0) as usize
}

fn calls_of(message: Ref<'_>, choice: usize) -> Vec<ToolCall> {
    let listed = message.get_some("tool_calls").map(Ref::items).unwrap_or_default();
    let legacy = message.get_some("function_call");
    let calls = listed.map(|call| (call, call_body(call).unwrap_or(call), owned(call, "id")));
    let all = calls.chain(legacy.map(|call| (call, call, String::new())));
    all.enumerate().map(|(index, (call, body, id))| read_call(call, body, id, choice, index)).collect()
}

fn read_call(call: Ref<'_>, body: Ref<'_>, id: String, choice: usize, index: usize) -> ToolCall {
    let kind = call_kind(call);
    let arguments = if kind == CallKind::Custom { owned(body, "input") } else { owned(body, "arguments") };
    ToolCall {
        id,
        name: owned(body, "name"),
        namespace: None,
        arguments,
        kind,
        range: call.range(),
        choice,
        index,
    }
}

/// A call that claims to be of two kinds, or of none, is not known: its reader might take either.
pub(super) fn call_kind(call: Ref<'_>) -> CallKind {
    let function = call.get_some("function").is_some() || call.get_some("name").is_some();
    match (function, call.get_some("custom").is_some(), call.get_str("type").as_deref()) {
        (true, false, None | Some("function")) => CallKind::Function,
        (false, true, None | Some("custom")) => CallKind::Custom,
        _ => CallKind::Unknown,
    }
}

pub(super) fn replace_calls(doc: Doc<'_>, refused: &[(&ToolCall, &str)], edit: &mut Edit<'_>) {
    let choices = doc.root().get("choices").map(Ref::items).unwrap_or_default();
    for choice in choices {
        let Some(message) = choice.get_some("message") else { continue };
        let texts: Vec<&str> =
            calls_of(message, 0).iter().filter_map(|call| refusal_of(call, refused)).collect();
        if texts.is_empty() {
            continue;
        }
        let is_refused = |call: Ref<'_>| refused.iter().any(|(refused, _)| refused.range == call.range());
        let list = message.get_some("tool_calls");
        let left = list.map(|list| list.items().filter(|call| !is_refused(*call)).count()).unwrap_or(0);
        match list {
            Some(list) if left == 0 => edit.remove(list),
            Some(list) => list.items().filter(|call| is_refused(*call)).for_each(|call| edit.remove(call)),
            None => {}
        }
        let legacy = message.get_some("function_call");
        if let Some(call) = legacy.filter(|call| is_refused(*call)) {
            edit.remove(call);
        }
        put_text(edit, message, &texts.join("\n\n"));
        let legacy_left = legacy.is_some_and(|call| !is_refused(call));
        if let Some(reason) = choice.get_some("finish_reason").filter(|_| left == 0 && !legacy_left) {
            edit.replace(reason, "\"stop\"");
        }
    }
}

fn refusal_of<'r>(call: &ToolCall, refused: &[(&ToolCall, &'r str)]) -> Option<&'r str> {
    refused.iter().find(|(refused, _)| refused.range == call.range).map(|(_, text)| *text)
}

/// Adds text to a message's content, after what it says already.
fn put_text(edit: &mut Edit<'_>, message: Ref<'_>, text: &str) {
    match message.get_some("content") {
        Some(content) if content.kind() == Kind::Array => {
            edit.push_item(content, format!("{{\"type\":\"text\",\"text\":{}}}", escape(text)));
        }
        Some(content) if content.as_str().is_some_and(|said| !said.is_empty()) => {
            let end = content.range().end - 1;
            let quoted = escape(&format!("\n\n{text}"));
            edit.replace_range(end..end, &quoted.as_bytes()[1..quoted.len() - 1]);
        }
        _ => edit.set(message, "content", escape(text)),
    }
}
