//! Arguments for the tried cases, from the pinned schemas: plausible enough for a person to read.

use plimsoll_core::ArgumentRole;
use serde_json::{Map, Value, json};

use crate::model::Tool;

/// Whom samples reach; not the asker.
const SOMEBODY: &str = "someone@elsewhere.example";

/// Arguments with every required member and every member that has a role.
pub(super) fn arguments(tools: &[&Tool]) -> Value {
    let mut arguments = json!({});
    for tool in tools {
        let schema = tool.pin.as_ref().map(|pin| &pin.input_schema);
        if let Some(schema) = schema {
            merge(&mut arguments, object(schema, 0));
        }
        for (path, role) in &tool.meaning.roles {
            let steps: Vec<&str> = path.split('/').skip(1).collect();
            let property = schema.map_or(&Value::Null, |schema| inside(schema, &steps));
            put(&mut arguments, &steps, of_role(*role, property));
        }
    }
    arguments
}

/// Sets a value at a path of a declaration; `*` is the one element of a list.
pub(super) fn put(value: &mut Value, steps: &[&str], leaf: Value) {
    match steps {
        [] => *value = leaf,
        ["*", rest @ ..] => {
            if value.as_array().is_none_or(Vec::is_empty) {
                *value = json!([null]);
            }
            put(&mut value[0], rest, leaf);
        }
        [name, rest @ ..] => {
            if !value.is_object() {
                *value = json!({});
            }
            put(&mut value[*name], rest, leaf);
        }
    }
}

/// Takes the member at the beginning of a path away.
pub(super) fn remove(value: &mut Value, path: &str) {
    if let (Some(members), Some(name)) = (value.as_object_mut(), path.split('/').nth(1)) {
        members.shift_remove(name);
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        for (name, value) in more {
            into.entry(name).or_insert(value);
        }
    }
}

fn inside<'s>(schema: &'s Value, steps: &[&str]) -> &'s Value {
    steps.iter().fold(schema, |schema, step| match *step {
        "*" => &schema["items"],
        name => &schema["properties"][name],
    })
}

fn object(schema: &Value, depth: usize) -> Value {
    let required =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let members = required.map(|name| (name.to_owned(), of_schema(&schema["properties"][name], depth + 1)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// Schemas that hold themselves have an end here.
const DEPTH_MAX: usize = 6;

fn of_schema(schema: &Value, depth: usize) -> Value {
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|list| list.first()) {
        return first.clone();
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        Some(kind) => kind.as_str(),
        None => None,
    };
    let least = schema.get("minimum").or_else(|| schema.get("exclusiveMinimum")).and_then(Value::as_i64);
    match kind {
        Some("integer" | "number") => json!(least.map_or(1, |least| least.saturating_add(1))),
        Some("boolean") => json!(false),
        Some("array") if depth < DEPTH_MAX => json!([of_schema(&schema["items"], depth + 1)]),
        Some("array") => json!([]),
        Some("object") if depth < DEPTH_MAX => object(schema, depth),
        Some("object") => json!({}),
        _ => json!("something"),
    }
}

fn of_role(role: ArgumentRole, property: &Value) -> Value {
    let kind = property.get("type").and_then(Value::as_str);
    let sample = of_schema(property, 0);
    if property.get("enum").is_some() || matches!(kind, Some("integer" | "boolean" | "object")) {
        return sample;
    }
    let text = match role {
        ArgumentRole::Amount => return json!(1),
        ArgumentRole::Recipient => SOMEBODY,
        ArgumentRole::Account => "DE00 0000 0000 0000 0000 00",
        ArgumentRole::Url => "https://elsewhere.example/",
        ArgumentRole::Path => "/somewhere",
        ArgumentRole::Identifier => "X-1",
        ArgumentRole::Credential => "a key",
        ArgumentRole::Time => "2026-01-01T09:00:00Z",
        ArgumentRole::Query | ArgumentRole::Content | ArgumentRole::Code | ArgumentRole::Choice => {
            "some text"
        }
    };
    if kind == Some("array") { json!([text]) } else { json!(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_filled() {
        let mut value = json!({"items": []});
        put(&mut value, &["items", "*", "sku"], json!("x"));
        put(&mut value, &["to"], json!("y"));
        assert_eq!(value, json!({"items": [{"sku": "x"}], "to": "y"}));
        remove(&mut value, "/items/*/sku");
        assert_eq!(value, json!({"to": "y"}));
    }
}
