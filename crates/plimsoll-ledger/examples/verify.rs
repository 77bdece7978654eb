//! How fast a ledger is verified on one core: entries of 512 bytes, with tiles, then with segments.
//!
//! `cargo run --release -p plimsoll-ledger --example verify -- 1000000`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "an example")]

use std::time::Instant;

use plimsoll_core::KeyKind;
use plimsoll_ledger::proof::{Dir, Policy, SignedCheckpoint, SigningKey, Tiler, Verification, verify};
use plimsoll_ledger::{Ledger, LedgerOptions};

const ENTRY_BYTES: usize = 512;

fn main() {
    let count: u64 =
        std::env::args().nth(1).map_or(1_000_000, |count| count.parse().expect("a number of entries"));
    let dir = tempfile::tempdir().unwrap();
    let key = SigningKey::generate("example.org/ledger", KeyKind::Ledger).unwrap();
    let policy = Policy::of(key.verifier(), &[], 0).unwrap();
    let (ledger, _) = Ledger::open(LedgerOptions::new(dir.path()).min_free_bytes(0)).unwrap();
    for n in 0..count {
        let mut entry = format!("{{\"entry\":{n}}}").into_bytes();
        entry.resize(ENTRY_BYTES, b' ');
        while ledger.note(entry.clone()).is_err() {
            std::thread::yield_now();
        }
    }
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(ledger.flush()).unwrap();

    let begun = Instant::now();
    let mut tiler = Tiler::open(dir.path(), None);
    tiler.advance(&ledger.reader(), ledger.head(), None).unwrap();
    tiler.store(&SignedCheckpoint::sign(ledger.head(), &key)).unwrap();
    tell("tiles written", count, begun);

    let files = Dir(dir.path().to_owned());
    for (what, segments) in
        [("pack verified", None), ("ledger with segments verified", Some(dir.path().to_owned()))]
    {
        let begun = Instant::now();
        let verification = Verification { files: &files, policy: &policy, earlier: &[], segments };
        let verified = verify(&verification, &mut |_, _| {}).unwrap();
        assert_eq!(verified.checked.entries, count);
        tell(what, count, begun);
    }
}

fn tell(what: &str, count: u64, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    println!("{what}: {count} entries in {seconds:.2} s, {:.0} a second", count as f64 / seconds);
}
