//! What a request says, once its dialect is forgotten: turns, offered tools, and how the answer is wanted.

use serde_json::Value;

/// One request to the model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conversation {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// Chat completions only: the client asked for a closing usage chunk.
    pub(crate) usage_wanted: bool,
    pub(crate) turns: Vec<Turn>,
    pub(crate) tools: Vec<Tool>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Turn {
    System(String),
    User(String),
    Assistant(String),
    Call { name: String, arguments: Value },
    Outcome { text: String, failed: bool },
}

impl Turn {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::System(text) | Self::User(text) | Self::Assistant(text) | Self::Outcome { text, .. } => {
                text.clone()
            }
            Self::Call { arguments, .. } => arguments.to_string(),
        }
    }
}

/// A tool as the client offered it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    /// Codex groups the tools of one MCP server under a namespace and wants it back beside the name.
    pub(crate) namespace: Option<String>,
    /// A tool that takes free text instead of JSON (`type: "custom"`).
    pub(crate) free_text: bool,
    /// Length of the declaration, for the usage count.
    pub(crate) declared_bytes: usize,
}

impl Tool {
    pub(crate) fn full_name(&self) -> String {
        join_name(self.namespace.as_deref(), &self.name)
    }
}

/// A tool's name with its namespace, divided once by `__`, as clients spell it.
pub(crate) fn join_name(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        None | Some("") => name.to_owned(),
        Some(namespace) => format!("{}__{name}", namespace.trim_end_matches("__")),
    }
}

impl Conversation {
    /// The text of the last user turn, or nothing.
    pub(crate) fn last_user(&self) -> &str {
        self.turns
            .iter()
            .rev()
            .find_map(|turn| match turn {
                Turn::User(text) => Some(text.as_str()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The turns since the last answer that ended a turn of the conversation: what still waits for one.
    pub(crate) fn unanswered(&self) -> &[Turn] {
        let closed = self
            .turns
            .windows(2)
            .rposition(|pair| matches!(pair, [Turn::Assistant(_), Turn::User(_) | Turn::System(_)]));
        closed.map_or(&self.turns[..], |at| &self.turns[at + 1..])
    }

    pub(crate) fn prompt_tokens(&self) -> u64 {
        let turns: usize = self.turns.iter().map(|turn| turn.text().len()).sum();
        let tools: usize = self.tools.iter().map(|tool| tool.declared_bytes).sum();
        tokens(turns + tools)
    }

    /// The offered tool a model would mean by `wanted`: the exact name, else one whose last segment is the same.
    ///
    /// Clients prefix names (`mcp__crm__refund`, `crm.refund`), and a directive written once should work with all.
    pub(crate) fn tool_named(&self, wanted: &str) -> Option<&Tool> {
        let exact = self.tools.iter().find(|tool| tool.name == wanted || tool.full_name() == wanted);
        exact
            .or_else(|| self.tools.iter().find(|tool| tool.full_name().ends_with(&format!("__{wanted}"))))
            .or_else(|| self.tools.iter().find(|tool| last_segment(&tool.name) == last_segment(wanted)))
    }
}

/// The part of a tool's name after every prefix a client may have put before it.
pub(crate) fn last_segment(name: &str) -> &str {
    let after = name.rsplit("__").next().unwrap_or(name);
    after.rsplit(['.', '/', ':']).next().unwrap_or(after)
}

/// A token is four bytes of text, rounded up.
pub(crate) fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

/// Text from a content field, which may be a string, an array of parts, or an object with text inside.
pub(crate) fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().map(content_text).filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n")
        }
        Value::Object(part) => ["text", "content", "output", "refusal"]
            .iter()
            .find_map(|key| part.get(*key))
            .map(content_text)
            .unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(names: &[&str]) -> Conversation {
        let tools = names.iter().map(|n| Tool { name: (*n).to_owned(), ..Tool::default() }).collect();
        Conversation { tools, ..Conversation::default() }
    }

    #[test]
    fn a_tool_is_found_under_the_name_the_client_gave_it() {
        for offered in ["refund", "crm__refund", "mcp__crm__refund", "crm.refund"] {
            let conversation = offering(&["lookup", offered]);
            assert_eq!(conversation.tool_named("refund").map(|t| t.name.as_str()), Some(offered));
            assert_eq!(conversation.tool_named("mcp__crm__refund").map(|t| t.name.as_str()), Some(offered));
        }
        assert_eq!(offering(&["refund_order"]).tool_named("refund"), None);
    }

    #[test]
    fn what_an_answer_closed_is_no_longer_unanswered() {
        let turns = vec![
            Turn::User("one".into()),
            Turn::Assistant("done".into()),
            Turn::User("two".into()),
            Turn::Assistant("let me look".into()),
            Turn::Call { name: "look".into(), arguments: Value::Null },
        ];
        let conversation = Conversation { turns, ..Conversation::default() };
        assert_eq!(conversation.unanswered().len(), 3);
    }
}
