//! Plain answers: what is found in them, and what stands where a call was refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use plimsoll_wire::json::{Limits, parse};
use plimsoll_wire::llm::{CallKind, Dialect, ErrorBody, ToolCall, Usage};

/// Refuses the calls named `bad…`, and gives the answer that goes out.
fn refuse_bad(dialect: Dialect, body: &str) -> String {
    let parsed = parse(body, &Limits::DEFAULT).unwrap();
    let response = dialect.read_response(parsed.doc()).unwrap();
    let refused: Vec<(&ToolCall, &str)> = response
        .calls
        .iter()
        .filter(|call| call.name.starts_with("bad"))
        .map(|call| (call, "No \"x\"."))
        .collect();
    String::from_utf8(dialect.replace_calls(parsed.doc(), &refused)).unwrap()
}

#[test]
fn chat() {
    let two = r#"{"id":"x", "choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"bad","arguments":"{\"a\":1}"}}, {"id":"2","type":"function","function":{"name":"good","arguments":"{ }"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":3}}}"#;
    let parsed = parse(two, &Limits::DEFAULT).unwrap();
    let response = Dialect::Chat.read_response(parsed.doc()).unwrap();
    assert_eq!(response.usage, Usage { input: 5, output: 7, cached: 3 });
    assert_eq!(
        (response.calls[0].arguments.as_str(), response.calls[0].kind),
        (r#"{"a":1}"#, CallKind::Function)
    );
    assert_eq!(
        refuse_bad(Dialect::Chat, two),
        r#"{"id":"x", "choices":[{"index":0,"message":{"role":"assistant","content":"No \"x\".","tool_calls":[{"id":"2","type":"function","function":{"name":"good","arguments":"{ }"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":3}}}"#
    );
    assert_eq!(
        refuse_bad(
            Dialect::Chat,
            r#"{"choices":[{"message":{"content":"Well","tool_calls":[{"id":"1","custom":{"name":"bad","input":"i"},"type":"custom"}]},"finish_reason":"tool_calls"}]}"#
        ),
        r#"{"choices":[{"message":{"content":"Well\n\nNo \"x\"."},"finish_reason":"stop"}]}"#
    );
    assert_eq!(
        refuse_bad(
            Dialect::Chat,
            r#"{"choices":[{"message":{"function_call":{"name":"bad","arguments":""}},"finish_reason":"function_call"}]}"#
        ),
        r#"{"choices":[{"message":{"content":"No \"x\"."},"finish_reason":"stop"}]}"#
    );
    let untouched = r#"{"choices":[ {"message":{"content":"Well"} } ]}"#;
    assert_eq!(refuse_bad(Dialect::Chat, untouched), untouched);
}

#[test]
fn responses() {
    let body = r#"{"id":"r","status":"completed","output":[{"type":"reasoning","id":"rs","summary":[{"text":"t"}]},{"type":"function_call","id":"fc_1","call_id":"c1","name":"bad","arguments":"{}"}, {"type":"custom_tool_call","id":"ct","call_id":"c2","name":"good","input":"i"},{"type":"mcp_call","name":"srv"},{"type":"shell_call","id":"s","call_id":"c3","action":{"commands":["ls"]}},{"type":"mystery","id":"q"}]}"#;
    let parsed = parse(body, &Limits::DEFAULT).unwrap();
    let response = Dialect::Responses.read_response(parsed.doc()).unwrap();
    let calls: Vec<_> =
        response.calls.iter().map(|call| (call.name.as_str(), call.kind, call.arguments.as_str())).collect();
    assert_eq!(
        calls,
        [
            ("bad", CallKind::Function, "{}"),
            ("good", CallKind::Custom, "i"),
            ("shell", CallKind::Local, r#"{"commands":["ls"]}"#),
            ("mystery", CallKind::Unknown, r#"{"type":"mystery","id":"q"}"#),
        ]
    );
    assert_eq!(response.hosted[0].kind, "mcp_call");
    let out = refuse_bad(Dialect::Responses, body);
    let message = r#"{"id":"msg_plimsollfc1","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"No \"x\"."}],"role":"assistant"}"#;
    assert_eq!(
        out,
        body.replace(
            r#"{"type":"function_call","id":"fc_1","call_id":"c1","name":"bad","arguments":"{}"}"#,
            message
        )
    );
}

#[test]
fn messages() {
    let body = r#"{"content":[{"type":"text","text":"Well"},{"type":"tool_use","id":"1","name":"bad","input":{"a" : 1}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":4}}"#;
    let parsed = parse(body, &Limits::DEFAULT).unwrap();
    let response = Dialect::Messages.read_response(parsed.doc()).unwrap();
    assert_eq!(response.calls[0].arguments, r#"{"a" : 1}"#);
    assert_eq!(response.usage, Usage { input: 1, output: 2, cached: 4 });
    assert_eq!(
        refuse_bad(Dialect::Messages, body),
        r#"{"content":[{"type":"text","text":"Well"},{"type":"text","text":"No \"x\"."}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":4}}"#
    );
    let both = body.replace("}}],", r#"}},{"type":"tool_use","id":"2","name":"good","input":{}}],"#);
    assert!(refuse_bad(Dialect::Messages, &both).contains(r#""stop_reason":"tool_use""#));
}

#[test]
fn errors_in_each_tongue() {
    let error = ErrorBody { status: 403, code: "PLM-0417", message: "not \"here\"", request_id: "req_1" };
    let text = |dialect: Dialect| String::from_utf8(dialect.render_error(&error)).unwrap();
    let openai =
        r#"{"error":{"message":"not \"here\"","type":"permission_error","param":null,"code":"PLM-0417"}}"#;
    assert_eq!(text(Dialect::Chat), openai);
    assert_eq!(text(Dialect::Responses), openai);
    assert_eq!(
        text(Dialect::Messages),
        r#"{"type":"error","error":{"type":"permission_error","message":"not \"here\"","code":"PLM-0417"},"request_id":"req_1"}"#
    );
    assert_eq!(Dialect::Chat.render_stream_error(&error, 0), format!("data: {openai}\n\n"));
    assert!(
        Dialect::Messages
            .render_stream_error(&error, 0)
            .starts_with(b"event: error\ndata: {\"type\":\"error\"")
    );
    assert!(Dialect::Responses.render_stream_error(&error, 7).ends_with(b"\"sequence_number\":7}\n\n"));
}

#[test]
fn an_answer_of_our_own_reads_back() {
    for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
        let body = dialect.render_answer_text("1", "m", 7, "a \"b\"");
        let parsed = parse(body, &Limits::DEFAULT).unwrap();
        let response = dialect.read_response(parsed.doc()).unwrap();
        assert_eq!(response.texts.iter().map(|text| &*text.text).collect::<Vec<_>>(), ["a \"b\""]);
        assert!(response.calls.is_empty());
    }
}
