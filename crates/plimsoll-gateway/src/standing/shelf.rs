//! Where the releases of a gateway are kept, and how files become what serves: `<state>/releases/`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use plimsoll_bundle::diff::Diff;
use plimsoll_bundle::release::{Approved, Live, Refused, Release, ReleaseError, Trust};
use plimsoll_bundle::{Bundle, Tree};
use plimsoll_core::{Digest, ReleaseMove, ReleaseStep};

use super::state::{self, Gone, State, StateError};
use super::{Canary, Leaving, Standing};
use crate::releases::RELEASES;

/// Whom the first release is judged by, and later ones too while nothing is live.
pub const TRUST: &str = "trust.json";

/// Makes a bundle of a release's files, or says why it can't.
type Load = dyn Fn(&Tree) -> Result<Bundle, String> + Send + Sync;

/// Makes what serves of a release's files, with the secrets and settings of this place.
#[derive(Clone)]
pub struct Loader(pub Arc<Load>);

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Loader")
    }
}

/// Why a gateway that runs signed releases does not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("no release was ever put into force here; give the first one with `--release FILE`")]
    NoLive,
    #[error("a release is in force here already; install others with `plimsoll release install`")]
    HasLive,
    #[error("the release {name} is in force, and {path} can't be read: {why}", path = path.display())]
    Missing { name: String, path: PathBuf, why: String },
    #[error("the release {name} does not load here: {why}")]
    Load { name: String, why: String },
    #[error("{path} is no list of whom to trust: {why}", path = path.display())]
    Trust { path: PathBuf, why: String },
    #[error("this gateway trusts others already: {path}; remove it only if you mean to begin anew", path = path.display())]
    OtherTrust { path: PathBuf },
    #[error("the release {name} is in force and is none to run: {why}; {next}")]
    NoLonger { name: String, why: String, next: String },
    #[error("the first release is not one to run")]
    Refused(#[from] Refused),
    #[error("the first release can't be read")]
    Release(#[from] ReleaseError),
    #[error("{path} can't be written: {why}", path = path.display())]
    Io { path: PathBuf, why: io::Error },
}

/// The releases of a gateway: where they are kept, and those that it has in hand.
#[derive(Debug)]
pub struct Shelf {
    pub(super) folder: PathBuf,
    pub(super) loader: Loader,
    pub(super) state: State,
    pub(super) bundles: BTreeMap<Digest, Arc<Bundle>>,
    pub(super) generation: u64,
    /// Steps that have to be on record before anything serves.
    pub(super) pending: Vec<ReleaseStep>,
    /// What differs between releases, as it was found here: finding it takes a while.
    compared: Mutex<Vec<(Pair, Arc<Diff>)>>,
}

type Pair = (Digest, Digest);

/// Comparisons of releases that are remembered.
const COMPARED_MAX: usize = 4;

/// What a gateway is started with where nothing is in force yet.
#[derive(Debug)]
pub struct First<'a> {
    pub trust: Option<&'a [u8]>,
    pub release: Option<&'a [u8]>,
}

impl Shelf {
    /// Whether the gateway of this state directory runs signed releases only.
    pub fn is_in_use(state_dir: &Path) -> bool {
        let folder = state_dir.join(RELEASES);
        folder.join(TRUST).exists() || folder.join(state::STANDING).exists()
    }

    /// What was in force when the gateway ended, or the first release.
    ///
    /// # Errors
    /// When there is none, or it is not what was signed: a gateway without a valid release does not start.
    pub fn open(
        state_dir: &Path,
        loader: Loader,
        first: &First<'_>,
        now: Timestamp,
    ) -> Result<Self, BootError> {
        let folder = state_dir.join(RELEASES);
        if let Some(trust) = first.trust {
            take_trust(&folder, trust)?;
        }
        let state = state::read(&folder)?.unwrap_or_default().settled(now);
        let mut shelf = Self {
            folder,
            loader,
            state,
            bundles: BTreeMap::new(),
            generation: 0,
            pending: Vec::new(),
            compared: Mutex::default(),
        };
        match (shelf.state.live.is_some(), first.release) {
            (true, None) => {
                if let Some(live) = shelf.state.live.as_ref().map(|live| live.release) {
                    shelf.recheck(&live)?;
                }
                shelf.fetch()?;
            }
            (true, Some(_)) => return Err(BootError::HasLive),
            (false, Some(release)) => shelf.begin(release, now)?,
            (false, None) => return Err(BootError::NoLive),
        }
        Ok(shelf)
    }

