//! Entries of every kind, and what becomes of them.

use std::collections::BTreeSet;

use plimsoll_core::EntryBody;
use serde_json::{Value, json};

use crate::names::{ALL, Goes};
use crate::otel::Batch;
use crate::{Acts, Include, Numbered, Source, Told, jsonl, ocsf};

const ALL_OF_IT: Include = Include { identity: true, arguments: true, content: true };
const ACT: &str = "01990000-0000-7000-8000-00000000000";

fn source(include: Include) -> Source {
    Source { instance: "desk-1".into(), environment: "demo".into(), version: "0.1.0".into(), include }
}

fn entry(second: u32, body: Value) -> Value {
    let mut entry = json!({
        "v": 1, "id": format!("01990000-0000-7000-8000-0000000001{second:02}"), "at": format!("2026-11-21T10:00:{second:02}Z"),
        "request": "req-1", "session": "s-1", "workflow": "support", "release": "sha256:ab",
        "principal": { "id": "key:ada", "kind": "agent", "on_behalf_of": "bo@example.com" },
    });
    for (key, value) in body.as_object().unwrap() {
        entry[key] = value.clone();
    }
    entry
}

fn judged(kind: &str, n: u8, tool: &str, effect: &str, change: Value) -> Value {
    let (server, name) = tool.split_once('.').unwrap();
    let mut body = json!({
        "kind": kind,
        "act": { "id": format!("{ACT}{n}"), "door": "tool", "tool": format!("{server}.{name}"),
            "arguments": { "order_id": "SECRET-ARGUMENT" }, "call_id": "7" },
        "act_digest": format!("sha256:{}", "0".repeat(64)), "tier": "safe", "effect": effect, "mode": "enforce", "environment": "demo",
        "decision": { "ruling": "allow", "reasons": [{ "rule": "safe-acts", "text": "SECRET-REASON" }] },
        "trajectory": { "label": { "integrity": "untrusted", "classes": ["personal"] }, "spans": 1 },
        "facts": { "hypothesis": { "kind": "unknown" } },
        "detail": { "mcp": "2025-11-25" },
    });
    for (key, value) in change.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn outcome(n: u8, status: &str) -> Value {
    json!({
        "kind": "outcome", "act": format!("{ACT}{n}"), "intent": 1, "status": status, "took_ms": 12, "redacted": 2, "detail": "SECRET-DETAIL",
        "code": if status == "done" { Value::Null } else { json!("PLM-0501") },
        "downstream": ["resp-9"], "usage": { "input_tokens": 11, "output_tokens": 5, "cached_tokens": 2 },
        "result": { "index": 0, "kind": "result", "address": format!("sha256:{}", "1".repeat(64)),
            "label": { "integrity": "trusted" }, "source": "tool:desk.get_order", "bytes": 40, "preview": "SECRET-RESULT" },
    })
}

/// One of each.
fn entries() -> Vec<Numbered> {
    let model = json!({
        "act": { "id": format!("{ACT}1"), "door": "llm", "tool": "model.main", "arguments": {} },
        "detail": { "dialect": "messages", "model": "claude-x", "stream": true, "prompt": "support@1" },
    });
    let proposal = json!({
        "act": { "id": format!("{ACT}2"), "door": "llm", "tool": "desk.get_order",
            "arguments": { "order_id": "A-1" }, "call_id": "call_1" },
        "facts": { "hypothesis": { "kind": "answer" }, "deferred": true },
    });
    let joined = json!({ "facts": { "hypothesis": { "kind": "joined", "session": "s-1", "act": format!("{ACT}2") } } });
    let approved = json!({ "tier": "dangerous", "facts": { "hypothesis": { "kind": "unknown" },
        "approval": { "id": "T-7", "granted": true, "denied": false, "approvers": ["rosa"] } } });
    let observed = json!({ "decision": { "ruling": "allow", "reasons": [], "passed_because": "mode observe",
            "declassified": [{ "rule": "untrusted-account", "text": "anybody may have written it" }] } });
    let refused = json!({ "decision": { "ruling": "refuse", "code": "PLM-0202", "reasons": [{ "rule": "r", "text": "t" }] } });
    let held = json!({ "decision": { "ruling": "hold", "code": "PLM-0210", "reasons": [] } });
    let terms = json!({ "roles": ["reviewer"], "quorum": 1, "expires_after_s": 60 });
    let approval = json!({ "kind": "approval", "state": "open", "by": "rosa", "approval": {
        "id": "T-7", "state": "open", "act_digest": format!("sha256:{}", "0".repeat(64)), "terms": terms, "workflow": "support", "tool": "desk.delete_customer",
        "requester": "bo", "opened_at": "2026-11-21T10:00:00Z", "expires_at": "2026-11-21T11:00:00Z", "votes": [], "page": {} } });
    let stop = |on: bool, scope: Value| {
        let mut stop = json!({ "reason": "SECRET-DETAIL", "by": "rosa", "at": "2026-11-21T10:00:00Z" });
        for (key, value) in scope.as_object().unwrap() {
            stop[key] = value.clone();
        }
        json!({ "kind": "stop", "on": on, "stop": stop })
    };
    let scope = serde_json::to_value(plimsoll_core::StopScope::Principal("SECRET-NAME".into())).unwrap();
    let mut traced = entry(14, judged("intent", 6, "desk.list_mail", "read", json!({})));
    traced["trace"] = json!("4bf92f3577b34da6a3ce929d0e0e4736");
    let bodies = vec![
        entry(0, json!({ "kind": "gateway", "event": "started", "detail": "SECRET-DETAIL" })),
        entry(1, judged("intent", 1, "model.main", "read", model)),
        entry(2, outcome(1, "done")),
        entry(3, judged("intent", 2, "desk.get_order", "read", proposal)),
        entry(4, outcome(2, "done")),
        entry(5, judged("intent", 3, "desk.get_order", "read", joined)),
        entry(6, outcome(3, "done")),
        entry(7, judged("intent", 4, "desk.delete_customer", "destructive", approved)),
        entry(8, outcome(4, "ambiguous")),
        entry(9, outcome(4, "done")),
        entry(10, judged("intent", 5, "desk.send_mail", "egress", observed)),
        entry(11, judged("decision", 7, "desk.pay", "external", refused)),
        entry(12, judged("decision", 8, "desk.pay", "external", held)),
        entry(13, approval),
        traced,
        entry(15, outcome(6, "failed")),
        entry(16, stop(true, scope)),
        entry(17, json!({ "kind": "gateway", "event": "CONFIG", "detail": "SECRET-DETAIL" })),
        entry(18, json!({ "kind": "key", "name": "SECRET-NAME", "detail": "SECRET-DETAIL" })),
        entry(19, json!({ "kind": "turned", "code": "PLM-0401", "detail": "SECRET-DETAIL" })),
    ];
    let read = |(seq, body): (usize, Value)| {
        let text = body.to_string();
        let mut entry: plimsoll_core::Entry =
            serde_json::from_value(body).unwrap_or_else(|error| panic!("{error}: {text}"));
        if matches!(&entry.body, EntryBody::Gateway { event, .. } if event == "CONFIG") {
            let detail = "SECRET-DETAIL".to_owned();
            entry.body = EntryBody::Config { release: "sha256:cd".to_owned(), accepted: false, detail };
        }
        Numbered { seq: seq as u64, entry }
    };
    bodies.into_iter().enumerate().map(read).collect()
}

fn told() -> Vec<Told> {
    let mut acts = Acts::default();
    let mut told: Vec<Told> = entries().into_iter().flat_map(|entry| acts.push(entry)).collect();
    told.extend(acts.rest());
    told
}

fn batch(include: Include) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
    let source = source(include);
    let mut batch = Batch::default();
    told().iter().for_each(|told| batch.add(told, &source));
    let (traces, logs) = (batch.traces(&source).unwrap(), batch.logs(&source).unwrap());
    let list = |value: &Value| value.as_array().unwrap().clone();
    (
        list(&traces["resourceSpans"][0]["scopeSpans"][0]["spans"]),
        list(&logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"]),
        list(&traces["resourceSpans"][0]["resource"]["attributes"]),
    )
}

fn keys(of: &Value) -> BTreeSet<String> {
    let list = if of.is_array() { of } else { &of["attributes"] };
    list.as_array().unwrap().iter().map(|attribute| attribute["key"].as_str().unwrap().to_owned()).collect()
}

fn get<'v>(of: &'v Value, key: &str) -> &'v Value {
    let list = of["attributes"].as_array().unwrap();
    list.iter()
        .find(|attribute| attribute["key"] == key)
        .map_or(&Value::Null, |attribute| &attribute["value"])
}

