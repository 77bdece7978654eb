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

/// Every path of named members in a schema, list elements left out: `sender/email`. A list or a value
/// without a name is `*`.
pub fn paths(schema: &Value) -> BTreeSet<String> {
    Walk::of(schema).paths
}

/// The same when the schema says all there is; `None` when it leaves room for other members.
pub fn fields(schema: &Value) -> Option<BTreeSet<String>> {
    let walk = Walk::of(schema);
    (!walk.open).then_some(walk.paths)
}

/// Whether a field, named by the end of its path, is this path.
pub fn is_field(path: &str, field: &str) -> bool {
    path.strip_suffix(field).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// How deep members are followed.
const DEPTH_MAX: usize = 8;

/// How many places of a schema are looked at: one that branches into itself has no end.
const PLACES_MAX: usize = 4096;

struct Walk<'s> {
    root: &'s Value,
    paths: BTreeSet<String>,
    /// Somewhere members may stand that the schema does not name.
    open: bool,
    places: usize,
}

impl<'s> Walk<'s> {
    fn of(root: &'s Value) -> Self {
        let mut walk = Self { root, paths: BTreeSet::new(), open: false, places: 0 };
        walk.at(root, "", DEPTH_MAX);
        walk
    }
}

impl Walk<'_> {
    fn at(&mut self, schema: &Value, path: &str, depth: usize) {
        self.places += 1;
        let bounded = depth > 0 && self.places <= PLACES_MAX;
        let Some(here) = follow(self.root, schema).filter(|_| bounded) else {
            self.open = true;
            return;
        };
        let mut led = false;
        for word in ["allOf", "anyOf", "oneOf"] {
            for branch in here.get(word).and_then(Value::as_array).into_iter().flatten() {
                self.at(branch, path, depth - 1);
                led = true;
            }
        }
        if let Some(members) = here.get("properties").and_then(Value::as_object) {
            led = true;
            for (name, member) in members {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                self.paths.insert(inner.clone());
                self.at(member, &inner, depth - 1);
            }
        }
        if let Some(items) = here.get("items") {
            led = true;
            self.at(items, path, depth - 1);
        }
        let plain = here.get("const").or(here.get("enum")).is_some() || is_scalar(here);
        if plain && path.is_empty() {
            self.paths.insert("*".to_owned());
        }
        self.open |= !led && !plain;
    }
}

fn is_scalar(schema: &Value) -> bool {
    let scalar = |kind: &Value| kind.as_str().is_some_and(|kind| !matches!(kind, "object" | "array"));
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().all(scalar),
        Some(kind) => scalar(kind),
        None => false,
    }
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

    #[test]
    fn every_field_of_a_closed_schema_and_none_of_an_open_one() {
        let mail = json!({
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "sender": {"$ref": "#/$defs/person"},
                "cc": {"type": "array", "items": {"$ref": "#/$defs/person"}},
                "body": {"anyOf": [{"type": "string"}, {"type": "null"}]}
            },
            "$defs": {"person": {"type": "object", "properties": {"email": {"type": ["string", "null"]}}}}
        });
        let known = fields(&mail).unwrap();
        assert_eq!(
            known.iter().map(String::as_str).collect::<Vec<_>>(),
            ["body", "cc", "cc/email", "id", "sender", "sender/email"]
        );
        assert!(known.iter().any(|path| is_field(path, "email")));
        assert!(known.iter().any(|path| is_field(path, "sender/email")));
        assert!(!known.iter().any(|path| is_field(path, "mail")), "a field is a whole name");
        assert_eq!(
            fields(&json!({"type": "array", "items": {"type": "string"}})),
            Some(["*".to_owned()].into())
        );
        for open in [json!({}), json!({"type": "object"}), json!({"properties": {"x": {}}})] {
            assert_eq!(fields(&open), None, "{open}");
        }
        // It contains itself many times over, and ends all the same.
        let names = ["next", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o"];
        let endless = json!({"properties": names.map(|n| (n, json!({"$ref": "#"}))).into_iter().collect::<std::collections::BTreeMap<_, _>>()});
        assert!(paths(&endless).contains("a/a"));
        assert_eq!(fields(&endless), None);
    }
}
