//! Records with a sealed part: written together, read together, and no part of the tree.

use proptest::prelude::*;

use super::{entry, head_of, open, options, read_all};
use crate::segment::segment_path;
use crate::{ENTRY_BYTES_MAX, Ledger, LedgerError, LedgerReader, Seq, Written};

fn both(n: u64) -> Written {
    let sealed = if n.is_multiple_of(3) { Vec::new() } else { vec![n as u8; 1 + (n as usize * 91) % 2_000] };
    Written { entry: entry(n), sealed, ..Written::default() }
}

#[tokio::test]
async fn both_parts_come_back_and_only_the_entry_is_in_the_tree() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    for n in 0..700 {
        ledger.note(both(n)).unwrap();
    }
    ledger.flush().await.unwrap();
    let head = head_of((0..700).map(entry));
    assert_eq!(ledger.head(), head);
    for reader in [ledger.reader(), LedgerReader::open(dir.path()).unwrap()] {
        assert_eq!(reader.verify().unwrap(), head);
        let mut records = reader.iter_from(Seq(0));
        for n in 0..700 {
            let record = records.next().unwrap().unwrap();
            assert_eq!((&record.entry, &record.sealed), (&both(n).entry, &both(n).sealed));
            assert_eq!(reader.read_at(Seq(n), records.place()).unwrap(), Some(record));
        }
    }
    drop(ledger);
    let (ledger, recovery) = open(&dir);
    assert_eq!((recovery.head, recovery.truncated), (head, None));
    assert_eq!(ledger.reader().record(Seq(1)).unwrap().unwrap().sealed, both(1).sealed);
}

#[tokio::test]
async fn both_parts_together_have_the_bound_of_one_record() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    let fits = Written {
        entry: vec![1; 40_000],
        sealed: vec![2; ENTRY_BYTES_MAX - 40_000 - 2],
        ..Written::default()
    };
    assert!(fits.fits());
    ledger.append(fits.clone()).await.unwrap();
    let mut long = fits;
    long.sealed.push(3);
    assert!(!long.fits());
    assert!(matches!(ledger.append(long).await, Err(LedgerError::TooLong { .. })));
    let hollow = Written { sealed: vec![1], ..Written::default() };
    assert!(matches!(ledger.append(hollow).await, Err(LedgerError::Empty)));
}

/// A program of before sealed parts would take the first of them for damage and cut it off. So it must not be able to
/// open the segment that holds one.
#[tokio::test]
async fn a_ledger_of_before_goes_on_in_a_new_segment() {
    for before in [0, 5] {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, _) = open(&dir);
        for n in 0..before {
            ledger.append(entry(n)).await.unwrap();
        }
        drop(ledger);
        let path = segment_path(dir.path(), 0);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..4_092]);
        bytes[4_092..4_096].copy_from_slice(&checksum.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();

        let (ledger, recovery) = open(&dir);
        assert_eq!((recovery.head.size, recovery.truncated), (before, None));
        ledger.append(entry(before)).await.unwrap();
        ledger.append(both(before + 2)).await.unwrap();
        drop(ledger);
        let first = std::fs::read(&path).unwrap();
        assert_eq!(u32::from(first[8]), 1);
        let second = std::fs::read(segment_path(dir.path(), before + 1)).unwrap();
        assert_eq!(u32::from(second[8]), 2);
        let read = read_all(dir.path()).unwrap();
        assert_eq!(read.len() as u64, before + 2);
        assert_eq!(read[before as usize + 1], both(before + 2).entry);
        LedgerReader::open(dir.path()).unwrap().verify().unwrap();
    }
}

/// The same at the very beginning: the segment of before is empty, and its successor takes its place.
#[tokio::test]
async fn an_empty_segment_of_before_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let path = segment_path(dir.path(), 0);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..4_092]);
    bytes[4_092..4_096].copy_from_slice(&checksum.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let (ledger, _) = open(&dir);
    ledger.append(both(1)).await.unwrap();
    drop(ledger);
    assert_eq!(read_all(dir.path()).unwrap(), [both(1).entry]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever bit of a durable record changes: it is not read as another record.
    #[test]
    fn a_changed_bit_of_either_part_is_damage(bit in 0_usize..(16 + 2 + 100) * 8) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let (ledger, _) = Ledger::open(options(dir.path())).unwrap();
            ledger.append(Written { entry: vec![b'e'; 40], sealed: vec![b's'; 60], beside: Vec::new() }).await.unwrap();
            ledger.append(entry(1)).await.unwrap();
        });
        let path = segment_path(dir.path(), 0);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4_096 + bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, bytes).unwrap();
        let damaged = matches!(Ledger::open(options(dir.path())), Err(LedgerError::Damaged { .. }));
        prop_assert!(damaged);
    }
}
