//! Releases that are refused, one reason at a time, and what never gets through whatever is done to it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{Digest, PersonKey};
use proptest::prelude::*;

use super::*;
use crate::diff::{Diff, Level, Side, diff, load_for_diff};
use crate::model::Power;

// === a small world ===

/// A person's n-th key.
fn key(person: &str, n: u8) -> SecretKey {
    let mut seed = *Digest::of(person.as_bytes()).as_bytes();
    seed[0] ^= n;
    SecretKey::from_seed(&seed, person).unwrap()
}

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn tree() -> Tree {
    Tree::from_iter([
        ("plimsoll.yaml", "plimsoll: 1\nproject: harbour\n"),
        ("people.yaml", "people: {ada: {roles: [owner]}}\n"),
        ("workflows/desk.yaml", "workflow: desk\npurpose: Answer.\nowner: Ada\nmode: enforce\n"),
    ])
}

fn change(class: &str, level: Level) -> ChangeRecord {
    ChangeRecord {
        rule: format!("{class}/something"),
        level,
        class: class.to_owned(),
        fingerprint: "0123456789ab".to_owned(),
        what: "something".to_owned(),
    }
}

fn predicate() -> Predicate {
    let not_run = || Finding::new(Found::NotRun, "nobody asked");
    Predicate {
        project: "harbour".to_owned(),
        sequence: 8,
        parent: Some(Digest::of(b"seven")),
        environments: BTreeSet::from(["production".to_owned()]),
        created: now(),
        expires: now() + SignedDuration::from_hours(24 * 30),
        author: "ada".to_owned(),
        plimsoll: "0.1.0".to_owned(),
        manifest: BTreeMap::new(),
        diff: DiffRecord { base: Some(Digest::of(b"seven")), how: "by hand".to_owned(), changes: Vec::new() },
        checks: Finding::new(Found::Passed, "plimsoll check").figure("warnings", 0),
        invariants: not_run(),
        drills: not_run(),
        replays: not_run(),
    }
}

fn signed(predicate: Predicate, by: &[&SecretKey]) -> Release {
    let mut release = Release::new(tree(), predicate).unwrap();
    for signer in by {
        release.sign(*signer).unwrap();
    }
    release
}

/// Ada and Bob may author and approve, Cyd approves for security, Dan may only promote; two approvals.
fn trust() -> Trust {
    let person = |name: &str, keys: u8, roles: &[&str], may: &[Power]| {
        let keys: Vec<PersonKey> = (0..keys).map(|n| key(name, n).key().clone()).collect();
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        (name.to_owned(), Person { keys, roles, may: may.iter().copied().collect() })
    };
    let both = [Power::Author, Power::Approve];
    let mut trust = Trust::parse(
        br#"{"plimsoll_trust": 1, "project": "harbour", "environment": "production", "approvals": 2, "expires_s": 864000,
            "minimum": 3, "changes": {}, "people": {}, "live": null}"#,
    )
    .unwrap();
    trust.people = BTreeMap::from([
        person("ada", 2, &["owner"], &both),
        person("bob", 2, &["owner"], &both),
        person("cyd", 1, &["security"], &[Power::Approve]),
        person("dan", 1, &["operator"], &[Power::Promote]),
    ]);
    trust.changes = BTreeMap::from([("act".to_owned(), BTreeSet::from(["security".to_owned()]))]);
    trust.live = Some(Live { id: Digest::of(b"seven"), sequence: 7 });
    trust
}

fn nothing_changed(trust: &Trust, release: &Release) -> Diff {
    let compared = crate::diff::Compared::default();
    Diff { base: trust.live.unwrap().id, head: release.id(), changes: Vec::new(), compared }
}

fn judged(trust: &Trust, release: &Release) -> Result<Approved, Refused> {
    trust.judge(release, Some(&nothing_changed(trust, release)), now())
}

fn enough() -> Release {
    signed(predicate(), &[&key("ada", 0), &key("bob", 0), &key("cyd", 0)])
}

// === what runs ===

