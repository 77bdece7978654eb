//! Drills: conversations that are decided at release, with what has to come of them.
//!
//! A drill is no part of a decision, so a mistake in one is told by `plimsoll check`, `plimsoll drill` and at
//! release, and keeps no gateway from starting.

use std::collections::BTreeSet;

use plimsoll_core::{Ruling, ToolName};
use serde_json::{Map, Value};

use crate::diagnostic::Diagnostic;
use crate::forms::DrillForm;
use crate::forms::drill::{ExpectForm, RulingForm, StepForm};
use crate::forms::shape::shape;
use crate::model::Bundle;
use crate::suggest::did_you_mean;
use crate::tree::Tree;
use crate::yaml::{self, Document};

/// One drill, checked against its repository.
#[derive(Clone, Debug)]
pub struct Drill {
    pub name: String,
    pub file: String,
    pub scenario: String,
    pub workflow: String,
    pub principal: String,
    /// `None`: every role that the workflow may ask for.
    pub roles: Option<Vec<String>>,
    pub steps: Vec<Step>,
    pub expect: Vec<Expect>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    System(String),
    User(String),
    Assistant(String),
    Call { id: String, tool: ToolName, args: Map<String, Value>, result: Option<Value> },
}

/// What has to be decided about calls of one act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    pub act: ToolName,
    pub call: Option<String>,
    pub ruling: Ruling,
    pub rule: Option<String>,
    pub code: Option<String>,
    /// Where it stands.
    pub line: usize,
}

/// The drills of a repository, in the order of their names, and what is wrong with the others.
pub fn read(bundle: &Bundle, tree: &Tree) -> (Vec<Drill>, Vec<Diagnostic>) {
    let (mut drills, mut found) = (Vec::new(), Vec::new());
    for (path, name) in tree.in_folder("drills", ".yaml") {
        let Some(text) = tree.text(path) else { continue };
        // What is no YAML is told when the repository is loaded.
        let Ok(doc) = yaml::read(path, text, 0) else { continue };
        let mut reading = Reading { bundle, doc: &doc, text, found: Vec::new() };
        let drill = reading.drill(name);
        match reading.found.iter().any(Diagnostic::is_error) {
            true => {}
            false => drills.extend(drill),
        }
        found.append(&mut reading.found);
    }
    (drills, found)
}

