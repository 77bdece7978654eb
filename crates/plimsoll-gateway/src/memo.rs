//! Remembered judgements. Rules are functions of the case, so the answer to the very same question may
//! be remembered. Only model calls are: they are the many, and their cases are few.

use std::collections::HashMap;
use std::sync::Mutex;

use plimsoll_core::{Assume, Case, Flow, Judgement, Rules, ToolName};

/// Judgements remembered at most; then all are forgotten.
pub const MEMO_MAX: usize = 4_096;

/// Every part of a question with its length before it, so that no two questions are written alike.
type Key = Vec<u8>;

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
/// Rules see the time in seconds, so an answer is good for the second it was given in.
fn key(case: &Case<'_>, assume: &Assume) -> Option<Key> {
    let facts = case.facts;
    let plain = case.act.tool.server == ToolName::MODEL
        && facts.checks.is_empty()
        && facts.approval.is_none()
        && facts.terms.is_none()
        && facts.counters.is_empty()
        && facts.flags.is_empty()
        && *case.flow == Flow::default()
        && assume.named.is_empty();
    plain.then(|| written(case, assume))
}

fn written(case: &Case<'_>, assume: &Assume) -> Key {
    let principal = case.principal;
    let mut key = Vec::with_capacity(256);
    let mut part = |text: &str| {
        key.extend_from_slice(&text.len().to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    };
    let parts = [case.release, case.workflow, &case.act.tool.tool, &principal.id, &principal.tenant];
    parts.into_iter().for_each(&mut part);
    principal.on_behalf_of.iter().for_each(|person| part(person));
    principal.roles.iter().for_each(|role| part(role));
    let trajectory = case.trajectory;
    let (kind, integrity) = (principal.kind as u8, trajectory.label.integrity as u8);
    trajectory.label.classes.iter().for_each(|class| part(class));
    for tool in &trajectory.untrusted_tools {
        part(&tool.server);
        part(&tool.tool);
    }
    // How many parts there were of each says whose they are.
    let person = u8::from(principal.on_behalf_of.is_some());
    let deferred = u8::from(case.facts.deferred);
    key.extend_from_slice(&[kind, integrity, assume.checks.into(), assume.approval.into(), person, deferred]);
    for count in [principal.roles.len(), trajectory.label.classes.len(), trajectory.untrusted_tools.len()] {
        key.extend_from_slice(&count.to_le_bytes());
    }
    key.extend_from_slice(&trajectory.spans.to_le_bytes());
    key.extend_from_slice(&case.now.as_second().to_le_bytes());
    key
}
