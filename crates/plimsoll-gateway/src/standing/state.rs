//! What is in force, as the state directory keeps it: `<state>/releases/standing.json`.
//!
//! Each step is an entry of the ledger first. The file follows it, and a start that finds the ledger further than the
//! file takes the steps that are missing, so a crash in between loses none. What a step does to the state is a function
//! of both.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plimsoll_core::{Digest, ReleaseMove, ReleaseStep};
use serde::{Deserialize, Serialize};

use super::{LEAVING_FOR, LEAVING_MAX};

/// Releases that were live before and can be gone back to.
pub const PREVIOUS_MAX: usize = 16;
/// Releases that are installed and serve nobody yet.
pub const INSTALLED_MAX: usize = 16;

/// The file inside the folder of releases.
pub(crate) const STANDING: &str = "standing.json";

/// One release, as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub release: Digest,
    pub name: String,
    pub sequence: u64,
    pub since: Timestamp,
    /// The entry of the step that put it where it is.
    pub entry: u64,
    pub by: String,
    #[serde(default)]
    pub signed_by: Vec<String>,
    /// Of the sessions, in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u32>,
    /// It served here and was taken back: whoever wants it again has to name it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_back: bool,
}

/// A release whose sessions stay with it for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gone {
    pub release: Digest,
    pub until: Timestamp,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub live: Option<Known>,
    pub canary: Option<Known>,
    pub shadow: Option<Known>,
    #[serde(default)]
    pub installed: Vec<Known>,
    /// Newest last.
    #[serde(default)]
    pub previous: Vec<Known>,
    #[serde(default)]
    pub leaving: Vec<Gone>,
    /// The last step that is in it.
    #[serde(default)]
    pub entry: u64,
}

impl State {
    /// The state after a step that is on record.
    pub(crate) fn after(&self, step: &ReleaseStep, entry: u64, at: Timestamp) -> Self {
        let mut state = Self { entry, ..self.clone() };
        let known = Known {
            release: step.of,
            name: step.name.clone(),
            sequence: step.sequence,
            since: at,
            entry,
            by: step.by.clone(),
            signed_by: step.signed_by.clone(),
            share: step.share,
            taken_back: false,
        };
        let until = at.checked_add(LEAVING_FOR).unwrap_or(Timestamp::MAX);
        match step.step {
            ReleaseMove::Installed => {
                state.installed.retain(|other| other.release != step.of);
                state.installed.push(known);
                trim(&mut state.installed, INSTALLED_MAX);
            }
            ReleaseMove::Shadow => {
                state.withdraw(&step.of, Some(until));
                state.shadow = Some(known);
            }
            ReleaseMove::Canary => {
                if let Some(other) = state.canary.take().filter(|other| other.release != step.of) {
                    state.leave(other.release, Some(until));
                }
                state.leaving.retain(|gone| gone.release != step.of);
                state.shadow.take_if(|shadow| shadow.release == step.of);
                state.canary = Some(known);
            }
            ReleaseMove::Full => {
                // Whatever was on its way stood beside another live release.
                state.shadow = None;
                if let Some(other) = state.canary.take().filter(|other| other.release != step.of) {
                    state.leave(other.release, Some(until));
                }
                state.installed.retain(|other| other.release != step.of);
                state.become_live(known, (!step.security).then_some(until));
            }
            ReleaseMove::RolledBack => {
                let until = (!step.security).then_some(until);
                let was_live = state.live.as_ref().is_some_and(|live| live.release == step.of);
                match step.other.filter(|_| was_live) {
                    Some(back) => {
                        let place = state.previous.iter().rposition(|known| known.release == back);
                        let back = place.map(|place| state.previous.split_off(place).swap_remove(0));
                        if let Some(back) = back {
                            state.shadow = None;
                            if let Some(canary) = state.canary.take() {
                                state.leave(canary.release, until);
                            }
                            let gone = state.live.replace(Known { since: at, entry, ..back.clone() });
                            state.leaving.retain(|gone| gone.release != back.release);
                            if let Some(gone) = gone {
                                state.leave(gone.release, until);
                                state.installed.push(gone);
                                trim(&mut state.installed, INSTALLED_MAX);
                            }
                        }
                    }
                    None => state.withdraw(&step.of, until),
                }
                let is_it = |known: &&mut Known| known.release == step.of;
                state.installed.iter_mut().filter(is_it).for_each(|known| known.taken_back = true);
                if step.security {
                    state.leaving.retain(|gone| gone.release != step.of);
                }
            }
            ReleaseMove::Held | ReleaseMove::Refused => {}
        }
        state
    }

    fn become_live(&mut self, known: Known, until: Option<Timestamp>) {
        self.leaving.retain(|gone| gone.release != known.release);
        if let Some(before) = self.live.replace(known) {
            self.leave(before.release, until);
            self.previous.push(before);
            trim(&mut self.previous, PREVIOUS_MAX);
        }
    }

    /// Takes a release out of shadow and canary.
    fn withdraw(&mut self, release: &Digest, until: Option<Timestamp>) {
        self.shadow.take_if(|shadow| shadow.release == *release);
        if self.canary.take_if(|canary| canary.release == *release).is_some() {
            self.leave(*release, until);
        }
    }

    fn leave(&mut self, release: Digest, until: Option<Timestamp>) {
        self.leaving.retain(|gone| gone.release != release);
        if let Some(until) = until {
            self.leaving.push(Gone { release, until });
            trim(&mut self.leaving, LEAVING_MAX);
        }
    }

    /// Without the releases whose time is over.
    pub(crate) fn settled(&self, now: Timestamp) -> Self {
        let mut state = self.clone();
        state.leaving.retain(|gone| gone.until > now);
        state
    }

