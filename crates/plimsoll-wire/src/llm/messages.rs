//! Anthropic Messages (API reference, "Messages": the request, content blocks, the message object).

use std::borrow::Cow;

use super::answer::owned;
use super::request::{At, array, optional_array, required_str};
use super::{
    CallKind, Channel, DeclaredTool, HostedUse, PriorCall, Request, Response, Role, Runs, ToolCall, ToolKind,
    WireError,
};
use crate::json::{Doc, Edit, Kind, Ref, escape};

/// Typed tools that the client runs; their types end in a date.
const CLIENT_RUN: [&str; 4] = ["bash_", "text_editor_", "computer_", "memory_"];

pub(super) fn read_request(doc: Doc<'_>) -> Result<Request<'_>, WireError> {
    let root = doc.root();
    let mut request = Request::begin(doc)?;
    request.max_tokens(root, &["max_tokens"]);
    request.hide(root, &["container"]);
    if let Some(system) = root.get_some("system") {
        read_content(&mut request, system, &At::role(Role::System, None))?;
    }
    for (index, message) in array(root, "messages")?.items().enumerate() {
        let role = message.get("role").ok_or_else(|| WireError::missing(message, "role", "a string"))?;
        let content = message
            .get("content")
            .ok_or_else(|| WireError::missing(message, "content", "a string or an array"))?;
        read_content(&mut request, content, &At::role(Role::named(role), Some(index)))?;
    }
    for tool in optional_array(root, "tools")? {
        read_tool(&mut request, tool)?;
    }
    if let Some(servers) = root.get_some("mcp_servers").filter(|servers| servers.items().next().is_some()) {
        request.hosted(Cow::Borrowed("mcp_servers"), servers, Runs::AtProvider);
    }
    Ok(request)
}

fn read_content<'a>(request: &mut Request<'a>, content: Ref<'a>, at: &At<'a>) -> Result<(), WireError> {
    match content.kind() {
        Kind::String => request.text(Some(content), at),
        Kind::Array => {
            for block in content.items() {
                read_block(request, block, at)?;
            }
        }
        _ => return Err(WireError::shape(content, "a string or an array")),
    }
    Ok(())
}

fn read_block<'a>(request: &mut Request<'a>, block: Ref<'a>, at: &At<'a>) -> Result<(), WireError> {
    let kind = required_str(block, "type")?;
    match &*kind {
        "text" => request.text(block.get("text"), at),
        "thinking" => request.text(block.get("thinking"), at),
        "redacted_thinking" => request.opaque(kind, block, at.role),
        "compaction" => request.text(block.get("content"), at),
        "image" | "container_upload" => request.opaque(kind, block, at.role),
        "document" => read_document(request, block, at)?,
        "tool_use" | "server_tool_use" | "mcp_tool_use" => request.prior_calls.push(PriorCall {
            id: block.get_str("id").unwrap_or_default(),
            name: block.get_str("name").unwrap_or_default(),
            arguments: Cow::Borrowed(block.get("input").map_or("{}", Ref::raw_str)),
            range: block.range(),
            message_index: at.message.unwrap_or(0),
        }),
        "tool_result" | "mcp_tool_result" => {
            let at = At { role: Role::Tool, call: block.get_str("tool_use_id"), ..at.clone() };
            if let Some(content) = block.get_some("content") {
                read_content(request, content, &at)?;
            }
        }
        "search_result" => {
            request.text(block.get("source"), at);
            request.text(block.get("title"), at);
            if let Some(content) = block.get_some("content") {
                read_content(request, content, at)?;
            }
        }
        "tool_reference" => request.text(block.get("tool_name"), at),
        // Results of tools that ran at the provider: foreign text.
        kind if kind.ends_with("_tool_result") => {
            let at = At { role: Role::Tool, call: block.get_str("tool_use_id"), ..at.clone() };
            request.all_texts(block, &at);
        }
        _ => request.unknown(block, at),
    }
    Ok(())
}

