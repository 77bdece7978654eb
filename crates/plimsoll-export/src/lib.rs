//! The ledger's entries in the words of others: OpenTelemetry traces and logs, OCSF events, JSON Lines.
//!
//! It alone knows: the vocabularies of OpenTelemetry ([`otel`]) and OCSF ([`ocsf`]). It has never heard of: sockets,
//! files, or where an entry comes from. Everything here is a function from entries to JSON. What each attribute says
//! is declared once, in [`names`]; `docs/export.md` is written from there.
//!
//! An act is begun in one entry and ended in another. [`Acts`] brings the two together.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests"))]

mod acts;
pub mod names;
pub mod ocsf;
pub mod otel;

#[cfg(test)]
mod tests;

pub use acts::{Acts, OPEN_ACTS_MAX, Told};

use plimsoll_core::Entry;
use serde_json::{Value, json};

/// An entry with its number in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    pub seq: u64,
    pub entry: Entry,
}

/// Which sensitive fields go out. Without any, what goes out names nobody's words: ids, names of tools and rules,
/// levels, counts and times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// Who asked, and who answered.
    pub identity: bool,
    /// What a tool was called with, and reasons that repeat it.
    pub arguments: bool,
    /// Beginnings of results.
    pub content: bool,
}

/// What is sent from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Which gateway this is, where there are several; the ledger's origin, for example.
    pub instance: String,
    pub environment: String,
    pub version: String,
    pub include: Include,
}

/// One entry as one object: its number, and the entry as it stands in the ledger.
pub fn jsonl(numbered: &Numbered) -> Value {
    let mut line = json!({ "seq": numbered.seq });
    if let (Some(line), Ok(Value::Object(entry))) =
        (line.as_object_mut(), serde_json::to_value(&numbered.entry))
    {
        line.extend(entry);
    }
    line
}
