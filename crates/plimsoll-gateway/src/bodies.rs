//! The ledger as the place where the projection's rows find their entries.

use plimsoll_ledger::{LedgerReader, Seq};
use plimsoll_store::{Bodies, Body};

/// Reads entries from a ledger.
#[derive(Debug)]
pub struct FromLedger(pub LedgerReader);

impl Bodies for FromLedger {
    fn body(&self, seq: u64, place: u64) -> Option<Body> {
        let record = self.0.read_at(Seq(seq), place).unwrap_or_else(|error| {
            tracing::error!(%error, seq, "an entry can't be read");
            None
        })?;
        Some(Body { entry: record.entry, sealed: record.sealed })
    }
}
