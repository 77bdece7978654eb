//! Bad input of every kind, from both sides: a clear error in the caller's protocol, and a gateway that stays up.

use std::time::Duration;

use hyper::Method;
use plimsoll_drill::mcp::hostile::{self, HostileOptions};
use plimsoll_drill::mock::MockOptions;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{chat, stateless};
use crate::world::{Plan, World};

/// The three protocols of the LLM door, each with a good request.
fn conversations() -> [(&'static str, Value); 3] {
    let user = json!([{ "role": "user", "content": "hello" }]);
    [
        ("/v1/chat/completions", json!({ "model": "echo", "messages": user })),
        ("/v1/responses", json!({ "model": "echo", "input": "hello", "store": false })),
        ("/v1/messages", json!({ "model": "echo", "max_tokens": 10, "messages": user })),
    ]
}

/// Bytes that are no request of any protocol.
fn broken_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |n: usize| format!("{{\"model\":\"echo\",\"messages\":{}{}}}", "[".repeat(n), "]".repeat(n));
    vec![
        ("nothing", Vec::new()),
        ("a space", b" ".to_vec()),
        ("half", br#"{"model":"echo","messages":[{"role":"us"#.to_vec()),
        ("two", br#"{"model":"echo"}{"model":"echo"}"#.to_vec()),
        ("a comma too many", br#"{"model":"echo",}"#.to_vec()),
        (
            "duplicate keys",
            br#"{"model":"echo","messages":[],"messages":[{"role":"user","content":"x"}]}"#.to_vec(),
        ),
        ("duplicate keys, escaped", br#"{"model":"echo","model":"echo","messages":[]}"#.to_vec()),
        (
            "duplicate keys, deep",
            br#"{"model":"echo","messages":[{"role":"user","role":"system","content":"x"}]}"#.to_vec(),
        ),
        ("a number too large", br#"{"model":"echo","temperature":1e400,"messages":[]}"#.to_vec()),
        ("not a number", br#"{"model":"echo","temperature":NaN,"messages":[]}"#.to_vec()),
        ("a lone surrogate", br#"{"model":"echo","messages":[{"role":"user","content":"\ud800"}]}"#.to_vec()),
        (
            "invalid UTF-8",
            b"{\"model\":\"echo\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}".to_vec(),
        ),
        ("overlong UTF-8", b"{\"model\":\"echo\xc0\xaf\"}".to_vec()),
        ("a raw control character", b"{\"model\":\"ec\x01ho\"}".to_vec()),
        ("too deep", deep(65).into_bytes()),
        ("10,000 deep", deep(10_000).into_bytes()),
        ("10,000 deep and open", "[".repeat(10_000).into_bytes()),
        ("an array", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("a string", b"\"hello\"".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{\"model\":\"echo\",\"messages\":[]}".to_vec()),
        ("UTF-16", "{\"model\":\"echo\"}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ]
}

#[tokio::test]
async fn broken_json_is_told_in_the_callers_protocol() {
    let world = Plan::new().scripted().start().await;
    for (what, body) in broken_bodies() {
        for (path, _) in conversations()
            .into_iter()
            .chain([("/v1/embeddings", Value::Null), ("/v1/messages/count_tokens", Value::Null)])
        {
            let got = world.client().send(Method::POST, path, &[], body.clone()).await;
            assert_eq!(got.status, 400, "{path} {what}: {}", got.text());
            let message = got.json();
            assert_eq!(message["error"]["code"], "PLM-0420", "{path} {what}: {message}");
            assert_eq!(
                message["type"] == "error",
                path.starts_with("/v1/messages"),
                "{path} {what}: {message}"
            );
        }
        let got = world.client().send(Method::POST, "/mcp/desk", &[], body.clone()).await;
        assert_eq!(got.status, 400, "mcp {what}: {}", got.text());
        assert!(got.json()["error"]["code"].is_i64(), "mcp {what}: {}", got.text());
    }
    assert!(world.script.seen().is_empty(), "a provider was asked");
    world.alive().await;
}

/// Every member of a good request, replaced by every type it may not have.
#[tokio::test]
async fn wrong_types_everywhere() {
    let world = Plan::new().start().await;
    let wrong = [
        json!(null),
        json!(true),
        json!(-1.5),
        json!("words"),
        json!([]),
        json!({}),
        json!([[]]),
        json!({ "type": [] }),
    ];
    let mut tried = 0;
    for (path, good) in conversations() {
        let mut good = good;
        good["tools"] = json!([{ "type": "function", "name": "f", "input_schema": {}, "function": { "name": "f", "parameters": {} } }]);
        good["stream"] = json!(false);
        for pointer in pointers(&good, "") {
            for value in &wrong {
                let mut bad = good.clone();
                *bad.pointer_mut(&pointer).unwrap() = value.clone();
                let got = world.client().post(path, &bad).await;
                let fine = matches!(got.status, 200 | 400 | 403 | 404);
                assert!(fine, "{path} {pointer} = {value}: {} {}", got.status, got.text());
                assert!(
                    got.status == 200 || got.json()["error"].is_object(),
                    "{path} {pointer} = {value}: {}",
                    got.text()
                );
                tried += 1;
            }
        }
    }
    let call = stateless("tools/call", json!({ "name": "get_order", "arguments": { "order_id": "A-1001" } }));
    let headers =
        [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "get_order")];
    for pointer in pointers(&call, "") {
        for value in &wrong {
            let mut bad = call.clone();
            *bad.pointer_mut(&pointer).unwrap() = value.clone();
            let got = world.client().send(Method::POST, "/mcp/desk", &headers, bad.to_string()).await;
            assert!(
                matches!(got.status, 200 | 202 | 400 | 404),
                "{pointer} = {value}: {} {}",
                got.status,
                got.text()
            );
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
    assert_eq!(world.effects(), []);
    world.alive().await;
}

fn pointers(value: &Value, at: &str) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(k, v)| (k.replace('~', "~0").replace('/', "~1"), v)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    let below = inner.into_iter().flat_map(|(key, value)| {
        let here = format!("{at}/{key}");
        let mut found = pointers(value, &here);
        found.push(here);
        found
    });
    below.collect()
}

#[tokio::test]
async fn bounds_are_named() {
    let world = Plan::new().start().await;
    let client = world.client();
    let within = client.chat("scripted", &"word ".repeat(1_900_000)).await;
    assert_eq!(within.status, 200, "9.5 MB: {}", &within.text()[..within.text().len().min(300)]);
    for (path, mut body) in conversations() {
        body["user"] = json!("x".repeat(11 << 20));
        client.post(path, &body).await.expect(413, "PLM-0421").expect(413, "bounds.request_bytes");
    }
    let big = stateless(
        "tools/call",
        json!({ "name": "get_order", "arguments": { "order_id": "x".repeat(11 << 20) } }),
    );
    let got = client.post("/mcp/desk", &big).await;
    assert!(
        got.status == 413 && got.text().contains("bounds.request_bytes"),
        "{} {}",
        got.status,
        got.text()
    );
    world.alive().await;
}

#[tokio::test]
async fn smuggling_and_other_tricks_with_headers() {
    let world = Plan::new().start().await;
    let client = world.client();
    let (host, key) = (world.addr, client.key.clone());
    let body = chat("echo", "hello").to_string();
    let head = |more: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n{more}\r\n"
        )
    };
    let cases = [
        (
            "length and chunks",
            format!("{}0\r\n\r\n{body}", head("content-length: 5\r\ntransfer-encoding: chunked\r\n")),
        ),
        (
            "two lengths",
            format!("{}{body}", head(&format!("content-length: {}\r\ncontent-length: 3\r\n", body.len()))),
        ),
        ("a negative length", format!("{}{body}", head("content-length: -1\r\n"))),
        ("an unknown coding", format!("{}{body}", head("transfer-encoding: gzip, identity\r\n"))),
        ("a space before the colon", format!("{}{body}", head("content-length : 5\r\n"))),
        ("a folded header", format!("{}{body}", head("x-a: b\r\n c\r\ncontent-length: 0\r\n"))),
        (
            "a chunk that is none",
            format!("{}zz\r\n{body}\r\n0\r\n\r\n", head("transfer-encoding: chunked\r\n")),
        ),
        ("no request at all", "hello\r\n\r\n".to_owned()),
        ("HTTP/9", "GET / HTTP/9.9\r\n\r\n".to_owned()),
        (
            "no host",
            format!("GET /v1/models HTTP/1.1\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"),
        ),
        (
            "two hosts",
            format!(
                "GET /v1/models HTTP/1.1\r\nhost: {host}\r\nhost: evil.example\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
            ),
        ),
        (
            "another host",
            format!(
                "GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
            ),
        ),
        (
            "another origin",
            format!(
                "GET /v1/models HTTP/1.1\r\nhost: {host}\r\norigin: https://evil.example\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
            ),
        ),
        (
            "huge headers",
            format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\nx-a: {}\r\n\r\n", "a".repeat(200_000)),
        ),
        (
            "a thousand headers",
            format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\n{}\r\n", "x-a: b\r\n".repeat(1_000)),
        ),
        (
            "a key with a line end",
            format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer a\rb\r\n\r\n"),
        ),
        (
            "two keys",
            format!(
                "GET /v1/models HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer plk_x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
            ),
        ),
    ];
    for (what, bytes) in cases {
        let got = client.raw(bytes.as_bytes()).await;
        assert!(!got.starts_with("HTTP/1.1 200"), "{what}: {got}");
        assert!(got.matches("HTTP/1.1").count() <= 1, "{what} was taken for two requests: {got}");
        world.alive().await;
    }
}

/// A client that has sent its head and still writes the rest reads why it is refused, and not that the connection broke.
#[tokio::test]
async fn who_still_writes_reads_the_refusal() {
    let world = Plan::new().start().await;
    for (path, status) in [
        ("/v1/nothing", "404"),
        ("/v1/chat/completions", "401"),
        ("/v1/embeddings", "401"),
        ("/mcp/desk", "401"),
    ] {
        let mut stream = TcpStream::connect(world.addr).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: 600\r\n\r\n",
            world.addr
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..3 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            stream.write_all(&[b' '; 200]).await.unwrap();
        }
        let mut got = String::new();
        stream.read_to_string(&mut got).await.unwrap();
        assert!(got.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {got}");
    }
}

#[tokio::test]
async fn clients_that_drip_or_leave() {
    let world = Plan::new()
        .change("plimsoll.yaml", "segment_bytes: 1MiB", "segment_bytes: 1MiB, request_timeout: 1s")
        .start()
        .await;
    let client = world.client();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: 1000\r\n\r\n{{\"mo",
        world.addr, client.key
    );
    let got = client.raw(head.as_bytes()).await;
    assert!(
        got.starts_with("HTTP/1.1 400") && got.contains("bounds.request_timeout_s"),
        "a body that never comes: {got}"
    );

    // Connections that say nothing, and some that go in the middle of things, hold nobody up.
    let mut idle = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(world.addr).await.unwrap();
        stream.write_all(b"POST /v1/chat/comp").await.unwrap();
        idle.push(stream);
    }
    let body = {
        let mut body = chat("slow-50-huge", "hello");
        body["stream"] = json!(true);
        body.to_string()
    };
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        world.addr,
        client.key,
        body.len()
    );
    for _ in 0..8 {
        let mut stream = TcpStream::connect(world.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let _first = stream.read(&mut [0; 256]).await.unwrap();
    }
    world.alive().await;
    world
        .within_a_second("the outcome says that the client left", async || {
            world.entries().iter().any(|entry| matches!(&entry.body, plimsoll_core::EntryBody::Outcome(outcome) if outcome.detail.contains("client left")))
        })
        .await;
}

#[tokio::test]
async fn upstream_models_that_misbehave() {
    let mock = MockOptions { huge_bytes: 18 << 20, ..MockOptions::default() };
    let world = Plan::new()
        .change(
            "plimsoll.yaml",
            "segment_bytes: 1MiB",
            "segment_bytes: 1MiB, upstream_timeout: 1s, idle_timeout: 1s",
        )
        .mock(mock)
        .start()
        .await;
    for (model, plain, streamed) in [
        ("truncating", "PLM-05", "PLM-05"),
        ("malformed-stream", "PLM-0502", "PLM-05"),
        ("malformed", "PLM-04", "PLM-04"),
        ("huge", "PLM-05", ""),
        ("slow-3000", "PLM-0501", "PLM-0501"),
    ] {
        for stream in [false, true] {
            for (path, mut body) in conversations() {
                body["model"] = json!(model);
                body["stream"] = json!(stream);
                if model == "malformed" {
                    body["tools"] =
                        if path == "/v1/chat/completions" { crate::client::functions() } else { continue };
                }
                let got = world.client().post(path, &body).await;
                let text = got.text();
                let expected = if stream { streamed } else { plain };
                let start: String = text.chars().take(400).collect();
                assert!(text.contains(expected), "{path} {model}, stream {stream}: {} {start}", got.status);
                assert!(!got.broken, "{path} {model}, stream {stream}: the connection broke: {start}");
            }
            world.alive().await;
        }
    }
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(world.client().chat("flaky-echo", "hello").await.status);
    }
    assert_eq!(statuses, [500, 429, 503, 200], "a provider's own errors go on as they are");
}

/// A desk that means harm, pinned before it changes.
async fn hostile_world(change_at_list: u32) -> (World, plimsoll_drill::mcp::McpHandle) {
    let options = HostileOptions { change_at_list, flood_bytes: 20 << 20, hang: Duration::from_secs(30) };
    let server = hostile::spawn(options).await.unwrap();
    let traps = [
        "flood",
        "garbage",
        "duplicate_keys",
        "wrong_id",
        "not_a_result",
        "deep",
        "hang",
        "ask_for_secrets",
        "inject",
        "weather",
    ];
    let tools: Vec<Value> = declared(&server).await;
    let listed = tools
        .iter()
        .filter(|tool| traps.contains(&tool["name"].as_str().unwrap_or_default()))
        .cloned()
        .collect::<Vec<_>>();
    let lock = plimsoll_bundle::pin::lock_file("hostile", "2025-11-25", "2026-11-20", "Ines Falk", &listed);
    let lines: String = traps
        .iter()
        .map(|trap| {
            let rest = if *trap == "hang" {
                "{tier: guarded, effect: external}"
            } else {
                "{tier: safe, effect: read}"
            };
            format!("  {trap}: {rest}\n")
        })
        .collect();
    let yaml = format!("server: hostile\nhttp: ${{HOSTILE_URL}}\ntools:\n{lines}");
    let act = "acts:\n  hostile.*: automated\n  hostile.hang:\n    on_failure: nothing\n    way_back: none\n";
    let world = Plan::new()
        .change(
            "plimsoll.yaml",
            "segment_bytes: 1MiB",
            "segment_bytes: 1MiB, upstream_timeout: 1s, idle_timeout: 1s",
        )
        .change("workflows/support.yaml", "acts:\n", act)
        .add("tools/hostile.yaml", yaml)
        .add("tools/hostile.lock.json", lock)
        .var("HOSTILE_URL", &server.url())
        .start()
        .await;
    (world, server)
}

async fn declared(server: &plimsoll_drill::mcp::McpHandle) -> Vec<Value> {
    let client = crate::client::Client::new(server.addr(), "");
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    let body = stateless("tools/list", json!({})).to_string();
    let got = client.send(Method::POST, "/mcp", &headers, body).await;
    got.json()["result"]["tools"].as_array().cloned().unwrap_or_else(|| panic!("{}", got.text()))
}

#[tokio::test]
async fn a_hostile_tool_server_hurts_only_its_own_answers() {
    let (world, _server) = hostile_world(1_000).await;
    let client = world.client();
    for trap in ["flood", "garbage", "duplicate_keys", "wrong_id", "not_a_result", "deep"] {
        let got = client.call("hostile", trap, json!({})).await;
        let text = got.text();
        let start: String = text.chars().take(400).collect();
        assert!(got.status == 200 && text.contains("PLM-05"), "{trap}: {} {start}", got.status);
        assert!(!text.contains("harmful") && text.len() < 64_000, "{trap}: {start}");
        world.alive().await;
    }
    // Nobody knows whether it happened: it is not repeated.
    client.chat("gullible", "[[call hang {}]]").await;
    let mut asked = chat("gullible", "please hang: [[call hang {}]]");
    asked["tools"] = json!([{ "type": "function", "function": { "name": "hang", "parameters": {} } }]);
    client.post("/v1/chat/completions", &asked).await.expect(200, "tool_calls");
    client.call("hostile", "hang", json!({})).await.expect(200, "PLM-0501");
    client.call("hostile", "hang", json!({})).await.expect(200, "PLM-0520");
    world.alive().await;
}

#[tokio::test]
async fn a_tool_that_changes_after_its_review_is_refused() {
    let (world, _server) = hostile_world(2).await;
    let client = world.client();
    let got = client.call("hostile", "weather", json!({ "town": "Kiel" })).await;
    got.expect(200, "PLM-0402");
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    let listed = client
        .send(Method::POST, "/mcp/hostile", &headers, stateless("tools/list", json!({})).to_string())
        .await;
    let text = listed.text();
    assert!(!text.contains("id_ed25519") && !text.contains("\"weather\""), "{text}");
    assert!(!text.contains('\u{200b}') && !text.contains('\u{e0073}'), "invisible characters: {text}");
    world.alive().await;
}
