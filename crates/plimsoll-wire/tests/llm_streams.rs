//! Streams: text flows untouched, refused calls never show, allowed calls come out as they came, broken ones not at all.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use plimsoll_wire::llm::{Dialect, ErrorBody, Out, Stream, Verdict};
use plimsoll_wire::sse::{self, Event};
use proptest::prelude::*;

const ERROR: ErrorBody<'_> = ErrorBody { status: 502, code: "PLM-0001", message: "cut", request_id: "r" };
const NO: &str = "Refused: \"no\".";

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    calls: Vec<(String, String)>,
    texts: String,
    error: Option<String>,
    ended: bool,
}

impl Seen {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    fn data(&self) -> Vec<serde_json::Value> {
        let events = read(&[&self.bytes]).into_iter().filter_map(|event| event.data);
        events
            .filter(|data| &data[..] != b"[DONE]")
            .map(|data| serde_json::from_slice(&data).unwrap())
            .collect()
    }

    fn take(&mut self, stream: &mut Stream, out: Vec<Out>) {
        let mut verdicts = Vec::new();
        for out in out {
            match out {
                Out::Forward(bytes) => self.bytes.extend_from_slice(&bytes),
                Out::Text(event) => {
                    let fresh = event.deltas.iter().filter(|delta| !delta.is_repeat);
                    fresh.for_each(|delta| self.texts.push_str(&delta.text));
                    let same: Vec<Option<&str>> = event.deltas.iter().map(|_| None).collect();
                    assert_eq!(event.with_texts(&same), event.bytes());
                    self.bytes.extend_from_slice(&event.bytes());
                }
                Out::Calls(calls) => {
                    for call in calls {
                        let refuse = call.name.starts_with("bad") || call.arguments.contains("SECRET");
                        verdicts.push(if refuse { Verdict::Refuse(NO.into()) } else { Verdict::Allow });
                        self.calls.push((call.name, call.arguments));
                    }
                }
            }
        }
        if !verdicts.is_empty() {
            let out = stream.resolve(&verdicts).unwrap();
            self.take(stream, out);
        }
    }
}

fn read(chunks: &[&[u8]]) -> Vec<Event> {
    let mut reader = sse::Reader::default();
    let mut events = Vec::new();
    for chunk in chunks {
        reader.push(chunk);
        while let Some(event) = reader.next_event().unwrap() {
            events.push(event);
        }
    }
    events
}

fn run(dialect: Dialect, chunks: &[&[u8]]) -> Seen {
    let mut stream = dialect.stream();
    let mut seen = Seen::default();
    for event in read(chunks) {
        match stream.push(event) {
            Ok(out) => seen.take(&mut stream, out),
            Err(error) => {
                seen.error = Some(error.to_string());
                break;
            }
        }
    }
    match stream.end(&ERROR) {
        Some(bytes) => seen.bytes.extend_from_slice(&bytes),
        None => seen.ended = true,
    }
    seen
}

