//! Each protocol, whole and streamed, with text and with tool calls.

use http::{Method, StatusCode};
use plimsoll_drill::mock::{MockHandle, MockOptions, spawn};
use serde_json::{Value, json};

use super::client::{Answer, post, send};

const ORDER: &str = r#"please [[call refund {"order":"A-1","amount":12}]]"#;

async fn mock() -> MockHandle {
    spawn(MockOptions::default()).await.unwrap()
}

async fn ask(path: &str, body: Value) -> Answer {
    let mock = mock().await;
    let answer = post(mock.addr(), path, &[], &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer
}

fn chat_tools() -> Value {
    json!([{ "type": "function", "function": { "name": "mcp__crm__refund", "parameters": { "type": "object" } } }])
}

#[tokio::test]
async fn chat_whole_text() {
    let answer = ask(
        "/v1/chat/completions",
        json!({"model": "echo", "messages": [{"role": "user", "content": "hi"}]}),
    )
    .await;
    let body = answer.json();
    assert_eq!(body["choices"][0]["message"]["content"], "hi");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        body["usage"],
        json!({
            "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0},
        })
    );
}

#[tokio::test]
async fn chat_streamed_call_joins_to_the_arguments() {
    let request = json!({
        "model": "gullible", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": [{"type": "text", "text": ORDER}]}], "tools": chat_tools(),
    });
    let answer = ask("/v1/chat/completions", request).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    let events = answer.events();
    let calls: Vec<&Value> =
        events.iter().filter_map(|e| e.pointer("/choices/0/delta/tool_calls/0")).collect();
    assert!(calls.len() > 2, "arguments come in fragments");
    assert_eq!(calls[0]["function"]["name"], "mcp__crm__refund");
    let joined: String = calls.iter().filter_map(|c| c["function"]["arguments"].as_str()).collect();
    assert_eq!(joined, r#"{"order":"A-1","amount":12}"#);
    assert!(events.iter().any(|e| e["choices"][0]["finish_reason"] == "tool_calls"));
    assert!(events.last().unwrap()["usage"]["total_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn responses_stream_in_the_order_clients_expect() {
    let request = json!({"model": "echo", "stream": true, "input": "hello"});
    let answer = ask("/v1/responses", request).await;
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(answer.event_names(), expected);
    let events = answer.events();
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], at);
        assert_eq!(event["type"], expected[at]);
    }
    let last = &events.last().unwrap()["response"];
    assert_eq!(last["status"], "completed");
    assert_eq!(last["output"][0]["content"][0]["text"], "hello");
    assert_eq!(last["usage"]["total_tokens"], 4);
    assert_eq!(events[0]["response"]["id"], last["id"]);
}

