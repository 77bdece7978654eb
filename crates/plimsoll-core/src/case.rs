//! A case: everything a decision may look at, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::act::{Account, Act, ActId, Effect, Mode, Tier};
use crate::approval::ApprovalTerms;
use crate::canonical;
use crate::code::Code;
use crate::digest::Digest;
use crate::drift::Drifted;
use crate::flow::Flow;
use crate::permit::PermitId;
use crate::principal::Principal;
use crate::span::Trajectory;

/// One act with its circumstances, ready to be decided.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    pub principal: &'a Principal,
    pub workflow: &'a str,
    pub environment: &'a str,
    /// The digest of the bundle in force.
    pub release: &'a str,
    pub mode: Mode,
    pub act: &'a Act,
    pub tier: Tier,
    pub effect: Effect,
    pub account: Account,
    pub trajectory: &'a Trajectory,
    /// Where its arguments came from, whether the user asked for it, what it carries.
    pub flow: &'a Flow,
    pub facts: &'a Facts,
    pub now: Timestamp,
    /// A fresh id for the permit, should there be one.
    pub permit: PermitId,
}

impl Case<'_> {
    /// What an approval and a permit are bound to: canonical JSON of workflow, tool, arguments, schema
    /// version, release and requester. Anything that changes makes another act.
    pub fn act_digest(&self) -> Digest {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(b"{\"arguments\":");
        canonical::write_value(&mut bytes, &self.act.arguments);
        let schema = self.act.schema.map(|schema| schema.to_string());
        let tool = self.act.tool.to_string();
        // In the order of their names, as canonical form has them.
        let members = [
            ("release", Some(self.release)),
            ("requester", Some(self.principal.requester())),
            ("schema", schema.as_deref()),
            ("tool", Some(&*tool)),
            ("workflow", Some(self.workflow)),
        ];
        for (name, value) in members {
            bytes.extend_from_slice(b",\"");
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b"\":");
            match value {
                Some(text) => canonical::write_text(&mut bytes, text),
                None => bytes.extend_from_slice(b"null"),
            }
        }
        bytes.push(b'}');
        Digest::of(&bytes)
    }
}

/// What is known about the case beyond the act itself. Recorded whole, so that the decision can be
/// derived again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The kill switches that cover this act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<Stop>,
    /// Hard reasons against it, found before any rule is asked: drift, invalid arguments, limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objections: Vec<Objection>,
    /// Where the world is other than the release says, as far as it touches this act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drifts: Vec<Drifted>,
    /// Where the call came from.
    pub hypothesis: Hypothesis,
    /// Who would have to approve, and the votes so far when somebody was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<ApprovalTerms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalFact>,
    /// The declared checks of this tool, run or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckFact>,
    /// Another door will judge this act before it moves anything: here it is only shown to the client.
    #[serde(default)]
    pub deferred: bool,
    /// Counters that policies may compare, for example `calls_per_minute`, `amount_per_day`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, i64>,
    /// The feature flags of the release that are on for this session.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub flags: BTreeSet<String>,
}

/// Whether a known model answer proposed this call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Hypothesis {
    /// The model answer being judged right now.
    Answer,
    /// The LLM door let this very proposal pass.
    Joined { session: String, act: ActId },
    /// No known model answer proposed it.
    #[default]
    Unknown,
}

/// Where things stand with an approval bound to this act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalFact {
    pub id: String,
    /// Enough people in the named roles said yes, none of them the requester, and it has not expired.
    pub granted: bool,
    pub denied: bool,
    pub approvers: Vec<String>,
}

/// A deterministic test of the hypothesis against a system of record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckFact {
    pub name: String,
    /// `None`: not run yet.
    pub passed: Option<bool>,
    /// What was compared, in words: `amount 12 <= order.total 49.9`.
    #[serde(default)]
    pub detail: String,
}

/// A hard reason against an act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objection {
    pub code: Code,
    pub text: String,
}

/// What a kill switch covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "scope", content = "name")]
pub enum StopScope {
    All,
    Workflow(String),
    /// `server.tool`, or a whole server as `server.*`.
    Tool(String),
    Principal(String),
}

/// A kill switch that is on. It stops guarded and dangerous acts in every mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    #[serde(flatten)]
    pub scope: StopScope,
    pub reason: String,
    pub by: String,
    pub at: Timestamp,
}

impl Stop {
    pub fn covers(&self, workflow: &str, act: &Act, principal: &Principal) -> bool {
        match &self.scope {
            StopScope::All => true,
            StopScope::Workflow(name) => name == workflow,
            StopScope::Tool(name) => match name.strip_suffix(".*") {
                Some(server) => server == act.tool.server,
                None => *name == act.tool.to_string(),
            },
            StopScope::Principal(name) => {
                *name == principal.id || Some(name) == principal.on_behalf_of.as_ref()
            }
        }
    }
}

/// The rules of a release, asked about a case. Implemented by the policy engine.
pub trait Rules {
    /// Never panics; a rule that can't be evaluated is an error in the answer, and
    /// [`decide`](crate::decide()) makes a refusal of it.
    fn judge(&self, case: &Case<'_>, assume: &Assume) -> Judgement;

    /// The same for several questions about one case: what is supposed in none of them is worked out once.
    fn about<'c>(&'c self, case: &'c Case<'c>) -> Box<dyn Fn(&Assume) -> Judgement + 'c> {
        Box::new(move |assume| self.judge(case, assume))
    }
}

/// Facts to suppose while judging, to find what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assume {
    /// Every declared check has passed.
    pub checks: bool,
    /// An approval bound to this act has been granted.
    pub approval: bool,
    /// The user had named the values of these arguments (JSON Pointers).
    pub named: Vec<String>,
    /// The user had asked for this kind of act.
    pub asked: bool,
}

/// What the rules say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    pub permitted: bool,
    /// The rules that decided: the permits when permitted, else the forbids, or none at all.
    pub rules: Vec<RuleHit>,
    /// Rules that could not be evaluated.
    pub errors: Vec<String>,
}

/// A rule that spoke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleHit {
    pub id: String,
    /// The rule's own sentence (its `@reason` annotation), when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::{Door, ToolName};
    use crate::principal::PrincipalKind;
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn an_act_is_bound_by_canonical_json_of_six_members() {
        let principal = Principal {
            id: "key:\"ada\"".to_owned(),
            kind: PrincipalKind::Agent,
            tenant: String::new(),
            roles: std::collections::BTreeSet::default(),
            on_behalf_of: None,
        };
        for schema in [None, Some(Digest::of(b"schema"))] {
            let act = Act {
                id: ActId(Uuid::nil()),
                door: Door::Tool,
                tool: ToolName::new("bank", "pay"),
                arguments: json!({ "to": "Bob", "amount": 12.50, "note": "\u{1F600}\n", "\u{FB33}": 1 }),
                schema,
                call_id: None,
            };
            let (facts, trajectory) = (Facts::default(), Trajectory::default());
            let case = Case {
                principal: &principal,
                workflow: "support",
                environment: "test",
                release: "sha256:00",
                mode: Mode::Enforce,
                act: &act,
                tier: Tier::Guarded,
                effect: Effect::External,
                account: Account::Execute,
                trajectory: &trajectory,
                flow: &Flow::default(),
                facts: &facts,
                now: Timestamp::UNIX_EPOCH,
                permit: PermitId(Uuid::nil()),
            };
            let said = json!({ "workflow": "support", "tool": act.tool, "arguments": act.arguments,
                "schema": schema, "release": "sha256:00", "requester": principal.requester() });
            assert_eq!(case.act_digest(), Digest::of_json(&said));
        }
    }
}
