//! What each dialect's request says: texts, tools, what runs at the provider, what is hidden, what is not known.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use plimsoll_wire::json::{Limits, parse};
use plimsoll_wire::llm::{Dialect, Request, Runs};

/// The neutral view as lines, one for each thing found.
fn view(dialect: Dialect, body: &str) -> Vec<String> {
    let parsed = parse(body, &Limits::DEFAULT).unwrap();
    let request = match dialect.read_request(parsed.doc()) {
        Ok(request) => request,
        Err(error) => return vec![error.to_string()],
    };
    for piece in &request.pieces {
        let string: String = serde_json::from_str(&body[piece.range.clone()]).unwrap();
        assert_eq!(string, piece.text);
    }
    lines(&request)
}

fn lines(request: &Request<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for piece in &request.pieces {
        let call = piece.tool_call_id.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
        let place = piece.message_index.map_or("-".to_owned(), |index| index.to_string());
        out.push(format!("{place} {:?}{call}: {}", piece.role, piece.text));
    }
    out.extend(
        request
            .prior_calls
            .iter()
            .map(|call| format!("called {} {}({})", call.id, call.name, call.arguments)),
    );
    out.extend(request.tools.iter().map(|tool| {
        let space = tool.namespace.as_deref().map(|space| format!("{space}/")).unwrap_or_default();
        format!("tool {:?} {space}{}", tool.kind, tool.name)
    }));
    for tool in &request.hosted {
        let where_ = if tool.runs == Runs::AtProvider { "provider" } else { "client" };
        out.push(format!("built-in {} {} at {where_}", tool.kind, tool.name.as_deref().unwrap_or("-")));
    }
    out.extend(request.hidden.iter().map(|hidden| format!("hidden {}", hidden.kind)));
    out.extend(request.approvals.iter().map(|it| format!("approval {} {}", it.request_id, it.approve)));
    out.extend(request.opaque.iter().map(|it| format!("opaque {} {:?}", it.kind, it.role)));
    out.extend(request.unknown.iter().map(|it| format!("unknown {} at {}", it.kind, it.path)));
    out
}

#[test]
fn chat() {
    let body = r#"{"model":"m","n":2,"store":true,"stream":true,"x_unknown":{"a":1},"messages":[
        {"role":"system","content":"be kind"},{"role":"developer","content":[{"type":"text","text":"d\u00e9v"}]},
        {"role":"user","name":"ada","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:"}},{"type":"hologram","words":"odd"}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},
          {"id":"c2","type":"custom","custom":{"name":"g","input":"raw"}}]},
        {"role":"tool","tool_call_id":"c1","content":"result"},{"role":"function","name":"old","content":"r2"},{"role":"critic","content":"hm"}],
        "tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"g"}},{"type":"browser"}],
        "functions":[{"name":"old"}],"web_search_options":{}}"#;
    assert_eq!(
        view(Dialect::Chat, body),
        [
            "0 System: be kind",
            "1 Developer: dév",
            "2 User: look",
            "2 User: odd",
            "4 Tool (c1): result",
            "5 Tool: r2",
            "6 Other: hm",
            "called c1 f({})",
            "called c2 g(raw)",
            "tool Function f",
            "tool Custom g",
            "tool Function old",
            "built-in browser - at provider",
            "built-in web_search_options - at provider",
            "hidden store",
            "opaque image_url User",
            "unknown hologram at $.messages[2].content[2]",
        ]
    );
}

