//! `plimsoll release trust`: whom a gateway believes, for the first time. From then on each release says it for the next.

use std::path::PathBuf;
use std::process::ExitCode;

use plimsoll_bundle::diff::load_for_diff;
use plimsoll_bundle::release::{Live, Trust};
use plimsoll_bundle::suggest::did_you_mean;
use plimsoll_bundle::{Bundle, Tree};

use super::{bundle_of, read};
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Whom a gateway believes about releases, for its first start
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file holds public keys, roles and numbers, nothing secret. Whoever can change it before the first start decides who may
release: hand it over as you would a certificate.

Examples:
  plimsoll release trust --environment production > trust.json
  plimsoll release trust --environment production --live live.release.json > trust.json    after a restore")]
pub struct TrustArgs {
    /// The environment; may be left out when there is one only
    #[arg(short, long, value_name = "NAME")]
    environment: Option<String>,
    /// Take the rules from this release, which runs already, not from the repository
    #[arg(long, value_name = "RELEASE-FILE")]
    live: Option<PathBuf>,
}

impl TrustArgs {
    pub fn run(self, repo: &Repo) -> Done {
        let (bundle, live) = match &self.live {
            Some(file) => {
                let release = read(file)?;
                let live = Live { id: release.id(), sequence: release.predicate().sequence };
                (bundle_of(&release)?, Some(live))
            }
            None => (here(repo)?, None),
        };
        let environment = self.environment(&bundle)?;
        let Some(trust) = Trust::of(&bundle, &environment, live) else {
            let known = bundle.project.environments.keys().map(String::as_str);
            return Err(Error::new(format!("plimsoll.yaml has no environment `{environment}`"))
                .help(did_you_mean(&environment, known)));
        };
        for (name, person) in &trust.people {
            let keys: Vec<String> = person.keys.iter().map(plimsoll_core::PersonKey::fingerprint).collect();
            let may: Vec<&str> = person.may.iter().map(|power| power.name()).collect();
            talk::say(format!("{name}: {} ({})", keys.join(", "), may.join(", ")));
        }
        talk::data(trust.to_text().trim_end());
        Ok(ExitCode::SUCCESS)
    }

    fn environment(&self, bundle: &Bundle) -> Result<String, Error> {
        let known: Vec<&String> = bundle.project.environments.keys().collect();
        match (&self.environment, &known[..]) {
            (Some(environment), _) => Ok(environment.clone()),
            (None, [one]) => Ok((*one).clone()),
            (None, []) => {
                Err(Error::new("plimsoll.yaml lists no environment that runs signed releases only")
                    .help("write `environments:` into it: what a release needs in each"))
            }
            (None, _) => {
                let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
                Err(Error::new("there are several environments")
                    .help(format!("give --environment, one of: {}", names.join(", "))))
            }
        }
    }
}

fn here(repo: &Repo) -> Result<Bundle, Error> {
    let tree = Tree::read_dir(&repo.repo)?;
    load_for_diff(&tree).map_err(|found| {
        talk::say(plimsoll_bundle::render::text(&found, &tree, false).trim_end());
        Error::new(format!("{} does not load", repo.repo.display())).help("put right what is said above")
    })
}
