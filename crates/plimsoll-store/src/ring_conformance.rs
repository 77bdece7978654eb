//! What every key ring must do, told once and run against each.

use jiff::Timestamp;

use crate::{
    Gone, GrantRow, HoldRow, Instance, KeyRing, Pseudonym, SealKey, SqliteKeys, StoreError, Wrapped,
};

macro_rules! conformance {
    ($($case:ident),* $(,)?) => {
        mod file {
            $(#[test]
            fn $case() {
                let dir = tempfile::tempdir().unwrap();
                super::$case(&super::SqliteKeys::open(&dir.path().join("keys.db")).unwrap());
            })*
        }
        mod memory {
            $(#[test]
            fn $case() {
                super::$case(&super::SqliteKeys::in_memory().unwrap());
            })*
        }
    };
}

conformance! {
    an_instance_is_taken_once,
    keys_rise_and_none_is_used_twice,
    a_name_has_one_pseudonym,
    holds_are_put_and_lifted,
    nobody_grants_their_own_request,
    destroying_wraps_the_rest_anew_or_does_nothing,
}

fn begun(ring: &dyn KeyRing) -> Instance {
    let instance = Instance { id: [7; 16], epoch: 1, lookup: b"lookup 1".to_vec() };
    ring.begin(&instance).unwrap();
    instance
}

fn key(id: u64, class: u8) -> SealKey {
    SealKey { id, class, audit: false, wrapped: format!("key {id} 1").into_bytes() }
}

fn name(n: u8) -> Pseudonym {
    let (pseudonym, wrapped) = (format!("p-{n}"), format!("name {n} 1").into_bytes());
    Pseudonym { pseudonym, lookup: [n; 32], audit: true, wrapped, at: Timestamp::UNIX_EPOCH }
}

fn an_instance_is_taken_once(ring: &dyn KeyRing) {
    assert_eq!(ring.instance().unwrap(), None);
    let instance = begun(ring);
    assert_eq!(ring.instance().unwrap(), Some(instance.clone()));
    assert!(matches!(ring.begin(&instance), Err(StoreError::Conflict(_))));
}

fn keys_rise_and_none_is_used_twice(ring: &dyn KeyRing) {
    begun(ring);
    assert_eq!(ring.last_key().unwrap(), 0);
    ring.add_keys(&[key(1, 1), key(2, 2), key(5, 2)]).unwrap();
    assert_eq!((ring.last_key().unwrap(), ring.key(5).unwrap()), (5, Some(key(5, 2))));
    assert!(matches!(ring.add_keys(&[key(6, 1), key(5, 1)]), Err(StoreError::Conflict(_))));
    assert_eq!(ring.key(6).unwrap(), None, "all of them or none");
    assert_eq!(ring.keys_up_to(2, 4).unwrap(), [2]);
    assert_eq!(ring.keys_up_to(2, 5).unwrap(), [2, 5]);
    ring.drop_unused(&[5]).unwrap();
    assert_eq!((ring.key(5).unwrap(), ring.last_key().unwrap()), (None, 5));
}

fn a_name_has_one_pseudonym(ring: &dyn KeyRing) {
    begun(ring);
    assert_eq!(ring.add_pseudonym(&name(1)).unwrap(), name(1));
    let twin = Pseudonym { pseudonym: "p-other".to_owned(), ..name(1) };
    assert_eq!(ring.add_pseudonym(&twin).unwrap(), name(1));
    assert_eq!(ring.pseudonym("p-1").unwrap(), Some(name(1)));
    assert_eq!(ring.pseudonym_of(&[1; 32]).unwrap(), Some(name(1)));
    assert_eq!((ring.pseudonym("p-2").unwrap(), ring.pseudonym_of(&[2; 32]).unwrap()), (None, None));
}

fn hold(about: &str) -> HoldRow {
    HoldRow {
        of: "subject".to_owned(),
        about: about.to_owned(),
        by: "p-9".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        reason: b"reason 1".to_vec(),
    }
}

