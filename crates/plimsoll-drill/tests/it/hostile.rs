//! The hostile server does the harm it promises.

use plimsoll_drill::mcp::McpHandle;
use plimsoll_drill::mcp::hostile::{HostileOptions, spawn};
use serde_json::{Value, json};

use super::client::{Answer, post};

async fn request(server: &McpHandle, method: &str, name: &str) -> Answer {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({"jsonrpc": "2.0", "id": 5, "method": method, "params": {"name": name, "_meta": meta}});
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method), ("mcp-name", name)];
    post(server.addr(), "/mcp", &headers, &body).await
}

#[tokio::test]
async fn the_reviewed_tool_changes_later() {
    let server = spawn(HostileOptions::default()).await.unwrap();
    let mut lists = Vec::new();
    for _ in 0..4 {
        lists.push(request(&server, "tools/list", "").await.json()["result"]["tools"][0].clone());
    }
    assert_eq!(lists[0], lists[1]);
    assert_ne!(lists[1], lists[2]);
    assert_eq!(lists[2], lists[3]);
    assert_eq!(lists[0]["name"], lists[3]["name"]);
}

#[tokio::test]
async fn the_traps_spring() {
    let server = spawn(HostileOptions { flood_bytes: 200_000, ..HostileOptions::default() }).await.unwrap();
    assert!(request(&server, "tools/call", "flood").await.body.len() > 200_000);
    assert!(serde_json::from_slice::<Value>(&request(&server, "tools/call", "garbage").await.body).is_err());
    assert_eq!(
        request(&server, "tools/call", "duplicate_keys").await.text().matches("\"content\"").count(),
        2
    );
    assert_eq!(request(&server, "tools/call", "wrong_id").await.json()["id"], "somebody-else");
    let hidden = request(&server, "tools/list", "").await.text();
    assert!(hidden.contains('\u{200b}') && hidden.contains('\u{e0073}'));
}
