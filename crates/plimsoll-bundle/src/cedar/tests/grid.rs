//! The default policy as a picture: `decisions.txt`, every case a reviewer would ask about, and what is
//! decided. `BLESS=1` writes it anew.

use std::fmt::Write as _;

use plimsoll_core::Readers;

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
    ("guarded read, url", "web.fetch", "/link", Some(ArgumentRole::Url)),
    ("guarded, identifier, check", "desk.refund_order", "/order", Some(ArgumentRole::Identifier)),
    ("guarded, account", "bank.pay", "/iban", Some(ArgumentRole::Account)),
    ("guarded, recipient", "mail.send", "/to/0", Some(ArgumentRole::Recipient)),
    ("guarded, shared, recipient", "diary.book", "/to", Some(ArgumentRole::Recipient)),
    ("guarded, url", "mail.send", "/link", Some(ArgumentRole::Url)),
    ("guarded, credential", "mail.send", "/key", Some(ArgumentRole::Credential)),
    ("dangerous, destructive, check", "crm.delete_customer", "/customer", Some(ArgumentRole::Identifier)),
];

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Nowhere,
    Level(Integrity),
    /// A trusted field of a record that the user named.
    Lent,
    /// The words of an author: whom the user named, or a member of the house.
    Author,
    Member,
    /// An entry of a directory that the organisation keeps, named by nobody.
    Listed,
}

const LEVELS: [(&str, From); 9] = [
    ("nowhere", From::Nowhere),
    ("untrusted", From::Level(Integrity::Untrusted)),
    ("member", From::Member),
    ("author", From::Author),
    ("trusted", From::Level(Integrity::Trusted)),
    ("listed", From::Listed),
    ("lent", From::Lent),
    ("user", From::Level(Integrity::User)),
    ("operator", From::Level(Integrity::Operator)),
];

impl From {
    fn integrity(self) -> Integrity {
        match self {
            Self::Level(integrity) => integrity,
            Self::Lent | Self::Listed => Integrity::Trusted,
            _ => Integrity::Untrusted,
        }
    }

