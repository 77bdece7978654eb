//! What must always hold, asked about: whatever the rules permit, an invariant must not forbid.
//!
//! An invariant of the repository (`policies/invariants/`) is in force like any rule that forbids, so the
//! question is whether the *other* rules need it: they are asked without it. What comes with Plimsoll and
//! what another state of the repository said are *claims*: they decide nothing, and are asked of all rules
//! in force.

use std::collections::{BTreeMap, HashSet};

use cedar_policy::{Effect, PolicyId, PolicySet, Schema};
#[cfg(test)]
use plimsoll_core::{Assume, Case};
use plimsoll_core::{Digest, ToolName};

use super::policy::{self, RuleKind};
use super::probe::{Memo, Probe};
use super::reads::Reads;
use super::votes::{Assumed, Under};
use super::{Engine, Parts, PolicyFile, Rule, assume, literals};
use crate::Diagnostic;

/// Rules that are only asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claims<'a>(&'a [PolicyFile]);

impl Claims<'_> {
    pub(super) const fn none() -> Self {
        Self(&[])
    }

    /// Adds each rule that means something here, and says which do not, with the reason.
    pub(super) fn join(
        self,
        rules: &mut Vec<Rule>,
        schema: &Schema,
        inhabited: HashSet<String>,
    ) -> Vec<(String, String)> {
        let mut unasked = Vec::new();
        for file in self.0 {
            let (found, wrong) = policy::load(std::slice::from_ref(file), schema, inhabited.clone());
            if let Some(wrong) = wrong.iter().find(|wrong| wrong.is_error()) {
                let names = found.iter().map(|rule| rule.id.clone());
                unasked.extend(names.map(|id| (id, wrong.message.clone())));
                continue;
            }
            let first = rules.len();
            rules.extend(found.into_iter().filter(|rule| rule.policy.effect() == Effect::Forbid).map(
                |rule| {
                    // Rules in force may have the same name.
                    let name = PolicyId::new(format!("{CLAIM}{}", rule.id));
                    Rule {
                        policy: rule.policy.new_id(name.clone()),
                        id: name.to_string(),
                        rank: first + rule.rank,
                        kind: RuleKind::Claim,
                        ..rule
                    }
                },
            ));
        }
        unasked
    }
}

/// Before the name of a claim.
const CLAIM: &str = "claim ";

/// One invariant or claim, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invariant {
    /// As the engine knows it.
    pub(crate) key: String,
    /// As its file names it.
    pub(crate) id: String,
    /// Its own sentence.
    pub(crate) says: String,
    /// What it says, apart from how it is named.
    pub(crate) content: Digest,
    /// It stands in `policies/invariants/` and is in force.
    pub(crate) in_force: bool,
}

impl Invariant {
    /// One that can't be asked about.
    pub(crate) fn unknown(id: &str) -> Self {
        let (key, says, content) = (String::new(), String::new(), Digest::of(b""));
        Self { key, id: id.to_owned(), says, content, in_force: false }
    }
}

/// A question for a solver: is everything that the first set allows also allowed by the second?
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) allowed: PolicySet,
    pub(crate) within: PolicySet,
    /// What the first set and the invariant read.
    pub(crate) reads: Facts,
}

/// Which facts matter to a question.
#[derive(Debug, Default)]
pub(crate) struct Facts(Reads);

impl Facts {
    pub(crate) fn has(&self, group: &str, name: &str) -> bool {
        self.0.has(group, name)
    }

    pub(crate) fn principal(&self) -> bool {
        self.0.principal
    }
}

/// An engine to ask questions of.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) engine: Engine,
    pub(crate) schema: Schema,
}

impl Ask {
    /// # Errors
    /// What is wrong with the policies.
    pub(crate) fn new(parts: Parts<'_>, claims: &[PolicyFile]) -> Result<Self, Vec<Diagnostic>> {
        let engine = Engine::compile_with(parts, Claims(claims))?;
        let schema = super::schema::parse(&engine.schema_text).map_err(|d| vec![d])?;
        Ok(Self { engine, schema })
    }

    /// Everything that can be asked about, in the order of the files; then what can't, with the reason.
    pub(crate) fn invariants(&self) -> (Vec<Invariant>, &[(String, String)]) {
        let mut rules: Vec<&Rule> =
            self.engine.rules.values().filter(|rule| rule.kind != RuleKind::Policy).collect();
        rules.sort_by_key(|rule| rule.rank);
        let one = |rule: &Rule| Invariant {
            key: rule.id.clone(),
            id: rule.id.strip_prefix(CLAIM).unwrap_or(&rule.id).to_owned(),
            says: rule.reason.clone().unwrap_or_default(),
            content: literals::content(&literals::json(&rule.policy)),
            in_force: rule.kind == RuleKind::Net,
        };
        (rules.into_iter().map(one).collect(), &self.engine.unasked)
    }

    /// The acts whose scope a rule may match, each in the workflows that list it.
    pub(crate) fn acts(&self) -> BTreeMap<&ToolName, Vec<&str>> {
        let mut acts: BTreeMap<&ToolName, Vec<&str>> = BTreeMap::new();
        for (workflow, slices) in &self.engine.slices {
            for tool in slices.keys() {
                acts.entry(tool).or_default().push(workflow);
            }
        }
        acts
    }
}

