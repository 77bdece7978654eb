//! `plimsoll drill`: conversations whose outcome is known, decided.

use std::process::ExitCode;

use plimsoll_bundle::drill::{self, Drill as Scenario};
use plimsoll_bundle::render;
use plimsoll_bundle::suggest::did_you_mean;

use crate::drills;
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Drills: scripted conversations, decided without a model, and compared with what they expect
#[derive(Debug, clap::Args)]
pub struct Drill {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Run(Run),
}

/// Decide the calls of drills and compare with what they expect
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each scripted call is decided by the gateway's own functions and the repository's rules. Nothing is called and
no model is asked: what is told is what would be decided, if a model made these calls.

Exit codes: 0 every expectation is met, 1 one is not, 2 a drill or the repository can't be read.")]
struct Run {
    /// Only these drills; default: all
    names: Vec<String>,
    #[command(flatten)]
    repo: Repo,
    /// JSON
    #[arg(long)]
    json: bool,
}

impl Drill {
    pub fn run(self) -> Done {
        match self.what {
            What::Run(run) => run.run(),
        }
    }
}

impl Run {
    fn run(self) -> Done {
        let loaded = self.repo.load(true)?;
        let Some(bundle) = &loaded.bundle else {
            talk::say(render::text(&loaded.diagnostics, &loaded.tree, false).trim_end());
            return Err(Error::new("the repository does not load").help("`plimsoll check` says the same"));
        };
        let (all, wrong) = drill::read(bundle, &loaded.tree);
        if !wrong.is_empty() {
            talk::say(render::text(&wrong, &loaded.tree, talk::colour()).trim_end());
            return Err(Error::new("a drill can't be read").help("docs/drills.md has the form of a drill"));
        }
        let drills = self.chosen(all)?;
        let ran = drills::run(bundle, &drills)?;
        let failed = ran.iter().filter(|ran| !ran.passed()).count();
        if self.json {
            let list: Vec<_> = ran.iter().map(drills::Ran::json).collect();
            talk::data(serde_json::to_string(&list)?);
        } else {
            for ran in &ran {
                talk::data(format!("{} {}", if ran.passed() { "passed" } else { "FAILED" }, ran.drill.name));
                for (line, what) in &ran.failures {
                    talk::data(format!("  {}:{line}: {what}", ran.drill.file));
                }
            }
            talk::say(format!("{} passed, {failed} failed", ran.len() - failed));
        }
        Ok(ExitCode::from(u8::from(failed > 0)))
    }

    fn chosen(&self, all: Vec<Scenario>) -> Result<Vec<Scenario>, Error> {
        for name in &self.names {
            if all.iter().all(|drill| drill.name != *name) {
                let help = did_you_mean(name, all.iter().map(|drill| drill.name.as_str()));
                return Err(Error::new(format!("there is no drill `{name}`")).help(help));
            }
        }
        let wanted = |drill: &Scenario| self.names.is_empty() || self.names.contains(&drill.name);
        Ok(all.into_iter().filter(wanted).collect())
    }
}
