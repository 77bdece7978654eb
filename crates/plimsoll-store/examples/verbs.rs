//! What the store's verbs cost, each beside the cheapest verb that writes as durably.
//!
//! `cargo run -p plimsoll-store --example verbs [-- DIR]`: the ratios are the figure; the clock of a
//! shared machine is only an impression.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

use std::time::{Duration, Instant};

use jiff::Timestamp;
use plimsoll_store::{EntryRow, Store};

const ROUND: Duration = Duration::from_millis(500);
const BATCH: u64 = 512;

#[tokio::main]
async fn main() {
    let parent = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let dir = tempfile::tempdir_in(parent).unwrap();
    let store = Store::open(&dir.path().join("plimsoll.db")).await.unwrap();
    let now = Timestamp::now();
    println!("{:>12} {:>12} {:>14} {:>16}", "synced/s", "unsynced/s", "key look-ups/s", "entries/s by 512");
    for round in 0..3 {
        let synced = rate(async || store.check().await.unwrap()).await;
        let unsynced = rate(async || assert!(store.take("k", now, 1, i64::MAX).await.unwrap())).await;
        let keys = rate(async || assert!(store.find_key(&[round; 32]).await.unwrap().is_none())).await;
        let mut next = store.projected().await.unwrap();
        let batches = rate(async || {
            store.project((next..next + BATCH).map(entry).collect()).await.unwrap();
            next += BATCH;
        });
        let entries = batches.await * BATCH as f64;
        println!("{synced:>12.0} {unsynced:>12.0} {keys:>14.0} {entries:>16.0}");
    }
}

async fn rate(mut verb: impl AsyncFnMut()) -> f64 {
    let started = Instant::now();
    let mut count = 0_u32;
    while started.elapsed() < ROUND {
        verb().await;
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

fn entry(seq: u64) -> EntryRow {
    EntryRow {
        seq,
        id: format!("{seq:032x}"),
        kind: if seq.is_multiple_of(2) { "intent" } else { "outcome" }.into(),
        session: format!("session-{}", seq / 16),
        workflow: "support".into(),
        principal: "key:bot".into(),
        tool: "crm.get".into(),
        status: if seq.is_multiple_of(2) { "" } else { "done" }.into(),
        act: format!("{:032x}", seq / 2),
        request: format!("request-{seq}"),
        body: "x".repeat(1_000),
        ..EntryRow::default()
    }
}
