//! `plimsoll ledger`: how the record stands, and building its database anew.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Subcommand;
use plimsoll_gateway::follow::project_batch;
use plimsoll_ledger::{LedgerError, LedgerReader, Seq, hold};
use plimsoll_store::Store;
use serde_json::json;

use crate::replay::count;
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Entries between two lines of progress.
const PROGRESS: u64 = 200_000;

/// Look after the record: how it stands, and building its database anew
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll ledger status        how many entries there are, and how far the database is
  plimsoll ledger reindex       throw away what the database knows of the entries and read them again
The segments of the ledger are the truth; the database only makes them easy to ask.")]
pub struct Ledger {
    #[command(flatten)]
    repo: Repo,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// How many entries there are, and how far the database is
    #[command(
        after_help = "Exit codes: 0 the database has all entries, 1 it is behind or ahead, 2 it could not be read."
    )]
    Status {
        #[arg(long)]
        json: bool,
    },
    /// Throw the projection of the entries away and build it again from the segments
    #[command(
        after_help = "The gateway has to be stopped; it can't start meanwhile. Keys, approvals, stops and whatever else is
no projection stay as they are. When it is interrupted, run it again, or let the next start of the gateway go on.
Exit codes: 0 built, 2 not: the gateway runs, or ledger or database can't be read."
    )]
    Reindex {
        #[arg(long)]
        json: bool,
    },
}

impl Ledger {
    pub fn run(self) -> Done {
        let state = self.repo.recorded()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(async {
            match self.verb {
                Verb::Status { json } => status(&state, json).await,
                Verb::Reindex { json } => reindex(&state, json).await,
            }
        })
    }
}

async fn status(state: &Path, as_json: bool) -> Done {
    let dir = state.join("ledger");
    let reader = LedgerReader::open(&dir)?;
    let store = Store::open(&state.join("plimsoll.db")).await?;
    let projected = store.projected().await?;
    let running = match hold(&dir) {
        Ok(_) => false,
        Err(LedgerError::Locked { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    // From where the database is, so that a long ledger is not read for this.
    let mut entries = projected;
    let first = if projected == 0 { None } else { reader.read(Seq(projected - 1))? };
    if projected > 0 && first.is_none() {
        entries = count_from(&reader, 0)?;
    } else {
        entries += count_from(&reader, entries)?;
    }
    let level = entries == projected;
    match as_json {
        true => talk::data(
            json!({ "entries": entries, "projected": projected, "running": running, "level": level })
                .to_string(),
        ),
        false => {
            let how = if running { "a gateway writes it" } else { "no gateway writes it" };
            talk::data(format!("ledger    {}; {how}", told(entries)));
            talk::data(format!(
                "database  {} of them{}",
                number(projected),
                match projected.cmp(&entries) {
                    std::cmp::Ordering::Equal => "",
                    std::cmp::Ordering::Less =>
                        "; the next start of the gateway catches up, or `plimsoll ledger reindex`",
                    std::cmp::Ordering::Greater =>
                        ": entries are missing at the ledger's end, compare with your backups",
                }
            ));
        }
    }
    Ok(ExitCode::from(u8::from(!level && !running)))
}

fn count_from(reader: &LedgerReader, from: u64) -> Result<u64, Error> {
    let mut records = reader.iter_from(Seq(from));
    let mut counted = 0;
    while records.next().transpose()?.is_some() {
        counted += 1;
    }
    Ok(counted)
}

async fn reindex(state: &Path, as_json: bool) -> Done {
    let dir = state.join("ledger");
    let _held = hold(&dir).map_err(|error| match error {
        LedgerError::Locked { holder, .. } => {
            let who = if holder.is_empty() { String::new() } else { format!(" (process {holder})") };
            Error::new(format!("a gateway{who} writes this ledger"))
                .help("stop it, reindex, and start it again; while it runs its database follows by itself")
        }
        other => other.into(),
    })?;
    let began = Instant::now();
    let store = Store::open(&state.join("plimsoll.db")).await?;
    let before = store.projected().await?;
    store.clear_entries().await?;
    let reader = LedgerReader::open(&dir)?;
    let mut next = 0;
    loop {
        let after = project_batch(reader.clone(), &store, next).await.map_err(|why| {
            Error::new(format!("the projection stopped at entry {next}: {why}"))
                .help("what it has is right; `plimsoll doctor` looks at the ledger")
        })?;
        if after == next {
            break;
        }
        if !as_json && after / PROGRESS != next / PROGRESS {
            talk::say(format!("  {} ...", number(after)));
        }
        next = after;
    }
    let seconds = began.elapsed().as_secs_f64();
    match as_json {
        true => talk::data(json!({ "entries": next, "before": before, "seconds": seconds }).to_string()),
        false => talk::data(format!(
            "{} of the ledger are in the database again (before: {}), after {seconds:.1} s",
            told(next),
            number(before)
        )),
    }
    Ok(ExitCode::SUCCESS)
}

/// `1 entry`, `2,000 entries`.
fn told(entries: u64) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{} entries", number(entries)) }
}

fn number(n: u64) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX))
}
