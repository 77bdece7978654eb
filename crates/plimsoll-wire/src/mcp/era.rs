//! Which revision a request speaks, and whether its headers and body agree on it.

use std::fmt;

use super::headers::{self, HeaderList};
use super::methods::{Method, Sender, Treatment};
use super::read::meta_of;
use super::{code, meta};
use crate::json::{Kind, escape};
use crate::jsonrpc::{self, Body, Frame, Id};

/// A revision of the protocol that the gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Spoken by old servers over stdio; never over HTTP, whose transport was another one then.
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
}

/// The two ways of opening a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// `initialize`, then a session in which both sides may ask.
    Sessions,
    /// Every request stands alone.
    Stateless,
}

impl Version {
    /// Oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];
    /// What the gateway offers when it may choose.
    pub const LATEST_SESSIONS: Self = Self::V2025_11_25;
    pub const LATEST: Self = Self::V2026_07_28;
    /// What a request without the version header speaks, when nothing else tells.
    pub const UNSAID: Self = Self::V2025_03_26;

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == text)
    }

    #[must_use]
    pub const fn era(self) -> Era {
        match self {
            Self::V2026_07_28 => Era::Stateless,
            _ => Era::Sessions,
        }
    }

    /// Whether several messages may share one body.
    #[must_use]
    pub const fn has_batches(self) -> bool {
        matches!(self, Self::V2025_03_26)
    }

    /// Whether a tool's result may carry `structuredContent`.
    #[must_use]
    pub fn has_structured_content(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// The revisions offered over HTTP, newest first, as JSON.
    #[must_use]
    pub fn offered() -> String {
        let names: Vec<String> =
            Self::ALL.iter().skip(1).rev().map(|version| escape(version.name())).collect();
        format!("[{}]", names.join(","))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Why a message is turned away before anybody looks at what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    /// The HTTP status that goes with it.
    pub status: u16,
    pub code: i64,
    pub message: String,
    /// JSON.
    pub data: Option<String>,
}

impl Turned {
    pub(crate) fn new(status: u16, code: i64, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), data: None }
    }

    /// The rule that headers repeat the body.
    pub(crate) fn mismatch(message: impl fmt::Display) -> Self {
        Self::new(400, code::HEADER_MISMATCH, format!("Header mismatch: {message}"))
    }

    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self::new(400, jsonrpc::INVALID_PARAMS, message)
    }

    /// The method is not in the table. The stateless era wants this as a 404.
    #[must_use]
    pub fn unknown_method(method: &str, era: Era) -> Self {
        let status = if era == Era::Stateless { 404 } else { 200 };
        Self::new(status, jsonrpc::METHOD_NOT_FOUND, format!("Method not found: {method}"))
    }

    /// The revision is not spoken here.
    #[must_use]
    pub fn unsupported(requested: &str) -> Self {
        let data = format!(r#"{{"supported":{},"requested":{}}}"#, Version::offered(), escape(requested));
        Self { data: Some(data), ..Self::new(400, code::UNSUPPORTED_VERSION, "Unsupported protocol version") }
    }

    /// The answer's body.
    #[must_use]
    pub fn render(&self, id: Option<&Id>) -> Vec<u8> {
        jsonrpc::error(id, self.code, &self.message, self.data.as_deref())
    }
}

impl fmt::Display for Turned {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Turned {}

/// What a message from a client speaks, once headers and body have been found to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    pub version: Version,
}

