//! What people, and the gateway by itself, do to releases. Each step is on record before it takes hold; only taking a
//! release back does not wait for a ledger that fails.

use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_bundle::diff::{Diff, Side, diff, load_for_diff};
use plimsoll_bundle::release::{Release, Trust};
use plimsoll_bundle::{Bundle, Environment, Power, Tree};
use plimsoll_core::{Digest, EntryBody, ReleaseFigure, ReleaseMove, ReleaseStep};

use super::shelf::{self, Shelf};
use super::state::Known;
use super::watch::{Stage, Word};
use crate::gateway::Gateway;
use crate::operate::Operator;

/// Why something was not done to a release.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    #[error("this gateway runs a directory; start it with `--trust` and `--release` to run signed releases")]
    Directory,
    #[error("{person} may not {} releases here: no role of theirs says so in people.yaml", power_verb(*power))]
    Powerless { person: String, power: Power },
    #[error("this is no release to run here: {0}")]
    Refused(String),
    #[error("no release here is called `{0}`")]
    Unknown(String),
    #[error("{0}")]
    NotNow(String),
    #[error("it can't be put on record, so nothing was changed: {0}")]
    Record(String),
    #[error("it is in force, but not on record: {0}")]
    Unrecorded(String),
}

const fn power_verb(power: Power) -> &'static str {
    match power {
        Power::Author => "make",
        Power::Approve => "approve",
        Power::Promote => "install or promote",
        Power::RollBack => "roll back",
    }
}

/// Where a release is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    Shadow,
    Canary,
    Full,
}

/// What a person asks for.
#[derive(Clone, Debug, Default)]
pub struct Promotion {
    /// Its id or the beginning of it, or its name; empty for the only one on its way.
    pub release: String,
    /// The next stage when nothing is said.
    pub to: Option<Stand>,
    pub reason: String,
    /// Although the conditions of its stage do not hold yet.
    pub anyway: bool,
}

/// What a person takes back, and to where.
#[derive(Clone, Debug, Default)]
pub struct Rollback {
    /// What is taken back: empty for the canary, else the live release.
    pub release: String,
    /// What is live instead: empty for the one before.
    pub to: String,
    pub reason: String,
    /// Conversations that are going on are cut over.
    pub security: bool,
}

impl Gateway {
    fn demand(&self, operator: &Operator, power: Power) -> Result<(), HelmError> {
        let person = operator.person();
        match self.standing.load().live.people.may(person, power) {
            true => Ok(()),
            false => Err(HelmError::Powerless { person: person.to_owned(), power }),
        }
    }

    fn shelf(&self) -> Result<&tokio::sync::Mutex<Shelf>, HelmError> {
        self.shelf.as_ref().ok_or(HelmError::Directory)
    }

    /// Takes a release in: judged by the people and terms of the live one, loaded, kept. Where the environment has a
    /// shadow, it begins to decide there. It serves nobody yet.
    ///
    /// # Errors
    /// When the person may not, or the release is none to run here; what was in force stays.
    pub async fn install(&self, operator: &Operator, file: &[u8], reason: &str) -> Result<Known, HelmError> {
        self.demand(operator, Power::Promote)?;
        let mut shelf = self.shelf()?.lock().await;
        let reason = self.redactor.redact(reason).into_owned();
        let release = Release::parse(file).map_err(|error| HelmError::Refused(error.to_string()))?;
        let signed_by = match self.fit(&shelf, &release).await {
            Ok((bundle, trust, signed_by)) => {
                shelf.keep(&release, &trust).map_err(|error| HelmError::Record(error.to_string()))?;
                self.get_ready(&bundle).await.map_err(HelmError::Refused)?;
                shelf.bundles.insert(release.id(), bundle);
                signed_by
            }
            Err(why) => {
                let step = shelf::step(ReleaseMove::Refused, &release, Vec::new(), operator.person());
                let step = ReleaseStep { reason: self.redactor.redact(&why).into_owned(), ..step };
                self.take_step(&mut shelf, step).await?;
                return Err(HelmError::Refused(why));
            }
        };
        let step = shelf::step(ReleaseMove::Installed, &release, signed_by, operator.person());
        let step = ReleaseStep { reason, ..step };
        self.take_step(&mut shelf, step.clone()).await?;
        if self.place().shadow.is_some() && shelf.state.canary.is_none() {
            self.take_step(&mut shelf, ReleaseStep { step: ReleaseMove::Shadow, ..step }).await?;
        }
        let known = shelf.state.known(&release.id()).cloned();
        known.ok_or_else(|| HelmError::Unknown(release.id().short()))
    }

