//! `plimsoll doctor`: is everything there that the gateway needs?

use std::process::ExitCode;

use plimsoll_bundle::{Bundle, Reach};
use plimsoll_gateway::checkpoints::quorum_at;
use plimsoll_gateway::upstream::mcp::discover;
use plimsoll_ledger::proof::{CHECKPOINT, WITNESSED};
use plimsoll_ledger::{FREE_BYTES_MIN, LedgerReader, free_bytes};
use plimsoll_store::Store;

use crate::cmd::verify::own::Own;
use crate::repo::Repo;
use crate::talk::{self, Colour, Done, Error, colour, paint};

/// Look at repository, ledger, database and tool servers, and say what is wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 all is well, 1 something is wrong, 2 it could not be told.")]
pub struct Doctor {
    #[command(flatten)]
    repo: Repo,
    /// Do not reach out to tool servers
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Default)]
struct Findings {
    bad: u32,
}

impl Findings {
    fn good(&self, what: impl AsRef<str>) {
        talk::data(format!("{} {}", paint(Colour::Green, "ok  ", colour()), what.as_ref()));
    }

    fn bad(&mut self, what: impl AsRef<str>, next: &str) {
        self.bad += 1;
        talk::data(format!("{} {}\n     {next}", paint(Colour::Red, "bad ", colour()), what.as_ref()));
    }
}

impl Doctor {
    pub fn run(self) -> Done {
        let mut findings = Findings::default();
        let loaded = self.repo.load(false)?;
        let errors = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        match &loaded.bundle {
            Some(bundle) => findings.good(format!("the repository loads: release {}", bundle.id.short())),
            None => findings.bad(format!("the repository has {errors} error(s)"), "run `plimsoll check`"),
        }
        let state = self.repo.state_dir(loaded.bundle.as_ref());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            record(&mut findings, &self.repo, loaded.bundle.as_ref(), &state).await?;
            if let (Some(bundle), false) = (&loaded.bundle, self.offline) {
                tools(&mut findings, bundle).await;
            }
            Ok::<_, Error>(())
        })?;
        Ok(ExitCode::from(u8::from(findings.bad > 0)))
    }
}

/// Ledger and database.
async fn record(
    findings: &mut Findings,
    repo: &Repo,
    bundle: Option<&Bundle>,
    state: &std::path::Path,
) -> Result<(), Error> {
    if !state.join("ledger").exists() {
        findings.good(format!("no ledger yet in {}; the first start makes it", state.display()));
        return Ok(());
    }
    let reader = LedgerReader::open(state.join("ledger"))?;
    let size = match reader.verify() {
        Ok(head) => {
            findings.good(format!("the ledger holds {} entries, root {}", head.size, head.root.short()));
            head.size
        }
        Err(error) => {
            findings.bad(
                format!("the ledger is damaged: {error}"),
                "keep a copy of the directory before anything else",
            );
            return Ok(());
        }
    };
    let free = free_bytes(&state.join("ledger"))?;
    if free < FREE_BYTES_MIN {
        findings.bad(
            format!(
                "{} MiB are free on the ledger's disk; under {} every act is refused",
                free >> 20,
                FREE_BYTES_MIN >> 20
            ),
            "make room on that disk, or move the state directory to a larger one; it goes on by itself",
        );
    }
    checkpoints(findings, repo, bundle, size);
    let store = Store::open(&state.join("plimsoll.db")).await?;
    let projected = store.projected().await?;
    if projected > size {
        findings.bad(
            format!("the database knows {projected} entries, the ledger only {size}"),
            "entries are missing at the ledger's end: compare with your backups",
        );
    }
    let doubts = store.in_doubt(jiff::Timestamp::now(), 1_000).await?;
    if doubts.is_empty() {
        findings.good("no act is in doubt");
    } else {
        findings.bad(
            format!("{} act(s) are in doubt", doubts.len()),
            "look each up in the system of record: `plimsoll log --in-doubt`, then `plimsoll show <act> --settle done|failed`",
        );
    }
    let stops = store.stops().await?;
    if !stops.is_empty() {
        findings.bad(format!("{} kill switch(es) are pulled", stops.len()), "`plimsoll stop --list`");
    }
    Ok(())
}

/// Whether the ledger is signed, and cosigned lately enough.
fn checkpoints(findings: &mut Findings, repo: &Repo, bundle: Option<&Bundle>, size: u64) {
    let look = "look at the gateway's log; `plimsoll verify` checks the ledger";
    let own = match Own::open(repo) {
        Ok(own) => own,
        Err(error) => return findings.bad(error.message, "the next start of the gateway signs the ledger"),
    };
    let last = match own.stored(CHECKPOINT) {
        Ok(Some(last)) => last,
        Ok(None) => return findings.bad("the ledger has no checkpoint yet", "start the gateway"),
        Err(error) => return findings.bad(error.message, look),
    };
    let signed = last.head().size;
    if signed > size {
        findings.bad(
            format!("the checkpoint covers {signed} entries, the ledger has {size}: it was rolled back"),
            "put the newest copy of the segments back",
        );
    } else {
        let newer = size - signed;
        findings.good(format!("the ledger is signed up to entry {signed}; {newer} entries are newer"));
    }
    let Some(terms) = bundle.map(|bundle| &bundle.project.ledger).filter(|terms| terms.quorum > 0) else {
        return findings.good("no witness is asked for: the ledger's key alone vouches for it");
    };
    let at = own.stored(WITNESSED).ok().flatten().and_then(|checkpoint| quorum_at(&checkpoint, terms));
    let age = at.map(|at| jiff::Timestamp::now().as_second().saturating_sub(at));
    let limit = terms.witness_within_s.cast_signed();
    match age {
        Some(age) if age <= limit => {
            findings.good(format!("{} witness(es) cosigned {age} s ago", terms.quorum))
        }
        Some(age) => {
            findings.bad(format!("enough witnesses cosigned last {age} s ago; the limit is {limit} s"), look)
        }
        None => findings.bad("no checkpoint was cosigned by enough witnesses", look),
    }
}

/// Every tool server: reachable, and as it was when it was pinned.
async fn tools(findings: &mut Findings, bundle: &Bundle) {
    for server in bundle.servers.values().filter(|server| !matches!(server.reach, Reach::Local)) {
        match discover((**server).clone()).await {
            Ok(found) => drifted(findings, server, &found.tools),
            Err(error) => findings
                .bad(format!("`{}`: {error}", server.name), "its tools can't be used until it answers"),
        }
    }
}

fn drifted(findings: &mut Findings, server: &plimsoll_bundle::Server, live: &[serde_json::Value]) {
    let mut same = 0;
    for tool in live {
        let name = tool["name"].as_str().unwrap_or_default();
        match server.tools.get(name).and_then(|tool| tool.pin.as_ref()) {
            Some(pin) if pin.digest == plimsoll_bundle::pin::digest(tool) => same += 1,
            Some(_) => findings.bad(
                format!("`{}.{name}` is described differently than its lock file says", server.name),
                "it is refused until the change was reviewed and pinned again",
            ),
            None => {
                findings.good(format!("`{}.{name}` is not in the repository: nobody can use it", server.name))
            }
        }
    }
    findings.good(format!(
        "`{}` answers; {same} of {} tools are as they were pinned",
        server.name,
        server.tools.len()
    ));
}
