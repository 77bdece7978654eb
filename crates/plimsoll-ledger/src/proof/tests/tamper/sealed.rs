//! A receipt that shows a sealed field: what of it can be changed, and entries that say what they seal in another way.

use serde_json::{Value, json};

use super::*;
use crate::proof::receipt::Extra;
use crate::proof::{Disclosed, Receipt};
use crate::seal::{Binding, Field, Key, Part, seal};

const OF: &str = "sealed";
const BINDING: Binding = Binding { instance: [7; 16], entry: [9; 16] };

/// An entry that seals five fields, and three of these as a receipt shows them.
pub(super) struct Sealed {
    entry: Value,
    fields: Vec<Disclosed>,
}

impl Sealed {
    pub(super) fn new(amount: &str) -> Self {
        fn field<'f>(path: &'f str, value: &'f str) -> Field<'f> {
            Field { class: if path.starts_with("/spans") { 3 } else { 2 }, path, value: value.as_bytes() }
        }
        let arguments = format!(r#"{{"amount":{amount}}}"#);
        let mut fields = vec![
            field("/act/arguments", &arguments),
            field("/decision/reasons/0/text", "because"),
            field("/spans/0/preview", "Dear Ada"),
            field("/spans/10/preview", "no"),
            field("/trajectory/label/readers", "ada@acme.example"),
        ];
        let key = |class| Key::from_bytes([class; 32]);
        let (bytes, named) = seal(BINDING, &mut fields, |class| Ok((u64::from(class), key(class)))).unwrap();
        let part = Part::read(&bytes, &named).unwrap();
        let opened = part.open(BINDING, 2, &key(2)).unwrap();
        let fields = opened.iter().map(|field| Disclosed::from(&part.disclose(field))).collect();
        Self { entry: json!({ "v": 1, "kind": "intent", "seal": named }), fields }
    }

    /// The receipt that shows its arguments.
    pub(super) fn receipt(&self) -> Vec<u8> {
        showing(self.entry.to_string(), &self.fields[..1])
    }
}

/// A receipt of an entry of a small ledger, whatever the entry says.
fn proving(entry: impl Into<Vec<u8>>, extra: impl FnOnce(&str) -> Vec<u8>) -> Vec<u8> {
    let entry = entry.into();
    let pack = planted((0..6).map(|n| if n == 4 { entry.clone() } else { super::entry(n) }), signed);
    let receipt = Receipt::make(&pack, checkpoint_of(&pack), 4).unwrap();
    Receipt { extra: extra(&STANDARD.encode(&entry)), ..receipt }.encode().into_bytes()
}

fn showing(entry: impl Into<Vec<u8>>, fields: &[Disclosed]) -> Vec<u8> {
    proving(entry, |entry| Extra { entry: entry.to_owned(), disclosed: fields.to_vec() }.encode())
}

/// Every bit of what stands inside the receipt's `extra` line after the entry.
pub(super) fn every_inner_bit(whole: &[u8]) -> Vec<Case> {
    let receipt = Receipt::parse(whole).unwrap();
    let begin = receipt.extra.windows(12).position(|bytes| bytes == b",\"disclosed\"").unwrap();
    (begin..receipt.extra.len())
        .flat_map(|at| (0..8).map(move |bit| (at, bit)))
        .map(|(at, bit)| {
            let mut flipped = receipt.clone();
            flipped.extra[at] ^= 1 << bit;
            Case::set(OF, &format!("flip extra byte {at} bit {bit}"), "receipt", flipped.encode())
        })
        .collect()
}

/// Changes to what is shown.
pub(super) fn kinds(sealed: &Sealed) -> Vec<Case> {
    let other = Sealed::new("40");
    let [arguments, because, readers] = &sealed.fields[..] else { panic!() };
    let case = |name: &str, fields: &[Disclosed]| {
        Case::set(OF, &format!("sealed: {name}"), "receipt", showing(sealed.entry.to_string(), fields))
    };
    let but = |name: &str, change: &dyn Fn(&mut Disclosed)| {
        let mut changed = arguments.clone();
        change(&mut changed);
        case(name, &[changed])
    };
    let hash = STANDARD.encode([5; 32]);
    let written = |name: &str, from: &str, to: &str| {
        let extra = |entry: &str| {
            let shown = vec![arguments.clone()];
            let extra = Extra { entry: entry.to_owned(), disclosed: shown }.encode();
            let extra = String::from_utf8(extra).unwrap();
            assert!(extra.contains(from), "{extra}");
            extra.replacen(from, to, 1).into_bytes()
        };
        Case::set(OF, &format!("sealed: {name}"), "receipt", proving(sealed.entry.to_string(), extra))
    };
    // A path that takes over the beginning of its value: as long as before in the two bytes that hold its length.
    let long = |one: &mut Disclosed| {
        let value = STANDARD.decode(&one.value).unwrap();
        let (before, after) = value.split_at(4);
        one.path = format!("{}{}", one.path, String::from_utf8(before.to_vec()).unwrap());
        one.value = STANDARD.encode(after);
    };
    let text = |bytes: &[u8]| STANDARD.encode(bytes);
    vec![
        case("nothing is shown", &[]).good(),
        case("another field too", &[arguments.clone(), because.clone(), readers.clone()]).good(),
        case("fields in another order", &[readers.clone(), arguments.clone()]).good(),
        case("a field twice", &[arguments.clone(), arguments.clone()]),
        case(
            "a field twice, not one after the other",
            &[arguments.clone(), readers.clone(), arguments.clone()],
        ),
        case("a field of another entry", &other.fields[..1]),
        case("a field of another entry too", &[arguments.clone(), other.fields[1].clone()]),
        but("another value", &|one| one.value = text(br#"{"amount":40}"#)),
        but("the value of another field", &|one| one.value.clone_from(&because.value)),
        but("another path", &|one| one.path = "/act/argument".to_owned()),
        but("the path of another field", &|one| one.path.clone_from(&because.path)),
        but("no path", &|one| one.path.clear()),
        but("a longer path and a shorter value", &long),
        but("another salt", &|one| one.salt = hash.clone()),
        but("the salt of another field", &|one| one.salt.clone_from(&because.salt)),
        but("a short salt", &|one| one.salt = text(&[5; 31])),
        but("no salt", &|one| one.salt.clear()),
        but("another place", &|one| one.index = 1),
        but("a place beyond the end", &|one| one.index = 5),
        but("a place far beyond the end", &|one| one.index = u32::MAX),
        but("a hash is gone", &|one| drop(one.proof.pop())),
        but("all hashes are gone", &|one| one.proof.clear()),
        but("a hash more", &|one| one.proof.push(hash.clone())),
        but("two hashes are swapped", &|one| one.proof.swap(0, 1)),
        but("the hashes of another field", &|one| one.proof.clone_from(&because.proof)),
        but("a hash is too short", &|one| one.proof[0] = text(&[5; 31])),
        but("two hashes share their bytes otherwise", &|one| {
            let both: Vec<u8> = one.proof.iter().flat_map(|hash| STANDARD.decode(hash).unwrap()).collect();
            (one.proof[0], one.proof[1]) = (text(&both[..33]), text(&both[33..64]));
        }),
        but("a value that is no base64", &|one| one.value.push('.')),
        but("a value without its padding", &|one| {
            one.value = one.value.trim_end_matches('=').to_owned() + "A"
        }),
        written("a place that is text", r#""index":0"#, r#""index":"0""#),
        written("a place that is a fraction", r#""index":0"#, r#""index":0.0"#),
        written("a place below zero", r#""index":0"#, r#""index":-1"#),
        written("a place that is minus zero", r#""index":0"#, r#""index":-0"#),
        written("a place that is false", r#""index":0"#, r#""index":false"#),
        written("a place of more than 32 bits", r#""index":0"#, r#""index":4294967296"#),
        written("a place that is nothing", r#""index":0"#, r#""index":null"#),
        written("a place of 5,000 digits", r#""index":0"#, &format!("\"index\":1{}", "0".repeat(5_000))),
        written("a place that is no number", r#""index":0"#, r#""index":NaN"#),
        written("a member more", r#""index":0"#, r#""index":0,"note":1"#),
        written("a member twice", r#""index":0"#, r#""index":0,"index":0"#),
        written("a member less", r#""index":0,"#, ""),
        written("a path that is a number", r#""path":"/act/arguments""#, r#""path":1"#),
        written("a path that is escaped", "/act/arguments", r"\/act\/arguments"),
        written("half of a surrogate pair", "/act/arguments", r"/act/\ud800arguments"),
        written("hashes that are text", r#""proof":["#, r#""proof":"","more":["#),
        written("a hash that is a number", r#""proof":["#, r#""proof":[1,"#),
        written("a space more", r#""index":0"#, r#""index": 0"#),
        written("what is shown is no list", r#""disclosed":["#, r#""disclosed":{"0":["#),
        written("what is shown is text", r#""disclosed":["#, r#""disclosed":["all","#),
        written("what is shown is nothing", r#""disclosed":["#, r#""disclosed":[null,"#),
        written(
            "what is shown is deep",
            r#""disclosed":["#,
            &format!(r#""disclosed":[{}"#, "[".repeat(9_000)),
        ),
    ]
}

/// Entries that are proven, whose word about what they seal is another.
pub(super) fn entries(sealed: &Sealed) -> Vec<Case> {
    let case = |name: &str, entry: Vec<u8>| {
        Case::set(OF, &format!("sealed: the entry {name}"), "receipt", showing(entry, &sealed.fields[..1]))
    };
    let own = sealed.entry.to_string();
    let seal = sealed.entry["seal"].clone();
    let but = |name: &str, member: &str, value: Value| {
        let mut entry = sealed.entry.clone();
        entry["seal"][member] = value;
        case(name, entry.to_string().into_bytes())
    };
    let as_text = |name: &str, from: &str, to: &str| {
        assert!(own.contains(from), "{own}");
        case(name, own.replacen(from, to, 1).into_bytes())
    };
    let without = |member: &str| {
        let mut seal = seal.clone();
        seal.as_object_mut().unwrap().remove(member).unwrap();
        json!({ "seal": seal }).to_string().into_bytes()
    };
    let root = seal["root"].as_str().unwrap();
    let bare = root.trim_start_matches("sha256:");
    let upper = format!("sha256:{}", bare.to_uppercase());
    vec![
        case("is the same", own.clone().into_bytes()).good(),
        as_text("has members more", r#""v":1"#, r#""v":1,"x":[{"seal":null}]"#).good(),
        as_text("has another member twice", r#""v":1"#, r#""v":1,"v":2"#).good(),
        case("is no JSON", b"nothing happened".to_vec()),
        case("is empty JSON", b"{}".to_vec()),
        case("is no UTF-8", [own.as_bytes(), b"\xff"].concat()),
        case("holds a text that is no UTF-8", [&b"{\"x\":\"\xff\","[..], &own.as_bytes()[1..]].concat()),
        case("holds what is no number", [&b"{\"x\":NaN,"[..], &own.as_bytes()[1..]].concat()),
        case("has a byte order mark", [&b"\xef\xbb\xbf"[..], own.as_bytes()].concat()),
        case("goes on after its end", [own.as_bytes(), b"{}"].concat()),
        case("is cut short", own.as_bytes()[..own.len() - 1].to_vec()),
        case("is a list", json!([seal]).to_string().into_bytes()),
        case("seals nothing", json!({ "v": 1, "seal": null }).to_string().into_bytes()),
        case("seals text", json!({ "v": 1, "seal": root }).to_string().into_bytes()),
        case(
            "seals a list",
            json!({ "seal": [seal["root"], seal["digest"], seal["fields"]] }).to_string().into_bytes(),
        ),
        as_text("seals twice", r#""seal":"#, &format!(r#""seal":{seal},"seal":"#)),
        as_text("seals nothing first", r#""seal":"#, r#""seal":null,"seal":"#),
        case("names no root", without("root")),
        case("names no digest", without("digest")),
        case("names no number of fields", without("fields")),
        but("names another root", "root", Sealed::new("12").entry["seal"]["root"].clone()),
        but("names its digest as root", "root", seal["digest"].clone()),
        but("names another digest", "digest", seal["root"].clone()).good(),
        but("names the root in capitals", "root", json!(upper)),
        but("names the root without its kind", "root", json!(bare)),
        but("names a root that is a number", "root", json!(1)),
        but("names a digest that is none", "digest", json!("sha256:none")),
        but("has a field less", "fields", json!(4)),
        // The way from the first of five to the root is that from the first of six: how many there are, the entry alone says.
        but("has a field more", "fields", json!(6)).good(),
        but("has no field", "fields", json!(0)),
        but("has fields below zero", "fields", json!(-5)),
        but("has a fraction of fields", "fields", json!(5.0)),
        but("has fields in words", "fields", json!("5")),
        but("has more fields than 32 bits count", "fields", json!(4_294_967_301_u64)),
        as_text("names its root twice", r#""root":"#, &format!(r#""root":"{root}","root":"#)),
    ]
}
