//! The canary: an act that must never get through, tried on every route, in every shape.
//!
//! The lists here notice what is missing: a new endpoint, a new kind of call or a new era without a case does
//! not compile or fails.

use hyper::Method;
use plimsoll_core::{EntryBody, Ruling};
use plimsoll_gateway::server::Endpoint;
use plimsoll_wire::llm::{CallKind, Dialect};
use serde_json::{Value, json};

use crate::client::{Answer, stateless};
use crate::shapes::{CANARY, Shape, answer, canary, request};
use crate::world::{Plan, World};

#[tokio::test]
async fn the_canary_gets_through_nowhere() {
    let world = Plan::new().scripted().start().await;
    let mut tried = 0;
    for (methods, path, endpoint) in Endpoint::TABLE {
        for method in *methods {
            let began = std::time::Instant::now();
            tried += walk(&world, method, path, *endpoint).await;
            println!("{method} {path}: {:.1} s", began.elapsed().as_secs_f64());
        }
    }
    assert_eq!(world.effects(), [], "the desk did something");
    world.alive().await;
    println!("the canary was tried {tried} times");
    assert!(tried > 60, "only {tried}");
}

/// Everything this route could be made to carry. A new endpoint does not compile without a line here.
async fn walk(world: &World, method: &Method, path: &str, endpoint: Endpoint) -> usize {
    match endpoint {
        Endpoint::Live | Endpoint::Ready | Endpoint::Models => nothing_asked(world, method, path).await,
        Endpoint::Chat => converse(world, path, Dialect::Chat).await,
        Endpoint::Responses => converse(world, path, Dialect::Responses).await,
        Endpoint::Messages => converse(world, path, Dialect::Messages).await,
        Endpoint::CountTokens | Endpoint::Embeddings => no_conversation(world, path, endpoint).await,
        Endpoint::Mcp => tools(world, method, path).await,
    }
}

/// Routes that never ask a model: what it would say does not matter.
async fn nothing_asked(world: &World, method: &Method, path: &str) -> usize {
    world.say(200, "application/json", answer(Dialect::Chat, Shape::Single, false));
    let before = world.script.seen().len();
    let got = world.client().send(method.clone(), &path.replace("{id}", "m"), &[], "").await;
    assert!(!got.text().contains(CANARY));
    assert_eq!(world.script.seen().len(), before, "{method} {path} asked a provider");
    1
}

async fn converse(world: &World, path: &str, dialect: Dialect) -> usize {
    let kinds = [CallKind::Function, CallKind::Custom, CallKind::Local, CallKind::Hosted, CallKind::Unknown];
    assert!(kinds.iter().all(|kind| Shape::ALL.contains(&Shape::of_kind(*kind))));
    let mut tried = 0;
    for shape in Shape::ALL {
        if shape.missing(dialect).is_some() {
            continue;
        }
        // What the client asks for, and what comes: a provider need not do as it was asked.
        for (asked, came) in [(false, false), (true, true), (true, false), (false, true)] {
            let what = format!("{dialect:?} {shape:?}, asked for a stream: {asked}, came as one: {came}");
            let kind = if came { "text/event-stream" } else { "application/json" };
            world.say(200, kind, answer(dialect, shape, came));
            let before = world.size();
            let got = world.client().post(path, &request(dialect, asked)).await;
            silent(&what, &got);
            let recorded = world.entries_from(before);
            if asked == came || !came {
                explained(&what, &got);
                let refused = recorded.iter().any(|entry| match &entry.body {
                    EntryBody::Decision(judged) => judged.decision.ruling == Ruling::Refuse,
                    _ => false,
                });
                let stopped = recorded.iter().any(
                    |entry| matches!(&entry.body, EntryBody::Outcome(outcome) if outcome.code.is_some()),
                );
                assert!(
                    refused || (stopped && ambiguous(shape)),
                    "{what}: no decision on record: {}",
                    got.text()
                );
                sibling(&what, shape, &got);
            }
            tried += 1;
        }
        // An error of the provider's is no way around.
        for status in [300, 400, 500] {
            world.say(status, "application/json", answer(dialect, shape, false));
            let got = world.client().post(path, &request(dialect, false)).await;
            assert!(got.status >= 300);
            silent(&format!("{dialect:?} {shape:?} as an error {status}"), &got);
            tried += 1;
        }
    }
    tried
}

/// Shapes that two readers could take for different calls: the stream may be stopped instead of judged.
fn ambiguous(shape: Shape) -> bool {
    matches!(shape, Shape::Unknown | Shape::Interleaved)
}

/// No byte of the canary reaches the client, however the pieces are put together.
#[track_caller]
fn silent(what: &str, got: &Answer) {
    let text = got.text();
    assert!(!text.contains(CANARY), "{what}: {text}");
    let mut joined = String::new();
    for message in got.messages() {
        gather(&message, &mut joined);
    }
    assert!(!joined.contains(CANARY), "{what}, put together: {joined}");
}

