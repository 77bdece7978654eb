//! Redacting JSON without breaking it.
//!
//! Secrets are made of characters that JSON writes as they are, and placeholders hold none that it
//! escapes, so the raw bytes can be searched and replaced in place. Two cases need the parsed value: a
//! card number written as a number, and letters hidden behind `\u0041`.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Hit, Redactor, push_placeholder};

impl Redactor {
    /// The value with every secret in its strings, member names and numbers replaced. A number that is
    /// a secret becomes a string; of members whose names become the same placeholder, the last stays.
    pub fn redact_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact(text).into_owned()),
            Value::Number(number) => {
                let text = number.to_string();
                match self.redact(&text) {
                    Cow::Borrowed(_) => value.clone(),
                    Cow::Owned(clean) => Value::String(clean),
                }
            }
            Value::Array(items) => items.iter().map(|item| self.redact_json(item)).collect(),
            Value::Object(members) => {
                let clean = |(name, member): (&String, &Value)| {
                    (self.redact(name).into_owned(), self.redact_json(member))
                };
                Value::Object(members.iter().map(clean).collect())
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// The same, in place: a value without secrets stays as it is. Returns how many places of it changed: strings,
    /// numbers, and objects with a secret in a member's name.
    pub fn clean_json(&self, value: &mut Value) -> u32 {
        match value {
            Value::String(text) => match self.redact(text) {
                Cow::Owned(clean) => {
                    *text = clean;
                    1
                }
                Cow::Borrowed(_) => 0,
            },
            Value::Array(items) => items.iter_mut().map(|item| self.clean_json(item)).sum(),
            Value::Object(members) if members.keys().all(|name| self.count(name) == 0) => {
                members.values_mut().map(|member| self.clean_json(member)).sum()
            }
            Value::Number(_) | Value::Object(_) => {
                let clean = self.redact_json(value);
                let changed = clean != *value;
                *value = clean;
                u32::from(changed)
            }
            Value::Null | Value::Bool(_) => 0,
        }
    }

    /// The body without its secrets, or `None` when it has none and can go on as it is. Works on the
    /// raw bytes, so everything else stays as it was written. Bytes that are no JSON are redacted as
    /// text.
    pub fn redact_bytes_of_json(&self, body: &[u8]) -> Option<Vec<u8>> {
        let hits = self.scan(body);
        let hidden = hides_letters(body);
        if hits.is_empty() && !hidden {
            return None;
        }
        let clean = replace(body, &hits);
        let broken = serde_json::from_slice::<IgnoredAny>(&clean).is_err();
        if (hidden || broken)
            && let Ok(value) = serde_json::from_slice::<Value>(if broken { body } else { &clean })
        {
            let redacted = self.redact_json(&value);
            return (!hits.is_empty() || redacted != value).then(|| redacted.to_string().into_bytes());
        }
        (!hits.is_empty()).then_some(clean)
    }
}

fn replace(body: &[u8], hits: &[Hit<'_>]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(body.len());
    let mut from = 0;
    for hit in hits {
        clean.extend_from_slice(&body[from..hit.range.start]);
        let mut placeholder = String::new();
        push_placeholder(&mut placeholder, hit.id);
        clean.extend_from_slice(placeholder.as_bytes());
        from = hit.range.end;
    }
    clean.extend_from_slice(&body[from..]);
    clean
}

/// Whether a letter, a digit or a dash is written as `\u00XX`, which no usual encoder does.
fn hides_letters(body: &[u8]) -> bool {
    memchr::memmem::find_iter(body, b"\\u00").any(|at| {
        let code = body.get(at + 4..at + 6).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        code.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    })
}