    /// Takes a release to its next stage, or to the one that is named.
    ///
    /// # Errors
    /// When the person may not, the stage's conditions do not hold, or it is no release to run any more.
    pub async fn promote(&self, operator: &Operator, asked: &Promotion) -> Result<Known, HelmError> {
        self.demand(operator, Power::Promote)?;
        let mut shelf = self.shelf()?.lock().await;
        let known = on_its_way(&shelf, &asked.release)?;
        let is = |stage: &Option<Known>| stage.as_ref().is_some_and(|other| other.release == known.release);
        let now = match (is(&shelf.state.canary), is(&shelf.state.shadow)) {
            (true, _) => Some(Stand::Canary),
            (_, true) => Some(Stand::Shadow),
            _ => None,
        };
        let place = self.place();
        let to = asked.to.unwrap_or(next(now, &place));
        self.may_go_on(now, to, &place, asked.anyway)?;
        let reason = self.redactor.redact(&asked.reason).into_owned();
        self.advance(&mut shelf, &known, to, operator.person(), reason).await
    }

    /// Takes a release back. The release before is live again, or the canary is none any more.
    ///
    /// # Errors
    /// When the person may not, or there is nothing to go back to. What could not be recorded is in force all the same,
    /// and the error says so.
    pub async fn roll_back(&self, operator: &Operator, asked: &Rollback) -> Result<ReleaseStep, HelmError> {
        self.demand(operator, Power::RollBack)?;
        let mut shelf = self.shelf()?.lock().await;
        let state = &shelf.state;
        let live = state.live.clone().ok_or(HelmError::Directory)?;
        let live_id = live.release;
        let of = match (asked.release.as_str(), asked.to.as_str()) {
            ("", "") => state.canary.clone().unwrap_or_else(|| live.clone()),
            ("", _) => live.clone(),
            (named, _) => find(&shelf, named)?,
        };
        let back = match (of.release == live.release, asked.to.as_str()) {
            (false, _) => live,
            (true, "") => state.previous.last().cloned().ok_or_else(|| {
                HelmError::NotNow(
                    "no release was live before this one, so there is none to go back to".to_owned(),
                )
            })?,
            (true, named) => {
                let matches = |known: &&Known| is_called(known, named);
                let found = state.previous.iter().rev().find(matches).cloned();
                found.ok_or_else(|| HelmError::Unknown(named.to_owned()))?
            }
        };
        let refused = |why: String| HelmError::NotNow(format!("{} can't be gone back to: {why}", back.name));
        if of.release == live_id {
            let before = shelf.read(&back.release).map_err(|error| refused(error.to_string()))?;
            let trust = shelf.trust(&self.bundle()).map_err(refused)?;
            trust.may_return(&before).map_err(|why| refused(why.to_string()))?;
        }
        let reason = self.redactor.redact(&asked.reason).into_owned();
        let (person, security) = (operator.person().to_owned(), asked.security);
        self.back(&mut shelf, &of, &back, person, reason, security).await
    }

