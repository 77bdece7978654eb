//! Labels that a tool server puts on its own results: `_meta.ifc`, with `integrity` (`trusted` or `untrusted`) and
//! `confidentiality` (`public`, `private`, or the list of those who may read it), as GitHub's server writes them.
//!
//! A workflow may ask for the same on everything that it gets from tools (`ifc: write`), for clients that follow labels
//! themselves.
//!
//! Anybody may say that a result is worth less than its tool's declaration says. Only a server that the release
//! believes (`ifc: believe`) may say that it is worth more.

use std::collections::BTreeSet;

use plimsoll_core::{Integrity, Label, Readers};
use plimsoll_wire::json::{Edit, Kind, Limits, Ref, parse};
use serde_json::{Value, json};

/// Readers that one label may name; a longer list is no list.
const READERS_MAX: usize = 1_000;

/// The label of a result, from what its tool is declared to return and what its server says about it.
pub(super) fn labelled(declared: &Label, result: Ref<'_>, believed: bool) -> Label {
    let Some(said) = result.get_some("_meta").and_then(|meta| meta.get_some("ifc")) else {
        return declared.clone();
    };
    let said_integrity = integrity(said);
    let integrity = if believed { said_integrity } else { declared.integrity.min(said_integrity) };
    Label { integrity, readers: declared.readers.meet(&readers(said)), classes: declared.classes.clone() }
}

/// An answer with the label of its result. What is no result stays as it is.
pub(super) fn written(body: &[u8], label: &Label) -> Option<Vec<u8>> {
    let doc = parse(body, &Limits { bytes: usize::MAX, ..Limits::DEFAULT }).ok()?;
    let result = doc.root().get_some("result").filter(|result| result.kind() == Kind::Object)?;
    let ifc = said(label).to_string();
    let mut edit = Edit::new(doc.doc());
    match result.get("_meta") {
        Some(meta) if meta.kind() == Kind::Object => edit.set(meta, "ifc", ifc),
        _ => edit.set(result, "_meta", format!("{{\"ifc\":{ifc}}}")),
    }
    Some(edit.apply())
}

/// A label in the words of the wire. They know two levels, and what a person wrote is as good as a system's record.
fn said(label: &Label) -> Value {
    let integrity = if label.integrity >= Integrity::Trusted { "trusted" } else { "untrusted" };
    let confidentiality = match &label.readers {
        Readers::Anyone => json!("public"),
        Readers::Only(names) if names.is_empty() => json!("private"),
        Readers::Only(names) => json!(names),
    };
    json!({ "integrity": integrity, "confidentiality": confidentiality })
}

/// What can't be read is untrusted, and so is what is not said.
fn integrity(said: Ref<'_>) -> Integrity {
    match said.get_some("integrity") {
        Some(value) if value.is_str("trusted") => Integrity::Trusted,
        _ => Integrity::Untrusted,
    }
}

/// What can't be read is for nobody.
fn readers(said: Ref<'_>) -> Readers {
    let nobody = || Readers::Only(BTreeSet::new());
    let Some(value) = said.get_some("confidentiality") else { return Readers::Anyone };
    if value.is_str("public") {
        return Readers::Anyone;
    }
    if value.kind() != Kind::Array || value.items().count() > READERS_MAX {
        return nobody();
    }
    let names: Option<BTreeSet<String>> =
        value.items().map(|name| name.as_str().map(|n| n.into_owned())).collect();
    match names {
        Some(names) if names.contains("public") => Readers::Anyone,
        Some(names) => Readers::Only(names),
        None => nobody(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(declared: Integrity, believed: bool, ifc: &str) -> String {
        let text = format!("{{\"content\":[],\"_meta\":{{{ifc}}}}}");
        let doc = parse(text.as_bytes(), &Limits::DEFAULT).unwrap();
        let label = labelled(&Label::of(declared), doc.root(), believed);
        let readers = match label.readers {
            Readers::Anyone => "anyone".to_owned(),
            Readers::Only(names) => names.into_iter().collect::<Vec<_>>().join("+"),
        };
        format!("{} for {readers}", label.integrity.name())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let some = |names: &[&str]| Readers::Only(names.iter().map(|name| (*name).to_owned()).collect());
        for result in [
            r#"{"content":[]}"#,
            r#"{"_meta":{"x":1,"ifc":{"integrity":"trusted"}}}"#,
            r#"{"_meta":{}}"#,
            r#"{"_meta":null}"#,
        ] {
            let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
            for readers in [Readers::Anyone, some(&[]), some(&["role:hr", "ada"])] {
                for integrity in [Integrity::Trusted, Integrity::Untrusted] {
                    let label = Label { integrity, readers: readers.clone(), ..Label::default() };
                    let written = written(answer.as_bytes(), &label).unwrap();
                    let doc = parse(&written[..], &Limits::DEFAULT).unwrap();
                    let result = doc.root().get_some("result").unwrap();
                    assert_eq!(labelled(&Label::default(), result, true), label);
                    let kept = result.get_some("_meta").and_then(|meta| meta.get_some("x")).is_some();
                    assert_eq!(kept, answer.contains("\"x\""));
                }
            }
        }
        let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#;
        assert_eq!(written(error.as_bytes(), &Label::default()), None);
    }

    #[test]
    fn only_a_believed_server_raises_anything() {
        use Integrity::{Trusted, Untrusted};
        let public = r#""ifc":{"integrity":"trusted","confidentiality":["public"]}"#;
        assert_eq!(check(Untrusted, true, public), "trusted for anyone");
        assert_eq!(check(Untrusted, false, public), "untrusted for anyone");
        assert_eq!(check(Trusted, false, public), "trusted for anyone");
        assert_eq!(check(Trusted, false, ""), "trusted for anyone");
        let private = r#""ifc":{"integrity":"untrusted","confidentiality":["ada","bob"]}"#;
        for believed in [true, false] {
            assert_eq!(check(Trusted, believed, private), "untrusted for ada+bob");
            for broken in [
                r#""ifc":{"integrity":"operator","confidentiality":"private"}"#,
                r#""ifc":{"integrity":["trusted"],"confidentiality":[1]}"#,
                r#""ifc":{"confidentiality":7}"#,
            ] {
                assert_eq!(check(Trusted, believed, broken), "untrusted for ", "{broken}");
            }
            assert_eq!(check(Trusted, believed, r#""ifc":"trusted""#), "untrusted for anyone");
        }
        assert_eq!(check(Untrusted, true, r#""ifc":{"integrity":"user"}"#), "untrusted for anyone");
    }
}
