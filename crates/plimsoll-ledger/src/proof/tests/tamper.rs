//! The tamper suite: everything that can be changed is changed, and each change is found, with a sentence that a person
//! understands.
//!
//! With `PLIMSOLL_TAMPER_DIR` set, the cases are also written there as JSON, so that the verifier in
//! `tests/ledger/verify.py`, which shares no code with ours, can be asked about each of them.

mod sealed;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::merkle::leaf;
use crate::proof::edge::Edge;
use crate::proof::tile::bundle_push;
use crate::segment::{HEADER_BYTES, RECORD_HEADER_BYTES, segment_path};
use crate::tests::written;

/// One change to a pack or receipt.
struct Case {
    name: String,
    /// Which of the whole ones is changed.
    of: &'static str,
    edits: Vec<(String, Edit)>,
    earlier: Vec<SignedCheckpoint>,
    /// Whether what comes of it is still good.
    good: bool,
}

#[derive(Clone)]
enum Edit {
    Flip(usize, u8),
    Set(Vec<u8>),
    Gone,
}

impl Case {
    fn new(of: &'static str, name: impl Into<String>, edits: Vec<(String, Edit)>) -> Self {
        Self { name: name.into(), of, edits, earlier: Vec::new(), good: false }
    }

    fn flip(of: &'static str, file: &str, at: usize, bit: u8) -> Self {
        Self::new(
            of,
            format!("flip {file} byte {at} bit {bit}"),
            vec![(file.to_owned(), Edit::Flip(at, bit))],
        )
    }

    fn set(of: &'static str, name: &str, file: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(of, name, vec![(file.to_owned(), Edit::Set(bytes.into()))])
    }

    /// The whole pack replaced by another.
    fn replaced(of: &'static str, name: &str, whole: &Memory, by: &Memory) -> Self {
        let gone =
            whole.0.keys().filter(|name| !by.0.contains_key(*name)).map(|name| (name.clone(), Edit::Gone));
        let set = by.0.iter().filter(|(name, bytes)| whole.0.get(*name) != Some(bytes));
        let set = set.map(|(name, bytes)| (name.clone(), Edit::Set(bytes.clone())));
        Self::new(of, name, gone.chain(set).collect())
    }

    fn good(mut self) -> Self {
        self.good = true;
        self
    }

    fn earlier(mut self, checkpoint: &SignedCheckpoint) -> Self {
        self.earlier.push(checkpoint.clone());
        self
    }

    fn apply(&self, whole: &Memory) -> Memory {
        let mut files = whole.clone();
        for (name, edit) in &self.edits {
            match edit {
                Edit::Flip(at, bit) => files.0.get_mut(name).unwrap()[*at] ^= 1 << bit,
                Edit::Set(bytes) => drop(files.0.insert(name.clone(), bytes.clone())),
                Edit::Gone => drop(files.0.remove(name).unwrap()),
            }
        }
        files
    }

    fn json(&self) -> Value {
        let edits: Vec<Value> = self
            .edits
            .iter()
            .map(|(file, edit)| match edit {
                Edit::Flip(at, bit) => json!({ "file": file, "flip": [at, bit] }),
                Edit::Set(bytes) => json!({ "file": file, "set": STANDARD.encode(bytes) }),
                Edit::Gone => json!({ "file": file, "gone": true }),
            })
            .collect();
        let earlier: Vec<String> = self.earlier.iter().map(SignedCheckpoint::encode).collect();
        json!({ "name": self.name, "of": self.of, "edits": edits, "earlier": earlier, "good": self.good })
    }
}

/// A pack made from entries, without going through a ledger.
fn planted(entries: impl IntoIterator<Item = Vec<u8>>, sign: impl Fn(Head) -> SignedCheckpoint) -> Memory {
    let (mut edge, mut files, mut bundle) = (Edge::default(), BTreeMap::new(), Vec::new());
    for entry in entries {
        bundle_push(&mut bundle, &entry);
        for filled in edge.push(leaf(&entry)) {
            let tile = |kind| Tile { kind, index: filled.index, width: 256 }.to_string();
            if filled.level == 0 {
                files.insert(tile(TileKind::Entries), std::mem::take(&mut bundle));
            }
            files.insert(tile(TileKind::Hashes(filled.level)), filled.hashes.concat());
        }
    }
    for (level, hashes) in edge.levels().iter().enumerate().filter(|(_, hashes)| !hashes.is_empty()) {
        let index = edge.size() >> (8 * level) >> 8;
        let tile = |kind| Tile { kind, index, width: hashes.len() }.to_string();
        if level == 0 {
            files.insert(tile(TileKind::Entries), bundle.clone());
        }
        files.insert(tile(TileKind::Hashes(level as u8)), hashes.concat());
    }
    let checkpoint = sign(Head::of(&edge.frontier()));
    files.insert(CHECKPOINT.to_owned(), checkpoint.encode().into_bytes());
    Memory(files)
}

