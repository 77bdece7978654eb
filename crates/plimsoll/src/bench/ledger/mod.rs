//! What the record costs, against the disk it stands on: a durable acknowledgement and a bare `fdatasync` in
//! alternation, 64 callers at once, a whole ledger verified, and the bytes that are kept beside the entries.
//!
//! On a shared machine the clock is an impression, so an acknowledgement is told as a ratio to what the disk alone
//! took in the same round, and verifying is told per second *on a processor*.

mod acks;
mod kept;
mod report;

use std::path::Path;
use std::time::Duration;

use plimsoll_core::KeyKind;
use plimsoll_ledger::proof::{Policy, SigningKey};
use plimsoll_ledger::{Ledger, LedgerOptions};

use crate::talk::{self, Error};

pub use report::Report;

/// Bytes of an entry of the benchmark: about those of a sealed intent.
const ENTRY_BYTES: usize = 512;
/// Callers of the crowd.
const CALLERS: usize = 64;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub rounds: usize,
    pub window: Duration,
    /// Entries of the ledger that is verified.
    pub entries: u64,
}

/// Measures on the disk that `parent` is on. What is written there is removed at the end.
///
/// # Errors
/// When the disk says no.
pub fn run(plan: &Plan, parent: &Path) -> Result<Report, Error> {
    let dir = tempfile::tempdir_in(parent)
        .map_err(|error| Error::new(format!("{} can't be written to: {error}", parent.display())))?;
    let mut rounds = Vec::new();
    {
        let (ledger, _) = Ledger::open(LedgerOptions::new(dir.path().join("acks")))?;
        let disk = acks::Bare::new(&dir.path().join("bare"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        for round in 1..=plan.rounds {
            talk::say(format!("round {round} of {}", plan.rounds));
            let (bare, one) = runtime.block_on(acks::in_turn(&disk, &ledger, plan.window))?;
            let many = runtime.block_on(acks::callers(&ledger, CALLERS, plan.window))?;
            rounds.push(acks::Round { bare, one, many });
        }
    }
    talk::say(format!("{} entries are written and verified", crate::replay::count(plan.entries as usize)));
    let key = SigningKey::generate("example.org/bench", KeyKind::Ledger)
        .map_err(|error| Error::new(error.to_string()))?;
    let policy = Policy::of(key.verifier(), &[], 0).map_err(|error| Error::new(error.to_string()))?;
    let ledger = dir.path().join("verified");
    kept::write(&ledger, plan.entries, &key)?;
    let speeds = kept::verified(&ledger, &policy, plan)?;
    Ok(Report { rounds, speeds, kept: kept::bytes(&ledger, plan.entries)? })
}
