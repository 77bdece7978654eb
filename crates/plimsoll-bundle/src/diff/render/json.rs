//! The diff for tools.

use serde_json::{Value, json};

use super::Approved;
use crate::diff::{Change, Diff};

/// One object: the releases, the summary, how acts were compared, and every change.
pub fn json(diff: &Diff, approved: &Approved) -> Value {
    let changes: Vec<Value> = diff.changes.iter().map(|change| one(change, approved.has(change))).collect();
    json!({
        "base": diff.base,
        "head": diff.head,
        "summary": diff.summary(),
        "highest_unapproved": diff.highest_unapproved(approved).map(|level| level.name()),
        "compared": {
            "method": "enumeration",
            "acts": diff.compared.acts,
            "tried": diff.compared.tried,
            "cases": diff.compared.cases,
            "cut": diff.compared.cut,
        },
        "changes": changes,
    })
}

fn one(change: &Change, approved: bool) -> Value {
    json!({
        "rule": change.rule.id,
        "class": change.rule.class(),
        "level": change.level(),
        "subject": change.subject,
        "what": change.what,
        "why": change.rule.why,
        "place": change.place,
        "detail": change.detail,
        "example": change.example,
        "fingerprint": change.fingerprint,
        "approved": approved,
    })
}