fn text(files: &Memory, name: &str) -> String {
    String::from_utf8(files.0[name].clone()).unwrap()
}

fn checkpoint_of(files: &Memory) -> SignedCheckpoint {
    SignedCheckpoint::parse(&files.0[CHECKPOINT]).unwrap()
}

/// Entry `n` of a history in which one entry says something else.
fn rewritten(n: u64) -> Vec<u8> {
    if n == 300 { b"nothing happened".to_vec() } else { entry(n) }
}

fn swap(files: &Memory, a: &str, b: &str) -> Vec<(String, Edit)> {
    vec![(a.to_owned(), Edit::Set(files.0[b].clone())), (b.to_owned(), Edit::Set(files.0[a].clone()))]
}

/// Every bit of every byte.
fn every_bit(of: &'static str, whole: &Memory, file: &str) -> Vec<Case> {
    (0..whole.0[file].len())
        .flat_map(|at| (0..8).map(move |bit| (at, bit)))
        .map(|(at, bit)| Case::flip(of, file, at, bit))
        .collect()
}

/// Every bit of the bytes that stand for a class: first, second, last, and some between.
fn some_bits(of: &'static str, whole: &Memory) -> Vec<Case> {
    let mut cases = Vec::new();
    for (file, bytes) in whole.0.iter().filter(|(name, _)| name.starts_with("tile/")) {
        let end = bytes.len();
        let mut places = vec![0, 1, 2, 31, 32, end / 2, end - 33, end - 1];
        places.dedup();
        for at in places {
            cases.extend((0..8).map(|bit| Case::flip(of, file, at, bit)));
        }
    }
    cases
}

/// Changes to the files of a pack of 700 entries, each of another kind.
fn kinds(whole: &Memory) -> Vec<Case> {
    const OF: &str = "pack";
    let mut cases = Vec::new();
    for (file, bytes) in &whole.0 {
        cases.push(Case::new(OF, format!("{file} is gone"), vec![(file.clone(), Edit::Gone)]));
        cases.push(Case::set(OF, &format!("{file} is empty"), file, ""));
        cases.push(Case::set(OF, &format!("{file} lost its last byte"), file, &bytes[..bytes.len() - 1]));
        cases.push(Case::set(
            OF,
            &format!("{file} lost its last 32 bytes"),
            file,
            &bytes[..bytes.len() - 32],
        ));
        cases.push(Case::set(OF, &format!("{file} lost its half"), file, &bytes[..bytes.len() / 2]));
        cases.push(Case::set(
            OF,
            &format!("{file} has a byte more"),
            file,
            [bytes.as_slice(), b"\0"].concat(),
        ));
        cases.push(Case::set(
            OF,
            &format!("{file} is there twice over"),
            file,
            [bytes.as_slice(), bytes].concat(),
        ));
    }
    cases.push(Case::new(OF, "two hash tiles are swapped", swap(whole, "tile/0/000", "tile/0/001")));
    cases.push(Case::new(OF, "two bundles are swapped", swap(whole, "tile/entries/000", "tile/entries/001")));
    let both = [swap(whole, "tile/0/000", "tile/0/001"), swap(whole, "tile/entries/000", "tile/entries/001")];
    cases.push(Case::new(OF, "tiles and bundles are swapped together", both.concat()));
    let hashes = &whole.0["tile/0/001"];
    let swapped = [&hashes[32..64], &hashes[..32], &hashes[64..]].concat();
    cases.push(Case::set(OF, "two hashes are swapped", "tile/0/001", swapped));
    let beyond = "tile/0/003".to_owned();
    cases.push(Case::new(OF, "a tile is beyond the end", vec![(beyond, Edit::Set(hashes.clone()))]));
    let stray = "tile/0/001.p/5".to_owned();
    let begins = hashes[..160].to_vec();
    cases.push(Case::new(OF, "an older partial tile", vec![(stray.clone(), Edit::Set(begins))]).good());
    cases.push(Case::new(
        OF,
        "an older partial tile of another tree",
        vec![(stray, Edit::Set(vec![1; 160]))],
    ));
    let stray = "tile/0/002".to_owned();
    cases.push(Case::new(OF, "a full tile where a partial one is", vec![(stray, Edit::Set(hashes.clone()))]));
    cases.push(Case::new(OF, "a file with another name", vec![("tile/0/1".to_owned(), Edit::Set(vec![1]))]));
    cases.push(
        Case::new(OF, "a note of the auditor", vec![("notes.txt".to_owned(), Edit::Set(vec![1]))]).good(),
    );
    cases
}

