//! What inspection costs: redacting clean text, streaming it in small pieces, tracing an act. Prints the
//! least and the 99th percentile of many rounds; a busy machine's clock gives an impression, not a
//! measurement.
//! `cargo run --release -p plimsoll-inspect --example inspect_cost`
#![expect(clippy::print_stdout, reason = "an example talks to its terminal")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use plimsoll_core::{
    ArgumentRole, Digest, Effect, Integrity, Label, Meaning, Output, Span, SpanKind, ToolName,
};
use plimsoll_inspect::{Prepared, PreparedText, Redactor, StreamRedactor, TracedSpan, trace};
use serde_json::{Value, json};

const ROUNDS: usize = 500;

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

/// A session of 200 KiB: one user message, nine results of prose and ten of JSON with declared fields. What a turn pays:
/// texts it has not seen are prepared, records are read where a value is hit, then the act's values are looked for.
fn tracing(redactor: &Redactor) {
    let prose: String = PROSE.chars().cycle().take(10 * 1024).collect();
    let records = |page: usize| {
        let record = |i: usize| {
            let id = 40_000 + page * 100 + i;
            json!({ "order_id": id, "customer": format!("Customer {id}"), "mail": format!("c{id}@example.com"), "total": 49.9 })
        };
        Value::from((0..115).map(record).collect::<Vec<_>>()).to_string()
    };
    let ask = "Please refund order 40950 of Customer 41042 and tell them at ada@example.com.";
    let texts: Vec<String> = (0..20)
        .map(|i| match i {
            0 => ask.to_owned(),
            1..10 => prose.clone(),
            _ => records(i),
        })
        .collect();
    let output = Output {
        trusted: ["order_id".to_owned()].into(),
        named_by: ["customer".to_owned()].into(),
        lends: [("order_id".to_owned(), "order_id".to_owned())].into(),
        ..Output::default()
    };
    let spans: Vec<Span> = (0..20).map(span).collect();
    let traced: Vec<TracedSpan<'_>> = spans
        .iter()
        .zip(&texts)
        .map(|(span, text)| TracedSpan {
            span,
            text,
            output: (span.index > 9).then_some(&output),
            call: None,
        })
        .collect();
    let meaning = Meaning {
        tool: ToolName::new("shop", "refund_order"),
        effect: Effect::External,
        roles: [
            ("/order_id".to_owned(), ArgumentRole::Identifier),
            ("/amount".to_owned(), ArgumentRole::Amount),
            ("/to".to_owned(), ArgumentRole::Recipient),
            ("/ids".to_owned(), ArgumentRole::Identifier),
            ("/note".to_owned(), ArgumentRole::Content),
        ]
        .into(),
        verbs: Vec::new(),
        output: Output::default(),
    };
    let act = json!({ "order_id": 41_042, "amount": 49.9, "to": "c41042@example.com", "note": "Your refund is on its way." });
    let values: Vec<Value> = (0..24)
        .map(|i| match i % 4 {
            0 => json!(format!("person{i}@elsewhere.example")),
            1 => json!(format!("ORD-{}", 90_000 + i)),
            2 => json!(format!("https://www.shop{i}.example/orders/{i}")),
            _ => json!("ada@example.com"),
        })
        .collect();
    let many = json!({ "ids": values });
    let run = |prepared: &Prepared<'_>, arguments: &Value| {
        trace(prepared, arguments, Some(&meaning), redactor).origins.len()
    };
    let total: usize = texts.iter().map(String::len).sum();
    report(&format!("prepare {total} B"), || Prepared::new(&traced).len());
    report("prepare everything, trace an act of 4 values", || run(&Prepared::new(&traced), &act));
    let known: Vec<Arc<PreparedText>> = texts.iter().map(|text| Arc::new(PreparedText::new(text))).collect();
    let kept = || Prepared::with(&traced, |traced| Arc::clone(&known[traced.span.index as usize]));
    report("a turn with kept texts: trace an act of 4 values", || run(&kept(), &act));
    report("a turn with kept texts: trace 24 values", || run(&kept(), &many));
    let prepared = kept();
    report("one more act of 4 values in the same answer", || run(&prepared, &act));
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
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{:>9.1} us, p99 {:>9.1} us  {what}", rounds[0], rounds[ROUNDS * 99 / 100]);
}
