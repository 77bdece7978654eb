//! Sealed parts: what they keep, what they notice, what is left when their keys are gone.

use proptest::prelude::*;

use plimsoll_core::Seal;

use crate::seal::{AuditKey, AuditSecret, Binding, Field, Key, Part, SealError, seal, unwrap, wrap};

const BINDING: Binding = Binding { instance: [7; 16], entry: [9; 16] };

fn key(n: u8) -> Key {
    Key::from_bytes([n; 32])
}

const fn field<'f>(class: u8, path: &'f str, value: &'f str) -> Field<'f> {
    Field { class, path, value: value.as_bytes() }
}

fn sealed(mut fields: Vec<Field<'_>>) -> (Vec<u8>, Seal) {
    seal(BINDING, &mut fields, |class| Ok((u64::from(class) + 100, key(class)))).unwrap()
}

fn some() -> Vec<Field<'static>> {
    vec![
        field(2, "/act/arguments", r#"{"iban":"DE89370400440532013000"}"#),
        field(3, "/spans/0/preview", "Dear Ada"),
        field(2, "/decision/reasons/0/text", "because"),
        field(1, "/trajectory/label/readers", "ada@acme.example"),
        field(3, "/spans/10/preview", "no"),
    ]
}

#[test]
fn what_was_sealed_opens_with_its_keys_and_no_other() {
    let (bytes, named) = sealed(some());
    let part = Part::read(&bytes, &named).unwrap();
    assert_eq!(part.keys().collect::<Vec<_>>(), [(1, 101), (2, 102), (3, 103)]);
    let mut opened = Vec::new();
    for class in 1..=3 {
        let fields = part.open(BINDING, class, &key(class)).unwrap();
        opened.extend(fields.into_iter().map(|field| (class, field.path, field.value)));
        assert_eq!(part.open(BINDING, class, &key(9)), Err(SealError::NotOpened));
    }
    let mut fields = some();
    fields.sort_by_key(|field| (field.class, field.path));
    let whole = |field: Field<'_>| (field.class, field.path.to_owned(), field.value.to_vec());
    assert_eq!(opened, fields.into_iter().map(whole).collect::<Vec<_>>());
    for other in [Binding { entry: [8; 16], ..BINDING }, Binding { instance: [8; 16], ..BINDING }] {
        assert_eq!(part.open(other, 2, &key(2)), Err(SealError::NotOpened));
    }
    assert!(!bytes.windows(10).any(|bytes| bytes == b"DE89370400"));
}

#[test]
fn every_flipped_bit_is_noticed_without_any_key() {
    let (bytes, named) = sealed(some());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(Part::read(&flipped, &named), Err(SealError::NotNamed(_))), "bit {bit}");
        // Whoever also rewrites the digest in the entry changes the leaf; the cipher and the root notice it too.
        let forged = Seal { digest: plimsoll_core::Digest::of(&flipped), ..named };
        let opened = Part::read(&flipped, &forged).and_then(|part| {
            (1..=3)
                .try_for_each(|class| part.open(BINDING, class, &key(class)).map(drop))
                .map(|()| part.keys().collect())
        });
        // The ids of the keys are found by nothing but the digest: they only say where to look.
        let keys: Result<Vec<_>, _> = opened;
        assert!(keys.is_err() || keys != Ok(vec![(1, 101), (2, 102), (3, 103)]), "bit {bit}");
    }
    for cut in 0..bytes.len() {
        assert!(Part::read(&bytes[..cut], &named).is_err());
    }
}

#[test]
fn one_field_is_shown_and_the_others_are_not() {
    let (bytes, named) = sealed(some());
    let part = Part::read(&bytes, &named).unwrap();
    for class in 1..=3 {
        for field in part.open(BINDING, class, &key(class)).unwrap() {
            let shown = part.disclose(&field);
            assert!(shown.holds(&named), "{}", shown.path);
            let mut other = shown.clone();
            other.value.push(b'!');
            assert!(!other.holds(&named));
            let mut other = shown.clone();
            other.path.push('x');
            assert!(!other.holds(&named));
            let mut other = shown.clone();
            other.salt[3] ^= 1;
            assert!(!other.holds(&named));
            let mut other = shown.clone();
            other.index = (other.index + 1) % other.fields;
            assert!(!other.holds(&named));
            let mut other = shown;
            other.proof.pop();
            assert!(!other.holds(&named));
        }
    }
}

