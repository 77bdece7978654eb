//! What the gateway itself says, in the client's protocol: errors, and whole answers that contain only given text.
//!
//! OpenAI: `{"error": {"message", "type", "param", "code"}}`. Anthropic: `{"type": "error", "error": {"type",
//! "message"}, "request_id"}`, where `error.type` follows the status ("Errors" in its API reference).

use bytes::Bytes;

use super::{Dialect, responses};
use crate::json::escape;
use crate::sse;

/// An error to tell a client.
#[derive(Clone, Copy, Debug)]
pub struct ErrorBody<'a> {
    pub status: u16,
    /// Our stable machine-readable code, as in `PLM-0417`.
    pub code: &'a str,
    pub message: &'a str,
    pub request_id: &'a str,
}

impl ErrorBody<'_> {
    fn openai_type(&self) -> &'static str {
        match self.status {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }

    fn anthropic_type(&self) -> &'static str {
        match self.status {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 | 503 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        }
    }
}

impl Dialect {
    /// The content type of a plain answer or error.
    pub const JSON: &'static str = "application/json";
    /// The content type of a streamed answer.
    pub const EVENT_STREAM: &'static str = "text/event-stream; charset=utf-8";

    /// The header that carries the request's id in this dialect.
    #[must_use]
    pub fn request_id_header(self) -> &'static str {
        match self {
            Self::Messages => "request-id",
            Self::Chat | Self::Responses => "x-request-id",
        }
    }

    /// An error as a body.
    #[must_use]
    pub fn render_error(self, error: &ErrorBody<'_>) -> Vec<u8> {
        let (code, message) = (escape(error.code), escape(error.message));
        match self {
            Self::Chat | Self::Responses => {
                let kind = error.openai_type();
                format!("{{\"error\":{{\"message\":{message},\"type\":\"{kind}\",\"param\":null,\"code\":{code}}}}}")
            }
            Self::Messages => {
                let (kind, id) = (error.anthropic_type(), escape(error.request_id));
                format!("{{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":{message},\"code\":{code}}},\"request_id\":{id}}}")
            }
        }
        .into_bytes()
    }

    /// An error once a stream has begun. Chat has no event for it: OpenAI sends a last `data` with the error and no
    /// `[DONE]`.
    #[must_use]
    pub fn render_stream_error(self, error: &ErrorBody<'_>, sequence_number: u64) -> Bytes {
        match self {
            Self::Chat => sse::write(None, &self.render_error(error)),
            Self::Messages => sse::write(Some("error"), &self.render_error(error)),
            Self::Responses => {
                let (code, message) = (escape(error.code), escape(error.message));
                let data = format!(
                    "{{\"type\":\"error\",\"code\":{code},\"message\":{message},\"param\":null,\"sequence_number\":{sequence_number}}}"
                );
                sse::write(Some("error"), data.as_bytes())
            }
        }
    }

    /// A whole answer that says `text` and nothing else. `created` is in seconds since 1970.
    #[must_use]
    pub fn render_answer_text(self, id: &str, model: &str, created: u64, text: &str) -> Vec<u8> {
        let (model, text_json) = (escape(model), escape(text));
        match self {
            Self::Chat => {
                let id = escape(&format!("chatcmpl-{id}"));
                format!(
                    "{{\"id\":{id},\"object\":\"chat.completion\",\"created\":{created},\"model\":{model},\"choices\":[{{\"index\":0,\
                     \"message\":{{\"role\":\"assistant\",\"content\":{text_json},\"refusal\":null}},\"logprobs\":null,\"finish_reason\":\"stop\"}}],\
                     \"usage\":{{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}}}}"
                )
            }
            Self::Responses => {
                let item = responses::message_item(&format!("msg_{id}"), text, "completed");
                response_object(id, &model, created, "completed", &item)
            }
            Self::Messages => {
                let block = format!("{{\"type\":\"text\",\"text\":{text_json}}}");
                message_object(id, &model, &block, "\"end_turn\"")
            }
        }
        .into_bytes()
    }

    /// The same answer as a stream, whole.
    #[must_use]
    pub fn render_answer_stream(self, id: &str, model: &str, created: u64, text: &str) -> Bytes {
        let events: Vec<(Option<String>, String)> = match self {
            Self::Chat => {
                chat_events(id, &escape(model), created, text).into_iter().map(|data| (None, data)).collect()
            }
            Self::Responses => {
                let model = escape(model);
                let item = responses::message_item(&format!("msg_{id}"), text, "completed");
                let mut events = vec![
                    (
                        "response.created",
                        format!("\"response\":{}", response_object(id, &model, created, "in_progress", "")),
                    ),
                    (
                        "response.in_progress",
                        format!("\"response\":{}", response_object(id, &model, created, "in_progress", "")),
                    ),
                ];
                events.extend(message_events(&format!("msg_{id}"), 0, text));
                events.push((
                    "response.completed",
                    format!("\"response\":{}", response_object(id, &model, created, "completed", &item)),
                ));
                let numbered = events.into_iter().enumerate();
                numbered
                    .map(|(n, (name, rest))| (Some(name.to_owned()), numbered_event(name, n as u64, &rest)))
                    .collect()
            }
            Self::Messages => {
                let mut events = vec![format!(
                    "{{\"type\":\"message_start\",\"message\":{}}}",
                    message_object(id, &escape(model), "", "null")
                )];
                events.extend(text_block_events(0, text));
                events.push(String::from(
                    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":0}}",
                ));
                events.push(String::from("{\"type\":\"message_stop\"}"));
                events.into_iter().map(|data| (type_of(&data), data)).collect()
            }
        };
        events.iter().flat_map(|(name, data)| sse::write(name.as_deref(), data.as_bytes())).collect()
    }
}

