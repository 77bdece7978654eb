use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{EntryBody, Principal, PrincipalKind, Stop, StopScope};
use plimsoll_ledger::Record;

use super::*;
use crate::record::Header;

const IBAN: &str = "DE89370400440532013000";

fn header(session: &str, name: &str) -> Header {
    let principal = Principal {
        id: name.to_owned(),
        kind: PrincipalKind::Agent,
        tenant: String::new(),
        roles: BTreeSet::new(),
        on_behalf_of: Some("Ada Lovelace".to_owned()),
    };
    Header { session: session.to_owned(), principal: Some(principal), ..Header::default() }
}

fn entry(session: &str, name: &str) -> Entry {
    let reason = format!("pays {IBAN}");
    let stop = Stop { scope: StopScope::All, reason, by: "rosa".to_owned(), at: Timestamp::UNIX_EPOCH };
    header(session, name).entry(Timestamp::now(), EntryBody::Stop { on: true, stop })
}

fn record(vault: &Vault, entry: &Entry) -> Record {
    let Written { entry, sealed, .. } = vault.seal(entry.clone()).unwrap();
    Record { seq: plimsoll_ledger::Seq(1), entry, sealed }
}

fn open(dir: &Path) -> Vault {
    Vault::open_dir(dir, &Privacy::default(), None).unwrap()
}

fn without_seal(opening: Opening) -> Entry {
    Entry { seal: None, ..opening.entry }
}

fn keys(record: &Record) -> Vec<u64> {
    Vault::keys_of(&record.sealed).into_iter().filter(|key| *key > 0).collect()
}

#[test]
fn what_is_sealed_comes_back_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let whole = entry("s-1", "key:ada");
    let sealed = record(&open(dir.path()), &whole);
    let text = String::from_utf8(sealed.entry.clone()).unwrap();
    for canary in ["Ada Lovelace", "key:ada", "rosa", IBAN] {
        assert!(!text.contains(canary), "{text}");
        assert!(!sealed.sealed.windows(canary.len()).any(|bytes| bytes == canary.as_bytes()));
    }
    let again = open(dir.path());
    let opening = again.open_all(&sealed).unwrap();
    assert_eq!(opening.closed, []);
    assert_eq!(without_seal(opening), whole);
    // The same people have the same pseudonyms.
    let second = record(&again, &whole);
    let principal = |record: &Record| serde_json::from_slice::<Entry>(&record.entry).unwrap().principal;
    assert_eq!(principal(&second), principal(&sealed));
    assert!(keys(&second)[0] > keys(&sealed)[0], "numbers go on above those that were used");
}

#[test]
fn a_reader_sees_what_their_classes_hold() {
    let vault = Vault::in_memory().unwrap();
    let sealed = record(&vault, &entry("s-1", "key:ada"));
    let see = |classes: &[FieldClass]| {
        let may = classes.iter().copied().collect();
        let opening = vault.open(&sealed.entry, &sealed.sealed, &may).unwrap();
        let EntryBody::Stop { stop, .. } = opening.entry.body else { panic!() };
        (opening.entry.principal.unwrap().id, stop.reason, opening.opened)
    };
    let (id, reason, opened) = see(&[]);
    assert!(id.starts_with("p-") && opened.is_empty());
    assert_eq!(reason, "‹arguments: not for your roles›");
    let (id, reason, opened) = see(&[FieldClass::Identity]);
    assert_eq!((id.as_str(), reason.starts_with('‹')), ("key:ada", true));
    assert_eq!(opened, BTreeSet::from([FieldClass::Identity]));
    let (id, reason, _) = see(&[FieldClass::Arguments]);
    assert!(id.starts_with("p-") && reason.contains(IBAN));
}

