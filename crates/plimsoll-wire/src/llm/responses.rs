//! OpenAI Responses (API reference, "Responses": the request, input items, the response object and its output items).

use std::borrow::Cow;

use super::answer::owned;
use super::request::{At, array, optional_array, required_str};
use super::{
    CallKind, Channel, DeclaredTool, HiddenState, HostedUse, PriorCall, ProviderApproval, Request, Response,
    Role, Runs, ToolCall, ToolKind, WireError,
};
use crate::json::{Doc, Edit, Kind, Ref, escape};

const HIDDEN: [&str; 5] = ["previous_response_id", "conversation", "background", "store", "prompt"];

pub(super) fn read_request(doc: Doc<'_>) -> Result<Request<'_>, WireError> {
    let root = doc.root();
    let mut request = Request::begin(doc)?;
    request.max_tokens(root, &["max_output_tokens"]);
    request.hide(root, &HIDDEN);
    if let Some(instructions) = root.get_some("instructions") {
        read_input(&mut request, instructions, Role::System, None)?;
    }
    if let Some(input) = root.get_some("input") {
        read_input(&mut request, input, Role::User, Some(0))?;
    }
    for tool in optional_array(root, "tools")? {
        read_tool(&mut request, tool, None)?;
    }
    Ok(request)
}

/// A plain string, or a list of items; `message` is `None` outside the conversation.
fn read_input<'a>(
    request: &mut Request<'a>,
    input: Ref<'a>,
    role: Role,
    message: Option<usize>,
) -> Result<(), WireError> {
    match input.kind() {
        Kind::String => request.text(Some(input), &At::role(role, message)),
        Kind::Array => {
            for (index, item) in input.items().enumerate() {
                read_item(request, item, message.map(|_| index))?;
            }
        }
        _ => return Err(WireError::shape(input, "a string or an array")),
    }
    Ok(())
}

fn read_item<'a>(request: &mut Request<'a>, item: Ref<'a>, message: Option<usize>) -> Result<(), WireError> {
    let at = |role| At {
        role,
        message,
        call: item.get_str("call_id").or_else(|| item.get_str("id")),
        name: item.get_str("name"),
    };
    let kind = item.get_str("type");
    match kind.as_deref() {
        None | Some("message") => {
            let role = item.get("role").map(Role::named);
            match (role, item.get_some("content")) {
                (Some(role), Some(content)) => read_content(request, content, &At::role(role, message)),
                (None, _) if kind.is_none() && item.get_some("id").is_some() => {
                    request.hidden.push(HiddenState { kind: "item_reference", item });
                }
                _ => request.unknown(item, &at(Role::Other)),
            }
        }
        Some("item_reference") => request.hidden.push(HiddenState { kind: "item_reference", item }),
        Some("reasoning") => {
            for part in optional_array(item, "summary")?.chain(optional_array(item, "content")?) {
                request.text(part.get("text"), &at(Role::Assistant));
            }
            read_encrypted(request, item);
        }
        Some("compaction" | "compaction_summary" | "context_compaction") => read_encrypted(request, item),
        Some("function_call_output" | "custom_tool_call_output") => match item.get_some("output") {
            Some(output) => read_content(request, output, &at(Role::Tool)),
            None => request.unknown(item, &at(Role::Tool)),
        },
        Some("mcp_approval_response") => request.approvals.push(ProviderApproval {
            request_id: required_str(item, "approval_request_id")?,
            approve: item.get("approve").and_then(Ref::as_bool).unwrap_or(true),
            item,
        }),
        Some("tool_search_output") => {
            for tool in optional_array(item, "tools")? {
                read_tool(request, tool, None)?;
            }
            request.all_texts(item, &at(Role::Tool));
        }
        Some(kind) => match kind_of_call(kind) {
            Some(CallKind::Unknown) => request.unknown(item, &at(Role::Other)),
            Some(_) => read_prior(request, item, message),
            // What the provider did, or what a client-run built-in tool returned: foreign text either way.
            None => request.all_texts(item, &at(Role::Tool)),
        },
    }
    Ok(())
}

