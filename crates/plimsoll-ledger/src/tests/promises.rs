//! The everyday promises: order, durability, one writer, bounds.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::Tier;

use super::*;
use crate::{ENTRY_BYTES_MAX, GROUP_ENTRIES_MAX};

#[tokio::test]
async fn entries_come_back_in_order_with_their_head() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, recovery) = open(&dir);
    assert_eq!(recovery.head, head_of([]));
    for n in 0..500 {
        assert_eq!(ledger.append(entry(n)).await.unwrap(), Seq(n));
    }
    assert_eq!(ledger.head(), head_of((0..500).map(entry)));
    assert_eq!(ledger.reader().read(Seq(321)).unwrap(), Some(entry(321)));
    assert_eq!(ledger.reader().read(Seq(500)).unwrap(), None);
    let head = ledger.head();
    drop(ledger);

    let (ledger, recovery) = open(&dir);
    assert_eq!(recovery, Recovery { head, segments: recovery.segments, truncated: None });
    assert_eq!(ledger.append(entry(500)).await.unwrap(), Seq(500));
    assert_eq!(ledger.reader().verify().unwrap(), head_of((0..501).map(entry)));
}

#[tokio::test]
async fn a_ledger_spans_segments() {
    let dir = tempfile::tempdir().unwrap();
    let big = |n: u64| vec![b'a' + (n % 26) as u8; ENTRY_BYTES_MAX];
    let (ledger, _) = open(&dir);
    for n in 0..9 {
        ledger.append(big(n)).await.unwrap();
    }
    drop(ledger);
    let (ledger, recovery) = open(&dir);
    assert_eq!(recovery.segments, 9, "one longest entry fits in a smallest segment");
    assert_eq!(recovery.head, head_of((0..9).map(big)));
    assert_eq!(read_all(dir.path()).unwrap(), (0..9).map(big).collect::<Vec<_>>());
    assert_eq!(ledger.reader().read(Seq(4)).unwrap(), Some(big(4)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_callers_each_get_their_own_place() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    let callers: Vec<_> = (0..64_u64)
        .map(|caller| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                let mut places = Vec::new();
                for n in 0..40 {
                    let entry = format!("{caller}/{n}").into_bytes();
                    places.push((ledger.append(entry.clone()).await.unwrap(), entry));
                    ledger.note(format!("{caller}/{n} note").into_bytes()).unwrap();
                }
                places
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    let reader = ledger.reader();
    let mut acknowledged = Vec::new();
    for caller in callers {
        for (seq, entry) in caller.await.unwrap() {
            assert!(seen.insert(seq), "{seq} was given twice");
            acknowledged.push((seq, entry));
        }
    }
    ledger.flush().await.unwrap();
    let all: Vec<_> = reader.iter_from(Seq(0)).map(Result::unwrap).collect();
    assert_eq!(all.len(), 64 * 40 * 2);
    for (seq, entry) in acknowledged {
        assert_eq!(all[seq.0 as usize].entry, entry);
    }
    assert_eq!(ledger.head(), reader.verify().unwrap());
}

#[tokio::test]
async fn dropping_the_last_handle_writes_the_notes() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    for n in 0..2_000 {
        ledger.note(entry(n)).unwrap();
    }
    drop(ledger);
    assert_eq!(read_all(dir.path()).unwrap(), (0..2_000).map(entry).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_ledger_has_one_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    let error = Ledger::open(options(dir.path())).unwrap_err();
    assert!(
        matches!(&error, LedgerError::Locked { holder, .. } if *holder == std::process::id().to_string())
    );
    drop(ledger);
    open(&dir);
}

#[tokio::test]
async fn bounds_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    assert!(matches!(ledger.append(Vec::new()).await, Err(LedgerError::Empty)));
    let long = vec![1; ENTRY_BYTES_MAX + 1];
    assert!(matches!(ledger.append(long).await, Err(LedgerError::TooLong { length: 65_536 })));
    ledger.append(vec![1; ENTRY_BYTES_MAX]).await.unwrap();
    assert_eq!(ledger.size(), 1);
    let small = options(dir.path()).segment_bytes(SEGMENT_BYTES_MIN - 1);
    assert!(matches!(Ledger::open(small), Err(LedgerError::SegmentBytes { .. })));
}

/// A queue of two, a writer that cannot keep up: the caller is told at once.
#[tokio::test]
async fn a_full_queue_is_busy_and_never_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(options(dir.path()).queue_entries(2)).unwrap();
    let mut accepted = 0;
    let busy = (0..100_000_u64).any(|n| match ledger.note(entry(n)) {
        Ok(()) => {
            accepted += 1;
            false
        }
        Err(LedgerError::Busy) => true,
        Err(other) => panic!("{other}"),
    });
    assert!(busy);
    ledger
        .flush()
        .await
        .or_else(|error| matches!(error, LedgerError::Busy).then_some(()).ok_or(error))
        .unwrap();
    drop(ledger);
    assert_eq!(read_all(dir.path()).unwrap().len(), accepted);
}

#[tokio::test]
async fn a_group_shares_one_sync() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path()).segment_bytes(4 << 20);
    let faults = options.faults();
    let (ledger, _) = Ledger::open(options).unwrap();
    let before = faults.syncs();
    for n in 0..4 * GROUP_ENTRIES_MAX as u64 {
        ledger.note(entry(n)).unwrap();
    }
    ledger.flush().await.unwrap();
    let syncs = faults.syncs() - before;
    assert!(syncs < GROUP_ENTRIES_MAX as u64, "{syncs} syncs for {} entries", 4 * GROUP_ENTRIES_MAX);
}

