//! A value that a schema admits, made up: what a simulated act returns in place of a result.
//!
//! It is as small and as plain as the schema lets it be, and it is the same each time. Whether the schema really admits
//! it is asked of the schema at the end: what can't be made up is not guessed at.

use serde_json::{Map, Value, json};

/// What stands where a text is wanted.
pub const TEXT: &str = "simulated";
/// How deep values are nested at most.
const DEPTH_MAX: usize = 16;
/// Elements of a list, where the schema asks for some.
const ITEMS_MAX: u64 = 64;

/// A value that fits the schema, if one can be made up.
pub fn value(schema: &Value) -> Option<Value> {
    let made = make(schema, schema, DEPTH_MAX)?;
    let validator = jsonschema::validator_for(schema).ok()?;
    validator.is_valid(&made).then_some(made)
}

fn make(whole: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    if let Some(fixed) = schema.get("const") {
        return Some(fixed.clone());
    }
    if let Some(first) = schema.get("enum").and_then(Value::as_array) {
        return first.first().cloned();
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return make(whole, whole.pointer(reference.strip_prefix('#')?)?, depth);
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(ways) = schema.get(several).and_then(Value::as_array) {
            return ways.iter().find_map(|way| make(whole, way, depth));
        }
    }
    match kind(schema) {
        "object" => object(whole, schema, depth),
        "array" => {
            let wanted = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(ITEMS_MAX);
            let item = || schema.get("items").map_or(Some(Value::Null), |items| make(whole, items, depth));
            (0..wanted).map(|_| item()).collect::<Option<Vec<_>>>().map(Value::from)
        }
        "integer" => Some(number(schema, true)),
        "number" => Some(number(schema, false)),
        "boolean" => Some(json!(false)),
        "null" => Some(Value::Null),
        _ => Some(Value::from(text(schema))),
    }
}

/// The first type that a schema names, or what its other words are about.
fn kind(schema: &Value) -> &str {
    let named = match schema.get("type") {
        Some(Value::String(one)) => Some(one.as_str()),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    };
    let has = |key: &str| schema.get(key).is_some();
    named.unwrap_or(match () {
        () if has("properties") || has("required") => "object",
        () if has("items") => "array",
        () if has("minimum") || has("maximum") => "number",
        () => "string",
    })
}

/// Every member that is declared, so that a reader finds what it looks for; those that can't be made up are left out
/// unless they are required.
fn object(whole: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let mut members = Map::new();
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        match make(whole, property, depth) {
            Some(made) => drop(members.insert(name.clone(), made)),
            None if is_required(name) => return None,
            None => {}
        }
    }
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        members.entry(name).or_insert_with(|| json!(TEXT));
    }
    Some(Value::Object(members))
}

fn number(schema: &Value, whole: bool) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let step = bound("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|least| least + step));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|most| most - step));
    let near = 0.0_f64.max(least.unwrap_or(0.0)).min(most.unwrap_or(f64::INFINITY));
    let near = (near / step).ceil() * step;
    // A whole number is written as one.
    match near.fract() == 0.0 && near.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within what f64 counts exactly")]
        true => json!(near as i64),
        false if whole => json!(0),
        false => json!(near),
    }
}

fn text(schema: &Value) -> String {
    let plain = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "1970-01-01T00:00:00Z",
        Some("date") => "1970-01-01",
        Some("time") => "00:00:00Z",
        Some("email" | "idn-email") => "simulated@example.com",
        Some("uri" | "iri") => "https://example.com/simulated",
        Some("uuid") => "00000000-0000-0000-0000-000000000000",
        Some("ipv4") => "192.0.2.1",
        _ => TEXT,
    };
    let length = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let least = length("minLength").unwrap_or(0).min(4_096);
    let most = length("maxLength").unwrap_or(usize::MAX);
    let padding = least.saturating_sub(plain.chars().count());
    plain.chars().chain(std::iter::repeat_n('x', padding)).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(schema: Value) -> Value {
        value(&schema).unwrap_or_else(|| panic!("nothing was made up for {schema}"))
    }

    #[test]
    fn what_a_schema_admits() {
        let order = json!({
            "type": "object", "required": ["id", "total", "extra"], "additionalProperties": true,
            "properties": {
                "id": {"type": "string", "minLength": 12},
                "total": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
                "state": {"enum": ["open", "paid"]},
                "count": {"type": ["null", "integer"], "minimum": 3},
                "at": {"type": "string", "format": "date-time"},
                "lines": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/line"}},
                "short": {"type": "string", "maxLength": 3},
                "paid": {"type": "boolean"},
                "either": {"anyOf": [{"type": "null"}, {"type": "string"}]}
            },
            "$defs": {"line": {"type": "object", "properties": {"sku": {"const": "X"}}}}
        });
        insta::assert_snapshot!(format!("{:#}", made(order)));
    }

    #[test]
    fn what_can_not_be_made_up_is_not_guessed() {
        for schema in [
            json!({"type": "string", "pattern": "^[0-9]{9}$"}),
            json!({"$ref": "#"}),
            json!({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/nowhere"}}}),
            json!({"allOf": [{"type": "integer"}], "type": "string"}),
            json!(false),
        ] {
            assert_eq!(value(&schema), None, "{schema}");
        }
        assert_eq!(
            value(&json!({"type": "object", "properties": {"me": {"$ref": "#"}}})).map(|v| v.is_object()),
            Some(true)
        );
        assert_eq!(value(&json!(true)), Some(json!(TEXT)));
    }
}
