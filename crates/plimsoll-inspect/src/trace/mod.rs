//! Where did each argument's value come from, and did the user choose it?
//!
//! The rule is *strict to grant, loose to taint*. A value has authority only when the whole of it
//! stands, as a value of its own and in a spelling its type allows, in one place; it then has that
//! place's integrity, and the best place counts. Anything less (a part of a longer word, another case of
//! a case-sensitive name, an encoded form, a part of a field) is reported as an origin that only taints;
//! but no number is a part of another, nor is a short id or word one of a longer word.
//! A value found nowhere is unknown and untrusted. So paraphrase, translation and encoding can lose
//! authority, never gain it.
//!
//! A place is a span of free text, or a field of a result that can be read as records (`records`); a
//! field's integrity follows who may write it, as the tool's declaration says (`fields`).
//!
//! *Chosen* is a value that
//! - stands whole in what the user said or in a released prompt; words that stand in any text name
//!   nobody (`words`), a credential counts only in quotes, and a short id only where it is written as one;
//! - or is lent by a record that the user named, by a field and to an argument for which that is
//!   declared (`lending`): typed ids by any name, addresses only by a name that the organisation writes or
//!   where all records of the name agree; or typed ids of what a search for the user's own words found;
//! - or is the whole of a trusted result that is one value, when the tool was asked nothing or only what
//!   the user said;
//! - or is a time that the user said in words (`times`).
//!
//! *Authored* is a value in a text whose author the user named, or a directory lists (`authored`).
//!
//! What a model said before never grants. A `choice` (also: any boolean or null) is not an aim: its
//! values are a closed set that the tool's schema lists, so it is given the user's integrity and its
//! origins are for information; declaring free text as a choice would be a mistake of the declaration.
//!
//! Limits: which of several named values was meant for which argument can't be seen, and neither can
//! which of the user's days goes with which of their hours; sums, relative dates, translations and values
//! spread over several places are unknown; letter case is folded for ASCII only; reversed or otherwise
//! ciphered text is unknown rather than tainted, which grants as little.

mod arguments;
mod authored;
mod bounds;
mod encoded;
mod fields;
mod grams;
mod haystack;
mod lending;
mod look;
mod moment;
mod naming;
mod number;
mod origin;
mod prepared;
mod records;
mod spelling;
#[cfg(test)]
mod tests;
mod text;
mod times;
mod url;
mod words;

use std::collections::HashMap;

use plimsoll_core::{
    ArgumentOrigin, ArgumentRole, Flow, Integrity, Meaning, Output, Span, SpanKind, ToolName, Trajectory,
};
use serde_json::Value;

pub(crate) use encoded::{decoded_words, without_disguise};
pub use prepared::{Findings, Prepared};
pub use text::PreparedText;

use crate::intent::intent;
use crate::payload::payload;
use crate::redact::Redactor;
use arguments::{leaves, list_origins};
use lending::{Aim, Kinds};

/// Characters of a value shown to people.
pub const PREVIEW_MAX: usize = 80;

/// Leaves that are searched for in one call; the rest are reported as unknown.
pub const LEAVES_MAX: usize = 1024;

/// A span with its text, which only the door keeps.
#[derive(Clone, Copy, Debug)]
pub struct TracedSpan<'a> {
    pub span: &'a Span,
    pub text: &'a str,
    /// What the fields of this result mean, when it is known which tool returned it.
    pub output: Option<&'a Output>,
    /// The arguments of the call whose result this is, when they are known.
    pub call: Option<&'a Value>,
}

/// Traces every leaf of the arguments. The tool's declared roles are asked with the leaf's pointer, the same with list
/// positions as `*`, and then the pointers that contain it; a leaf without a declared role gets the
/// role its shape suggests. For each list, the least of its elements is reported on the list's own
/// pointer, or, for members of listed objects, on the pattern (`/items/*/sku`).
pub fn trace(
    prepared: &Prepared<'_>,
    arguments: &Value,
    meaning: Option<&Meaning>,
    redactor: &Redactor,
) -> Flow {
    let roles = |pointer: &str| meaning?.roles.get(pointer).copied();
    let origins = trace_by(prepared, arguments, meaning.map(|meaning| &meaning.tool), roles, redactor);
    let words = prepared.words();
    // Who said nothing asked for nothing.
    let intent =
        meaning.filter(|_| !words.is_empty()).map(|meaning| intent(&words, meaning)).unwrap_or_default();
    let payload = payload(prepared, arguments, &origins, meaning, redactor);
    Flow { origins, intent, payload }
}

fn trace_by(
    prepared: &Prepared<'_>,
    arguments: &Value,
    tool: Option<&ToolName>,
    roles: impl Fn(&str) -> Option<ArgumentRole>,
    redactor: &Redactor,
) -> Vec<ArgumentOrigin> {
    let mut origins: Vec<ArgumentOrigin> = Vec::new();
    let leaves = leaves(arguments, &roles);
    let nothing = Prepared::new(&[]);
    // A list of records says many things more than once.
    let mut traced = HashMap::new();
    for (index, leaf) in leaves.iter().enumerate() {
        let prepared = if index < LEAVES_MAX { prepared } else { &nothing };
        let known = traced.entry((index < LEAVES_MAX, leaf.role, leaf.name(), &*leaf.value));
        let first = *known.or_insert(index);
        origins.push(match origins.get(first) {
            Some(same) => ArgumentOrigin { argument: leaf.pointer.clone(), ..same.clone() },
            None => prepared.origin(Aim { leaf, tool, kinds: &Kinds::default() }, redactor),
        });
    }
    prepared.mark_times(&leaves, &mut origins);
    let lists = list_origins(&leaves, &origins);
    origins.extend(lists);
    origins
}

/// The mark of system text that is no released prompt.
pub const UNRELEASED: &str = "drift";

/// What the whole context has seen: the join of its spans' labels, as the door gave them, and the tools
/// whose untrusted results it holds.
pub fn trajectory<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Trajectory {
    let mut seen = Trajectory::default();
    for span in spans {
        seen.label = seen.label.join(&span.label);
        seen.spans += 1;
        seen.unreleased |= span.kind == SpanKind::System && span.mark.as_deref() == Some(UNRELEASED);
        let tool = span.source.strip_prefix("tool:").and_then(|tool| tool.parse::<ToolName>().ok());
        if let (SpanKind::Result, Integrity::Untrusted, Some(tool)) = (span.kind, span.label.integrity, tool)
            && !seen.untrusted_tools.contains(&tool)
        {
            seen.untrusted_tools.push(tool);
        }
    }
    seen
}
