//! Why each argument matters, from its name, its type and its format.

use plimsoll_core::ArgumentRole;
use serde_json::Value;

use super::words::words;
use crate::schema::follow;

/// A proposed role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRole {
    /// As written in `args`: `order_id`, `items/*/sku`.
    pub path: String,
    pub role: ArgumentRole,
    /// Nothing in the schema said so.
    pub unsure: bool,
}

/// How deep nested arguments are followed.
const DEPTH_MAX: usize = 3;

use ArgumentRole as R;

/// Words of names, the more telling first.
const NAMES: &[(R, &[&str])] = &[
    (
        R::Credential,
        &["token", "password", "passphrase", "secret", "apikey", "credential", "credentials", "pin", "otp"],
    ),
    (R::Account, &["iban", "bic", "account", "wallet", "payee", "card"]),
    (
        R::Recipient,
        &[
            "to",
            "cc",
            "bcc",
            "recipient",
            "recipients",
            "email",
            "emails",
            "mailto",
            "attendee",
            "attendees",
            "participant",
            "participants",
            "guest",
            "guests",
            "member",
            "members",
            "assignee",
            "assignees",
            "invitee",
            "invitees",
            "phone",
            "channel",
        ],
    ),
    (
        R::Amount,
        &[
            "amount", "price", "total", "sum", "cost", "budget", "quantity", "qty", "tip", "salary", "wage",
            "fee", "discount", "balance", "payment",
        ],
    ),
    (R::Url, &["url", "uri", "link", "href", "endpoint", "webhook", "host", "domain", "website"]),
    (
        R::Path,
        &[
            "path",
            "paths",
            "file",
            "files",
            "filename",
            "filepath",
            "directory",
            "dir",
            "folder",
            "source",
            "destination",
            "repo",
            "repository",
        ],
    ),
    (R::Code, &["code", "command", "cmd", "sql", "script", "expression", "eval", "shell", "program"]),
    (
        R::Query,
        &["query", "q", "search", "pattern", "patterns", "filter", "keyword", "keywords", "regex", "glob"],
    ),
    (
        R::Content,
        &[
            "body",
            "content",
            "contents",
            "text",
            "message",
            "subject",
            "title",
            "description",
            "summary",
            "comment",
            "note",
            "notes",
            "caption",
            "prompt",
            "observations",
            "observation",
            "data",
            "html",
            "markdown",
            "reference",
            "reason",
            "newtext",
            "oldtext",
            "edits",
            "thought",
            "question",
            "location",
            "venue",
            "place",
        ],
    ),
    (
        R::Time,
        &[
            "date",
            "time",
            "datetime",
            "when",
            "timestamp",
            "since",
            "until",
            "before",
            "after",
            "deadline",
            "timezone",
            "day",
        ],
    ),
    (
        R::Choice,
        &[
            "limit",
            "count",
            "page",
            "offset",
            "size",
            "depth",
            "timeout",
            "max",
            "min",
            "sort",
            "order",
            "format",
            "type",
            "mode",
            "kind",
            "status",
            "language",
            "locale",
            "currency",
            "lines",
            "length",
            "index",
            "level",
            "raw",
            "head",
            "tail",
            "context",
            "priority",
            "permission",
            "visibility",
            "recurring",
            "frequency",
            "interval",
            "color",
            "unit",
            "units",
        ],
    ),
    (
        R::Identifier,
        &[
            "id", "ids", "uuid", "key", "name", "names", "number", "user", "username", "customer", "sku",
            "slug", "branch", "ref", "revision", "commit", "target",
        ],
    ),
];

/// Of the words for a choice those that also are one where the schema lists no values.
const TEXT_CHOICES: [&str; 20] = [
    "sort",
    "order",
    "format",
    "type",
    "mode",
    "kind",
    "status",
    "language",
    "locale",
    "currency",
    "priority",
    "permission",
    "visibility",
    "frequency",
    "interval",
    "color",
    "unit",
    "units",
    "level",
    "page",
];

/// The proposed role of every argument in an input schema, in the schema's order.
pub fn roles(schema: &Value) -> Vec<ProposedRole> {
    let mut found = Vec::new();
    members(schema, schema, "", DEPTH_MAX, &mut found);
    found
}