fn read_encrypted<'a>(request: &mut Request<'a>, item: Ref<'a>) {
    if let Some(sealed) = item.get_some("encrypted_content") {
        request.opaque(Cow::Borrowed("encrypted_content"), sealed, Role::Assistant);
    }
}

fn read_prior<'a>(request: &mut Request<'a>, item: Ref<'a>, message: Option<usize>) {
    let kind = item.get_str("type").unwrap_or_default();
    let id = item.get_str("call_id").or_else(|| item.get_str("id")).unwrap_or_default();
    let name = item.get_str("name").unwrap_or_else(|| local_name(&kind));
    let arguments = input_of(item);
    request.prior_calls.push(PriorCall {
        id,
        name,
        arguments,
        range: item.range(),
        message_index: message.unwrap_or(0),
    });
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
            Some("input_text" | "output_text" | "text" | "summary_text" | "reasoning_text") => {
                request.text(part.get("text"), at)
            }
            Some("refusal") => request.text(part.get("refusal"), at),
            Some("encrypted_content") => request.opaque(Cow::Borrowed("encrypted_content"), part, at.role),
            Some(
                kind
                @ ("input_image" | "input_file" | "input_audio" | "output_audio" | "computer_screenshot"),
            ) => {
                request.opaque(Cow::Owned(kind.to_owned()), part, at.role);
            }
            _ => request.unknown(part, at),
        }
    }
}

fn read_tool<'a>(
    request: &mut Request<'a>,
    item: Ref<'a>,
    namespace: Option<Cow<'a, str>>,
) -> Result<(), WireError> {
    let kind = required_str(item, "type")?;
    let declared = match &*kind {
        "function" => ToolKind::Function,
        "custom" => ToolKind::Custom,
        "namespace" => {
            let name = required_str(item, "name")?;
            for tool in array(item, "tools")?.items() {
                read_tool(request, tool, Some(name.clone()))?;
            }
            return Ok(());
        }
        _ => {
            let runs = runs(&kind, item);
            request.hosted(kind, item, runs);
            return Ok(());
        }
    };
    request.tools.push(DeclaredTool { name: required_str(item, "name")?, namespace, kind: declared, item });
    Ok(())
}

/// Who runs a built-in tool. A `shell` may live in the provider's container; what we don't know runs there too.
fn runs(kind: &str, item: Ref<'_>) -> Runs {
    let local_shell = || {
        item.get_some("environment")
            .is_none_or(|place| place.get("type").is_some_and(|it| it.is_str("local")))
    };
    match kind {
        "local_shell" | "apply_patch" | "computer" => Runs::AtClient,
        kind if kind.starts_with("computer_use") => Runs::AtClient,
        "shell" if local_shell() => Runs::AtClient,
        "tool_search" if item.get("execution").is_some_and(|it| it.is_str("client")) => Runs::AtClient,
        _ => Runs::AtProvider,
    }
}

/// Which items a client would act on, and how. `None`: text, or something already done.
pub(super) fn kind_of_call(kind: &str) -> Option<CallKind> {
    match kind {
        "function_call" => Some(CallKind::Function),
        "custom_tool_call" => Some(CallKind::Custom),
        "local_shell_call" | "shell_call" | "apply_patch_call" | "computer_call" | "tool_search_call" => {
            Some(CallKind::Local)
        }
        "mcp_approval_request" => Some(CallKind::Hosted),
        "message" | "reasoning" | "compaction" | "compaction_summary" | "context_compaction" => None,
        _ if is_hosted_use(kind) || kind.ends_with("_call_output") || kind == "tool_search_output" => None,
        _ => Some(CallKind::Unknown),
    }
}

fn is_hosted_use(kind: &str) -> bool {
    matches!(
        kind,
        "mcp_call"
            | "mcp_list_tools"
            | "web_search_call"
            | "file_search_call"
            | "code_interpreter_call"
            | "image_generation_call"
    )
}

fn local_name<'a>(kind: &str) -> Cow<'a, str> {
    Cow::Owned(kind.strip_suffix("_call").unwrap_or(kind).to_owned())
}

