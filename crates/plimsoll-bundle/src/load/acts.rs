//! The decision boundary: which tools a workflow may use, and who decides about each.
//!
//! `server.*` stands for every tool of a server, and a tool's own name wins over it. An act that can
//! do harm loads only with an owner, a failure mode and a way back; a dangerous one only with people.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use plimsoll_core::{ApprovalTerms, Tier, ToolName};

use super::{Known, Loading, is_open};
use crate::forms::WorkflowForm;
use crate::forms::workflow::{ActForm, BoundaryForm, DecidersForm, DecidesForm};
use crate::model::{Boundary, Decider, Tool};
use crate::suggest::did_you_mean;
use crate::yaml::{Document, pointer};

/// How long a question stays open unless the act says otherwise: 15 minutes.
pub(super) const EXPIRES_AFTER_S: u64 = 15 * 60;

impl Loading<'_> {
    pub(super) fn acts(
        &mut self,
        doc: &Document,
        form: &WorkflowForm,
        known: &Known<'_>,
    ) -> BTreeMap<ToolName, Boundary> {
        let mut acts = BTreeMap::new();
        let mut harmful: Vec<ToolName> = Vec::new();
        for (key, act) in &form.acts {
            let at = pointer(["acts", key.as_str()]);
            let covered = self.covered(doc, &at, key, form, known);
            let boundary = self.boundary(doc, &at, act.as_ref(), &covered);
            let decides = self.decides(doc, &at, act.as_ref(), &covered, known);
            for tool in covered {
                if tool.tier != Tier::Safe {
                    harmful.push(tool.name.clone());
                }
                acts.insert(tool.name.clone(), Boundary { decides: decides.clone(), ..boundary.clone() });
            }
        }
        self.owners(doc, form, &harmful);
        self.checks_listed(doc, &acts, known);
        acts
    }

    /// The tools a key stands for: its own, or those of the server that have no key of their own.
    fn covered(
        &mut self,
        doc: &Document,
        at: &str,
        key: &str,
        form: &WorkflowForm,
        known: &Known<'_>,
    ) -> Vec<Arc<Tool>> {
        let place = doc.key(at);
        let Some(server) = key.strip_suffix(".*") else {
            let Some(name) = self.tool_name(doc, at, key) else { return Vec::new() };
            return self
                .keyed(place, |this| this.known_tool(doc, at, &name, known.servers).cloned())
                .into_iter()
                .collect();
        };
        let any = ToolName::new(server, "*");
        match known.servers.get(server) {
            Some(server) => {
                let own = |tool: &Arc<Tool>| !form.acts.contains_key(&tool.name.to_string());
                server.tools.values().filter(|tool| own(tool)).cloned().collect()
            }
            None => {
                self.keyed(place, |this| this.known_tool(doc, at, &any, known.servers).cloned());
                Vec::new()
            }
        }
    }

    /// Lets what is found point at a key rather than at what stands under it.
    fn keyed<T>(&mut self, place: Range<usize>, ask: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.found.len();
        let answer = ask(self);
        for diagnostic in &mut self.found[before..] {
            diagnostic.range = Some(place.clone());
        }
        answer
    }

    /// What happens on failure, and the way back.
    fn boundary(
        &mut self,
        doc: &Document,
        at: &str,
        act: Option<&ActForm>,
        covered: &[Arc<Tool>],
    ) -> Boundary {
        let full = full(act);
        let harmful: Vec<&Arc<Tool>> = covered.iter().filter(|tool| tool.tier != Tier::Safe).collect();
        let open = [
            (
                "on_failure",
                "acts/no-failure-mode",
                &full.on_failure,
                "what happens, and who notices, when it goes wrong",
            ),
            ("way_back", "acts/no-way-back", &full.way_back, "how it is undone, or that it can't be"),
        ];
        for (key, id, text, meaning) in open {
            if harmful.is_empty() || !is_open(text) {
                continue;
            }
            let message = format!("{} can do harm, and `{key}` is not written", several(&harmful));
            let place = if text.is_empty() { doc.key(at) } else { doc.at(&format!("{at}/{key}")) };
            let help = format!("write `{key}: …`: {meaning}");
            self.tell(doc.error(id, at, message).at(place).help(help));
        }
        Boundary {
            decides: Decider::Automated,
            untrusted: matches!(&full.decides, Some(DecidesForm::People(people)) if people.untrusted),
            on_failure: full.on_failure,
            way_back: full.way_back,
        }
    }

    fn decides(
        &mut self,
        doc: &Document,
        at: &str,
        act: Option<&ActForm>,
        covered: &[Arc<Tool>],
        known: &Known<'_>,
    ) -> Decider {
        if let Some(DecidesForm::People(people)) = full(act).decides {
            return Decider::People(self.terms(doc, &format!("{at}/decides"), &people, known));
        }
        let dangerous: Vec<&Arc<Tool>> = covered.iter().filter(|tool| tool.tier == Tier::Dangerous).collect();
        if !dangerous.is_empty() {
            let message =
                format!("{} is dangerous: people decide, never the machine alone", several(&dangerous));
            let role = known.roster.roles.keys().next().map_or("reviewer", String::as_str);
            let help = format!("write `decides: {{people: [{role}]}}`");
            let automated = format!("{at}/decides");
            let place =
                if doc.value.pointer(&automated).is_some() { doc.at(&automated) } else { doc.key(at) };
            self.tell(doc.error("acts/dangerous-automated", at, message).at(place).help(help));
        }
        Decider::Automated
    }

    /// Roles that exist, that somebody has, and a quorum that can be reached.
    fn terms(&mut self, doc: &Document, at: &str, form: &DecidersForm, known: &Known<'_>) -> ApprovalTerms {
        let roster = known.roster;
        let default = form.people.first().and_then(|role| roster.roles.get(role)).copied().unwrap_or(1);
        let quorum = form.quorum.unwrap_or(default);
        let mut all_known = !roster.broken;
        for (i, role) in form.people.iter().enumerate() {
            let place = format!("{at}/people/{i}");
            if roster.broken {
                continue;
            }
            if !roster.roles.contains_key(role) {
                all_known = false;
                let diagnostic = doc.error(
                    "people/unknown-role",
                    &place,
                    format!("nobody in people.yaml has the role `{role}`"),
                );
                let help = if roster.roles.is_empty() {
                    format!("write people.yaml: `people: {{ada: {{roles: [{role}]}}}}`")
                } else {
                    did_you_mean(role, roster.roles.keys().map(String::as_str))
                };
                self.tell(diagnostic.help(help));
            } else if roster.count(std::slice::from_ref(role)) == 0 {
                let message = format!("the role `{role}` is declared, but nobody has it");
                self.tell(
                    doc.warning("people/nobody", &place, message).help("give it to somebody in people.yaml"),
                );
            }
        }
        let count = roster.count(&form.people);
        if all_known && usize::try_from(quorum).is_ok_and(|quorum| quorum > count) {
            let message = format!(
                "{quorum} people must say yes, but only {count} have the roles {}",
                form.people.join(", ")
            );
            let place = if form.quorum.is_some() { format!("{at}/quorum") } else { at.to_owned() };
            self.tell(
                doc.error("people/quorum", &place, message)
                    .help("lower `quorum`, or give the role to more people"),
            );
        }
        let expires_after_s =
            form.expires.as_ref().map_or(Ok(EXPIRES_AFTER_S), crate::forms::Duration::seconds);
        let expires_after_s = expires_after_s.unwrap_or_else(|help| {
            self.tell(
                doc.error("acts/expires", &format!("{at}/expires"), "this is no stretch of time").help(help),
            );
            EXPIRES_AFTER_S
        });
        ApprovalTerms { roles: form.people.clone(), quorum, expires_after_s }
    }

    fn owners(&mut self, doc: &Document, form: &WorkflowForm, harmful: &[ToolName]) {
        if is_open(&form.owner) {
            let help = "write `owner: <who answers for it>`";
            if let Some(first) = harmful.first() {
                let message = format!("this workflow can do harm (`{first}`) and has no owner");
                self.tell(doc.error("acts/no-owner", "/owner", message).help(help));
            } else {
                self.tell(
                    doc.warning("workflow/no-owner", "/owner", "this workflow has no owner").help(help),
                );
            }
        }
        if form.incident_owner.as_deref().is_some_and(is_open) {
            let message = "nobody is named who is called when it misbehaves";
            self.tell(
                doc.warning("workflow/no-incident-owner", "/incident_owner", message)
                    .help("name somebody, or take the line out: then it is the owner"),
            );
        }
    }

    /// A check is a safe act of its own, so the workflow must list the tool it calls.
    fn checks_listed(&mut self, doc: &Document, acts: &BTreeMap<ToolName, Boundary>, known: &Known<'_>) {
        for name in acts.keys() {
            let tool = known.servers.get(&name.server).and_then(|server| server.tools.get(&name.tool));
            for check in tool.iter().flat_map(|tool| &tool.checks) {
                if !acts.contains_key(&check.call) && known.servers.contains_key(&check.call.server) {
                    let message = format!(
                        "`{name}` is checked with `{}`, which this workflow does not list",
                        check.call
                    );
                    let at = pointer(["acts", &name.to_string()]);
                    self.tell(
                        doc.error("acts/check-not-listed", &at, message)
                            .at(doc.key(&at))
                            .help(format!("add `{}: automated` to `acts`", check.call)),
                    );
                }
            }
        }
    }
}

fn full(act: Option<&ActForm>) -> BoundaryForm {
    match act {
        Some(ActForm::Full(boundary)) => boundary.clone(),
        Some(ActForm::Short(_)) | None => BoundaryForm::default(),
    }
}

/// `` `desk.a` ``, or `` `desk.a`, `desk.b` and 3 more ``.
fn several(tools: &[&Arc<Tool>]) -> String {
    let names: Vec<String> = tools.iter().take(2).map(|tool| format!("`{}`", tool.name)).collect();
    match tools.len() {
        0..=2 => names.join(" and "),
        n => format!("{} and {} more", names.join(", "), n - 2),
    }
}
