//! The kept releases that recorded acts name, each made into a bundle once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_bundle::Bundle;
use plimsoll_bundle::replay::{Missing, ground};
use plimsoll_core::{Digest, Judged};
use plimsoll_gateway::releases;

/// Bundles by the ground that entries name.
#[derive(Debug)]
pub struct Grounds {
    state: PathBuf,
    known: Mutex<HashMap<Digest, Result<Arc<Bundle>, String>>>,
}

impl Grounds {
    /// Those kept in this state directory.
    pub fn of(state: PathBuf) -> Self {
        Self { state, known: Mutex::default() }
    }

    /// The bundle that decided this act.
    ///
    /// # Errors
    /// When the entry does not say which, or it can't be had.
    pub fn bundle(&self, judged: &Judged) -> Result<Arc<Bundle>, Missing> {
        let ground = ground(judged)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let made = known.entry(ground).or_insert_with(|| {
            releases::read(&self.state, &ground).map(Arc::new).map_err(|error| error.to_string())
        });
        made.clone().map_err(Missing::Release)
    }

    /// How many releases decided what was looked at.
    pub fn count(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