#[tokio::test]
async fn readers_follow_a_growing_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    let mut inside = ledger.reader().iter_from(Seq(0));
    let mut outside = LedgerReader::open(dir.path()).unwrap().iter_from(Seq(0));
    assert!(inside.next().is_none() && outside.next().is_none());
    for n in 0..900 {
        let waiting = tokio::spawn({
            let ledger = ledger.clone();
            async move { ledger.grown_beyond(n).await.unwrap() }
        });
        ledger.append(entry(n)).await.unwrap();
        assert_eq!(waiting.await.unwrap(), n + 1);
        for records in [&mut inside, &mut outside] {
            assert_eq!(
                records.next().unwrap().unwrap(),
                crate::Record { seq: Seq(n), entry: entry(n), sealed: Vec::new() }
            );
            assert!(records.next().is_none());
        }
    }
}

/// Small batches, each from a new reader, as a projection follows: every entry once, in order.
#[tokio::test]
async fn readers_find_their_way_back() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(options(dir.path()).segment_bytes(1 << 20)).unwrap();
    let big = |n: u64| vec![n as u8; 10_000 + n as usize];
    for n in 0..400 {
        ledger.note(big(n)).unwrap();
        if n % 5 == 0 {
            ledger.flush().await.unwrap();
        }
    }
    ledger.flush().await.unwrap();
    let outside = LedgerReader::open(dir.path()).unwrap();
    for reader in [ledger.reader(), outside] {
        let mut next = 0;
        while next < 400 {
            let batch: Vec<_> = reader.clone().iter_from(Seq(next)).take(7).map(Result::unwrap).collect();
            for record in batch {
                assert_eq!((record.seq, record.entry), (Seq(next), big(next)));
                next += 1;
            }
        }
        for seq in [399, 0, 250, 101] {
            assert_eq!(reader.read(Seq(seq)).unwrap(), Some(big(seq)));
        }
        let mut records = reader.iter_from(Seq(0));
        let mut places = Vec::new();
        while records.next().transpose().unwrap().is_some() {
            places.push(records.place());
        }
        for seq in [399, 0, 1, 250, 101] {
            for place in [places[seq as usize], 0, 77, places[(seq as usize + 1) % 400]] {
                assert_eq!(reader.read_at(Seq(seq), place).unwrap().unwrap().entry, big(seq));
            }
        }
        assert_eq!(reader.read_at(Seq(400), 4_096).unwrap(), None);
    }
}

