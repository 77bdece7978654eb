//! Watching a release that is on its way: entries as they are written become figures, and figures become one of three
//! words: take it back, let it go on, or leave it where it is.
//!
//! What is watched is the record and nothing else, from the entry on that began the stage, so that a restart, or anybody
//! who has the ledger, comes to the same figures.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use plimsoll_bundle::trial::{Arm, Seen, Tally, Verdict, What};
use plimsoll_bundle::{Advance, Bundle, Environment};
use plimsoll_core::{
    ApprovalState, Digest, Entry, EntryBody, OutcomeStatus, ReleaseFigure, Ruling, ToolName,
};

use super::shadow::Shadow;
use super::state::{Known, State};

/// The stage that a release is watched in, with what was seen of it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub stage: Stage,
    pub known: Known,
    /// The first entry that was not looked at yet.
    pub next: u64,
    pub kept: Kept,
    /// Acts that were allowed and that an invariant forbids, the first of them in words.
    pub violation: Option<String>,
    /// Whether a record says already why it does not go on.
    pub told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Shadow,
    Canary,
}

/// What is counted.
#[derive(Debug)]
pub(crate) enum Kept {
    Shadow(Box<Shadow>),
    Canary(Box<Counted>),
}

/// Both arms of a canary.
#[derive(Debug)]
pub(crate) struct Counted {
    pub tally: Tally,
    live: String,
    canary: String,
    bundles: [Arc<Bundle>; 2],
}

/// What to do with a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Nothing yet.
    Wait,
    /// It stays where it is, for this reason.
    Hold(String),
    /// It may go on.
    Advance,
    /// It goes back; at once and with every conversation where it is for security.
    Back { security: bool, reason: String },
}

impl Watch {
    /// What is to be watched of this state; `None` when nothing is on its way.
    pub(crate) fn of(
        state: &State,
        live: &Arc<Bundle>,
        find: impl Fn(&Digest) -> Option<Arc<Bundle>>,
    ) -> Option<Self> {
        let place = live.project.here().cloned().unwrap_or_default();
        let (stage, known) = match (&state.canary, &state.shadow) {
            (Some(canary), _) => (Stage::Canary, canary.clone()),
            (None, Some(shadow)) => (Stage::Shadow, shadow.clone()),
            (None, None) => return None,
        };
        let bundle = find(&known.release)?;
        let kept = match stage {
            Stage::Shadow => Kept::Shadow(Box::new(Shadow::new(live, &bundle))),
            Stage::Canary => Kept::Canary(Box::new(Counted {
                tally: Tally::new(place.watch),
                live: live.id.to_string(),
                canary: bundle.id.to_string(),
                bundles: [Arc::clone(live), bundle],
            })),
        };
        let next = known.entry + 1;
        Some(Self { stage, known, next, kept, violation: None, told: false })
    }

    /// Whether it is about this state.
    pub(crate) fn is_of(&self, state: &State) -> bool {
        let known = state.canary.as_ref().or(state.shadow.as_ref());
        known == Some(&self.known)
    }

    /// Takes in an entry, opened.
    pub(crate) fn see(&mut self, seq: u64, entry: &Entry) {
        self.next = seq + 1;
        let broken = match &mut self.kept {
            Kept::Shadow(shadow) => {
                shadow.see(seq, entry);
                None
            }
            Kept::Canary(counted) => counted.see(entry),
        };
        if let Some(rule) = broken.filter(|_| self.violation.is_none()) {
            self.violation = Some(format!("entry {seq} was allowed, and the invariant `{rule}` forbids it"));
        }
    }

    /// The figures, as an entry says them.
    pub(crate) fn figures(&self) -> Vec<ReleaseFigure> {
        match &self.kept {
            Kept::Shadow(shadow) => shadow.figures(),
            Kept::Canary(counted) => counted.figures(),
        }
    }

