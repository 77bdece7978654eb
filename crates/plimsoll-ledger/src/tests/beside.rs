//! What is handed over beside entries reaches whoever follows, in order and once they are durable, or not at all.

use std::sync::Arc;

use super::{entry, open, options};
use crate::{BESIDE_MAX, Followed, Ledger, Seq, Written};

fn with(n: u64) -> Written {
    Written { beside: Some(Arc::new(n)), ..entry(n).into() }
}

/// The numbers that were handed over, each beside the entry of that number, which stands where it is said to.
fn said(ledger: &Ledger, followed: Vec<Followed>) -> Vec<u64> {
    let said = |followed: Followed| {
        let record = ledger.reader().read_at(followed.seq, followed.place).unwrap().unwrap();
        let n = *followed.beside.downcast::<u64>().unwrap();
        assert_eq!((record.seq, record.entry), (followed.seq, entry(n)));
        n
    };
    followed.into_iter().map(said).collect()
}

#[tokio::test]
async fn it_is_taken_without_a_hole() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    for n in 0..1_000 {
        ledger.note(if n == 700 { entry(n).into() } else { with(n) }).unwrap();
    }
    ledger.flush().await.unwrap();
    assert_eq!(said(&ledger, ledger.beside(Seq(0), 300)), (0..300).collect::<Vec<_>>());
    assert_eq!(
        said(&ledger, ledger.beside(Seq(310), 5)),
        [310, 311, 312, 313, 314],
        "what is passed over is gone"
    );
    assert_eq!(said(&ledger, ledger.beside(Seq(315), 1_000)), (315..700).collect::<Vec<_>>());
    assert!(ledger.beside(Seq(700), 9).is_empty(), "nothing was said beside this one");
    assert_eq!(said(&ledger, ledger.beside(Seq(701), 1_000)), (701..1_000).collect::<Vec<_>>());
    assert!(ledger.beside(Seq(0), 1_000).is_empty(), "it is taken once");
}

#[tokio::test]
async fn who_is_too_slow_has_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    let many = BESIDE_MAX as u64 + 10;
    for n in 0..many {
        ledger.append(with(n)).await.unwrap();
    }
    assert!(ledger.beside(Seq(0), 9).is_empty());
    let last = ledger.beside(Seq(many - 10), BESIDE_MAX);
    assert_eq!(said(&ledger, last), (many - 10..many).collect::<Vec<_>>());
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
    assert_eq!(said(&ledger, ledger.beside(Seq(0), 9)), [0, 1]);
}
