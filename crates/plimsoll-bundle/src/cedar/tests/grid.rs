//! The default policy as a picture: `decisions.txt`, every case a reviewer would ask about, and what is
//! decided. `BLESS=1` writes it anew.

use std::fmt::Write as _;

use super::*;

#[test]
fn the_default_policy_is_this_picture() {
    let desk = Desk::new();
    picture("decisions.txt", &draw(&desk, &desk.shipped()));
}

/// Which sort of act, with the argument that its level is about.
const ACTS: &[(&str, &str, &str, Option<ArgumentRole>)] = &[
    ("model call", "model.gpt", "", None),
    ("safe read", "desk.read_order", "/order", Some(ArgumentRole::Identifier)),
    ("safe, destructive", "crm.expire_note", "", None),
    ("guarded, aims at nothing", "desk.clear_cart", "", None),
    ("guarded, identifier, check", "desk.refund_order", "/order", Some(ArgumentRole::Identifier)),
    ("guarded, account", "bank.pay", "/iban", Some(ArgumentRole::Account)),
    ("guarded, recipient", "mail.send", "/to/0", Some(ArgumentRole::Recipient)),
    ("guarded, url", "mail.send", "/link", Some(ArgumentRole::Url)),
    ("guarded, credential", "mail.send", "/key", Some(ArgumentRole::Credential)),
    ("dangerous, destructive, check", "crm.delete_customer", "/customer", Some(ArgumentRole::Identifier)),
];

const LEVELS: [(&str, Option<Integrity>); 5] = [
    ("nowhere", None),
    ("untrusted", Some(Integrity::Untrusted)),
    ("trusted", Some(Integrity::Trusted)),
    ("user", Some(Integrity::User)),
    ("operator", Some(Integrity::Operator)),
];

/// Approval and check: the columns.
const COLUMNS: [(&str, bool, Option<bool>); 5] = [
    ("nothing yet", false, None),
    ("approved", true, None),
    ("checked", false, Some(true)),
    ("approved and checked", true, Some(true)),
    ("approved, check failed", true, Some(false)),
];

/// Tools that declare a check; for the others only the first two columns differ.
const CHECKS: [(&str, &str); 2] =
    [("desk.refund_order", "within-order"), ("crm.delete_customer", "is-closed")];

struct Row {
    act: &'static str,
    known: bool,
    level: &'static str,
}

/// Every case of the first grid, in order, with its row.
pub(super) fn cases() -> Vec<(String, Given)> {
    rows().into_iter().flat_map(|(_, cells)| cells).collect()
}

fn rows() -> Vec<(Row, Vec<(String, Given)>)> {
    let mut rows = Vec::new();
    for (act, tool, pointer, role) in ACTS {
        for known in [true, false] {
            for (level, integrity) in LEVELS {
                let row = Row { act, known, level };
                let columns = if CHECKS.iter().any(|(t, _)| t == tool) { COLUMNS.len() } else { 2 };
                let cells = COLUMNS[..columns].iter().map(|column| {
                    (column.0.to_owned(), cell(tool, pointer, *role, known, integrity, column))
                });
                rows.push((row, cells.collect()));
            }
        }
    }
    rows
}

fn cell(
    tool: &str,
    pointer: &str,
    role: Option<ArgumentRole>,
    known: bool,
    integrity: Option<Integrity>,
    (_, approved, check): &(&str, bool, Option<bool>),
) -> Given {
    let args = match pointer {
        "/to/0" => json!({"to": ["a"], "amount": 5}),
        "" => json!({"amount": 5}),
        pointer => json!({pointer.trim_start_matches('/'): "a", "amount": 5}),
    };
    let mut made = given(tool, args).from("/amount", ArgumentRole::Amount, Integrity::User);
    made.seen = integrity.unwrap_or_default();
    made = match (role, integrity) {
        (Some(role), Some(integrity)) => made.from(pointer, role, integrity),
        (Some(role), None) => made.nowhere(pointer, role),
        (None, _) => made,
    };
    if !tool.starts_with("desk.") && !tool.starts_with("bank.") {
        made.flow.origins.retain(|o| o.role != ArgumentRole::Amount);
    }
    if let Some((_, name)) = CHECKS.iter().find(|(t, _)| *t == tool) {
        made = made.checked(name, *check);
    }
    made = if *approved { made.approved() } else { made };
    if known { made } else { made.unknown() }
}

