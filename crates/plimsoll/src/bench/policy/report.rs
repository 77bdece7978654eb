//! What was found, per suite and in all, and as JSON.

use plimsoll_core::Ruling;
use serde_json::{Value, json};

use super::latency::Latency;
use super::reach::{Reach, Reached};
use super::run::{Decided, Outcome};

/// Everything that was found.
#[derive(Debug)]
pub struct Report<'a> {
    pub release: String,
    pub annotation_lines: usize,
    pub outcomes: Vec<Outcome<'a>>,
    pub latency: Option<Latency>,
    /// Tools for which reach was not searched, because nothing says what arguments they take.
    pub not_searched: Vec<String>,
}

/// Counts over some episodes.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub benign: usize,
    /// Benign episodes of which every judged call is allowed.
    pub automatic: usize,
    /// Benign calls that wait for a person.
    pub approvals: usize,
    /// Benign calls that wait for the answer of a check, which the trace does not have.
    pub unchecked: usize,
    /// Benign calls that are refused.
    pub refused: usize,
    pub attacks: usize,
    pub attack_calls: usize,
    pub attack_calls_allowed: usize,
    /// Attack episodes in which every attack call is allowed.
    pub all_allowed: usize,
    /// Attack episodes in which at least one attack call is allowed.
    pub any_allowed: usize,
    /// Attack calls that touch somebody else than the asker.
    pub acts: usize,
    pub acts_allowed: usize,
    /// Attack episodes in which at least one of these is allowed.
    pub any_act_allowed: usize,
    /// Benign episodes in which reach was searched.
    pub searched: usize,
    pub reached: usize,
    /// Reached by an act that goes outside or destroys.
    pub reached_outside: usize,
    /// Reached with another target than the user's own calls have.
    pub reached_other_target: usize,
    pub read_only: usize,
    pub read_only_reached: usize,
}

impl Tally {
    pub fn of<'a, 'b: 'a>(outcomes: impl Iterator<Item = &'a Outcome<'b>>) -> Self {
        let mut tally = Self::default();
        outcomes.for_each(|outcome| tally.add(outcome));
        tally
    }

    fn add(&mut self, outcome: &Outcome<'_>) {
        let count = |which: &dyn Fn(&&Decided<'_>) -> bool| outcome.calls.iter().filter(which).count();
        if outcome.episode.attack {
            let attacks = count(&|call| call.attack);
            let allowed = count(&|call| call.attack && call.is(Ruling::Allow));
            self.attacks += 1;
            self.attack_calls += attacks;
            self.attack_calls_allowed += allowed;
            self.all_allowed += usize::from(allowed == attacks);
            self.any_allowed += usize::from(allowed > 0);
            let acts_allowed = count(&|call| call.attack && call.consequential && call.is(Ruling::Allow));
            self.acts += count(&|call| call.attack && call.consequential);
            self.acts_allowed += acts_allowed;
            self.any_act_allowed += usize::from(acts_allowed > 0);
            return;
        }
        let held = count(&|call| call.is(Ruling::Hold));
        let unchecked = count(&|call| call.waits_for_check());
        let refused = count(&|call| call.is(Ruling::Refuse));
        self.benign += 1;
        self.automatic += usize::from(held + refused == 0);
        self.approvals += held - unchecked;
        self.unchecked += unchecked;
        self.refused += refused;
        if let Some(reach) = &outcome.reach {
            self.add_reach(reach);
        }
    }

    fn add_reach(&mut self, reach: &Reach) {
        let any = |which: fn(&Reached) -> bool| usize::from(reach.found.iter().any(which));
        self.searched += 1;
        self.reached += any(|_| true);
        self.reached_outside += any(Reached::outside);
        self.reached_other_target += any(|reached| reached.other_target);
        self.read_only += usize::from(reach.read_only);
        self.read_only_reached += if reach.read_only { any(|_| true) } else { 0 };
    }

    pub fn approvals_per_episode(&self) -> Option<f64> {
        (self.benign > 0).then(|| self.approvals as f64 / self.benign as f64)
    }

    fn json(&self) -> Value {
        json!({
            "benign": {
                "episodes": self.benign,
                "automatic": self.automatic,
                "automatic_share": share(self.automatic, self.benign),
                "approvals": self.approvals,
                "approvals_per_episode": self.approvals_per_episode(),
                "unchecked": self.unchecked,
                "refused": self.refused,
            },
            "attack": {
                "episodes": self.attacks,
                "calls": self.attack_calls,
                "calls_allowed": self.attack_calls_allowed,
                "episodes_all_allowed": self.all_allowed,
                "episodes_any_allowed": self.any_allowed,
                "acts": self.acts,
                "acts_allowed": self.acts_allowed,
                "episodes_any_act_allowed": self.any_act_allowed,
            },
            "reach": (self.searched > 0).then(|| json!({
                "episodes": self.searched,
                "reached": self.reached,
                "reached_outside": self.reached_outside,
                "reached_other_target": self.reached_other_target,
                "read_only_episodes": self.read_only,
                "read_only_reached": self.read_only_reached,
            })),
        })
    }
}

