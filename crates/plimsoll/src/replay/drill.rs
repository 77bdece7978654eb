//! A recorded conversation as a drill: its steps, each call with what the rules alone say to it.
//!
//! What people said and switches did that day is no property of the rules; where it made a difference, a comment says
//! what is on record.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use plimsoll_bundle::Bundle;
use plimsoll_core::Ruling;
use plimsoll_gateway::cassette::{Tape, Told, drill};
use plimsoll_inspect::Redactor;
use serde_json::{Value, json};

use super::many;
use crate::bench::policy::{self, Call, Episode, Ground, Step};
use crate::talk::{self, Done, Error};

/// Writes the drill of a tape.
pub fn write(tape: &Tape, bundle: &Bundle, file: &Path) -> Done {
    let told = drill(tape)
        .map_err(|why| Error::new(format!("`{}` can't be made into a drill: {why}", tape.session)))?;
    let mut episode = episode(tape, &told);
    let ground = Ground {
        bundle,
        release: bundle.id.to_string(),
        redactor: Redactor::new(&[]),
        now: Timestamp::now(),
    };
    let ruled = rulings(&ground, &episode)?;
    episode.attack_calls = told
        .iter()
        .filter_map(|step| match step {
            Told::Call { id, on_record: Some(_), .. } => Some(id),
            _ => None,
        })
        .zip(&ruled)
        .filter(|(_, ruling)| **ruling == Ruling::Refuse)
        .map(|(id, _)| id.clone())
        .collect();
    episode.attack = !episode.attack_calls.is_empty();
    let text = yaml(tape, &episode, &told, &ruled);
    if file.exists() {
        return Err(Error::new(format!("{} is there already", file.display())).help("name another file"));
    }
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(file, text).map_err(|error| Error::new(format!("{}: {error}", file.display())))?;
    talk::say(format!(
        "{}: {} with what the rules say to each. It holds what people said: read it before you keep it",
        file.display(),
        many(ruled.len(), "call")
    ));
    talk::say(format!("run it with `plimsoll bench policy --traces {} --no-reach`", file.display()));
    Ok(ExitCode::SUCCESS)
}

/// What the rules of a release say to each judged call.
fn rulings(ground: &Ground<'_>, episode: &Episode) -> Result<Vec<Ruling>, Error> {
    let episodes = std::slice::from_ref(episode);
    let workflows = policy::workflows(ground.bundle, Some(&episode.suite), episodes)?;
    let outcomes = policy::all(ground, &workflows, episodes, false);
    Ok(outcomes.iter().flat_map(|outcome| &outcome.calls).map(|call| call.ruled.decision.ruling).collect())
}

fn episode(tape: &Tape, told: &[Told]) -> Episode {
    let mut steps: Vec<Step> = Vec::new();
    for told in told {
        steps.push(match told {
            Told::System(text) => Step::System(text.clone()),
            Told::User(text) => Step::User(text.clone()),
            Told::Assistant(text) => Step::Assistant(text.clone()),
            Told::Call { id, tool, args, on_record } => Step::Call(Call {
                id: id.clone(),
                tool: tool.clone(),
                args: args.clone(),
                judge: on_record.is_some(),
                expect: None,
            }),
            Told::Result { id, value } => {
                let is = |step: &Step| matches!(step, Step::Call(call) if call.id == *id);
                match steps.iter().rposition(is) {
                    Some(call) => Step::Result { call, value: value.clone() },
                    None => continue,
                }
            }
        });
    }
    Episode {
        id: tape.session.clone(),
        suite: tape.workflow.clone(),
        attack: false,
        principal: tape.asker().to_owned(),
        steps,
        attack_calls: BTreeSet::new(),
    }
}

/// As a person would write it, but that texts are quoted as JSON quotes them, which YAML reads too.
fn yaml(tape: &Tape, episode: &Episode, told: &[Told], ruled: &[Ruling]) -> String {
    let mut text = format!(
        "# Written by `plimsoll replay {} --to-drill`. `expect` is what the rules alone say, without people and switches.\n\
         # `kind` and `attack_calls` are guessed from what the rules refuse: you know better what was meant.\n",
        tape.session
    );
    let kind = if episode.attack { "attack" } else { "benign" };
    for (name, value) in [("id", &episode.id), ("suite", &episode.suite), ("principal", &episode.principal)] {
        let _ = writeln!(text, "{name}: {}", quoted(value));
    }
    let _ = writeln!(text, "kind: {kind}\nattack_calls: {}\nsteps:", in_flow(&json!(episode.attack_calls)));
    let mut ruled = ruled.iter();
    for told in told {
        let _ = match told {
            Told::System(said) => writeln!(text, "  - system: {}", quoted(said)),
            Told::User(said) => writeln!(text, "  - user: {}", quoted(said)),
            Told::Assistant(said) => writeln!(text, "  - assistant: {}", quoted(said)),
            Told::Result { id, value } => {
                writeln!(text, "  - result: {}\n    id: {}", in_flow(value), quoted(id))
            }
            Told::Call { id, tool, args, on_record } => {
                let call = json!({ "tool": tool, "args": args });
                let _ = writeln!(text, "  - call: {}\n    id: {}", in_flow(&call), quoted(id));
                match on_record.as_ref().and_then(|record| Some((record, ruled.next()?))) {
                    None => writeln!(text, "    judge: false"),
                    Some((record, ruling)) if record.ruling == *ruling => {
                        writeln!(text, "    expect: {}", ruling.name())
                    }
                    Some((record, ruling)) => writeln!(
                        text,
                        "    expect: {}  # on record, entry {}: {}",
                        ruling.name(),
                        record.entry,
                        record.in_words.replace(['\n', '\r'], " ")
                    ),
                }
            }
        };
    }
    text
}

/// JSON that YAML reads as the same: with a space after each colon, and nothing raw that YAML takes for no character
/// or for the end of a line.
fn in_flow(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", quoted(name), in_flow(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(in_flow).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for letter in json!(text).to_string().chars() {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out
}
