//! `plimsoll release create`: check, compare, try, sign.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use plimsoll_bundle::diff::{self, Side, load_unfilled};
use plimsoll_bundle::release::{DiffRecord, Found, Predicate, Release as SignedRelease, Trust};
use plimsoll_bundle::suggest::did_you_mean;
use plimsoll_bundle::{Bundle, Environment, Power, Tree};
use plimsoll_core::PersonKey;

use super::{base, findings, live, page, write};
use crate::cmd::diff_sides::State;
use crate::repo::Repo;
use crate::signing::Signing;
use crate::talk::{self, Done, Error};

/// Check the repository, compare it with what it follows, and sign it as its author
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is signed is what is found here: the diff line by line, and what checks, invariants, drills and replays found and how.
Nothing is signed when the repository does not load.

Exit codes: 0 signed and written, 1 there is something to put right first, 2 it could not be tried.")]
pub struct Create {
    /// Where it may run; may be repeated
    #[arg(short, long = "environment", value_name = "NAME", required = true)]
    environments: Vec<String>,
    /// What it follows and is compared with: the release that runs there, or a git revision or directory. Leave it out for a
    /// first release
    #[arg(long, value_name = "RELEASE-FILE|REV|DIR")]
    base: Option<String>,
    /// Its number; default one more than that of the base, and 1 for a first release
    #[arg(long, value_name = "N")]
    sequence: Option<u64>,
    /// Who makes it; default: whose key it is, by people.yaml
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// A state directory of a gateway: its recorded acts are decided again by this release, and the differences are counted
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Where it is written; default `<project>-<number>-<digits>.release.json` here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Create {
    pub fn run(self, repo: &Repo) -> Done {
        if !repo.repo.join("plimsoll.yaml").is_file() {
            return Err(Error::new(format!("{} holds no plimsoll.yaml", repo.repo.display()))
                .help("make a workflow repository with `plimsoll init`, or name one with --repo"));
        }
        let tree = Tree::read_dir(&repo.repo)?;
        let (bundle, warnings) = match load_unfilled(&tree) {
            Ok(loaded) => loaded,
            Err(found) => {
                talk::say(plimsoll_bundle::render::text(&found, &tree, false).trim_end());
                talk::say("it does not load, so nothing is signed");
                return Ok(ExitCode::from(1));
            }
        };
        let terms = self.terms(&bundle)?;
        let base = base(self.base.as_deref(), repo)?;
        let sequence = self.sequence(base.as_ref())?;
        // By the rules in force, where there are any: who changes their own key or role signs as they were before.
        let by = base.as_ref().map(|base| &base.bundle).filter(|bundle| !bundle.people.keys.is_empty());
        let by = by.unwrap_or(&bundle);
        let known = keys_of(by, self.author.as_deref());
        let signer = self.signing.signer(&known)?;
        let author = self.author(by, signer.key())?;

        let side = Side { bundle: &bundle, tree: &tree };
        let found =
            base.as_ref().map(|base| diff::diff(Side { bundle: &base.bundle, tree: &base.tree }, side));
        let created = now();
        let replays = findings::replays(self.state.as_deref(), &bundle, repo)?;
        let predicate = Predicate {
            project: bundle.project.name.clone(),
            sequence,
            parent: base.as_ref().and_then(live).map(|live| live.id),
            environments: self.environments.iter().cloned().collect(),
            created,
            expires: expiry(created, &terms)?,
            author: author.clone(),
            plimsoll: env!("CARGO_PKG_VERSION").to_owned(),
            manifest: std::collections::BTreeMap::new(),
            diff: found.as_ref().map_or_else(first, DiffRecord::of),
            checks: findings::checks(&bundle, &tree, &warnings),
            invariants: findings::invariants(&bundle, &tree)?,
            drills: findings::drills(&bundle, &tree)?,
            replays,
        };
        let mut release = SignedRelease::new(tree.clone(), predicate)?;
        talk::say(page::release(&release, found.as_ref()).trim_end());
        if let Some(failed) = failed(&release) {
            talk::say(format!("{failed} did not pass, so nothing is signed"));
            return Ok(ExitCode::from(1));
        }
        release.sign(&*signer)?;
        let file = self.out.clone().unwrap_or_else(|| PathBuf::from(release.file_name()));
        write(&file, &release)?;
        talk::say(format!("signed by {author} with {}", signer.key().fingerprint()));
        self.what_is_missing(&release, &bundle, base.as_ref());
        talk::data(file.display().to_string());
        Ok(ExitCode::SUCCESS)
    }

    /// What each environment asks.
    fn terms<'b>(&self, bundle: &'b Bundle) -> Result<Vec<&'b Environment>, Error> {
        let known = &bundle.project.environments;
        let one = |name: &String| {
            known.get(name).ok_or_else(|| {
                let help = match known.is_empty() {
                    true => {
                        "write `environments:` into plimsoll.yaml: what a release needs in each".to_owned()
                    }
                    false => did_you_mean(name, known.keys().map(String::as_str)),
                };
                Error::new(format!("plimsoll.yaml has no environment `{name}`")).help(help)
            })
        };
        self.environments.iter().map(one).collect()
    }

    fn sequence(&self, base: Option<&State>) -> Result<u64, Error> {
        let parent = base.and_then(live).map(|live| live.sequence);
        match (self.sequence, parent, base) {
            (Some(sequence), Some(parent), _) if sequence <= parent => {
                Err(Error::new(format!("number {sequence} does not follow number {parent}"))
                    .help("leave --sequence out, and it gets the next number"))
            }
            (Some(sequence), ..) => Ok(sequence),
            (None, Some(parent), _) => Ok(parent + 1),
            (None, None, None) => Ok(1),
            (None, None, Some(base)) => {
                Err(Error::new(format!("{} is no release, so it has no number", base.name))
                    .help("name the release file that runs there as --base, or give --sequence N"))
            }
        }
    }

    /// Whose key it is, if they may make releases.
    fn author(&self, by: &Bundle, key: &PersonKey) -> Result<String, Error> {
        let owner = by.people.keys.iter().find(|(_, keys)| keys.contains(key)).map(|(name, _)| name);
        let place = |who: &str| {
            format!(
                "people.yaml has to name it under {who}, as `key:`, in the release that this one follows: {key}"
            )
        };
        let author = match (&self.author, owner) {
            (None, Some(owner)) => owner,
            (Some(author), Some(owner)) if author == owner => owner,
            (Some(author), _) if !by.people.may(author, Power::Author) => author,
            (Some(author), _) => {
                return Err(Error::new(format!("this key is not one of `{author}`"))
                    .help(place(&format!("`{author}`"))));
            }
            (None, None) => {
                return Err(Error::new("nobody in people.yaml has this key").help(place("its person")));
            }
        };
        if !by.people.may(author, Power::Author) {
            let who: Vec<&str> = by.people.signers(Power::Author).collect();
            return Err(Error::new(format!("`{author}` may not author releases"))
                .help(format!("who may, and has a key: {}", who.join(", "))));
        }
        Ok(author.clone())
    }

    /// What else has to be signed, by the rules of what runs there.
    fn what_is_missing(&self, release: &SignedRelease, bundle: &Bundle, base: Option<&State>) {
        for environment in &self.environments {
            let by = base.map_or((bundle, None), |base| (&base.bundle, live(base)));
            // What the base does not list, it does not judge; then this release is the first there.
            let trust = Trust::of(by.0, environment, by.1).or_else(|| Trust::of(bundle, environment, None));
            match trust.map(|trust| trust.foresee(release, now())) {
                Some(Err(refused)) => talk::say(format!("{environment}: {refused}")),
                _ => talk::say(format!("{environment}: nobody else has to sign")),
            }
        }
    }
}

