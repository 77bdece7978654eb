//! What proofs promise.

mod attacks;
mod foreign;
mod identity;
mod oracle;
mod reopen;
mod tamper;
mod tiles;
mod witness;

use plimsoll_core::KeyKind;
use tempfile::TempDir;

use super::*;
use crate::tests::{entry, options};
use crate::{Head, Ledger};

pub(super) const ORIGIN: &str = "example.org/ledger";
/// A moment: cosignatures of the tests are given then.
pub(super) const NOW: u64 = 1_795_000_000;

pub(super) fn ledger_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, KeyKind::Ledger, &[1; 32]).unwrap()
}

pub(super) fn witness_key(n: u8) -> SigningKey {
    SigningKey::from_seed(format!("example.org/w{n}"), KeyKind::Witness, &[100 + n; 32]).unwrap()
}

/// The ledger's key, two witnesses, both of which have to have cosigned.
pub(super) fn policy() -> Policy {
    let witness =
        |n| (format!("w{n}"), witness_key(n).verifier().clone(), format!("https://w{n}.example.org/"));
    Policy::of(ledger_key().verifier(), &[witness(1), witness(2)], 2).unwrap()
}

/// A head, signed and cosigned by both.
pub(super) fn signed(head: Head) -> SignedCheckpoint {
    let mut checkpoint = SignedCheckpoint::sign(head, &ledger_key());
    for n in [1, 2] {
        let key = witness_key(n);
        let line = checkpoint.cosign(&key, NOW);
        checkpoint.add_cosignature(line, key.verifier()).unwrap();
    }
    checkpoint
}

/// A ledger of `count` entries with tiles and a checkpoint over all of them.
pub(super) fn tiled(count: u64) -> (TempDir, SignedCheckpoint) {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = grow(&dir, 0, count);
    (dir, checkpoint)
}

/// Adds entries `from` to `to` and a checkpoint.
pub(super) fn grow(dir: &TempDir, from: u64, to: u64) -> SignedCheckpoint {
    let (ledger, _) = Ledger::open(options(dir.path())).unwrap();
    for n in from..to {
        ledger.note(entry(n)).unwrap();
        while ledger.queued() > 1_000 {
            std::thread::yield_now();
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(ledger.flush()).unwrap();
    let last = stored(dir.path()).unwrap();
    let mut tiler = Tiler::open(dir.path(), last.as_ref());
    tiler.advance(&ledger.reader(), ledger.head(), last.as_ref()).unwrap();
    let checkpoint = signed(ledger.head());
    tiler.store(&checkpoint).unwrap();
    checkpoint
}

/// A pack of it, in memory.
pub(super) fn packed(dir: &TempDir, checkpoint: &SignedCheckpoint) -> Memory {
    let to = tempfile::tempdir().unwrap();
    let trust = policy().encode();
    pack(&Dir(dir.path().to_owned()), checkpoint, &trust, &Pack::Dir(&to.path().join("pack"))).unwrap();
    let files = Dir(to.path().join("pack"));
    let names = files.list().unwrap().unwrap();
    Memory(
        names.into_iter().map(|name| (name.clone(), files.read(&name, 1 << 30).unwrap().unwrap())).collect(),
    )
}

/// What is wrong with a pack.
pub(super) fn problems(files: &dyn Files, earlier: &[SignedCheckpoint]) -> Vec<String> {
    let policy = policy();
    let what = Verification { files, policy: &policy, earlier, segments: None };
    match verify(&what, &mut |_, _| {}) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}
