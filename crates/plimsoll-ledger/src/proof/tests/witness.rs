//! The witness protocol, answer by answer.

use super::*;
use crate::proof::tree::consistency;
use crate::tests::head_of;

struct Bench {
    dir: TempDir,
    ledger: TempDir,
    witness: Witness,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let witness = open(&dir);
    Bench { ledger: tiled(700).0, witness, dir }
}

fn open(dir: &TempDir) -> Witness {
    Witness::open(dir.path(), Some("example.org/w"), &[ledger_key().verifier().clone()]).unwrap()
}

fn head(size: u64) -> Head {
    head_of((0..size).map(entry))
}

impl Bench {
    fn request(&self, old: u64, size: u64) -> AddCheckpoint {
        let files = Dir(self.ledger.path().to_owned());
        let proof = consistency(&TileNodes::new(&files, 700), old, size).unwrap();
        AddCheckpoint { old, proof, checkpoint: SignedCheckpoint::sign(head(size), &ledger_key()) }
    }

    fn ask(&self, request: &AddCheckpoint) -> Result<String, Refused> {
        self.witness.add_checkpoint(request.encode().as_bytes(), NOW)
    }
}

#[test]
fn a_tree_that_grows_is_cosigned() {
    let bench = bench();
    let mut old = 0;
    for size in [0, 0, 1, 5, 256, 256, 300, 700] {
        let request = bench.request(old, size);
        assert_eq!(AddCheckpoint::parse(request.encode().as_bytes()), Ok(request.clone()));
        let line = bench.ask(&request).unwrap();
        let mut checkpoint = request.checkpoint;
        let [line] = &crate::proof::note::parse_signatures(&line).unwrap()[..] else { panic!("{line}") };
        assert_eq!(checkpoint.add_cosignature(line.clone(), bench.witness.verifier()), Ok(NOW));
        assert_eq!(bench.witness.checkpoint(&origin_hash(ORIGIN)), Some(checkpoint.encode()));
        old = size;
    }
    assert_eq!(bench.witness.checkpoint(&origin_hash("example.org/other")), None);
}

#[test]
fn what_is_not_cosigned() {
    let bench = bench();
    bench.ask(&bench.request(0, 300)).unwrap();
    let check = |body: &str, status: u16, says: &str| {
        let refused = bench.witness.add_checkpoint(body.as_bytes(), NOW).unwrap_err();
        assert_eq!((refused.status(), refused.to_string().as_str()), (status, says), "{body}");
        assert_eq!(bench.witness.sizes()[ORIGIN], 300);
    };
    let good = bench.request(300, 700);
    let text = good.encode();

    check("", 400, "no empty line stands before the checkpoint");
    check(&text.replace("old 300", "old 0300"), 400, "the first line is not `old` and a tree size");
    check(
        &text.replace("old 300\n", "old 300\nAAAA\n"),
        400,
        "the proof is not up to 63 lines of base64, one hash each",
    );
    let unknown =
        SigningKey::from_seed("example.org/other", plimsoll_core::KeyKind::Ledger, &[1; 32]).unwrap();
    let other = AddCheckpoint { checkpoint: SignedCheckpoint::sign(head(700), &unknown), ..good.clone() };
    check(&other.encode(), 404, "no ledger of this origin is witnessed here");
    let thief = SigningKey::from_seed(ORIGIN, plimsoll_core::KeyKind::Ledger, &[9; 32]).unwrap();
    let stolen = AddCheckpoint { checkpoint: SignedCheckpoint::sign(head(700), &thief), ..good.clone() };
    let signature = "the checkpoint has no good signature of a key that is trusted for its origin";
    check(&stolen.encode(), 403, signature);
    check(&text.replace("\n700\n", "\n701\n"), 403, signature);
    check(&text.replace("old 300", "old 701"), 400, "the old size is larger than the checkpoint's");
    check(&bench.request(5, 700).encode(), 409, "300");
    check(&bench.request(0, 200).encode(), 409, "300");

    let grown =
        "the proof does not show that this tree has grown from the one of 300 entries that was cosigned";
    let short = AddCheckpoint { proof: good.proof[1..].to_vec(), ..good.clone() };
    check(&short.encode(), 422, grown);
    let fork = head_of((0..700).map(|n| entry(n + u64::from(n == 17))));
    let fork = AddCheckpoint { checkpoint: SignedCheckpoint::sign(fork, &ledger_key()), ..good.clone() };
    check(&fork.encode(), 422, grown);
    let twin = head_of((0..300).map(|n| entry(n + u64::from(n == 17))));
    let twin =
        AddCheckpoint { old: 300, proof: vec![], checkpoint: SignedCheckpoint::sign(twin, &ledger_key()) };
    check(&twin.encode(), 422, grown);
    let same = AddCheckpoint { proof: good.proof.clone(), ..bench.request(300, 300) };
    check(&same.encode(), 422, grown);
    assert!(bench.ask(&good).is_ok());
}

#[test]
fn an_empty_tree_has_the_empty_root() {
    let bench = bench();
    let wrong = Head { size: 0, ..head(1) };
    let wrong =
        AddCheckpoint { old: 0, proof: vec![], checkpoint: SignedCheckpoint::sign(wrong, &ledger_key()) };
    assert_eq!(bench.ask(&wrong), Err(Refused::Proof(0)));
    let proof = AddCheckpoint { proof: vec![[0; 32]], ..bench.request(0, 5) };
    assert_eq!(bench.ask(&proof), Err(Refused::Proof(0)));
}

#[test]
fn it_remembers_across_starts_and_does_not_begin_again_by_itself() {
    let bench = bench();
    bench.ask(&bench.request(0, 300)).unwrap();
    let Bench { dir, witness, .. } = bench;
    let key = witness.verifier().clone();
    let twice = Witness::open(dir.path(), None, &[]).unwrap_err();
    assert!(matches!(twice, WitnessError::Locked(_)), "{twice}");
    drop(witness);
    let again = open(&dir);
    assert_eq!((again.verifier(), again.sizes()[ORIGIN]), (&key, 300));
    drop(again);
    let file = dir.path().join(origin_hash(ORIGIN)).join(CHECKPOINT);
    let kept = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, kept.replace("\n300\n", "\n200\n")).unwrap();
    let logs = [ledger_key().verifier().clone()];
    assert!(matches!(Witness::open(dir.path(), None, &logs), Err(WitnessError::Damaged { .. })));
    std::fs::write(&file, kept).unwrap();
    std::fs::remove_file(dir.path().join("witness.key")).unwrap();
    assert!(matches!(Witness::open(dir.path(), None, &logs), Err(WitnessError::KeyGone(_))));
}

/// Two that ask at once: one is cosigned, the other is told the new size. Nothing is rolled back.
#[test]
fn checking_and_keeping_are_one_step() {
    let bench = bench();
    bench.ask(&bench.request(0, 10)).unwrap();
    let requests: Vec<AddCheckpoint> = (11..27).map(|size| bench.request(10, size)).collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked = requests.iter().map(|request| scope.spawn(|| bench.ask(request)));
        asked.collect::<Vec<_>>().into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let winner = answers.iter().position(Result::is_ok).unwrap() as u64 + 11;
    assert!(
        answers.iter().all(|answer| answer.as_ref().err().is_none_or(|e| *e == Refused::Conflict(winner)))
    );
    assert_eq!(bench.witness.sizes()[ORIGIN], winner);
}