/// To the second: nobody reads more, and it is a line shorter to compare.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The shortest of what its environments allow.
fn expiry(created: Timestamp, terms: &[&Environment]) -> Result<Timestamp, Error> {
    let shortest = terms.iter().map(|terms| terms.expires_s).min().unwrap_or(0);
    let life = SignedDuration::from_secs(i64::try_from(shortest).unwrap_or(i64::MAX));
    created.checked_add(life).map_err(|_| {
        Error::new("`expires` reaches beyond all calendars").help("write a shorter time in plimsoll.yaml")
    })
}

fn first() -> DiffRecord {
    DiffRecord {
        base: None,
        how: "a first release: it was compared with nothing".to_owned(),
        ..DiffRecord::default()
    }
}

fn keys_of(bundle: &Bundle, author: Option<&str>) -> Vec<PersonKey> {
    let people = bundle.people.keys.iter();
    people
        .filter(|(name, _)| author.is_none_or(|author| author == *name))
        .flat_map(|(_, keys)| keys.clone())
        .collect()
}

fn failed(release: &SignedRelease) -> Option<&'static str> {
    let predicate = release.predicate();
    let all = [
        ("the check", &predicate.checks),
        ("an invariant", &predicate.invariants),
        ("a drill", &predicate.drills),
        ("the replay", &predicate.replays),
    ];
    all.into_iter().find(|(_, finding)| finding.found == Found::Failed).map(|(name, _)| name)
}