    /// What follows from them now.
    pub(crate) fn word(&mut self, place: &Environment, now: Timestamp) -> Word {
        if let Some(reason) = &self.violation {
            return Word::Back { security: true, reason: reason.clone() };
        }
        let lasted = |seconds: u64| {
            let wanted = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            now.duration_since(self.known.since) >= wanted
        };
        let missing = match &mut self.kept {
            Kept::Shadow(shadow) => {
                let wanted = place.shadow.unwrap_or_default();
                if !lasted(wanted.for_s) || shadow.decided < wanted.decisions {
                    return Word::Wait;
                }
                None
            }
            Kept::Canary(counted) => {
                counted.tally.settle(now);
                let signals = counted.tally.signals();
                let named = |verdict: Verdict| {
                    let names = signals.iter().filter(move |signal| signal.verdict == verdict);
                    names.map(|signal| signal.name).collect::<Vec<_>>().join(", ")
                };
                let worse = named(Verdict::Worse);
                if !worse.is_empty() {
                    let reason = format!("worse than the live release: {worse}");
                    return Word::Back { security: false, reason };
                }
                let wanted = place.canary.unwrap_or_default();
                if !lasted(wanted.for_s) || counted.tally.sessions(Arm::Canary) < wanted.sessions {
                    return Word::Wait;
                }
                let open = named(Verdict::Open);
                (!open.is_empty()).then(|| format!("nobody can tell yet whether it is worse: {open}"))
            }
        };
        match (missing, place.advance) {
            (Some(why), _) => Word::Hold(why),
            (None, Advance::ByItself) => Word::Advance,
            (None, Advance::ByHand) => {
                Word::Hold("its conditions hold; a person takes it on (`advance: by-hand`)".to_owned())
            }
        }
    }
}

impl Counted {
    /// Counts an entry; the invariant that an act of the canary breaks, if it does.
    fn see(&mut self, entry: &Entry) -> Option<String> {
        let arm = match &entry.release {
            release if *release == self.canary => Arm::Canary,
            release if *release == self.live => Arm::Live,
            _ => return None,
        };
        let mut what = |what: What<'_>| {
            self.tally.see(&Seen { arm, session: &entry.session, at: entry.at, what });
        };
        match &entry.body {
            EntryBody::Intent(judged) | EntryBody::Decision(judged) => {
                let tool = judged.act.tool.to_string();
                let refused = judged.decision.ruling == Ruling::Refuse;
                let held = judged.decision.ruling == Ruling::Hold && !judged.facts.deferred;
                // A proposal is judged again at the tool door, and a model call is no tool: only a no counts of them.
                let is_act = !judged.facts.deferred && judged.act.tool.server != ToolName::MODEL;
                if is_act || refused {
                    what(What::Decided { tool: &tool, refused, held });
                }
                let allowed =
                    matches!(entry.body, EntryBody::Intent(_)) && judged.decision.ruling == Ruling::Allow;
                let broken = || self.bundles.iter().find_map(|bundle| bundle.breaks_invariant(entry, judged));
                (arm == Arm::Canary && allowed).then(broken).flatten()
            }
            EntryBody::Approval(change) => {
                if change.state == ApprovalState::Denied {
                    what(What::Rejected);
                }
                None
            }
            EntryBody::Outcome(outcome) => {
                let failed = outcome.status != OutcomeStatus::Done;
                what(What::Ended { failed, took_ms: outcome.took_ms });
                None
            }
            _ => None,
        }
    }

    fn figures(&self) -> Vec<ReleaseFigure> {
        let mut figures = vec![ReleaseFigure {
            live: Some((self.tally.sessions(Arm::Live), 0)),
            ..ReleaseFigure::count("sessions", self.tally.sessions(Arm::Canary), 0)
        }];
        figures.extend(self.tally.signals().into_iter().map(|signal| ReleaseFigure {
            signal: signal.name.to_owned(),
            verdict: signal.verdict.name().to_owned(),
            count: signal.canary.0,
            of: signal.canary.1,
            live: Some(signal.live),
            measured: signal.measured,
            acceptable: Some(signal.acceptable),
        }));
        figures
    }
}