fn chat_chunk(choice: usize, delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":{choice},\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

fn chat_call(choice: usize, index: usize, name: &str, pieces: &[&str]) -> Vec<String> {
    let start = format!(
        r#"{{"tool_calls":[{{"index":{index},"id":"c{index}","type":"function","function":{{"name":"{name}","arguments":""}}}}]}}"#
    );
    let rest = pieces.iter().map(|piece| {
        format!(
            r#"{{"tool_calls":[{{"index":{index},"function":{{"arguments":{}}}}}]}}"#,
            serde_json::to_string(piece).unwrap()
        )
    });
    std::iter::once(start).chain(rest).map(|delta| chat_chunk(choice, &delta, "null")).collect()
}

fn chat_stream(calls: &[(&str, &[&str])]) -> String {
    let mut events = vec![
        chat_chunk(0, r#"{"role":"assistant","content":"Hel"}"#, "null"),
        chat_chunk(0, r#"{"content":"lo"}"#, "null"),
    ];
    calls
        .iter()
        .enumerate()
        .for_each(|(index, (name, pieces))| events.extend(chat_call(0, index, name, pieces)));
    events.push(chat_chunk(0, "{}", if calls.is_empty() { "\"stop\"" } else { "\"tool_calls\"" }));
    events.push(
        "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"
            .into(),
    );
    events.push("data: [DONE]\n\n".into());
    events.concat()
}

fn messages_event(data: &str) -> String {
    let kind = serde_json::from_str::<serde_json::Value>(data).unwrap()["type"].as_str().unwrap().to_owned();
    format!("event: {kind}\ndata: {data}\n\n")
}

fn messages_stream(calls: &[(&str, &[&str])]) -> String {
    let mut events = vec![
        r#"{"type":"message_start","message":{"id":"msg","model":"m","content":[],"usage":{"input_tokens":3}}}"#.to_owned(),
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#.to_owned(),
        r#"{"type":"ping"}"#.to_owned(),
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#.to_owned(),
        r#"{"type":"content_block_stop","index":0}"#.to_owned(),
    ];
    for (at, (name, pieces)) in calls.iter().enumerate() {
        let index = at + 1;
        events.push(format!(r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"tool_use","id":"t{at}","name":"{name}","input":{{}}}}}}"#));
        events.extend(pieces.iter().map(|piece| {
            let piece = serde_json::to_string(piece).unwrap();
            format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"input_json_delta","partial_json":{piece}}}}}"#)
        }));
        events.push(format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
    }
    let reason = if calls.is_empty() { "end_turn" } else { "tool_use" };
    events.push(format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}},"usage":{{"output_tokens":8}}}}"#
    ));
    events.push(r#"{"type":"message_stop"}"#.to_owned());
    events.iter().map(|data| messages_event(data)).collect()
}

