//! A request in neutral words, and the collector that the dialects fill it with.

use std::borrow::Cow;
use std::ops::Range;

use super::WireError;
use crate::json::{Doc, Kind, Ref};

/// What a request asks, and all the text it gives the model.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub model: Cow<'a, str>,
    pub stream: bool,
    /// How many answers are asked for (`n`).
    pub choices: u64,
    pub max_output_tokens: Option<u64>,
    /// Every text the model reads as conversation, in the order it reads it.
    pub pieces: Vec<Piece<'a>>,
    /// Tool calls the assistant made earlier, as the client tells it.
    pub prior_calls: Vec<PriorCall<'a>>,
    pub tools: Vec<DeclaredTool<'a>>,
    /// Built-in tools of the provider.
    pub hosted: Vec<HostedTool<'a>>,
    /// Members that make the model see, or the provider keep, what this request doesn't show.
    pub hidden: Vec<HiddenState<'a>>,
    /// The client's answers to a provider's question whether it may run a tool.
    pub approvals: Vec<ProviderApproval<'a>>,
    /// Content that is not text: images, audio, files, encrypted reasoning.
    pub opaque: Vec<Opaque<'a>>,
    /// Kinds of content this reader doesn't know. Their strings are among the pieces all the same.
    pub unknown: Vec<Unknown<'a>>,
}

/// Whose words a piece claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Other,
}

/// One text of the conversation.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    pub role: Role,
    pub text: Cow<'a, str>,
    /// The JSON string in the body, with its quotes.
    pub range: Range<usize>,
    /// For a tool's result: the call it answers.
    pub tool_call_id: Option<Cow<'a, str>>,
    /// The message's `name`, if it has one.
    pub name: Option<Cow<'a, str>>,
    /// Position in the list of messages or items; `None` for text outside it (`system`, `instructions`).
    pub message_index: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct PriorCall<'a> {
    pub id: Cow<'a, str>,
    pub name: Cow<'a, str>,
    /// JSON text for functions, plain text for custom tools.
    pub arguments: Cow<'a, str>,
    pub range: Range<usize>,
    pub message_index: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToolKind {
    Function,
    Custom,
}

/// A tool the client offers and runs.
#[derive(Clone, Debug)]
pub struct DeclaredTool<'a> {
    pub name: Cow<'a, str>,
    pub namespace: Option<Cow<'a, str>>,
    pub kind: ToolKind,
    /// The whole declaration: description and schema are in it.
    pub item: Ref<'a>,
}

/// Who runs a built-in tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runs {
    /// The provider does; we see it only afterwards.
    AtProvider,
    /// The client does, on a call we judge.
    AtClient,
}

#[derive(Clone, Debug)]
pub struct HostedTool<'a> {
    /// The declared type, as in `web_search`, `mcp`, `bash_20250124`; or the member's name, as in `mcp_servers`.
    pub kind: Cow<'a, str>,
    pub name: Option<Cow<'a, str>>,
    pub runs: Runs,
    /// The item of `tools`, or the member's value.
    pub item: Ref<'a>,
}

#[derive(Clone, Debug)]
pub struct HiddenState<'a> {
    /// As in `previous_response_id`, `conversation`, `store`, `item_reference`.
    pub kind: &'static str,
    pub item: Ref<'a>,
}

#[derive(Clone, Debug)]
pub struct ProviderApproval<'a> {
    pub request_id: Cow<'a, str>,
    pub approve: bool,
    pub item: Ref<'a>,
}

#[derive(Clone, Debug)]
pub struct Opaque<'a> {
    pub kind: Cow<'a, str>,
    pub role: Role,
    pub range: Range<usize>,
}

#[derive(Clone, Debug)]
pub struct Unknown<'a> {
    pub kind: Cow<'a, str>,
    pub path: String,
    pub range: Range<usize>,
}

impl Role {
    pub(super) fn named(name: Ref<'_>) -> Self {
        match name.as_str().as_deref() {
            Some("system") => Self::System,
            Some("developer") => Self::Developer,
            Some("user") => Self::User,
            Some("assistant") => Self::Assistant,
            Some("tool" | "function") => Self::Tool,
            _ => Self::Other,
        }
    }
}

impl HostedTool<'_> {
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.item.range()
    }
}

/// Where in the conversation the collector stands.
#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    pub(super) role: Role,
    pub(super) message: Option<usize>,
    pub(super) call: Option<Cow<'a, str>>,
    pub(super) name: Option<Cow<'a, str>>,
}

