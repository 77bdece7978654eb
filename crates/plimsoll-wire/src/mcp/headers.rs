//! Headers that repeat the body (2026-07-28, Streamable HTTP, "Request Metadata"), and the `Accept` rules.
//!
//! Somebody on the way may route by the header while the server acts by the body. So both must say the same, and the
//! gateway writes its own headers for the next hop instead of handing on what it was given.

use std::borrow::Cow;

use serde_json::Value;

use super::era::{Era, Turned};
use super::methods::{Method, Sender};
use crate::json::{Kind, Ref};
use crate::jsonrpc::{Body, Frame};

/// The headers of a request, as far as they matter here. Names compare without case.
#[derive(Clone, Copy, Debug)]
pub struct HeaderList<'a>(&'a [(&'a str, &'a [u8])]);

impl<'a> HeaderList<'a> {
    #[must_use]
    pub const fn new(headers: &'a [(&'a str, &'a [u8])]) -> Self {
        Self(headers)
    }

    fn values(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The one value of a header; none if it is missing, refused if it stands twice or holds odd bytes.
    pub(super) fn one(self, name: &str) -> Result<Option<Cow<'a, str>>, Turned> {
        let mut values = self.values(name);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Turned::mismatch(format!("the {name} header stands more than once")));
        }
        let value = value.trim_ascii();
        match std::str::from_utf8(value) {
            Ok(text) if value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) => {
                Ok(Some(Cow::Borrowed(text)))
            }
            _ => Err(Turned::mismatch(format!("the {name} header holds characters that a header can't"))),
        }
    }

    /// Like [`Self::one`], with the Base64 form decoded.
    fn decoded(self, name: &str) -> Result<Option<Cow<'a, str>>, Turned> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        let Some(inner) = value.strip_prefix(SENTINEL).and_then(|rest| rest.strip_suffix(SENTINEL_END))
        else {
            return Ok(Some(value));
        };
        let text = base64_decode(inner.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(|text| Some(Cow::Owned(text)))
            .ok_or_else(|| Turned::mismatch(format!("the {name} header is not sound Base64")))
    }

    /// Whether an answer of this media type is welcome. No `Accept` at all welcomes everything.
    #[must_use]
    pub fn accepts(self, kind: &str, subtype: &str) -> bool {
        let mut listed = self.values("accept").peekable();
        if listed.peek().is_none() {
            return true;
        }
        listed.filter_map(|value| std::str::from_utf8(value).ok()).flat_map(|value| value.split(',')).any(
            |range| {
                let mut parts = range.split(';');
                let wanted = parts.next().unwrap_or_default().trim();
                let never = parts.any(|part| matches!(part.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
                let Some((first, second)) = wanted.split_once('/') else { return false };
                let fits = |pattern: &str, word: &str| pattern == "*" || pattern.eq_ignore_ascii_case(word);
                !never && fits(first, kind) && fits(second, subtype)
            },
        )
    }

    /// A POST may be answered by JSON or by a stream, so its client must welcome both.
    pub fn post_acceptable(self) -> Result<(), Turned> {
        if self.accepts("application", "json") && self.accepts("text", "event-stream") {
            return Ok(());
        }
        Err(Turned::new(
            406,
            crate::jsonrpc::INVALID_REQUEST,
            "Accept must list both application/json and text/event-stream",
        ))
    }

    /// A GET opens a stream.
    pub fn get_acceptable(self) -> Result<(), Turned> {
        if self.accepts("text", "event-stream") {
            return Ok(());
        }
        Err(Turned::new(406, crate::jsonrpc::INVALID_REQUEST, "Accept must list text/event-stream"))
    }

    /// The body of a POST is JSON.
    pub fn is_json(self) -> bool {
        let mut types = self.values("content-type");
        let first = types.next().and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        let essence = first.split(';').next().unwrap_or_default().trim();
        types.next().is_none() && essence.eq_ignore_ascii_case("application/json")
    }
}

/// Holds `Mcp-Method` and `Mcp-Name` against the body. In the sessions era they need not be there.
pub(super) fn agree(headers: &HeaderList<'_>, frame: &Frame<'_>, era: Era) -> Result<(), Turned> {
    let (method, request) = match &frame.body {
        Body::Request { method, .. } => (method, true),
        Body::Notification { method, .. } => (method, false),
        Body::Result { .. } | Body::Error { .. } => return Ok(()),
    };
    let required = era == Era::Stateless && request;
    same("Mcp-Method", headers.one("mcp-method")?, Some(method), required)?;
    let named = Method::find(Sender::Client, method, request).and_then(|row| row.named);
    let name = named.and_then(|key| frame.params()?.get_str(key));
    same("Mcp-Name", headers.decoded("mcp-name")?, name.as_deref(), required && name.is_some())
}

fn same(name: &str, header: Option<Cow<'_, str>>, body: Option<&str>, required: bool) -> Result<(), Turned> {
    match (header, body) {
        (None, _) if required => Err(Turned::mismatch(format!("the {name} header is missing"))),
        (Some(header), Some(body)) if header != body => {
            Err(Turned::mismatch(format!("{name} is '{header}', but the body says '{body}'")))
        }
        (Some(_), None) => Err(Turned::mismatch(format!("the {name} header repeats nothing in the body"))),
        _ => Ok(()),
    }
}

/// The headers that go with a request to a server of the stateless era.
#[must_use]
pub fn for_request(frame: &Frame<'_>, params: &[ParamHeader]) -> Vec<(String, String)> {
    let Some(method) = frame.method() else { return Vec::new() };
    let mut headers = vec![("mcp-method".to_owned(), encode(method))];
    let row = Method::find(Sender::Client, method, frame.id().is_some());
    if let Some(name) = row.and_then(|row| row.named).and_then(|key| frame.params()?.get_str(key)) {
        headers.push(("mcp-name".to_owned(), encode(&name)));
    }
    let arguments = frame.params().and_then(|params| params.get("arguments"));
    for param in params {
        if let Some(text) = arguments.and_then(|arguments| param.text(arguments)) {
            headers.push((param.header(), encode(&text)));
        }
    }
    headers
}

/// One parameter of a tool that a header repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamHeader {
    /// What follows `Mcp-Param-`.
    pub name: String,
    /// The way from the arguments to the value.
    pub path: Vec<String>,
}

