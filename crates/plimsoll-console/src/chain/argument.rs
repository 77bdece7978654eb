//! Arguments as a table: each value, why it matters, and where it came from.

use plimsoll_core::{ArgumentOrigin, Integrity};
use serde::Serialize;
use serde_json::Value;

use super::SHOWN_CHARS;

/// Rows of one table at most.
const ROWS_MAX: usize = 200;

/// One argument, ready to be shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Argument {
    /// `to`, `items/0/sku`.
    pub name: String,
    /// The value, redacted, with invisible characters spelled out. Line ends are kept.
    pub value: String,
    /// Why it matters; empty when the release declares no role.
    pub role: &'static str,
    /// How far its origin can be trusted; empty when it was not traced.
    pub integrity: &'static str,
    /// Where it came from, in words.
    pub from: String,
    /// Written by anybody, or by nobody knows whom: shown as a quotation, never as a statement.
    pub quoted: bool,
    /// It decides whom or what the act reaches.
    pub aims: bool,
}

/// The table of an act's arguments, what aims it first.
pub fn arguments(arguments: &Value, origins: &[ArgumentOrigin]) -> Vec<Argument> {
    let mut leaves = Vec::new();
    flatten(arguments, String::new(), &mut leaves);
    let mut rows: Vec<Argument> = leaves.iter().map(|(at, value)| row(at, value, origins)).collect();
    rows.sort_by_key(|row| !row.aims);
    rows
}

fn flatten<'v>(value: &'v Value, at: String, leaves: &mut Vec<(String, &'v Value)>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .map(|(key, value)| (format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), value))
            .collect(),
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().map(|(n, value)| (format!("{at}/{n}"), value)).collect()
        }
        // An act without arguments has no rows.
        Value::Object(_) | Value::Null if at.is_empty() => return,
        _ => {
            if leaves.len() < ROWS_MAX {
                leaves.push((at, value));
            }
            return;
        }
    };
    for (at, value) in inner {
        flatten(value, at, leaves);
    }
}

fn row(at: &str, value: &Value, origins: &[ArgumentOrigin]) -> Argument {
    // A list may have been traced as a whole.
    let covers = |origin: &&ArgumentOrigin| {
        at == origin.argument
            || at.strip_prefix(origin.argument.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    let origin = origins.iter().filter(covers).max_by_key(|origin| origin.argument.len());
    Argument {
        name: super::shown(at.trim_start_matches('/')),
        value: value_shown(value),
        role: origin.map_or("", |origin| origin.role.name()),
        integrity: origin.map_or("", |origin| origin.integrity.name()),
        from: origin.map_or_else(|| "not traced: the release declares no role for it".to_owned(), from),
        quoted: origin.is_none_or(|origin| origin.integrity == Integrity::Untrusted),
        aims: origin.is_some_and(|origin| origin.role.aims()),
    }
}

/// A string is shown as it is, everything else as JSON.
fn value_shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut left = SHOWN_CHARS;
    let mut lines = Vec::new();
    for line in text.lines() {
        if left == 0 {
            lines.push("…".to_owned());
            break;
        }
        let line = plimsoll_inspect::preview(line, left);
        left = left.saturating_sub(line.chars().count().max(1));
        lines.push(line);
    }
    lines.join("\n")
}

fn from(origin: &ArgumentOrigin) -> String {
    if origin.unknown {
        return "found nowhere in what the model was shown".to_owned();
    }
    let mut places: Vec<String> = origin
        .found
        .iter()
        .map(|place| {
            let inside = if place.whole { "" } else { ", inside a longer text" };
            let field = place
                .field
                .as_deref()
                .map(|field| format!(", field {}", super::shown(field)))
                .unwrap_or_default();
            format!(
                "{} ({}{field}{inside}, span {})",
                super::shown(&place.name()),
                place.integrity.name(),
                place.span
            )
        })
        .collect();
    places.dedup();
    if origin.more > 0 {
        places.push(format!("{} more", origin.more));
    }
    match places.as_slice() {
        [] => format!("judged {}", origin.integrity.name()),
        places => format!("from {}{}", places.join(", "), named(origin)),
    }
}

/// Whether the user named it, where that matters.
fn named(origin: &ArgumentOrigin) -> String {
    let lender = origin.found.iter().find_map(|place| place.lent_by.as_deref());
    match (origin.chosen, lender) {
        _ if !origin.role.aims() => String::new(),
        (true, Some("(query)")) => "; found for the user's own words".to_owned(),
        (true, Some(field)) => format!("; the user named its record by its {}", super::shown(field)),
        (true, None) => String::new(),
        (false, Some(field)) if origin.authored => {
            format!("; the user named its {}, not the value", super::shown(field))
        }
        (false, _) if origin.integrity >= Integrity::User => String::new(),
        (false, _) => "; the user did not name it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::{ArgumentRole, Origin};
    use serde_json::json;

    #[test]
    fn a_table_a_person_can_read() {
        let origin = |argument: &str, role, integrity, source: &str| ArgumentOrigin {
            argument: argument.into(),
            role,
            integrity,
            chosen: false,
            authored: false,
            listed: false,
            unknown: source.is_empty(),
            found: vec![Origin {
                span: 3,
                source: source.into(),
                integrity,
                whole: true,
                field: None,
                lent_by: None,
                of: None,
            }],
            more: 0,
            preview: None,
        };
        let origins = [
            origin("/amount", ArgumentRole::Amount, Integrity::User, "user"),
            origin("/to", ArgumentRole::Recipient, Integrity::Untrusted, "tool:mail.read"),
            origin("/path", ArgumentRole::Path, Integrity::Untrusted, ""),
        ];
        let act =
            json!({ "amount": 12, "to": ["a@b.example", "x\u{202e}y"], "path": "/etc", "note": "one\ntwo" });
        let table: Vec<String> = arguments(&act, &origins)
            .iter()
            .map(|row| {
                format!(
                    "{}={:?} [{} {}] {} {}",
                    row.name, row.value, row.role, row.integrity, row.from, row.quoted
                )
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @r#"
        to/0="a@b.example" [recipient untrusted] from tool:mail.read (untrusted, span 3); the user did not name it true
        to/1="x\\u{202e}y" [recipient untrusted] from tool:mail.read (untrusted, span 3); the user did not name it true
        path="/etc" [path untrusted] found nowhere in what the model was shown true
        amount="12" [amount user] from user (user, span 3) false
        note="one\ntwo" [ ] not traced: the release declares no role for it true
        "#);
    }
}
