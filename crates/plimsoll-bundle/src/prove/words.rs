//! A request that a solver found, in the words that the behaviour diff has for the same facts.

use cedar_policy::{Entities, EntityUid, EvalResult, Request};
use serde_json::Value;

use super::Counterexample;
use crate::cedar::{Facts, group_names};

/// Workflow and tool are the asker's to fill in.
pub(super) fn counterexample(
    request: &Request,
    entities: &Entities,
    reads: &Facts,
    mut permitted_by: Vec<String>,
) -> Counterexample {
    permitted_by.sort();
    let (mut given, mut arguments) = (Vec::new(), serde_json::Map::new());
    let context = request.context();
    let get = |name: &str| context.and_then(|context| context.get(name));
    for name in ["mode", "environment", "workflow", "decides", "deferred", "now", "release"] {
        if let Some(value) = get(name).filter(|_| reads.has("", name)) {
            given.extend(phrase("", name, &value));
        }
    }
    for group in group_names() {
        if let Some(EvalResult::Record(record)) = get(group) {
            let facts = record.iter().filter(|(name, _)| reads.has(group, name));
            given.extend(facts.filter_map(|(name, value)| phrase(group, name, value)));
        }
    }
    if let Some(EvalResult::Record(record)) = get("args") {
        let facts = record.iter().filter(|(name, _)| reads.has("args", name));
        arguments.extend(facts.map(|(name, value)| (name.clone(), json(value))));
    }
    let who = match request.principal() {
        Some(principal) if reads.principal() => who(entities, principal),
        _ => "any principal".to_owned(),
    };
    let arguments = (!arguments.is_empty()).then_some(Value::Object(arguments));
    let (workflow, tool) = (String::new(), String::new());
    Counterexample { workflow, tool, who, arguments, given, permitted_by }
}

fn who(entities: &Entities, principal: &EntityUid) -> String {
    let kind = principal.type_name().to_string().to_lowercase();
    let article = if kind == "agent" { "an" } else { "a" };
    let mut who = format!("{article} {kind}");
    let Some(entity) = entities.get(principal) else { return who };
    if let Some(Ok(EvalResult::Set(roles))) = entity.attr("roles") {
        let roles: Vec<String> = roles.iter().map(plain).filter(|role| !role.is_empty()).collect();
        match roles.as_slice() {
            [] => {}
            [role] => who.push_str(&format!(" with the role {role}")),
            roles => who.push_str(&format!(" with the roles {}", roles.join(", "))),
        }
    }
    if let Some(Ok(EvalResult::String(tenant))) = entity.attr("tenant")
        && !tenant.is_empty()
    {
        who.push_str(&format!(" of {tenant}"));
    }
    who
}

/// One fact; `None` where it says nothing that a reader needs.
fn phrase(group: &str, name: &str, value: &EvalResult) -> Option<String> {
    let said = match (group, name, value) {
        ("flow", _, EvalResult::Long(level)) if is_level(name) => {
            format!("the {} {}", subject(name), behind(*level))
        }
        ("trajectory", "integrity", EvalResult::Long(level)) => {
            format!("the lowest of what the model has seen {}", behind(*level))
        }
        ("flow", "targets", EvalResult::Long(n)) => format!("{n} of its values must be proven"),
        (_, _, EvalResult::Bool(truth)) => truth_of(group, name, *truth)?.to_owned(),
        ("", "mode", value) => format!("in {} mode", plain(value)),
        ("", "environment", value) => format!("in the environment {}", plain(value)),
        ("", "workflow" | "decides" | "release", _) => return None,
        ("", "now", value) => format!("at {}", plain(value)),
        ("amount", "hundredths", EvalResult::Long(n)) => format!("the amount is {}", crate::diff::money(*n)),
        ("counters", counter, value) => format!("{} is {}", counter.replace('_', " "), plain(value)),
        ("checks", "declared", value) => format!("{} checks are declared", plain(value)),
        ("trajectory", "spans", value) => format!("the model has seen {} pieces of text", plain(value)),
        ("trajectory", "classes", value) => set("the model has seen data of the classes", value)?,
        ("trajectory", "untrusted_tools", value) => set("the model has seen untrusted results of", value)?,
        ("payload", "classes", value) => set("its text holds data of the classes", value)?,
        (group, name, value) => format!("context.{group}.{name} is {}", plain(value)),
    };
    Some(said)
}

fn is_level(name: &str) -> bool {
    !matches!(name, "targets")
}

fn subject(name: &str) -> &str {
    match name {
        "aimed" => "lowest of what aims it",
        "proven" => "lowest of the values that must be proven",
        role => role,
    }
}

/// After a value: who stands behind it.
fn behind(level: i64) -> &'static str {
    match level {
        i64::MIN..=0 => "comes from untrusted content or from nowhere",
        1 => "stands in the organisation's own records",
        2 => "was named by the user",
        _ => "stands in a released prompt",
    }
}

/// The same words as in the behaviour diff.
fn truth_of(group: &str, name: &str, truth: bool) -> Option<&'static str> {
    let (yes, no) = match (group, name) {
        ("intent", "asked") => ("the user asked for this kind of act", "the user did not ask for it"),
        ("hypothesis", "known") => {
            ("a known model answer proposed it", "no model answer that was seen proposed it")
        }
        ("approval", "granted") => ("people approved it", "nobody approved it"),
        ("approval", "untrusted") => ("its people may approve what untrusted content chose", ""),
        ("checks", "passed") => ("its checks passed", "its checks have not all passed"),
        ("egress", "outside") => ("it reaches somebody who may not read what the model has seen", ""),
        ("flow", "chosen") => {
            ("the user named every value that must be proven", "the user did not name every value")
        }
        ("flow", "authored") => ("its values stand in the text of a known author", ""),
        ("flow", "listed") => ("its values stand in a directory that the organisation keeps", ""),
        ("flow", "unknown") => ("an aiming value was found nowhere", ""),
        ("flow", "others") => ("it reaches somebody else", "it reaches only the asker"),
        ("trajectory", "tainted") => {
            ("the model has seen untrusted content", "the model has seen nothing untrusted")
        }
        ("trajectory", "lethal") => ("the model has seen untrusted content and sensitive data", ""),
        ("payload", "foreign") => ("its text holds a link or address that nobody trusted wrote", ""),
        ("payload", "undictated") => ("its text is not the one that the user dictated", ""),
        ("amount", "within_free") => {
            ("the amount is within what is free", "the amount is above what is free")
        }
        ("", "deferred") => ("at a door before the one that moves it", "at the door that moves it"),
        _ => return None,
    };
    Some(if truth { yes } else { no }).filter(|words| !words.is_empty())
}

fn set(before: &str, value: &EvalResult) -> Option<String> {
    let EvalResult::Set(items) = value else { return None };
    let items: Vec<String> = items.iter().map(plain).collect();
    (!items.is_empty()).then(|| format!("{before} {}", items.join(", ")))
}

fn plain(value: &EvalResult) -> String {
    match value {
        EvalResult::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn json(value: &EvalResult) -> Value {
    match value {
        EvalResult::Bool(truth) => Value::Bool(*truth),
        EvalResult::Long(number) => Value::from(*number),
        EvalResult::String(text) => Value::String(text.clone()),
        EvalResult::Set(items) => Value::Array(items.iter().map(json).collect()),
        other => Value::String(other.to_string()),
    }
}