#[test]
fn enough_signatures_are_enough() {
    let approved = judged(&trust(), &enough()).unwrap();
    assert_eq!((approved.sequence, approved.author.as_str()), (8, "ada"));
    assert_eq!(approved.approvers, BTreeSet::from(["bob".to_owned(), "cyd".to_owned()]));
    assert_eq!(approved.id, tree().id());
}

#[test]
fn it_is_read_back_as_it_was_written() {
    let mut tree = tree();
    tree.insert("keys/raw.bin", [0xff, 0x00, 0xfe]);
    let mut release = Release::new(tree.clone(), predicate()).unwrap();
    release.sign(&key("ada", 0)).unwrap();
    let text = release.to_text().unwrap();
    let read = Release::parse(text.as_bytes()).unwrap();
    assert_eq!((read.tree(), read.statement()), (&tree, release.statement()));
    assert_eq!(read.to_text().unwrap(), text);
    assert_eq!(read.file_name(), format!("harbour-8-{}.release.json", tree.id().short()));
    assert_eq!(read.sign_again(), Err(ReleaseError::SignedTwice(key("ada", 0).key().fingerprint())));
}

impl Release {
    fn sign_again(mut self) -> Result<(), ReleaseError> {
        self.sign(&key("ada", 0))
    }
}

#[test]
fn trust_is_read_back_as_it_was_written() {
    let trust = trust();
    assert_eq!(Trust::parse(trust.to_text().as_bytes()), Ok(trust.clone()));
    let mut shared = trust.clone();
    let ada = shared.people["ada"].keys[0].clone();
    shared.people.get_mut("dan").unwrap().keys.push(ada.clone());
    assert_eq!(Trust::parse(shared.to_text().as_bytes()), Err(TrustError::SharedKey(ada.fingerprint())));
    let newer = trust.to_text().replace("\"plimsoll_trust\": 1", "\"plimsoll_trust\": 2");
    assert!(matches!(Trust::parse(newer.as_bytes()), Err(TrustError::Form(_))));
}

// === what does not ===

