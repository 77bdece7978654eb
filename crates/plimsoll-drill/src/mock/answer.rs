//! What the model says back, before any dialect: text, proposed calls, and how long they are.

use serde_json::Value;
use uuid::Uuid;

use super::conversation::{Tool, tokens};

#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) calls: Vec<Proposal>,
}

/// One proposed tool call. The arguments are text, because a model may produce anything.
#[derive(Debug, Clone)]
pub(crate) struct Proposal {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) free_text: bool,
    pub(crate) arguments: String,
}

impl Answer {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), calls: Vec::new() }
    }

    pub(crate) fn call(proposal: Proposal) -> Self {
        Self { text: String::new(), calls: vec![proposal] }
    }

    pub(crate) fn tokens(&self) -> u64 {
        let calls: usize = self.calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
        tokens(self.text.len() + calls).max(1)
    }
}

impl Proposal {
    /// A call of `tool` as it was offered.
    pub(crate) fn of(tool: &Tool, arguments: &Value) -> Self {
        let arguments = if tool.free_text { free_text(arguments) } else { arguments.to_string() };
        Self {
            id: fresh("call_"),
            name: tool.name.clone(),
            namespace: tool.namespace.clone(),
            free_text: tool.free_text,
            arguments,
        }
    }

    /// The arguments as JSON, or the raw text where they aren't JSON.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.arguments).unwrap_or_else(|_| Value::String(self.arguments.clone()))
    }
}

/// What a free-text tool gets: the one text inside the arguments, or their JSON.
fn free_text(arguments: &Value) -> String {
    let only = match arguments {
        Value::Object(map) => map.get("input").or_else(|| map.values().next()).and_then(Value::as_str),
        other => other.as_str(),
    };
    only.map_or_else(|| arguments.to_string(), str::to_owned)
}

/// A unique id in the manner of the providers.
pub(crate) fn fresh(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::now_v7().simple())
}

/// Splits text into pieces of about `size` bytes at character boundaries; no piece is empty.
pub(crate) fn pieces(text: &str, size: usize) -> Vec<&str> {
    let mut rest = text;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let mut cut = size.max(1).min(rest.len());
        while !rest.is_char_boundary(cut) {
            cut += 1;
        }
        let (piece, after) = rest.split_at(cut);
        out.push(piece);
        rest = after;
    }
    out
}

/// The size of a streamed piece: small enough that short answers come in several, large for huge ones.
pub(crate) fn piece_size(text: &str) -> usize {
    if text.len() > 64 * 1024 { 16 * 1024 } else { 24 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text_and_respect_characters() {
        let text = "für 12 € und 界 mehr";
        let cut = pieces(text, 3);
        assert!(cut.len() > 3 && cut.iter().all(|piece| !piece.is_empty()));
        assert_eq!(cut.concat(), text);
        assert!(pieces("", 3).is_empty());
    }
}