#[tokio::test]
async fn responses_call_function_custom_and_namespaced_tools() {
    let tools = json!([
        {"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}},
        {"type": "namespace", "name": "mcp__crm__", "tools": [{"type": "function", "name": "refund", "parameters": {}}]},
        {"type": "web_search"},
    ]);
    let order = format!(r#"{ORDER} [[call apply_patch {{"input":"*** Begin"}}]]"#);
    let input =
        json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": order}]}]);
    let whole =
        ask("/v1/responses", json!({"model": "parallel", "input": input, "tools": tools})).await.json();
    assert_eq!(whole["output"][0]["type"], "function_call");
    assert_eq!(whole["output"][0]["name"], "refund");
    assert_eq!(whole["output"][0]["namespace"], "mcp__crm__");
    assert_eq!(whole["output"][1]["type"], "custom_tool_call");
    assert_eq!(whole["output"][1]["input"], "*** Begin");
    let streamed =
        ask("/v1/responses", json!({"model": "parallel", "stream": true, "input": input, "tools": tools}))
            .await;
    let names = streamed.event_names();
    for name in ["response.function_call_arguments.done", "response.custom_tool_call_input.done"] {
        assert_eq!(names.iter().filter(|n| *n == name).count(), 1, "{name}");
    }
}

#[tokio::test]
async fn responses_do_not_repeat_an_answered_call() {
    let tools = json!([{"type": "function", "name": "refund", "parameters": {}}]);
    let input = json!([
        {"role": "user", "content": ORDER},
        {"type": "function_call", "call_id": "c1", "name": "refund", "arguments": "{\"order\":\"A-1\",\"amount\":12}"},
        {"type": "function_call_output", "call_id": "c1", "output": "refunded"},
    ]);
    let body =
        ask("/v1/responses", json!({"model": "gullible", "input": input, "tools": tools})).await.json();
    assert_eq!(body["output"][0]["content"][0]["text"], "Done. The last tool said: refunded");
}

#[tokio::test]
async fn messages_stream_a_tool_use_for_claude_code() {
    let request = json!({
        "model": "gullible", "max_tokens": 100, "stream": true, "context_management": {"edits": []},
        "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "read"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "Read", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": ORDER}]}]},
            {"role": "system", "content": "the user opened a file"},
        ],
        "tools": [{"name": "refund", "input_schema": {"type": "object"}}, {"name": "x", "defer_loading": true}],
    });
    let answer = ask("/v1/messages?beta=true", request).await;
    let names = answer.event_names();
    assert_eq!(names[..3], ["message_start", "ping", "content_block_start"]);
    assert_eq!(names[names.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    let events = answer.events();
    let joined: String =
        events.iter().filter_map(|e| e.pointer("/delta/partial_json")).filter_map(Value::as_str).collect();
    assert_eq!(joined, r#"{"order":"A-1","amount":12}"#);
    let delta = &events[events.len() - 2];
    assert_eq!(delta["delta"]["stop_reason"], "tool_use");
    assert!(delta["usage"]["output_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn messages_whole_and_counted() {
    let request =
        json!({"model": "echo", "max_tokens": 9, "messages": [{"role": "user", "content": "12345678"}]});
    let body = ask("/v1/messages", request.clone()).await.json();
    assert_eq!(body["content"], json!([{"type": "text", "text": "12345678"}]));
    assert_eq!(body["usage"]["input_tokens"], 2);
    assert_eq!(ask("/v1/messages/count_tokens", request).await.json(), json!({"input_tokens": 2}));
}

#[tokio::test]
async fn embeddings_and_models() {
    let request = json!({"model": "any", "input": ["a", "b"], "dimensions": 4});
    let body = ask("/v1/embeddings", request).await.json();
    assert_eq!(body["data"][1]["embedding"].as_array().unwrap().len(), 4);
    let packed = ask("/v1/embeddings", json!({"model": "any", "input": "a", "encoding_format": "base64"}))
        .await
        .json();
    assert!(packed["data"][0]["embedding"].is_string());
    let mock = mock().await;
    let list = send(mock.addr(), Method::GET, "/v1/models", &[], "").await.json();
    assert!(list["data"].as_array().unwrap().iter().any(|model| model["id"] == "gullible"));
    let one = send(mock.addr(), Method::GET, "/v1/models/gullible", &[], "").await.json();
    assert_eq!(one["object"], "model");
}

#[tokio::test]
async fn bad_input_is_a_400_in_the_callers_protocol() {
    let mock = mock().await;
    for body in
        ["", "nonsense", "[]", "{}", r#"{"model":"echo"}"#, r#"{"model":"echo","messages":[7],"input":7}"#]
    {
        for path in ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"] {
            let answer = send(mock.addr(), Method::POST, path, &[], body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body}");
            assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
        }
        let answer = send(mock.addr(), Method::POST, "/v1/messages", &[], body).await;
        assert_eq!(
            (answer.status, &answer.json()["type"]),
            (StatusCode::BAD_REQUEST, &json!("error")),
            "{body}"
        );
    }
    let lost = send(mock.addr(), Method::POST, "/v1/elsewhere", &[], "{}").await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_credential_that_arrived_is_remembered() {
    let mock = mock().await;
    let request = json!({"model": "echo", "messages": [{"role": "user", "content": "x"}]});
    post(mock.addr(), "/v1/chat/completions", &[("authorization", "Bearer real")], &request).await;
    post(mock.addr(), "/v1/messages?beta=true", &[("x-api-key", "key")], &request).await;
    let seen = mock.requests();
    assert_eq!(mock.count(), 2);
    assert_eq!(seen[0].authorization.as_deref(), Some("Bearer real"));
    assert_eq!(seen[1].api_key.as_deref(), Some("key"));
    assert_eq!(seen[1].query.as_deref(), Some("beta=true"));
    assert_eq!(seen[0].body(), request);
}