#[test]
fn responses() {
    let body = r#"{"model":"m","instructions":"be kind","previous_response_id":"resp_1","store":false,"background":true,"input":[
        {"role":"user","content":"hi"},{"type":"message","role":"developer","content":[{"type":"input_text","text":"ctx"},{"type":"input_image","image_url":"x"}]},
        {"type":"reasoning","summary":[{"type":"summary_text","text":"think"}],"encrypted_content":"zzz"},
        {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"out"},
        {"type":"custom_tool_call","call_id":"c2","name":"g","input":"raw"},
        {"type":"custom_tool_call_output","call_id":"c2","output":[{"type":"input_text","text":"out2"}]},
        {"type":"local_shell_call","call_id":"c3","action":{"type":"exec","command":["ls"]}},
        {"type":"local_shell_call_output","id":"c3","output":"files"},
        {"type":"item_reference","id":"i1"},{"id":"i2"},{"type":"mcp_approval_response","approval_request_id":"a1","approve":true},
        {"type":"web_search_call","action":{"query":"q"}},{"type":"novelty","words":"odd"}],
        "tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"},{"type":"namespace","name":"mail","tools":[{"type":"function","name":"send"}]},
        {"type":"mcp","server_label":"s","server_url":"https://x","require_approval":"never"},{"type":"web_search_preview"},{"type":"local_shell"},
        {"type":"shell","environment":{"type":"container_auto"}},{"type":"shell"},{"type":"computer_use_preview"},{"type":"tool_search","execution":"client"}]}"#;
    assert_eq!(
        view(Dialect::Responses, body),
        [
            "- System: be kind",
            "0 User: hi",
            "1 Developer: ctx",
            "2 Assistant: think",
            "4 Tool (c1): out",
            "6 Tool (c2): out2",
            "8 Tool (c3): c3",
            "8 Tool (c3): files",
            "12 Tool: q",
            "13 Other: odd",
            "called c1 f({})",
            "called c2 g(raw)",
            "called c3 local_shell({\"type\":\"exec\",\"command\":[\"ls\"]})",
            "tool Function f",
            "tool Custom g",
            "tool Function mail/send",
            "built-in mcp s at provider",
            "built-in web_search_preview - at provider",
            "built-in local_shell - at client",
            "built-in shell - at provider",
            "built-in shell - at client",
            "built-in computer_use_preview - at client",
            "built-in tool_search - at client",
            "hidden previous_response_id",
            "hidden background",
            "hidden item_reference",
            "hidden item_reference",
            "approval a1 true",
            "opaque input_image Developer",
            "opaque encrypted_content Assistant",
            "unknown novelty at $.input[13]",
        ]
    );
    assert_eq!(view(Dialect::Responses, r#"{"model":"m","input":"hi"}"#), ["0 User: hi"]);
}

#[test]
fn messages() {
    let body = r#"{"model":"m","max_tokens":9,"container":"c","system":[{"type":"text","text":"be kind","cache_control":{"type":"ephemeral"}}],"messages":[
        {"role":"user","content":"hi"},{"role":"system","content":"reminder"},
        {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"text","text":"let me"},
          {"type":"tool_use","id":"t1","name":"f","input":{"a": 1}},{"type":"server_tool_use","id":"t2","name":"web_search","input":{}},
          {"type":"web_search_tool_result","tool_use_id":"t2","content":[{"type":"web_search_result","title":"page"}]}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"r1"},{"type":"tool_reference","tool_name":"mcp__x"}]},
          {"type":"tool_result","tool_use_id":"t3","content":"r2"},{"type":"document","title":"doc","source":{"type":"text","data":"body"}},
          {"type":"image","source":{"type":"base64","data":"AA"}},{"type":"scent","words":"odd"}]}],
        "tools":[{"name":"f","input_schema":{}},{"type":"custom","name":"g","input_schema":{},"defer_loading":true},{"type":"bash_20250124","name":"bash"},
          {"type":"web_search_20250305","name":"web_search"},{"type":"mcp_toolset","mcp_server_name":"s"}],"mcp_servers":[{"type":"url","url":"u","name":"s"}]}"#;
    assert_eq!(
        view(Dialect::Messages, body),
        [
            "- System: be kind",
            "0 User: hi",
            "1 System: reminder",
            "2 Assistant: hm",
            "2 Assistant: let me",
            "2 Tool (t2): t2",
            "2 Tool (t2): page",
            "3 Tool (t1): r1",
            "3 Tool (t1): mcp__x",
            "3 Tool (t3): r2",
            "3 User: doc",
            "3 User: body",
            "3 User: odd",
            "called t1 f({\"a\": 1})",
            "called t2 web_search({})",
            "tool Function f",
            "tool Function g",
            "built-in bash_20250124 bash at client",
            "built-in web_search_20250305 web_search at provider",
            "built-in mcp_toolset s at provider",
            "built-in mcp_servers - at provider",
            "hidden container",
            "opaque redacted_thinking Assistant",
            "opaque image User",
            "unknown scent at $.messages[3].content[4]",
        ]
    );
}

