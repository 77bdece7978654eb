//! What a policy compares its facts with: the constants that divide the values of a fact into those that
//! it tells apart. From them the behaviour diff takes the values that it tries.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Policy;
use plimsoll_core::Digest;
use serde_json::Value;

use super::reads::path_of;

/// A constant of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Literal {
    Text(String),
    Number(i64),
    /// Digits of a `decimal`.
    Decimal(String),
    /// The id of an entity, with its type.
    Entity(String, String),
}

/// `flow.recipient`, `args.currency`, `principal.roles`, `principal` → what it is compared with.
pub(crate) type Literals = BTreeMap<String, BTreeSet<Literal>>;

/// A policy as the other functions read it.
pub(super) fn json(policy: &Policy) -> Value {
    policy.to_json().unwrap_or_else(|_| Value::String(policy.to_string()))
}

/// A policy without its annotations: equal when it says the same in the same form.
pub(super) fn content(policy: &Value) -> Digest {
    let mut json = policy.clone();
    if let Some(members) = json.as_object_mut() {
        members.remove("annotations");
    }
    Digest::of_json(&json)
}

/// Whether it looks at which act or tool it is asked about, beyond the scope of its action.
pub(super) fn looks_at_act(json: &Value) -> bool {
    let scoped = json.pointer("/resource/op").is_none_or(|op| op != "All");
    scoped || json.get("conditions").is_some_and(|conditions| mentions(conditions, &["resource", "action"]))
}

/// Whether it may look at the workflow that a principal belongs to: some `in` stands in it, of whatever.
pub(super) fn looks_at_home(json: &Value) -> bool {
    let scoped = json.pointer("/principal/op").is_none_or(|op| op != "All");
    scoped || json.get("conditions").is_some_and(has_in)
}

fn has_in(node: &Value) -> bool {
    match node {
        Value::Array(items) => items.iter().any(has_in),
        Value::Object(members) => {
            members.keys().any(|name| name == "in" || name == "is") || members.values().any(has_in)
        }
        _ => false,
    }
}

/// Whether some of it can fail once it is valid: arithmetic overflows, and of extension functions nobody here
/// knows. What is not on the list may err.
pub(super) fn may_err(json: &Value) -> bool {
    match json {
        Value::Array(items) => items.iter().any(may_err),
        Value::Object(members) => {
            members.iter().any(|(name, inner)| ARITHMETIC.contains(&name.as_str()) && inner.is_object())
                || members.iter().any(|(name, inner)| {
                    inner.is_array() && !PARSED.contains(&name.as_str()) && !LISTS.contains(&name.as_str())
                })
                || members.values().any(may_err)
        }
        _ => false,
    }
}

const ARITHMETIC: [&str; 4] = ["+", "-", "*", "neg"];

/// Members of Cedar's JSON form that hold lists and call nothing.
const LISTS: [&str; 4] = ["conditions", "Set", "entities", "attr"];

/// Extension functions that can't fail on a value of their type; a literal is parsed when it is validated.
const PARSED: [&str; 9] = [
    "decimal",
    "datetime",
    "duration",
    "lessThan",
    "lessThanOrEqual",
    "greaterThan",
    "greaterThanOrEqual",
    "ip",
    "isInRange",
];

fn mentions(node: &Value, names: &[&str]) -> bool {
    match node {
        Value::Array(items) => items.iter().any(|item| mentions(item, names)),
        Value::Object(members) => {
            members.get("Var").and_then(Value::as_str).is_some_and(|name| names.contains(&name))
                || members.values().any(|value| mentions(value, names))
        }
        _ => false,
    }
}

pub(super) fn of(json: &Value) -> Literals {
    let mut found = Literals::new();
    if let Some(entity) = json.pointer("/principal/entity") {
        found.entry("principal".to_owned()).or_default().extend(entity_of(entity));
    }
    walk(json.get("conditions").unwrap_or(&Value::Null), &mut found);
    found
}

fn walk(node: &Value, found: &mut Literals) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Object(members) => {
            for operands in members.values() {
                let pair = match operands {
                    Value::Object(two) => {
                        two.get("left").zip(two.get("right").or_else(|| two.get("pattern")))
                    }
                    Value::Array(two) if two.len() == 2 => two.first().zip(two.get(1)),
                    _ => None,
                };
                if let Some((left, right)) = pair {
                    compared(left, right, found);
                    compared(right, left, found);
                }
                walk(operands, found);
            }
        }
        _ => {}
    }
}

