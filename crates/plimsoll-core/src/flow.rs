//! Information flow: what a tool's arguments and results mean, and what was found out about one act.
//!
//! *Provenance answers who, intent answers whether.* A [`Meaning`] is declared per tool and says who may
//! write each field of a result and what a record that the user named may lend. A [`Flow`] is found per
//! act: where each argument came from, whether the user asked for this kind of act, and what its free
//! text carries. Both are values; finding a flow is the business of `plimsoll-inspect`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::act::{ArgumentRole, Effect, ToolName};
use crate::label::{Integrity, Label, Readers};
use crate::span::ArgumentOrigin;

/// What one tool's arguments and results mean, as its declaration says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meaning {
    pub tool: ToolName,
    pub effect: Effect,
    /// Argument path (`/to`, `/items/*/sku`) to role.
    pub roles: BTreeMap<String, ArgumentRole>,
    /// Words by which a user asks for this kind of act, in lower case; empty: what the tool's name says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
    #[serde(default)]
    pub output: Output,
}

/// What a tool's results are worth, field by field: trust follows *who may write the field*, not which
/// tool returned it.
///
/// A field is named by the last name on its path (`email`), or by more of the path's end
/// (`sender/email`). In results without names (a list of strings) it is `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Of the text as a whole, and of every field that nothing else is said about.
    #[serde(default)]
    pub integrity: Integrity,
    /// Fields that only the organisation or the asking user writes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trusted: BTreeSet<String>,
    /// Fields of a directory that the organisation keeps (people, channels, places): the values of an
    /// entry may be reached when the user named that entry by any of these fields.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub directory: BTreeSet<String>,
    /// Fields by which a user names a record: a file's name, an event's title.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub named_by: BTreeSet<String>,
    /// Field to the argument it may be used for: `id_` to `file_id`. A record that the user named lends
    /// these, and only as that kind of argument: event 13 is not file 13.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lends: BTreeMap<String, String>,
    /// The field that says who wrote the record's free text. It must be one that the server itself
    /// writes (an authenticated sender). Text of an author whom the user named informs more than text of
    /// a stranger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Field to data class: a value that is not for everybody.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sensitive: BTreeMap<String, String>,
    /// Who may read what this tool returns; empty: anyone. Principals, roles or tenants as `kind:name`,
    /// addresses as `ada@acme.example`, whole domains as `*@acme.example`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub readers: BTreeSet<String>,
}

impl Output {
    /// The label of a whole result: its integrity, its readers, the classes of the fields it may hold.
    pub fn label(&self) -> Label {
        let readers =
            if self.readers.is_empty() { Readers::Anyone } else { Readers::Only(self.readers.clone()) };
        Label { integrity: self.integrity, readers, classes: self.sensitive.values().cloned().collect() }
    }
}

/// What was found out about one act before it is decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Where each argument came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<ArgumentOrigin>,
    #[serde(default, skip_serializing_if = "Intent::is_silent")]
    pub intent: Intent,
    #[serde(default, skip_serializing_if = "Payload::is_plain")]
    pub payload: Payload,
}

/// Whether the user's own words ask for this kind of act. Worked out from words, by no model; it says
/// nothing about the arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub asked: bool,
    /// The user's word that asks for it: `refund`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// The span in which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<u32>,
    /// The words that would have asked for it, for the remedy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
}

impl Intent {
    /// Nothing was looked for and nothing was found.
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }
}

/// What the free text of an act (its content and query arguments) carries. Rules about it lower a risk;
/// they are no boundary, for a paraphrase passes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Links, addresses and account numbers in it that no trusted text holds, redacted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<String>,
    /// Data classes of sensitive field values in it, also encoded ones.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub classes: BTreeSet<String>,
    /// The user dictated a text for this act, and some content of it is another text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undictated: bool,
}

impl Payload {
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
