//! One entry in one line.

use plimsoll_core::Entry;
use plimsoll_store::EntryRow;

use super::{Tone, date, shown};

/// `   42  2026-11-21 12:00:01 UTC  intent    allow    desk.refund_order  key:agent  session s-1`.
pub fn log_line(row: &EntryRow) -> String {
    let verdict = if row.decision.is_empty() { &row.status } else { &row.decision };
    let subject = match row.kind.as_str() {
        "intent" | "decision" => {
            let code = reason(row);
            format!("{}{code}", shown(&row.tool))
        }
        _ => words(row),
    };
    let who = if row.principal.is_empty() { String::new() } else { format!("  {}", shown(&row.principal)) };
    let session =
        if row.session.is_empty() { String::new() } else { format!("  session {}", shown(&row.session)) };
    let line =
        format!("{:>6}  {}  {:<8}  {verdict:<9}  {subject}{who}{session}", row.seq, date(row.at), row.kind);
    line.trim_end().to_owned()
}

/// How the line should look.
pub fn log_tone(row: &EntryRow) -> Tone {
    match (row.kind.as_str(), row.decision.as_str(), row.status.as_str()) {
        ("decision", "hold", _) => Tone::Warn,
        ("decision" | "turned" | "stop", ..) | (_, _, "failed" | "ambiguous" | "denied") => Tone::Bad,
        ("intent", "hold" | "refuse", _) => Tone::Warn,
        (_, _, "granted") => Tone::Good,
        _ => Tone::Plain,
    }
}

fn reason(row: &EntryRow) -> String {
    let Ok(entry) = serde_json::from_str::<Entry>(&row.body) else { return String::new() };
    match entry.body {
        plimsoll_core::EntryBody::Intent(judged) | plimsoll_core::EntryBody::Decision(judged) => {
            judged.decision.code.map(|code| format!(" ({code} {})", code.title())).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn words(row: &EntryRow) -> String {
    match serde_json::from_str::<Entry>(&row.body) {
        Ok(entry) => super::build::words(&entry.body).1,
        Err(_) => "this version of plimsoll can't read this entry".to_owned(),
    }
}
