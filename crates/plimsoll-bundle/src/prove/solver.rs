//! What a solver is asked, and what it may answer. Who asks one stands outside: this crate starts no program and
//! reaches nothing.
//!
//! Nothing it says against a policy is believed unseen: a counterexample is given to the engine, which has to agree.

use cedar_policy::{Authorizer, Decision, Entities, EntityUid, Policy, PolicySet, Request, Schema};

use super::{Counterexample, words};
use crate::cedar::{Facts, Probe};

/// One who can say something about every request there can be.
pub trait Solver: Sync {
    /// Its name and version, as people are told it.
    fn version(&self) -> &str;

    /// Answers in the order of the questions.
    fn ask(&self, schema: &Schema, queries: &[&Query]) -> Vec<Answer>;
}

/// One question about one act.
#[derive(Debug)]
pub struct Query {
    pub action: EntityUid,
    pub what: What,
    /// The kinds of principal to ask for: one, where no policy looks at the principal.
    pub kinds: &'static [&'static str],
    /// The facts that a counterexample is told by.
    reads: Facts,
}

#[derive(Debug)]
pub enum What {
    /// Is everything that the first allows allowed by the second?
    Implies(Box<PolicySet>, Box<PolicySet>),
    /// Does it never err?
    NeverErrs(Box<Policy>),
}

#[derive(Debug)]
pub enum Answer {
    Holds,
    /// A request, with its entities, for which it does not hold.
    Counter(Box<(Request, Entities)>),
    /// It could not say, and why: that stands in the way of a release like a counterexample does.
    Unknown(String),
}

/// An answer that was looked at.
#[derive(Debug)]
pub(super) enum Seen {
    Holds,
    Counter(Counterexample),
    Unknown(String),
}

impl Query {
    pub(super) fn new(probe: &Probe<'_>, what: What, reads: Facts) -> Self {
        let kinds: &[&str] = if reads.principal() { &["User", "Service", "Agent"] } else { &["User"] };
        Self { action: probe.action(), what, kinds, reads }
    }

    /// The counterexample in words, once the engine agrees that it is one.
    pub(super) fn see(&self, answer: Answer) -> Seen {
        let (request, entities) = match answer {
            Answer::Holds => return Seen::Holds,
            Answer::Unknown(why) => return Seen::Unknown(why),
            Answer::Counter(found) => *found,
        };
        let authorizer = Authorizer::new();
        let asked = |policies: &PolicySet| authorizer.is_authorized(&request, policies, &entities);
        let none = || Seen::Unknown("the solver's counterexample is none for the engine".to_owned());
        let told = |permitted_by| words::counterexample(&request, &entities, &self.reads, permitted_by);
        match &self.what {
            What::Implies(allowed, within) => {
                let (first, second) = (asked(allowed), asked(within));
                if let Some(error) = first.diagnostics().errors().next() {
                    return Seen::Unknown(format!(
                        "only requests on which a policy errs were found, and those are refused: {error}"
                    ));
                }
                if (first.decision(), second.decision()) != (Decision::Allow, Decision::Deny) {
                    return none();
                }
                Seen::Counter(told(first.diagnostics().reason().map(ToString::to_string).collect()))
            }
            What::NeverErrs(policy) => {
                let alone = PolicySet::from_policies([(**policy).clone()]);
                let errs = alone.is_ok_and(|alone| asked(&alone).diagnostics().errors().next().is_some());
                if errs { Seen::Counter(told(Vec::new())) } else { none() }
            }
        }
    }
}