#[test]
fn a_request_of_another_shape_says_what_is_wrong() {
    let says = |dialect, body| view(dialect, body).join("; ");
    assert_eq!(says(Dialect::Chat, "[]"), "$ must be an object");
    assert_eq!(says(Dialect::Chat, "{}"), "$.model must be a string");
    assert_eq!(says(Dialect::Chat, r#"{"model":"m"}"#), "$.messages must be an array");
    assert_eq!(
        says(Dialect::Chat, r#"{"model":"m","messages":[{}]}"#),
        "$.messages[0].role must be a string"
    );
    assert_eq!(
        says(Dialect::Chat, r#"{"model":"m","stream":"yes","messages":[]}"#),
        "$.stream must be true or false"
    );
    assert_eq!(says(Dialect::Chat, r#"{"model":"m","messages":[],"tools":{}}"#), "$.tools must be an array");
    assert_eq!(
        says(Dialect::Responses, r#"{"model":"m","input":7}"#),
        "$.input must be a string or an array"
    );
    assert_eq!(
        says(Dialect::Messages, r#"{"model":"m","messages":[{"role":"user"}]}"#),
        "$.messages[0].content must be a string or an array"
    );
}

#[test]
fn built_in_tools_are_stripped_or_told_to_ask() {
    let strip = |dialect: Dialect, body: &str| {
        let parsed = parse(body, &Limits::DEFAULT).unwrap();
        let out = dialect.strip_hosted(parsed.doc(), |tool| tool.runs == Runs::AtProvider).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        strip(
            Dialect::Responses,
            r#"{"model":"m","tools": [{"type":"mcp","server_label":"s"}, {"type":"function","name":"f"}],"x" : 1}"#
        ),
        r#"{"model":"m","tools": [{"type":"function","name":"f"}],"x" : 1}"#
    );
    assert_eq!(
        strip(
            Dialect::Responses,
            r#"{"model":"m","tools":[{"type":"web_search"}],"tool_choice":"auto","x":1}"#
        ),
        r#"{"model":"m","x":1}"#
    );
    assert_eq!(
        strip(
            Dialect::Responses,
            r#"{"model":"m","tools":[{"type":"web_search"},{"type":"function","name":"f"}],"tool_choice":{"type":"web_search"}}"#
        ),
        r#"{"model":"m","tools":[{"type":"function","name":"f"}]}"#
    );
    assert_eq!(
        strip(
            Dialect::Messages,
            r#"{"model":"m","messages":[],"mcp_servers":[{"name":"s"}],"tools":[{"type":"mcp_toolset"},{"name":"f"}]}"#
        ),
        r#"{"model":"m","messages":[],"tools":[{"name":"f"}]}"#
    );
    assert_eq!(
        strip(Dialect::Chat, r#"{"model":"m","messages":[],"web_search_options":{}}"#),
        r#"{"model":"m","messages":[]}"#
    );
    let body = r#"{"model":"m","tools":[{"type":"mcp","require_approval":"never"},{"type":"mcp"}]}"#;
    let parsed = parse(body, &Limits::DEFAULT).unwrap();
    assert_eq!(
        String::from_utf8(Dialect::Responses.force_approval(parsed.doc()).unwrap()).unwrap(),
        r#"{"model":"m","tools":[{"type":"mcp","require_approval":"always"},{"type":"mcp","require_approval":"always"}]}"#
    );
}
