//! A model's answer in neutral words.

use std::borrow::Cow;
use std::ops::Range;

use super::WireError;
use crate::json::{Doc, Kind, Ref};

/// What a model answered.
#[derive(Clone, Debug, Default)]
pub struct Response<'a> {
    pub id: Option<Cow<'a, str>>,
    pub model: Option<Cow<'a, str>>,
    /// What the provider says of the configuration that answered (`system_fingerprint`).
    pub fingerprint: Option<Cow<'a, str>>,
    pub texts: Vec<TextPiece<'a>>,
    /// The calls the client would now carry out.
    pub calls: Vec<ToolCall>,
    /// What the provider has already done by itself.
    pub hosted: Vec<HostedUse>,
    /// Why each choice ended, in the dialect's own word.
    pub finish: Vec<Cow<'a, str>>,
    pub usage: Usage,
}

/// Tokens, as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    /// The part of the input that came from a cache (for Messages it is not contained in `input`).
    pub cached: u64,
}

/// What a text of the model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    Answer,
    Reasoning,
    Refusal,
}

#[derive(Clone, Debug)]
pub struct TextPiece<'a> {
    pub text: Cow<'a, str>,
    pub range: Range<usize>,
    pub channel: Channel,
    /// The choice (Chat), else the place of the item or block.
    pub choice: usize,
}

/// One act the model proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// Responses may put tools into namespaces.
    pub namespace: Option<String>,
    /// JSON text exactly as the client will read it; plain text for [`CallKind::Custom`].
    pub arguments: String,
    pub kind: CallKind,
    /// The whole call in the body; empty for a streamed call.
    pub range: Range<usize>,
    /// Chat: the choice. Elsewhere 0.
    pub choice: usize,
    /// Chat: the place among the choice's calls. Elsewhere that of the item or block.
    pub index: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallKind {
    Function,
    /// Its input is free text.
    Custom,
    /// A built-in tool that the client runs: a shell, an editor, a computer. Named by its type.
    Local,
    /// The provider would run it and asks the client for leave first (`mcp_approval_request`).
    Hosted,
    /// An item this reader doesn't know. It is offered for judgement because a client may act on it; `name` is its type.
    Unknown,
}

/// Something the provider did by itself; it is reported, not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedUse {
    pub kind: String,
    pub name: Option<String>,
    pub range: Range<usize>,
}

impl HostedUse {
    pub(super) fn of(item: Ref<'_>) -> Self {
        Self {
            kind: owned(item, "type"),
            name: item.get_str("name").map(Cow::into_owned),
            range: item.range(),
        }
    }
}

impl<'a> Response<'a> {
    pub(super) fn begin(doc: Doc<'a>) -> Result<Self, WireError> {
        let root = doc.root();
        if root.kind() != Kind::Object {
            return Err(WireError::shape(root, "an object"));
        }
        Ok(Self {
            id: root.get_str("id"),
            model: root.get_str("model"),
            fingerprint: root.get_str("system_fingerprint"),
            usage: Usage::read(root),
            ..Self::default()
        })
    }

    pub(super) fn text(&mut self, value: Option<Ref<'a>>, channel: Channel, choice: usize) {
        let Some((value, text)) = value.and_then(|value| Some((value, value.as_str()?))) else { return };
        self.texts.push(TextPiece { text, range: value.range(), channel, choice });
    }
}

impl Usage {
    /// From the `usage` member of an object, in any of the three spellings.
    pub(super) fn read(parent: Ref<'_>) -> Self {
        let Some(usage) = parent.get_some("usage") else { return Self::default() };
        let number = |parent: Ref<'_>, keys: [&str; 2]| keys.iter().find_map(|key| parent.get(key)?.as_u64());
        let details = usage.get("prompt_tokens_details").or_else(|| usage.get("input_tokens_details"));
        let cached = details.and_then(|details| details.get("cached_tokens")?.as_u64());
        Self {
            input: number(usage, ["input_tokens", "prompt_tokens"]).unwrap_or(0),
            output: number(usage, ["output_tokens", "completion_tokens"]).unwrap_or(0),
            cached: cached.or_else(|| usage.get("cache_read_input_tokens")?.as_u64()).unwrap_or(0),
        }
    }

    /// Later events repeat or complete what earlier ones said.
    pub(super) fn merge(&mut self, later: Self) {
        self.input = self.input.max(later.input);
        self.output = self.output.max(later.output);
        self.cached = self.cached.max(later.cached);
    }
}

/// A string member as its own string; empty if it is not there.
pub(super) fn owned(parent: Ref<'_>, key: &str) -> String {
    parent.get_str(key).unwrap_or_default().into_owned()
}