fn read_document<'a>(request: &mut Request<'a>, block: Ref<'a>, at: &At<'a>) -> Result<(), WireError> {
    request.text(block.get("title"), at);
    request.text(block.get("context"), at);
    let Some(source) = block.get_some("source") else { return Ok(()) };
    match source.get_str("type").as_deref() {
        Some("text") => request.text(source.get("data"), at),
        Some("content") => {
            if let Some(content) = source.get_some("content") {
                read_content(request, content, at)?;
            }
        }
        _ => request.opaque(Cow::Borrowed("document"), source, at.role),
    }
    Ok(())
}

fn read_tool<'a>(request: &mut Request<'a>, item: Ref<'a>) -> Result<(), WireError> {
    let kind =
        item.get_some("type").map(|kind| kind.as_str().ok_or_else(|| WireError::shape(kind, "a string")));
    match kind.transpose()?.filter(|kind| kind != "custom") {
        None => {
            let name = required_str(item, "name")?;
            request.tools.push(DeclaredTool { name, namespace: None, kind: ToolKind::Function, item });
        }
        Some(kind) => {
            let client_run = CLIENT_RUN.iter().any(|prefix| kind.starts_with(prefix));
            let runs = if client_run { Runs::AtClient } else { Runs::AtProvider };
            request.hosted(kind, item, runs);
        }
    }
    Ok(())
}

pub(super) fn read_response(doc: Doc<'_>) -> Result<Response<'_>, WireError> {
    let mut response = Response::begin(doc)?;
    response.finish.extend(doc.root().get_str("stop_reason"));
    for (index, block) in array(doc.root(), "content")?.items().enumerate() {
        response.text(block.get("text"), Channel::Answer, index);
        response.text(block.get("thinking"), Channel::Reasoning, index);
        match call_of(block, index) {
            Some(call) => response.calls.push(call),
            None if is_hosted_use(block) => response.hosted.push(HostedUse::of(block)),
            None => {}
        }
    }
    Ok(response)
}

/// The call that a content block is, if it is one.
pub(super) fn call_of(block: Ref<'_>, index: usize) -> Option<ToolCall> {
    let kind = block.get_str("type").unwrap_or_default();
    let (kind, name, arguments) = match &*kind {
        "tool_use" => {
            (CallKind::Function, owned(block, "name"), block.get("input").map_or("{}", Ref::raw_str))
        }
        "text" | "thinking" | "redacted_thinking" | "compaction" | "container_upload" | "tool_reference" => {
            return None;
        }
        _ if is_hosted_use(block) => return None,
        other => (CallKind::Unknown, other.to_owned(), block.raw_str()),
    };
    let arguments = arguments.to_owned();
    Some(ToolCall {
        id: owned(block, "id"),
        name,
        namespace: None,
        arguments,
        kind,
        range: block.range(),
        choice: 0,
        index,
    })
}

pub(super) fn is_hosted_use(block: Ref<'_>) -> bool {
    let kind = block.get_str("type").unwrap_or_default();
    matches!(&*kind, "server_tool_use" | "mcp_tool_use") || kind.ends_with("_tool_result")
}

pub(super) fn replace_calls(doc: Doc<'_>, refused: &[(&ToolCall, &str)], edit: &mut Edit<'_>) {
    let mut left = 0;
    for (index, block) in doc.root().get("content").map(Ref::items).unwrap_or_default().enumerate() {
        match refused.iter().find(|(call, _)| call.range == block.range()) {
            Some((_, text)) => edit.replace(block, text_block(text)),
            None => left += usize::from(call_of(block, index).is_some()),
        }
    }
    if let Some(reason) = doc.root().get("stop_reason").filter(|_| left == 0 && !refused.is_empty())
        && reason.is_str("tool_use")
    {
        edit.replace(reason, "\"end_turn\"");
    }
}

fn text_block(text: &str) -> String {
    format!("{{\"type\":\"text\",\"text\":{}}}", escape(text))
}
