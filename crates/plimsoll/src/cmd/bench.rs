//! `plimsoll bench`: what it costs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use tokio::net::TcpListener;

use crate::bench::{self, NAMES, Plan, ledger};
use crate::cmd::bench_policy::Policy;
use crate::talk::{self, Done, Error};

/// Measure what Plimsoll costs, and what a policy costs and stops
#[derive(Debug, clap::Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Gateway(Gateway),
    Ledger(Ledger),
    Policy(Policy),
    /// A part of the benchmark's own set-up
    #[command(hide = true, subcommand)]
    Role(Role),
}

/// Measure the gateway against the least that a proxy can do
#[derive(Debug, clap::Args)]
#[command(
    after_help = "How to read it: only the ratios carry over to another machine. Each round measures, in random order, the floor (a
bare proxy that passes head and body through) and Plimsoll with everything on: key, policy, labels, limits, redaction in
both directions, a durable record before each act and one after. The ratio is the median of the rounds' ratios of
processor time, all threads and all work left after the last answer included; microseconds are this machine's, at this
hour. With two processors the target has one and load and upstream share the other; other programs blur the figures.
With 16 connections and more, load and upstream do not sleep: a slower target would pay for waking them, the floor would not.
Every prompt is new. Measure what is shipped: `scripts/dist`.
Exit codes: 0 no first milestone was missed, 1 one was, or a request of the crowd failed, 2 it could not run."
)]
struct Gateway {
    /// About half a minute, for a first impression
    #[arg(long)]
    quick: bool,
    /// Rounds
    #[arg(long, default_value_t = 5, conflicts_with = "quick")]
    rounds: usize,
    /// Milliseconds of each measurement
    #[arg(long, default_value_t = 1_000, conflicts_with = "quick", value_name = "MS")]
    window: u64,
    /// Only this shape of traffic; more than one with more than one --only
    #[arg(long, value_name = "SHAPE", value_parser = NAMES)]
    only: Vec<String>,
    /// Every figure, as JSON
    #[arg(long)]
    json: bool,
}

/// Measure the record against the disk it stands on
#[derive(Debug, clap::Args)]
#[command(
    after_help = "How to read it: only the ratios carry over to another machine. Each round measures a bare write with fdatasync and
one entry that becomes durable in turn, operation by operation, then 64 callers, all on the same disk with entries of 512
bytes; a ratio is the median of the rounds' ratios, and one that can't be (less than an fdatasync) is called unclear: the
machine was too busy. A ledger is then written, and verified as an auditor would, once a round; told is the
best, per second of processor time, as other programs only take away. Measure a release build, on the disk the ledger
will be on (--dir): `scripts/dist`.
Exit codes: 0 every aim was reached, 1 one was not, 2 it could not run."
)]
struct Ledger {
    /// The disk to measure: a directory on it. What is written there is removed at the end
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// A few seconds, for a first impression
    #[arg(long)]
    quick: bool,
    /// Rounds
    #[arg(long, default_value_t = 5, conflicts_with = "quick")]
    rounds: usize,
    /// Milliseconds of each measurement
    #[arg(long, default_value_t = 1_000, conflicts_with = "quick", value_name = "MS")]
    window: u64,
    /// Entries of the ledger that is verified
    #[arg(long, default_value_t = 1_000_000, conflicts_with = "quick", value_name = "N")]
    entries: u64,
    /// Every figure, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Role {
    Upstream,
    Floor {
        #[arg(long)]
        upstream: SocketAddr,
    },
}

impl Bench {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match self.what {
            What::Gateway(gateway) => runtime.block_on(gateway.run()),
            What::Role(role) => runtime.block_on(role.serve()),
            What::Ledger(ledger) => ledger.run(),
            What::Policy(policy) => policy.run(),
        }
    }
}

impl Ledger {
    fn run(self) -> Done {
        optimized();
        let plan = match self.quick {
            true => ledger::Plan { rounds: 2, window: Duration::from_millis(200), entries: 20_000 },
            false => ledger::Plan {
                rounds: self.rounds.max(1),
                window: Duration::from_millis(self.window.max(50)),
                entries: self.entries.max(1),
            },
        };
        let report = ledger::run(&plan, &self.dir)?;
        talk::data(if self.json { report.json().to_string() } else { report.text().trim_end().to_owned() });
        Ok(ExitCode::from(u8::from(!report.is_good())))
    }
}

fn optimized() {
    if cfg!(debug_assertions) {
        talk::say("this is a debug build: its figures say nothing about a release");
    }
}

impl Gateway {
    async fn run(self) -> Done {
        optimized();
        let (rounds, window) = if self.quick { (2, 400) } else { (self.rounds.max(1), self.window.max(50)) };
        let report =
            bench::run(&Plan { rounds, window: Duration::from_millis(window), only: self.only }).await?;
        talk::data(if self.json { report.json().to_string() } else { report.text().trim_end().to_owned() });
        Ok(ExitCode::from(u8::from(!report.is_good())))
    }
}

impl Role {
    async fn serve(self) -> Done {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::from)?;
        talk::say(format!("listening on http://{}", listener.local_addr()?));
        match self {
            Self::Upstream => bench::mock::serve(listener).await?,
            Self::Floor { upstream } => bench::floor::serve(listener, upstream).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
