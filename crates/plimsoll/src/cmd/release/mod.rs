//! `plimsoll release`: what the AI may do, signed, approved, put into force and taken back. One file a verb.

mod approve;
mod create;
mod findings;
mod install;
mod log;
mod page;
mod promote;
mod rollback;
mod show;
mod status;
mod trust;

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use plimsoll_bundle::Bundle;
use plimsoll_bundle::diff::load_for_diff;
use plimsoll_bundle::release::{Live, RELEASE_BYTES_MAX, Release as SignedRelease, Trust};

use crate::cmd::diff_sides::{Source, State};
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// What the AI may do, signed: make a release, approve it, put it into force, take it back
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll key sign --name ines                          a key; its public line goes into people.yaml
  plimsoll release create --environment production --base live.release.json --key ines.key
  plimsoll release approve harbour-8-1f0c3e5a7b9d.release.json --base live.release.json --agent
  plimsoll release show harbour-8-1f0c3e5a7b9d.release.json --trust trust.json
  plimsoll release trust --environment production > trust.json    for the first start of a gateway")]
pub struct Release {
    #[command(flatten)]
    repo: Repo,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check the repository, compare it with what it follows, and sign it as its author
    Create(create::Create),
    /// Read what a release makes possible, and sign it
    Approve(approve::Approve),
    /// What a release is, who signed it, and whether it would run
    Show(show::Show),
    /// Whom a gateway believes about releases, for its first start
    Trust(trust::TrustArgs),
    Install(install::Install),
    Status(status::Status),
    Promote(promote::Promote),
    Rollback(rollback::Rollback),
    Log(log::Log),
}

impl Release {
    pub fn run(self) -> Done {
        let Self { repo, verb } = self;
        match verb {
            Verb::Create(create) => create.run(&repo),
            Verb::Approve(approve) => approve.run(&repo),
            Verb::Show(show) => show.run(),
            Verb::Trust(trust) => trust.run(&repo),
            Verb::Install(install) => install.run(),
            Verb::Status(status) => status.run(),
            Verb::Promote(promote) => promote.run(),
            Verb::Rollback(rollback) => rollback.run(),
            Verb::Log(log) => log.run(),
        }
    }
}

// === what the verbs share ===

/// Reads a release file.
pub fn read(file: &Path) -> Result<SignedRelease, Error> {
    let told = |why: String| Error::new(format!("{}: {why}", file.display()));
    let open = std::fs::File::open(file).map_err(|error| told(error.to_string()))?;
    let mut text = Vec::new();
    open.take(RELEASE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|error| told(error.to_string()))?;
    SignedRelease::parse(&text).map_err(|error| {
        told(error.to_string())
            .help("fetch it again from whoever made it; `plimsoll release create` makes one")
    })
}

/// Writes a release file whole or not at all: somebody's signature may be in the one that is there.
fn write(file: &Path, release: &SignedRelease) -> Result<(), Error> {
    let text = release.to_text()?;
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let told = |error: std::io::Error| Error::new(format!("{}: {error}", file.display()));
    let mut beside = tempfile::NamedTempFile::new_in(dir).map_err(told)?;
    beside.write_all(text.as_bytes()).map_err(told)?;
    beside.as_file().sync_all().map_err(told)?;
    // A temporary file is private; a release is for everybody who may read the directory.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    beside.as_file().set_permissions(open).map_err(told)?;
    beside.persist(file).map_err(|error| told(error.error))?;
    Ok(())
}

/// The bundle of a release, to read people and rules from.
fn bundle_of(release: &SignedRelease) -> Result<Bundle, Error> {
    load_for_diff(release.tree()).map_err(|found| {
        talk::say(plimsoll_bundle::render::text(&found, release.tree(), false).trim_end());
        Error::new("the files of this release do not load").help("it would never run; make another")
    })
}

/// What a release is compared with.
fn base(text: Option<&str>, repo: &Repo) -> Result<Option<State>, Error> {
    text.map(|text| Source::of(text, &repo.repo)?.read()).transpose()
}

/// That a state is the live one, when it is a release.
fn live(state: &State) -> Option<Live> {
    let release = state.release.as_ref()?;
    Some(Live { id: release.id(), sequence: release.predicate().sequence })
}

/// By whose rules a release is looked at.
struct Rules {
    /// One for each environment that the release is for and that asks something.
    trusts: Vec<Trust>,
    /// Where they come from, in words.
    by: String,
}

impl Rules {
    /// Those of a trust file; else of what the release follows; else, for want of better, its own.
    fn of(trust: Option<&PathBuf>, base: Option<&State>, release: &SignedRelease) -> Result<Self, Error> {
        if let Some(file) = trust {
            let text =
                std::fs::read(file).map_err(|error| Error::new(format!("{}: {error}", file.display())))?;
            let trust = Trust::parse(&text).map_err(|error| {
                Error::new(format!("{}: {error}", file.display()))
                    .help("`plimsoll release trust` writes one; a gateway keeps its own in <state>/releases/trust.json")
            })?;
            return Ok(Self { trusts: vec![trust], by: file.display().to_string() });
        }
        let of = |bundle: &Bundle, live| -> Vec<Trust> {
            let environments = release.predicate().environments.iter();
            environments.filter_map(|environment| Trust::of(bundle, environment, live)).collect()
        };
        Ok(match base {
            Some(state) => {
                Self { trusts: of(&state.bundle, live(state)), by: format!("the people of {}", state.name) }
            }
            None => Self {
                trusts: of(&bundle_of(release)?, None),
                by: "the people of this release itself; what runs there judges by its own".to_owned(),
            },
        })
    }
}

/// Asks on the terminal.
fn confirm(question: &str) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::new("nobody is there to say yes").help("read it first, then give --yes"));
    }
    talk::say(format!("{question} [y/N] "));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
