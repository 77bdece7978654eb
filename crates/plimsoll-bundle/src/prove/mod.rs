//! Invariants: what must always hold, proved where a solver is at hand, and otherwise tried.
//!
//! An *invariant* is a policy that forbids. Those of a repository (`policies/invariants/*.cedar`) are a net: they
//! are in force and so hold by construction, and the question here is whether anything would fall into it: the
//! other policies are asked without it. Those that come with Plimsoll are asked of everything in force. For each act and each invariant:
//! *is everything that the policies allow also allowed by the invariant?*
//!
//! With `cvc5` that is answered for every request there can be ([`Solver`]). Without, the cases of the behaviour
//! diff are tried with the engine itself ([`tried`]), and the answer says that this is no proof.
//! What does not stand in policies but in the program (`decide`, votes) is tried over all its inputs ([`laws`]).

mod inquiry;
mod laws;
pub mod render;
mod solver;
#[cfg(test)]
mod tests;
mod tried;
mod words;

use serde::Serialize;
use serde_json::Value;

pub(crate) use self::inquiry::Inquiry;
pub use self::laws::{Law, laws};
pub use self::solver::{Answer, Query, Solver, What};
use crate::diagnostic::Diagnostic;
use crate::diff::Place;
use crate::model::Bundle;
use crate::tree::Tree;

/// What is known about the invariants of one state of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct Proofs {
    /// How it is known.
    pub by: By,
    pub invariants: Vec<Proof>,
    /// Policies that forbid and may err; an act that one errs on is refused.
    pub erring: Vec<Erring>,
    /// What holds in the program itself, whatever the policies say.
    pub laws: Vec<Law>,
}

/// How an answer was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "by")]
pub enum By {
    /// Asked for every request there can be.
    Solver { version: String },
    /// Tried case by case; and why no solver was asked.
    Trying { because: String },
}

/// One invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    pub invariant: String,
    /// Its own sentence, where it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub says: String,
    /// Where it stands; `None`: it comes with Plimsoll.
    pub place: Option<Place>,
    /// It is a rule in force, so what it forbids is refused whatever is found here.
    pub in_force: bool,
    /// Acts of workflows that it speaks about.
    pub acts: usize,
    /// Cases tried with the engine.
    pub cases: usize,
    /// Which cases were tried of acts that have too many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// No request there can be breaks it.
    Proved,
    /// None of the cases tried breaks it. That is no proof.
    Tried,
    /// The policies allow what it forbids, and it is not in force.
    Broken(Box<Counterexample>),
    /// It is in force and refuses what the other policies allow: it holds by itself alone.
    Alone(Box<Counterexample>),
    /// Neither proved nor broken: the solver gave up or failed.
    Untold { because: String },
    /// It speaks about no act of this repository.
    Idle,
}

/// A request that the policies allow and the invariant does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counterexample {
    pub workflow: String,
    pub tool: String,
    /// `an agent`, `any principal`.
    pub who: String,
    /// Arguments, where the case was made with some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// What has to be so, a phrase each.
    pub given: Vec<String>,
    /// The policies that permit it.
    pub permitted_by: Vec<String>,
}

/// A policy that forbids and may err.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Erring {
    pub policy: String,
    pub place: Option<Place>,
    /// A request on which it errs, in phrases; empty when nobody could say.
    pub given: Vec<String>,
    /// The act it was asked about.
    pub tool: String,
    /// Why it can't be told, when it can't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// How far one can rely on invariants, the best first: for exit codes and gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Assurance {
    /// All of it holds for every request: proved, or a rule in force.
    Proved,
    /// Nothing found against any of it, and not all of it proved.
    Tried,
    /// Neither proved nor broken, where a solver was asked.
    Untold,
    Broken,
}

impl Proofs {
    /// How far one can rely on it, the weakest invariant first.
    pub fn assurance(&self) -> Assurance {
        let of = |proof: &Proof| match proof.outcome {
            Outcome::Proved | Outcome::Alone(_) | Outcome::Idle => Assurance::Proved,
            Outcome::Tried => Assurance::Tried,
            Outcome::Untold { .. } => Assurance::Untold,
            Outcome::Broken(_) => Assurance::Broken,
        };
        let laws = self
            .laws
            .iter()
            .map(|law| if law.broken.is_none() { Assurance::Proved } else { Assurance::Broken });
        self.invariants.iter().map(of).chain(laws).max().unwrap_or(Assurance::Proved)
    }
}

/// Asks every invariant of a repository, and the program's own laws.
///
/// # Errors
/// What is wrong with the policies; a bundle that was loaded from this tree has nothing.
pub fn prove(
    bundle: &Bundle,
    tree: &Tree,
    solver: Result<&dyn Solver, String>,
) -> Result<Proofs, Vec<Diagnostic>> {
    let inquiry = Inquiry::new(bundle, tree, &[])?;
    let invariants = inquiry.run(solver.as_ref().ok().copied(), &|_, _| true);
    let erring = inquiry.erring(solver.as_ref().ok().copied());
    let by = match solver {
        Ok(solver) => By::Solver { version: solver.version().to_owned() },
        Err(because) => By::Trying { because },
    };
    Ok(Proofs { by, invariants, erring, laws: laws() })
}