/// Whole histories that somebody with a key, or without, could show instead.
fn histories(whole: &Memory) -> Vec<Case> {
    const OF: &str = "pack";
    let honest = checkpoint_of(whole);
    let case = |name: &str, files: &Memory| Case::replaced(OF, name, whole, files);
    let false_history = |sign: &dyn Fn(Head) -> SignedCheckpoint| planted((0..700).map(rewritten), sign);
    let thief = SigningKey::from_seed(ORIGIN, KeyKind::Ledger, &[66; 32]).unwrap();
    let own = |head| SignedCheckpoint::sign(head, &ledger_key());

    let mut unsigned = false_history(&signed);
    unsigned.0.insert(CHECKPOINT.to_owned(), whole.0[CHECKPOINT].clone());
    let by_thief = false_history(&|head| SignedCheckpoint::sign(head, &thief));
    let by_insider = false_history(&own);
    let with_one = false_history(&|head| {
        let mut checkpoint = own(head);
        let line = checkpoint.cosign(&witness_key(1), NOW);
        checkpoint.add_cosignature(line, witness_key(1).verifier()).unwrap();
        checkpoint
    });
    let with_old = false_history(&|head| {
        let lines = honest.note().signatures()[1..].iter().map(super::super::NoteSignature::line);
        let text = own(head).encode() + &lines.collect::<String>();
        SignedCheckpoint::parse(text.as_bytes()).unwrap()
    });
    let short = planted((0..500).map(entry), signed);
    let fork = false_history(&signed);
    let long = planted((0..800).map(entry), signed);
    vec![
        case("entries and tiles are rewritten", &unsigned),
        case("rewritten, signed with another key", &by_thief),
        case("rewritten by an insider with the ledger's key", &by_insider),
        case("rewritten by an insider and one of two witnesses", &with_one),
        case("rewritten, with the cosignatures of the true one", &with_old),
        case("rolled back to an old state", &short).earlier(&honest),
        case("rolled back, seen for the first time", &short).good(),
        case("forked by insider and all witnesses", &fork).earlier(&checkpoint_of(&short)),
        case("forked by insider and all witnesses, at the same size", &fork).earlier(&honest),
        case("grown since", &long).earlier(&honest).earlier(&checkpoint_of(&short)).good(),
        Case::new(OF, "unchanged since", vec![]).earlier(&honest).good(),
    ]
}

/// Changes to the lines of a checkpoint; `file` is a pack's checkpoint or a receipt.
fn lines(of: &'static str, whole: &Memory, file: &str) -> Vec<Case> {
    let all = text(whole, file);
    let size = checkpoint_size(&all);
    let signatures: Vec<&str> = all.lines().filter(|line| line.starts_with('\u{2014}')).collect();
    let [ledger, w1, w2] = signatures[..] else { panic!("{all}") };
    let case = |name: &str, text: String| Case::set(of, &format!("{file}: {name}"), file, text);
    let without = |line: &str| all.replace(&format!("{line}\n"), "");
    let larger = all.replace(&format!("\n{size}\n"), &format!("\n{}\n", size + 1));
    let zeros = all.replace(&format!("\n{size}\n"), &format!("\n0{size}\n"));
    let extended = all.replacen(&format!("\n\n{ledger}"), &format!("\nan extension\n\n{ledger}"), 1);
    let stranger = format!("\u{2014} example.org/stranger {}\n", STANDARD.encode([5; 68]));
    let renamed = w1.replace("example.org/w1", "example.org/w9");
    // The key that signed a note, under the id of one that did not.
    let other_id = all.replace(w1, &w1.replace("example.org/w1", "example.org/w2"));
    vec![
        case("the ledger's signature is gone", without(ledger)),
        case("a cosignature is gone", without(w1)),
        case("all cosignatures are gone", without(w1).replace(&format!("{w2}\n"), "")),
        case("a cosignature under another name", all.replace(w1, &renamed)),
        case("a cosignature under the other's name", other_id),
        case("the other's cosignature twice", all.replace(w1, w2)),
        case("cosignatures in another order", all.replace(&format!("{w1}\n{w2}"), &format!("{w2}\n{w1}")))
            .good(),
        case("a stranger signed too", format!("{all}{stranger}")).good(),
        case("a larger size", larger),
        case("a size with a zero before it", zeros),
        case("an extension line", extended),
        case("a carriage return", all.replace('\n', "\r\n")),
        case("no last newline", all.trim_end().to_owned()),
        case("an empty line at its end", format!("{all}\n")),
    ]
}