/// Each refusal in words, with the next move.
#[test]
fn every_refusal() {
    let mut told = Vec::new();
    let mut say = |name: &str, found: Result<Approved, Refused>| match found {
        Ok(approved) => panic!("{name}: {approved:?}"),
        Err(refused) => told.push(format!("{name}\n  {refused}\n  → {}\n", refused.next())),
    };
    let all = [&key("ada", 0), &key("bob", 0), &key("cyd", 0)];
    let with = |edit: &dyn Fn(&mut Predicate)| {
        let mut predicate = predicate();
        edit(&mut predicate);
        signed(predicate, &all)
    };
    let other = |edit: &dyn Fn(&mut Trust)| {
        let mut trust = trust();
        edit(&mut trust);
        trust
    };
    let only = |by: &[&SecretKey]| judged(&trust(), &signed(predicate(), by));
    let t = trust();

    say("another project", judged(&t, &with(&|p| p.project = "shop".to_owned())));
    say(
        "signed for staging",
        judged(&t, &with(&|p| p.environments = BTreeSet::from(["staging".to_owned()]))),
    );
    say(
        "the live one again",
        judged(&other(&|t| t.live = Some(Live { id: tree().id(), sequence: 8 })), &enough()),
    );
    say("an older one", judged(&t, &with(&|p| p.sequence = 6)));
    say("another of the same number", judged(&t, &with(&|p| p.sequence = 7)));
    say("below the minimum", judged(&other(&|t| t.minimum = 9), &enough()));
    say("from tomorrow", judged(&t, &with(&|p| p.created = now() + SignedDuration::from_hours(20))));
    let late = now() + SignedDuration::from_hours(24 * 10);
    say("after what the environment allows", t.judge(&enough(), Some(&nothing_changed(&t, &enough())), late));
    let soon = with(&|p| p.expires = now() + SignedDuration::from_hours(1));
    say(
        "after what it says itself",
        t.judge(&soon, Some(&nothing_changed(&t, &soon)), now() + SignedDuration::from_hours(1)),
    );
    say("by nobody", judged(&t, &with(&|p| p.author = "zoe".to_owned())));
    say("by somebody who may not", judged(&t, &with(&|p| p.author = "cyd".to_owned())));
    say("by somebody who did not sign", only(&all[1..]));
    say("nobody else", only(&all[..1]));
    say("one of two", only(&all[..2]));
    say("the author twice", only(&[&key("ada", 0), &key("ada", 1), &key("bob", 0)]));
    say("one approver twice", only(&[&key("ada", 0), &key("bob", 0), &key("bob", 1)]));
    say("somebody without the power", only(&[&key("ada", 0), &key("bob", 0), &key("dan", 0)]));
    say("a stranger", only(&[&key("ada", 0), &key("bob", 0), &key("mallory", 0)]));
    let lost = other(&|t| t.people.get_mut("cyd").unwrap().may.clear());
    say("an approver who lost the power since", judged(&lost, &enough()));
    let gone = other(&|t| drop(t.people.remove("cyd")));
    say("an approver who left since", judged(&gone, &enough()));
    let acts = signed_with(&[change("act", Level::Owner)], &[&key("ada", 0), &key("bob", 0)]);
    say("a change that security signs for", judged(&other(&|t| t.approvals = 1), &acts));
    say(
        "a change that nobody could sign for",
        judged(
            &other(&|t| {
                t.approvals = 1;
                t.people.remove("cyd");
            }),
            &acts,
        ),
    );
    let owned = other(&|t| {
        t.approvals = 1;
        t.changes.insert("*".to_owned(), BTreeSet::from(["security".to_owned()]));
    });
    let model = signed_with(&[change("model", Level::Owner)], &[&key("ada", 0), &key("bob", 0)]);
    say("a change that falls under the rest", judged(&owned, &model));
    let mut first = owned;
    first.live = None;
    let two = signed(predicate(), &[&key("ada", 0), &key("bob", 0)]);
    say("a first release", first.judge(&two, None, now()));
    say("not compared", t.judge(&enough(), None, now()));
    let mut elsewhere = nothing_changed(&t, &enough());
    elsewhere.base = Digest::of(b"six");
    say("compared with another", t.judge(&enough(), Some(&elsewhere), now()));
    say("a forged signature", judged(&t, &forged()));
    insta::assert_snapshot!(told.join("\n"));
}

fn signed_with(changes: &[ChangeRecord], by: &[&SecretKey]) -> Release {
    let mut predicate = predicate();
    predicate.diff.changes = changes.to_vec();
    signed(predicate, by)
}

/// Bob's key id over Cyd's signature.
fn forged() -> Release {
    let mut release = enough();
    release.envelope.signatures[1].sig = release.envelope.signatures[2].sig.clone();
    release
}

#[test]
fn a_change_that_was_not_shown_is_refused() {
    let base = small("");
    let head = small("media: true\n");
    let (was, is) = (load_for_diff(&base).unwrap(), load_for_diff(&head).unwrap());
    let real = diff(Side { bundle: &was, tree: &base }, Side { bundle: &is, tree: &head });
    assert!(real.changes.iter().any(|change| change.rule.id == "workflow/media"));
    let mut trust = trust();
    trust.live = Some(Live { id: base.id(), sequence: 7 });
    let judge = |shown: DiffRecord| {
        let mut release = Release::new(head.clone(), Predicate { diff: shown, ..predicate() }).unwrap();
        for signer in [key("ada", 0), key("bob", 0), key("cyd", 0)] {
            release.sign(&signer).unwrap();
        }
        (trust.judge(&release, Some(&real), now()), trust.foresee(&release, now()))
    };
    assert!(judge(DiffRecord::of(&real)).0.is_ok());
    let (judged, foreseen) = judge(DiffRecord { base: Some(base.id()), ..DiffRecord::default() });
    assert!(matches!(judged, Err(Refused::NotShown { .. })), "{judged:?}");
    assert!(foreseen.is_ok(), "who believes the author's diff sees nothing");
    // Where nobody has to agree, nobody has to have seen it.
    trust.approvals = 0;
    assert!(trust.judge(&signed_small(&head), Some(&real), now()).is_ok());
}