    /// What the watch says is done: by the gateway itself, on record with its figures.
    pub(super) async fn heed(&self, of: &Known, stage: Stage, word: &Word, told: bool) -> bool {
        let Some(shelf) = &self.shelf else { return false };
        let mut shelf = shelf.lock().await;
        // A person may have been faster.
        let on_its_way = [&shelf.state.canary, &shelf.state.shadow].into_iter().flatten();
        if !on_its_way.into_iter().any(|known| known == of) {
            return false;
        }
        let by = "gateway".to_owned();
        let done = match word {
            Word::Wait => return false,
            Word::Hold(_) if told => return true,
            Word::Hold(why) => {
                let step = self.step_of(of, ReleaseMove::Held, by, why.clone());
                self.take_step(&mut shelf, step).await.map(drop)
            }
            Word::Advance => {
                let to = match stage {
                    Stage::Shadow => next(Some(Stand::Shadow), &self.place()),
                    Stage::Canary => Stand::Full,
                };
                let reason = "the conditions of its stage hold, and no signal is worse or open".to_owned();
                match self.advance(&mut shelf, of, to, &by, reason).await {
                    // What may not run any more stays where it is, and says why.
                    Err(HelmError::Refused(why)) if !told => {
                        let step = self.step_of(of, ReleaseMove::Held, by, why);
                        self.take_step(&mut shelf, step).await.map(drop)
                    }
                    other => other.map(drop),
                }
            }
            Word::Back { security, reason } => {
                let Some(live) = shelf.state.live.clone() else { return false };
                self.back(&mut shelf, of, &live, by, reason.clone(), *security).await.map(drop)
            }
        };
        match done {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, release = of.name, "a step of a release could not be taken");
                false
            }
        }
    }

    /// The terms of the environment that this is.
    pub(super) fn place(&self) -> Environment {
        self.standing.load().live.project.here().cloned().unwrap_or_default()
    }

    /// Whether a release may run here: by the signatures, terms and people of what is live, and by what this place has.
    async fn fit(
        &self,
        shelf: &Shelf,
        release: &Release,
    ) -> Result<(Arc<Bundle>, Trust, Vec<String>), String> {
        let (trust, signed_by) = self.judge(shelf, release).await?;
        let bundle = shelf.load(release).map_err(|error| error.to_string())?;
        if bundle.project.environment != self.standing.load().live.project.environment {
            return Err(format!("it is for the environment `{}`", bundle.project.environment));
        }
        if crate::gateway::wants_tls(&bundle) && !self.http.has_tls() {
            return Err(
                "it reaches an upstream by https, and the system's trust store could not be read at \
                        this gateway's start; restart it"
                    .to_owned(),
            );
        }
        Ok((bundle, trust, signed_by))
    }

    /// Judges a release by the people and terms of what is live, and by what it really changes, found here again: nothing
    /// that a release says of itself lowers what it needs.
    async fn judge(&self, shelf: &Shelf, release: &Release) -> Result<(Trust, Vec<String>), String> {
        let live = shelf.state.live.as_ref().ok_or("nothing is live")?;
        let trust = shelf.trust(&self.bundle())?;
        let pair = (live.release, release.id());
        let found = match shelf.compared(&pair) {
            Some(found) => found,
            None => {
                let before = shelf.read(&live.release).map_err(|error| error.to_string())?;
                let (before, after) = (before.tree().clone(), release.tree().clone());
                let found = tokio::task::spawn_blocking(move || seen(&before, &after)).await;
                shelf.keep_compared(pair, found.map_err(|error| error.to_string())??)
            }
        };
        let approved = trust.judge(release, Some(&found), Timestamp::now());
        let approved = approved.map_err(|refused| format!("{refused}; {}", refused.next()))?;
        Ok((trust, shelf::people_of(&approved)))
    }

    /// Everything that has to be so before a release serves: its secrets are known, and its issuers' keys are had.
    pub(super) async fn get_ready(&self, bundle: &Arc<Bundle>) -> Result<(), String> {
        self.redactor.learn(bundle);
        // What it decides can be decided again.
        crate::releases::keep(&self.state_dir, &bundle.kept).map_err(|error| error.to_string())?;
        self.fetch_issuers(bundle).await;
        Ok(())
    }

    /// Whether its stage lets a release go on when a person asks.
    fn may_go_on(
        &self,
        now: Option<Stand>,
        to: Stand,
        place: &Environment,
        anyway: bool,
    ) -> Result<(), HelmError> {
        let skips = match (now, to) {
            (_, Stand::Shadow) => return Ok(()),
            (None, Stand::Canary) => place.shadow.is_some(),
            (None | Some(Stand::Shadow), Stand::Full) => place.shadow.is_some() || place.canary.is_some(),
            (Some(Stand::Canary), Stand::Canary) => {
                return Err(HelmError::NotNow("it is the canary already".to_owned()));
            }
            _ => false,
        };
        let skips = skips && (now.is_none() || next(now, place) != to);
        if skips && !anyway {
            let why = "this environment has stages that it has not been through; `--anyway` passes them over, on record";
            return Err(HelmError::NotNow(why.to_owned()));
        }
        let word = self.watched.lock().unwrap_or_else(std::sync::PoisonError::into_inner).word.clone();
        match word {
            Word::Back { reason, .. } => {
                Err(HelmError::NotNow(format!("it is about to be taken back: {reason}")))
            }
            Word::Wait if now.is_some() && !anyway => {
                let why = "the conditions of its stage do not hold yet (`plimsoll release status` shows them); \
                           `--anyway` passes them over, on record";
                Err(HelmError::NotNow(why.to_owned()))
            }
            Word::Wait | Word::Hold(_) | Word::Advance => Ok(()),
        }
    }

    async fn advance(
        &self,
        shelf: &mut Shelf,
        known: &Known,
        to: Stand,
        by: &str,
        reason: String,
    ) -> Result<Known, HelmError> {
        let refused = |error: shelf::BootError| HelmError::Refused(error.to_string());
        let release = shelf.read(&known.release).map_err(refused)?;
        // What was good when it came may have expired, or have been overtaken.
        self.judge(shelf, &release).await.map_err(HelmError::Refused)?;
        if !shelf.bundles.contains_key(&known.release) {
            let bundle = shelf.load(&release).map_err(refused)?;
            self.get_ready(&bundle).await.map_err(HelmError::Refused)?;
            shelf.bundles.insert(known.release, bundle);
        }
        let step = match to {
            Stand::Shadow => ReleaseMove::Shadow,
            Stand::Canary => ReleaseMove::Canary,
            Stand::Full => ReleaseMove::Full,
        };
        let mut step = self.step_of(known, step, by.to_owned(), reason);
        match to {
            Stand::Canary => {
                let share = self.place().canary.map(|canary| canary.share_millionths);
                step.share = Some(share.ok_or_else(|| {
                    let why = "this environment says no share for a canary; name `full`";
                    HelmError::NotNow(why.to_owned())
                })?);
            }
            Stand::Full => step.other = shelf.state.live.as_ref().map(|live| live.release),
            Stand::Shadow => {}
        }
        self.take_step(shelf, step).await?;
        shelf.state.known(&known.release).cloned().ok_or_else(|| HelmError::Unknown(known.name.clone()))
    }

    async fn back(
        &self,
        shelf: &mut Shelf,
        of: &Known,
        back: &Known,
        by: String,
        reason: String,
        security: bool,
    ) -> Result<ReleaseStep, HelmError> {
        if !shelf.bundles.contains_key(&back.release) {
            let refused = |error: shelf::BootError| HelmError::Refused(error.to_string());
            let bundle =
                shelf.read(&back.release).and_then(|release| shelf.load(&release)).map_err(refused)?;
            self.get_ready(&bundle).await.map_err(HelmError::Refused)?;
            shelf.bundles.insert(back.release, bundle);
        }
        let step = self.step_of(of, ReleaseMove::RolledBack, by, reason);
        let step = ReleaseStep { other: Some(back.release), security, ..step };
        match self.take_step(shelf, step.clone()).await {
            Ok(_) => {}
            // Stricter wins: going back does not wait for a ledger that takes nothing.
            Err(HelmError::Record(why)) => {
                let entry = shelf.state.entry;
                self.put_in_force(shelf, &step, entry);
                return Err(HelmError::Unrecorded(why));
            }
            Err(error) => return Err(error),
        }
        Ok(step)
    }

    fn step_of(&self, known: &Known, step: ReleaseMove, by: String, reason: String) -> ReleaseStep {
        ReleaseStep {
            step,
            of: known.release,
            name: known.name.clone(),
            sequence: known.sequence,
            other: None,
            share: None,
            security: false,
            by,
            reason,
            signed_by: known.signed_by.clone(),
            figures: self.figures_of(&known.release),
        }
    }

    fn figures_of(&self, release: &Digest) -> Vec<ReleaseFigure> {
        let watched = self.watched.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        watched.figures_of(release)
    }

    /// Records a step, and lets it take hold.
    pub(super) async fn take_step(&self, shelf: &mut Shelf, step: ReleaseStep) -> Result<u64, HelmError> {
        let mut header = crate::follow::header_by(&step.by);
        header.release = self.standing.load().live.id.to_string();
        let entry = header.entry(Timestamp::now(), EntryBody::Release(Box::new(step.clone())));
        let seq = self.record(entry).await.map_err(|error| HelmError::Record(error.to_string()))?;
        self.put_in_force(shelf, &step, seq.0);
        Ok(seq.0)
    }

    pub(super) fn put_in_force(&self, shelf: &mut Shelf, step: &ReleaseStep, entry: u64) {
        shelf.state = shelf.state.after(step, entry, Timestamp::now());
        self.metrics.release(step.step);
        self.swap(shelf);
        if let Err(error) = shelf.write() {
            tracing::error!(%error, "what is in force could not be written down; the next start takes it from the ledger");
        }
        let (name, by) = (&step.name, &step.by);
        tracing::info!(release = name, step = step.step.name(), by, "a release took a step");
    }

    /// Puts in force what the shelf says.
    pub(super) fn swap(&self, shelf: &mut Shelf) {
        shelf.generation += 1;
        if let Some(standing) = shelf.standing() {
            let generation = standing.generation;
            self.standing.store(Arc::new(standing));
            self.changed.send_replace(generation);
        }
    }

    /// Forgets the releases whose time is over.
    pub(crate) async fn settle_releases(&self) {
        let Some(shelf) = &self.shelf else { return };
        let mut shelf = shelf.lock().await;
        let settled = shelf.state.settled(Timestamp::now());
        if settled != shelf.state {
            shelf.state = settled;
            let needed: Vec<Digest> = shelf.state.needed().collect();
            shelf.bundles.retain(|id, _| needed.contains(id));
            self.swap(&mut shelf);
            if let Err(error) = shelf.write() {
                tracing::error!(%error, "what is in force could not be written down");
            }
        }
    }
}

