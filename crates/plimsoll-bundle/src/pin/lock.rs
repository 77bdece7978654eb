//! Writing a lock file.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The text of `tools/<server>.lock.json` for tools as `tools/list` describes them, in the order of
/// their names. Hidden characters are written as JSON escapes, so that the file shows them.
pub fn lock_file(
    server: &str,
    protocol: &str,
    pinned_at: &str,
    reviewed_by: &str,
    tools: &[Value],
) -> String {
    let by_name: BTreeMap<&str, &Value> =
        tools.iter().filter_map(|tool| Some((tool.get("name")?.as_str()?, tool))).collect();
    let pins: Map<String, Value> = by_name
        .into_iter()
        .map(|(name, tool)| {
            let pin = json!({
                "digest": super::digest(tool),
                "reviewed_by": reviewed_by,
                "tool": super::pinned(tool),
            });
            (name.to_owned(), pin)
        })
        .collect();
    let lock = json!({ "server": server, "protocol": protocol, "pinned_at": pinned_at, "tools": pins });
    format!("{}\n", escaped(&format!("{lock:#}")))
}

/// Hidden characters inside JSON strings as `\u` escapes. They occur nowhere else in a JSON text that
/// a serialiser wrote.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if super::compare::is_hidden(c) {
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
}
