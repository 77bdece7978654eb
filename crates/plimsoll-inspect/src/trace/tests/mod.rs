//! Cases as lines: the pitfalls met when this rule was first tried, one table each; then the laws.

use plimsoll_core::{Digest, Label};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::redact::PLAIN;

mod laws;
mod lending;
mod pitfalls;
mod records;
mod scene;
mod times;
mod types;

/// A span of this kind and integrity.
fn span(index: u32, kind: SpanKind, integrity: Integrity, source: &str) -> Span {
    Span {
        index,
        kind,
        address: Digest::of(b""),
        label: Label::of(integrity),
        source: source.to_owned(),
        bytes: 0,
        mark: None,
        preview: None,
    }
}

fn run(
    texts: &[(SpanKind, Integrity, &str)],
    arguments: &Value,
    role: impl Fn(&str) -> Option<ArgumentRole>,
) -> Vec<ArgumentOrigin> {
    let spans: Vec<Span> = (0..)
        .zip(texts)
        .map(|(i, (kind, integrity, _))| span(i, *kind, *integrity, "tool:crm.get_order"))
        .collect();
    let traced: Vec<TracedSpan<'_>> = spans
        .iter()
        .zip(texts)
        .map(|(span, (_, _, text))| TracedSpan { span, text, output: None, call: None })
        .collect();
    trace_by(&Prepared::new(&traced), arguments, None, role, &PLAIN)
}

/// What one span of the user says about one value: `whole`, `part` or `none`.
fn in_user(text: &str, argument: &str, value: impl Into<Value>, role: ArgumentRole) -> &'static str {
    verdict(SpanKind::User, text, argument, value.into(), role)
}

fn in_result(text: &str, argument: &str, value: impl Into<Value>, role: ArgumentRole) -> &'static str {
    verdict(SpanKind::Result, text, argument, value.into(), role)
}

fn verdict(kind: SpanKind, text: &str, argument: &str, value: Value, role: ArgumentRole) -> &'static str {
    let mut arguments = serde_json::Map::new();
    arguments.insert(argument.to_owned(), value);
    let origins = run(&[(kind, Integrity::User, text)], &Value::Object(arguments), |_| Some(role));
    let origin = &origins[0];
    assert_eq!(origin.unknown, origin.found.is_empty());
    match origin.found.first() {
        Some(found) => {
            assert_eq!(origin.integrity == Integrity::User, found.whole);
            if found.whole { "whole" } else { "part" }
        }
        None => "none",
    }
}

#[test]
fn who_grants() {
    let all = [
        (SpanKind::System, Integrity::Operator, "bcc audit@example.com"),
        (SpanKind::User, Integrity::User, "write to bob@example.com"),
        (SpanKind::Assistant, Integrity::User, "I will write to carl@example.com"),
        (SpanKind::Result, Integrity::Untrusted, "bob@example.com, eve@evil.net"),
        (SpanKind::Result, Integrity::Trusted, "dan@example.com"),
        (SpanKind::Media, Integrity::User, "fay@example.com"),
    ];
    let arguments = json!({"to": ["bob@example.com", "eve@evil.net"], "cc": "dan@example.com", "bcc": "audit@example.com",
        "x": {"a": "carl@example.com", "b": "fay@example.com"}, "urgent": true, "items": [{"sku": "nowhere-1"}]});
    let origins = run(&all, &arguments, |p| (p == "/items/*/sku").then_some(ArgumentRole::Identifier));
    let lines: Vec<String> = origins
        .iter()
        .map(|o| {
            let spans: Vec<u32> = o.found.iter().map(|f| f.span).collect();
            format!(
                "{} {} {} {:?}{}",
                o.argument,
                o.role.name(),
                o.integrity.name(),
                spans,
                if o.unknown { " unknown" } else { "" }
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "/to/0 recipient user [1, 3]",
            "/to/1 recipient untrusted [3]",
            "/cc recipient trusted [4]",
            "/bcc recipient operator [0]",
            "/x/a recipient untrusted [2]",
            "/x/b recipient untrusted [] unknown",
            "/urgent choice user []",
            "/items/0/sku identifier untrusted [] unknown",
            "/items/*/sku identifier untrusted [] unknown",
            "/to recipient untrusted [1, 3]",
        ]
    );
    assert!(origins.last().is_some_and(|o| o.preview.as_deref() == Some("eve@evil.net")));
}

#[test]
fn what_the_context_has_seen() {
    let spans = [
        span(0, SpanKind::User, Integrity::User, "user"),
        span(1, SpanKind::Result, Integrity::Untrusted, "tool:mail.read_mail"),
        span(2, SpanKind::Result, Integrity::Untrusted, "tool:mail.read_mail"),
    ];
    assert_eq!(trajectory(&spans[..1]).label, Label::of(Integrity::User));
    let seen = trajectory(&spans);
    assert_eq!((seen.label, seen.spans), (Label::of(Integrity::Untrusted), 3));
    assert_eq!(seen.untrusted_tools, [ToolName::new("mail", "read_mail")]);
}

/// Texts made to be slow: one long number, one long field, very many leaves.
#[test]
fn bounds_hold() {
    let digits = "1".repeat(200_000);
    assert_eq!(in_user(&digits, "amount", 1, ArgumentRole::Amount), "none");
    let field = json!({ "note": "\\\" ada ".repeat(20_000) }).to_string();
    assert_eq!(in_result(&field, "to", "ada", ArgumentRole::Recipient), "part");
    let arguments = json!({ "to": vec!["ada"; LEAVES_MAX + 1] });
    let origins = run(&[(SpanKind::User, Integrity::User, "ada")], &arguments, |_| None);
    assert_eq!(origins.iter().filter(|o| o.unknown).count(), 2);
    assert_eq!(origins.last().map(|o| o.integrity), Some(Integrity::Untrusted));
}
