//! What is handed over beside entries reaches whoever follows, in order and once they are durable, or not at all.

use super::{entry, open, options};
use crate::{BESIDE_MAX, Ledger, Seq, Written};

fn with(n: u64) -> Written {
    Written { beside: format!("beside {n}").into_bytes(), ..entry(n).into() }
}

/// Takes what was handed over, and looks whether it stood beside the entry that is where it is said to be.
fn taken(ledger: &Ledger) -> Vec<u64> {
    let beside = ledger.beside();
    let mut rest = &beside.bytes[..];
    let said = beside.entries.iter().map(|followed| {
        let (this, after) = rest.split_at(followed.bytes);
        rest = after;
        let n = str::from_utf8(this).unwrap().strip_prefix("beside ").unwrap().parse().unwrap();
        let record = ledger.reader().read_at(Seq(followed.seq), followed.place).unwrap().unwrap();
        assert_eq!((record.seq.0, record.entry), (followed.seq, entry(n)));
        n
    });
    let said = said.collect();
    assert!(rest.is_empty());
    said
}

#[tokio::test]
async fn it_is_taken_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    for n in 0..1_000 {
        ledger.note(if n == 700 { entry(n).into() } else { with(n) }).unwrap();
        if n == 300 {
            ledger.flush().await.unwrap();
            assert_eq!(taken(&ledger), (0..=300).collect::<Vec<_>>());
        }
    }
    ledger.flush().await.unwrap();
    assert_eq!(taken(&ledger), (301..1_000).filter(|n| *n != 700).collect::<Vec<_>>());
    assert!(taken(&ledger).is_empty());
}

#[tokio::test]
async fn who_is_too_slow_has_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    let many = BESIDE_MAX as u64 + 10;
    for n in 0..many {
        ledger.append(with(n)).await.unwrap();
    }
    assert_eq!(taken(&ledger), (many - 10..many).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_could_not_be_written_is_not_handed_on() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path()).min_free_bytes(1_000);
    let faults = options.faults();
    let (ledger, _) = Ledger::open(options).unwrap();
    ledger.append(with(0)).await.unwrap();
    faults.set_free_bytes(Some(1));
    ledger.append(with(77)).await.unwrap_err();
    faults.set_free_bytes(None);
    ledger.append(with(1)).await.unwrap();
    assert_eq!(taken(&ledger), [0, 1]);
}
