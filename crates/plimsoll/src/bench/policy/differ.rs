//! What one call has that another has not.

use serde_json::Value;

/// Pointers of values that the other call does not have in the same place, in any element of a list.
pub fn missing(arguments: &Value, other: &Value) -> Vec<String> {
    let theirs: Vec<(String, String)> =
        leaves(other).into_iter().map(|(pointer, value)| (pattern(&pointer), value)).collect();
    let is_missing = |(pointer, value): &(String, String)| {
        let place = pattern(pointer);
        !theirs.iter().any(|(theirs, told)| *theirs == place && told == value)
    };
    leaves(arguments).into_iter().filter(is_missing).map(|(pointer, _)| pointer).collect()
}

/// Plain values that say something, with their pointers.
pub fn leaves(value: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, pointer: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let step = name.replace('~', "~0").replace('/', "~1");
                    walk(member, &format!("{pointer}/{step}"), found);
                }
            }
            Value::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    walk(item, &format!("{pointer}/{n}"), found);
                }
            }
            Value::Null => {}
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => found.push((pointer.to_owned(), text.trim().to_lowercase())),
            other => found.push((pointer.to_owned(), other.to_string())),
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

/// A pointer with the places in lists as `*`.
pub fn pattern(pointer: &str) -> String {
    let step = |step: &str| match !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()) {
        true => "*".to_owned(),
        false => step.to_owned(),
    };
    pointer.split('/').map(step).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calls_differ_by_values_in_places() {
        let check = |a: Value, b: Value, expected: &[&str]| {
            assert_eq!(missing(&a, &b), expected, "{a} in {b}");
        };
        check(json!({ "to": ["a@x"] }), json!({ "to": ["b@x", "A@x "] }), &[]);
        check(json!({ "to": ["a@x", "c@x"] }), json!({ "to": ["a@x"], "cc": ["c@x"] }), &["/to/1"]);
        check(json!({ "n": 5, "text": "" }), json!({ "n": 5, "text": "long" }), &[]);
        check(json!({ "n": 5 }), json!({ "n": 50 }), &["/n"]);
    }
}