impl At<'_> {
    pub(super) fn role(role: Role, message: Option<usize>) -> Self {
        Self { role, message, call: None, name: None }
    }
}

impl<'a> Request<'a> {
    /// The members that all dialects spell alike.
    pub(super) fn begin(doc: Doc<'a>) -> Result<Self, WireError> {
        let root = doc.root();
        if root.kind() != Kind::Object {
            return Err(WireError::shape(root, "an object"));
        }
        let model = root.get_str("model").ok_or_else(|| WireError::missing(root, "model", "a string"))?;
        let stream = match root.get_some("stream") {
            None => false,
            Some(value) => value.as_bool().ok_or_else(|| WireError::shape(value, "true or false"))?,
        };
        Ok(Self {
            model,
            stream,
            choices: 1,
            max_output_tokens: None,
            pieces: Vec::new(),
            prior_calls: Vec::new(),
            tools: Vec::new(),
            hosted: Vec::new(),
            hidden: Vec::new(),
            approvals: Vec::new(),
            opaque: Vec::new(),
            unknown: Vec::new(),
        })
    }

    /// A text, if the value is one; the empty string says nothing.
    pub(super) fn text(&mut self, value: Option<Ref<'a>>, at: &At<'a>) {
        let Some((value, text)) = value.and_then(|value| Some((value, value.as_str()?))) else { return };
        if !text.is_empty() {
            self.pieces.push(Piece {
                role: at.role,
                text,
                range: value.range(),
                tool_call_id: at.call.clone(),
                name: at.name.clone(),
                message_index: at.message,
            });
        }
    }

    /// Every string inside a value but type names: for what we can't read with more understanding.
    pub(super) fn all_texts(&mut self, value: Ref<'a>, at: &At<'a>) {
        self.text(Some(value), at);
        value.items().for_each(|item| self.all_texts(item, at));
        value
            .members()
            .filter(|(key, _)| !key.is_str("type"))
            .for_each(|(_, member)| self.all_texts(member, at));
    }

    pub(super) fn opaque(&mut self, kind: Cow<'a, str>, value: Ref<'a>, role: Role) {
        self.opaque.push(Opaque { kind, role, range: value.range() });
    }

    /// Lists what is not known, and takes its strings for text.
    pub(super) fn unknown(&mut self, value: Ref<'a>, at: &At<'a>) {
        let kind = value.get_str("type").unwrap_or(Cow::Borrowed("no type"));
        self.unknown.push(Unknown { kind, path: value.path(), range: value.range() });
        self.all_texts(value, at);
    }

    /// Lists a member if it is there and says something.
    pub(super) fn hide(&mut self, root: Ref<'a>, keys: &[&'static str]) {
        for &kind in keys {
            if let Some(item) = root.get_some(kind).filter(|value| value.as_bool() != Some(false)) {
                self.hidden.push(HiddenState { kind, item });
            }
        }
    }

    pub(super) fn hosted(&mut self, kind: Cow<'a, str>, item: Ref<'a>, runs: Runs) {
        let name = item
            .get_str("name")
            .or_else(|| item.get_str("server_label"))
            .or_else(|| item.get_str("mcp_server_name"));
        self.hosted.push(HostedTool { kind, name, runs, item });
    }

    pub(super) fn max_tokens(&mut self, root: Ref<'a>, keys: &[&str]) {
        self.max_output_tokens = keys.iter().find_map(|key| root.get(key)?.as_u64());
    }
}

/// The array member `key`, which must be there.
pub(super) fn array<'a>(parent: Ref<'a>, key: &str) -> Result<Ref<'a>, WireError> {
    let value = parent.get(key).ok_or_else(|| WireError::missing(parent, key, "an array"))?;
    match value.kind() {
        Kind::Array => Ok(value),
        _ => Err(WireError::shape(value, "an array")),
    }
}

/// The items of the array member `key`, which may be missing or null but nothing else.
pub(super) fn optional_array<'a>(parent: Ref<'a>, key: &str) -> Result<crate::json::Items<'a>, WireError> {
    match parent.get_some(key) {
        Some(value) if value.kind() == Kind::Array => Ok(value.items()),
        Some(value) => Err(WireError::shape(value, "an array")),
        None => Ok(crate::json::Items::default()),
    }
}

pub(super) fn required_str<'a>(parent: Ref<'a>, key: &str) -> Result<Cow<'a, str>, WireError> {
    parent.get_str(key).ok_or_else(|| WireError::missing(parent, key, "a string"))
}
