//! Acts of which nobody knows whether they happened: begun and not ended. An identical act is not
//! begun again while its twin is in flight or in doubt.

use std::collections::HashMap;
use std::sync::Mutex;

use plimsoll_core::{ActId, Digest};

/// The open intents of guarded and dangerous acts, by act digest.
#[derive(Debug, Default)]
pub struct Doubts {
    open: Mutex<HashMap<Digest, ActId>>,
    /// Those of before this start whose record can't be read, by pseudonym, workflow and tool: nobody knows which acts
    /// they were, so all of that kind wait.
    blind: Mutex<Vec<Blind>>,
}

#[derive(Debug)]
struct Blind {
    principal: String,
    workflow: String,
    tool: String,
    act: ActId,
}

impl Doubts {
    /// Marks an act as begun; gives the twin when an identical act is already open.
    pub fn begin(&self, digest: Digest, act: ActId) -> Result<(), ActId> {
        let mut open = self.lock();
        match open.get(&digest) {
            Some(twin) => Err(*twin),
            None => {
                open.insert(digest, act);
                Ok(())
            }
        }
    }

    /// The act came to a known end, or never began.
    pub fn end(&self, digest: &Digest) {
        self.lock().remove(digest);
    }

    pub fn twin(&self, digest: &Digest) -> Option<ActId> {
        self.lock().get(digest).copied()
    }

    /// An act of before this start is in doubt, and its record can't be read.
    pub fn begin_blind(&self, principal: &str, workflow: &str, tool: &str, act: ActId) {
        let blind = Blind {
            principal: principal.to_owned(),
            workflow: workflow.to_owned(),
            tool: tool.to_owned(),
            act,
        };
        self.blind().push(blind);
    }

    pub fn has_blind(&self) -> bool {
        !self.blind().is_empty()
    }

    /// An act in doubt that may be an act of this principal (a pseudonym) with this tool.
    pub fn blind_twin(&self, principal: &str, workflow: &str, tool: &str) -> Option<ActId> {
        let blind = self.blind();
        let twin = |one: &&Blind| one.principal == principal && one.workflow == workflow && one.tool == tool;
        blind.iter().find(twin).map(|one| one.act)
    }

    fn blind(&self) -> std::sync::MutexGuard<'_, Vec<Blind>> {
        self.blind.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A person settled an act by its id.
    pub fn settle(&self, act: ActId) {
        self.blind().retain(|one| one.act != act);
        self.lock().retain(|_, open| *open != act);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, ActId>> {
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