/// All that could be a piece of a call's input.
fn gather(value: &Value, into: &mut String) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text)
                        if matches!(key.as_str(), "arguments" | "partial_json" | "input" | "delta") =>
                    {
                        into.push_str(text);
                    }
                    _ => gather(member, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
        _ => {}
    }
}

#[track_caller]
fn explained(what: &str, got: &Answer) {
    assert!(got.text().contains("PLM-"), "{what}: no refusal in {}", got.text());
    assert!(!got.broken, "{what}: the connection broke");
}

/// The call beside it passes.
#[track_caller]
fn sibling(what: &str, shape: Shape, got: &Answer) {
    if shape == Shape::Parallel {
        assert!(got.text().contains("get_order"), "{what}: the harmless call is gone: {}", got.text());
    }
}

/// Routes whose answers hold no call: an answer that has one is not passed.
async fn no_conversation(world: &World, path: &str, endpoint: Endpoint) -> usize {
    let mut tried = 0;
    let body = match endpoint {
        Endpoint::Embeddings => json!({ "model": "m", "input": "words" }),
        _ => request(Dialect::Messages, false),
    };
    for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
        for stream in [false, true] {
            let kind = if stream { "text/event-stream" } else { "application/json" };
            world.say(200, kind, answer(dialect, Shape::Single, stream));
            let got = world.client().post(path, &body).await;
            silent(&format!("{path} answered as {dialect:?}"), &got);
            tried += 1;
        }
    }
    tried
}

/// The tool door: both eras, batches, notifications, other methods.
async fn tools(world: &World, method: &Method, path: &str) -> usize {
    let path = path.replace("{server}", "desk");
    let client = world.client();
    let call = json!({ "name": "pay_invoice", "arguments": canary() });
    let old = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call });
    let new = stateless("tools/call", call.clone());
    let modern =
        [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "pay_invoice")];
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    let session = client.post(&path, &hello).await;
    let session = session.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let legacy = [("mcp-protocol-version", "2025-11-25"), ("mcp-session-id", session.as_str())];
    let mut notified = old.clone();
    notified.as_object_mut().unwrap().remove("id");
    let disguised = json!({ "jsonrpc": "2.0", "id": 7, "method": "ping", "params": call });
    type Try<'a> = (&'a str, &'a [(&'a str, &'a str)], Value, bool);
    let cases: [Try<'_>; 8] = [
        ("stateless", &modern, new.clone(), true),
        ("sessions", &legacy, old.clone(), true),
        ("no session", &[], old.clone(), false),
        ("a batch", &legacy, json!([old, new]), false),
        ("a batch of one", &modern, json!([new]), false),
        ("a notification", &legacy, notified, false),
        ("headers of another call", &[modern[0], modern[1], ("mcp-name", "get_order")], new.clone(), false),
        ("under another method", &legacy, disguised, false),
    ];
    let tried = cases.len();
    for (what, headers, body, judged) in cases {
        let before = world.decisions().len();
        let got = client.send(method.clone(), &path, headers, body.to_string()).await;
        silent(what, &got);
        assert!(world.effects().is_empty(), "{method} {path} {what}: {:?}", world.effects());
        if judged && *method == Method::POST {
            explained(what, &got);
            let found = world.decisions();
            let about = |judged: &plimsoll_core::Judged| judged.act.tool.to_string() == "desk.pay_invoice";
            assert!(found[before..].iter().any(about), "{what}: no decision on record");
        }
    }
    tried
}

#[tokio::test]
async fn what_is_not_in_the_table_is_not_there() {
    let world = Plan::new().scripted().start().await;
    world.say(200, "application/json", answer(Dialect::Chat, Shape::Single, false));
    let paths = [
        "/v1/completions",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/V1/chat/completions",
        "/v1/chat/completions/../responses",
        "/v1/responses/resp_1",
        "/v1/responses/resp_1/cancel",
        "/v1/responses/compact",
        "/v1/messages/batches",
        "/v1/files",
        "/v1/assistants",
        "/v1/threads/t/runs",
        "/v1/realtime",
        "/v1/images/generations",
        "/v1/audio/speech",
        "/v1/batches",
        "/v1/models/a/b",
        "/v1/models/",
        "/mcp/desk/more",
        "/mcp/",
        "/api/approvals",
        "/approvals",
        "/metrics",
        "/",
    ];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let got = world.client().send(method.clone(), path, &[], "{}").await;
            assert!(
                got.status == 404 && got.text().contains("PLM-0412"),
                "{method} {path}: {} {}",
                got.status,
                got.text()
            );
        }
    }
    for (methods, path, _) in Endpoint::TABLE {
        let path = path.replace("{id}", "m").replace("{server}", "desk");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS]
        {
            if !methods.contains(&method) {
                let got = world.client().send(method.clone(), &path, &[], "{}").await;
                assert!(
                    got.status == 404 && got.text().contains("PLM-0412"),
                    "{method} {path}: {}",
                    got.text()
                );
            }
        }
    }
    assert!(world.script.seen().is_empty(), "a provider was asked");
    let other = world.client().call("bank", "pay_invoice", canary()).await;
    assert!(other.status == 404 && other.text().contains("PLM-0412"), "{}", other.text());
}