#[test]
fn equal_values_look_different_each_time() {
    let (one, first) = sealed(vec![field(2, "/a", "yes"), field(2, "/b", "yes")]);
    let (two, second) = sealed(vec![field(2, "/a", "yes"), field(2, "/b", "yes")]);
    assert_ne!(first.root, second.root);
    assert_ne!(one, two);
    let commitments = &one[one.len() - 64..];
    assert_ne!(commitments[..32], commitments[32..]);
}

#[test]
fn keys_are_wrapped_and_come_back() {
    let kek = key(1);
    let wrapped = wrap(&kek, b"7", key(5).reveal()).unwrap();
    assert_eq!(wrapped.len(), crate::seal::WRAPPED_BYTES);
    assert_eq!(unwrap(&kek, b"7", &wrapped).unwrap()[..], [5; 32]);
    assert!(unwrap(&kek, b"8", &wrapped).is_err());
    assert!(unwrap(&key(2), b"7", &wrapped).is_err());
    assert_ne!(kek.derive(b"one", b"kek"), kek.derive(b"two", b"kek"));
}

#[test]
fn only_the_audit_secret_opens_what_was_sealed_to_the_audit_key() {
    let (secret, public) = AuditSecret::fresh().unwrap();
    let (other, _) = AuditSecret::fresh().unwrap();
    let public = AuditKey::parse(&public.text()).unwrap();
    let sealed = public.seal(b"7", &[5; 32]).unwrap();
    let secret = AuditSecret::parse(&format!("# a comment\n{}\n", *secret.reveal())).unwrap();
    assert_eq!(secret.public(), public);
    assert_eq!(secret.open(b"7", &sealed).unwrap()[..], [5; 32]);
    assert!(secret.open(b"8", &sealed).is_err());
    assert!(other.open(b"7", &sealed).is_err());
    assert!(AuditKey::parse(&secret.reveal()).is_err() && AuditSecret::parse(&public.text()).is_err());
    assert!(AuditKey::parse("plimsoll-audit-zz").is_err());
}

proptest! {
    #[test]
    fn any_fields_come_back_and_prove_themselves(
        fields in proptest::collection::btree_map("[a-z/]{0,12}", (1_u8..4, any::<Vec<u8>>()), 0..40)
    ) {
        let field = |(path, (class, value)): (&'_ String, &(u8, Vec<u8>))| (*class, path.clone(), value.clone());
        let whole: Vec<_> = fields.iter().map(field).collect();
        let (bytes, named) =
            sealed(whole.iter().map(|(class, path, value)| Field { class: *class, path, value }).collect());
        let part = Part::read(&bytes, &named).unwrap();
        let mut found = Vec::new();
        for (class, _) in part.keys() {
            for field in part.open(BINDING, class, &key(class)).unwrap() {
                prop_assert!(part.disclose(&field).holds(&named));
                found.push((class, field.path, field.value));
            }
        }
        found.sort_by(|a, b| a.1.cmp(&b.1));
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn no_bytes_of_anybody_make_it_panic(bytes in any::<Vec<u8>>()) {
        let named = Seal { root: plimsoll_core::Digest::of(b""), digest: plimsoll_core::Digest::of(&bytes), fields: 0 };
        let _read = Part::read(&bytes, &named);
        let _keys = Part::keys_of(&bytes);
    }
}

#[test]
fn a_receipt_shows_only_what_its_entry_commits_to() {
    use crate::proof::Disclosed;
    let (bytes, named) = sealed(some());
    let part = Part::read(&bytes, &named).unwrap();
    let entry = serde_json::to_vec(&serde_json::json!({ "v": 1, "seal": named })).unwrap();
    let fields = part.open(BINDING, 2, &key(2)).unwrap();
    let shown: Vec<Disclosed> = fields.iter().map(|field| Disclosed::from(&part.disclose(field))).collect();
    let check = |entry: &[u8], shown: &[Disclosed]| crate::proof::check_disclosed(entry, shown);
    let good = check(&entry, &shown).unwrap();
    assert_eq!(good.len(), 2);
    assert_eq!(good[0].value, fields[0].value);
    let changed: [fn(&mut Disclosed); 6] = [
        |one| one.path.push('x'),
        |one| one.value = "bm8=".to_owned(),
        |one| one.salt = "bm8=".to_owned(),
        |one| one.index += 1,
        |one| drop(one.proof.pop()),
        |one| one.proof.swap(0, 1),
    ];
    for change in changed {
        let mut other = shown.clone();
        change(&mut other[0]);
        assert!(check(&entry, &other).is_err(), "{:?}", other[0]);
    }
    assert!(check(b"{}", &shown).is_err() && check(b"no JSON", &shown).is_err());
    assert_eq!(check(b"no JSON", &[]).unwrap(), []);
}