/// What a call is given: its `arguments` or `input` text, or the JSON of its `action` and the like.
fn input_of(item: Ref<'_>) -> Cow<'_, str> {
    let text = item.get_str("arguments").or_else(|| item.get_str("input"));
    let json = || {
        ["action", "actions", "operation", "arguments"]
            .iter()
            .find_map(|key| item.get_some(key))
            .unwrap_or(item)
            .raw_str()
    };
    text.unwrap_or_else(|| Cow::Borrowed(json()))
}

pub(super) fn read_response(doc: Doc<'_>) -> Result<Response<'_>, WireError> {
    let mut response = Response::begin(doc)?;
    response.finish.extend(doc.root().get_str("status"));
    array(doc.root(), "output")?;
    read_output(&mut response, doc.root())?;
    Ok(response)
}

/// The output items of a response object, wherever it stands.
pub(super) fn read_output<'a>(response: &mut Response<'a>, object: Ref<'a>) -> Result<(), WireError> {
    for (index, item) in optional_array(object, "output")?.enumerate() {
        read_texts(response, item, index);
        let kind = item.get_str("type").unwrap_or_default();
        match call_of(item, index) {
            Some(call) => response.calls.push(call),
            None if is_hosted_use(&kind) => response.hosted.push(HostedUse::of(item)),
            None => {}
        }
    }
    Ok(())
}

/// All text of a message or reasoning item.
pub(super) fn read_texts<'a>(response: &mut Response<'a>, item: Ref<'a>, index: usize) {
    let reasoning = item.get("type").is_some_and(|kind| kind.is_str("reasoning"));
    let channel = if reasoning { Channel::Reasoning } else { Channel::Answer };
    let parts = ["summary", "content"].into_iter().filter_map(|key| item.get_some(key)).flat_map(Ref::items);
    for part in parts {
        response.text(part.get("text"), channel, index);
        response.text(part.get("refusal"), Channel::Refusal, index);
    }
}

/// The call that an output item is, if it is one.
pub(super) fn call_of(item: Ref<'_>, index: usize) -> Option<ToolCall> {
    let kind = item.get_str("type").unwrap_or_default();
    let call_kind = kind_of_call(&kind)?;
    let id = item.get_str("call_id").or_else(|| item.get_str("id")).unwrap_or_default().into_owned();
    let name = item
        .get_str("name")
        .filter(|_| call_kind != CallKind::Unknown)
        .unwrap_or_else(|| local_name(&kind))
        .into_owned();
    let namespace = item.get_str("namespace").or_else(|| item.get_str("server_label")).map(Cow::into_owned);
    let arguments =
        if call_kind == CallKind::Unknown { item.raw_str().to_owned() } else { input_of(item).into_owned() };
    Some(ToolCall { id, name, namespace, arguments, kind: call_kind, range: item.range(), choice: 0, index })
}

/// Puts a message where each refused call stood. `object` is the response object.
pub(super) fn replace_calls(object: Ref<'_>, refused: &[(&ToolCall, &str)], edit: &mut Edit<'_>) {
    for item in object.get_some("output").map(Ref::items).unwrap_or_default() {
        if let Some((_, text)) = refused.iter().find(|(call, _)| call.range == item.range()) {
            edit.replace(item, message_item(&refusal_id(&owned(item, "id")), text, "completed"));
        }
    }
}

/// The id of the message that stands where the item `id` stood. OpenAI's message ids begin with `msg_`.
pub(super) fn refusal_id(id: &str) -> String {
    let tail: String = id.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    format!("msg_plimsoll{tail}")
}

/// A message item of the assistant that says `text`.
pub(super) fn message_item(id: &str, text: &str, status: &str) -> String {
    let content =
        format!("{{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":{}}}", escape(text));
    let content = if status == "completed" { content } else { String::new() };
    format!(
        "{{\"id\":{},\"type\":\"message\",\"status\":\"{status}\",\"content\":[{content}],\"role\":\"assistant\"}}",
        escape(id)
    )
}
