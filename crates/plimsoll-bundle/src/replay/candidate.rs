//! Deciding recorded acts under another release: what would change.
//!
//! What stands in a release is taken from the candidate (tiers, who decides, checks, pins, rules); what was found out
//! about an act is taken from the record (origins, labels, counters, votes). Where the candidate says that something
//! *found out* would have come out differently (an argument has another role, a result another trust), the record can't
//! answer, and the act is listed instead of guessed at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plimsoll_core::{
    Case, CheckFact, Code, Decision, Entry, Facts, Judged, Need, Objection, Ruling, ToolName,
};

use super::Missing;
use super::case::Again;
use crate::declared;
use crate::model::{Bundle, Check, Tool};

/// Objections that stand in a release, and so are found anew.
const DECLARED: [Code; 3] = [Code::UnknownTool, Code::NotInWorkflow, Code::InvalidArguments];

/// A candidate beside the release that recorded acts were decided by.
#[derive(Debug)]
pub struct Candidate {
    recorded: Arc<Bundle>,
    candidate: Arc<Bundle>,
    changed: Changed,
    release: String,
}

/// What a candidate changes about what is found out, and so about what its record can't answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Tools whose arguments have other roles or whose asking has other words.
    pub meanings: BTreeSet<ToolName>,
    /// Tools whose results are worth something else.
    pub outputs: BTreeSet<ToolName>,
    /// Workflows whose limits differ.
    pub limits: BTreeSet<String>,
    /// Workflows whose mode differs, from and to.
    pub modes: BTreeMap<String, (plimsoll_core::Mode, plimsoll_core::Mode)>,
    /// Prompts whose text differs, or that are new or gone.
    pub prompts: BTreeSet<String>,
}

/// One act under both releases.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    pub before: Decision,
    pub after: Decision,
    /// Whether it was let through, and whether it would be.
    pub passed: bool,
    pub passes: bool,
}

/// Why a record can't say what a candidate would decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unanswerable {
    #[error("{0}")]
    Missing(Missing),
    #[error("the candidate has no workflow `{0}`")]
    Workflow(String),
    #[error("the candidate does not have `{0}`")]
    Tool(ToolName),
    #[error("the candidate gives the arguments of `{0}` other roles, or asks for it in other words")]
    Meaning(ToolName),
    #[error("the candidate says something else about what `{0}` returns, which this conversation had seen")]
    Output(ToolName),
    #[error("the candidate asks the check `{0}`, whose answer is not on record")]
    Check(String),
    #[error("the candidate pins `{0}` anew, and it was refused because it had drifted")]
    Pin(ToolName),
    #[error("the candidate has other limits, and this act had reached one")]
    Limit,
}

impl Unanswerable {
    /// One word for it, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing(missing) => missing.name(),
            Self::Workflow(_) => "workflow",
            Self::Tool(_) => "tool",
            Self::Meaning(_) => "meaning",
            Self::Output(_) => "output",
            Self::Check(_) => "check",
            Self::Pin(_) => "pin",
            Self::Limit => "limit",
        }
    }
}

impl Candidate {
    pub fn new(recorded: Arc<Bundle>, candidate: Arc<Bundle>) -> Self {
        let changed = Changed::between(&recorded, &candidate);
        let release = candidate.id.to_string();
        Self { recorded, candidate, changed, release }
    }

    pub fn changed(&self) -> &Changed {
        &self.changed
    }

    /// A tool about whose results the candidate says something else, and of which this act was the first to see one
    /// in its conversation. What such a conversation does from there on the record can't answer.
    pub fn first_sees(&self, judged: &Judged) -> Option<&ToolName> {
        let mut sources = judged.spans.iter().filter_map(|span| span.source.strip_prefix("tool:"));
        sources.find_map(|name| self.changed.outputs.iter().find(|tool| tool.to_string() == name))
    }