impl ParamHeader {
    /// The annotated parameters of an input schema, or why its annotations are not sound. A tool with unsound
    /// annotations must not be listed.
    pub fn of_schema(schema: &Value) -> Result<Vec<Self>, String> {
        let mut found = Vec::new();
        collect(schema, &mut Vec::new(), true, &mut found)?;
        for (index, param) in found.iter().enumerate() {
            if found[..index].iter().any(|other: &Self| other.name.eq_ignore_ascii_case(&param.name)) {
                return Err(format!("two parameters ask for the header Mcp-Param-{}", param.name));
            }
        }
        Ok(found)
    }

    /// The header's whole name.
    #[must_use]
    pub fn header(&self) -> String {
        format!("mcp-param-{}", self.name.to_ascii_lowercase())
    }

    fn value<'a>(&self, arguments: Ref<'a>) -> Option<Ref<'a>> {
        self.path.iter().try_fold(arguments, |value, key| value.get_some(key))
    }

    fn text(&self, arguments: Ref<'_>) -> Option<String> {
        let value = self.value(arguments)?;
        match value.kind() {
            Kind::String => value.as_str().map(Cow::into_owned),
            Kind::Bool | Kind::Number => Some(value.raw_str().to_owned()),
            _ => None,
        }
    }

    /// Holds the header against the argument.
    pub fn agree(&self, headers: &HeaderList<'_>, arguments: Option<Ref<'_>>) -> Result<(), Turned> {
        let name = self.header();
        let header = headers.decoded(&name)?;
        let value = arguments.and_then(|arguments| self.value(arguments));
        let text = arguments.and_then(|arguments| self.text(arguments));
        match (header, value, text) {
            (None, None, _) => Ok(()),
            (None, Some(_), _) => Err(Turned::mismatch(format!("the {name} header is missing"))),
            (Some(header), Some(value), Some(text)) => {
                let same_number = value.kind() == Kind::Number && value.as_f64() == header.parse().ok();
                if header == text || same_number {
                    return Ok(());
                }
                Err(Turned::mismatch(format!("{name} is '{header}', but the body says '{text}'")))
            }
            (Some(_), _, _) => {
                Err(Turned::mismatch(format!("the {name} header repeats nothing in the body")))
            }
        }
    }
}

/// Finds the annotations. They may stand only where a chain of `properties` leads.
fn collect(
    schema: &Value,
    path: &mut Vec<String>,
    reachable: bool,
    found: &mut Vec<ParamHeader>,
) -> Result<(), String> {
    let object = match schema {
        Value::Object(object) => object,
        Value::Array(items) => return items.iter().try_for_each(|item| collect(item, path, false, found)),
        _ => return Ok(()),
    };
    if let Some(annotation) = object.get("x-mcp-header") {
        let name = annotation.as_str().unwrap_or_default();
        let primitive =
            matches!(object.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean"));
        if name.is_empty() || !name.bytes().all(is_tchar) {
            return Err("`x-mcp-header` is not a header name".to_owned());
        }
        if !reachable || path.is_empty() || !primitive {
            return Err(format!(
                "Mcp-Param-{name} is not a plain string, integer or boolean that `properties` lead to"
            ));
        }
        found.push(ParamHeader { name: name.to_owned(), path: path.clone() });
    }
    for (key, inner) in object {
        match (key.as_str(), inner) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    path.push(name.clone());
                    collect(property, path, reachable, found)?;
                    path.pop();
                }
            }
            // Data, not schema: whatever stands there annotates nothing.
            ("const" | "enum" | "default" | "examples" | "x-mcp-header", _) => {}
            (_, inner) => collect(inner, path, false, found)?,
        }
    }
    Ok(())
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

const SENTINEL: &str = "=?base64?";
const SENTINEL_END: &str = "?=";

