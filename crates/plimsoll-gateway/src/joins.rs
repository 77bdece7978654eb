//! Joining the doors: a call that the LLM door let pass is recognised at the tool door by principal,
//! workflow, tool and the digest of its canonical arguments, without the client sending anything.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{ActId, ArgumentOrigin, Digest, ToolName, Trajectory};

/// Proposals remembered at most; the oldest go first.
pub const JOINS_MAX: usize = 16_384;
/// How long a proposal is remembered: long enough for an approval that takes its time.
pub const JOIN_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// What the LLM door knew about a call it let pass.
#[derive(Clone, Debug)]
pub struct Join {
    pub session: String,
    pub act: ActId,
    pub origins: Vec<ArgumentOrigin>,
    pub trajectory: Trajectory,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JoinKey {
    pub principal: String,
    pub workflow: String,
    pub tool: ToolName,
    pub arguments: Digest,
}

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

    pub fn find(&self, key: &JoinKey, now: Timestamp) -> Option<Join> {
        let map = self.map.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        map.get(key).filter(|join| now.duration_since(join.at) < JOIN_LIFE).cloned()
    }
}