    /// Decides a recorded act under the candidate.
    ///
    /// # Errors
    /// When the record can't say what the candidate would decide.
    pub fn decide(&self, entry: &Entry, judged: &Judged, passed: bool) -> Result<Compared, Unanswerable> {
        let again = Again::of(entry, judged).map_err(Unanswerable::Missing)?;
        let workflow = self
            .candidate
            .workflow(&entry.workflow)
            .ok_or_else(|| Unanswerable::Workflow(entry.workflow.clone()))?;
        let name = &judged.act.tool;
        self.is_known(name)?;
        if self.changed.meanings.contains(name) {
            return Err(Unanswerable::Meaning(name.clone()));
        }
        let tainted =
            judged.trajectory.untrusted_tools.iter().find(|tool| self.changed.outputs.contains(*tool));
        if let Some(tool) = tainted.or_else(|| self.first_sees(judged)) {
            return Err(Unanswerable::Output(tool.clone()));
        }
        let limited = |objection: &Objection| matches!(objection.code, Code::RateLimited | Code::OverBudget);
        if self.changed.limits.contains(&entry.workflow) && judged.facts.objections.iter().any(limited) {
            return Err(Unanswerable::Limit);
        }
        let (facts, unasked) = self.facts(entry, judged)?;
        let (tier, effect, account) = declared::weight(&self.candidate, name);
        let case = Case {
            tier,
            effect,
            account,
            release: &self.release,
            mode: workflow.mode,
            facts: &facts,
            ..again.case()
        };
        let verdict = self.candidate.decide(workflow, &self.candidate.rules, &case);
        let waits = |need: &Need| match need {
            Need::Check { name } => unasked.iter().find(|check| *check == name).cloned(),
            Need::Approval(_) => None,
        };
        if let Some(check) = verdict.decision.needs.iter().find_map(waits).filter(|_| !facts.deferred) {
            return Err(Unanswerable::Check(check));
        }
        Ok(Compared {
            before: judged.decision.clone(),
            after: verdict.decision,
            passed,
            passes: verdict.permit.is_some(),
        })
    }

    /// Whether the candidate has what the record is about. What neither release knows is refused by both.
    fn is_known(&self, name: &ToolName) -> Result<(), Unanswerable> {
        let has = |bundle: &Bundle| match name.server.as_str() {
            ToolName::MODEL => bundle.models.contains_key(&name.tool),
            _ => bundle.find_tool(name).is_some(),
        };
        match has(&self.recorded) && !has(&self.candidate) {
            true => Err(Unanswerable::Tool(name.clone())),
            false => Ok(()),
        }
    }

    /// The facts as they would have been, and the checks that nobody asked.
    fn facts(&self, entry: &Entry, judged: &Judged) -> Result<(Facts, Vec<String>), Unanswerable> {
        let (name, recorded) = (&judged.act.tool, &judged.facts);
        let (Some(old), Some(new)) =
            (self.recorded.workflow(&entry.workflow), self.candidate.workflow(&entry.workflow))
        else {
            return Err(Unanswerable::Workflow(entry.workflow.clone()));
        };
        let (before, after) = (self.recorded.find_tool(name), self.candidate.find_tool(name));
        let pin = |tool: Option<&Arc<Tool>>| Some(tool?.pin.as_ref()?.digest);
        let drifted = recorded.objections.iter().any(|objection| objection.code == Code::SchemaDrift);
        if drifted && pin(before) != pin(after) {
            return Err(Unanswerable::Pin(name.clone()));
        }
        let mut objections = recorded.objections.clone();
        if name.server != ToolName::MODEL {
            let was = declared::objections(&self.recorded, old, name, &judged.act.arguments);
            let is = declared::objections(&self.candidate, new, name, &judged.act.arguments);
            if was != is {
                objections.retain(|objection| !DECLARED.contains(&objection.code));
                objections.extend(is);
            }
        }
        let (mut checks, mut unasked) = (Vec::new(), Vec::new());
        for check in after.into_iter().flat_map(|tool| &tool.checks) {
            let same = before.into_iter().flat_map(|tool| &tool.checks).any(|old| is_same(old, check));
            let known = recorded.checks.iter().find(|fact| same && fact.name == check.name).cloned();
            let open = || CheckFact { name: check.name.clone(), passed: None, detail: String::new() };
            let fact = known.unwrap_or_else(open);
            if fact.passed.is_none() {
                unasked.push(check.name.clone());
            }
            checks.push(fact);
        }
        let facts = Facts { objections, terms: self.candidate.terms(new, name), checks, ..recorded.clone() };
        Ok((facts, unasked))
    }
}

