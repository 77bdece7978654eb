//! Drills, decided: each scripted call by the gateway's own functions and the repository's rules, as
//! `plimsoll bench policy` does, and compared with what the drill expects.
//!
//! Nothing is called, no model is asked, nothing leaves the machine. The conversation goes on as it was written,
//! whatever is decided.

use std::collections::BTreeSet;

use jiff::Timestamp;
use plimsoll_bundle::Bundle;
use plimsoll_bundle::drill::{Drill, Expect, Step};
use plimsoll_core::{Decision, Ruling, ToolName};
use plimsoll_gateway::limits::Tally;
use plimsoll_inspect::Redactor;
use serde_json::{Value, json};

use crate::bench::policy::{Call, Episode, Ground, Scene, Step as Told};
use crate::talk::Error;

/// What came of one drill.
#[derive(Debug)]
pub struct Ran<'a> {
    pub drill: &'a Drill,
    /// Every call, as it was decided.
    pub calls: Vec<Decided>,
    /// Each expectation that was not met, in a sentence, with its line.
    pub failures: Vec<(usize, String)>,
}

#[derive(Debug)]
pub struct Decided {
    pub id: String,
    pub tool: ToolName,
    pub decision: Decision,
}

impl Ran<'_> {
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    pub fn json(&self) -> Value {
        let calls = self.calls.iter().map(|call| {
            json!({
                "id": call.id,
                "tool": call.tool.to_string(),
                "decision": call.decision.ruling.name(),
                "code": call.decision.code.map(|code| code.id()),
                "rules": rules(&call.decision),
            })
        });
        let failures = self.failures.iter().map(|(line, what)| json!({ "line": line, "what": what }));
        json!({
            "drill": self.drill.name,
            "file": self.drill.file,
            "workflow": self.drill.workflow,
            "passed": self.passed(),
            "calls": calls.collect::<Vec<_>>(),
            "failures": failures.collect::<Vec<_>>(),
        })
    }
}

/// Decides these drills.
///
/// # Errors
/// When a drill names a workflow that the bundle has not; `drill::read` gives none such.
pub fn run<'a>(bundle: &Bundle, drills: &'a [Drill]) -> Result<Vec<Ran<'a>>, Error> {
    let ground = Ground {
        bundle,
        release: bundle.id.to_string(),
        redactor: Redactor::new(&[]),
        now: Timestamp::now(),
    };
    drills.iter().map(|drill| one(&ground, drill)).collect()
}

fn one<'a>(ground: &Ground<'_>, drill: &'a Drill) -> Result<Ran<'a>, Error> {
    let workflow = ground
        .bundle
        .workflow(&drill.workflow)
        .ok_or_else(|| Error::new(format!("{}: there is no workflow `{}`", drill.file, drill.workflow)))?;
    let episode = episode(drill);
    let mut scene = Scene::new(ground, workflow, &episode);
    if let Some(roles) = &drill.roles {
        scene.principal.roles = roles.iter().cloned().collect();
    }
    let mut calls = Vec::new();
    let mut tally = Tally::default();
    for (at, call) in episode.judged() {
        let context = scene.context(at);
        let prepared = context.prepare(ground.bundle);
        let ruled = scene.rule(&prepared, &context.trajectory, &tally, call);
        if ruled.decision.ruling == Ruling::Allow {
            scene.count(&mut tally, call);
        }
        calls.push(Decided { id: call.id.clone(), tool: ruled.tool, decision: ruled.decision });
    }
    let failures = drill.expect.iter().flat_map(|expect| compare(expect, &calls)).collect();
    Ok(Ran { drill, calls, failures })
}

/// The drill as the decider of traces reads it: every call is decided, and its result follows it.
fn episode(drill: &Drill) -> Episode {
    let mut steps = Vec::new();
    for step in &drill.steps {
        match step {
            Step::System(text) => steps.push(Told::System(text.clone())),
            Step::User(text) => steps.push(Told::User(text.clone())),
            Step::Assistant(text) => steps.push(Told::Assistant(text.clone())),
            Step::Call { id, tool, args, result } => {
                let call = steps.len();
                let args = Value::Object(args.clone());
                steps.push(Told::Call(Call {
                    id: id.clone(),
                    tool: tool.to_string(),
                    args,
                    judge: true,
                    expect: None,
                }));
                steps.extend(result.clone().map(|value| Told::Result { call, value }));
            }
        }
    }
    Episode {
        id: drill.name.clone(),
        suite: drill.workflow.clone(),
        attack: false,
        principal: drill.principal.clone(),
        steps,
        attack_calls: BTreeSet::new(),
    }
}

fn compare(expect: &Expect, calls: &[Decided]) -> Vec<(usize, String)> {
    let mine: Vec<&Decided> = calls
        .iter()
        .filter(|call| call.tool == expect.act && expect.call.as_ref().is_none_or(|id| *id == call.id))
        .collect();
    if mine.is_empty() {
        return vec![(expect.line, format!("no step calls `{}`", expect.act))];
    }
    mine.into_iter().filter_map(|call| differs(expect, call)).map(|what| (expect.line, what)).collect()
}

/// In which way a call was not decided as expected.
fn differs(expect: &Expect, call: &Decided) -> Option<String> {
    let (decision, rules) = (&call.decision, rules(&call.decision));
    let code = decision.code.map(|code| code.id());
    let same = decision.ruling == expect.ruling
        && expect.rule.as_ref().is_none_or(|rule| rules.contains(&rule.as_str()))
        && expect.code.as_deref().is_none_or(|expected| code == Some(expected));
    if same {
        return None;
    }
    let mut expected = expect.ruling.name().to_owned();
    for part in [
        expect.rule.as_deref().map(|rule| format!(" by {rule}")),
        expect.code.as_ref().map(|c| format!(" with {c}")),
    ] {
        expected.push_str(&part.unwrap_or_default());
    }
    let with = code.map(|code| format!(", {code}")).unwrap_or_default();
    let by = if rules.is_empty() { String::new() } else { format!(" ({}{with})", rules.join(", ")) };
    Some(format!(
        "`{}` ({}): expected {expected}; decided {}{by}",
        call.tool,
        call.id,
        decision.ruling.name()
    ))
}

fn rules(decision: &Decision) -> Vec<&str> {
    decision.reasons.iter().map(|reason| reason.rule.as_str()).filter(|rule| !rule.is_empty()).collect()
}