#[test]
fn a_destroyed_key_opens_nothing_and_the_entry_stays() {
    let dir = tempfile::tempdir().unwrap();
    let vault = open(dir.path());
    let (ada, bob) = (record(&vault, &entry("s-1", "key:ada")), record(&vault, &entry("s-2", "key:bob")));
    let before = dir.path().join("before");
    std::fs::create_dir(&before).unwrap();
    std::fs::copy(dir.path().join("keys.db"), before.join("keys.db")).unwrap();
    for wal in ["keys.db-wal", "keys.db-shm"] {
        let _none = std::fs::copy(dir.path().join(wal), before.join(wal));
    }
    let gone = Gone { keys: keys(&ada), pseudonyms: vault.subjects("ada").unwrap() };
    assert_eq!(gone.pseudonyms.len(), 1);
    let destroyed = vault.destroy(&gone).unwrap();
    assert_eq!((destroyed.keys, destroyed.pseudonyms, destroyed.epoch), (1, 1, 2));
    for vault in [vault.clone(), open(dir.path())] {
        let opening = vault.open_all(&ada).unwrap();
        assert_eq!(opening.closed, [(FieldClass::Arguments, Closed::Erased)]);
        assert!(opening.entry.principal.unwrap().id.starts_with("p-"));
        let EntryBody::Stop { stop, .. } = opening.entry.body else { panic!() };
        assert_eq!(stop.reason, "‹arguments: erased›");
        let kept = vault.open_all(&bob).unwrap();
        assert_eq!((kept.closed.len(), kept.entry.principal.unwrap().id.as_str()), (0, "key:bob"));
        assert_eq!(vault.subjects("key:ada").unwrap(), Vec::<String>::new());
    }
    // A copy of keys.db from before is dead: its epoch has ended.
    for file in ["keys.root", "keys.epoch"] {
        std::fs::copy(dir.path().join(file), before.join(file)).unwrap();
    }
    let dead = Vault::open_dir(&before, &Privacy::default(), None).unwrap_err();
    assert!(dead.to_string().contains("keys.epoch is not"), "{dead}");
    // Whoever comes again is somebody new, with new keys.
    let again = record(&vault, &entry("s-1", "key:ada"));
    assert_ne!(keys(&again), keys(&ada));
    assert_eq!(vault.open_all(&again).unwrap().closed, []);
    let principal =
        |record: &Record| serde_json::from_slice::<Entry>(&record.entry).unwrap().principal.unwrap().id;
    assert_ne!(principal(&again), principal(&ada));
}

/// The process may end at any step of ending an epoch.
#[test]
fn an_epoch_that_was_half_ended_is_ended_by_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let vault = open(dir.path());
    let sealed = record(&vault, &entry("s-1", "key:ada"));
    let epoch = std::fs::read(dir.path().join("keys.epoch")).unwrap();
    // Made, and not adopted: the old one still counts.
    vault.inner.root.prepare(2).unwrap();
    assert_eq!(open(dir.path()).open_all(&sealed).unwrap().closed, []);
    // Adopted by the database, and the file still has the old one, wiped or not.
    vault.destroy(&Gone::default()).unwrap();
    let next = std::fs::read(dir.path().join("keys.epoch")).unwrap();
    for old in [epoch, vec![b'0'; 67], b"1".to_vec()] {
        std::fs::write(dir.path().join("keys.epoch"), old).unwrap();
        std::fs::write(dir.path().join("keys.epoch.next"), &next).unwrap();
        assert_eq!(open(dir.path()).open_all(&sealed).unwrap().closed, []);
        assert!(!dir.path().join("keys.epoch.next").exists());
    }
    std::fs::remove_file(dir.path().join("keys.epoch")).unwrap();
    assert!(Vault::open_dir(dir.path(), &Privacy::default(), None).is_err());
}

#[test]
fn with_an_audit_key_the_state_directory_opens_nothing_of_the_past() {
    let dir = tempfile::tempdir().unwrap();
    let (secret, public) = AuditSecret::fresh().unwrap();
    let privacy = Privacy { audit_key: Some(public.text()), ..Privacy::default() };
    let vault = Vault::open_dir(dir.path(), &privacy, None).unwrap();
    let whole = entry("s-1", "key:ada");
    let sealed = record(&vault, &whole);
    // What it sealed itself it still reads, until it forgets.
    assert_eq!(without_seal(vault.open_all(&sealed).unwrap()), whole);
    for privacy in [&privacy, &Privacy::default()] {
        let stolen = Vault::open_dir(dir.path(), privacy, None).unwrap();
        let opening = stolen.open_all(&sealed).unwrap();
        assert_eq!(opening.closed, [(FieldClass::Arguments, Closed::Audit)]);
        let text = serde_json::to_string(&opening.entry).unwrap();
        assert!(
            !text.contains("key:ada") && !text.contains(IBAN) && text.contains("sealed to the audit key"),
            "{text}"
        );
        let (wrong, _) = AuditSecret::fresh().unwrap();
        let wrong = Vault::open_dir(dir.path(), privacy, Some(wrong)).unwrap();
        assert_eq!(wrong.open_all(&sealed).unwrap().closed, [(FieldClass::Arguments, Closed::Audit)]);
    }
    let auditor = Vault::open_dir(dir.path(), &privacy, Some(secret)).unwrap();
    assert_eq!(without_seal(auditor.open_all(&sealed).unwrap()), whole);
    // It is found and destroyed without being read.
    let blind = Vault::open_dir(dir.path(), &privacy, None).unwrap();
    let pseudonyms = blind.subjects("key:ada").unwrap();
    assert_eq!(pseudonyms.len(), 1);
    blind.destroy(&Gone { keys: keys(&sealed), pseudonyms }).unwrap();
    assert_eq!(auditor.subjects("key:bob").unwrap(), Vec::<String>::new());
    let fresh = Vault::open_dir(dir.path(), &privacy, auditor.inner.secret.clone()).unwrap();
    assert_eq!(fresh.open_all(&sealed).unwrap().closed, [(FieldClass::Arguments, Closed::Erased)]);
}

