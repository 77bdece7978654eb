//! A disk that fails, and one that is full.

use jiff::Timestamp;

use super::promises::permit;
use super::*;
use crate::Health;

/// After any failed write the ledger never writes again, says why, and a restart finds everything
/// that was acknowledged.
async fn poisons(fail: impl Fn(&crate::Faults)) {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let faults = options.faults();
    let (ledger, _) = Ledger::open(options).unwrap();
    for n in 0..3 {
        ledger.append(entry(n)).await.unwrap();
    }
    fail(&faults);
    assert!(matches!(ledger.append(entry(3)).await, Err(LedgerError::Poisoned { .. })));
    let syncs = faults.syncs();
    assert!(ledger.is_poisoned());
    assert!(matches!(ledger.health(), Health::Poisoned { .. }));
    assert!(matches!(ledger.append(entry(4)).await, Err(LedgerError::Poisoned { .. })));
    assert!(matches!(ledger.note(entry(4)), Err(LedgerError::Poisoned { .. })));
    let now = Timestamp::UNIX_EPOCH;
    assert!(matches!(ledger.enter(permit(now), entry(4), now).await, Err(LedgerError::Poisoned { .. })));
    assert_eq!(faults.syncs(), syncs, "a failed sync is never tried again");
    assert_eq!(ledger.size(), 3);
    assert_eq!(ledger.reader().iter_from(Seq(0)).count(), 3, "what is not durable is not shown");
    drop(ledger);

    let (ledger, recovery) = open(&dir);
    assert!(recovery.head.size >= 3);
    let size = recovery.head.size;
    ledger.append(entry(size)).await.unwrap();
    assert_eq!(ledger.reader().verify().unwrap(), head_of((0..=size).map(entry)));
}

#[tokio::test]
async fn a_failed_sync_poisons() {
    poisons(|faults| faults.fail_sync(0)).await;
}

#[tokio::test]
async fn a_short_write_poisons() {
    for written in [0, 1, 7, 16, 20, 100] {
        poisons(|faults| faults.short_write(0, written)).await;
    }
}

#[tokio::test]
async fn no_space_in_the_middle_poisons() {
    poisons(|faults| faults.no_space(0)).await;
}

/// Every disk call on the way to the fifth segment fails once; each time nothing that was
/// acknowledged is lost and the ledger opens again.
#[tokio::test]
async fn every_call_may_fail() {
    for after in 0..24 {
        for sync in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let options = options(dir.path());
            let faults = options.faults();
            let (ledger, _) = Ledger::open(options).unwrap();
            if sync {
                faults.fail_sync(after)
            } else {
                faults.short_write(after, 30_000)
            }
            let mut acknowledged = 0;
            while acknowledged < 40 && ledger.append(vec![b'x'; 60_000]).await.is_ok() {
                acknowledged += 1;
            }
            assert!(ledger.is_poisoned(), "the fault was met");
            drop(ledger);
            let (_, recovery) = open(&dir);
            assert!(recovery.head.size >= acknowledged, "fault after {after}, sync {sync}");
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_before_writing_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path()).min_free_bytes(1_000_000);
    let faults = options.faults();
    let (ledger, _) = Ledger::open(options).unwrap();
    ledger.append(entry(0)).await.unwrap();
    faults.set_free_bytes(Some(999_999));
    let full = Health::DiskFull { free: 999_999, floor: 1_000_000 };
    assert_eq!(ledger.health(), full, "before anybody writes");
    for n in 0..3 {
        assert!(
            matches!(ledger.append(entry(1)).await, Err(LedgerError::DiskFull { .. })),
            "the {n}. commit"
        );
    }
    assert_eq!(ledger.health(), full);
    assert!(!ledger.is_poisoned());

    faults.set_free_bytes(None);
    assert_eq!(ledger.health(), Health::Ready, "before anybody writes");
    assert_eq!(ledger.append(entry(1)).await.unwrap(), Seq(1));
    assert_eq!(ledger.health(), Health::Ready);
}

/// What had its place already is told that it was not written, and the places are given again.
#[tokio::test]
async fn places_on_a_full_disk_are_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path()).min_free_bytes(1_000_000);
    let faults = options.faults();
    let (ledger, _) = Ledger::open(options).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    faults.set_free_bytes(Some(0));
    let mut lost = Vec::new();
    for _ in 0..20 {
        let (warrant, pending) = ledger.enter_safe(permit(now), entry(0), now).unwrap();
        drop(warrant);
        lost.push(pending);
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    faults.set_free_bytes(None);
    let (mut durable, mut refused) = (0, 0);
    for n in 0..50 {
        ledger.append(entry(n)).await.unwrap_or_default();
    }
    for pending in lost {
        match pending.await {
            Ok(_) => durable += 1,
            Err(LedgerError::DiskFull { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0 && ledger.size() >= durable + 49);
    assert_eq!(ledger.reader().verify().unwrap(), ledger.head());
}

#[tokio::test]
async fn no_room_for_the_next_segment_refuses_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let faults = options.faults();
    let (ledger, _) = Ledger::open(options).unwrap();
    faults.set_no_space_for_segments(true);
    let mut taken = 0;
    let error = loop {
        match ledger.append(vec![b'x'; 60_000]).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LedgerError::DiskFull { .. }), "{error}");
    assert!(!ledger.is_poisoned());
    faults.set_no_space_for_segments(false);
    assert_eq!(ledger.append(entry(0)).await.unwrap(), Seq(taken));
    drop(ledger);
    assert_eq!(open(&dir).1.head.size, taken + 1);
}