    /// Every release that is needed to serve and to go back.
    pub(crate) fn needed(&self) -> impl Iterator<Item = Digest> {
        let known =
            [&self.live, &self.canary, &self.shadow].into_iter().flatten().chain(self.previous.last());
        known.map(|known| known.release).chain(self.leaving.iter().map(|gone| gone.release))
    }

    /// What is known of a release here.
    pub(crate) fn known(&self, release: &Digest) -> Option<&Known> {
        let stages = [&self.live, &self.canary, &self.shadow].into_iter().flatten();
        stages.chain(&self.installed).chain(&self.previous).find(|known| known.release == *release)
    }
}

fn trim<T>(list: &mut Vec<T>, most: usize) {
    let over = list.len().saturating_sub(most);
    list.drain(..over);
}

/// Why the state can't be had.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("{path} can't be read", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is damaged: {why}", path = path.display())]
    Damaged { path: PathBuf, why: String },
}

/// Reads the state; `None` where no release was ever in force.
pub(crate) fn read(folder: &Path) -> Result<Option<State>, StateError> {
    let path = folder.join(STANDING);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| StateError::Damaged { path, why: error.to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StateError::Io { path, source }),
    }
}

/// Writes the state, whole or not at all.
pub(crate) fn write(folder: &Path, state: &State) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(state).map_err(io::Error::other)?;
    put(folder, STANDING, &text)
}

/// Writes a file of the folder, whole or not at all, durably.
pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let half = folder.join(format!("{name}.new"));
    let mut writing = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&half)?;
    writing.write_all(bytes)?;
    writing.sync_all()?;
    fs::rename(&half, folder.join(name))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> Digest {
        Digest::from_bytes([n; 32])
    }

    fn step(step: ReleaseMove, of: u8) -> ReleaseStep {
        ReleaseStep {
            step,
            of: id(of),
            name: format!("desk {of}"),
            sequence: of.into(),
            other: None,
            share: None,
            security: false,
            by: "ines".to_owned(),
            reason: String::new(),
            signed_by: vec!["bo".to_owned()],
            figures: Vec::new(),
        }
    }

    /// `shadow 2, canary 2` and so on: where each release is afterwards.
    fn check(steps: &[ReleaseStep], expected: &str) {
        let mut state = State::default();
        for (n, step) in (1..).zip(steps) {
            state = state.after(step, n, Timestamp::from_second(n as i64).unwrap());
        }
        let of = |digest: &Digest| digest.as_bytes()[0].to_string();
        let list =
            |known: &[Known]| known.iter().map(|known| of(&known.release)).collect::<Vec<_>>().join(" ");
        let one = |known: &Option<Known>| known.as_ref().map_or("-".to_owned(), |known| of(&known.release));
        let leaving: Vec<String> = state.leaving.iter().map(|gone| of(&gone.release)).collect();
        let picture = format!(
            "live {} canary {} shadow {} installed [{}] previous [{}] leaving [{}]",
            one(&state.live),
            one(&state.canary),
            one(&state.shadow),
            list(&state.installed),
            list(&state.previous),
            leaving.join(" ")
        );
        assert_eq!(picture, expected);
        let text = serde_json::to_vec(&state).unwrap();
        assert_eq!(serde_json::from_slice::<State>(&text).unwrap(), state);
    }

    #[test]
    fn each_step_has_one_effect() {
        use ReleaseMove::{Canary, Full, Held, Installed, Refused, RolledBack, Shadow};
        let back =
            |of, other, security| ReleaseStep { other: Some(id(other)), security, ..step(RolledBack, of) };
        let one = step(Full, 1);
        let so_far = [one.clone(), step(Installed, 2), step(Shadow, 2)];
        check(&so_far, "live 1 canary - shadow 2 installed [2] previous [] leaving []");
        let canary = [so_far.as_slice(), &[step(Canary, 2)]].concat();
        check(&canary, "live 1 canary 2 shadow - installed [2] previous [] leaving []");
        let after = |more: &[ReleaseStep]| [canary.as_slice(), more].concat();
        check(
            &after(&[step(Held, 2), step(Refused, 3)]),
            "live 1 canary 2 shadow - installed [2] previous [] leaving []",
        );
        check(&after(&[step(Full, 2)]), "live 2 canary - shadow - installed [] previous [1] leaving [1]");
        check(
            &after(&[step(RolledBack, 2)]),
            "live 1 canary - shadow - installed [2] previous [] leaving [2]",
        );
        check(&after(&[back(2, 1, true)]), "live 1 canary - shadow - installed [2] previous [] leaving []");
        check(
            &after(&[step(Full, 2), back(2, 1, false)]),
            "live 1 canary - shadow - installed [2] previous [] leaving [2]",
        );
        check(
            &after(&[step(Full, 2), back(2, 1, true)]),
            "live 1 canary - shadow - installed [2] previous [] leaving []",
        );
        check(
            &after(&[step(Full, 2), step(Full, 3), back(3, 1, false)]),
            "live 1 canary - shadow - installed [3] previous [] leaving [2 3]",
        );
        check(&after(&[step(Canary, 3)]), "live 1 canary 3 shadow - installed [2] previous [] leaving [2]");
        // Back to a release that this gateway never had live goes nowhere.
        check(&after(&[back(1, 9, false)]), "live 1 canary 2 shadow - installed [2] previous [] leaving []");
    }

    #[test]
    fn a_damaged_file_is_no_state() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap().is_none());
        let state = State::default().after(&step(ReleaseMove::Full, 1), 7, Timestamp::UNIX_EPOCH);
        write(dir.path(), &state).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(state));
        fs::write(dir.path().join(STANDING), "{").unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("is damaged"));
    }
}
