//! The desk counts what was really done, also across a restart.

use std::time::Duration;

use http::StatusCode;
use plimsoll_drill::mcp::desk::{ATTACKER_IBAN, DeskHandle, DeskOptions, spawn};
use serde_json::{Value, json};

use super::client::{Answer, post};

async fn call(desk: &DeskHandle, tool: &str, arguments: Value) -> Answer {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", tool),
        ("authorization", "Bearer desk-secret"),
    ];
    post(desk.addr(), "/mcp", &headers, &body).await
}

#[tokio::test]
async fn an_act_is_counted_each_time_with_its_credential() {
    let desk = spawn(DeskOptions::default()).await.unwrap();
    let refund = json!({"order_id": "A-1001", "amount": 12});
    let first = call(&desk, "refund_order", refund.clone()).await.rpc();
    assert_eq!(first["result"]["structuredContent"]["status"], "refunded");
    call(&desk, "refund_order", refund.clone()).await;
    call(&desk, "get_order", json!({"order_id": "A-1001"})).await;
    let effects = desk.effects();
    assert_eq!(effects.len(), 2, "a double act is two effects; a look is none");
    assert_eq!(effects[0].arguments, refund);
    assert_eq!(effects[0].credential.as_deref(), Some("Bearer desk-secret"));
}

#[tokio::test]
async fn bad_calls_fail_without_effect() {
    let desk = spawn(DeskOptions::default()).await.unwrap();
    let bad = [
        ("refund_order", json!({"order_id": "A-1001"})),
        ("refund_order", json!({"order_id": "A-9", "amount": 1})),
        ("refund_order", json!({"order_id": "A-1001", "amount": -5})),
        ("pay_invoice", json!({"iban": "DE00", "amount": 1, "reference": "x"})),
        ("delete_customer", json!({"customer_id": 77})),
    ];
    for (tool, arguments) in bad {
        assert_eq!(call(&desk, tool, arguments).await.rpc()["result"]["isError"], true, "{tool}");
    }
    assert_eq!(call(&desk, "launch", json!({})).await.rpc()["error"]["code"], -32602);
    assert!(desk.effects().is_empty());
}

#[tokio::test]
async fn effects_outlive_the_process_and_come_before_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("effects.jsonl");
    let options = DeskOptions {
        effects_file: Some(file.clone()),
        delay: Duration::from_secs(60),
        ..DeskOptions::default()
    };
    let pay = json!({"iban": ATTACKER_IBAN, "amount": 1840, "reference": "INV-2291"});
    for expected in 1..=2 {
        let desk = spawn(options.clone()).await.unwrap();
        let unanswered =
            tokio::time::timeout(Duration::from_millis(300), call(&desk, "pay_invoice", pay.clone())).await;
        assert!(unanswered.is_err());
        drop(desk);
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), expected);
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let closed = spawn(DeskOptions { bearer: Some("other".into()), ..DeskOptions::default() }).await.unwrap();
    assert_eq!(call(&closed, "list_mail", json!({})).await.status, StatusCode::UNAUTHORIZED);
    let open =
        spawn(DeskOptions { bearer: Some("desk-secret".into()), ..DeskOptions::default() }).await.unwrap();
    assert_eq!(call(&open, "list_mail", json!({})).await.status, StatusCode::OK);
}