fn checkpoint_size(text: &str) -> u64 {
    let mut lines = text.lines().skip_while(|line| *line != ORIGIN);
    lines.nth(1).and_then(|line| line.parse().ok()).unwrap()
}

fn receipt_kinds(whole: &Memory, other: &str) -> Vec<Case> {
    const OF: &str = "receipt";
    const FILE: &str = "receipt";
    let all = text(whole, FILE);
    let line = |n: usize| all.lines().nth(n).unwrap().to_owned();
    let case = |name: &str, text: String| Case::set(OF, &format!("receipt: {name}"), FILE, text);
    let extra = |extra: &str| all.replace(&line(1), &format!("extra {}", STANDARD.encode(extra)));
    let entry = STANDARD.encode(b"nothing happened");
    let own = String::from_utf8(STANDARD.decode(&line(1)["extra ".len()..]).unwrap()).unwrap();
    vec![
        case("another entry", extra(&format!("{{\"entry\":\"{entry}\",\"disclosed\":[]}}"))),
        case("a field that nobody can check", extra(&own.replace("[]", "[{\"field\":\"amount\"}]"))),
        case("a member more", extra(&own.replace("[]", "[],\"note\":1"))),
        case("a space more", extra(&own.replace("[]", "[ ]"))),
        case("the extra line is gone", all.replace(&format!("{}\n", line(1)), "")),
        case("another number", all.replace(&line(2), "index 301")),
        case("a number beyond the tree", all.replace(&line(2), "index 700")),
        case("a hash is gone", all.replace(&format!("{}\n", line(3)), "")),
        case("a hash is there twice", all.replace(&line(3), &format!("{}\n{}", line(3), line(3)))),
        case(
            "two hashes are swapped",
            all.replace(&format!("{}\n{}", line(3), line(4)), &format!("{}\n{}", line(4), line(3))),
        ),
        case("the checkpoint of another tree", format!("{}\n\n{other}", all.split_once("\n\n").unwrap().0)),
        case("another version", all.replace("@v1", "@v2")),
        case("cut short", all[..all.len() / 2].to_owned()),
        case("empty", String::new()),
    ]
}

fn sentence(case: &Case, whole: &BTreeMap<&str, Memory>) -> Option<String> {
    let files = case.apply(&whole[case.of]);
    if !files.0.contains_key("receipt") {
        return problems(&files, &case.earlier).into_iter().next();
    }
    let receipt = Receipt::parse(&files.0["receipt"]).and_then(|receipt| receipt.check(&policy()));
    receipt.err().map(|error| error.to_string())
}

fn wholes(sealed: &sealed::Sealed) -> BTreeMap<&'static str, Memory> {
    let pack = planted((0..700).map(entry), signed);
    let receipt = Receipt::make(&pack, checkpoint_of(&pack), 300).unwrap().encode().into_bytes();
    let tall = planted((0..66_000_u64).map(|n| n.to_string().into_bytes()), signed);
    let alone = |receipt| Memory(BTreeMap::from([("receipt".to_owned(), receipt)]));
    BTreeMap::from([
        ("tiny", planted((0..3).map(entry), signed)),
        ("receipt", alone(receipt)),
        ("sealed", alone(sealed.receipt())),
        ("pack", pack),
        ("tall", tall),
    ])
}

