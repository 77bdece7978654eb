//! Labels that a tool server puts on its own results: `_meta.ifc`, with `integrity` (`trusted` or `untrusted`) and
//! `confidentiality` (`public`, `private`, or the list of those who may read it), as GitHub's server writes them.
//!
//! Anybody may say that a result is worth less than its tool's declaration says. Only a server that the release
//! believes (`ifc: believe`) may say that it is worth more.

use std::collections::BTreeSet;

use plimsoll_core::{Integrity, Label, Readers};
use plimsoll_wire::json::{Kind, Ref};

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
    use plimsoll_wire::json::{Limits, parse};

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
