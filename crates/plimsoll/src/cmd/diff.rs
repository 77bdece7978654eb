//! `plimsoll diff`: what a change of the repository makes possible.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use plimsoll_bundle::Bundle;
use plimsoll_bundle::diff::render::{self, Approved, Paint};
use plimsoll_bundle::diff::{self, Level, RULES, Side};

use plimsoll_gateway::Lens;

use super::diff_sides::{Source, State};
use crate::opener::{Opener, ReadArgs};
use crate::replay::Observed;
use crate::repo::Repo;
use crate::talk::{self, Colour, Done, Error};

/// What a change of the repository makes possible: the behaviour diff, for reviewers
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Diff {
    /// BASE..HEAD, BASE...HEAD (since they parted), or BASE alone; each a git revision, a directory or a release file
    #[arg(value_name = "BASE")]
    base: Option<String>,
    /// The other side; default: the files of the repository as they lie there
    #[arg(value_name = "HEAD")]
    head: Option<String>,
    #[command(flatten)]
    repo: Repo,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// A file of approved fingerprints, one a line; what follows on a line is a note
    #[arg(long, value_name = "FILE")]
    approved: Option<PathBuf>,
    /// The lowest level that makes the exit code other than 0
    #[arg(long, value_name = "LEVEL", default_value = "notice", value_parser = ["info", "notice", "review", "owner"])]
    fail_on: String,
    /// Also decide the acts that a gateway has on record in this state directory by both sides
    #[arg(long, value_name = "STATE")]
    observed: Option<PathBuf>,
    /// With --observed: only so many sessions, the last ones
    #[arg(long, requires = "observed", value_name = "N")]
    sessions: Option<usize>,
    #[command(flatten)]
    read: ReadArgs,
    /// Ask no solver about invariants, though cvc5 is installed: what a gateway finds when it checks a release
    #[arg(long)]
    no_solver: bool,
    /// List every rule with its level, and do nothing else
    #[arg(long, conflicts_with_all = ["base", "head", "approved"])]
    rules: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page for a terminal
    Text,
    /// A comment for a pull request
    Markdown,
    /// For code scanners (SARIF 2.1.0)
    Sarif,
    Json,
}

const AFTER_HELP: &str = "\
Levels: info (nothing more became possible), notice (somebody should read it), review (a reviewer who is
not its author approves it), owner (the owner approves it). Every change has a fingerprint over what it
means; an approval of it survives a rebase and dies when the change becomes another.
What acts may do is compared by enumeration over abstract cases, with the rules engine; it is not a proof.
Invariants that changed are proved where cvc5 is installed, and tried where not.

Examples:
  plimsoll diff                              what the files here change against the last commit
  plimsoll diff main                         the same against main
  plimsoll diff main...feature --format markdown
  plimsoll diff ../live . --approved approvals.txt
  plimsoll diff live.release.json            what the files here change against a release
  plimsoll diff v1.2..v1.3 --format sarif > diff.sarif

Exit codes, by the highest level that is not approved: 0 none (or below --fail-on), 3 notice, 4 review,
5 owner, 1 info when --fail-on asks for it; 2 one of the sides can't be read or does not load.";

impl Diff {
    pub fn run(self) -> Done {
        if self.rules {
            for rule in RULES {
                talk::data(format!("{:<34} {:<7} {}", rule.id, rule.level.name(), rule.title));
            }
            return Ok(ExitCode::SUCCESS);
        }
        let approved = self.approvals()?;
        let (base, head) = Source::pair(self.base.as_deref(), self.head.as_deref(), &self.repo.repo)?;
        let (base, head) = (base.read()?, head.read()?);
        let solver =
            if self.no_solver { Err("no solver was to be asked".to_owned()) } else { super::prove::solver() };
        let diff = diff::diff_with(side(&base), side(&head), solver.as_deref().ok());
        for idle in approved.idle(&diff) {
            talk::say(format!("the approval {idle} approves nothing here"));
        }
        let invariants = diff.changes.iter().any(|change| change.rule.class() == "invariant");
        if let (true, Err(why)) = (invariants, &solver) {
            talk::say(format!("invariants were tried with cases, which proves nothing: {why}"));
        }
        let format = if self.json { Format::Json } else { self.format };
        match format {
            Format::Text => {
                talk::say(format!("{} → {}", base.name, head.name));
                let colour = talk::colour();
                talk::data(
                    render::terminal(&diff, &approved, &|what, text| talk::paint(tint(what), text, colour))
                        .trim_end(),
                );
            }
            Format::Markdown => talk::data(render::markdown(&diff, &approved).trim_end()),
            Format::Sarif => talk::data(render::sarif(&diff, &approved).to_string()),
            Format::Json => {
                let mut json = render::json(&diff, &approved);
                if let Some(observed) = self.observed(base.bundle, head.bundle)? {
                    json["observed"] = observed.json();
                }
                talk::data(json.to_string());
                return Ok(self.code(&diff, &approved));
            }
        }
        if let Some(observed) = self.observed(base.bundle, head.bundle)? {
            let text = observed.text();
            match format {
                Format::Markdown => talk::data(format!("\n```text\n{}\n```", text.trim_end())),
                Format::Sarif => talk::say(text.trim_end()),
                _ => talk::data(format!("\n{}", text.trim_end())),
            }
        }
        Ok(self.code(&diff, &approved))
    }

    /// What both sides decide about acts on record.
    fn observed(&self, base: Bundle, head: Bundle) -> Result<Option<Observed>, Error> {
        let Some(state) = &self.observed else { return Ok(None) };
        if !state.join("ledger").is_dir() {
            return Err(Error::new(format!("there is no ledger at {}", state.display()))
                .help("name the state directory of a gateway: `.plimsoll` beside its repository, unless said otherwise"));
        }
        let opener = Opener::of(state, &head.project.privacy, &self.read)?;
        let observed = |lens: &Lens| Observed::of(state, lens, self.sessions, base, head);
        opener.read("diff --observed", observed)?.map(Some)
    }

    fn approvals(&self) -> Result<Approved, Error> {
        let Some(path) = &self.approved else { return Ok(Approved::default()) };
        let told = |why: String| Error::new(format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
        Approved::parse(&text).map_err(|why| {
            told(why)
                .help("write one fingerprint a line, as `plimsoll diff` shows it, then a note if you like")
        })
    }

    fn code(&self, diff: &diff::Diff, approved: &Approved) -> ExitCode {
        let least: Level = self.fail_on.parse().unwrap_or(Level::Notice);
        let highest = diff.highest_unapproved(approved).or_else(|| {
            let told = diff.changes.iter().any(|change| !approved.has(change));
            told.then_some(Level::Info)
        });
        exit_of(highest.filter(|level| *level >= least))
    }
}

/// The exit code of the highest level that nobody approved or accepted.
pub(super) fn exit_of(highest: Option<Level>) -> ExitCode {
    ExitCode::from(match highest {
        None => 0,
        Some(Level::Info) => 1,
        Some(Level::Notice) => 3,
        Some(Level::Review) => 4,
        Some(Level::Owner) => 5,
    })
}

fn side(state: &State) -> Side<'_> {
    Side { bundle: &state.bundle, tree: &state.tree }
}

fn tint(what: Paint) -> Colour {
    match what {
        Paint::More => Colour::Red,
        Paint::Other => Colour::Yellow,
        Paint::Less => Colour::Green,
        Paint::Heading => Colour::Bold,
        Paint::Dim => Colour::Dim,
    }
}