#[tokio::test]
async fn a_permit_becomes_a_warrant_only_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    let now = Timestamp::UNIX_EPOCH;

    let given = permit(now);
    let (id, digest) = (given.id(), *given.act_digest());
    let warrant = ledger.enter(given, b"intent".to_vec(), now).await.unwrap();
    assert_eq!((warrant.seq(), warrant.permit_id(), *warrant.act_digest()), (Seq(0), id, digest));
    assert_eq!(ledger.reader().read(warrant.seq()).unwrap(), Some(b"intent".to_vec()));

    let late = permit(now);
    let then = now + SignedDuration::from_hours(1);
    let error = ledger.enter(late, b"intent".to_vec(), then).await.unwrap_err();
    assert!(matches!(error, LedgerError::PermitExpired { .. }));
    assert_eq!(ledger.size(), 1, "nothing is recorded for an expired permit");
}

/// A safe act may begin before its intent is durable; the others may not.
#[tokio::test]
async fn a_safe_act_begins_at_once_and_its_answer_waits() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    let now = Timestamp::UNIX_EPOCH;
    let mut warrants = Vec::new();
    for n in 0..50 {
        let (warrant, pending) = ledger.enter_safe(permit(now), entry(n), now).unwrap();
        assert_eq!((warrant.seq(), pending.seq()), (Seq(n), Seq(n)));
        warrants.push((warrant, pending));
    }
    // Not in the order they were handed over, and some not at all.
    for (warrant, pending) in warrants.into_iter().rev().step_by(3) {
        assert_eq!(pending.await.unwrap(), warrant.seq());
        assert!(ledger.reader().read(warrant.seq()).unwrap().is_some());
    }
    for tier in [Tier::Guarded, Tier::Dangerous] {
        let refused = ledger.enter_safe(permit_of(tier, now), entry(9), now);
        assert!(matches!(refused, Err(LedgerError::NotSafe)));
    }
    ledger.flush().await.unwrap();
    assert_eq!(ledger.size(), 50);
}

/// Of many who wait for one group, one is woken for all. It may be gone by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiters_that_leave_take_nobody_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    for round in 0..300 {
        let waiting: Vec<_> = (0..8)
            .map(|n| {
                let ledger = ledger.clone();
                tokio::spawn(async move { ledger.append(entry(n)).await })
            })
            .collect();
        if round % 3 == 0 {
            tokio::task::yield_now().await;
        }
        for (n, task) in waiting.into_iter().enumerate() {
            if n % 2 == 0 {
                task.abort();
                continue;
            }
            let done = tokio::time::timeout(std::time::Duration::from_secs(10), task).await;
            done.expect("nobody is forgotten").unwrap().unwrap();
        }
    }
    ledger.flush().await.unwrap();
    assert_eq!(ledger.reader().verify().unwrap(), ledger.head());
}

/// A permit as the gateway gets one: by a decision.
pub(super) fn permit(now: Timestamp) -> plimsoll_core::Permit {
    permit_of(Tier::Safe, now)
}

fn permit_of(tier: Tier, now: Timestamp) -> plimsoll_core::Permit {
    use plimsoll_core::case::{Assume, Case, Facts, Judgement, Rules};
    use plimsoll_core::{
        Account, Act, ActId, Door, Effect, Flow, Mode, PermitId, Principal, PrincipalKind, ToolName,
        Trajectory,
    };

    #[derive(Debug)]
    struct Yes;
    impl Rules for Yes {
        fn judge(&self, _: &Case<'_>, _: &Assume) -> Judgement {
            Judgement { permitted: true, ..Judgement::default() }
        }
    }
    let principal = Principal {
        id: "key:test".to_owned(),
        kind: PrincipalKind::Service,
        tenant: String::new(),
        roles: Default::default(),
        on_behalf_of: None,
    };
    let act = Act {
        id: ActId(Default::default()),
        door: Door::Tool,
        tool: ToolName::new("orders", "get"),
        arguments: Default::default(),
        schema: None,
        call_id: None,
    };
    let case = Case {
        principal: &principal,
        workflow: "test",
        environment: "test",
        release: "test",
        mode: Mode::Enforce,
        act: &act,
        tier,
        effect: Effect::Read,
        account: Account::Read,
        trajectory: &Trajectory::default(),
        flow: &Flow::default(),
        facts: &Facts::default(),
        now,
        permit: PermitId(Default::default()),
    };
    plimsoll_core::decide(&Yes, &case).permit.unwrap()
}
