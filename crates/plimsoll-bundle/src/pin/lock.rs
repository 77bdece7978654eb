//! The lock file: read, changed pin by pin, written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// `tools/<server>.lock.json` as it lies there. Pins that nobody touches are written as they were read, also
/// wrong ones: only a review makes a pin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    pub protocol: String,
    pub pinned_at: String,
    pins: BTreeMap<String, Value>,
    /// Members that are not about tools.
    rest: Map<String, Value>,
}

impl Lock {
    /// # Errors
    /// In words, when it is no lock file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lock: Map<String, Value> =
            serde_json::from_str(text).map_err(|e| format!("the lock file is not JSON: {e}"))?;
        let Some(Value::Object(pins)) = lock.remove("tools") else {
            return Err("the lock file has no `tools`".to_owned());
        };
        let mut text = |name: &str| {
            lock.remove(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let (_server, protocol, pinned_at) = (text("server"), text("protocol"), text("pinned_at"));
        Ok(Self { protocol, pinned_at, pins: pins.into_iter().collect(), rest: lock })
    }

    /// Every pinned tool as it was described, by its name.
    pub fn tools(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.pins.iter().map(|(name, pin)| (name.as_str(), &pin["tool"]))
    }

    pub fn tool(&self, name: &str) -> Option<&Value> {
        self.pins.get(name).map(|pin| &pin["tool"])
    }

    /// Pins a tool as `reviewed_by` saw it.
    pub fn pin(&mut self, tool: &Value, reviewed_by: &str) {
        let Some(name) = tool.get("name").and_then(Value::as_str) else { return };
        let pin = json!({
            "digest": super::digest(tool),
            "reviewed_by": reviewed_by,
            "tool": super::pinned(tool),
        });
        self.pins.insert(name.to_owned(), pin);
    }

    /// Members that are not about tools.
    pub(crate) fn rest_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.rest
    }

    pub fn unpin(&mut self, name: &str) {
        self.pins.remove(name);
    }

    /// The file's text, tools in the order of their names. Hidden characters are written as JSON escapes, so that
    /// the file shows them.
    pub fn text(&self, server: &str) -> String {
        let mut lock = self.rest.clone();
        lock.insert("server".to_owned(), json!(server));
        lock.insert("protocol".to_owned(), json!(self.protocol));
        lock.insert("pinned_at".to_owned(), json!(self.pinned_at));
        lock.insert("tools".to_owned(), json!(self.pins));
        format!("{}\n", escaped(&format!("{:#}", Value::Object(lock))))
    }
}

/// The text of a lock file in which one person reviewed every tool, as `tools/list` describes them.
pub fn lock_file(
    server: &str,
    protocol: &str,
    pinned_at: &str,
    reviewed_by: &str,
    tools: &[Value],
) -> String {
    let mut lock = Lock { protocol: protocol.to_owned(), pinned_at: pinned_at.to_owned(), ..Lock::default() };
    tools.iter().for_each(|tool| lock.pin(tool, reviewed_by));
    lock.text(server)
}

/// Hidden characters inside JSON strings as `\u` escapes. They occur nowhere else in a JSON text that
/// a serialiser wrote.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if super::is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_a_lock_file() {
        let tool = json!({"name": "x", "description": "a\u{200b}b\u{e0041}"});
        let text = lock_file("s", "2025-11-25", "", "", std::slice::from_ref(&tool));
        assert!(text.contains(r"a\u200bb\udb40\udc41"), "{text}");
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["tools"]["x"]["tool"], tool);
        assert_eq!(back["tools"]["x"]["digest"], json!(crate::pin::digest(&tool)));
    }

    #[test]
    fn what_nobody_reviewed_again_stays_as_it_lies_there() {
        let text = lock_file("s", "p", "2026-01-01", "ada", &[json!({"name": "a"}), json!({"name": "b"})]);
        let tampered = text.replacen("\"name\": \"a\"", "\"description\": \"evil\",\n\"name\": \"a\"", 1);
        let mut lock = Lock::parse(&tampered).unwrap();
        assert_eq!(Lock::parse(&text).unwrap().text("s"), text);
        lock.pin(&json!({"name": "b", "title": "B"}), "ben");
        let back: Value = serde_json::from_str(&lock.text("s")).unwrap();
        assert_eq!(back["tools"]["a"]["digest"], json!(crate::pin::digest(&json!({"name": "a"}))));
        assert_eq!(back["tools"]["a"]["tool"]["description"], "evil");
        assert_eq!(
            (&back["tools"]["a"]["reviewed_by"], &back["tools"]["b"]["reviewed_by"]),
            (&json!("ada"), &json!("ben"))
        );
        assert!(Lock::parse("{").is_err() && Lock::parse("{\"tools\": []}").is_err());
    }
}
