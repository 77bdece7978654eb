//! A ledger that is not what its last checkpoint says does not open.

use super::*;
use crate::LedgerError;
use crate::segment::segment_path;
use crate::tests::{head_of, written};

fn refused(dir: &TempDir) -> String {
    let error = Ledger::open(options(dir.path())).unwrap_err();
    error.to_string().replace(&dir.path().display().to_string(), "<dir>")
}

/// Entries and a checkpoint over `signed` of other entries.
fn with(entries: u64, signed_head: Head) -> TempDir {
    let entries: Vec<_> = (0..entries).map(entry).collect();
    let groups: Vec<_> = entries.chunks(7).collect();
    let dir = written(&groups);
    std::fs::write(dir.path().join(CHECKPOINT), signed(signed_head).encode()).unwrap();
    dir
}

#[test]
fn a_ledger_that_grew_opens() {
    for size in [0, 1, 20, 40] {
        let dir = with(40, head_of((0..size).map(entry)));
        assert_eq!(Ledger::open(options(dir.path())).unwrap().1.head.size, 40);
    }
}

#[test]
fn one_that_was_rolled_back_does_not() {
    let dir = with(40, head_of((0..41).map(entry)));
    insta::assert_snapshot!(refused(&dir));
}

#[test]
fn one_that_was_rewritten_does_not() {
    let dir = with(40, head_of((1..31).map(entry)));
    insta::assert_snapshot!(refused(&dir));
}

#[test]
fn one_whose_checkpoint_is_unreadable_does_not() {
    let dir = with(40, head_of((0..40).map(entry)));
    std::fs::write(dir.path().join(CHECKPOINT), "example.org/ledger\n40\n").unwrap();
    insta::assert_snapshot!(refused(&dir));
}

/// What recovery alone would take for a write cut short: the checkpoint knows that it was whole. Nothing is cut off.
#[test]
fn a_lost_last_group_that_was_signed_is_not_cut_off() {
    let dir = with(40, head_of((0..40).map(entry)));
    let path = segment_path(dir.path(), 0);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.iter().rposition(|&byte| byte != 0).unwrap();
    bytes[last] ^= 0x40;
    std::fs::write(&path, &bytes).unwrap();
    let error = Ledger::open(options(dir.path())).unwrap_err();
    assert!(matches!(error, LedgerError::RolledBack { size: 39, signed: 40, .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// The checkpoint lies in an earlier segment than the one that opening reads.
#[test]
fn an_older_segment_is_compared_too() {
    let dir = tempfile::tempdir().unwrap();
    grow(&dir, 0, 100);
    let last = {
        let (ledger, _) = Ledger::open(options(dir.path())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for n in 0..8 {
            runtime.block_on(ledger.append(vec![n; 60_000])).unwrap();
        }
        ledger.head()
    };
    assert!(crate::segment::list(dir.path()).unwrap().len() > 2);
    assert_eq!(Ledger::open(options(dir.path())).unwrap().1.head, last);
    let other = head_of((1..101).map(entry));
    std::fs::write(dir.path().join(CHECKPOINT), signed(other).encode()).unwrap();
    assert!(refused(&dir).starts_with("the ledger was rewritten: its first 100 entries"));
}
