//! `plimsoll bench policy`: what a policy costs and what it stops.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use plimsoll_inspect::Redactor;

use crate::bench::policy::{self, Episode, Ground, Latency, Report};
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Episodes told by `--explain` at most.
const EXPLAINED_MAX: usize = 8;

/// Measure what a policy costs and what it stops, on traces, without a model
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll bench policy --traces benign.jsonl attack.jsonl
  plimsoll bench policy --traces attack.jsonl --explain mail-17     each call with its reasons and origins
A trace is JSON Lines, one episode a line; the chapter Measuring a policy of the manual has the format.
Exit codes: 0 it was measured, 1 a call was decided otherwise than its `expect` says, 2 the repository or a trace could
not be read.")]
pub struct Policy {
    #[command(flatten)]
    repo: Repo,
    /// Files of episodes
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    traces: Vec<PathBuf>,
    /// The workflow to decide by; default: the one named like the suite, or the only one
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Only the first episodes of each file
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Tell this episode call by call; a part of an id tells all that have it
    #[arg(long, value_name = "ID")]
    explain: Option<String>,
    /// Measure how long decisions take, also in contexts of 200 KiB
    #[arg(long)]
    latency: bool,
    /// Leave out the search for what an attacker could reach
    #[arg(long)]
    no_reach: bool,
    /// Every decision and figure, as JSON
    #[arg(long)]
    json: bool,
}

impl Policy {
    pub fn run(self) -> Done {
        let loaded = self.repo.load(true)?;
        let Some(bundle) = &loaded.bundle else {
            talk::say(plimsoll_bundle::render::text(&loaded.diagnostics, &loaded.tree, false));
            return Err(Error::new("the repository does not load").help("`plimsoll check` says the same"));
        };
        let episodes = self.episodes()?;
        let ground = Ground {
            bundle,
            release: bundle.id.to_string(),
            redactor: Redactor::new(&[]),
            now: Timestamp::now(),
        };
        let workflows = policy::workflows(bundle, self.workflow.as_deref(), &episodes)?;
        let outcomes = policy::all(&ground, &workflows, &episodes, !self.no_reach);
        for (tool, help) in policy::unknown_tools(bundle, &outcomes) {
            talk::say(format!(
                "warning: the repository has no tool `{tool}`, so its calls are refused; {help}"
            ));
        }
        if let Some(id) = &self.explain {
            return explain(&outcomes, id);
        }
        let annotation_lines = policy::annotation_lines(&loaded.tree);
        let not_searched = if self.no_reach { Vec::new() } else { policy::not_searched(bundle, &workflows) };
        let latency = self.latency.then(|| Latency::measure(&ground, &workflows, &episodes));
        let report =
            Report { release: ground.release.clone(), annotation_lines, outcomes, latency, not_searched };
        talk::data(if self.json { report.json().to_string() } else { report.text().trim_end().to_owned() });
        Ok(ExitCode::from(u8::from(report.unexpected().next().is_some())))
    }

    fn episodes(&self) -> Result<Vec<Episode>, Error> {
        let mut all: Vec<Episode> = Vec::new();
        for path in &self.traces {
            let read = policy::read(path, self.limit.unwrap_or(usize::MAX))?;
            all.extend(read);
        }
        match all.is_empty() {
            true => Err(Error::new("the traces hold no episode")),
            false => Ok(all),
        }
    }
}

fn explain(outcomes: &[policy::Outcome<'_>], id: &str) -> Done {
    let found = policy::find(outcomes, id);
    if found.is_empty() {
        let ids = outcomes.iter().map(|outcome| outcome.episode.id.as_str());
        return Err(Error::new(format!("no episode is called `{id}`"))
            .help(plimsoll_bundle::suggest::did_you_mean(id, ids)));
    }
    for outcome in found.iter().take(EXPLAINED_MAX) {
        talk::data(policy::explain(outcome, talk::colour()));
    }
    if found.len() > EXPLAINED_MAX {
        talk::say(format!("and {} more whose ids have `{id}`", found.len() - EXPLAINED_MAX));
    }
    Ok(ExitCode::SUCCESS)
}
