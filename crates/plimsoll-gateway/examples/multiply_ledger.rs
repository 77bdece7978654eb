//! Makes a long ledger out of a short one, to measure on: the entries of FROM again and again, each round under
//! sessions and acts of its own.
//!
//! `cargo run --release -p plimsoll-gateway --example multiply_ledger -- FROM INTO ENTRIES [SESSION]`
//!
//! FROM and INTO are state directories. With SESSION, everything is one session of this name.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for measuring")]

use std::collections::HashMap;
use std::path::PathBuf;

use futures_util::future::join_all;
use plimsoll_bundle::Privacy;
use plimsoll_core::{ActId, Entry, EntryBody, Hypothesis};
use plimsoll_gateway::{Lens, Vault};
use plimsoll_ledger::{Ledger, LedgerOptions, LedgerReader, Seq};
use uuid::Uuid;

/// Entries handed to the ledger at once.
const BATCH: usize = 4_000;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let (from, into) = (PathBuf::from(args.next().unwrap()), PathBuf::from(args.next().unwrap()));
    let (wanted, session) = (args.next().unwrap().parse::<usize>().unwrap(), args.next());
    std::fs::create_dir_all(into.join("releases")).unwrap();
    for file in std::fs::read_dir(from.join("releases")).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), into.join("releases").join(file.file_name())).unwrap();
    }
    let records = LedgerReader::open(from.join("ledger")).unwrap().iter_from(Seq(0));
    #[expect(clippy::disallowed_methods, reason = "it writes down what it reads, for nobody")]
    let lens = Lens::of_dir(&from, &Privacy::default(), None).unwrap();
    let entries = records.map(|record| lens.entry(&record.unwrap()).unwrap().entry);
    let entries: Vec<Entry> = entries.filter(|entry| !entry.session.is_empty()).collect();
    let vault = Vault::open_dir(&into, &Privacy::default(), None).unwrap();
    vault.keep_keys_ready().unwrap();
    let (ledger, _) = Ledger::open(LedgerOptions::new(into.join("ledger"))).unwrap();
    let (mut written, mut round) = (0, 0_u128);
    while written < wanted {
        let (mut acts, mut intents) = (HashMap::new(), HashMap::new());
        let base = ledger.size();
        let mut batch = Vec::new();
        for (at, entry) in entries.iter().take(wanted - written).enumerate() {
            let mut entry = entry.clone();
            entry.id = Uuid::from_u128(entry.id.as_u128() ^ (round << 16));
            entry.session = session.clone().unwrap_or_else(|| format!("{}-{round}", entry.session));
            entry.request = format!("{}-{round}", entry.request);
            let mut fresh = |act: ActId| {
                *acts.entry(act).or_insert(ActId(Uuid::from_u128(act.0.as_u128() ^ (round << 16))))
            };
            match &mut entry.body {
                EntryBody::Approval(change) => {
                    change.approval.id = format!("{}-{round}", change.approval.id);
                }
                EntryBody::Intent(judged) | EntryBody::Decision(judged) => {
                    if let Some(approval) = &mut judged.facts.approval {
                        approval.id = format!("{}-{round}", approval.id);
                    }
                    judged.act.id = fresh(judged.act.id);
                    if let Hypothesis::Joined { act, .. } = &mut judged.facts.hypothesis {
                        *act = fresh(*act);
                    }
                    intents.insert(judged.act.id, base + at as u64);
                }
                EntryBody::Outcome(outcome) => {
                    outcome.act = fresh(outcome.act);
                    outcome.intent = intents.get(&outcome.act).copied().unwrap_or_default();
                }
                _ => {}
            }
            batch.push(vault.seal(entry).unwrap());
        }
        written += batch.len();
        round += 1;
        for part in batch.chunks(BATCH) {
            for appended in join_all(part.iter().map(|entry| ledger.append(entry.clone()))).await {
                appended.unwrap();
            }
        }
    }
    println!("{} entries in {}", ledger.size(), into.display());
}
