//! What the model has been shown, and where an argument's value came from.

use serde::{Deserialize, Serialize};

use crate::act::{ArgumentRole, ToolName};
use crate::digest::Digest;
use crate::label::{Integrity, Label};

/// What part of the context a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// System or developer text.
    System,
    User,
    /// What a model said before.
    Assistant,
    /// What a tool returned.
    Result,
    /// An image, a sound, a file: opaque to tracing.
    Media,
}

/// One piece of text the model has been shown, with its label. The text itself stays with the door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Position in the context, from 0.
    pub index: u32,
    pub kind: SpanKind,
    /// Content address: the digest of the text, so that it is recognised wherever it turns up again.
    pub address: Digest,
    pub label: Label,
    /// Where it came from in words: `user`, `prompt:support`, `tool:mail.read_mail`, `model`.
    pub source: String,
    /// Length in bytes of UTF-8.
    pub bytes: u32,
    /// Something to notice: `drift` (system text that is not a released prompt), `altered` (a result
    /// that differs from what the tool door returned), `unseen` (a result that passed no tool door).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// The redacted beginning, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
}

/// One place where an argument's value was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub span: u32,
    pub source: String,
    pub integrity: Integrity,
    /// Whether the whole value stands there as a value of its own. Only such a match gives authority;
    /// a value inside a longer word only taints.
    pub whole: bool,
    /// The field of the record it stands in, for results that have fields: `sender/email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The record's field by whose value the user named the record, when that is why it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lent_by: Option<String>,
}

/// Where the value of one argument came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArgumentOrigin {
    /// JSON Pointer (RFC 6901) into the arguments: `/to`, `/items/0/sku`.
    pub argument: String,
    pub role: ArgumentRole,
    /// The best a whole match gives; `untrusted` when the value was found nowhere. For a list, the
    /// lowest over its elements.
    pub integrity: Integrity,
    /// The user chose it: named the value, or named the record that lends it. For a list: every element.
    #[serde(default)]
    pub chosen: bool,
    /// Not chosen, but it stands whole in what a known author wrote: one whom the user named, or a member
    /// of a directory that the organisation keeps. For a list: every element that is not chosen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authored: bool,
    /// It stands whole in a field of a directory that the organisation keeps, whether or not the user
    /// named the entry. For a list: every element.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// Found nowhere in the context.
    pub unknown: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<Origin>,
    /// The value itself, redacted, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
}

impl ArgumentOrigin {
    /// `recipient "bob@…" comes only from tool:mail.read_mail (untrusted)`, for reasons and pages.
    pub fn sentence(&self) -> String {
        let value = self.preview.as_deref().unwrap_or("the value");
        let name = self.argument.trim_start_matches('/');
        if self.unknown {
            return format!(
                "{} `{name}` = {value} was found nowhere in what the model was shown",
                self.role.name()
            );
        }
        let mut sources: Vec<String> =
            self.found.iter().map(|o| format!("{} ({})", o.source, o.integrity.name())).collect();
        sources.sort();
        sources.dedup();
        format!("{} `{name}` = {value} comes from {}", self.role.name(), sources.join(", "))
    }
}

/// What the whole context has seen: the join of its spans' labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trajectory {
    pub label: Label,
    pub spans: u32,
    /// Tools whose untrusted results the context holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untrusted_tools: Vec<ToolName>,
}

impl Default for Trajectory {
    fn default() -> Self {
        Self { label: Label::unit(), spans: 0, untrusted_tools: Vec::new() }
    }
}
