//! What a behaviour diff costs: 40 tools, 100 policies of a repository's own beside the shipped ones, 20
//! principals that they tell apart, 4 workflows that list every tool. Three changes of one line each, from
//! one that touches a single act to one that touches every guarded act.
//!
//!     cargo run --release -p plimsoll-bundle --example diff_cost
//!
//! Times are processor time where Linux tells it, so that a busy machine changes them little; else those of the clock.
//! With a folder, it writes both sides of the last change there, for `plimsoll diff DIR/base DIR/head` and its solver.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the gateway")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll_bundle::diff::{Side, diff, load_for_diff};
use plimsoll_bundle::{Tree, pin};
use serde_json::{Value, json};

const SERVERS: usize = 4;
const TOOLS_EACH: usize = 10;
const POLICIES: usize = 100;
const PRINCIPALS: usize = 20;
const WORKFLOWS: usize = 4;
const ROUNDS: usize = 3;

fn main() {
    let base = repository();
    let changes: [(&str, &str, &str); 4] = [
        ("nothing", "", ""),
        ("one act's policy", "context.amount.hundredths >= 700", "context.amount.hundredths >= 900"),
        ("one act's tier", "t8: {tier: dangerous", "t8: {tier: guarded"),
        (
            "every guarded act's policy",
            "context.counters.calls_per_day > 500",
            "context.counters.calls_per_day > 5000",
        ),
    ];
    let started = Instant::now();
    println!(
        "{:<28} {:>9} {:>9} {:>6} {:>8} {:>8}",
        "change", "load both", "diff", "tried", "cases", "lines"
    );
    for (name, find, replace) in changes {
        let mut head = base.clone();
        let file = if find.contains("tier") { "tools/s0.yaml" } else { "policies/own.cedar" };
        let text = base.text(file).unwrap();
        assert!(text.contains(find), "{find}");
        head.insert(file, text.replacen(find, replace, 1));
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let before = spent(started);
            let (was, is) = (load_for_diff(&base).unwrap(), load_for_diff(&head).unwrap());
            let loaded = spent(started) - before;
            let found = diff(Side { bundle: &was, tree: &base }, Side { bundle: &is, tree: &head });
            times.push((spent(started) - before, loaded, found));
        }
        times.sort_by_key(|(all, _, _)| *all);
        let (all, loaded, found) = &times[ROUNDS / 2];
        println!(
            "{name:<28} {loaded:>9.0?} {:>9.0?} {:>6} {:>8} {:>8}",
            *all - *loaded,
            found.compared.tried,
            found.compared.cases,
            found.changes.len()
        );
        if let Some(folder) = std::env::args().nth(1) {
            write(&base, &Path::new(&folder).join("base"));
            write(&head, &Path::new(&folder).join("head"));
        }
    }
}

/// Processor time of this thread, or what the clock says since then.
fn spent(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

fn write(tree: &Tree, folder: &Path) {
    for (path, bytes) in &tree.0 {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

fn repository() -> Tree {
    let mut tree = Tree::default();
    tree.insert("plimsoll.yaml", "plimsoll: 1\nproject: cost\nenvironment: production\n");
    tree.insert("people.yaml", "people: {ada: {roles: [reviewer]}, bob: {roles: [reviewer]}}\n");
    tree.insert(
        "models/main.yaml",
        "model: main\nprovider: openai\nurl: https://models.example\nnames: [\"*\"]\n",
    );
    for server in 0..SERVERS {
        let (yaml, lock) = tools(server);
        tree.insert(format!("tools/s{server}.yaml"), yaml);
        tree.insert(format!("tools/s{server}.lock.json"), lock);
    }
    for workflow in 0..WORKFLOWS {
        tree.insert(format!("workflows/w{workflow}.yaml"), acts(workflow));
    }
    tree.insert("policies/own.cedar", policies());
    tree
}

/// Of ten tools of a server: four look, three pay, two write to somebody, one removes.
fn tools(server: usize) -> (String, String) {
    let mut yaml = format!("server: s{server}\nhttp: https://s{server}.example/mcp\ntools:\n");
    let mut pins: Vec<Value> = Vec::new();
    for tool in 0..TOOLS_EACH {
        let (line, properties) = match tool {
            0..=3 => {
                ("{tier: safe, effect: read, args: {id: identifier}}", json!({"id": {"type": "string"}}))
            }
            4..=6 => (
                "{tier: guarded, effect: external, args: {iban: account, amount: amount, memo: content}, amount_free: 20}",
                json!({"iban": {"type": "string"}, "amount": {"type": "number"}, "memo": {"type": "string"}}),
            ),
            7 | 9 => (
                "{tier: guarded, effect: egress, args: {to: recipient, body: content}}",
                json!({"to": {"type": "string"}, "body": {"type": "string"}}),
            ),
            _ => (
                "{tier: dangerous, effect: destructive, args: {id: identifier}}",
                json!({"id": {"type": "string"}}),
            ),
        };
        let _ = writeln!(yaml, "  t{tool}: {line}");
        let required: Vec<String> = properties.as_object().unwrap().keys().cloned().collect();
        let schema = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        pins.push(json!({"name": format!("t{tool}"), "description": "A tool.", "inputSchema": schema}));
    }
    (yaml, pin::lock_file(&format!("s{server}"), "2025-11-25", "2026-11-20", "ada", &pins))
}

fn acts(workflow: usize) -> String {
    let mut yaml =
        format!("workflow: w{workflow}\npurpose: A measurement.\nowner: ada\nmodels: [main]\nacts:\n");
    for server in 0..SERVERS {
        let _ = writeln!(
            yaml,
            "  s{server}.*: {{decides: {{people: [reviewer]}}, on_failure: It is seen., way_back: It is undone.}}"
        );
    }
    yaml
}

fn policies() -> String {
    let mut text = String::new();
    for n in 0..POLICIES {
        let (server, principal) = (n % SERVERS, n % PRINCIPALS);
        let _ = writeln!(
            text,
            "{}",
            match n {
                0 => "@id(\"loop\") forbid (principal, action in Action::\"guarded\", resource)
                      when { context.counters.calls_per_day > 500 };"
                    .to_owned(),
                1 => "@id(\"cap\") forbid (principal, action == Action::\"s0.t4\", resource)
                      when { context.amount.hundredths >= 700 };"
                    .to_owned(),
                n if n % 3 == 0 => format!(
                    "@id(\"p{n}\") permit (principal, action == Action::\"s{server}.t{}\", resource)
                     when {{ principal.roles.contains(\"role{principal}\") && context.intent.asked && context.checks.passed && context.amount.hundredths < {} }};",
                    4 + n % 3, 1_000 + n
                ),
                n if n % 3 == 1 => format!(
                    "@id(\"p{n}\") forbid (principal, action == Action::\"s{server}.t{}\", resource)
                     when {{ principal.roles.contains(\"role{principal}\") && context.trajectory.tainted }} unless {{ context.approval.granted }};",
                    7 + 2 * (n % 2)
                ),
                n => format!(
                    "@id(\"p{n}\") forbid (principal in Workflow::\"w{}\", action == Action::\"s{server}.t{}\", resource)
                     when {{ context.args has memo && context.args.memo like \"*secret{n}*\" }};",
                    n % WORKFLOWS, 4 + n % 3
                ),
            }
        );
    }
    text
}
