//! Which outcome belongs to which intent.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use plimsoll_core::{ActId, EntryBody, Judged, Outcome};

use crate::Numbered;

/// Acts that may be under way at once; of the oldest beyond it, only the beginning is told.
pub const OPEN_ACTS_MAX: usize = 16_384;

/// What there is to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// An act, from its intent to its outcome. No outcome: nobody knows yet what came of it.
    Act { intent: Box<Numbered>, outcome: Option<(u64, Timestamp, Box<Outcome>)> },
    /// Anything else.
    Alone(Box<Numbered>),
}

/// Intents that wait for their outcome.
#[derive(Debug, Default)]
pub struct Acts {
    open: HashMap<ActId, Numbered>,
    order: VecDeque<ActId>,
}

impl Acts {
    /// Takes the next entry and says what is complete with it.
    pub fn push(&mut self, next: Numbered) -> Vec<Told> {
        let Numbered { seq, entry } = next;
        let at = entry.at;
        match &entry.body {
            EntryBody::Intent(judged) => {
                let act = judged.act.id;
                self.order.push_back(act);
                self.open.insert(act, Numbered { seq, entry });
                self.overflow()
            }
            EntryBody::Outcome(outcome) => match self.open.remove(&outcome.act) {
                Some(intent) => {
                    let outcome = Some((seq, at, outcome.clone()));
                    vec![Told::Act { intent: Box::new(intent), outcome }]
                }
                // It was settled later, or began before the first entry that was read.
                None => vec![Told::Alone(Box::new(Numbered { seq, entry }))],
            },
            _ => vec![Told::Alone(Box::new(Numbered { seq, entry }))],
        }
    }

    /// The acts that have no outcome, oldest first. Nothing is open after that.
    pub fn rest(&mut self) -> Vec<Told> {
        let order = std::mem::take(&mut self.order);
        order.into_iter().filter_map(|act| self.unfinished(&act)).collect()
    }

    fn overflow(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while self.order.len() > OPEN_ACTS_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            told.extend(self.unfinished(&oldest));
        }
        told
    }

    fn unfinished(&mut self, act: &ActId) -> Option<Told> {
        let intent = Box::new(self.open.remove(act)?);
        Some(Told::Act { intent, outcome: None })
    }
}

/// The judgement in an intent or decision.
pub(crate) fn judged(numbered: &Numbered) -> Option<&Judged> {
    match &numbered.entry.body {
        EntryBody::Intent(judged) | EntryBody::Decision(judged) => Some(judged),
        _ => None,
    }
}
