//! Joining the doors: a call that the LLM door let pass is recognised at the tool door by principal,
//! workflow, tool and the digest of its canonical arguments, without the client sending anything.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use plimsoll_store::{Store, StoreError};

/// What makes two calls the same, and what the LLM door knew about the one it let pass.
pub use plimsoll_store::{Proposal as Join, ProposalKey as JoinKey};

/// Proposals remembered at most; the oldest go first.
pub const JOINS_MAX: usize = 16_384;
/// How long a proposal is remembered: long enough for an approval that takes its time.
pub const JOIN_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// The proposals the LLM door let pass.
#[derive(Debug, Default)]
pub struct Joins {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    map: HashMap<Arc<JoinKey>, Arc<Join>>,
    /// Every time something was remembered, oldest first. A key that came again stands here twice, and only the
    /// later time counts.
    order: VecDeque<(Timestamp, Arc<JoinKey>)>,
    /// What the store does not have yet.
    unsaved: Vec<(Arc<JoinKey>, Arc<Join>)>,
    /// Whether everything that the store has is here too. Then it need not be asked.
    knows_all: bool,
}

impl Joins {
    /// Remembers a proposal here and now: the client may call the tool door the moment it has the answer.
    /// The store is for after a restart, and hears of it with the next [`save`](Self::save).
    pub fn remember(&self, key: JoinKey, join: Join) {
        let (key, join) = (Arc::new(key), Arc::new(join));
        let mut inner = self.lock();
        if inner.unsaved.len() < JOINS_MAX {
            inner.unsaved.push((Arc::clone(&key), Arc::clone(&join)));
        }
        inner.add(key, join);
    }

    /// Takes over what the store remembers from before this start.
    ///
    /// # Errors
    /// When the store can't answer; it is asked for each call then.
    pub async fn load(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let since = now.checked_sub(JOIN_LIFE).unwrap_or(Timestamp::MIN);
        let known = store.proposals(since, JOINS_MAX).await?;
        let mut inner = self.lock();
        inner.knows_all = known.len() < JOINS_MAX;
        for (key, join) in known {
            inner.add(Arc::new(key), Arc::new(join));
        }
        Ok(())
    }

    /// Forgets the proposals of a session, or of whoever goes by one of these names.
    pub fn forget(&self, session: Option<&str>, names: &[String]) {
        let mut inner = self.lock();
        let goes = |key: &JoinKey, join: &Join| {
            session.is_some_and(|session| join.session == session) || names.contains(&key.principal)
        };
        inner.map.retain(|key, join| !goes(key, join));
        inner.unsaved.retain(|(key, join)| !goes(key, join));
        inner.order.retain(|(_, key)| !names.contains(&key.principal));
    }

    /// Hands to the store what it does not have yet.
    ///
    /// # Errors
    /// When the store can't take it. What it misses costs an approval after a restart, nothing else.
    pub async fn save(&self, store: &Store) -> Result<(), StoreError> {
        let saving = {
            let mut inner = self.lock();
            if inner.unsaved.is_empty() {
                return Ok(());
            }
            let Inner { map, unsaved, .. } = &mut *inner;
            // Of calls that were proposed again since only the last counts.
            let is_last = |(key, join): &(Arc<JoinKey>, Arc<Join>)| {
                map.get(key).is_none_or(|last| Arc::ptr_eq(last, join))
            };
            let saving = std::mem::take(unsaved).into_iter().filter(is_last).collect();
            // Asked for while nobody can spend one of them: the store writes in the order it is asked, so
            // what is spent later stays spent.
            store.remember_proposals(saving)
        };
        saving.await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The proposal with this key: remembered, or from before a restart.
    ///
    /// # Errors
    /// When the store can't answer; the call then counts as proposed by nobody known.
    pub async fn find(
        &self,
        store: &Store,
        key: &JoinKey,
        now: Timestamp,
    ) -> Result<Option<Join>, StoreError> {
        let (found, knows_all) = self.remembered(key, now);
        if found.is_some() || knows_all {
            return Ok(found);
        }
        let since = now.checked_sub(JOIN_LIFE).unwrap_or(Timestamp::MIN);
        store.proposal(key, since).await
    }

    /// One answer of a model proposed one call: what may change the world is joined once. Repeating it
    /// takes another answer. False when somebody was faster. Of identical acts only one is between its
    /// beginning and its end, so two can't be in here at once.
    ///
    /// # Errors
    /// When the store can't take it; the act must not begin then.
    pub async fn spend(&self, store: &Store, key: &JoinKey, now: Timestamp) -> Result<bool, StoreError> {
        let Some(join) = self.find(store, key, now).await? else { return Ok(false) };
        let spent = (Arc::new(key.clone()), Arc::new(Join { at: Timestamp::UNIX_EPOCH, ..join }));
        let spending = {
            let mut inner = self.lock();
            inner.map.remove(key);
            inner.unsaved.retain(|(unsaved, _)| **unsaved != *key);
            store.remember_proposals(vec![spent])
        };
        spending.await?;
        Ok(true)
    }

    /// What is remembered here, and whether the store could have more.
    fn remembered(&self, key: &JoinKey, now: Timestamp) -> (Option<Join>, bool) {
        let inner = self.lock();
        let found = inner.map.get(key).filter(|join| now.duration_since(join.at) < JOIN_LIFE);
        (found.map(|join| Join::clone(join)), inner.knows_all)
    }
}

impl Inner {
    fn add(&mut self, key: Arc<JoinKey>, join: Arc<Join>) {
        self.order.push_back((join.at, Arc::clone(&key)));
        self.map.insert(key, join);
        while self.order.len() > JOINS_MAX {
            let Some((at, oldest)) = self.order.pop_front() else { break };
            if self.map.get(&*oldest).is_some_and(|join| join.at == at) {
                self.map.remove(&*oldest);
                self.knows_all = false;
            }
        }
    }
}
