//! Judgements of one act that were given before. What the policies of a slice say follows from the facts that they
//! read, the principal where one of them looks at it, and its kind; so the very same question need not be asked twice.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use plimsoll_core::{Case, Judgement, Principal, PrincipalKind};

use super::context::Known;
use super::fact::Fact;
use super::slice::Slice;

/// Judgements remembered of one act in one workflow at most; then all of them are forgotten.
pub const TOLD_MAX: usize = 256;
/// Bytes of texts in the facts of a question that is remembered at most.
pub const TOLD_TEXT_BYTES: usize = 1_024;

/// The memory of one slice.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<Question, Judgement>>);

/// All that a judgement of a slice depends on.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    known: Known,
    /// Its type is part of every request.
    kind: PrincipalKind,
    principal: Option<Principal>,
}

impl Question {
    pub(super) fn new(slice: &Slice, case: &Case<'_>, known: Known) -> Self {
        let principal = slice.reads.principal.then(|| case.principal.clone());
        Self { known, kind: case.principal.kind, principal }
    }

    pub(super) const fn known(&self) -> &Known {
        &self.known
    }

    fn is_small(&self) -> bool {
        self.known.iter().map(|(_, fact)| text_bytes(fact)).sum::<usize>() <= TOLD_TEXT_BYTES
    }
}

fn text_bytes(fact: &Fact) -> usize {
    match fact {
        Fact::Text(text) | Fact::Decimal(text) | Fact::Time(text) => text.len(),
        // An item takes room also when it is empty.
        Fact::Set(items) => items.iter().map(|item| size_of::<Fact>() + text_bytes(item)).sum(),
        Fact::Truth(_) | Fact::Number(_) => 0,
    }
}

impl Told {
    pub(super) fn find(&self, question: &Question) -> Option<Judgement> {
        self.lock().get(question).cloned()
    }

    pub(super) fn keep(&self, question: Question, judgement: &Judgement) {
        if !question.is_small() {
            return;
        }
        let mut told = self.lock();
        if told.len() >= TOLD_MAX {
            told.clear();
        }
        told.insert(question, judgement.clone());
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Question, Judgement>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