    /// The release that is live, or is about to be.
    pub fn live(&self) -> Option<Arc<Bundle>> {
        let live = self.state.live.as_ref().map(|known| known.release);
        let first = self.pending.last().map(|step| step.of);
        self.bundles.get(&live.or(first)?).cloned()
    }

    /// The first release of all, judged by the list that was given.
    fn begin(&mut self, release: &[u8], now: Timestamp) -> Result<(), BootError> {
        let path = self.folder.join(TRUST);
        let unread = |why: String| BootError::Trust { path: path.clone(), why };
        let text = fs::read(&path).map_err(|error| unread(error.to_string()))?;
        let trust = Trust::parse(&text).map_err(|error| unread(error.to_string()))?;
        let release = Release::parse(release)?;
        let approved = trust.judge(&release, None, now)?;
        let bundle = self.load(&release)?;
        self.keep(&release, &trust)?;
        self.bundles.insert(release.id(), bundle);
        let step = step(ReleaseMove::Installed, &release, people_of(&approved), "gateway");
        let step = ReleaseStep { reason: "the first release of this gateway".to_owned(), ..step };
        self.pending = vec![step.clone(), ReleaseStep { step: ReleaseMove::Full, ..step }];
        Ok(())
    }

    /// Loads what the state needs. The live release must be there; of the others, what can't be had serves nobody.
    pub(super) fn fetch(&mut self) -> Result<(), BootError> {
        let needed: Vec<Digest> = self.state.needed().collect();
        let live = self.state.live.as_ref().map(|live| live.release);
        for id in needed {
            if self.bundles.contains_key(&id) {
                continue;
            }
            match self.read(&id).and_then(|release| self.load(&release)) {
                Ok(bundle) => drop(self.bundles.insert(id, bundle)),
                Err(error) if Some(id) == live => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "a release can't be had; its sessions are the live one's");
                    self.drop_from_state(&id);
                }
            }
        }
        let needed: Vec<Digest> = self.state.needed().collect();
        self.bundles.retain(|id, _| needed.contains(id));
        Ok(())
    }

    fn drop_from_state(&mut self, id: &Digest) {
        self.state.canary.take_if(|known| known.release == *id);
        self.state.shadow.take_if(|known| known.release == *id);
        self.state.leaving.retain(|gone| gone.release != *id);
        self.state.previous.retain(|known| known.release != *id);
    }

    /// Whom to trust about a release that is kept here: the people and terms that let it in.
    fn trust_of(&self, id: &Digest) -> Result<Trust, BootError> {
        let path = self.folder.join(trust_name(id));
        let unread = |why: String| BootError::Trust { path: path.clone(), why };
        let text = fs::read(&path).map_err(|error| unread(error.to_string()))?;
        Trust::parse(&text).map_err(|error| unread(error.to_string()))
    }

    /// Whom to trust about the next release: whoever the live one says, else the list that was given.
    pub(super) fn trust(&self, live: &Bundle) -> Result<Trust, String> {
        let known = self.state.live.as_ref().ok_or("nothing is live")?;
        let here = Live { id: known.release, sequence: known.sequence };
        if let Some(trust) = Trust::of(live, &live.project.environment, Some(here)) {
            return Ok(trust);
        }
        let path = self.folder.join(TRUST);
        let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut trust = Trust::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        trust.live = Some(here);
        Ok(trust)
    }

    /// The live release after a restart: what was signed, by the people and terms that let it in.
    fn recheck(&self, id: &Digest) -> Result<(), BootError> {
        let release = self.read(id)?;
        let name = name_of(&release);
        let refused = |why: Refused| BootError::NoLonger { name, why: why.to_string(), next: why.next() };
        self.trust_of(id)?.recheck(&release).map(drop).map_err(refused)
    }

    /// A release that is kept here, found to be what it was.
    pub(super) fn read(&self, id: &Digest) -> Result<Release, BootError> {
        let path = self.path(id);
        let name = self.state.known(id).map_or_else(|| id.short(), |known| known.name.clone());
        let missing = |why: String| BootError::Missing { name: name.clone(), path: path.clone(), why };
        let bytes = fs::read(&path).map_err(|error| missing(error.to_string()))?;
        let release = Release::parse(&bytes).map_err(|error| missing(error.to_string()))?;
        match release.id() == *id {
            true => Ok(release),
            false => Err(missing(format!("it holds another release, {}", release.id().short()))),
        }
    }

    /// What differs between two releases, where it is known.
    pub(super) fn compared(&self, pair: &Pair) -> Option<Arc<Diff>> {
        let compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        compared.iter().find(|(known, _)| known == pair).map(|(_, diff)| Arc::clone(diff))
    }

    pub(super) fn keep_compared(&self, pair: Pair, diff: Diff) -> Arc<Diff> {
        let diff = Arc::new(diff);
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        if compared.len() >= COMPARED_MAX {
            compared.remove(0);
        }
        compared.push((pair, Arc::clone(&diff)));
        diff
    }

    /// What serves of a release.
    pub(super) fn load(&self, release: &Release) -> Result<Arc<Bundle>, BootError> {
        let loaded = (self.loader.0)(release.tree());
        loaded.map(Arc::new).map_err(|why| BootError::Load { name: name_of(release), why })
    }

    /// Keeps a release, and whom it was judged by, durably.
    pub(super) fn keep(&self, release: &Release, trust: &Trust) -> Result<(), BootError> {
        let name = format!("{}.release.json", release.id().hex());
        for (name, text) in [(name, release.to_text()?), (trust_name(&release.id()), trust.to_text())] {
            let failed = |why| BootError::Io { path: self.folder.join(&name), why };
            state::put(&self.folder, &name, text.as_bytes()).map_err(failed)?;
        }
        Ok(())
    }

    fn path(&self, id: &Digest) -> PathBuf {
        self.folder.join(format!("{}.release.json", id.hex()))
    }

    pub(super) fn write(&self) -> io::Result<()> {
        state::write(&self.folder, &self.state)
    }

    /// Who serves whom by this state; `None` while nothing is live.
    pub(super) fn standing(&self) -> Option<Standing> {
        let find = |id: &Digest| self.bundles.get(id).cloned();
        let live = find(&self.state.live.as_ref()?.release)?;
        let canary = self.state.canary.as_ref().and_then(|known| {
            let millionths = known.share.unwrap_or_default();
            Some(Canary { bundle: find(&known.release)?, millionths, since: known.since })
        });
        let shadow = self.state.shadow.as_ref().and_then(|known| find(&known.release));
        let leaving = |gone: &Gone| Some(Leaving { bundle: find(&gone.release)?, until: gone.until });
        let leaving = self.state.leaving.iter().filter_map(leaving).collect();
        Some(Standing { live, canary, shadow, leaving, generation: self.generation })
    }
}

