//! From what a gateway was when it ended to what it is: the steps that its ledger has and its state file lacks.

use std::collections::BTreeSet;
use std::sync::Arc;

use plimsoll_core::{Digest, EntryBody, FieldClass, ReleaseMove, ReleaseStep};
use plimsoll_store::EntryFilter;

use super::shelf::Shelf;
use crate::gateway::{Gateway, StartError};

/// Steps that a start looks at.
pub const STEPS_MAX: usize = 10_000;

impl Gateway {
    /// Takes the steps that are on record and not in the state file, puts on record what has to be before anything
    /// serves, and lets it serve. Before any port is opened, and after the ledger is projected.
    pub(crate) async fn catch_up_releases(self: &Arc<Self>) -> Result<(), StartError> {
        let Some(shelf) = &self.shelf else { return Ok(()) };
        let mut shelf = shelf.lock().await;
        if shelf.state.entry >= self.ledger.size() && shelf.state.entry > 0 {
            let why = "the releases that are in force are those of another ledger: its state file names an entry that \
                       this ledger does not have";
            return Err(StartError::Other(why.to_owned()));
        }
        let steps = self.steps(None).await.map_err(StartError::Other)?;
        let known = shelf.state.entry;
        // The first step of all is entry 0 of its ledger at the earliest, and so never missing.
        let missing = steps.iter().filter(|(seq, _, _)| *seq > known && shelf.state.live.is_some());
        let mut state = shelf.state.clone();
        for (seq, at, step) in missing {
            tracing::warn!(
                release = step.name,
                step = step.step.name(),
                "a step that was on record is taken now"
            );
            state = state.after(step, *seq, *at);
        }
        if state != shelf.state {
            shelf.state = state;
            shelf.fetch().map_err(|error| StartError::Other(error.to_string()))?;
            shelf.write().map_err(|error| StartError::Other(error.to_string()))?;
        }
        says_the_ledger(&shelf, &steps)?;
        for step in std::mem::take(&mut shelf.pending) {
            let taken = self.take_step(&mut shelf, step).await;
            taken.map_err(|error| StartError::Other(error.to_string()))?;
        }
        let bundles: Vec<_> = shelf.bundles.values().cloned().collect();
        for bundle in &bundles {
            self.get_ready(bundle).await.map_err(StartError::Other)?;
        }
        self.swap(&mut shelf);
        Ok(())
    }

    /// The steps of releases on record, oldest first; only those of one release where one is named.
    pub(crate) async fn steps(
        &self,
        of: Option<&Digest>,
    ) -> Result<Vec<(u64, jiff::Timestamp, ReleaseStep)>, String> {
        let filter = EntryFilter { kind: Some("release".to_owned()), ..EntryFilter::default() };
        let rows = self.store.latest_entries(&filter, STEPS_MAX).await.map_err(|error| error.to_string())?;
        let all = BTreeSet::from(FieldClass::ALL);
        let mut steps = Vec::new();
        for row in rows.iter().rev() {
            let opened = self.vault.open(row.body.as_bytes(), &row.sealed, &all);
            if let Ok(opening) = opened
                && let EntryBody::Release(step) = opening.entry.body
                && of.is_none_or(|of| step.of == *of)
            {
                steps.push((row.seq, row.at, *step));
            }
        }
        Ok(steps)
    }
}

/// The state file must say what the ledger says: a file that somebody changed names a release that no entry put into
/// force.
fn says_the_ledger(shelf: &Shelf, steps: &[(u64, jiff::Timestamp, ReleaseStep)]) -> Result<(), StartError> {
    let Some(live) = &shelf.state.live else { return Ok(()) };
    let mut on_record = None;
    for (_, _, step) in steps {
        match step.step {
            ReleaseMove::Full => on_record = Some(step.of),
            ReleaseMove::RolledBack if on_record == Some(step.of) => on_record = step.other.or(on_record),
            _ => {}
        }
    }
    match on_record == Some(live.release) {
        true => Ok(()),
        false => Err(StartError::Other(format!(
            "the state file says that {} is live, and no entry of the ledger put it into force; restore \
             {} from a backup, or begin anew",
            live.name,
            shelf.folder.join(super::state::STANDING).display()
        ))),
    }
}
