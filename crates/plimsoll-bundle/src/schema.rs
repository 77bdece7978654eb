//! Finding an argument in a JSON Schema.
//!
//! Only what can be known is claimed: a schema that leaves room for other members, or composes itself
//! of alternatives, does not *lack* an argument.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a schema says about a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'s> {
    /// This schema stands for it.
    Here(&'s Value),
    /// The schema leaves it open.
    Open,
    /// There is no such member; these are there.
    Missing(BTreeSet<String>),
}

/// How many `$ref` in a row are followed.
const REFS_MAX: usize = 16;

/// Looks a place up: `/items/*/sku`, where `*` or a number is any element.
pub fn find<'s>(schema: &'s Value, pointer: &str) -> Found<'s> {
    let mut here = schema;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        here = match follow(schema, here) {
            Some(here) => here,
            None => return Found::Open,
        };
        let members = here.get("properties").and_then(Value::as_object);
        let element = step == "*" || step.bytes().all(|b| b.is_ascii_digit());
        here = match (members.and_then(|m| m.get(&step)), element.then(|| here.get("items")).flatten()) {
            (Some(member), _) => member,
            (None, Some(items)) => items,
            (None, None) => match members {
                Some(members) if !composed(here) => return Found::Missing(members.keys().cloned().collect()),
                _ => return Found::Open,
            },
        };
    }
    follow(schema, here).map_or(Found::Open, Found::Here)
}

/// The names of the arguments at the top.
pub fn names(schema: &Value) -> Vec<String> {
    let members = follow(schema, schema).and_then(|s| s.get("properties")).and_then(Value::as_object);
    members.map(|m| m.keys().cloned().collect()).unwrap_or_default()
}

/// Follows references inside the document.
pub fn follow<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Value> {
    let mut here = schema;
    for _ in 0..REFS_MAX {
        match here.get("$ref").and_then(Value::as_str) {
            Some(reference) => here = root.pointer(reference.strip_prefix('#')?)?,
            None => return Some(here),
        }
    }
    None
}

fn composed(schema: &Value) -> bool {
    ["allOf", "anyOf", "oneOf", "patternProperties", "if"].iter().any(|word| schema.get(word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places() {
        let schema = json!({
            "properties": {
                "to": {"type": "string"},
                "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
                "any": {"type": "object"},
                "self": {"$ref": "#/properties/self"},
                "alt": {"properties": {"a": {}}, "anyOf": [{}]}
            },
            "$defs": {"line": {"properties": {"sku": {"type": "string"}}}}
        });
        let check = |pointer: &str| match find(&schema, pointer) {
            Found::Here(s) => s.to_string(),
            Found::Open => "open".to_owned(),
            Found::Missing(known) => format!("missing of {known:?}"),
        };
        assert_eq!(check("/to"), r#"{"type":"string"}"#);
        assert_eq!(check("/lines/*/sku"), r#"{"type":"string"}"#);
        assert_eq!(check("/lines/0/sku"), r#"{"type":"string"}"#);
        assert_eq!(check("/lines/*/skew"), r#"missing of {"sku"}"#);
        assert_eq!(check("/any/thing"), "open");
        assert_eq!(check("/self"), "open");
        assert_eq!(check("/alt/b"), "open");
        assert!(check("/nope").starts_with("missing"));
        assert_eq!(names(&schema).len(), 5);
    }
}