/// The value of the leading `type` member, which all our own events begin with.
fn type_of(data: &str) -> Option<String> {
    Some(data.strip_prefix("{\"type\":\"")?.split('"').next()?.to_owned())
}

fn chat_events(id: &str, model: &str, created: u64, text: &str) -> Vec<String> {
    let id = escape(&format!("chatcmpl-{id}"));
    let chunk = |delta: &str, finish: &str| {
        format!(
            "{{\"id\":{id},\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":{model},\
             \"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}"
        )
    };
    let first = format!("{{\"role\":\"assistant\",\"content\":{}}}", escape(text));
    vec![chunk(&first, "null"), chunk("{}", "\"stop\""), String::from("[DONE]")]
}

fn response_object(id: &str, model: &str, created: u64, status: &str, output: &str) -> String {
    let id = escape(&format!("resp_{id}"));
    let usage = match status {
        "completed" => {
            "{\"input_tokens\":0,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":0,\
             \"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":0}"
        }
        _ => "null",
    };
    format!(
        "{{\"id\":{id},\"object\":\"response\",\"created_at\":{created},\"status\":\"{status}\",\"error\":null,\"incomplete_details\":null,\
         \"instructions\":null,\"metadata\":{{}},\"model\":{model},\"output\":[{output}],\"parallel_tool_calls\":true,\"temperature\":null,\
         \"tool_choice\":\"auto\",\"tools\":[],\"top_p\":null,\"usage\":{usage}}}"
    )
}

fn message_object(id: &str, model: &str, content: &str, stop_reason: &str) -> String {
    let id = escape(&format!("msg_{id}"));
    format!(
        "{{\"id\":{id},\"type\":\"message\",\"role\":\"assistant\",\"model\":{model},\"content\":[{content}],\
         \"stop_reason\":{stop_reason},\"stop_sequence\":null,\"usage\":{{\"input_tokens\":0,\"output_tokens\":0}}}}"
    )
}

/// The events of one text block, in order (Messages).
pub(super) fn text_block_events(index: usize, text: &str) -> [String; 3] {
    [
        format!(
            "{{\"type\":\"content_block_start\",\"index\":{index},\"content_block\":{{\"type\":\"text\",\"text\":\"\"}}}}"
        ),
        format!(
            "{{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{{\"type\":\"text_delta\",\"text\":{}}}}}",
            escape(text)
        ),
        format!("{{\"type\":\"content_block_stop\",\"index\":{index}}}"),
    ]
}

/// The events of one message item, in order: name, and what follows `type` and `sequence_number` (Responses).
pub(super) fn message_events(id: &str, output_index: usize, text: &str) -> [(&'static str, String); 6] {
    let (quoted, text_json) = (escape(id), escape(text));
    let place = format!("\"item_id\":{quoted},\"output_index\":{output_index},\"content_index\":0");
    let part = |text: &str| {
        format!("{{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":{text}}}")
    };
    let item = |status| {
        format!("\"output_index\":{output_index},\"item\":{}", responses::message_item(id, text, status))
    };
    [
        ("response.output_item.added", item("in_progress")),
        ("response.content_part.added", format!("{place},\"part\":{}", part("\"\""))),
        ("response.output_text.delta", format!("{place},\"delta\":{text_json},\"logprobs\":[]")),
        ("response.output_text.done", format!("{place},\"text\":{text_json},\"logprobs\":[]")),
        ("response.content_part.done", format!("{place},\"part\":{}", part(&text_json))),
        ("response.output_item.done", item("completed")),
    ]
}

pub(super) fn numbered_event(name: &str, sequence_number: u64, rest: &str) -> String {
    format!("{{\"type\":\"{name}\",\"sequence_number\":{sequence_number},{rest}}}")
}
