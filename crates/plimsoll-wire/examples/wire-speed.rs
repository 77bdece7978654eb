//! How long the strict reader takes: nanoseconds a body, best of many batches, beside `serde_json`.
//!
//! `cargo run --release -p plimsoll-wire --example wire-speed`. The clock of a shared machine is only an impression; the
//! ratio to `serde_json` in the same run is worth more.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::hint::black_box;
use std::time::Instant;

use plimsoll_wire::json::{Limits, Reader, parse};
use plimsoll_wire::llm::Dialect;
use plimsoll_wire::sse;

fn main() {
    for (name, body) in [
        ("1 KB chat", body(1, 900)),
        ("32 KB chat", body(40, 780)),
        ("32 KB, one text", body(1, 32_000)),
        ("49 KB tools", tools()),
    ] {
        let mut reader = Reader::default();
        let ours = best(|| {
            black_box(reader.read(black_box(body.as_bytes()), &Limits::DEFAULT).is_ok());
        });
        let parsed = parse(&body, &Limits::DEFAULT).unwrap();
        let request = best(|| drop(black_box(Dialect::Chat.read_request(black_box(parsed.doc())))));
        let serde =
            best(|| drop(black_box(serde_json::from_slice::<serde_json::Value>(black_box(body.as_bytes())))));
        println!(
            "{name:16} {:6} bytes: strict parse {ours:6} ns, read_request {request:6} ns, serde_json::Value {serde:6} ns",
            body.len()
        );
    }
    let chunk = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt","choices":[{"index":0,"delta":{"content":" hello"},"finish_reason":null}]}"#;
    let bytes = sse::write(None, chunk.as_bytes());
    let mut events = sse::Reader::default();
    let mut stream = Dialect::Chat.stream();
    let step = best(|| {
        events.push(&bytes);
        let event = events.next_event().unwrap().unwrap();
        drop(black_box(stream.push(event).unwrap()));
    });
    println!("chat text chunk: sse + parse + judge {step} ns");
}

fn best(mut work: impl FnMut()) -> u128 {
    let batch = |work: &mut dyn FnMut()| {
        let begin = Instant::now();
        (0..200).for_each(|_| work());
        begin.elapsed().as_nanos() / 200
    };
    (0..60).map(|_| batch(&mut work)).min().unwrap_or(0)
}

fn body(messages: usize, length: usize) -> String {
    let text = "The quick brown fox said \\\"hello\\\" and went on;\\n then it came back to the river bank and waited there. ";
    let text = &text.repeat(length / text.len() + 1)[..length / text.len() * text.len()];
    let list: Vec<String> =
        (0..messages).map(|_| format!("{{\"role\":\"user\",\"content\":\"{text}\"}}")).collect();
    format!("{{\"model\":\"gpt\",\"stream\":false,\"temperature\":0.7,\"messages\":[{}]}}", list.join(","))
}

fn tools() -> String {
    let property = |n: usize| {
        format!(
            "\"property_{n}\":{{\"type\":\"string\",\"description\":\"What the caller wants in field {n}\",\"maxLength\":100}}"
        )
    };
    let properties: Vec<String> = (0..30).map(property).collect();
    let tool = |n: usize| {
        format!(
            "{{\"type\":\"function\",\"function\":{{\"name\":\"tool_{n}\",\"description\":\"Does things\",\"parameters\":{{\"type\":\"object\",\"properties\":{{{}}}}}}}}}",
            properties.join(",")
        )
    };
    let tools: Vec<String> = (0..15).map(tool).collect();
    format!("{{\"model\":\"gpt\",\"messages\":[],\"tools\":[{}]}}", tools.join(","))
}
