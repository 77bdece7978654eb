//! Deciding recorded acts again: under the release they were decided by, or under a candidate.
//!
//! A decision is a function of bundle and case, and an entry holds its case. So the same decision comes out again, to
//! the letter, or something is said about why it can't: a fact that is not on record, or is not what it was. Nothing
//! in this crate can reach a network, so deciding again can't do anything again.
//!
//! What a replay at this level proves: that the rules say what the record says they said. What it does not: that a
//! model would have proposed the same under another prompt, or a user asked again.

mod candidate;
mod case;

use plimsoll_core::{Assume, Code, Decision, Digest, Entry, EntryBody, Judged, Need, RuleHit, Rules as _};

pub use candidate::{Candidate, Changed, Compared, Unanswerable};

use crate::cedar::Nearest;
use crate::declared;
use crate::model::Bundle;
use case::Again;

/// The act of an entry, when it is about one that was judged, and whether it was let through.
pub fn judged(entry: &Entry) -> Option<(&Judged, bool)> {
    match &entry.body {
        EntryBody::Intent(judged) => Some((judged, true)),
        EntryBody::Decision(judged) => Some((judged, false)),
        _ => None,
    }
}

/// Why a recorded act can't be decided again: a fact of its decision is not on record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Missing {
    #[error("it was recorded before its ground and its moment were: an older Plimsoll wrote it")]
    Older,
    #[error("its principal is not on record")]
    Principal,
    #[error("a secret was taken out of its arguments before they were recorded")]
    Redacted,
    #[error("it was too long for one entry, and was shortened")]
    Shortened,
    #[error("its arguments are sealed, and were erased or can't be opened here")]
    Sealed,
    #[error("its arguments, release, schema or requester are not those its digest was taken of")]
    Altered,
    #[error("the release that decided it can't be had: {0}")]
    Release(String),
    #[error("the kept release has no workflow `{0}`")]
    Workflow(String),
}

impl Missing {
    /// One word for it, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Principal => "principal",
            Self::Redacted => "redacted",
            Self::Shortened => "shortened",
            Self::Sealed => "sealed",
            Self::Altered => "altered",
            Self::Release(_) => "release",
            Self::Workflow(_) => "workflow",
        }
    }
}

/// What came of deciding a recorded act again.
#[derive(Clone, Debug, PartialEq)]
pub enum Replayed {
    /// The same to the letter, remedies and sentences too.
    Same,
    /// The same outcome by the same rules, in other words: another Plimsoll wrote the sentences.
    Reworded,
    /// Another outcome.
    Differs(Box<Difference>),
    Missing(Missing),
}

/// Another outcome than the recorded one.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `ruling`, `code`, `rules`, `needs`, `passage`: what is not the same.
    pub of: Vec<&'static str>,
    pub recorded: Decision,
    pub again: Decision,
}

/// Decides a recorded act again under the release it was decided by.
pub fn again(entry: &Entry, judged: &Judged, passed: bool, bundle: &Bundle) -> Replayed {
    let asked = match Again::of(entry, judged) {
        Ok(asked) => asked,
        Err(missing) => return Replayed::Missing(missing),
    };
    let Some(workflow) = bundle.workflow(&entry.workflow) else {
        return Replayed::Missing(Missing::Workflow(entry.workflow.clone()));
    };
    let verdict = bundle.decide(workflow, &bundle.rules, &asked.case());
    let of = differences(&judged.decision, passed, &verdict.decision, verdict.permit.is_some());
    match (of.is_empty(), verdict.decision == judged.decision) {
        (true, true) => Replayed::Same,
        (true, false) => Replayed::Reworded,
        (false, _) => Replayed::Differs(Box::new(Difference {
            of,
            recorded: judged.decision.clone(),
            again: verdict.decision,
        })),
    }
}

/// What the rules said about a recorded act, for the engineer who keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The rules that decided: the permits where one permitted, else what forbade it.
    pub rules: Vec<RuleHit>,
    /// Rules that could not be evaluated.
    pub errors: Vec<String>,
    /// Permits that could have spoken, each with the conditions that did not hold; what lacks least first.
    pub nearest: Vec<Nearest>,
}

/// Asks the rules again what they say about a recorded act, and what each permit lacked.
///
/// # Errors
/// When a fact of the decision is not on record.
pub fn ruled(entry: &Entry, judged: &Judged, bundle: &Bundle) -> Result<Ruled, Missing> {
    let asked = Again::of(entry, judged)?;
    let judgement = bundle.rules.judge(&asked.case(), &Assume::default());
    let nearest = if judgement.permitted { Vec::new() } else { bundle.rules.nearest(&asked.case()) };
    Ok(Ruled { rules: judgement.rules, errors: judgement.errors, nearest })
}

impl Bundle {
    /// The invariant of this release that forbids a recorded act, if one does. What can't be asked forbids nothing: an act
    /// that this release does not have, and one whose facts are not on record.
    pub fn breaks_invariant(&self, entry: &Entry, judged: &Judged) -> Option<String> {
        let asked = Again::of(entry, judged).ok()?;
        let (tier, effect, account) = declared::weight(self, &judged.act.tool);
        let case = plimsoll_core::Case { tier, effect, account, ..asked.case() };
        let judgement = self.rules.judge(&case, &Assume::default());
        self.rules.invariant_among(&judgement.rules).map(|hit| hit.id.clone())
    }
}

/// The ground of a recorded decision: which kept release it is to be decided again by.
///
/// # Errors
/// When the entry does not name one.
pub fn ground(judged: &Judged) -> Result<Digest, Missing> {
    judged.ground.ok_or(Missing::Older)
}

fn differences(recorded: &Decision, passed: bool, again: &Decision, passes: bool) -> Vec<&'static str> {
    let rules = |decision: &Decision| -> Vec<String> {
        decision.reasons.iter().map(|reason| reason.rule.clone()).collect()
    };
    let mut of = Vec::new();
    let mut differs = |name, differs: bool| of.extend(differs.then_some(name));
    differs("ruling", recorded.ruling != again.ruling);
    differs("code", recorded.code != again.code);
    differs("rules", rules(recorded) != rules(again));
    differs("needs", recorded.needs != again.needs);
    differs("passage", passed != passes);
    of
}

/// What a decision says in a few words: `refuse PLM-0210 (origin, forbid-untrusted)`.
pub fn in_short(decision: &Decision) -> String {
    let code = decision.code.map(|code| format!(" {}", Code::id(code))).unwrap_or_default();
    let rules: Vec<&str> = decision.reasons.iter().map(|reason| reason.rule.as_str()).collect();
    let needs: Vec<&str> = decision
        .needs
        .iter()
        .map(|need| match need {
            Need::Check { name } => name.as_str(),
            Need::Approval(_) => "approval",
        })
        .collect();
    let needs = if needs.is_empty() { String::new() } else { format!(", needs {}", needs.join(" and ")) };
    format!("{}{code} ({}{needs})", decision.ruling.name(), rules.join(", "))
}

#[cfg(test)]
mod tests;