fn members(root: &Value, schema: &Value, prefix: &str, depth: usize, found: &mut Vec<ProposedRole>) {
    let Some(properties) = follow(root, schema).and_then(|s| s.get("properties")).and_then(Value::as_object)
    else {
        return;
    };
    for (name, property) in properties {
        let path = format!("{prefix}{name}");
        let Some(property) = given(root, property) else { continue };
        let element = property.get("items").and_then(|items| given(root, items));
        let has_members = |schema: &Value| schema.get("properties").is_some();
        match element {
            Some(element) if has_members(element) && depth > 1 => {
                members(root, element, &format!("{path}/*/"), depth - 1, found);
            }
            None if has_members(property) && depth > 1 => {
                members(root, property, &format!("{path}/"), depth - 1, found);
            }
            _ => {
                let (role, unsure) = role(name, property, element);
                found.push(ProposedRole { path, role, unsure });
            }
        }
    }
}

/// Whether a word of a name says that this is what somebody gets in with.
pub(super) fn is_credential(word: &str) -> bool {
    NAMES.iter().any(|(role, names)| *role == R::Credential && names.contains(&word))
}

/// What a value is when it is there: `T` of "`T` or null".
fn given<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Value> {
    let here = follow(root, schema)?;
    let branches = ["anyOf", "oneOf"].iter().find_map(|word| here.get(word)?.as_array());
    let Some(branches) = branches else { return Some(here) };
    let null = |branch: &&Value| branch.get("type").is_none_or(|kind| kind != "null");
    let mut given = branches.iter().filter(null);
    match (given.next(), given.next()) {
        (Some(only), None) => follow(root, only),
        _ => Some(here),
    }
}

fn role(name: &str, property: &Value, element: Option<&Value>) -> (ArgumentRole, bool) {
    let value = element.unwrap_or(property);
    if let Some(role) = by_type(value) {
        return (role, false);
    }
    let words = words(name);
    // `customer_id` is an identifier before it is a customer; the last word is what the value is.
    if words.len() > 1
        && words.last().is_some_and(|last| matches!(last.as_str(), "id" | "ids" | "uuid" | "number"))
    {
        let account = words.iter().any(|w| matches!(w.as_str(), "account" | "card" | "wallet"));
        return (if account { R::Account } else { R::Identifier }, false);
    }
    let joined = words.concat();
    let known = |word: &str| NAMES.iter().find(|(_, names)| names.contains(&word)).map(|(role, _)| *role);
    let by_name = known(&joined).or_else(|| words.iter().rev().find_map(|word| known(word)));
    // `head` counts lines when it is a number, and is a branch when it is a text.
    let is_text = is_kind(value, "string");
    let chooses = !is_text || words.last().is_some_and(|last| TEXT_CHOICES.contains(&last.as_str()));
    if let Some(role) = by_name.filter(|role| *role != R::Choice || chooses) {
        return (role, false);
    }
    if let Some(role) = by_description(value.get("description").or(property.get("description"))) {
        return (role, false);
    }
    // Pessimistic: a value that nobody explained may decide what the act reaches, or how much of it.
    let is_number = is_kind(value, "number");
    (if is_number { R::Amount } else { R::Identifier }, true)
}

/// Whether it is of this type, or null.
fn is_kind(value: &Value, kind: &str) -> bool {
    match value.get("type") {
        Some(Value::Array(kinds)) => {
            kinds.iter().all(|k| k == kind || k == "null") && kinds.iter().any(|k| k == kind)
        }
        Some(own) => own == kind,
        None => false,
    }
}

fn by_type(value: &Value) -> Option<ArgumentRole> {
    if is_kind(value, "boolean") || value.get("enum").is_some() {
        return Some(R::Choice);
    }
    match value.get("format").and_then(Value::as_str)? {
        "email" | "idn-email" => Some(R::Recipient),
        "uri" | "url" | "iri" | "uri-reference" | "hostname" => Some(R::Url),
        "date" | "time" | "date-time" | "duration" => Some(R::Time),
        "password" => Some(R::Credential),
        "uuid" => Some(R::Identifier),
        _ => None,
    }
}

fn by_description(description: Option<&Value>) -> Option<ArgumentRole> {
    let text = description?.as_str()?.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match () {
        () if says(&["e-mail address", "email address", "recipient"]) => Some(R::Recipient),
        () if says(&["iban", "bank account"]) => Some(R::Account),
        () if says(&["url", "http"]) => Some(R::Url),
        () if says(&["file path", "path to", "directory"]) => Some(R::Path),
        () if says(&["identifier", "unique id", "the id of"]) => Some(R::Identifier),
        () if says(&["search query", "search term"]) => Some(R::Query),
        () => None,
    }
}