impl Probe<'_> {
    /// Whether the invariant can say anything about this act.
    pub(crate) fn concerns(&self, key: &str) -> bool {
        self.asked.iter().any(|asked| asked.rule.id == key)
    }

    /// Where the rules allow what the invariant forbids, in a case with these numbers; `None` when one of them was
    /// not asked yet.
    pub(crate) fn breaches(&self, memo: &Memo, numbers: &[u32], invariant: &Invariant) -> Option<Under> {
        let forbidden = self.votes_of(memo, numbers, |rule| rule.id == invariant.key)?.forbidden();
        if forbidden == Under::default() {
            return Some(forbidden);
        }
        let others = self.votes_of(memo, numbers, |rule| counts(rule.kind, invariant))?;
        Some(forbidden.and(others.permitted()))
    }

    /// The question for a solver.
    pub(crate) fn question(&self, invariant: &Invariant) -> Result<Question, String> {
        let mut reads = Reads::default();
        let mut allowed = Vec::new();
        let mut within = Vec::new();
        for asked in &self.asked {
            if counts(asked.rule.kind, invariant) {
                allowed.push(asked.rule.policy.clone());
                reads.extend(&asked.rule.reads);
            }
            if asked.rule.id == invariant.key {
                within.push(asked.rule.policy.clone());
                reads.extend(&asked.rule.reads);
            }
        }
        allowed.extend(assume::policy(self.slice, &reads)?);
        within.push(anything()?);
        let set = |policies| PolicySet::from_policies(policies).map_err(|e| e.to_string());
        Ok(Question { allowed: set(allowed)?, within: set(within)?, reads: Facts(reads) })
    }

    /// Whether there is nothing to ask: a rule that counts says the same, or none permits anything.
    pub(crate) fn plainly_holds(&self, invariant: &Invariant) -> bool {
        let mut counted = self.asked.iter().filter(|asked| counts(asked.rule.kind, invariant));
        let same = counted.clone().any(|asked| asked.page.content == invariant.content);
        same || !counted.any(|asked| asked.rule.policy.effect() == Effect::Permit)
    }

    /// The rules that permit a case with these numbers.
    pub(crate) fn permits_of(&self, memo: &Memo, numbers: &[u32], assumed: Assumed) -> Vec<String> {
        let permits = self.asked.iter().filter(|asked| asked.rule.policy.effect() == Effect::Permit);
        let applies = |id: &str| {
            let votes = self.votes_of(memo, numbers, |rule| rule.id == id);
            votes.is_some_and(|votes| votes.permitted().has(assumed))
        };
        permits.map(|asked| asked.rule.id.clone()).filter(|id| applies(id)).collect()
    }

    /// The rules in force that forbid and are not plainly free of errors, each with what it reads.
    pub(crate) fn forbids_that_may_err(&self) -> Vec<(&str, cedar_policy::Policy, Facts)> {
        let decides = self.asked.iter().filter(|asked| asked.rule.kind.decides());
        let forbids = decides.filter(|asked| asked.rule.policy.effect() == Effect::Forbid);
        let may_err = forbids.filter(|asked| literals::may_err(&literals::json(&asked.rule.policy)));
        let one = |asked: &super::probe::Asked<'_>| {
            let reads = Facts(asked.rule.reads.clone());
            (asked.rule.policy.clone(), reads)
        };
        may_err
            .map(|asked| (asked.rule.id.as_str(), one(asked)))
            .map(|(id, (policy, reads))| (id, policy, reads))
            .collect()
    }

    /// What a solver is told that requests are, of every fact that is read.
    #[cfg(test)]
    pub(crate) fn assumed(&self) -> Result<PolicySet, String> {
        let policy = assume::policy(self.slice, &self.slice.reads)?;
        PolicySet::from_policies(policy.into_iter().chain([anything()?])).map_err(|e| e.to_string())
    }

    /// Whether a request that the engine builds is so.
    #[cfg(test)]
    pub(crate) fn is_as_assumed(
        &self,
        assumed: &PolicySet,
        case: &Case<'_>,
        assume: &Assume,
    ) -> Result<bool, String> {
        let known = super::context::known(&super::context::Facts::of(self.slice, case, assume))?;
        let context = super::context::of_facts(&self.slice.reads, known)?;
        let principal = super::slice::principal_uid(self.slice, case.principal);
        let (action, resource) = (self.slice.action.clone(), self.slice.resource.clone());
        let request = cedar_policy::Request::new(principal, action, resource, context, None);
        let entities = super::slice::entities(self.slice, &self.slice.reads, case)?;
        let answer = cedar_policy::Authorizer::new().is_authorized(
            &request.map_err(|e| e.to_string())?,
            assumed,
            &entities,
        );
        match answer.diagnostics().errors().next() {
            Some(error) => Err(error.to_string()),
            None => Ok(answer.decision() == cedar_policy::Decision::Allow),
        }
    }

    /// The action that a solver is asked about.
    pub(crate) fn action(&self) -> cedar_policy::EntityUid {
        self.slice.action.clone()
    }
}

/// Whether a rule is among those that must not need the invariant.
fn counts(kind: RuleKind, invariant: &Invariant) -> bool {
    match kind {
        RuleKind::Policy => true,
        RuleKind::Net => !invariant.in_force,
        RuleKind::Claim => false,
    }
}

fn anything() -> Result<cedar_policy::Policy, String> {
    let id = PolicyId::new("anything");
    cedar_policy::Policy::parse(Some(id), "permit (principal, action, resource);").map_err(|e| e.to_string())
}