/// A step of a release, with nothing but what it says itself.
pub(super) fn step(step: ReleaseMove, release: &Release, signed_by: Vec<String>, by: &str) -> ReleaseStep {
    ReleaseStep {
        step,
        of: release.id(),
        name: name_of(release),
        sequence: release.predicate().sequence,
        other: None,
        share: None,
        security: false,
        by: by.to_owned(),
        reason: String::new(),
        signed_by,
        figures: Vec::new(),
    }
}

fn trust_name(id: &Digest) -> String {
    format!("{}.trust.json", id.hex())
}

/// Whose signatures count: the author first.
pub(super) fn people_of(approved: &Approved) -> Vec<String> {
    std::iter::once(&approved.author).chain(&approved.approvers).cloned().collect()
}

/// `support-desk 12`.
pub(super) fn name_of(release: &Release) -> String {
    format!("{} {}", release.predicate().project, release.predicate().sequence)
}

/// Keeps the list of whom to trust. Another one is not taken: who may change it is ruled by what is in force.
fn take_trust(folder: &Path, trust: &[u8]) -> Result<(), BootError> {
    let path = folder.join(TRUST);
    Trust::parse(trust).map_err(|error| BootError::Trust { path: path.clone(), why: error.to_string() })?;
    match fs::read(&path) {
        Ok(known) if known == trust => return Ok(()),
        Ok(_) => return Err(BootError::OtherTrust { path }),
        Err(_) => {}
    }
    state::put(folder, TRUST, trust).map_err(|why| BootError::Io { path, why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::StartError;
    use crate::upstream::http::chain;

    /// As a person reads it: the message, then its causes.
    #[test]
    fn why_it_does_not_start_is_said_once() {
        let check = |error: BootError, expected: &str| {
            assert_eq!(chain(&error), expected);
            assert_eq!(chain(&StartError::from(error)), expected);
        };
        check(
            BootError::Release(ReleaseError::Form("an end too soon".to_owned())),
            "the first release can't be read: this is no release file: an end too soon",
        );
        let path = PathBuf::from("standing.json");
        check(
            StateError::Damaged { path: path.clone(), why: "an end too soon".to_owned() }.into(),
            "standing.json is damaged: an end too soon",
        );
        let source = io::Error::other("no");
        check(StateError::Io { path: path.clone(), source }.into(), "standing.json can't be read: no");
        check(BootError::Io { path, why: io::Error::other("no") }, "standing.json can't be written: no");
        check(BootError::NoLive, &BootError::NoLive.to_string());
    }
}
