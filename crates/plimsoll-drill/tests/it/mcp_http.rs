//! Streamable HTTP in both eras, against the conformance server.

use http::{Method, StatusCode};
use plimsoll_drill::mcp::{McpHandle, conformance};
use serde_json::{Value, json};

use super::client::{Answer, post, send};

const VERSION: &str = "2026-07-28";

async fn server() -> McpHandle {
    conformance::spawn().await.unwrap()
}

fn initialize() -> Value {
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {"elicitation": {}}, "clientInfo": {"name": "t", "version": "1"}});
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

fn meta() -> Value {
    json!({"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {}})
}

/// A stateless request whose headers say `header_method` and `header_name`.
async fn stateless(server: &McpHandle, said: (&str, &str), method: &str, mut params: Value) -> Answer {
    params["_meta"] = meta();
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
    let headers = [("mcp-protocol-version", VERSION), ("mcp-method", said.0), ("mcp-name", said.1)];
    post(server.addr(), "/mcp", &headers, &body).await
}

#[tokio::test]
async fn a_session_lives_from_initialize_to_delete() {
    let server = server().await;
    let opened = post(server.addr(), "/mcp", &[], &initialize()).await;
    assert_eq!(opened.json()["result"]["protocolVersion"], "2025-06-18");
    let id = opened.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let session = [("mcp-session-id", id.as_str()), ("mcp-protocol-version", "2025-06-18")];
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(post(server.addr(), "/mcp", &session, &ready).await.status, StatusCode::ACCEPTED);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let listed = post(server.addr(), "/mcp", &session, &list).await.json();
    assert!(listed["result"]["tools"].as_array().unwrap().len() > 20);
    assert_eq!(listed["result"].get("resultType"), None);
    assert_eq!(send(server.addr(), Method::DELETE, "/mcp", &session, "").await.status, StatusCode::OK);
    assert_eq!(post(server.addr(), "/mcp", &session, &list).await.status, StatusCode::NOT_FOUND);
    assert_eq!(post(server.addr(), "/mcp", &[], &list).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_session_streams_what_comes_before_the_answer() {
    let server = server().await;
    let opened = post(server.addr(), "/mcp", &[], &initialize()).await;
    let id = opened.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let call = json!({"jsonrpc": "2.0", "id": "p", "method": "tools/call", "params": {
        "name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": "t"}}});
    let answer = post(server.addr(), "/mcp", &[("mcp-session-id", &id)], &call).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let events = answer.events();
    assert_eq!(events.len(), 4);
    assert_eq!(events[0]["params"]["progressToken"], "t");
    assert_eq!(events[3]["id"], "p");
}

#[tokio::test]
async fn the_stateless_era_dresses_its_results() {
    let server = server().await;
    let found = stateless(&server, ("server/discover", ""), "server/discover", json!({})).await.json();
    assert_eq!(found["result"]["supportedVersions"], json!([VERSION]));
    assert_eq!(found["result"]["resultType"], "complete");
    assert_eq!(found["result"]["ttlMs"], 0);
    let call = json!({"name": "test_simple_text", "arguments": {}});
    let answer = stateless(&server, ("tools/call", "test_simple_text"), "tools/call", call).await.json();
    assert_eq!(answer["result"]["resultType"], "complete");
    let gone = stateless(&server, ("ping", ""), "ping", json!({})).await;
    assert_eq!((gone.status, &gone.json()["error"]["code"]), (StatusCode::NOT_FOUND, &json!(-32601)));
}

#[tokio::test]
async fn headers_that_lie_are_refused() {
    let server = server().await;
    let call = json!({"name": "test_simple_text"});
    for said in
        [("tools/list", "test_simple_text"), ("tools/call", "test_error_handling"), ("tools/call", "")]
    {
        let answer = stateless(&server, said, "tools/call", call.clone()).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (StatusCode::BAD_REQUEST, &json!(-32020)),
            "{said:?}"
        );
        assert_eq!(answer.json()["id"], 7);
    }
}

#[tokio::test]
async fn input_is_asked_for_in_the_result() {
    let server = server().await;
    let name = "test_input_required_result_elicitation";
    let first = stateless(&server, ("tools/call", name), "tools/call", json!({"name": name})).await.json();
    assert_eq!(first["result"]["resultType"], "input_required");
    assert_eq!(first["result"]["inputRequests"]["user_name"]["method"], "elicitation/create");
    let given = json!({"name": name, "inputResponses": {"user_name": {"action": "accept", "content": {"name": "Ada"}}}});
    let second = stateless(&server, ("tools/call", name), "tools/call", given).await.json();
    assert_eq!(second["result"]["content"][0]["text"], "Hello, Ada!");
}

#[tokio::test]
async fn strangers_and_nonsense_are_turned_away() {
    let server = server().await;
    let body = initialize().to_string();
    let evil = send(server.addr(), Method::POST, "/mcp", &[("origin", "http://evil.example")], &body).await;
    assert_eq!(evil.status, StatusCode::FORBIDDEN);
    let rebound = send(server.addr(), Method::POST, "/mcp", &[("host", "evil.example")], &body).await;
    assert_eq!(rebound.status, StatusCode::FORBIDDEN);
    for nonsense in ["", "{", "[]", "7", r#"{"jsonrpc":"2.0"}"#, r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#] {
        let answer = send(server.addr(), Method::POST, "/mcp", &[], nonsense).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{nonsense}");
        assert!(answer.json()["error"]["code"].is_i64());
    }
}
