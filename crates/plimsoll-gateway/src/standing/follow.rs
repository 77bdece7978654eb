//! The task that watches: it follows the record while a release is on its way, and does what follows from it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_core::{Digest, Entry, ReleaseFigure};
use plimsoll_ledger::Seq;
use tokio::sync::watch;

use super::shadow::Shadow;
use super::watch::{Kept, Stage, Watch, Word};
use crate::gateway::Gateway;

/// Milliseconds between two looks at what is on its way: a release that has to go back is found within this time.
pub const WATCH_LOOK_MS: u64 = 250;
/// Entries that are looked at in one go.
pub const WATCH_BATCH: usize = 2_000;

/// What is watched, and what was last made of it.
#[derive(Debug)]
pub(crate) struct Watched {
    watch: Option<Watch>,
    pub(crate) word: Word,
}

impl Default for Watched {
    fn default() -> Self {
        Self { watch: None, word: Word::Wait }
    }
}

impl Watched {
    /// The figures of a release that is watched.
    pub(crate) fn figures_of(&self, release: &Digest) -> Vec<ReleaseFigure> {
        let watch = self.watch.as_ref().filter(|watch| watch.known.release == *release);
        watch.map(Watch::figures).unwrap_or_default()
    }

    /// What the shadow would have decided otherwise.
    pub(crate) fn shadow(&self) -> Option<&Shadow> {
        match &self.watch.as_ref()?.kept {
            Kept::Shadow(shadow) => Some(shadow),
            Kept::Canary(_) => None,
        }
    }
}

impl Gateway {
    /// Watches until `stop` changes. Returns at once where a directory is run.
    pub async fn keep_watch(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if self.shelf.is_none() {
            return;
        }
        let mut tick = tokio::time::interval(Duration::from_millis(WATCH_LOOK_MS));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => self.look_at(Timestamp::now()).await,
                _ = stop.changed() => return,
            }
        }
    }

    /// One look, as if it were this time: takes in what was written since the last, and does what follows.
    pub async fn look_at(&self, now: Timestamp) {
        let Some((stage, mut next)) = self.watching().await else { return };
        loop {
            let read = match self.read_on(next).await {
                Ok(read) => read,
                Err(error) => {
                    tracing::error!(error, "the record can't be read for watching a release");
                    return;
                }
            };
            let last = read.len() < WATCH_BATCH;
            let mut watched = self.watched();
            let Some(watch) = watched.watch.as_mut() else { return };
            for (seq, entry) in &read {
                match entry {
                    Some(entry) => watch.see(*seq, entry),
                    None => watch.next = seq + 1,
                }
            }
            next = watch.next;
            if last || watch.violation.is_some() {
                break;
            }
        }
        let (known, word, told) = {
            let place = self.place();
            let mut watched = self.watched();
            let Some(watch) = watched.watch.as_mut() else { return };
            let word = watch.word(&place, now);
            let (known, told) = (watch.known.clone(), watch.told);
            watched.word = word.clone();
            (known, word, told)
        };
        if self.heed(&known, stage, &word, told).await
            && let Some(watch) = self.watched().watch.as_mut()
        {
            watch.told = true;
        }
    }

    /// What is on its way now, and where to read on. What was watched before is let go of.
    async fn watching(&self) -> Option<(Stage, u64)> {
        let shelf = self.shelf.as_ref()?.lock().await;
        let mut watched = self.watched();
        if watched.watch.as_ref().is_none_or(|watch| !watch.is_of(&shelf.state)) {
            let find = |id: &Digest| shelf.bundles.get(id).cloned();
            let watch = Watch::of(&shelf.state, &self.bundle(), find);
            *watched = Watched { watch, word: Word::Wait };
        }
        watched.watch.as_ref().map(|watch| (watch.stage, watch.next))
    }

    /// The next entries, opened; none of one that nobody can read any more.
    async fn read_on(&self, next: u64) -> Result<Vec<(u64, Option<Entry>)>, String> {
        let (reader, vault) = (self.ledger.reader(), self.vault.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut entries = Vec::new();
            for record in reader.iter_from(Seq(next)).take(WATCH_BATCH) {
                let record = record?;
                let entry = vault.open_all(&record).ok().map(|opening| opening.entry);
                entries.push((record.seq.0, entry));
            }
            Ok::<_, plimsoll_ledger::LedgerError>(entries)
        });
        read.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    pub(crate) fn watched(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
