//! A recorded conversation as a drill: its steps, and what the rules alone say to each call that was judged.
//!
//! What people said and switches did that day is no property of the rules; where it made a difference, a comment says
//! what is on record. What is expected is what `plimsoll drill run` decides of these very steps, so that it passes under
//! the release of that day.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use plimsoll_bundle::Bundle;
use plimsoll_bundle::drill::{Drill, Step};
use plimsoll_core::ToolName;
use plimsoll_gateway::cassette::{OnRecord, Tape, Told, drill};
use serde_json::{Value, json};

use super::many;
use crate::drills::{self, Decided};
use crate::talk::{self, Done, Error};

/// Writes the drill of a tape.
pub fn write(tape: &Tape, bundle: &Bundle, file: &Path) -> Done {
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    if name.is_empty() || file.extension().is_none_or(|end| end != "yaml") {
        let help = "name a file such as drills/inbox.yaml: `plimsoll drill run` reads that folder";
        return Err(Error::new(format!("{} is no name of a drill", file.display())).help(help));
    }
    let unmade = |why: String| Error::new(format!("`{}` can't be made into a drill: {why}", tape.session));
    let told = drill(tape).map_err(unmade)?;
    let (steps, on_record) = steps(bundle, &tape.workflow, &told).map_err(unmade)?;
    let drill = Drill {
        name: name.to_owned(),
        file: file.display().to_string(),
        scenario: format!("What happened in the session {}.", tape.session),
        workflow: tape.workflow.clone(),
        principal: tape.asker().to_owned(),
        roles: None,
        steps,
        expect: Vec::new(),
    };
    let ran = drills::run(bundle, std::slice::from_ref(&drill))?;
    let decided = ran.iter().flat_map(|ran| &ran.calls);
    let judged: Vec<(&Decided, &OnRecord)> =
        decided.filter_map(|call| Some((call, *on_record.get(call.id.as_str())?))).collect();
    let text = yaml(tape, &drill, &judged);
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
        many(judged.len(), "call")
    ));
    talk::say(format!("from the folder drills/ it runs with `plimsoll drill run {name}`"));
    Ok(ExitCode::SUCCESS)
}

/// The steps as a drill has them: a result stands with its call, and a call has the tool's own name. With what is on
/// record of each call that was judged.
fn steps<'t>(
    bundle: &Bundle,
    workflow: &str,
    told: &'t [Told],
) -> Result<(Vec<Step>, BTreeMap<&'t str, &'t OnRecord>), String> {
    let (mut steps, mut judged) = (Vec::new(), BTreeMap::new());
    for step in told {
        match step {
            Told::System(text) => steps.push(Step::System(text.clone())),
            Told::User(text) => steps.push(Step::User(text.clone())),
            Told::Assistant(text) => steps.push(Step::Assistant(text.clone())),
            Told::Call { id, tool, args, on_record } => {
                judged.extend(on_record.as_ref().map(|record| (id.as_str(), record)));
                let args = args.as_object().cloned().unwrap_or_default();
                let tool = tool_of(bundle, workflow, tool).ok_or_else(|| {
                    format!("its call `{id}` is of `{tool}`, which is no tool of the release that it was decided under")
                })?;
                steps.push(Step::Call { id: id.clone(), tool, args, result: None });
            }
            // What a client told again in other words later is not what came back.
            Told::Result { id: of, value } => {
                let call = steps.iter_mut().rev().find_map(|step| match step {
                    Step::Call { id, result, .. } if id == of => Some(result),
                    _ => None,
                });
                call.ok_or_else(|| format!("the result of `{of}` belongs to no call"))?
                    .get_or_insert_with(|| value.clone());
            }
        }
    }
    Ok((steps, judged))
}

/// A recorded call has the name that its client used.
fn tool_of(bundle: &Bundle, workflow: &str, name: &str) -> Option<ToolName> {
    let own = name.parse::<ToolName>().ok().filter(|tool| bundle.find_tool(tool).is_some());
    own.or_else(|| bundle.resolve_client_name(bundle.workflow(workflow)?, name).ok())
}

/// As a person would write it, but that texts are quoted as JSON quotes them, which YAML reads too.
fn yaml(tape: &Tape, drill: &Drill, judged: &[(&Decided, &OnRecord)]) -> String {
    let mut text = format!(
        "# Written by `plimsoll replay {} --to-drill`. `expect` is what the rules alone say, without people and switches.\n",
        tape.session
    );
    for (key, value) in [
        ("drill", &drill.name),
        ("scenario", &drill.scenario),
        ("workflow", &drill.workflow),
        ("principal", &drill.principal),
        ("origin", &format!("session {}, decided under {}", tape.session, tape.ground.short())),
    ] {
        let _ = writeln!(text, "{key}: {}", quoted(value));
    }
    text.push_str("steps:\n");
    for step in &drill.steps {
        let _ = match step {
            Step::System(said) => writeln!(text, "  - system: {}", quoted(said)),
            Step::User(said) => writeln!(text, "  - user: {}", quoted(said)),
            Step::Assistant(said) => writeln!(text, "  - assistant: {}", quoted(said)),
            Step::Call { id, tool, args, result } => {
                let args = in_flow(&Value::Object(args.clone()));
                let _ = writeln!(
                    text,
                    "  - call: {}\n    args: {args}\n    id: {}",
                    quoted(&tool.to_string()),
                    quoted(id)
                );
                match result {
                    Some(result) => writeln!(text, "    result: {}", in_flow(result)),
                    None => Ok(()),
                }
            }
        };
    }
    text.push_str("expect:\n");
    for (call, record) in judged {
        let ruling = call.decision.ruling;
        let _ = write!(
            text,
            "  - {{act: {}, call: {}, decision: {}}}",
            quoted(&call.tool.to_string()),
            quoted(&call.id),
            ruling.name()
        );
        let _ = match record.ruling == ruling {
            true => writeln!(text),
            false => {
                let words = record.in_words.replace(['\n', '\r'], " ");
                writeln!(text, "  # on record, entry {}: {words}", record.entry)
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
