//! Remembered judgements. Rules are functions of the case, so the answer to the very same question may
//! be remembered. Only model calls are: they are the many, and their cases are few.

use std::collections::HashMap;
use std::sync::Mutex;

use plimsoll_core::{Assume, Case, Judgement, Principal, Rules, ToolName};

/// Judgements remembered at most; then all are forgotten.
pub const MEMO_MAX: usize = 4_096;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    release: String,
    workflow: String,
    principal: Principal,
    model: String,
    integrity: i64,
    assume: (bool, bool),
}

/// The memory.
#[derive(Debug, Default)]
pub struct Memo {
    known: Mutex<HashMap<Key, Judgement>>,
}

impl Memo {
    pub fn over<'a, R: Rules>(&'a self, rules: &'a R) -> Remembering<'a, R> {
        Remembering { memo: self, rules }
    }
}

/// Rules with a memory.
#[derive(Debug)]
pub struct Remembering<'a, R> {
    memo: &'a Memo,
    rules: &'a R,
}

impl<R: Rules> Rules for Remembering<'_, R> {
    fn judge(&self, case: &Case<'_>, assume: &Assume) -> Judgement {
        let Some(key) = key(case, assume) else { return self.rules.judge(case, assume) };
        if let Some(known) = self.memo.lock().get(&key) {
            return known.clone();
        }
        let judgement = self.rules.judge(case, assume);
        let mut known = self.memo.lock();
        if known.len() >= MEMO_MAX {
            known.clear();
        }
        known.insert(key, judgement.clone());
        judgement
    }
}

impl Memo {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Judgement>> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What a model call's judgement depends on, all of it: such an act has no arguments that rules see
/// beyond its model, no checks, no approval and no counters. `None` when the case has any of these.
fn key(case: &Case<'_>, assume: &Assume) -> Option<Key> {
    let facts = case.facts;
    let plain = case.act.tool.server == ToolName::MODEL
        && facts.checks.is_empty()
        && facts.approval.is_none()
        && facts.terms.is_none()
        && facts.counters.is_empty()
        && case.flow.origins.is_empty()
        && case.trajectory.label.classes.is_empty()
        && assume.named.is_empty();
    plain.then(|| Key {
        release: case.release.to_owned(),
        workflow: case.workflow.to_owned(),
        principal: case.principal.clone(),
        model: case.act.tool.tool.clone(),
        integrity: case.trajectory.label.integrity.level(),
        assume: (assume.checks, assume.approval),
    })
}
