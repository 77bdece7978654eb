//! `workflows/<name>.yaml` resolved.

use std::collections::BTreeMap;

use plimsoll_core::{ArgumentRole, Mode, ToolName};

use super::{Known, Loading, is_open};
use crate::forms::WorkflowForm;
use crate::forms::workflow::{HostedToolsForm, LimitForm, ModeForm, PerForm};
use crate::model::{Boundary, HostedTools, Limit, LimitMeasure, LimitPer, Workflow};
use crate::suggest::did_you_mean;
use crate::yaml::Document;

impl Loading<'_> {
    pub(super) fn workflow(&mut self, path: &str, name: &str, known: &Known<'_>) -> Option<Workflow> {
        let (form, doc): (WorkflowForm, _) = self.form(path)?;
        self.named(&doc, "workflow", &form.workflow, name);
        self.references(&doc, "models", "model", &form.models, known.models.keys().map(String::as_str));
        self.references(&doc, "prompts", "prompt", &form.prompts, known.prompts.keys().map(String::as_str));
        self.references(&doc, "sources", "source", &form.sources, known.sources.keys().map(String::as_str));
        self.risks(&doc, &form.risks);
        let acts = self.acts(&doc, &form, known);
        let limits = form.limits.iter().enumerate();
        let limits =
            limits.filter_map(|(i, l)| self.limit(&doc, &format!("/limits/{i}"), l, &acts, known)).collect();
        let owner = form.owner.trim().to_owned();
        let incident_owner =
            form.incident_owner.clone().filter(|o| !is_open(o)).unwrap_or_else(|| owner.clone());
        if is_open(&form.purpose) {
            let message = "nobody said what this workflow is for";
            self.tell(
                doc.warning("workflow/no-purpose", "/purpose", message)
                    .help("write a sentence: approvers and auditors read it"),
            );
        }
        Some(Workflow {
            name: name.to_owned(),
            purpose: form.purpose,
            owner,
            incident_owner,
            mode: self.mode(&doc, name, form.mode),
            roles: form.roles,
            models: form.models,
            prompts: form.prompts,
            sources: form.sources,
            acts,
            authoriser: self.authoriser(&doc, form.authoriser, known),
            hosted_tools: match form.hosted_tools {
                HostedToolsForm::Refuse => HostedTools::Refuse,
                HostedToolsForm::Strip => HostedTools::Strip,
                HostedToolsForm::Approve => HostedTools::Approve,
            },
            media: form.media,
            writes_ifc: form.ifc.is_some(),
            limits,
            recorded_millionths: self.recorded(&doc, form.record.content),
            risks: form.risks,
        })
    }

    /// The share of sessions that are recorded in full, in millionths.
    fn recorded(&mut self, doc: &Document, share: f64) -> u32 {
        if !(0.0..=1.0).contains(&share) {
            let message = format!("`content` is a share of sessions, from 0 to 1, and {share} is none");
            self.tell(
                doc.error("workflow/record", "/record/content", message)
                    .help("write 0.05 for five in a hundred"),
            );
            return 0;
        }
        // In range, so nothing is cut off.
        (share * 1e6).round() as u32
    }

    /// The authoriser must be a model that can be asked by an exact name.
    fn authoriser(&mut self, doc: &Document, id: Option<String>, known: &Known<'_>) -> Option<String> {
        let id = id?;
        match known.models.get(&id) {
            None => {
                let message = format!("there is no model `{id}`");
                let help = did_you_mean(&id, known.models.keys().map(String::as_str));
                self.tell(doc.error("workflow/unknown-authoriser", "/authoriser", message).help(help));
            }
            Some(model) if model.exact_name().is_none() => {
                let message = format!("the model `{id}` has no name that the gateway could ask for itself");
                let help = format!("give `version`, or a name without `*`, in models/{id}.yaml");
                self.tell(doc.error("workflow/unnamed-authoriser", "/authoriser", message).help(help));
            }
            Some(_) => {}
        }
        Some(id)
    }

    /// The mode in force. Loosening it from outside is allowed and never silent.
    fn mode(&mut self, doc: &Document, name: &str, form: ModeForm) -> Mode {
        let written = match form {
            ModeForm::Observe => Mode::Observe,
            ModeForm::Suggest => Mode::Suggest,
            ModeForm::Enforce => Mode::Enforce,
        };
        let mode = self.overrides.mode.for_workflow(name).unwrap_or(written);
        if mode != written {
            let message = format!(
                "PLIMSOLL_MODE makes this workflow `{}`; the repository says `{}`",
                mode.name(),
                written.name()
            );
            self.tell(doc.warning("override/mode", "/mode", message));
        }
        mode
    }

    fn references<'n>(
        &mut self,
        doc: &Document,
        key: &str,
        what: &str,
        ids: &[String],
        known: impl Iterator<Item = &'n str> + Clone,
    ) {
        for (i, id) in ids.iter().enumerate() {
            if known.clone().any(|k| k == id) {
                continue;
            }
            let extension = if what == "prompt" { "md" } else { "yaml" };
            let file = format!("{key}/{id}.{extension}");
            let message = format!("there is no {what} `{id}`");
            let diagnostic = doc.error("workflow/unknown-reference", &format!("/{key}/{i}"), message);
            self.unknown(diagnostic, id, &file, known.clone());
        }
    }

    fn risks(&mut self, doc: &Document, risks: &[String]) {
        let tree = self.tree;
        let known = || tree.in_folder("risks", ".yaml").map(|(_, name)| name);
        for (i, risk) in risks.iter().enumerate().filter(|(_, risk)| known().all(|k| k != *risk)) {
            let message = format!("there is no risk `{risk}`");
            let help = crate::suggest::did_you_mean(risk, known());
            self.tell(doc.error("workflow/unknown-reference", &format!("/risks/{i}"), message).help(help));
        }
    }

    fn limit(
        &mut self,
        doc: &Document,
        at: &str,
        form: &LimitForm,
        acts: &BTreeMap<ToolName, Boundary>,
        known: &Known<'_>,
    ) -> Option<Limit> {
        let tool = match &form.tool {
            Some(text) => Some(self.tool_name(doc, &format!("{at}/tool"), text)?),
            None => None,
        };
        if let Some(name) = &tool {
            let place = format!("{at}/tool");
            let exists = self.known_tool(doc, &place, name, known.servers).is_some();
            if exists && !acts.contains_key(name) {
                let message = format!("`{name}` is limited here, but `acts` does not list it");
                self.tell(
                    doc.error("limits/not-listed", &place, message).help("list it, or take the limit out"),
                );
            }
        }
        let window_s = match form.window.seconds() {
            Ok(seconds) => seconds,
            Err(help) => {
                self.tell(
                    doc.error("limits/window", &format!("{at}/window"), "this is no stretch of time")
                        .help(help),
                );
                return None;
            }
        };
        let (measure, at_most) = match (form.calls, &form.amount) {
            (Some(calls), None) => (LimitMeasure::Calls, calls),
            (None, Some(amount)) => match amount.hundredths() {
                Ok(hundredths) => {
                    self.has_amount(doc, &format!("{at}/amount"), tool.as_ref(), acts, known);
                    (LimitMeasure::Amount, hundredths)
                }
                Err(help) => {
                    self.tell(
                        doc.error("limits/amount", &format!("{at}/amount"), "this is no amount").help(help),
                    );
                    return None;
                }
            },
            _ => {
                let message = "a limit counts either `calls` or an `amount`";
                self.tell(
                    doc.error("limits/measure", at, message).help("write `calls: 10` or `amount: 500`"),
                );
                return None;
            }
        };
        let per = match form.per {
            PerForm::Workflow => LimitPer::Workflow,
            PerForm::Principal => LimitPer::Principal,
            PerForm::Requester => LimitPer::Requester,
        };
        Some(Limit { tool, per, window_s, measure, at_most })
    }

    /// A budget over arguments that nobody declared would never be reached.
    fn has_amount(
        &mut self,
        doc: &Document,
        at: &str,
        tool: Option<&ToolName>,
        acts: &BTreeMap<ToolName, Boundary>,
        known: &Known<'_>,
    ) {
        let find = |name: &ToolName| known.servers.get(&name.server)?.tools.get(&name.tool);
        let counted: Vec<_> = match tool {
            Some(name) => find(name).into_iter().collect(),
            None => acts.keys().filter_map(find).collect(),
        };
        let counts =
            counted.iter().any(|t| t.meaning.roles.values().any(|role| *role == ArgumentRole::Amount));
        if !counted.is_empty() && !counts {
            let message = "this budget can never be reached: no argument has the role `amount`";
            let help = "say in tools/<server>.yaml which argument is the amount: `args: {amount: amount}`";
            self.tell(doc.error("limits/no-amount", at, message).help(help));
        }
    }
}
