//! Which release is live, who approved it, what changed since: for one screen.

use jiff::Timestamp;
use plimsoll_core::{Digest, ReleaseFigure, ReleaseStep};
use serde::Serialize;

use super::shadow::Difference;
use super::shelf::Shelf;
use super::state::Known;
use super::watch::Word;
use crate::gateway::Gateway;

/// Changes of a release that are listed.
pub(super) const CHANGES_MAX: usize = 100;

/// Everything about releases, as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    pub project: String,
    pub environment: String,
    /// A directory is run, and nobody signed it.
    pub directory: bool,
    pub live: Told,
    pub canary: Option<Told>,
    pub shadow: Option<Told>,
    pub installed: Vec<Told>,
    /// Newest first.
    pub previous: Vec<Told>,
    /// Releases that serve nothing but the conversations that began under them, and until when.
    pub leaving: Vec<(Digest, Timestamp)>,
    /// What the watch makes of the release on its way.
    pub word: String,
    pub differences: Vec<Difference>,
}

/// One release.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    #[serde(flatten)]
    pub known: Known,
    pub author: String,
    pub created: Option<Timestamp>,
    pub expires: Option<Timestamp>,
    /// What it makes possible that its parent did not: level, rule, words.
    pub changes: Vec<(String, String, String)>,
    pub figures: Vec<ReleaseFigure>,
}

impl Gateway {
    pub async fn release_status(&self) -> Status {
        let live = self.bundle();
        let (project, environment) = (live.project.name.clone(), live.project.environment.clone());
        let Some(shelf) = &self.shelf else {
            let known = Known {
                release: live.id,
                name: "a directory".to_owned(),
                sequence: 0,
                since: self.started,
                entry: 0,
                by: String::new(),
                signed_by: Vec::new(),
                share: None,
                taken_back: false,
            };
            return Status {
                project,
                environment,
                directory: true,
                live: bare(known),
                canary: None,
                shadow: None,
                installed: Vec::new(),
                previous: Vec::new(),
                leaving: Vec::new(),
                word: String::new(),
                differences: Vec::new(),
            };
        };
        let shelf = shelf.lock().await;
        let state = &shelf.state;
        let tell = |known: &Known| self.tell(&shelf, known);
        let moving = state.canary.is_some() || state.shadow.is_some();
        let (word, differences) = {
            let watched = self.watched();
            let word = if moving { words(&watched.word) } else { String::new() };
            (word, watched.shadow().map(|shadow| shadow.differences.clone()).unwrap_or_default())
        };
        let on_its_way = |known: &&Known| {
            let stages = [&state.live, &state.canary, &state.shadow].into_iter().flatten();
            !stages.into_iter().any(|other| other.release == known.release)
        };
        Status {
            project,
            environment,
            directory: false,
            live: state.live.as_ref().map_or_else(|| bare(unknown(live.id)), tell),
            canary: state.canary.as_ref().map(tell),
            shadow: state.shadow.as_ref().map(tell),
            installed: state.installed.iter().filter(on_its_way).map(tell).collect(),
            previous: state.previous.iter().rev().cloned().map(bare).collect(),
            leaving: state.leaving.iter().map(|gone| (gone.release, gone.until)).collect(),
            word,
            differences,
        }
    }

    /// The steps of releases, oldest first, with their entries.
    ///
    /// # Errors
    /// When the record can't be read.
    pub async fn release_log(&self) -> Result<Vec<(u64, Timestamp, ReleaseStep)>, String> {
        self.steps(None).await
    }

    fn tell(&self, shelf: &Shelf, known: &Known) -> Told {
        let mut told = bare(known.clone());
        told.figures = self.watched().figures_of(&known.release);
        let Ok(release) = shelf.read(&known.release) else { return told };
        let predicate = release.predicate();
        told.author.clone_from(&predicate.author);
        told.created = Some(predicate.created);
        told.expires = Some(predicate.expires);
        let changes = predicate.diff.changes.iter().take(CHANGES_MAX);
        told.changes = changes
            .map(|change| (change.level.name().to_owned(), change.rule.clone(), change.what.clone()))
            .collect();
        told
    }
}

fn bare(known: Known) -> Told {
    Told {
        known,
        author: String::new(),
        created: None,
        expires: None,
        changes: Vec::new(),
        figures: Vec::new(),
    }
}

fn unknown(release: Digest) -> Known {
    Known {
        release,
        name: release.short(),
        sequence: 0,
        since: Timestamp::UNIX_EPOCH,
        entry: 0,
        by: String::new(),
        signed_by: Vec::new(),
        share: None,
        taken_back: false,
    }
}

fn words(word: &Word) -> String {
    match word {
        Word::Wait => "the conditions of its stage do not hold yet".to_owned(),
        Word::Hold(why) => why.clone(),
        Word::Advance => "it goes on".to_owned(),
        Word::Back { reason, .. } => format!("it goes back: {reason}"),
    }
}