struct Reading<'a> {
    bundle: &'a Bundle,
    doc: &'a Document,
    text: &'a str,
    found: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn drill(&mut self, name: &str) -> Option<Drill> {
        let form: DrillForm = shape(self.doc, &mut self.found)?;
        if form.drill != name {
            let message = format!("this file is called `{name}`, but says `drill: {}`", form.drill);
            self.tell("file/name", "/drill", message, format!("write `drill: {name}`, or rename the file"));
        }
        let workflow = self.workflow(&form)?;
        let mut ids = BTreeSet::new();
        let steps: Vec<Step> = form
            .steps
            .into_iter()
            .enumerate()
            .filter_map(|(at, step)| self.step(at, step, &mut ids))
            .collect();
        let expect: Vec<Expect> = form
            .expect
            .into_iter()
            .enumerate()
            .filter_map(|(at, expect)| self.expect(at, expect, &steps))
            .collect();
        if expect.is_empty() && self.found.is_empty() {
            let help = "write what has to be decided: `- {act: server.tool, decision: refuse}`";
            self.tell(
                "drill/expects-nothing",
                "/expect",
                "this drill expects nothing".to_owned(),
                help.to_owned(),
            );
        }
        Some(Drill {
            name: name.to_owned(),
            file: self.doc.file.clone(),
            scenario: form.scenario,
            workflow,
            principal: form.principal.unwrap_or_else(|| "somebody".to_owned()),
            roles: form.roles,
            steps,
            expect,
        })
    }

    fn workflow(&mut self, form: &DrillForm) -> Option<String> {
        let known = &self.bundle.workflows;
        if let Some(name) = &form.workflow {
            if known.contains_key(name) {
                return Some(name.clone());
            }
            let help = did_you_mean(name, known.keys().map(String::as_str));
            self.tell("drill/workflow", "/workflow", format!("there is no workflow `{name}`"), help);
            return None;
        }
        let lists = |name: &String| {
            let acts = known.get(name).map(|workflow| &workflow.acts);
            let listed = |expect: &ExpectForm| {
                expect.act.parse().is_ok_and(|act: ToolName| acts.is_some_and(|acts| acts.contains_key(&act)))
            };
            form.expect.iter().all(listed)
        };
        let mut candidates = known.keys().filter(|name| known.len() == 1 || lists(name));
        match (candidates.next(), candidates.next()) {
            (Some(only), None) => Some(only.clone()),
            (one, _) => {
                let why = if one.is_some() { "several workflows list" } else { "no workflow lists" };
                let names: Vec<&str> = known.keys().map(String::as_str).collect();
                let help = format!("name one of: {}", names.join(", "));
                self.tell(
                    "drill/workflow",
                    "/drill",
                    format!("this drill names no `workflow`, and {why} every act that it expects"),
                    help,
                );
                None
            }
        }
    }

    fn step(&mut self, at: usize, form: StepForm, ids: &mut BTreeSet<String>) -> Option<Step> {
        let place = format!("/steps/{at}");
        let StepForm { system, user, assistant, call, args, id, result } = form;
        let given = [system.is_some(), user.is_some(), assistant.is_some(), call.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            let message = "a step is exactly one of `system`, `user`, `assistant` and `call`".to_owned();
            self.tell("drill/step", &place, message, "write each as a step of its own".to_owned());
            return None;
        }
        let Some(call) = call else {
            if args.is_some() || id.is_some() || result.is_some() {
                let message = "`args`, `id` and `result` belong to a `call`".to_owned();
                self.tell("drill/step", &place, message, "move them to the call that they are of".to_owned());
            }
            let text = |text: Option<String>, step: fn(String) -> Step| text.map(step);
            return text(system, Step::System)
                .or_else(|| text(user, Step::User))
                .or_else(|| text(assistant, Step::Assistant));
        };
        let tool = self.tool(&format!("{place}/call"), &call)?;
        let id = id.unwrap_or_else(|| format!("step-{}", at + 1));
        if !ids.insert(id.clone()) {
            let message = format!("two calls have the id `{id}`");
            self.tell("drill/step", &place, message, "give this one another".to_owned());
        }
        Some(Step::Call { id, tool, args: args.unwrap_or_default(), result })
    }

    fn expect(&mut self, at: usize, form: ExpectForm, steps: &[Step]) -> Option<Expect> {
        let place = format!("/expect/{at}");
        let act = self.tool(&format!("{place}/act"), &form.act)?;
        let mut calls = steps.iter().filter_map(|step| match step {
            Step::Call { id, tool, .. } => Some((id, tool)),
            _ => None,
        });
        if !calls.any(|(id, tool)| *tool == act && form.call.as_ref().is_none_or(|call| call == id)) {
            let message = format!("no step calls `{act}`, so nothing is decided about it");
            let help = format!("add the call that the model makes: `- {{call: {act}, args: {{…}}}}`");
            self.tell("drill/never-called", &place, message, help);
        }
        if let Some(code) = &form.code
            && plimsoll_core::Code::ALL.iter().all(|known| known.id() != code)
        {
            let help = did_you_mean(code, plimsoll_core::Code::ALL.iter().map(|code| code.id()));
            self.tell("drill/code", &format!("{place}/code"), format!("there is no code `{code}`"), help);
        }
        let start = self.doc.key(&place).start;
        Some(Expect {
            act,
            call: form.call,
            ruling: match form.decision {
                RulingForm::Allow => Ruling::Allow,
                RulingForm::Hold => Ruling::Hold,
                RulingForm::Refuse => Ruling::Refuse,
            },
            rule: form.rule,
            code: form.code,
            line: 1 + self.text.get(..start).unwrap_or_default().matches('\n').count(),
        })
    }

    fn tool(&mut self, place: &str, name: &str) -> Option<ToolName> {
        match name.parse::<ToolName>() {
            Ok(tool) if self.bundle.find_tool(&tool).is_some() => Some(tool),
            _ => {
                let names: Vec<String> = self
                    .bundle
                    .servers
                    .values()
                    .flat_map(|s| s.tools.values())
                    .map(|t| t.name.to_string())
                    .collect();
                let help = did_you_mean(name, names.iter().map(String::as_str));
                self.tell("drill/tool", place, format!("there is no tool `{name}`"), help);
                None
            }
        }
    }

    fn tell(&mut self, id: &'static str, place: &str, message: String, help: String) {
        self.found.push(self.doc.error(id, place, message).help(help));
    }
}
