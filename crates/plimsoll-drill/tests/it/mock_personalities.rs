//! The models that misbehave, and the one that works at the support desk.

use std::time::{Duration, Instant};

use http::StatusCode;
use plimsoll_drill::mock::{MockOptions, spawn};
use serde_json::{Value, json};

use super::client::{Answer, post};

async fn chat(options: MockOptions, model: &str, more: Value) -> Answer {
    let mock = spawn(options).await.unwrap();
    let mut request = json!({"model": model, "messages": [{"role": "user", "content": "hello there"}]});
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    post(mock.addr(), "/v1/chat/completions", &[], &request).await
}

fn tool() -> Value {
    json!([{"type": "function", "function": {"name": "pay"}}])
}

#[tokio::test]
async fn scripted_is_deterministic_and_the_default() {
    let one = chat(MockOptions::default(), "gpt-77", json!({})).await.json();
    let two = chat(MockOptions::default(), "scripted", json!({})).await.json();
    assert_eq!(one["choices"], two["choices"]);
    assert_eq!(one["choices"][0]["message"]["content"], "You wrote 2 words: \"hello there\".");
    assert_ne!(one["id"], two["id"]);
}

#[tokio::test]
async fn truncating_breaks_whole_and_streamed_answers() {
    let whole = chat(MockOptions::default(), "truncating", json!({})).await;
    assert!(whole.broken && !whole.body.is_empty());
    let streamed = chat(MockOptions::default(), "truncating", json!({"stream": true})).await;
    assert!(streamed.broken && streamed.text().contains("data: ") && !streamed.text().contains("[DONE]"));
}

#[tokio::test]
async fn malformed_calls_with_broken_json_or_streams_garbage() {
    let body = chat(MockOptions::default(), "malformed", json!({"tools": tool()})).await.json();
    let arguments = body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(arguments).is_err());
    let stream = chat(MockOptions::default(), "malformed-stream", json!({"stream": true})).await;
    assert!(stream.text().contains("not json at all"));
}

#[tokio::test]
async fn flaky_follows_its_schedule() {
    let mock =
        spawn(MockOptions { flaky_schedule: vec![503, 200, 429], ..MockOptions::default() }).await.unwrap();
    let request = json!({"model": "flaky", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]});
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(post(mock.addr(), "/v1/messages", &[], &request).await.status.as_u16());
    }
    assert_eq!(statuses, [503, 200, 429, 503]);
}

#[tokio::test]
async fn slow_waits_and_huge_is_huge() {
    let begun = Instant::now();
    let slow = chat(MockOptions::default(), "slow-20-echo", json!({"stream": true})).await;
    assert!(begun.elapsed() > Duration::from_millis(60) && slow.text().contains("hello there"));
    let huge =
        chat(MockOptions { huge_bytes: 300_000, ..MockOptions::default() }, "huge", json!({"stream": true}))
            .await;
    assert_eq!(huge.status, StatusCode::OK);
    assert!(huge.body.len() > 300_000);
}

/// Plays a client's tool loop in each dialect: one call, its result, the next answer.
#[tokio::test]
async fn support_works_in_every_dialect() {
    let mock = spawn(MockOptions::default()).await.unwrap();
    let wish = "refund 12 euro for order A-1001, the cup arrived broken";
    let refund = json!({"order_id": "A-1001", "amount": 12, "currency": "EUR"});
    let order = json!({"order_id": "A-1001"});

    let tools: Value = ["get_order", "refund_order"]
        .iter()
        .map(|n| json!({"type": "function", "function": {"name": n}}))
        .collect();
    let called = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "get_order", "arguments": order.to_string()}}]});
    let result = json!({"role": "tool", "tool_call_id": "1", "content": "{\"total\":49.9}"});
    let messages = json!([{"role": "user", "content": wish}, called, result]);
    let chat = json!({"model": "support", "messages": messages, "tools": tools});
    let body = post(mock.addr(), "/v1/chat/completions", &[], &chat).await.json();
    let arguments = body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(arguments).unwrap(), refund);

    let tools: Value =
        ["get_order", "refund_order"].iter().map(|n| json!({"type": "function", "name": n})).collect();
    let input = json!([
        {"role": "user", "content": wish},
        {"type": "function_call", "call_id": "1", "name": "get_order", "arguments": order.to_string()},
        {"type": "function_call_output", "call_id": "1", "output": "{\"total\":49.9}"},
    ]);
    let body =
        post(mock.addr(), "/v1/responses", &[], &json!({"model": "support", "input": input, "tools": tools}))
            .await
            .json();
    assert_eq!(
        serde_json::from_str::<Value>(body["output"][0]["arguments"].as_str().unwrap()).unwrap(),
        refund
    );

    let tools: Value =
        ["get_order", "refund_order"].iter().map(|n| json!({"name": n, "input_schema": {}})).collect();
    let messages = json!([
        {"role": "user", "content": wish},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "get_order", "input": order}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "{\"total\":49.9}"}]},
    ]);
    let body = post(
        mock.addr(),
        "/v1/messages",
        &[],
        &json!({"model": "support", "messages": messages, "tools": tools}),
    )
    .await
    .json();
    assert_eq!(body["content"][0]["input"], refund);
}
