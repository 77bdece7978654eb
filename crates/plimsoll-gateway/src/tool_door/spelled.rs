//! One JSON value as the known clients write it.
//!
//! Several clients show the model `structuredContent` instead of the text beside it, and write it anew: the same
//! value, in the order of its members, in other bytes. To recognise it there, each spelling has to be known.

use std::fmt::Write as _;

use plimsoll_wire::json::Ref;
use serde_json::Value;

/// Bytes of a structured result that are spelled anew. Larger ones are known in the server's own spelling only.
pub(super) const SPELLED_BYTES: usize = 64 << 10;

/// How a client writes JSON.
#[derive(Clone, Copy)]
struct Style {
    comma: &'static str,
    colon: &'static str,
    /// Spaces a level is set in, each member on a line of its own.
    indent: Option<usize>,
    /// Everything but printable ASCII as `\u` escapes.
    ascii: bool,
    /// `25.0` is written `25`.
    short_numbers: bool,
}

const COMPACT: Style = Style { comma: ",", colon: ":", indent: None, ascii: false, short_numbers: false };
const SPACED: Style = Style { comma: ", ", colon: ": ", ..COMPACT };
const PRETTY: Style = Style { colon: ": ", indent: Some(2), ..COMPACT };

const STYLES: [Style; 7] = [
    // serde_json and pydantic.
    COMPACT,
    // JSON.stringify(value), and JSON.stringify(value, null, 2).
    Style { short_numbers: true, ..COMPACT },
    Style { short_numbers: true, ..PRETTY },
    // json.dumps(value), with indent=2, and with ensure_ascii=False.
    Style { ascii: true, ..SPACED },
    Style { ascii: true, ..PRETTY },
    SPACED,
    PRETTY,
];

/// The server's own spelling, and the others that differ from it.
pub(super) fn as_clients_write(value: Ref<'_>) -> Vec<String> {
    let mut texts = vec![value.raw_str().to_owned()];
    if texts[0].len() > SPELLED_BYTES {
        return texts;
    }
    let value = value.to_value();
    for style in STYLES {
        let mut text = String::new();
        style.write(&value, 0, &mut text);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

impl Style {
    fn write(self, value: &Value, level: usize, out: &mut String) {
        match value {
            Value::Array(items) => self.list(items.iter(), ['[', ']'], level, out, |item, out| {
                self.write(item, level + 1, out);
            }),
            Value::Object(members) => {
                self.list(members.iter(), ['{', '}'], level, out, |(key, item), out| {
                    self.string(key, out);
                    out.push_str(self.colon);
                    self.write(item, level + 1, out);
                })
            }
            Value::String(text) => self.string(text, out),
            Value::Number(number) => {
                let text = number.to_string();
                let short = text.strip_suffix(".0").filter(|_| self.short_numbers);
                out.push_str(short.unwrap_or(&text));
            }
            other => out.push_str(&other.to_string()),
        }
    }

    fn list<T>(
        self,
        items: impl ExactSizeIterator<Item = T>,
        [open, close]: [char; 2],
        level: usize,
        out: &mut String,
        mut write: impl FnMut(T, &mut String),
    ) {
        let is_empty = items.len() == 0;
        out.push(open);
        for (index, item) in items.enumerate() {
            if index > 0 {
                out.push_str(self.comma);
            }
            self.line(level + 1, out);
            write(item, out);
        }
        if !is_empty {
            self.line(level, out);
        }
        out.push(close);
    }

    fn line(self, level: usize, out: &mut String) {
        if let Some(indent) = self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * level));
        }
    }

    fn string(self, text: &str, out: &mut String) {
        let plain = Value::from(text).to_string();
        for c in plain.chars() {
            if !self.ascii || matches!(c, ' '..='~') {
                out.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _a_string_takes_it = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_wire::json::{Limits, parse};

    use super::*;

    /// The expectations are what Node 22 and Python 3.11 print.
    #[test]
    fn one_value_in_every_known_spelling() {
        let text = r#"{"b": "ü🌍\u007f/\n", "a": [25.0, 49.90, null], "e": {}, "l": []}"#;
        let doc = parse(text.as_bytes(), &Limits::DEFAULT).unwrap();
        let pretty = |b: &str, n: &str| {
            format!(
                "{{\n  \"b\": {b},\n  \"a\": [\n    {n},\n    49.9,\n    null\n  ],\n  \"e\": {{}},\n  \"l\": []\n}}"
            )
        };
        let (utf8, ascii) = ("\"ü🌍\u{7f}/\\n\"", r#""\u00fc\ud83c\udf0d\u007f/\n""#);
        let expected = [
            text.to_owned(),
            format!(r#"{{"b":{utf8},"a":[25.0,49.9,null],"e":{{}},"l":[]}}"#),
            format!(r#"{{"b":{utf8},"a":[25,49.9,null],"e":{{}},"l":[]}}"#),
            pretty(utf8, "25"),
            format!(r#"{{"b": {ascii}, "a": [25.0, 49.9, null], "e": {{}}, "l": []}}"#),
            pretty(ascii, "25.0"),
            format!(r#"{{"b": {utf8}, "a": [25.0, 49.9, null], "e": {{}}, "l": []}}"#),
            pretty(utf8, "25.0"),
        ];
        assert_eq!(as_clients_write(doc.root()), expected);
    }
}