fn is_same(a: &Check, b: &Check) -> bool {
    (&a.name, &a.call, &a.with, &a.require) == (&b.name, &b.call, &b.with, &b.require)
}

// === impl Changed ===

impl Changed {
    /// Takes in what it changes beside another release.
    pub fn extend(&mut self, other: &Self) {
        self.meanings.extend(other.meanings.iter().cloned());
        self.outputs.extend(other.outputs.iter().cloned());
        self.limits.extend(other.limits.iter().cloned());
        self.modes.extend(other.modes.iter().map(|(name, modes)| (name.clone(), *modes)));
        self.prompts.extend(other.prompts.iter().cloned());
    }

    fn between(old: &Bundle, new: &Bundle) -> Self {
        let mut changed = Self::default();
        for tool in old.servers.values().flat_map(|server| server.tools.values()) {
            let Some(now) = new.find_tool(&tool.name) else { continue };
            if (&tool.meaning.roles, &tool.meaning.verbs) != (&now.meaning.roles, &now.meaning.verbs) {
                changed.meanings.insert(tool.name.clone());
            }
            let believed =
                |bundle: &Bundle| bundle.servers.get(&tool.name.server).is_some_and(|s| s.believed);
            if tool.meaning.output != now.meaning.output || believed(old) != believed(new) {
                changed.outputs.insert(tool.name.clone());
            }
        }
        for (name, workflow) in &old.workflows {
            let Some(now) = new.workflows.get(name) else { continue };
            if workflow.limits != now.limits {
                changed.limits.insert(name.clone());
            }
            if workflow.mode != now.mode {
                changed.modes.insert(name.clone(), (workflow.mode, now.mode));
            }
        }
        let texts = |bundle: &Bundle| -> BTreeMap<String, plimsoll_core::Digest> {
            bundle.prompts.iter().map(|(id, prompt)| (id.clone(), prompt.digest)).collect()
        };
        let (was, is) = (texts(old), texts(new));
        let differs = was.iter().filter(|(id, digest)| is.get(*id) != Some(digest));
        changed.prompts.extend(differs.map(|(id, _)| id.clone()));
        changed.prompts.extend(is.keys().filter(|id| !was.contains_key(*id)).cloned());
        changed
    }
}

// === impl Compared ===

impl Compared {
    /// What the candidate does to this act, in one word; `None` when nothing changes.
    pub fn change(&self) -> Option<&'static str> {
        use Ruling::{Allow, Hold, Refuse};
        match (self.before.ruling, self.after.ruling) {
            (Hold | Refuse, Allow) => Some("newly allowed"),
            _ if !self.passed && self.passes => Some("newly allowed"),
            (Allow | Hold, Refuse) => Some("newly refused"),
            (Allow | Refuse, Hold) => Some("newly held"),
            (_, Refuse) if self.passed && !self.passes => Some("newly refused"),
            (_, Hold) if self.passed && !self.passes => Some("newly held"),
            _ if self.before.code != self.after.code || self.before.needs != self.after.needs => {
                Some("for another reason")
            }
            _ => None,
        }
    }

    /// The rule that makes the difference, as far as one names itself.
    pub fn rule(&self) -> String {
        let mut new = self
            .after
            .reasons
            .iter()
            .filter(|reason| !self.before.reasons.iter().any(|old| old.rule == reason.rule));
        let rule = new.next().or(self.after.reasons.first());
        rule.map(|reason| reason.rule.clone()).unwrap_or_default()
    }
}