impl Opening {
    /// Reads the era of a message that came over HTTP, and holds its headers against its body. `session` is the
    /// revision agreed in the session the message names, if it names one that exists.
    pub fn http(
        headers: &HeaderList<'_>,
        frame: &Frame<'_>,
        session: Option<Version>,
    ) -> Result<Self, Turned> {
        let header = headers.one("mcp-protocol-version")?;
        let said = said_version(frame)?;
        let opening = match (header.as_deref(), said.as_deref()) {
            (None, None) => Self { version: session.unwrap_or(Version::UNSAID) },
            (None, Some(_)) => return Err(Turned::mismatch("the MCP-Protocol-Version header is missing")),
            (Some(header), None) => Self { version: known(header)? },
            (Some(header), Some(said)) if header == said => Self { version: known(header)? },
            (Some(header), Some(said)) => {
                let text = format!("MCP-Protocol-Version is '{header}', but the body says '{said}'");
                return Err(Turned::mismatch(text));
            }
        };
        headers::agree(headers, frame, opening.era())?;
        opening.settle(frame)
    }

    /// The same for a message that came over a pipe, where there are no headers.
    pub fn stdio(frame: &Frame<'_>, session: Option<Version>) -> Result<Self, Turned> {
        let version = match said_version(frame)? {
            Some(said) => known(&said)?,
            None => session.unwrap_or(Version::LATEST_SESSIONS),
        };
        Self { version }.settle(frame)
    }

    #[must_use]
    pub const fn era(self) -> Era {
        self.version.era()
    }

    /// The rules that hold wherever the message came from: the method is in the table, and a request that stands
    /// alone says what it must.
    fn settle(self, frame: &Frame<'_>) -> Result<Self, Turned> {
        let (method, request) = match &frame.body {
            Body::Request { method, .. } => (method, true),
            Body::Notification { method, .. } => (method, false),
            Body::Result { .. } | Body::Error { .. } if self.era() == Era::Stateless => {
                return Err(Turned::new(
                    400,
                    jsonrpc::INVALID_REQUEST,
                    "a client sends no answers in this revision",
                ));
            }
            Body::Result { .. } | Body::Error { .. } => return Ok(self),
        };
        if Method::treat(Sender::Client, method, request, self.era()) == Treatment::Refuse {
            return Err(Turned::unknown_method(method, self.era()));
        }
        if self.era() == Era::Stateless && request {
            required_meta(frame)?;
        }
        Ok(self)
    }
}

fn known(name: &str) -> Result<Version, Turned> {
    Version::parse(name)
        .filter(|version| *version != Version::V2024_11_05)
        .ok_or_else(|| Turned::unsupported(name))
}

/// The revision that the body names.
fn said_version(frame: &Frame<'_>) -> Result<Option<String>, Turned> {
    let Some(said) = meta_of(frame).and_then(|meta| meta.get(meta::PROTOCOL_VERSION)) else {
        return Ok(None);
    };
    match said.as_str() {
        Some(text) => Ok(Some(text.into_owned())),
        None => Err(Turned::params(format!("`_meta.{}` must be a string", meta::PROTOCOL_VERSION))),
    }
}