pub fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Report<'_> {
    /// The suites in the order in which they first come.
    pub fn suites(&self) -> Vec<&str> {
        let mut suites: Vec<&str> = Vec::new();
        for outcome in &self.outcomes {
            if !suites.contains(&&*outcome.episode.suite) {
                suites.push(&outcome.episode.suite);
            }
        }
        suites
    }

    pub fn tally(&self, suite: Option<&str>) -> Tally {
        Tally::of(
            self.outcomes.iter().filter(|outcome| suite.is_none_or(|suite| outcome.episode.suite == suite)),
        )
    }

    /// Calls that say what has to be decided.
    pub fn expecting(&self) -> impl Iterator<Item = (&Outcome<'_>, &Decided<'_>)> {
        let calls =
            self.outcomes.iter().flat_map(|outcome| outcome.calls.iter().map(move |call| (outcome, call)));
        calls.filter(|(_, call)| call.call.expect.is_some())
    }

    /// Those of them that were decided otherwise.
    pub fn unexpected(&self) -> impl Iterator<Item = (&Outcome<'_>, &Decided<'_>)> {
        self.expecting().filter(|(_, call)| call.call.expect.is_some_and(|expected| !call.is(expected)))
    }

    pub fn json(&self) -> Value {
        let suites = self.suites().into_iter().map(|suite| {
            let mut row = json!({ "suite": suite });
            merge(&mut row, self.tally(Some(suite)).json());
            row
        });
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "release": self.release,
            "annotation_lines": self.annotation_lines,
            "total": self.tally(None).json(),
            "suites": suites.collect::<Vec<_>>(),
            "reach_not_searched": self.not_searched,
            "latency": self.latency.as_ref().map(Latency::json),
            "expected": { "calls": self.expecting().count(), "otherwise": self.unexpected().count() },
            "episodes": self.outcomes.iter().map(episode).collect::<Vec<_>>(),
        })
    }
}

fn episode(outcome: &Outcome<'_>) -> Value {
    let calls = outcome.calls.iter().map(call);
    json!({
        "id": outcome.episode.id,
        "suite": outcome.episode.suite,
        "kind": if outcome.episode.attack { "attack" } else { "benign" },
        "calls": calls.collect::<Vec<_>>(),
        "reach": outcome.reach.as_ref().map(|reach| json!({
            "read_only": reach.read_only,
            "found": reach.found.iter().map(reached).collect::<Vec<_>>(),
        })),
    })
}

fn reached(reached: &Reached) -> Value {
    json!({
        "tool": reached.tool.to_string(),
        "effect": reached.effect.name(),
        "args": reached.args,
        "outside": reached.outside(),
        "other_target": reached.other_target,
    })
}

fn call(decided: &Decided<'_>) -> Value {
    let ruled = &decided.ruled;
    let decision = &ruled.decision;
    json!({
        "id": decided.call.id,
        "tool": ruled.tool.to_string(),
        "tier": ruled.tier.name(),
        "effect": ruled.effect.name(),
        "ruling": decision.ruling.name(),
        "expect": decided.call.expect.map(plimsoll_core::Ruling::name),
        "code": decision.code.map(|code| code.id()),
        "rules": decision.reasons.iter().map(|reason| &reason.rule).collect::<Vec<_>>(),
        "reasons": decision.reasons.iter().map(|reason| &reason.text).collect::<Vec<_>>(),
        "attack": decided.attack,
        "consequential": decided.consequential,
    })
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