/// A value as a header carries it: plain where that is safe, else in the Base64 form.
#[must_use]
pub fn encode(text: &str) -> String {
    let visible = text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let padded = text.trim_ascii().len() != text.len();
    let taken = text.starts_with(SENTINEL) && text.ends_with(SENTINEL_END);
    if visible && !padded && !taken {
        return text.to_owned();
    }
    format!("{SENTINEL}{}{SENTINEL_END}", base64_encode(text.as_bytes()))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            out.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Canonical Base64 only: padded, without stray bits, so that one value has one spelling.
fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|digit| **digit == b'=').count();
    let digits = text.get(..text.len().checked_sub(padding)?)?;
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in digits.chunks(4) {
        let mut bits = 0u32;
        for (at, digit) in chunk.iter().enumerate() {
            let value = ALPHABET.iter().position(|known| known == digit)?;
            bits |= u32::try_from(value).ok()? << (18 - 6 * at);
        }
        let bytes = bits.to_be_bytes();
        out.extend_from_slice(bytes.get(1..chunk.len())?);
    }
    (base64_encode(&out).as_bytes() == text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_are_encoded_as_the_specification_shows() {
        for (value, header) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(encode(value), header);
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(text in any::<String>()) {
            let header = encode(&text);
            let pairs = [("Mcp-Name", header.as_bytes())];
            let decoded = HeaderList::new(&pairs).decoded("mcp-name").unwrap().unwrap();
            prop_assert_eq!(decoded.as_ref(), text.as_str());
        }

        #[test]
        fn base64_has_one_spelling(text in "[A-Za-z0-9+/]{0,12}={0,3}") {
            if let Some(bytes) = base64_decode(text.as_bytes()) {
                prop_assert_eq!(base64_encode(&bytes), text);
            }
        }
    }

    #[test]
    fn accept() {
        let check = |accept: Option<&str>, post: bool, get: bool| {
            let pairs: Vec<(&str, &[u8])> = accept.iter().map(|value| ("Accept", value.as_bytes())).collect();
            let headers = HeaderList::new(&pairs);
            assert_eq!(
                (headers.post_acceptable().is_ok(), headers.get_acceptable().is_ok()),
                (post, get),
                "{accept:?}"
            );
        };
        check(None, true, true);
        check(Some("*/*"), true, true);
        check(Some("application/json, text/event-stream"), true, true);
        check(Some("text/event-stream;q=0.9,APPLICATION/JSON"), true, true);
        check(Some("application/*, text/*"), true, true);
        check(Some("application/json"), false, false);
        check(Some("text/event-stream"), false, true);
        check(Some("application/json, text/event-stream;q=0"), false, false);
        check(Some("text/html"), false, false);
    }

    #[test]
    fn annotated_parameters() {
        let schema = json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "where": {"type": "object", "properties": {"row": {"type": "integer", "x-mcp-header": "Row"}}},
        }});
        let params = ParamHeader::of_schema(&schema).unwrap();
        let check = |headers: &[(&str, &str)], arguments: &str, expected: &str| {
            let parsed = parse(arguments.as_bytes(), &Limits::DEFAULT).unwrap();
            let pairs: Vec<(&str, &[u8])> =
                headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
            let list = HeaderList::new(&pairs);
            let outcome = params.iter().try_for_each(|param| param.agree(&list, Some(parsed.root())));
            assert_eq!(
                outcome.map_or_else(|turned| turned.message, |()| "agree".to_owned()),
                expected,
                "{headers:?} {arguments}"
            );
        };
        check(&[("Mcp-Param-Region", "eu")], r#"{"region":"eu"}"#, "agree");
        check(
            &[("Mcp-Param-Region", "=?base64?ZXU=?="), ("mcp-param-row", "42.0")],
            r#"{"region":"eu","where":{"row":42}}"#,
            "agree",
        );
        check(&[], "{}", "agree");
        check(&[], r#"{"region":null}"#, "agree");
        check(
            &[("Mcp-Param-Region", "us")],
            r#"{"region":"eu"}"#,
            "Header mismatch: mcp-param-region is 'us', but the body says 'eu'",
        );
        check(&[], r#"{"region":"eu"}"#, "Header mismatch: the mcp-param-region header is missing");
        check(
            &[("Mcp-Param-Region", "eu")],
            "{}",
            "Header mismatch: the mcp-param-region header repeats nothing in the body",
        );
        check(&[("Mcp-Param-Other", "x")], "{}", "agree");

        let header = |name: &str| json!({"type": "string", "x-mcp-header": name});
        for (unsound, why) in [
            (json!({"properties": {"a": header("")}}), "empty"),
            (json!({"properties": {"a": header("a b")}}), "not a token"),
            (json!({"properties": {"a": header("X"), "b": header("x")}}), "twice"),
            (json!({"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}), "a number"),
            (json!({"properties": {"a": {"type": "array", "items": header("A")}}}), "inside an array"),
            (json!({"anyOf": [{"properties": {"a": header("A")}}]}), "inside a choice"),
            (header("A"), "the root"),
        ] {
            assert!(ParamHeader::of_schema(&unsound).is_err(), "{why}");
        }
    }
}
