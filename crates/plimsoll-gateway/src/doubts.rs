//! Acts of which nobody knows whether they happened: begun and not ended. An identical act is not
//! begun again while its twin is in flight or in doubt.

use std::collections::HashMap;
use std::sync::Mutex;

use plimsoll_core::{ActId, Digest};

/// The open intents of guarded and dangerous acts, by act digest.
#[derive(Debug, Default)]
pub struct Doubts {
    open: Mutex<HashMap<Digest, ActId>>,
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

    /// A person settled an act by its id.
    pub fn settle(&self, act: ActId) {
        self.lock().retain(|_, open| *open != act);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, ActId>> {
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
