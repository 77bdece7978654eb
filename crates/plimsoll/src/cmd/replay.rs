//! `plimsoll replay`: recorded acts, decided again.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use plimsoll_bundle::Bundle;

use crate::cmd::log::since;
use crate::opener::{Opener, ReadArgs};
use crate::replay::{Asked, Changes, FailOn, Grounds, Sameness, cassette, drill, live};
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Decide recorded acts again: as they were decided, or as a candidate would decide them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll replay --all                          every decision on record comes out again, to the letter
  plimsoll replay demo-b                         those of a session, by the beginning of its id
  plimsoll replay --since 7d --candidate ../new  what another state of the repository would have decided
  plimsoll replay demo-b --cassette              the whole conversation again, with recorded answers
  plimsoll replay demo-b --live --times 5        the same with the models of today, tools from the record
  plimsoll replay demo-b --to-drill drills/inbox.yaml   write it down as a drill
Levels, never mixed up: deciding again (nothing runs), a candidate (nothing runs), --cassette (the gateway runs,
everything it asks answers from the record) and --live (models are called, tools answer from the record). Only --live
calls anything: the models, with what was said. It reads the ledger and the kept releases beside it; the gateway may
run meanwhile.
Exit codes: 0 all the same (with --candidate: nothing that --fail-on names), 1 not so (--cassette: a difference;
--live: a run in which other acts were proposed or decided), 2 could not tell: an act is not replayable, a model gave
no answer, or nothing could be read.")]
pub struct Replay {
    /// Number of an entry, or the beginning of the id of a session, act or request
    id: Option<String>,
    #[command(flatten)]
    repo: Repo,
    /// Everything that is on record
    #[arg(long, conflicts_with = "id")]
    all: bool,
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// `server.tool`
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    #[arg(long, value_parser = ["allow", "hold", "refuse"])]
    decision: Option<String>,
    /// `90s`, `30m`, `1h`, `7d`, or a time
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
    /// Decide by this repository instead, and say what would change
    #[arg(long, value_name = "DIR")]
    candidate: Option<PathBuf>,
    /// With --candidate: which changes make exit code 1
    #[arg(
        long,
        value_enum,
        default_value = "allowed",
        requires = "candidate",
        conflicts_with = "live",
        value_name = "WHAT"
    )]
    fail_on: FailOn,
    /// Run the whole conversation again through the real path: models and tools answer from the record, nothing can be
    /// reached, and the first difference stops it. Needs a session that was recorded in full
    #[arg(long, requires = "id", conflicts_with_all = ["candidate", "workflow", "tool", "decision", "since"])]
    cassette: bool,
    /// Run the whole conversation again with the models of --repo (or --candidate) as they are today; tools answer from the
    /// record. Ends where a model proposes other acts than on record. Sends what was said to the models, which costs
    #[arg(long, requires = "id", conflicts_with_all = ["cassette", "workflow", "tool", "decision", "since"])]
    live: bool,
    /// With --live: how many runs, as a model says this today and that tomorrow
    #[arg(long, requires = "live", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    times: u32,
    /// Write the conversation into this file as a drill. Needs a session that was recorded in full
    #[arg(long, requires = "id", value_name = "FILE", conflicts_with_all = ["cassette", "live", "candidate", "workflow", "tool", "decision", "since", "json"])]
    to_drill: Option<PathBuf>,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    read: ReadArgs,
}

