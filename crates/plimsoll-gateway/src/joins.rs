//! Joining the doors: a call that the LLM door let pass is recognised at the tool door by principal,
//! workflow, tool and the digest of its canonical arguments, without the client sending anything.

use std::collections::HashMap;
use std::sync::Mutex;

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
    map: Mutex<HashMap<JoinKey, Join>>,
}

impl Joins {
    pub fn remember(&self, key: JoinKey, join: Join) {
        let mut map = self.map.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if map.len() >= JOINS_MAX {
            let oldest = map.iter().min_by_key(|(_, join)| join.at).map(|(key, _)| key.clone());
            if let Some(key) = oldest {
                map.remove(&key);
            }
        }
        map.insert(key, join);
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
        if let Some(join) = self.remembered(key, now) {
            return Ok(Some(join));
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
        self.map.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(key);
        store.remember_proposal(key, &Join { at: Timestamp::UNIX_EPOCH, ..join }).await?;
        Ok(true)
    }

    fn remembered(&self, key: &JoinKey, now: Timestamp) -> Option<Join> {
        let map = self.map.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        map.get(key).filter(|join| now.duration_since(join.at) < JOIN_LIFE).cloned()
    }
}