fn draw(desk: &Desk, engine: &Engine) -> String {
    let mut out = String::from(
        "What the shipped policies decide. `from` is where the aiming argument comes from (or, for an act that\n\
         aims at nothing, the worst thing the model has seen). `hold` says what it waits for, `REFUSE` by which\n\
         rule, and `name` that it would be legal if the user named the value.\n\
         Made by tests/grid.rs; BLESS=1 writes it anew.\n",
    );
    for known in [true, false] {
        let who = if known {
            "A KNOWN MODEL ANSWER PROPOSED THE CALL"
        } else {
            "NO KNOWN MODEL ANSWER PROPOSED THE CALL"
        };
        let _ = writeln!(out, "\n\n{who}, ENFORCE");
        first_grid(&mut out, desk, engine, known);
    }
    out.push_str("\n\nTHE AMOUNT (refund of an order the user named, checked; up to 20.00 are free)\n\n");
    amounts(&mut out, desk, engine);
    out.push_str("\n\nMODE (aimed by the user; nothing approved)\n\n");
    modes(&mut out, desk, engine);
    out
}

fn first_grid(out: &mut String, desk: &Desk, engine: &Engine, known: bool) {
    let mut last = "";
    let mut before: Option<(&str, Vec<String>)> = None;
    let mut lines: Vec<(&str, String, Vec<String>)> = Vec::new();
    for (row, cells) in rows().into_iter().filter(|(row, _)| row.known == known) {
        let cells: Vec<String> = cells.iter().map(|(_, given)| short(&given.decided(desk, engine))).collect();
        // Levels that are decided alike share a line.
        match (&before, lines.last_mut()) {
            (Some((act, same)), Some(line)) if *act == row.act && *same == cells => {
                line.1 = format!("{}, {}", line.1, row.level);
            }
            _ => lines.push((row.act, row.level.to_owned(), cells.clone())),
        }
        before = Some((row.act, cells));
    }
    for (act, levels, cells) in lines {
        if act != last {
            let _ = writeln!(out, "\n{act}");
            let heads: Vec<String> = COLUMNS[..cells.len()].iter().map(|c| c.0.to_owned()).collect();
            line(out, "  from", &heads);
            last = act;
        }
        line(out, &format!("  {levels}"), &cells);
    }
}

fn line(out: &mut String, head: &str, cells: &[String]) {
    let mut text = format!("{head:<46}");
    for cell in cells {
        let _ = write!(text, " {cell:<34}");
    }
    let _ = writeln!(out, "{}", text.trim_end());
}

/// `allow`, `hold: approval`, `REFUSE untrusted-account, name`.
fn short(decision: &Decision) -> String {
    use plimsoll_core::{Need, Remedy, Ruling};
    match decision.ruling {
        Ruling::Allow => "allow".to_owned(),
        Ruling::Hold => {
            let needs = decision.needs.iter().map(|need| match need {
                Need::Check { .. } => "check",
                Need::Approval(_) => "approval",
            });
            format!("hold: {}", needs.collect::<Vec<_>>().join(" + "))
        }
        Ruling::Refuse => {
            let rule =
                decision.reasons.iter().map(|r| r.rule.as_str()).find(|r| *r != "origin").unwrap_or("");
            let name = decision.remedies.iter().any(|r| matches!(r, Remedy::NameValue { .. }));
            format!("REFUSE {}{}", rule.split(':').next().unwrap_or(rule), if name { ", name" } else { "" })
        }
    }
}

fn amounts(out: &mut String, desk: &Desk, engine: &Engine) {
    line(
        out,
        "  amount comes from",
        &["20.00".into(), "20.01".into(), "20.01, approved".into(), "-1.00".into()],
    );
    for (level, integrity) in LEVELS {
        let refund = |amount: f64, approved: bool| {
            let mut made = given("desk.refund_order", json!({"order": "A", "amount": amount}))
                .from("/order", ArgumentRole::Identifier, Integrity::User)
                .checked("within-order", Some(true));
            made = match integrity {
                Some(integrity) => made.from("/amount", ArgumentRole::Amount, integrity),
                None => made.nowhere("/amount", ArgumentRole::Amount),
            };
            let made = if approved { made.approved() } else { made };
            short(&made.decided(desk, engine))
        };
        let cells = [refund(20.0, false), refund(20.01, false), refund(20.01, true), refund(-1.0, false)];
        line(out, &format!("  {level}"), &cells);
    }
}

fn modes(out: &mut String, desk: &Desk, engine: &Engine) {
    let modes = [Mode::Observe, Mode::Suggest, Mode::Enforce];
    line(out, "  act", &modes.map(|m| m.name().to_owned()));
    for (act, tool, pointer, role) in ACTS {
        let cells = modes.map(|mode| {
            let mut made = cell(tool, pointer, *role, true, Some(Integrity::User), &("", false, Some(true)));
            made.mode = mode;
            let decision = made.decided(desk, engine);
            let passed = if decision.passed_because.is_some() { " (passes)" } else { "" };
            format!("{}{passed}", short(&decision))
        });
        line(out, &format!("  {act}"), &cells);
    }
}