fn required_meta(frame: &Frame<'_>) -> Result<(), Turned> {
    let required = [(meta::PROTOCOL_VERSION, Kind::String), (meta::CLIENT_CAPABILITIES, Kind::Object)];
    for (key, kind) in required {
        if meta_of(frame).and_then(|meta| meta.get(key)).is_none_or(|value| value.kind() != kind) {
            return Err(Turned::params(format!(
                "`params._meta[\"{key}\"]` is required in {}",
                Version::LATEST
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};

    const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

    /// Headers as `name: value`, a body with `META` put in; what it speaks or why not.
    fn check(headers: &[&str], body: &str, expected: &str) {
        let body = body.replace("META", META);
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name, value.as_bytes()))
            .collect();
        let parsed = parse(body.as_bytes(), &Limits::DEFAULT).unwrap();
        let frame = Frame::read(parsed.root()).unwrap();
        let line = match Opening::http(&HeaderList::new(&headers), &frame, None) {
            Ok(opening) => format!("{:?} {}", opening.era(), opening.version),
            Err(turned) => format!("{} {} {}", turned.status, turned.code, turned.message),
        };
        assert_eq!(line, expected, "{headers:?} {body}");
    }

    const NEW: &str = "MCP-Protocol-Version: 2026-07-28";

    #[test]
    fn eras() {
        let init = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
        check(&[], init, "Sessions 2025-03-26");
        check(
            &["mcp-protocol-version: 2025-11-25"],
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            "Sessions 2025-11-25",
        );
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{META}}"#;
        check(&[NEW, "Mcp-Method: tools/list"], list, "Stateless 2026-07-28");
        check(
            &["mcp-PROTOCOL-version: 2026-07-28", "MCP-METHOD:  tools/list "],
            list,
            "Stateless 2026-07-28",
        );
        check(
            &["MCP-Protocol-Version: 2025-06-18"],
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            "Sessions 2025-06-18",
        );
    }

    #[test]
    fn headers_and_body_must_agree() {
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{META}}"#;
        check(
            &["Mcp-Method: tools/list"],
            list,
            "400 -32020 Header mismatch: the MCP-Protocol-Version header is missing",
        );
        check(
            &["MCP-Protocol-Version: 2025-11-25", "Mcp-Method: tools/list"],
            list,
            "400 -32020 Header mismatch: MCP-Protocol-Version is '2025-11-25', but the body says '2026-07-28'",
        );
        check(&[NEW], list, "400 -32020 Header mismatch: the Mcp-Method header is missing");
        check(
            &[NEW, NEW, "Mcp-Method: tools/list"],
            list,
            "400 -32020 Header mismatch: the mcp-protocol-version header stands more than once",
        );
        check(
            &[NEW, "Mcp-Method: TOOLS/LIST"],
            list,
            "400 -32020 Header mismatch: Mcp-Method is 'TOOLS/LIST', but the body says 'tools/list'",
        );
        let call =
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{},META}}"#;
        check(
            &[NEW, "Mcp-Method: tools/call"],
            call,
            "400 -32020 Header mismatch: the Mcp-Name header is missing",
        );
        check(
            &[NEW, "Mcp-Method: tools/call", "Mcp-Name: safe"],
            call,
            "400 -32020 Header mismatch: Mcp-Name is 'safe', but the body says 'pay'",
        );
        check(&[NEW, "Mcp-Method: tools/call", "Mcp-Name: =?base64?cGF5?="], call, "Stateless 2026-07-28");
        check(
            &[NEW, "Mcp-Method: tools/call", "Mcp-Name: =?base64?cGF5=?="],
            call,
            "400 -32020 Header mismatch: the mcp-name header is not sound Base64",
        );
        // In the old era nobody needs these headers, but whoever sends them must not lie.
        let old = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay"}}"#;
        check(
            &["Mcp-Name: safe"],
            old,
            "400 -32020 Header mismatch: Mcp-Name is 'safe', but the body says 'pay'",
        );
        check(&[], old, "Sessions 2025-03-26");
    }

    #[test]
    fn what_a_request_that_stands_alone_must_say() {
        let none = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#;
        let said = r#"400 -32602 `params._meta["io.modelcontextprotocol/protocolVersion"]` is required in 2026-07-28"#;
        check(&[NEW, "Mcp-Method: server/discover"], none, said);
        let half = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        let said = r#"400 -32602 `params._meta["io.modelcontextprotocol/clientCapabilities"]` is required in 2026-07-28"#;
        check(&[NEW, "Mcp-Method: server/discover"], half, said);
        let wrong = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}}"#;
        check(&[NEW], wrong, "400 -32602 `_meta.io.modelcontextprotocol/protocolVersion` must be a string");
        let future = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2999-01-01"}}}"#;
        check(
            &["MCP-Protocol-Version: 2999-01-01", "Mcp-Method: server/discover"],
            future,
            "400 -32022 Unsupported protocol version",
        );
        let gone = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{META}}"#;
        check(&[NEW, "Mcp-Method: initialize"], gone, "404 -32601 Method not found: initialize");
        check(
            &[NEW],
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            "400 -32600 a client sends no answers in this revision",
        );
    }
}