fn responses_stream(calls: &[(&str, &[&str])]) -> String {
    let message = r#"{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[]}]}"#;
    let mut events = vec![
        r#""type":"response.created","response":{"id":"resp","model":"m","output":[]}"#.to_owned(),
        r#""type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}"#.to_owned(),
        r#""type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hello""#.to_owned(),
        r#""type":"response.output_text.done","item_id":"msg_1","output_index":0,"content_index":0,"text":"Hello""#.to_owned(),
        format!(r#""type":"response.output_item.done","output_index":0,"item":{message}"#),
    ];
    let mut output = vec![message.to_owned()];
    for (at, (name, pieces)) in calls.iter().enumerate() {
        let place = at + 1;
        let whole = serde_json::to_string(&pieces.concat()).unwrap();
        let item = |arguments: &str, status: &str| {
            format!(
                r#"{{"type":"function_call","id":"fc_{at}","call_id":"c{at}","name":"{name}","arguments":{arguments},"status":"{status}"}}"#
            )
        };
        events.push(format!(
            r#""type":"response.output_item.added","output_index":{place},"item":{}"#,
            item("\"\"", "in_progress")
        ));
        events.extend(pieces.iter().map(|piece| {
            let piece = serde_json::to_string(piece).unwrap();
            format!(r#""type":"response.function_call_arguments.delta","item_id":"fc_{at}","output_index":{place},"delta":{piece}"#)
        }));
        events.push(format!(r#""type":"response.function_call_arguments.done","item_id":"fc_{at}","output_index":{place},"arguments":{whole}"#));
        events.push(format!(
            r#""type":"response.output_item.done","output_index":{place},"item":{}"#,
            item(&whole, "completed")
        ));
        output.push(item(&whole, "completed"));
    }
    let usage = r#""usage":{"input_tokens":3,"output_tokens":4}"#;
    events.push(format!(
        r#""type":"response.completed","response":{{"id":"resp","model":"m","status":"completed","output":[{}],{usage}}}"#,
        output.join(",")
    ));
    let number =
        |(n, rest): (usize, &String)| messages_event(&format!(r#"{{{rest},"sequence_number":{n}}}"#));
    events.iter().enumerate().map(number).collect()
}

fn stream_of(dialect: Dialect, calls: &[(&str, &[&str])]) -> String {
    match dialect {
        Dialect::Chat => chat_stream(calls),
        Dialect::Responses => responses_stream(calls),
        Dialect::Messages => messages_stream(calls),
    }
}

const ALL: [Dialect; 3] = [Dialect::Chat, Dialect::Responses, Dialect::Messages];

#[test]
fn text_and_allowed_calls_pass_untouched() {
    for dialect in ALL {
        for calls in
            [&[][..], &[("good", &["{\"a\":", "1}"][..])], &[("good", &["{}"]), ("fine", &["{\"b\"", ":2}"])]]
        {
            let text = stream_of(dialect, calls);
            let seen = run(dialect, &[text.as_bytes()]);
            assert_eq!(seen.text(), text);
            assert!(seen.ended && seen.error.is_none());
            assert_eq!(seen.texts, "Hello");
            let expected: Vec<(String, String)> =
                calls.iter().map(|(name, pieces)| (name.to_string(), pieces.concat())).collect();
            assert_eq!(seen.calls, expected, "{dialect:?}");
        }
    }
}

#[test]
fn text_goes_out_before_anything_else_comes() {
    for dialect in ALL {
        let events = read(&[stream_of(dialect, &[("good", &["{}"])]).as_bytes()]);
        let mut stream = dialect.stream();
        for event in events {
            let is_text = event.data.as_ref().is_some_and(|data| data.windows(3).any(|it| it == b"Hel"));
            let out = stream.push(event.clone()).unwrap();
            if is_text && !stream.is_holding() {
                assert!(
                    matches!(&out[..], [Out::Text(text)] if text.bytes() == event.bytes),
                    "{dialect:?} {out:?}"
                );
            }
        }
    }
}

#[test]
fn a_refused_call_becomes_text() {
    insta::assert_snapshot!(
        "chat",
        run(Dialect::Chat, &[chat_stream(&[("bad", &["{\"a\":", "1}"])]).as_bytes()]).text()
    );
    insta::assert_snapshot!(
        "messages",
        run(Dialect::Messages, &[messages_stream(&[("bad", &["{}"])]).as_bytes()]).text()
    );
    insta::assert_snapshot!(
        "responses",
        run(Dialect::Responses, &[responses_stream(&[("bad", &["{}"]), ("good", &["{}"])]).as_bytes()])
            .text()
    );
    insta::assert_snapshot!(
        "chat_first_of_two",
        run(Dialect::Chat, &[chat_stream(&[("bad", &["{}"]), ("good", &["{}"])]).as_bytes()]).text()
    );
}

#[test]
fn sequence_numbers_and_the_final_output_stay_in_step() {
    let text = responses_stream(&[
        ("good", &["{}"]),
        ("bad", &["{", "}"]),
        ("bad2", &["{", " ", " ", " ", "}"]),
        ("fine", &["{}"]),
    ]);
    let seen = run(Dialect::Responses, &[text.as_bytes()]);
    let data = seen.data();
    let numbers: Vec<u64> = data.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..data.len() as u64).collect::<Vec<_>>());
    let shown: Vec<_> = data
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| event["item"].clone())
        .collect();
    assert_eq!(data.last().unwrap()["response"]["output"], serde_json::Value::from(shown));
}

#[test]
fn a_held_call_never_survives_a_broken_stream() {
    for dialect in ALL {
        let text = stream_of(dialect, &[("canary", &["{\"a\":", "1}"])]);
        let events = read(&[text.as_bytes()]);
        let first = events.iter().position(|event| event.bytes.windows(6).any(|it| it == b"canary")).unwrap();
        let last = match dialect {
            Dialect::Chat => events.len() - 3,
            Dialect::Responses => events.len() - 2,
            Dialect::Messages => events.len() - 3,
        };
        for cut in first + 1..=last {
            let bytes: Vec<u8> = events[..cut].iter().flat_map(|event| event.bytes.to_vec()).collect();
            let seen = run(dialect, &[&bytes]);
            let text = seen.text();
            assert!(!text.contains("canary") && !text.contains("[DONE]"), "{dialect:?} {cut} {text}");
            assert!(text.ends_with("}\n\n") && text.contains("PLM-0001"), "{dialect:?} {text}");
        }
    }
}

#[test]
fn two_readings_of_one_call_stop_the_stream() {
    let stops = |dialect: Dialect, events: &[String]| {
        let seen = run(dialect, &[events.concat().as_bytes()]);
        assert!(!seen.text().contains("SECRET"), "{}", seen.text());
        seen.error.clone().unwrap_or_else(|| panic!("{}", seen.text()))
    };
    let mut twice = chat_call(0, 0, "good", &["{}"]);
    twice.extend(chat_call(0, 0, "SECRET", &["{}"]));
    assert_eq!(stops(Dialect::Chat, &twice), "the stream is ambiguous: a call is named twice");
    let mut late = vec![chat_chunk(0, "{}", "\"stop\"")];
    late.extend(chat_call(0, 0, "SECRET", &[]));
    assert_eq!(
        stops(Dialect::Chat, &late),
        "the stream is ambiguous: a call goes on after its choice has ended"
    );
    let as_object = [chat_chunk(0, r#"{"tool_calls":{"0":{"function":{"name":"SECRET"}}}}"#, "null")];
    assert_eq!(stops(Dialect::Chat, &as_object), "$.choices[0].delta.tool_calls must be an array");
    let half = [chat_chunk(0, r#"{"tool_calls":[{"index":0.5,"function":{"name":"SECRET"}}]}"#, "null")];
    assert_eq!(stops(Dialect::Chat, &half), "$.choices[0].delta.tool_calls[0].index must be a whole number");
    let closed = [messages_stream(&[("good", &["{}"])]).replace(
        "event: message_delta",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"SECRET\"}}\n\nevent: message_delta",
    )];
    assert_eq!(
        stops(Dialect::Messages, &closed),
        "the stream is ambiguous: a delta belongs to no open block"
    );
    let duplicate = [String::from(
        "data: {\"choices\":[],\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"SECRET\"}}]}}]}\n\n",
    )];
    assert!(stops(Dialect::Chat, &duplicate).starts_with("this key appears twice"));
}

#[test]
fn copies_of_a_call_must_agree() {
    let good = responses_stream(&[("good", &["{}"])]);
    let changed = |from: &str, to: &str| run(Dialect::Responses, &[good.replacen(from, to, 1).as_bytes()]);
    let done = changed(r#""output_index":1,"arguments":"{}""#, r#""output_index":1,"arguments":"{SECRET}""#);
    assert!(done.error.is_some() && !done.text().contains("SECRET"));
    let item = changed(
        r#""arguments":"{}","status":"completed"}"#,
        r#""arguments":"{SECRET}","status":"completed"}"#,
    );
    assert!(item.error.is_some() && !item.text().contains("SECRET"));
    let (head, tail) = good.split_at(good.find("event: response.completed").unwrap());
    let last = run(Dialect::Responses, &[head.as_bytes(), tail.replace("\"{}\"", "\"{SECRET}\"").as_bytes()]);
    assert_eq!(last.calls.last().unwrap().1, "{SECRET}");
    assert!(last.ended && !last.text().contains("SECRET"), "{}", last.text());
    let named = changed("event: response.output_text.delta", "event: response.other");
    assert!(named.error.unwrap().contains("name and its type differ"));
}

#[test]
fn several_choices_and_interleaved_calls() {
    let (a, b) = (chat_call(0, 0, "good", &["{\"a\"", ":1}"]), chat_call(0, 1, "bad", &["{\"b\"", ":2}"]));
    let c = chat_call(1, 0, "fine", &["{}"]);
    let mut events = Vec::new();
    (0..3).for_each(|n| events.extend([a[n].clone(), b[n].clone()]));
    events.push(chat_chunk(2, r#"{"content":"meanwhile"}"#, "null"));
    events.extend(c);
    events.push(chat_chunk(0, "{}", "\"tool_calls\""));
    events.push(chat_chunk(1, "{}", "\"tool_calls\""));
    events.push("data: [DONE]\n\n".into());
    let seen = run(Dialect::Chat, &[events.concat().as_bytes()]);
    assert_eq!(
        seen.calls,
        [("good", "{\"a\":1}"), ("bad", "{\"b\":2}"), ("fine", "{}")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let text = seen.text();
    assert!(text.starts_with(&events[6]) && text.contains(&a[1]) && !text.contains("bad"));
    assert!(text.contains(&events[events.len() - 3]) && text.ends_with("data: [DONE]\n\n"));
}

#[test]
fn redacted_text_replaces_only_the_text() {
    let event = read(&[chat_chunk(0, r#"{"content":"pa\u0073s: hunter2"}"#, "null").as_bytes()]).remove(0);
    let out = Dialect::Chat.stream().push(event).unwrap();
    let [Out::Text(text)] = &out[..] else { panic!("{out:?}") };
    assert_eq!(text.deltas[0].text, "pass: hunter2");
    assert_eq!(
        text.with_texts(&[Some("pass: \"…\"")]),
        chat_chunk(0, "{\"content\":\"pass: \\\"…\\\"\"}", "null")
    );
}

#[test]
fn our_own_streams_read_back() {
    for dialect in ALL {
        let text = dialect.render_answer_stream("1", "m", 7, "Hello");
        let seen = run(dialect, &[&text]);
        assert_eq!((seen.texts.as_str(), seen.ended), ("Hello", true));
        assert_eq!(seen.bytes, text);
    }
}

proptest! {
    #[test]
    fn however_chunked_what_is_refused_never_shows(
        which in 0usize..3,
        calls in prop::collection::vec((any::<bool>(), prop::collection::vec("[a-z\"\\\\{]{0,5}", 0..4)), 0..5),
        size in 1usize..200,
    ) {
        let dialect = ALL[which];
        let named: Vec<(String, Vec<String>)> = calls.iter().enumerate().map(|(n, (refused, pieces))| {
            let name = if *refused { format!("bad{n}") } else { format!("good{n}") };
            let mut pieces = pieces.clone();
            if *refused { pieces.push("SECRET".into()); }
            (name, pieces)
        }).collect();
        let pieces: Vec<Vec<&str>> = named.iter().map(|(_, pieces)| pieces.iter().map(String::as_str).collect()).collect();
        let table: Vec<(&str, &[&str])> = named.iter().zip(&pieces).map(|((name, _), pieces)| (name.as_str(), pieces.as_slice())).collect();
        let text = stream_of(dialect, &table);
        let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        let seen = run(dialect, &chunks);
        let out = seen.text();
        prop_assert!(seen.error.is_none() && seen.ended, "{:?}", seen.error);
        prop_assert!(!out.contains("SECRET") && !out.contains("bad"), "{}", out);
        prop_assert_eq!(seen.calls.len(), calls.len());
        let refused = calls.iter().filter(|(refused, _)| *refused).count();
        if refused == 0 { prop_assert_eq!(&out, &text); }
        prop_assert_eq!(out.contains("Refused"), refused > 0);
        for event in read(&[text.as_bytes()]) {
            let bytes = std::str::from_utf8(&event.bytes).unwrap();
            let name = named.iter().find(|(name, _)| name.starts_with("good") && bytes.contains(name.as_str()));
            if name.is_some() && dialect == Dialect::Messages { prop_assert!(out.contains(bytes)); }
        }
        for (_, arguments) in seen.calls.iter().filter(|(name, _)| name.starts_with("good")) {
            prop_assert!(!arguments.contains("SECRET"));
        }
    }
}
