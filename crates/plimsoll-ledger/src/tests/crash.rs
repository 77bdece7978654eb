//! Killed at any moment, the ledger has what it acknowledged.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;

const DIR: &str = "PLIMSOLL_LEDGER_CRASH_DIR";
/// In the ordinary suite; `PLIMSOLL_KILLS` says otherwise.
const KILLS: u64 = 20;

/// Not a test by itself: the process that gets killed. It prints each acknowledged place.
#[test]
fn victim() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let (ledger, recovery) = Ledger::open(options(Path::new(&dir))).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("opened {}", recovery.head.size);
    runtime.block_on(async {
        let callers = (0..8).map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                while let Ok(seq) = ledger.append(vec![b'x'; 900]).await {
                    println!("acknowledged {seq}");
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
    });
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    let kills = std::env::var("PLIMSOLL_KILLS").ok().map_or(KILLS, |kills| kills.parse().unwrap());
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::crash::victim", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = std::thread::spawn(move || {
            let seqs = output.lines().map_while(Result::ok).filter_map(|line| {
                line.strip_prefix("acknowledged ").and_then(|seq| seq.parse::<u64>().ok())
            });
            seqs.max()
        });
        // A moment that differs from kill to kill, some of them during start-up.
        std::thread::sleep(Duration::from_micros(3_000 + kill * kill * 389 % 97_000));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged = lines.join().unwrap().map_or(acknowledged, |last| acknowledged.max(last + 1));

        let (ledger, recovery) = open(&dir);
        assert!(recovery.head.size >= acknowledged, "{} of {acknowledged}", recovery.head.size);
        assert_eq!(ledger.reader().verify().unwrap(), recovery.head);
    }
    assert!(acknowledged > 0, "no child lived long enough to write");
}