#[test]
fn every_change_is_found() {
    let sealed = sealed::Sealed::new("12");
    let wholes = wholes(&sealed);
    let mut cases: Vec<Case> =
        wholes.keys().map(|of| Case::new(of, format!("{of}: untouched"), vec![]).good()).collect();
    let other = text(&wholes["tiny"], CHECKPOINT);
    let mut told = kinds(&wholes["pack"]);
    told.extend(histories(&wholes["pack"]));
    told.extend(lines("pack", &wholes["pack"], CHECKPOINT));
    told.extend(lines("receipt", &wholes["receipt"], "receipt"));
    told.extend(receipt_kinds(&wholes["receipt"], &other));
    told.extend(sealed::kinds(&sealed));
    told.extend(sealed::entries(&sealed));
    let sentences: Vec<String> = told
        .iter()
        .map(|case| format!("{}\n    {}", case.name, sentence(case, &wholes).as_deref().unwrap_or("(good)")))
        .collect();
    cases.extend(told);
    cases.extend(every_bit("tiny", &wholes["tiny"], CHECKPOINT));
    for file in ["tile/0/000.p/3", "tile/entries/000.p/3"] {
        cases.extend(every_bit("tiny", &wholes["tiny"], file));
    }
    for of in ["receipt", "sealed"] {
        cases.extend(every_bit(of, &wholes[of], "receipt"));
    }
    cases.extend(sealed::every_inner_bit(&wholes["sealed"].0["receipt"]));
    cases.extend(some_bits("pack", &wholes["pack"]));
    // Tiles of the third and second level, full and partial.
    for file in ["tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"] {
        let end = wholes["tall"].0[file].len();
        cases.extend([(0, 0), (end - 1, 7)].map(|(at, bit)| Case::flip("tall", file, at, bit)));
    }
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let found = sentence(case, &wholes);
            (found.is_none() != case.good).then(|| format!("{}: {found:?}", case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() > 26_000, "{}", cases.len());
    if let Ok(dir) = std::env::var("PLIMSOLL_TAMPER_DIR") {
        export(std::path::Path::new(&dir), &wholes, &cases);
    }
    insta::assert_snapshot!(sentences.join("\n"));
}

fn export(dir: &std::path::Path, wholes: &BTreeMap<&str, Memory>, cases: &[Case]) {
    let base64 = |files: &Memory| -> BTreeMap<String, String> {
        files.0.iter().map(|(name, bytes)| (name.clone(), STANDARD.encode(bytes))).collect()
    };
    let wholes: BTreeMap<_, _> = wholes.iter().map(|(of, files)| (*of, base64(files))).collect();
    let cases: Vec<Value> = cases.iter().map(Case::json).collect();
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("cases.json"), json!({ "wholes": wholes, "cases": cases }).to_string()).unwrap();
    std::fs::write(dir.join(TRUST), policy().encode()).unwrap();
}

/// The segments of a ledger, compared with its tiles. What lies after the last record is nobody's.
#[test]
fn every_change_to_a_segment_is_found() {
    let entries: Vec<_> = (0..20).map(entry).collect();
    let dir = written(&entries.chunks(5).collect::<Vec<_>>());
    grow(&dir, 20, 20);
    let path = segment_path(dir.path(), 0);
    let whole = std::fs::read(&path).unwrap();
    let end = HEADER_BYTES + entries.iter().map(|entry| RECORD_HEADER_BYTES + entry.len()).sum::<usize>();
    let policy = policy();
    let files = Dir(dir.path().to_owned());
    let found = || {
        let segments = Some(dir.path().to_owned());
        verify(&Verification { files: &files, policy: &policy, earlier: &[], segments }, &mut |_, _| {})
            .err()
            .map(|problems| problems[0].to_string().replace(&dir.path().display().to_string(), "<dir>"))
    };
    assert_eq!(found(), None);
    let first = RECORD_HEADER_BYTES + entries[0].len();
    let places = (0..80)
        .chain([4_000, 4_092, 4_095])
        .chain(HEADER_BYTES..HEADER_BYTES + first + 20)
        .chain(end - 300..end);
    for at in places {
        for bit in [0, 3, 7] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            std::fs::write(&path, bytes).unwrap();
            assert!(found().is_some(), "byte {at} bit {bit}");
        }
    }
    // Somebody who knows the format changes an entry and its checksum, or leaves the last entries out.
    let mut changed = entries.clone();
    changed[7] = b"nothing happened".to_vec();
    let rewritten = written(&changed.chunks(5).collect::<Vec<_>>());
    std::fs::copy(segment_path(rewritten.path(), 0), &path).unwrap();
    insta::assert_snapshot!(found().unwrap());
    let shorter = written(&entries[..15].chunks(5).collect::<Vec<_>>());
    std::fs::copy(segment_path(shorter.path(), 0), &path).unwrap();
    insta::assert_snapshot!(found().unwrap());
    std::fs::remove_file(&path).unwrap();
    insta::assert_snapshot!(found().unwrap());
}