fn compared(fact: &Value, with: &Value, found: &mut Literals) {
    if let Some(path) = named(fact) {
        let mut constants = BTreeSet::new();
        collect(with, &mut constants);
        found.entry(path).or_default().extend(constants);
    }
}

/// The fact that a node is, if it is plainly one.
fn named(node: &Value) -> Option<String> {
    if node.get("Var").is_some_and(|name| name == "principal") {
        return Some("principal".to_owned());
    }
    let principal =
        node.get(".").filter(|access| access.pointer("/left/Var").is_some_and(|v| v == "principal"));
    match principal.and_then(|access| access.get("attr")).and_then(Value::as_str) {
        Some(name) => Some(format!("principal.{name}")),
        None => path_of(node).filter(|path| !path.is_empty()).map(|path| path.join(".")),
    }
}

fn collect(node: &Value, found: &mut BTreeSet<Literal>) {
    match node {
        Value::Object(members) => {
            if let Some(value) = members.get("Value") {
                found.extend(constant(value));
            } else if let Some(digits) = node.pointer("/decimal/0/Value").and_then(Value::as_str) {
                found.insert(Literal::Decimal(digits.to_owned()));
            } else if let Some(items) = members.get("Set") {
                collect(items, found);
            }
        }
        // A pattern of `like` is tried as the text in which its wildcards stand for one letter.
        Value::Array(items)
            if items.iter().any(|item| item == "Wildcard" || item.get("Literal").is_some()) =>
        {
            let part = |item: &Value| item.get("Literal").and_then(Value::as_str).unwrap_or("x").to_owned();
            found.insert(Literal::Text(items.iter().map(part).collect()));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

fn constant(value: &Value) -> Option<Literal> {
    match value {
        Value::String(text) => Some(Literal::Text(text.clone())),
        Value::Number(number) => number.as_i64().map(Literal::Number),
        Value::Object(members) => match (members.get("__entity"), members.get("__extn")) {
            (Some(entity), _) => entity_of(entity),
            (_, Some(extension)) => {
                Some(Literal::Decimal(extension.get("arg").and_then(Value::as_str)?.to_owned()))
            }
            _ => None,
        },
        _ => None,
    }
}

fn entity_of(entity: &Value) -> Option<Literal> {
    let entity = entity.get("__entity").unwrap_or(entity);
    let text = |name: &str| Some(entity.get(name)?.as_str()?.to_owned());
    Some(Literal::Entity(text("type")?, text("id")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &str) -> String {
        let policy = Policy::parse(None, policy).unwrap();
        let facts = of(&json(&policy)).into_iter().map(|(path, with)| format!("{path}: {with:?}"));
        facts.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn constants_by_the_fact_they_divide() {
        assert_eq!(
            check(
                "permit(principal == User::\"ada\", action, resource) when {
                    context.amount.hundredths >= 5000 && [\"EUR\", \"CHF\"].contains(context.args.currency) &&
                    principal.roles.contains(\"clerk\") && context.args.rate.lessThan(decimal(\"1.5\")) &&
                    context.args.path like \"/tmp/*\"
                };"
            ),
            "amount.hundredths: {Number(5000)}; args.currency: {Text(\"CHF\"), Text(\"EUR\")}; \
             args.path: {Text(\"/tmp/x\")}; args.rate: {Decimal(\"1.5\")}; \
             principal: {Entity(\"User\", \"ada\")}; principal.roles: {Text(\"clerk\")}"
        );
    }

    #[test]
    fn names_and_spelling_are_not_what_it_says() {
        let parse = |text: &str| content(&json(&Policy::parse(None, text).unwrap()));
        let one = parse("@id(\"a\") permit(principal, action, resource) when { context.mode == \"x\" };");
        assert_eq!(
            one,
            parse("// why\n@id(\"b\")\npermit (principal,action,resource) when {context.mode==\"x\"};")
        );
        assert_ne!(one, parse("permit(principal, action, resource) when { context.mode == \"y\" };"));
    }
}
