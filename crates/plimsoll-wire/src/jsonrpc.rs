//! JSON-RPC 2.0 frames, as MCP narrows them.
//!
//! A [`Frame`] points into the text it was read from, so what was judged is what is sent on. Members that the protocol
//! does not know stay where they are, with one exception: a key that some decoders would take for a protocol word
//! although it is spelled differently (`"Method"`, `"ID"`, `"param\u017f"`) makes the frame ambiguous, and ambiguous
//! frames are refused. (Go's `encoding/json` folds case, and the last match wins.)

use std::borrow::Cow;
use std::fmt;

use crate::json::{Kind, Ref, escape};

/// Codes of JSON-RPC itself.
pub const PARSE_ERROR: i64 = -32700;
pub const INVALID_REQUEST: i64 = -32600;
pub const METHOD_NOT_FOUND: i64 = -32601;
pub const INVALID_PARAMS: i64 = -32602;
pub const INTERNAL_ERROR: i64 = -32603;

/// What joins an answer to its request: a string or a whole number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    Number(i64),
    Text(String),
}

impl Id {
    /// Reads an id; `null`, fractions and everything else are none.
    #[must_use]
    pub fn read(value: Ref<'_>) -> Option<Self> {
        match value.kind() {
            Kind::Number => value.as_i64().map(Self::Number),
            Kind::String => value.as_str().map(|text| Self::Text(text.into_owned())),
            _ => None,
        }
    }

    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => escape(text),
        }
    }
}

/// As people and the ledger write it: without quotes.
impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(out),
            Self::Text(text) => text.fmt(out),
        }
    }
}

/// One message, pointing into its text.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The whole object.
    pub root: Ref<'a>,
    pub body: Body<'a>,
}

/// The four kinds of message.
#[derive(Clone, Debug)]
pub enum Body<'a> {
    Request {
        id: Id,
        method: Cow<'a, str>,
        params: Option<Ref<'a>>,
    },
    Notification {
        method: Cow<'a, str>,
        params: Option<Ref<'a>>,
    },
    Result {
        id: Id,
        result: Ref<'a>,
    },
    /// An error about a message whose id could not be read carries none.
    Error {
        id: Option<Id>,
        error: Fault<'a>,
    },
}

/// The `error` of an answer.
#[derive(Clone, Debug)]
pub struct Fault<'a> {
    pub code: i64,
    pub message: Cow<'a, str>,
    pub data: Option<Ref<'a>>,
}

/// One frame, or several sent together.
#[derive(Clone, Debug)]
pub enum Message<'a> {
    Single(Frame<'a>),
    /// Only the revision of 2025-03-26 knows batches.
    Batch(Vec<Frame<'a>>),
}

impl<'a> Frame<'a> {
    /// Reads one message.
    pub fn read(root: Ref<'a>) -> Result<Self, FrameError> {
        if root.kind() != Kind::Object {
            return Err(FrameError::NotAnObject);
        }
        no_lookalikes(root, &["jsonrpc", "id", "method", "params", "result", "error"])?;
        if !root.get("jsonrpc").is_some_and(|version| version.is_str("2.0")) {
            return Err(FrameError::NotVersion2);
        }
        let body = match (root.get("method"), root.get("result"), root.get("error")) {
            (Some(method), None, None) => Self::read_call(root, method)?,
            (None, Some(result), None) => {
                let id = root.get("id").and_then(Id::read).ok_or(FrameError::BadId)?;
                match result.kind() {
                    Kind::Object => Body::Result { id, result },
                    _ => return Err(FrameError::BadResult),
                }
            }
            (None, None, Some(error)) => Self::read_error(root, error)?,
            (None, None, None) => return Err(FrameError::NoKind),
            _ => return Err(FrameError::TwoKinds),
        };
        Ok(Self { root, body })
    }

    fn read_call(root: Ref<'a>, method: Ref<'a>) -> Result<Body<'a>, FrameError> {
        let method = method.as_str().filter(|method| !method.is_empty()).ok_or(FrameError::BadMethod)?;
        let params = root.get_some("params");
        if params.is_some_and(|params| params.kind() != Kind::Object) {
            return Err(FrameError::BadParams);
        }
        match root.get("id") {
            None => Ok(Body::Notification { method, params }),
            Some(id) => Ok(Body::Request { id: Id::read(id).ok_or(FrameError::BadId)?, method, params }),
        }
    }

    fn read_error(root: Ref<'a>, error: Ref<'a>) -> Result<Body<'a>, FrameError> {
        let id = match root.get_some("id") {
            None => None,
            Some(id) => Some(Id::read(id).ok_or(FrameError::BadId)?),
        };
        let code = error.get("code").and_then(Ref::as_i64).ok_or(FrameError::BadError)?;
        let message = error.get_str("message").ok_or(FrameError::BadError)?;
        Ok(Body::Error { id, error: Fault { code, message, data: error.get("data") } })
    }

    /// The id of a request or answer.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        match &self.body {
            Body::Request { id, .. } | Body::Result { id, .. } => Some(id),
            Body::Error { id, .. } => id.as_ref(),
            Body::Notification { .. } => None,
        }
    }

    #[must_use]
    pub fn method(&self) -> Option<&str> {
        match &self.body {
            Body::Request { method, .. } | Body::Notification { method, .. } => Some(method),
            Body::Result { .. } | Body::Error { .. } => None,
        }
    }

    #[must_use]
    pub fn params(&self) -> Option<Ref<'a>> {
        match &self.body {
            Body::Request { params, .. } | Body::Notification { params, .. } => *params,
            Body::Result { .. } | Body::Error { .. } => None,
        }
    }

    /// Whether this answers a request.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        matches!(self.body, Body::Result { .. } | Body::Error { .. })
    }
}

