//! The key and the checkpoint belong together, and neither is made anew behind anybody's back.

use super::*;

struct Bench {
    state: TempDir,
    ledger: TempDir,
}

impl Bench {
    fn open(&self, origin: Option<&str>) -> Result<Identity, String> {
        let opened = Identity::open(
            &self.state.path().join("ledger.key"),
            self.ledger.path(),
            origin,
            "plimsoll/a desk",
        );
        opened.map_err(|error| {
            let text = error.to_string().replace(&self.state.path().display().to_string(), "<state>");
            text.replace(&self.ledger.path().display().to_string(), "<ledger>")
        })
    }

    /// Signs and stores a checkpoint, as a gateway does.
    fn sign(&self, identity: &mut Identity) {
        let checkpoint = SignedCheckpoint::sign(crate::tests::head_of([]), identity.key());
        write_durably(&self.ledger.path().join(CHECKPOINT), checkpoint.encode().as_bytes()).unwrap();
        identity.settle(checkpoint).unwrap();
    }
}

fn bench() -> Bench {
    Bench { state: tempfile::tempdir().unwrap(), ledger: tempfile::tempdir().unwrap() }
}

#[test]
fn the_first_start_makes_a_key_that_stays() {
    let bench = bench();
    let mut identity = bench.open(None).unwrap();
    assert!(identity.is_new());
    let key = identity.key().verifier().clone();
    assert!(key.name().starts_with("plimsoll/a-desk/"), "{key}");
    // Killed before the first checkpoint: the same key again.
    assert_eq!(bench.open(None).unwrap().key().verifier(), &key);
    bench.sign(&mut identity);
    let again = bench.open(None).unwrap();
    assert!(!again.is_new());
    assert_eq!(again.key().verifier(), &key);
    assert!(again.last().is_some());
}

/// Killed after the checkpoint was stored and before the key got its name.
#[test]
fn a_first_start_that_was_cut_short_goes_on() {
    let bench = bench();
    let identity = bench.open(Some(ORIGIN)).unwrap();
    let checkpoint = SignedCheckpoint::sign(crate::tests::head_of([]), identity.key());
    write_durably(&bench.ledger.path().join(CHECKPOINT), checkpoint.encode().as_bytes()).unwrap();
    let mut again = bench.open(Some(ORIGIN)).unwrap();
    assert!(again.is_new());
    bench.sign(&mut again);
    assert!(!bench.open(Some(ORIGIN)).unwrap().is_new());
}

#[test]
fn what_is_missing_is_missed() {
    let bench = bench();
    bench.sign(&mut bench.open(Some(ORIGIN)).unwrap());
    let (key, checkpoint) = (bench.state.path().join("ledger.key"), bench.ledger.path().join(CHECKPOINT));
    let told = |origin| bench.open(origin).unwrap_err();
    let mut sentences = vec![told(Some("example.org/other"))];
    let kept = std::fs::read(&checkpoint).unwrap();
    std::fs::remove_file(&checkpoint).unwrap();
    sentences.push(told(None));
    let thief = SigningKey::from_seed(ORIGIN, KeyKind::Ledger, &[9; 32]).unwrap();
    let forged = SignedCheckpoint::sign(crate::tests::head_of([]), &thief).encode();
    std::fs::write(&checkpoint, forged).unwrap();
    sentences.push(told(None));
    std::fs::write(&checkpoint, kept).unwrap();
    std::fs::rename(&key, bench.state.path().join("elsewhere")).unwrap();
    sentences.push(told(None));
    insta::assert_snapshot!(sentences.join("\n"));
}