impl Replay {
    pub fn run(self) -> Done {
        let asked = self.asked()?;
        let state = self.repo.recorded()?;
        let ledger = state.join("ledger");
        let privacy = self.repo.load(true).ok().and_then(|loaded| loaded.bundle);
        let privacy = privacy.map(|bundle| bundle.project.privacy).unwrap_or_default();
        let opener = Opener::of(&state, &privacy, &self.read)?;
        let what = self.in_words();
        if self.cassette || self.live || self.to_drill.is_some() {
            let id = self.id.as_deref().unwrap_or_default();
            let tape = opener.read(&what, |lens| cassette::tape(&state, lens, id))??;
            return match &self.to_drill {
                Some(file) => {
                    drill::write(&tape, &plimsoll_gateway::releases::read(&state, &tape.ground)?, file)
                }
                None if self.live => live::play(&tape, || self.today(), self.times, self.json),
                None => cassette::play(&state, tape, self.json),
            };
        }
        let grounds = Grounds::of(state);
        let (json, text, exit) = match &self.candidate {
            Some(dir) => {
                let candidate = candidate(dir)?;
                let changes =
                    opener.read(&what, |lens| Changes::of(&ledger, lens, &asked, &grounds, candidate))??;
                (changes.json(), changes.text(talk::colour()), changes.exit(self.fail_on))
            }
            None => {
                let sameness = opener.read(&what, |lens| Sameness::of(&ledger, lens, &asked, &grounds))??;
                if sameness.acts == 0 && asked.id.is_some() {
                    return Err(Error::new(format!(
                        "no act on record belongs to `{}`",
                        self.id.unwrap_or_default()
                    ))
                    .help("`plimsoll log` shows what is; --all takes everything"));
                }
                (sameness.json(), sameness.text(talk::colour()), sameness.exit())
            }
        };
        talk::data(if self.json { json.to_string() } else { text.trim_end().to_owned() });
        Ok(ExitCode::from(exit))
    }

    /// The release whose models are asked.
    fn today(&self) -> Result<Bundle, Error> {
        candidate(self.candidate.as_deref().unwrap_or(&self.repo.repo))
    }

    /// What is read and what for, as it goes on record.
    fn in_words(&self) -> String {
        let mut words = "replay".to_owned();
        let mut add = |flag: &str, value: Option<&str>| {
            for word in [flag, value.unwrap_or_default()].into_iter().filter(|word| !word.is_empty()) {
                words.push(' ');
                words.push_str(word);
            }
        };
        add("", self.id.as_deref());
        for (flag, is_on) in [("--all", self.all), ("--cassette", self.cassette), ("--live", self.live)] {
            if is_on {
                add(flag, None);
            }
        }
        let (since, candidate) = (self.since.map(|since| since.to_string()), self.candidate.as_ref());
        let named = [
            ("--workflow", self.workflow.clone()),
            ("--tool", self.tool.clone()),
            ("--decision", self.decision.clone()),
            ("--since", since),
            ("--candidate", candidate.map(|dir| dir.display().to_string())),
            ("--to-drill", self.to_drill.as_ref().map(|file| file.display().to_string())),
        ];
        for (flag, value) in named.iter().filter(|(_, value)| value.is_some()) {
            add(flag, value.as_deref());
        }
        words
    }

    fn asked(&self) -> Result<Asked, Error> {
        let asked = Asked {
            id: self.id.clone(),
            workflow: self.workflow.clone(),
            tool: self.tool.clone(),
            decision: self.decision.clone(),
            since: self.since,
        };
        let filters =
            [asked.id.is_some(), asked.workflow.is_some(), asked.tool.is_some(), asked.decision.is_some()];
        if !self.all && asked.since.is_none() && !filters.contains(&true) {
            return Err(Error::new("say what to replay")
                .help("name a session, act or request, or give --since 7d, --workflow …, or --all"));
        }
        Ok(asked)
    }
}

fn candidate(dir: &std::path::Path) -> Result<Bundle, Error> {
    let loaded = Repo { repo: dir.to_owned() }.load(true)?;
    if let Some(bundle) = loaded.bundle {
        return Ok(bundle);
    }
    let mut wrong = loaded.diagnostics;
    wrong.retain(plimsoll_bundle::Diagnostic::is_error);
    talk::say(plimsoll_bundle::render::text(&wrong, &loaded.tree, false));
    Err(Error::new(format!("the repository {} does not load", dir.display()))
        .help(format!("`plimsoll check --repo {}` says the same", dir.display())))
}
