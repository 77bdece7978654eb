//! What is measured: one row a shape, with what is aimed at.

use super::mock::{CHUNKS, GAPPED};

/// One kind of traffic.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub name: &'static str,
    pub about: &'static str,
    pub traffic: Traffic,
    pub connections: usize,
    /// What the cost is divided by: requests, or the chunks of their streams.
    pub per_request: usize,
    /// CPU relative to the floor that is aimed at, and that would do for now.
    pub aim: Option<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// The model that is asked, and bytes of the prompt.
    Chat {
        model: &'static str,
        bytes: usize,
    },
    Mcp,
}

const SMALL: Traffic = Traffic::Chat { model: "chat", bytes: 1 << 10 };
const fn chat(model: &'static str, bytes: usize) -> Traffic {
    Traffic::Chat { model, bytes }
}

impl Shape {
    /// Whether it is about work, not about waiting: then load and upstream stay awake.
    pub const fn is_busy(&self) -> bool {
        self.connections >= 16
    }

    /// The shapes of which the cost of a request is measured.
    pub const TABLE: &'static [Self] = &[
        Self::row("chat-1", "1 KB prompt, 1 connection", SMALL, 1, 1, None),
        Self::row("chat", "1 KB prompt, 16 connections", SMALL, 16, 1, Some((3.3, 5.0))),
        Self::row("chat-64", "1 KB prompt, 64 connections", SMALL, 64, 1, None),
        Self::row("long", "32 KB prompt, 16 connections", chat("chat", 32 << 10), 16, 1, Some((5.0, 8.0))),
        Self::row("mcp", "MCP tools/call, 16 connections", Traffic::Mcp, 16, 1, Some((3.5, 5.5))),
        Self::row("tool", "answer with a judged tool call", chat("tool", 1 << 10), 16, 1, Some((6.0, 6.0))),
        Self::row(
            "stream",
            "stream at full speed, per chunk",
            chat("stream-full", 1 << 10),
            16,
            CHUNKS,
            Some((2.2, 2.2)),
        ),
        Self::row("gaps", "stream with 10 ms gaps, per chunk", chat("stream-gaps", 1 << 10), 4, GAPPED, None),
    ];

    const fn row(
        name: &'static str,
        about: &'static str,
        traffic: Traffic,
        connections: usize,
        per_request: usize,
        aim: Option<(f64, f64)>,
    ) -> Self {
        Self { name, about, traffic, connections, per_request, aim }
    }

    /// The many connections to a slow upstream.
    pub const CROWD: Self =
        Self::row("crowd", "1,024 connections, 20 ms upstream", chat("slow", 1 << 10), 1_024, 1, None);
    /// The constant rate.
    pub const RATE: Self = Self::row("rate", "1,000 requests a second", SMALL, 64, 1, None);
}

/// Every name that `--only` knows.
pub const NAMES: [&str; 12] = [
    "chat-1", "chat", "chat-64", "long", "mcp", "tool", "stream", "gaps", "rate", "crowd", "start", "memory",
];

/// The bytes of a request, with a place in the prompt that is different in each.
#[derive(Clone, Debug)]
pub struct Template {
    pub bytes: Vec<u8>,
    pub varied: std::ops::Range<usize>,
    pub streamed: bool,
    /// What a right answer contains.
    pub expect: &'static [u8],
}

const MARK: &str = "qqqqqqqq";
const PROMPT: &str = include_str!("../../../../examples/support-desk/prompts/support.md");
const LINES: [&str; 6] = [
    "The cup of order A-1001 came with a crack along the handle, and the saucer below it is fine. ",
    "I was at home all day and nobody rang the bell, so I fetched the parcel from the neighbours. ",
    "Could you please look up when it left the warehouse and tell me what happens next? ",
    "A friend of mine had the same thing last spring, and your colleagues were very kind about it. ",
    "If there is a form that I should fill in, tell me where to find it and I will do so tonight. ",
    "The wrapping paper was torn at one corner, which may be how the handle came to be cracked. ",
];

impl Template {
    /// A request of a path of the upstream's own.
    pub fn get(path: &str) -> Self {
        let bytes = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").into_bytes();
        Self { bytes, varied: 0..0, streamed: false, expect: b"HTTP/1.1 2" }
    }

    /// The request of a shape, as `key` sends it in `session`.
    pub fn of(traffic: Traffic, key: &str, session: &str, mcp_session: Option<&str>) -> Self {
        let (path, body, extra, expect): (_, _, _, &'static [u8]) = match traffic {
            Traffic::Chat { model, bytes } => {
                let extra = format!("x-plimsoll-session: {session}\r\n");
                let expect: &[u8] = if model == "tool" { b"\"tool_calls\":[{" } else { b"chatcmpl-bench" };
                ("/v1/chat/completions", chat_body(model, bytes), extra, expect)
            }
            Traffic::Mcp => {
                let session = mcp_session.map(|id| format!("mcp-session-id: {id}\r\n")).unwrap_or_default();
                let extra = format!(
                    "accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\n{session}"
                );
                ("/mcp/desk", mcp_body(), extra, b"saucer")
            }
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{extra}content-length: {}\r\n\r\n",
            body.len()
        );
        let text = head + &body;
        let at = text.find(MARK).unwrap_or(0);
        let varied = at..at + if text.contains(MARK) { MARK.len() } else { 0 };
        let streamed = text.contains("\"stream\":true");
        Self { bytes: text.into_bytes(), varied, streamed, expect }
    }
}

fn chat_body(model: &str, bytes: usize) -> String {
    let system = PROMPT.splitn(3, "---").nth(2).unwrap_or(PROMPT).trim();
    let mut messages = vec![serde_json::json!({ "role": "system", "content": system })];
    let mut left = bytes.saturating_sub(system.len() + 120);
    let mut lines = LINES.iter().cycle();
    let mut role = "user";
    // A conversation: what is long is many messages, of which only the last is new.
    while left > 2_000 {
        let mut text = String::new();
        while text.len() < 1_500 {
            text.extend(lines.next().copied());
        }
        left = left.saturating_sub(text.len() + 32);
        messages.push(serde_json::json!({ "role": role, "content": text }));
        role = if role == "user" { "assistant" } else { "user" };
    }
    let mut text = format!("About my case {MARK}: ");
    while text.len() < left {
        text.extend(lines.next().copied());
    }
    messages.push(serde_json::json!({ "role": "user", "content": text }));
    let mut body = serde_json::json!({ "model": model, "messages": messages });
    if model.starts_with("stream") {
        body["stream"] = true.into();
    }
    if model == "tool" {
        body["tools"] = serde_json::json!([{ "type": "function", "function": { "name": "get_order",
            "description": "Reads one order.", "parameters": { "type": "object",
            "properties": { "order_id": { "type": "string" } }, "required": ["order_id"] } } }]);
    }
    body.to_string()
}

fn mcp_body() -> String {
    let params = serde_json::json!({ "name": "get_order", "arguments": { "order_id": "A-1001" } });
    serde_json::json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params }).to_string()
}