/// What really changes, from one state of the files to another.
fn seen(before: &Tree, after: &Tree) -> Result<Diff, String> {
    let load =
        |tree: &Tree| load_for_diff(tree).map_err(|found| plimsoll_bundle::render::text(&found, tree, false));
    let (base, head) = (load(before)?, load(after)?);
    Ok(diff(Side { bundle: &base, tree: before }, Side { bundle: &head, tree: after }))
}

/// The stage after this one, by what the environment has.
fn next(now: Option<Stand>, place: &Environment) -> Stand {
    match now {
        None if place.shadow.is_some() => Stand::Shadow,
        None | Some(Stand::Shadow) if place.canary.is_some() => Stand::Canary,
        None | Some(_) => Stand::Full,
    }
}

/// The release that a person means: the one they name, or the only one that is on its way.
fn on_its_way(shelf: &Shelf, named: &str) -> Result<Known, HelmError> {
    if !named.is_empty() {
        return find(shelf, named);
    }
    let state = &shelf.state;
    let known = state
        .canary
        .as_ref()
        .or(state.shadow.as_ref())
        .or(state.installed.iter().rfind(|known| !known.taken_back));
    known.cloned().ok_or_else(|| HelmError::NotNow("no release is on its way; install one first".to_owned()))
}

fn find(shelf: &Shelf, named: &str) -> Result<Known, HelmError> {
    let state = &shelf.state;
    let all = [&state.canary, &state.shadow, &state.live].into_iter().flatten();
    let mut found = all.chain(state.installed.iter().rev()).chain(state.previous.iter().rev());
    let found = found.find(|known| is_called(known, named));
    found.cloned().ok_or_else(|| HelmError::Unknown(named.to_owned()))
}

/// By its name, its sequence number, or at least six digits of its id.
fn is_called(known: &Known, named: &str) -> bool {
    let hex = named.strip_prefix("sha256:").unwrap_or(named);
    known.name == named
        || known.sequence.to_string() == named
        || hex.len() >= 6 && known.release.hex().starts_with(&hex.to_ascii_lowercase())
}