fn signed_small(tree: &Tree) -> Release {
    let mut release = Release::new(tree.clone(), predicate()).unwrap();
    release.sign(&key("ada", 0)).unwrap();
    release
}

fn small(more: &str) -> Tree {
    let workflow = format!("workflow: desk\npurpose: Answer.\nowner: Ada\nmode: enforce\n{more}");
    Tree::from_iter([
        ("plimsoll.yaml", "plimsoll: 1\nproject: harbour\n"),
        ("workflows/desk.yaml", &workflow),
    ])
}

#[test]
fn going_back_needs_no_fresh_signature_and_respects_the_minimum() {
    let mut trust = trust();
    trust.live = Some(Live { id: Digest::of(b"nine"), sequence: 9 });
    trust.people.remove("cyd");
    assert!(judged(&trust, &enough()).is_err());
    assert_eq!(trust.may_return(&enough()), Ok(()));
    assert!(trust.recheck(&enough()).is_err(), "by today's people it is signed by one");
    trust.minimum = 9;
    assert!(matches!(trust.may_return(&enough()), Err(Refused::BelowMinimum { .. })));
    trust.environment = "staging".to_owned();
    assert!(matches!(trust.may_return(&enough()), Err(Refused::NotForEnvironment { .. })));
}

// === laws ===

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Counted another way: people, not keys; the author never; security where an act changed.
    #[test]
    fn it_runs_exactly_when_enough_people_signed(
        who in proptest::collection::btree_set((0_usize..5, 0_u8..2), 0..8),
        author in 0_usize..5,
        approvals in 0_u32..4,
        act in any::<bool>(),
    ) {
        let names = ["ada", "bob", "cyd", "dan", "mallory"];
        let mut trust = trust();
        trust.approvals = approvals;
        let mut predicate = predicate();
        predicate.author = names[author].to_owned();
        if act {
            predicate.diff.changes.push(change("act", Level::Owner));
        }
        let keys: Vec<SecretKey> = who.iter().map(|(name, n)| key(names[*name], *n)).collect();
        let release = signed(predicate, &keys.iter().collect::<Vec<_>>());
        // Cyd and Dan have one key each, and the second is nobody's.
        let known = |name: usize, n: u8| name < 2 || (name < 4 && n == 0);
        let people: BTreeSet<usize> = who.iter().filter(|(name, n)| known(*name, *n)).map(|(name, _)| *name).collect();
        let agree = people.iter().filter(|name| **name < 3 && **name != author).count();
        let security = people.contains(&2) && author != 2;
        let expected = author < 2
            && people.contains(&author)
            && (approvals == 0 || (agree >= approvals as usize && (!act || security)));
        prop_assert_eq!(judged(&trust, &release).is_ok(), expected, "{:?} by {}", people, names[author]);
    }

    /// Foreign bytes never make it panic, and what is no release is none.
    #[test]
    fn foreign_bytes_are_no_release(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Release::parse(&bytes).is_err());
        prop_assert!(Trust::parse(&bytes).is_err());
    }

    #[test]
    fn a_piece_of_a_release_is_none(cut in any::<prop::sample::Index>()) {
        let text = enough().to_text().unwrap();
        // The line break at the end means nothing.
        let end = cut.index(text.len() - 1);
        prop_assert!(Release::parse(&text.as_bytes()[..end]).is_err());
    }
}