impl<'a> Message<'a> {
    /// Reads one message or a batch. Whether a batch is legal here is for the era to say.
    pub fn read(root: Ref<'a>) -> Result<Self, FrameError> {
        if root.kind() != Kind::Array {
            return Frame::read(root).map(Self::Single);
        }
        let frames = root.items().map(Frame::read).collect::<Result<Vec<_>, _>>()?;
        if frames.is_empty() { Err(FrameError::EmptyBatch) } else { Ok(Self::Batch(frames)) }
    }
}

/// The id of a text that is not a sound frame, so that its refusal can still be joined to it.
#[must_use]
pub fn id_of(root: Ref<'_>) -> Option<Id> {
    root.get("id").and_then(Id::read)
}

/// Refuses keys that a decoder with loose ideas of case would take for one of `words`.
pub(crate) fn no_lookalikes(object: Ref<'_>, words: &[&'static str]) -> Result<(), FrameError> {
    for (key, _) in object.members() {
        let Some(key) = key.as_str() else { continue };
        if let Some(word) = words.iter().find(|word| looks_like(&key, word)) {
            return Err(FrameError::LookAlike(word));
        }
    }
    Ok(())
}

/// Not the word itself, but equal to it once case is folded (also `ſ` for s and the Kelvin sign for k).
fn looks_like(key: &str, word: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key != word && key.chars().map(fold).eq(word.chars().map(fold))
}

/// Why a JSON value is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a JSON-RPC message is an object")]
    NotAnObject,
    #[error("`jsonrpc` must be \"2.0\"")]
    NotVersion2,
    #[error("the message has neither `method` nor `result` nor `error`")]
    NoKind,
    #[error("a message has exactly one of `method`, `result` and `error`")]
    TwoKinds,
    #[error("`id` must be a string or a whole number")]
    BadId,
    #[error("`method` must be a string that is not empty")]
    BadMethod,
    #[error("`params` must be an object")]
    BadParams,
    #[error("`result` must be an object")]
    BadResult,
    #[error("`error` must have a whole number `code` and a string `message`")]
    BadError,
    #[error("a batch must not be empty")]
    EmptyBatch,
    #[error("a key is spelled almost like `{0}`, and not every reader sees the difference")]
    LookAlike(&'static str),
}

