//! Canonical JSON (RFC 8785): one spelling for each value, so that a digest is of what is meant.
//!
//! Members are sorted by their UTF-16 code units (section 3.2.3), strings are written with the fewest
//! escapes (3.2.2.2), which is how serde_json writes them, and numbers as ECMAScript writes doubles
//! (3.2.2.3): whole ones in their digits, the others by the reference implementation.

use serde_json::{Map, Number, Value};

/// Whole numbers up to here are doubles exactly, and written in digits.
const WHOLE_MAX: u64 = 1 << 53;

/// Appends the canonical form of a value.
pub(crate) fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_value(out, item);
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(out, members),
    }
}

/// Appends a string with its quotes.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    // Writing to a vector does not fail, and a string is always JSON.
    let _written = serde_json::to_writer(out, text);
}

fn write_object(out: &mut Vec<u8>, members: &Map<String, Value>) {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push(b'{');
    for (n, (name, value)) in sorted.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_text(out, name);
        out.push(b':');
        write_value(out, value);
    }
    out.push(b'}');
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    let whole = number.as_i64().filter(|whole| whole.unsigned_abs() <= WHOLE_MAX);
    let text = match whole {
        Some(whole) => whole.to_string().into_bytes(),
        // A number of a value is never NaN or infinite, the only ones that have no canonical form.
        None => serde_json_canonicalizer::to_vec(number).unwrap_or_default(),
    };
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1000_i64..1000).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\x00-\\x7F\\u{80}-\\u{FFFF}\\u{10000}-\\u{10FFFF}]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_the_reference_implementation_writes(value in values()) {
            let mut ours = Vec::new();
            write_value(&mut ours, &value);
            let theirs = serde_json_canonicalizer::to_vec(&value).unwrap_or_default();
            prop_assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs));
        }
    }
}