#[test]
fn a_sealed_part_of_another_entry_does_not_open() {
    let vault = Vault::in_memory().unwrap();
    let (one, two) = (record(&vault, &entry("s-1", "key:ada")), record(&vault, &entry("s-1", "key:ada")));
    let may = BTreeSet::from(FieldClass::ALL);
    let swapped = vault.open(&one.entry, &two.sealed, &may).unwrap();
    assert!(swapped.closed.contains(&(FieldClass::Arguments, Closed::Damaged)));
    let cut = vault.open(&one.entry, &[], &may).unwrap();
    assert!(cut.closed.contains(&(FieldClass::Arguments, Closed::Damaged)));
}

#[test]
fn a_session_has_its_own_keys_and_gets_new_ones_after_a_day() {
    let vault = Vault::in_memory().unwrap();
    let at = |entry: Entry, hours: i64| Entry { at: entry.at + SignedDuration::from_hours(hours), ..entry };
    let keys_at = |session: &str, name: &str, hours| keys(&record(&vault, &at(entry(session, name), hours)));
    let first = keys_at("s-1", "key:ada", 0);
    assert_eq!(keys_at("s-1", "key:ada", 23), first);
    assert_ne!(keys_at("s-2", "key:ada", 0), first);
    assert_ne!(keys_at("s-1", "key:bob", 0), first);
    let next = keys_at("s-1", "key:ada", 25);
    assert!(next > first);
    vault.renew(Some("s-1"), &[]);
    assert!(keys_at("s-1", "key:ada", 25) > next);
}

#[test]
fn more_sessions_than_keys_lie_ready() {
    let vault = Vault::in_memory().unwrap();
    vault.keep_keys_ready().unwrap();
    let mut last = 0;
    for n in 0..2_000 {
        let sealed = record(&vault, &entry(&format!("s-{n}"), "key:ada"));
        let key = keys(&sealed)[0];
        assert!(key > last, "{key} after {last}");
        last = key;
        assert_eq!(vault.open_all(&sealed).unwrap().closed, []);
    }
}

#[test]
fn what_can_t_be_shortened_is_left_to_the_ledger_s_bound() {
    let vault = Vault::in_memory().unwrap();
    let text = include_str!("../../../plimsoll-core/src/sensitive.rs");
    let whole = Entry {
        body: EntryBody::Gateway { event: "start".to_owned(), detail: text.repeat(6) },
        ..entry("s-1", "key:ada")
    };
    // Only acts are shortened; what stays too long is refused by the ledger and not cut in the middle.
    assert!(!vault.seal(whole).unwrap().fits());
}

#[test]
fn the_root_key_comes_from_a_file_or_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = dir.path().join("root.key");
    std::fs::write(&elsewhere, "ab".repeat(32)).unwrap();
    let command = ["cat".to_owned(), elsewhere.display().to_string()].to_vec();
    let by_command = Privacy { root: plimsoll_bundle::RootKey::Command(command), ..Privacy::default() };
    let by_file = Privacy {
        root: plimsoll_bundle::RootKey::File(elsewhere.display().to_string()),
        ..Privacy::default()
    };
    let sealed = record(&Vault::open_dir(dir.path(), &by_command, None).unwrap(), &entry("s", "key:ada"));
    let again = Vault::open_dir(dir.path(), &by_file, None).unwrap();
    assert_eq!(again.open_all(&sealed).unwrap().closed, []);
    assert!(!dir.path().join("keys.root").exists());
    let other = Vault::open_dir(dir.path(), &Privacy::default(), None).unwrap_err();
    assert!(other.to_string().contains("does not open keys.db"), "{other}");
    let failing =
        Privacy { root: plimsoll_bundle::RootKey::Command(vec!["false".to_owned()]), ..Privacy::default() };
    assert!(Vault::open_dir(dir.path(), &failing, None).unwrap_err().to_string().contains("failed"));
}
