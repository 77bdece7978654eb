//! What inspection costs: redacting clean text, and streaming it in small pieces. Prints the least of
//! many rounds, in microseconds; a busy machine's clock gives an impression, not a measurement.
//! `cargo run --release -p plimsoll-inspect --example inspect_cost`
#![expect(clippy::print_stdout, reason = "an example talks to its terminal")]

use std::hint::black_box;
use std::time::Instant;

use plimsoll_core::{
    ArgumentRole, Digest, Effect, Integrity, Label, Meaning, Output, Span, SpanKind, ToolName,
};
use plimsoll_inspect::{Prepared, Redactor, StreamRedactor, TracedSpan, trace};
use serde_json::{Value, json};

const PROSE: &str = "The customer wrote on 2026-06-13 that order 48213 arrived late; she asks for a refund of 12.00 euro \
    and would like the remaining items sent to ada@example.com. See https://shop.example/orders/48213 for the \
    record, and keep the secretary informed. ";

fn main() {
    let none = Redactor::new(&[]);
    let secrets: Vec<(String, String)> =
        (0..8).map(|i| (format!("s{i}"), format!("q{i}Zr8vKp2mWx7Lt4Nc9Hy5Jd{i}"))).collect();
    let known: Vec<(&str, &str)> = secrets.iter().map(|(n, s)| (n.as_str(), s.as_str())).collect();
    let eight = Redactor::new(&known);
    for (name, text) in [("prose", PROSE), ("no digits", "lorem ipsum dolor sit amet ")] {
        for size in [1024, 32 * 1024] {
            let text: String = text.chars().cycle().take(size).collect();
            report(&format!("redact {name}, {size} B"), || none.redact(&text).len());
            report(&format!("redact {name}, {size} B, 8 known secrets"), || eight.redact(&text).len());
        }
    }
    let text: String = PROSE.chars().cycle().take(32 * 1024).collect();
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    report(&format!("stream {} words of 32 KiB", words.len()), || {
        let mut stream = StreamRedactor::new(&eight);
        words.iter().map(|word| stream.push(word).len()).sum::<usize>() + stream.finish().len()
    });
    tracing(&eight);
}

/// 24 values over 200 KiB: one user message, nine results of prose and ten of JSON.
fn tracing(redactor: &Redactor) {
    let prose: String = PROSE.chars().cycle().take(10 * 1024).collect();
    let record = r#"{"order_id": 48213, "customer": "Ada", "mail": "ada@example.com", "total": 49.90, "lines": [1, 2]}, "#;
    let json: String = format!("[{} 0]", record.repeat(100));
    let texts: Vec<&str> = (0..20).map(|i| if i < 10 { prose.as_str() } else { json.as_str() }).collect();
    let spans: Vec<Span> = (0..20).map(span).collect();
    let traced: Vec<TracedSpan<'_>> = spans
        .iter()
        .zip(&texts)
        .map(|(span, text)| TracedSpan { span, text, output: None, call: None })
        .collect();
    let values: Vec<Value> = (0..24)
        .map(|i| match i % 4 {
            0 => json!(format!("person{i}@elsewhere.example")),
            1 => json!(format!("ORD-{}", 90_000 + i)),
            2 => json!(format!("https://www.shop{i}.example/orders/{i}")),
            _ => json!("ada@example.com"),
        })
        .collect();
    let arguments = json!({ "to": values });
    let meaning = Meaning {
        tool: ToolName::new("crm", "tell"),
        effect: Effect::External,
        roles: [("/to".to_owned(), ArgumentRole::Identifier)].into(),
        verbs: Vec::new(),
        output: Output::default(),
    };
    let total: usize = texts.iter().map(|t| t.len()).sum();
    report(&format!("prepare {total} B"), || Prepared::new(&traced).len());
    report("prepare and trace 24 values", || {
        trace(&Prepared::new(&traced), &arguments, Some(&meaning), redactor).origins.len()
    });
    let prepared = Prepared::new(&traced);
    report("trace 24 values, prepared", || {
        trace(&prepared, &arguments, Some(&meaning), redactor).origins.len()
    });
}

fn span(index: u32) -> Span {
    let (kind, integrity) =
        if index == 0 { (SpanKind::User, Integrity::User) } else { (SpanKind::Result, Integrity::Untrusted) };
    Span {
        index,
        kind,
        address: Digest::of(b""),
        label: Label::of(integrity),
        source: "tool:crm.get_order".to_owned(),
        bytes: 0,
        mark: None,
        preview: None,
    }
}

fn report(what: &str, mut work: impl FnMut() -> usize) {
    let mut best = f64::MAX;
    for _ in 0..300 {
        let start = Instant::now();
        black_box(work());
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{:>9.1} us  {what}", best * 1e6);
}