#[test]
fn the_table_says_every_attribute_that_goes_out() {
    let (spans, logs, resource) = batch(ALL_OF_IT);
    let mut sent: BTreeSet<String> = keys(&Value::Array(resource));
    for one in spans.iter().chain(&logs) {
        sent.extend(keys(one));
    }
    let table: BTreeSet<String> = ALL.iter().map(|attribute| attribute.name.to_owned()).collect();
    assert_eq!(sent, table);
}

#[test]
fn nothing_sensitive_goes_out_unasked() {
    let (spans, logs, _) = batch(Include::default());
    let plain: BTreeSet<&str> = ALL
        .iter()
        .filter(|attribute| attribute.goes == Goes::Always)
        .map(|attribute| attribute.name)
        .collect();
    for one in spans.iter().chain(&logs) {
        assert!(keys(one).iter().all(|key| plain.contains(key.as_str())), "{one}");
    }
    let events: Vec<Value> =
        told().iter().filter_map(|told| ocsf::event(told, &source(Include::default()))).collect();
    for text in [json!([spans, logs]).to_string(), json!(events).to_string()] {
        for word in ["SECRET", "key:ada", "bo@example.com", "rosa"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}

#[test]
fn an_act_is_one_span_in_the_trace_of_its_session() {
    let (spans, logs, _) = batch(ALL_OF_IT);
    let lines: Vec<String> = spans
        .iter()
        .map(|span| {
            let text = |key: &str| get(span, key)["stringValue"].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", span["name"].as_str().unwrap(), span["kind"], text("plimsoll.outcome.status"))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "chat claude-x 3 done",
            "propose desk.get_order 1 done",
            "tools/call get_order 3 done",
            "tools/call delete_customer 3 ambiguous",
            "tools/call list_mail 3 failed",
            "tools/call send_mail 3 in_doubt"
        ]
    );
    let chat = &spans[0];
    assert_eq!(chat["startTimeUnixNano"], "1795255201000000000");
    assert_eq!(chat["endTimeUnixNano"], "1795255202000000000");
    assert_eq!(get(chat, "gen_ai.provider.name"), &json!({ "stringValue": "anthropic" }));
    assert_eq!(get(chat, "gen_ai.usage.input_tokens"), &json!({ "intValue": "11" }));
    assert_eq!(spans[2]["parentSpanId"], spans[1]["spanId"], "the call follows from what the model proposed");
    assert_eq!(spans[3]["status"]["code"], 2);
    assert_eq!(spans[4]["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736", "the caller's own trace");
    assert!(spans[..4].iter().all(|span| span["traceId"] == chat["traceId"]));
    for span in &spans {
        assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
        assert_eq!(span["spanId"].as_str().unwrap().len(), 16);
    }
    let events: Vec<&str> = logs.iter().map(|log| log["eventName"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "plimsoll.gateway",
            "plimsoll.outcome",
            "plimsoll.decision",
            "plimsoll.decision",
            "plimsoll.approval",
            "plimsoll.stop",
            "plimsoll.config",
            "plimsoll.key",
            "plimsoll.turned"
        ]
    );
    assert_eq!(logs[2]["severityText"], "WARN");
    assert!(logs[2]["body"]["stringValue"].as_str().unwrap().starts_with("refuse desk.pay: "));
}

/// What the schema requires, from `ocsf/ocsf-schema`, the events and objects that are used here.
const REQUIRED: &[(u64, &[&str])] = &[
    (6003, &["actor", "api.operation", "src_endpoint.svc_name"]),
    (6002, &["app.name"]),
    (3004, &["entity.name"]),
];
const BASE: &[&str] = &[
    "activity_id",
    "category_uid",
    "class_uid",
    "metadata.version",
    "metadata.product.name",
    "severity_id",
    "time",
    "type_uid",
    "actor.app_name",
];

#[test]
fn every_event_has_what_the_schema_requires() {
    for include in [Include::default(), ALL_OF_IT] {
        for event in told().iter().filter_map(|told| ocsf::event(told, &source(include))) {
            let has = |path: &&&str| {
                !event.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null).is_null()
            };
            let class = event["class_uid"].as_u64().unwrap();
            let own = REQUIRED
                .iter()
                .find(|(known, _)| *known == class)
                .unwrap_or_else(|| panic!("class {class}"))
                .1;
            let missing: Vec<&&str> = BASE.iter().chain(own).filter(|path| !has(path)).collect();
            assert!(missing.is_empty(), "{missing:?} in {event}");
            assert_eq!(
                event["type_uid"].as_u64().unwrap(),
                class * 100 + event["activity_id"].as_u64().unwrap()
            );
            assert_eq!(event["category_uid"].as_u64().unwrap(), class / 1000);
            assert!(event["time"].as_i64().unwrap() > 1_700_000_000_000, "milliseconds");
            if !event["ai_model"].is_null() {
                assert!(
                    has(&&"ai_model.name")
                        && has(&&"ai_model.ai_provider")
                        && has(&&"message_context.service.name")
                );
            }
            if !event["trace"]["span"].is_null() {
                assert!(
                    has(&&"trace.uid")
                        && has(&&"trace.span.uid")
                        && has(&&"trace.span.start_time")
                        && has(&&"trace.span.end_time")
                );
            }
        }
    }
}

#[test]
fn the_table_of_events_is_what_happens() {
    let line = |event: &Value| {
        let of = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
        format!(
            "{} {} | {} | {} {}",
            event["class_uid"],
            event["activity_id"],
            of("activity_name"),
            of("disposition"),
            of("status")
        )
    };
    let lines: Vec<String> =
        told().iter().filter_map(|told| ocsf::event(told, &source(ALL_OF_IT))).map(|e| line(&e)).collect();
    assert_eq!(
        lines,
        [
            "6002 3 | Start | - -",
            "6003 99 | Converse | Allowed Success",
            "6003 2 | Read | Allowed Success",
            "6003 4 | Delete | Approved Unknown",
            "6003 3 | Update | - Success",
            "6003 99 | external | Blocked Failure",
            "6003 99 | external | Delayed Failure",
            "3004 1 | Create | - -",
            "6003 2 | Read | Allowed Failure",
            "3004 8 | Enable | - -",
            "3004 3 | Update | - -",
            "3004 3 | Update | - -",
            "6003 99 | Request | Rejected Failure",
            "6003 99 | egress | Allowed Unknown",
        ]
    );
    for line in &lines {
        let (numbers, rest) = line.split_once(" | ").unwrap();
        let (class, activity) = numbers.split_once(' ').unwrap();
        let name = rest.split(" | ").next().unwrap();
        let known = ocsf::TABLE.iter().any(|(_, c, a, _)| {
            let says = a.contains(&format!("{name} ({activity})"))
                || *a == "the effect (99)" && activity == "99"
                || *a == "as above";
            c.contains(&format!("({class})")) && says
        });
        assert!(known, "no row for {line}");
    }
}

#[test]
fn a_line_is_the_entry_with_its_number() {
    // The release that a config entry names hides that of its header.
    for numbered in
        entries().into_iter().filter(|entry| !matches!(entry.entry.body, EntryBody::Config { .. }))
    {
        let line = jsonl(&numbered);
        assert_eq!(line["seq"], numbered.seq);
        let mut entry = line;
        entry.as_object_mut().unwrap().remove("seq");
        assert_eq!(serde_json::from_value::<plimsoll_core::Entry>(entry).unwrap(), numbered.entry);
    }
}

#[test]
fn acts_that_never_end_are_bounded() {
    let mut acts = Acts::default();
    let template = entries().remove(1);
    let mut told = 0;
    for n in 0..=crate::OPEN_ACTS_MAX {
        let mut next = template.clone();
        if let EntryBody::Intent(judged) = &mut next.entry.body {
            judged.act.id = plimsoll_core::ActId(uuid::Uuid::from_u128(n as u128));
        }
        told += acts.push(next).len();
    }
    assert_eq!((told, acts.rest().len()), (1, crate::OPEN_ACTS_MAX));
}
