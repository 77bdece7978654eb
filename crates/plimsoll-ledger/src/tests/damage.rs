//! Torn writes are cut off; lost records are never skipped.

use super::*;
use crate::segment::{HEADER_BYTES, RECORD_HEADER_BYTES};

fn size(entry: &[u8]) -> usize {
    RECORD_HEADER_BYTES + entry.len()
}

fn change(dir: &TempDir, change: impl FnOnce(&mut Vec<u8>)) {
    let path = segment_path(dir.path(), 0);
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// The last record stops at each of its bytes in turn; the rest of it is what was there before.
#[test]
fn a_write_torn_at_any_byte_is_cut_off() {
    let entries: Vec<_> = (0..4).map(entry).collect();
    let start = HEADER_BYTES + entries[..3].iter().map(|entry| size(entry)).sum::<usize>();
    for kept in 0..size(&entries[3]) {
        let dir = written(&[&entries[..2], &entries[2..3], &entries[3..]]);
        change(&dir, |bytes| bytes[start + kept..].fill(0));
        assert_eq!(read_all(dir.path()).unwrap(), entries[..3], "torn after {kept} bytes");

        let (ledger, recovery) = open(&dir);
        assert_eq!(recovery.head, head_of(entries[..3].to_vec()));
        assert_eq!(recovery.truncated.is_some(), kept > 0, "torn after {kept} bytes");
        drop(ledger);
        let (_, recovery) = open(&dir);
        assert_eq!(recovery.truncated, None, "it was cut off the first time");
        let bytes = std::fs::read(segment_path(dir.path(), 0)).unwrap();
        assert!(bytes[start..].iter().all(|&byte| byte == 0));
    }
}

/// Power fails while a group is written, and its sectors reach the disk in any order: whatever is
/// lost of the last group, the groups before it survive and the ledger opens.
#[test]
fn a_last_group_with_holes_is_cut_off() {
    let durable: Vec<_> = (0..5).map(entry).collect();
    let last: Vec<_> = (5..25).map(entry).collect();
    let start = HEADER_BYTES + durable.iter().map(|entry| size(entry)).sum::<usize>();
    let end = start + last.iter().map(|entry| size(entry)).sum::<usize>();
    for sectors in 1_u32..1 << ((end - 1) / 512 - start / 512 + 1).min(9) {
        let dir = written(&[&durable, &last]);
        change(&dir, |bytes| {
            for sector in (0..9).filter(|sector| sectors >> sector & 1 == 1) {
                let from = (start / 512 + sector) * 512;
                bytes[from.max(start).min(end)..(from + 512).min(end)].fill(0);
            }
        });
        let (_, recovery) = open(&dir);
        let kept = recovery.head.size as usize;
        assert!(kept >= durable.len());
        assert_eq!(recovery.head, head_of(durable.iter().chain(&last).take(kept).cloned()));
    }
}

/// Any damaged byte before a later group is reported, with its file; opening does not skip it.
#[test]
fn damage_before_a_later_group_is_an_error() {
    let entries: Vec<_> = (0..4).map(entry).collect();
    let start = HEADER_BYTES + size(&entries[0]);
    for at in start..start + size(&entries[1]) {
        let dir = written(&[&entries[..1], &entries[1..3], &entries[3..]]);
        change(&dir, |bytes| bytes[at] ^= 0x40);
        let error = Ledger::open(options(dir.path())).unwrap_err();
        let LedgerError::Damaged { file, offset, what } = error else { panic!("{error}") };
        assert_eq!((file, offset), (segment_path(dir.path(), 0), start as u64));
        assert_eq!(what, "entry 1 is unreadable, but a later write with entry 3 is intact");
        assert!(matches!(read_all(dir.path()), Err(LedgerError::Damaged { .. })));
    }
}

#[test]
fn a_damaged_header_is_an_error() {
    for at in (0..72).chain([4_000, 4_095]) {
        let dir = written(&[&[entry(0)]]);
        change(&dir, |bytes| bytes[at] ^= 0x40);
        let error = Ledger::open(options(dir.path())).unwrap_err();
        assert!(matches!(error, LedgerError::Damaged { .. } | LedgerError::NewerFormat { .. }), "{error}");
    }
}

#[test]
fn more_rubbish_than_one_write_holds_is_an_error() {
    let dir = written(&[&[entry(0)]]);
    change(&dir, |bytes| bytes.resize(3 << 20, 0xAA));
    assert!(matches!(Ledger::open(options(dir.path())), Err(LedgerError::Damaged { .. })));
}

/// Opening reads the last segment, so a hole in the middle is found by whoever reads across it; a
/// missing start or an empty end is found at once.
#[tokio::test]
async fn a_missing_segment_is_an_error() {
    for (lost, opens) in [(0, false), (2, true)] {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, _) = open(&dir);
        for n in 1..=6 {
            ledger.append(vec![n; 60_000]).await.unwrap();
        }
        drop(ledger);
        assert_eq!(crate::segment::list(dir.path()).unwrap(), [0, 2, 4]);
        std::fs::remove_file(segment_path(dir.path(), lost)).unwrap();
        assert!(matches!(read_all(dir.path()), Err(LedgerError::Damaged { .. })));
        assert!(matches!(LedgerReader::open(dir.path()).unwrap().verify(), Err(LedgerError::Damaged { .. })));
        assert_eq!(Ledger::open(options(dir.path())).is_ok(), opens);
    }
}

/// The last record of a full segment is lost, and the next segment knows better.
#[tokio::test]
async fn a_segment_that_ends_early_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(&dir);
    for n in 1..=3 {
        ledger.append(vec![n; 60_000]).await.unwrap();
    }
    drop(ledger);
    change(&dir, |bytes| bytes[HEADER_BYTES + size(&[0; 60_000])..].fill(0));
    assert!(matches!(read_all(dir.path()), Err(LedgerError::Damaged { .. })));
    let last = segment_path(dir.path(), 2);
    let mut bytes = std::fs::read(&last).unwrap();
    bytes[HEADER_BYTES..].fill(0);
    std::fs::write(last, bytes).unwrap();
    assert!(matches!(Ledger::open(options(dir.path())), Err(LedgerError::Damaged { .. })));
}
