//! The three dialects in which applications talk to models, seen alike.
//!
//! [`Dialect::read_request`] and [`Dialect::read_response`] turn a body into a neutral view: every text a model reads or
//! writes, with the range of its JSON string; every tool call; every tool that runs at the provider; every reference to
//! a transcript we can't see; and, by path, whatever we don't know. [`Dialect::replace_calls`] and [`Stream`] put a
//! refusal where a call stood, in the same protocol, and leave all other bytes alone.
//!
//! Shapes follow the providers' published API references and SDK types of November 2026: OpenAI Chat Completions,
//! OpenAI Responses, Anthropic Messages.

mod answer;
mod chat;
mod messages;
mod render;
mod request;
mod responses;
mod stream;

use crate::json::{Doc, Edit, JsonError, Ref};

pub use answer::{CallKind, Channel, HostedUse, Response, TextPiece, ToolCall, Usage};
pub use render::ErrorBody;
pub use request::{
    DeclaredTool, HiddenState, HostedTool, Opaque, Piece, PriorCall, ProviderApproval, Request, Role, Runs,
    ToolKind, Unknown,
};
pub use stream::{Out, Stream, Summary, TextDelta, TextEvent, Verdict};

/// The protocol a client speaks with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI Chat Completions, `/v1/chat/completions`.
    Chat,
    /// OpenAI Responses, `/v1/responses`.
    Responses,
    /// Anthropic Messages, `/v1/messages`.
    Messages,
}

/// A body that is no request or answer of its dialect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("{path} must be {expected}")]
    Shape { path: String, expected: &'static str },
    /// Two readers could take this stream for two different calls.
    #[error("the stream is ambiguous: {0}")]
    Ambiguous(&'static str),
    #[error("more than {limit} bytes of tool calls wait for judgement")]
    TooMuchHeld { limit: usize },
    #[error("the stream was already over")]
    Over,
}

impl WireError {
    pub(crate) fn shape(value: Ref<'_>, expected: &'static str) -> Self {
        Self::Shape { path: value.path(), expected }
    }

    pub(crate) fn missing(parent: Ref<'_>, key: &str, expected: &'static str) -> Self {
        Self::Shape { path: format!("{}.{key}", parent.path()), expected }
    }
}

impl Dialect {
    /// Its name, as the record has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }

    /// What a request asks, and all the text it gives the model.
    pub fn read_request(self, doc: Doc<'_>) -> Result<Request<'_>, WireError> {
        match self {
            Self::Chat => chat::read_request(doc),
            Self::Responses => responses::read_request(doc),
            Self::Messages => messages::read_request(doc),
        }
    }

    /// What a model answered.
    pub fn read_response(self, doc: Doc<'_>) -> Result<Response<'_>, WireError> {
        match self {
            Self::Chat => chat::read_response(doc),
            Self::Responses => responses::read_response(doc),
            Self::Messages => messages::read_response(doc),
        }
    }

    /// The answer with each refused call cut out and its refusal put in as the assistant's text. Calls are those that
    /// [`Dialect::read_response`] found in the same `doc`.
    #[must_use]
    pub fn replace_calls(self, doc: Doc<'_>, refused: &[(&ToolCall, &str)]) -> Vec<u8> {
        let mut edit = Edit::new(doc);
        match self {
            Self::Chat => chat::replace_calls(doc, refused, &mut edit),
            Self::Responses => responses::replace_calls(doc.root(), refused, &mut edit),
            Self::Messages => messages::replace_calls(doc, refused, &mut edit),
        }
        edit.apply()
    }

    /// The request without the built-in tools that `which` picks; `tools` and `tool_choice` go when nothing is left
    /// for them to name.
    pub fn strip_hosted(
        self,
        doc: Doc<'_>,
        which: impl Fn(&HostedTool<'_>) -> bool,
    ) -> Result<Vec<u8>, WireError> {
        let request = self.read_request(doc)?;
        let mut edit = Edit::new(doc);
        let stripped: Vec<_> = request.hosted.iter().filter(|tool| which(tool)).collect();
        stripped.iter().for_each(|tool| edit.remove(tool.item));
        let gone = |item: Ref<'_>| stripped.iter().any(|tool| tool.item.range() == item.range());
        let tools = doc.root().get_some("tools");
        let is_empty = tools.is_some_and(|tools| tools.items().all(gone));
        let names_stripped = |choice: Ref<'_>| {
            let named = [choice.get("type"), choice.get("name"), choice.get("server_label")];
            let names = |tool: &&HostedTool<'_>| {
                named.iter().flatten().any(|value| {
                    value.is_str(&tool.kind) || tool.name.as_deref().is_some_and(|name| value.is_str(name))
                })
            };
            stripped.iter().any(names)
        };
        if let Some(tools) = tools.filter(|_| is_empty && !stripped.is_empty()) {
            edit.remove(tools);
        }
        for key in ["tool_choice", "parallel_tool_calls"] {
            if let Some(choice) = doc.root().get(key)
                && !stripped.is_empty()
                && (is_empty || names_stripped(choice))
            {
                edit.remove(choice);
            }
        }
        Ok(edit.apply())
    }

    /// The request with every provider-run MCP server (Responses, `type: "mcp"`) told to ask before each call.
    pub fn force_approval(self, doc: Doc<'_>) -> Result<Vec<u8>, WireError> {
        let request = self.read_request(doc)?;
        let mut edit = Edit::new(doc);
        for tool in request.hosted.iter().filter(|tool| self == Self::Responses && tool.kind == "mcp") {
            edit.set(tool.item, "require_approval", b"\"always\"");
        }
        Ok(edit.apply())
    }

    /// A judge for one streamed answer.
    #[must_use]
    pub fn stream(self) -> Stream {
        Stream::new(self)
    }
}