/// Any bit of the file turned: it is no release, or refused, or means what it meant.
#[test]
fn a_turned_bit_gains_nothing() {
    let (trust, release) = (trust(), enough());
    let text = release.to_text().unwrap().into_bytes();
    let seen = nothing_changed(&trust, &release);
    let (mut none, mut refused, mut same) = (0, 0, 0);
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone();
            bytes[at] ^= 1 << bit;
            let Ok(read) = Release::parse(&bytes) else {
                none += 1;
                continue;
            };
            match trust.judge(&read, Some(&seen), now()) {
                Err(_) => refused += 1,
                Ok(_) => {
                    same += 1;
                    assert_eq!(read.tree(), release.tree(), "byte {at}, bit {bit}");
                    assert_eq!(read.statement(), release.statement(), "byte {at}, bit {bit}");
                }
            }
        }
    }
    assert_eq!(none + refused + same, 8 * text.len());
    // Every bit under a key id or a signature parses still, and is refused.
    assert!(none > 0 && refused > 3 * 8 * (43 + 86), "{none} none, {refused} refused, {same} the same");
}

#[test]
fn names_that_are_there_twice_are_refused() {
    let text = enough().to_text().unwrap();
    let twice = |find: &str, more: &str| {
        assert!(text.contains(find), "{find}");
        let edited = text.replacen(find, &format!("{more}{find}"), 1);
        Release::parse(edited.as_bytes()).unwrap_err().to_string()
    };
    let file = twice("\"people.yaml\":", "\"people.yaml\": \"people: {mallory: {roles: [owner]}}\",");
    assert!(file.contains("there twice"), "{file}");
    let files = twice("\"files\":", "\"files\": {},");
    assert!(files.contains("duplicate"), "{files}");
    let both = twice("\"files\":", "\"bytes\": {\"people.yaml\": \"\"},");
    assert!(both.contains("there twice"), "{both}");
    let unknown = twice("\"files\":", "\"more\": {},");
    assert!(unknown.contains("unknown field"), "{unknown}");
}

#[test]
fn files_that_lead_out_of_the_repository_are_refused() {
    for path in [
        "../people.yaml",
        "/etc/passwd",
        "tools/../people.yaml",
        "tools//a.yaml",
        "tools/.git/x",
        "README.md",
        "tools/a\\b.yaml",
        "tools/a\n.yaml",
        "",
    ] {
        let mut tree = tree();
        tree.insert(path, "x");
        let made = Release::new(tree, predicate());
        assert!(matches!(made, Err(ReleaseError::File { .. })), "{path:?}: {made:?}");
    }
}

#[test]
fn statements_that_state_nothing_are_refused() {
    let mut told = Vec::new();
    let mut check = |edit: &dyn Fn(&mut Predicate)| {
        let mut predicate = predicate();
        edit(&mut predicate);
        told.push(Release::new(tree(), predicate).unwrap_err().to_string());
    };
    check(&|p| p.project.clear());
    check(&|p| p.author = "a\nb".to_owned());
    check(&|p| p.sequence = 0);
    check(&|p| p.sequence = SEQUENCE_MAX + 1);
    check(&|p| p.environments.clear());
    check(&|p| p.expires = p.created);
    check(&|p| {
        p.diff.changes.push(ChangeRecord { class: "prompt".to_owned(), ..change("act", Level::Owner) })
    });
    insta::assert_snapshot!(told.join("\n"));
}

/// Signed with `cryptography` of Python over bytes that were written by hand: another program's idea of the format.
#[test]
fn a_release_that_another_program_signed() {
    let text = include_str!("tests/foreign.release.json");
    let release = Release::parse(text.as_bytes()).unwrap();
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 ines";
    let signer: PersonKey = line.parse().unwrap();
    let [signature] = release.signatures() else { panic!("{:?}", release.signatures()) };
    assert_eq!(signature.keyid, signer.fingerprint());
    assert!(release.is_signed_by(&signer, signature));
    assert_eq!((release.predicate().sequence, release.predicate().author.as_str()), (1, "ines"));
    // Ed25519 has one signature for a key and a message: ours is the same.
    let mut seed = [0; 32];
    seed.iter_mut().zip(0_u8..).for_each(|(byte, n)| *byte = n);
    let mut again = Release::parse(text.as_bytes()).unwrap();
    again.envelope.signatures.clear();
    again.sign(&SecretKey::from_seed(&seed, "").unwrap()).unwrap();
    assert_eq!(again.signatures(), release.signatures());
}
