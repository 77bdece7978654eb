//! A whole ledger: how fast it is verified, and what it keeps beside its entries.

use std::path::Path;
use std::time::Instant;

use plimsoll_ledger::proof::{Dir, Files, Policy, SignedCheckpoint, SigningKey, Tiler, Verification, verify};
use plimsoll_ledger::{Ledger, LedgerError, LedgerOptions};

use super::{ENTRY_BYTES, Plan};
use crate::bench::proc::Cpu;
use crate::talk::Error;

/// Bytes before each entry of a segment, and of a bundle (tlog-tiles).
const RECORD_HEADER_BYTES: u64 = 16;
const BUNDLE_LENGTH_BYTES: u64 = 2;

/// How fast one thing is verified.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    pub what: &'static str,
    /// Entries a second on the processor, and on the clock.
    pub per_cpu_second: f64,
    pub per_second: f64,
}

/// Bytes that are kept for ever, an entry.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Hashes of all levels.
    pub tiles: f64,
    /// A pack: the entry, its length, its share of the hashes.
    pub pack: f64,
    /// The directory of a gateway: the segments besides, whose headers and entries come on top.
    pub directory: f64,
}

/// A ledger with tiles and a checkpoint over all of it.
pub fn write(dir: &Path, entries: u64, key: &SigningKey) -> Result<(), Error> {
    let (ledger, _) = Ledger::open(LedgerOptions::new(dir))?;
    for n in 0..entries {
        let mut entry = format!("{{\"entry\":{n}}}").into_bytes();
        entry.resize(ENTRY_BYTES, b' ');
        while let Err(error) = ledger.note(entry.clone()) {
            match error {
                LedgerError::Busy => std::thread::yield_now(),
                other => return Err(other.into()),
            }
        }
    }
    tokio::runtime::Builder::new_current_thread().build()?.block_on(ledger.flush())?;
    let mut tiler = Tiler::open(dir, None);
    tiler.advance(&ledger.reader(), ledger.head(), None)?;
    Ok(tiler.store(&SignedCheckpoint::sign(ledger.head(), key))?)
}

/// Verifies it several times, as an auditor and as its own machine do, and takes the best of each.
pub fn verified(dir: &Path, policy: &Policy, plan: &Plan) -> Result<Vec<Speed>, Error> {
    let files = Dir(dir.to_owned());
    let mut speeds = Vec::new();
    for (what, segments) in [("a pack", None), ("with segments", Some(dir.to_owned()))] {
        let mut best = Speed { what, per_cpu_second: 0.0, per_second: 0.0 };
        for _ in 0..plan.rounds {
            let (began, before) = (Instant::now(), Cpu::of(std::process::id()));
            let verification =
                Verification { files: &files, policy, earlier: &[], segments: segments.clone() };
            let verified = verify(&verification, &mut |_, _| {});
            let verified = verified.map_err(|wrong| {
                Error::new(wrong.first().map_or_else(|| "not verified".to_owned(), ToString::to_string))
            })?;
            let entries = verified.checked.entries as f64;
            let cpu = Cpu::of(std::process::id()).since(&before) / 1e6;
            best.per_cpu_second = best.per_cpu_second.max(entries / cpu);
            best.per_second = best.per_second.max(entries / began.elapsed().as_secs_f64());
        }
        speeds.push(best);
    }
    Ok(speeds)
}

/// What lies on the disk, an entry, less the entry.
pub fn bytes(dir: &Path, entries: u64) -> Result<Kept, Error> {
    let files = Dir(dir.to_owned());
    let mut tiles = 0;
    for name in files.list()?.unwrap_or_default() {
        if name.starts_with("tile/") && !name.starts_with("tile/entries/") {
            tiles += std::fs::metadata(dir.join(name))?.len();
        }
    }
    let tiles = tiles as f64 / entries as f64;
    let pack = tiles + BUNDLE_LENGTH_BYTES as f64;
    let directory = pack + (RECORD_HEADER_BYTES + ENTRY_BYTES as u64) as f64;
    Ok(Kept { tiles, pack, directory })
}