/// An error answer. `data` is JSON; without an id the member is left out, as MCP has it.
#[must_use]
pub fn error(id: Option<&Id>, code: i64, message: &str, data: Option<&str>) -> Vec<u8> {
    let id = id.map_or_else(String::new, |id| format!(r#""id":{},"#, id.to_json()));
    let data = data.map_or_else(String::new, |data| format!(r#","data":{data}"#));
    format!(r#"{{"jsonrpc":"2.0",{id}"error":{{"code":{code},"message":{}{data}}}}}"#, escape(message))
        .into_bytes()
}

/// A successful answer; `result` is JSON.
#[must_use]
pub fn result(id: &Id, result: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id.to_json()).into_bytes()
}

/// A request; `params` is JSON.
#[must_use]
pub fn request(id: &Id, method: &str, params: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":{},"method":{},"params":{params}}}"#, id.to_json(), escape(method))
        .into_bytes()
}

/// A notification; `params` is JSON.
#[must_use]
pub fn notification(method: &str, params: Option<&str>) -> Vec<u8> {
    let params = params.map_or_else(String::new, |params| format!(r#","params":{params}"#));
    format!(r#"{{"jsonrpc":"2.0","method":{}{params}}}"#, escape(method)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};

    /// One line says what a text is read as.
    fn check(text: &str, expected: &str) {
        let parsed = parse(text.as_bytes(), &Limits::DEFAULT).unwrap();
        let line = match Message::read(parsed.root()) {
            Err(error) => format!("refused: {error}"),
            Ok(Message::Batch(frames)) => format!("batch of {}", frames.len()),
            Ok(Message::Single(frame)) => match frame.body {
                Body::Request { id, method, params } => {
                    format!("request {} {method} {}", id.to_json(), params.map_or("-", Ref::raw_str))
                }
                Body::Notification { method, params } => {
                    format!("notification {method} {}", params.map_or("-", Ref::raw_str))
                }
                Body::Result { id, result } => format!("result {} {}", id.to_json(), result.raw_str()),
                Body::Error { id, error } => {
                    format!(
                        "error {} {} {}",
                        id.map_or("-".into(), |id| id.to_json()),
                        error.code,
                        error.message
                    )
                }
            },
        };
        assert_eq!(line, expected, "{text}");
    }

    #[test]
    fn frames() {
        check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 ping -");
        check(r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":null}"#, r#"request "a" ping -"#);
        check(
            r#"{"x":1,"method":"m","params":{"b":1,"a":2},"id":-7,"jsonrpc":"2.0"}"#,
            r#"request -7 m {"b":1,"a":2}"#,
        );
        check(
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            "notification notifications/initialized -",
        );
        check(r#"{"jsonrpc":"2.0","id":1,"result":{"a":1}}"#, r#"result 1 {"a":1}"#);
        check(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}}"#, "error - -1 no");
        check(r#"[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"}]"#, "batch of 2");
        check("[]", "refused: a batch must not be empty");
        check("7", "refused: a JSON-RPC message is an object");
        check(r#"{"id":1,"method":"ping"}"#, "refused: `jsonrpc` must be \"2.0\"");
        check(r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, "refused: `jsonrpc` must be \"2.0\"");
        check(
            r#"{"jsonrpc":"2.0","id":1}"#,
            "refused: the message has neither `method` nor `result` nor `error`",
        );
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
            "refused: a message has exactly one of `method`, `result` and `error`",
        );
        for id in ["null", "1.5", "true", "[]", "1e2"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            check(&text, "refused: `id` must be a string or a whole number");
        }
        check(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}"#, "refused: `params` must be an object");
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            "refused: `method` must be a string that is not empty",
        );
        check(r#"{"jsonrpc":"2.0","id":1,"result":[]}"#, "refused: `result` must be an object");
        check(
            r#"{"jsonrpc":"2.0","id":1,"error":"no"}"#,
            "refused: `error` must have a whole number `code` and a string `message`",
        );
    }

    #[test]
    fn keys_that_only_look_like_protocol_words_are_refused() {
        for key in ["Method", "METHOD", "ID", "Params", "param\u{17f}", "JsonRPC"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping",{}:"tools/call"}}"#, escape(key));
            let parsed = parse(text.as_bytes(), &Limits::DEFAULT).unwrap();
            assert!(matches!(Frame::read(parsed.root()), Err(FrameError::LookAlike(_))), "{key}");
        }
        check(r#"{"jsonrpc":"2.0","id":1,"method":"ping","methods":1}"#, "request 1 ping -");
    }

    #[test]
    fn what_is_written_reads_back() {
        let id = Id::Text("a\"b".into());
        check(
            std::str::from_utf8(&error(Some(&id), -32601, "no \"x\"", Some("[1]"))).unwrap(),
            r#"error "a\"b" -32601 no "x""#,
        );
        check(std::str::from_utf8(&error(None, -32700, "bad", None)).unwrap(), "error - -32700 bad");
        check(std::str::from_utf8(&result(&Id::Number(1), "{}")).unwrap(), "result 1 {}");
        check(std::str::from_utf8(&request(&Id::Number(1), "a/b", "{}")).unwrap(), "request 1 a/b {}");
        check(std::str::from_utf8(&notification("n", Some("{}"))).unwrap(), "notification n {}");
    }
}
