//! What the ledger promises, tried on a disk that breaks.

mod beside;
mod crash;
mod damage;
mod faults;
mod promises;
mod seal;
mod sealed;

use std::path::Path;

use plimsoll_core::Digest;
use tempfile::TempDir;

use crate::segment::segment_path;
use crate::{
    Head, Ledger, LedgerError, LedgerOptions, LedgerReader, Recovery, SEGMENT_BYTES_MIN, Seq, merkle,
};

/// Small segments and no care for the free space of the machine that runs the tests.
pub(super) fn options(dir: &Path) -> LedgerOptions {
    LedgerOptions::new(dir).segment_bytes(SEGMENT_BYTES_MIN).min_free_bytes(0)
}

pub(super) fn open(dir: &TempDir) -> (Ledger, Recovery) {
    Ledger::open(options(dir.path())).unwrap()
}

/// An entry that says which one it is, of a length that varies.
pub(super) fn entry(n: u64) -> Vec<u8> {
    let mut entry = format!("entry {n} ").into_bytes();
    entry.resize(entry.len() + (n as usize * 37) % 300, b'.');
    entry
}

/// The head over `entries`, computed beside the ledger.
pub(super) fn head_of(entries: impl IntoIterator<Item = Vec<u8>>) -> Head {
    let mut frontier = merkle::Frontier::default();
    for entry in entries {
        frontier.push(merkle::leaf(&entry));
    }
    Head { size: frontier.size(), root: Digest::from_bytes(frontier.root()) }
}

pub(super) fn read_all(dir: &Path) -> Result<Vec<Vec<u8>>, LedgerError> {
    let reader = LedgerReader::open(dir)?;
    reader.iter_from(Seq(0)).map(|record| record.map(|record| record.entry)).collect()
}

/// A ledger whose groups are given: each is one disk write.
pub(super) fn written(groups: &[&[Vec<u8>]]) -> TempDir {
    use crate::segment::{Header, encode_record};
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("seg")).unwrap();
    let mut file = Header::encode(&merkle::Frontier::default()).to_vec();
    let mut seq = 0;
    for group in groups {
        for (place, entry) in group.iter().enumerate() {
            encode_record(&mut file, place as u16, seq, entry, &[]);
            seq += 1;
        }
    }
    file.resize(SEGMENT_BYTES_MIN as usize, 0);
    std::fs::write(segment_path(dir.path(), 0), file).unwrap();
    dir
}