fn holds_are_put_and_lifted(ring: &dyn KeyRing) {
    begun(ring);
    ring.set_hold(&hold("p-1")).unwrap();
    ring.set_hold(&hold("p-2")).unwrap();
    ring.set_hold(&hold("p-2")).unwrap();
    assert_eq!(ring.holds().unwrap(), [hold("p-1"), hold("p-2")]);
    assert!(ring.lift_hold("subject", "p-1").unwrap());
    assert!(!ring.lift_hold("subject", "p-1").unwrap());
    assert!(!ring.lift_hold("session", "p-2").unwrap());
    assert_eq!(ring.holds().unwrap(), [hold("p-2")]);
}

fn nobody_grants_their_own_request(ring: &dyn KeyRing) {
    begun(ring);
    let asked = GrantRow {
        ticket: "G-1".to_owned(),
        person: "p-1".to_owned(),
        classes: vec![2, 3],
        state: "asked".to_owned(),
        by: String::new(),
        seconds: 60,
        asked_at: Timestamp::UNIX_EPOCH,
        until: None,
        reason: b"reason 1".to_vec(),
    };
    ring.set_grant(&asked).unwrap();
    let until = Some(Timestamp::UNIX_EPOCH);
    let alone = GrantRow { state: "granted".to_owned(), by: "p-1".to_owned(), until, ..asked.clone() };
    assert!(matches!(ring.set_grant(&alone), Err(StoreError::Conflict(_))));
    assert_eq!(ring.grant("G-1").unwrap(), Some(asked));
    let granted = GrantRow { by: "p-2".to_owned(), ..alone };
    ring.set_grant(&granted).unwrap();
    assert_eq!((ring.grant("G-1").unwrap(), ring.grants().unwrap()), (Some(granted.clone()), vec![granted]));
}

fn destroying_wraps_the_rest_anew_or_does_nothing(ring: &dyn KeyRing) {
    begun(ring);
    let many: Vec<SealKey> = (1..=5_000).map(|id| key(id, 1)).collect();
    ring.add_keys(&many).unwrap();
    ring.add_pseudonym(&name(1)).unwrap();
    ring.add_pseudonym(&name(2)).unwrap();
    ring.set_hold(&hold("p-2")).unwrap();
    let gone = Gone { keys: vec![1, 4_999, 9_999], pseudonyms: vec!["p-1".to_owned()] };
    let fails = &mut |_: Wrapped<'_>, _: &[u8]| Err(StoreError::Misuse("no".to_owned()));
    ring.destroy(&gone, fails).unwrap_err();
    assert_eq!((ring.key(1).unwrap(), ring.instance().unwrap().unwrap().epoch), (Some(key(1, 1)), 1));
    let again = &mut |_: Wrapped<'_>, wrapped: &[u8]| {
        let text = String::from_utf8(wrapped.to_vec()).unwrap();
        Ok(format!("{}2", text.strip_suffix('1').unwrap()).into_bytes())
    };
    let destroyed = ring.destroy(&gone, again).unwrap();
    assert_eq!((destroyed.keys, destroyed.pseudonyms, destroyed.epoch), (2, 1, 2));
    assert_eq!((ring.key(1).unwrap(), ring.pseudonym("p-1").unwrap()), (None, None));
    for id in [2, 4_096, 4_097, 5_000] {
        assert_eq!(ring.key(id).unwrap().unwrap().wrapped, format!("key {id} 2").into_bytes());
    }
    assert_eq!(ring.pseudonym("p-2").unwrap().unwrap().wrapped, b"name 2 2");
    assert_eq!(ring.holds().unwrap()[0].reason, b"reason 2");
    assert_eq!(ring.instance().unwrap().unwrap().lookup, b"lookup 2");
    assert_eq!(ring.last_key().unwrap(), 5_000, "no number comes again");
}
