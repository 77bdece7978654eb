//! What a durable acknowledgement costs, compared with a bare `fdatasync` on the same disk.
//!
//! `cargo run -p plimsoll-ledger --example acks [-- DIR]`: rounds are interleaved, and the ratio is
//! the figure; the clock of a shared machine is only an impression.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll_ledger::{Ledger, LedgerOptions};

const ROUND: Duration = Duration::from_millis(700);
const ENTRY_BYTES: usize = 512;

fn main() {
    let parent = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let dir = tempfile::tempdir_in(parent).unwrap();
    let (ledger, _) = Ledger::open(LedgerOptions::new(dir.path().join("ledger"))).unwrap();
    let bare = preallocated(&dir.path().join("bare"));
    let runtime = tokio::runtime::Runtime::new().unwrap();

    println!(
        "{:>14} {:>12} {:>14} {:>8} {:>8}",
        "bare syncs/s", "1 caller/s", "64 callers/s", "1:bare", "64:bare"
    );
    for _ in 0..5 {
        let bare = syncs(&bare);
        let one = acks(&runtime, &ledger, 1);
        let many = acks(&runtime, &ledger, 64);
        println!("{bare:>14.0} {one:>12.0} {many:>14.0} {:>8.2} {:>8.2}", one / bare, many / bare);
    }
}

fn preallocated(path: &Path) -> File {
    let file = File::create(path).unwrap();
    file.write_all_at(&vec![0; 8 << 20], 0).unwrap();
    file.sync_all().unwrap();
    file
}

fn syncs(file: &File) -> f64 {
    let started = Instant::now();
    let mut count = 0_u32;
    while started.elapsed() < ROUND {
        let at = u64::from(count) * ENTRY_BYTES as u64 % (7 << 20);
        file.write_all_at(&[1; ENTRY_BYTES], at).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

fn acks(runtime: &tokio::runtime::Runtime, ledger: &Ledger, callers: usize) -> f64 {
    let started = Instant::now();
    let size = ledger.size();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    while started.elapsed() < ROUND {
                        ledger.append(vec![b'x'; ENTRY_BYTES]).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    (ledger.size() - size) as f64 / started.elapsed().as_secs_f64()
}