    fn give(self, given: Given, pointer: &str, role: ArgumentRole) -> Given {
        match self {
            Self::Nowhere => given.nowhere(pointer, role),
            Self::Level(integrity) => given.from(pointer, role, integrity),
            Self::Lent => given.lent(pointer, role),
            Self::Listed => given.listed(pointer, role),
            Self::Author => given.written(pointer, role, true),
            Self::Member => given.written(pointer, role, false),
        }
    }
}

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
            for (level, from) in LEVELS {
                let row = Row { act, known, level };
                let columns = if CHECKS.iter().any(|(t, _)| t == tool) { COLUMNS.len() } else { 2 };
                let cells = COLUMNS[..columns]
                    .iter()
                    .map(|column| (column.0.to_owned(), cell(tool, pointer, *role, known, from, column)));
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
    from: From,
    (_, approved, check): &(&str, bool, Option<bool>),
) -> Given {
    let args = match pointer {
        "/to/0" => json!({"to": ["a"], "amount": 5}),
        "" => json!({"amount": 5}),
        pointer => json!({pointer.trim_start_matches('/'): "a", "amount": 5}),
    };
    let mut made = given(tool, args).from("/amount", ArgumentRole::Amount, Integrity::User);
    made.seen = from.integrity();
    if let Some(role) = role {
        made = from.give(made, pointer, role);
    }
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
         aims at nothing, the worst thing the model has seen): `lent` is a trusted field of a record that the\n\
         user named, `trusted` one of a record that nobody named, `listed` an entry of a directory that nobody\n\
         named, `author` the words of somebody whom the user named, `member` those of anybody in the house. `hold` says what it waits for, `REFUSE` by which rule;\n\
         `name`: it would run if the user named the value, `ask`: if the user asked for it.\n\
         But for the table of circumstances the user asked for this kind of act.\n\
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
    out.push_str("\n\nWHAT WAS ASKED, CARRIED AND SEEN (each value named by the user, or lent by a record of hers)\n\n");
    circumstances(&mut out, desk, engine);
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
    let all = LEVELS.map(|(level, _)| level).join(", ");
    for (act, levels, cells) in lines {
        let levels = if levels == all { "anywhere".to_owned() } else { levels };
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

/// `allow`, `hold: approval, name`, `REFUSE untrusted-account, name`.
fn short(decision: &Decision) -> String {
    use plimsoll_core::{Need, Ruling};
    let said = match decision.ruling {
        Ruling::Allow => "allow".to_owned(),
        Ruling::Hold => {
            let needs = decision.needs.iter().map(|need| match need {
                Need::Check { .. } => "check",
                Need::Approval(_) => "approval",
            });
            format!("hold: {}", needs.collect::<Vec<_>>().join(" + "))
        }
        Ruling::Refuse => {
            let said = ["origin", "intent", "hypothesis"];
            let rule = decision.reasons.iter().map(|r| r.rule.as_str()).find(|r| !said.contains(r));
            let rule = rule.unwrap_or_default();
            format!("REFUSE {}", rule.split(':').next().unwrap_or(rule))
        }
    };
    let ways: Vec<String> = decision.remedies.iter().filter_map(way).collect();
    if ways.is_empty() { said } else { format!("{said}, {}", ways.join("/")) }
}

fn way(remedy: &plimsoll_core::Remedy) -> Option<String> {
    use plimsoll_core::Remedy;
    match remedy {
        Remedy::NameValue { .. } => Some("name".to_owned()),
        Remedy::AskFor { .. } => Some("ask".to_owned()),
        Remedy::Together { all } => Some(all.iter().filter_map(way).collect::<Vec<_>>().join("+")),
        _ => None,
    }
}

/// In words, and what it changes in a case.
type Circumstance = (&'static str, fn(&mut Given));

/// In words, and a case of it.
type Sort = (&'static str, fn() -> Given);

/// What stands in the case besides where its values come from.
const CIRCUMSTANCES: &[Circumstance] = &[
    ("nothing in particular", |_| {}),
    ("the user did not ask for it", |given| given.flow.intent.asked = false),
    ("a link of nobody's in its text", |given| given.flow.payload.foreign = vec!["https://x.example".into()]),
    ("sensitive data in its text", |given| given.flow.payload.classes = ["card".to_owned()].into()),
    ("other words than were dictated", |given| given.flow.payload.undictated = true),
    ("seen: data for treasurers only", |given| {
        given.label.readers = Readers::Only(["role:treasurer".to_owned()].into());
    }),
    ("seen: a card number", |given| given.label.classes = ["card".to_owned()].into()),
    ("seen: nothing untrusted", |given| given.seen = Integrity::User),
];

fn circumstances(out: &mut String, desk: &Desk, engine: &Engine) {
    use ArgumentRole::{Account, Recipient, Url};
    let acts: [Sort; 7] = [
        ("mail to a named person", || {
            given("mail.send", json!({"to": ["a"], "amount": 0})).from("/to/0", Recipient, Integrity::User)
        }),
        ("mail to a lent person", || {
            given("mail.send", json!({"to": ["a"], "amount": 0})).lent("/to/0", Recipient)
        }),
        ("pay a named account", || {
            given("bank.pay", json!({"iban": "a", "amount": 5})).from("/iban", Account, Integrity::User).from(
                "/amount",
                ArgumentRole::Amount,
                Integrity::User,
            )
        }),
        ("fetch a named page", || {
            given("web.fetch", json!({"link": "a", "amount": 0})).from("/link", Url, Integrity::User)
        }),
        ("fetch a lent page", || given("web.fetch", json!({"link": "a", "amount": 0})).lent("/link", Url)),
        ("book for herself", || given("diary.book", json!({"to": [], "amount": 0}))),
        ("book with a named person", || {
            given("diary.book", json!({"to": ["b"], "amount": 0})).from("/to/0", Recipient, Integrity::User)
        }),
    ];
    line(out, "  act", &CIRCUMSTANCES[..4].iter().map(|c| c.0.to_owned()).collect::<Vec<_>>());
    let draw = |out: &mut String, some: &[Circumstance]| {
        for (act, make) in &acts {
            let cells: Vec<String> = some
                .iter()
                .map(|(_, stand)| {
                    let mut made = make();
                    stand(&mut made);
                    short(&made.decided(desk, engine))
                })
                .collect();
            line(out, &format!("  {act}"), &cells);
        }
    };
    draw(out, &CIRCUMSTANCES[..4]);
    let _ = writeln!(out);
    line(out, "  act", &CIRCUMSTANCES[4..].iter().map(|c| c.0.to_owned()).collect::<Vec<_>>());
    draw(out, &CIRCUMSTANCES[4..]);
}

fn amounts(out: &mut String, desk: &Desk, engine: &Engine) {
    line(
        out,
        "  amount comes from",
        &["20.00".into(), "20.01".into(), "20.01, approved".into(), "-1.00".into()],
    );
    for (level, from) in LEVELS {
        let refund = |amount: f64, approved: bool| {
            let mut made = given("desk.refund_order", json!({"order": "A", "amount": amount}))
                .from("/order", ArgumentRole::Identifier, Integrity::User)
                .checked("within-order", Some(true));
            made = from.give(made, "/amount", ArgumentRole::Amount);
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
            let mut made =
                cell(tool, pointer, *role, true, From::Level(Integrity::User), &("", false, Some(true)));
            made.mode = mode;
            let decision = made.decided(desk, engine);
            let passed = if decision.passed_because.is_some() { " (passes)" } else { "" };
            format!("{}{passed}", short(&decision))
        });
        line(out, &format!("  {act}"), &cells);
    }
}
