//! SARIF 2.1.0 (OASIS), for code scanners: one run, one result a change.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Approved;
use crate::diff::{Change, Diff, Level, RULES, Rule};

/// Where the schema of this version is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log. Approved changes are suppressed results, so a scanner shows them as accepted.
pub fn sarif(diff: &Diff, approved: &Approved) -> Value {
    let used: BTreeSet<&str> = diff.changes.iter().map(|change| change.rule.id).collect();
    let rules: Vec<&&Rule> = RULES.iter().filter(|rule| used.contains(rule.id)).collect();
    let index = |id: &str| rules.iter().position(|rule| rule.id == id).unwrap_or(0);
    let results: Vec<Value> = diff
        .changes
        .iter()
        .map(|change| result(change, index(change.rule.id), approved.has(change)))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "plimsoll diff",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            }},
            "automationDetails": { "id": "plimsoll/diff" },
            "columnKind": "unicodeCodePoints",
            "properties": { "base": diff.base, "head": diff.head, "summary": diff.summary(), "method": diff.method() },
            "results": results,
        }],
    })
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Owner => "error",
        Level::Review => "warning",
        Level::Notice | Level::Info => "note",
    }
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.why },
        "defaultConfiguration": { "level": level(rule.level) },
        "properties": { "plimsoll-level": rule.level, "approver": rule.level.approver() },
    })
}

fn result(change: &Change, index: usize, approved: bool) -> Value {
    let mut text = change.what.clone();
    for line in
        change.detail.iter().chain(&change.example.as_ref().map(super::terminal::lines).unwrap_or_default())
    {
        text.push('\n');
        text.push_str(line);
    }
    let mut result = json!({
        "ruleId": change.rule.id,
        "ruleIndex": index,
        "level": level(change.level()),
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&change.place.file), "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": change.place.line.max(1) },
        }}],
        "partialFingerprints": { "plimsoll/v1": change.fingerprint },
        "properties": { "subject": change.subject, "in-base": change.place.in_base },
    });
    if approved {
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted" }]);
    }
    result
}

/// A path as a relative URI reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
