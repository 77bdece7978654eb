//! `${NAME}` in any string of the repository, and secrets that lie in files.
//!
//! Where values come from is told as closures, so that this stays a function of values. A name that
//! is not set is an error with its line; an empty default would be a hole.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Severity};
use crate::kept::Uses;
use crate::yaml::{Document, pointer};

/// What the process has to offer to the repository.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// An environment variable.
    pub var: &'a dyn Fn(&str) -> Option<String>,
    /// The text of a file that a `file:` secret names; the error is shown.
    pub file: &'a dyn Fn(&str) -> Result<String, String>,
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Env")
    }
}

impl Env<'_> {
    /// An environment in which nothing is set.
    pub fn empty() -> Env<'static> {
        Env { var: &|_| None, file: &|_| Err("no files here".to_owned()) }
    }
}

/// Replaces every `${NAME}` in the document's strings; `$${` stands for `${`.
pub(crate) fn expand(
    doc: &mut Document,
    env: Env<'_>,
    unset: Severity,
    found: &mut Vec<Diagnostic>,
    uses: &mut Uses,
) {
    let mut value = std::mem::take(&mut doc.value);
    let mut missing = Vec::new();
    let given = std::cell::RefCell::new(Vec::new());
    walk(&mut value, &mut String::new(), &mut |at, text| {
        let seen = |name: &str| {
            let value = (env.var)(name)?;
            given.borrow_mut().push((at.to_owned(), name.to_owned(), value.clone()));
            Some(value)
        };
        let (expanded, names) = substitute(text, &seen);
        missing.extend(names.into_iter().map(|name| (at.to_owned(), name)));
        expanded
    });
    doc.value = value;
    for (at, name, value) in given.into_inner() {
        uses.note(&doc.file, &at, name, value);
    }
    for (at, name) in missing {
        let mut diagnostic = doc
            .error("env/unset", &at, format!("the environment variable `{name}` is not set"))
            .help(format!("set it where Plimsoll runs, for example `export {name}=…`"));
        diagnostic.severity = unset;
        found.push(diagnostic);
    }
}

fn walk(value: &mut Value, at: &mut String, replace: &mut dyn FnMut(&str, &str) -> Option<String>) {
    let depth = at.len();
    match value {
        Value::String(text) => {
            if let Some(new) = replace(at, text) {
                *text = new;
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                at.push_str(&format!("/{i}"));
                walk(item, at, replace);
                at.truncate(depth);
            }
        }
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                at.push_str(&pointer([key.as_str()]));
                walk(item, at, replace);
                at.truncate(depth);
            }
        }
        _ => {}
    }
}

/// The text with names replaced (`None` when it holds none), and the names that are not set.
fn substitute(text: &str, var: &dyn Fn(&str) -> Option<String>) -> (Option<String>, Vec<String>) {
    if !text.contains("${") {
        return (None, Vec::new());
    }
    let (mut out, mut missing, mut rest) = (String::new(), Vec::new(), text);
    while let Some(start) = rest.find("${") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        match after.split_once('}') {
            Some((name, tail)) if is_name(name) => {
                match var(name) {
                    Some(value) => out.push_str(&value),
                    None => missing.push(name.to_owned()),
                }
                rest = tail;
            }
            _ => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    (Some(out), missing)
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_missed() {
        let var = |name: &str| (name == "HOST").then(|| "desk".to_owned());
        let check = |text: &str| substitute(text, &var);
        assert_eq!(check("plain $x"), (None, vec![]));
        assert_eq!(check("http://${HOST}/${HOST}"), (Some("http://desk/desk".into()), vec![]));
        assert_eq!(check("a ${NOPE} b"), (Some("a  b".into()), vec!["NOPE".into()]));
        assert_eq!(check("$${HOST} ${not a name}"), (Some("${HOST} ${not a name}".into()), vec![]));
    }

    #[test]
    fn an_unset_name_has_a_place() {
        let text = "url: https://x\ncredential: ${DESK_KEY}\n";
        let mut doc = crate::yaml::read("tools/desk.yaml", text, 0).unwrap();
        let mut found = vec![];
        expand(&mut doc, Env::empty(), Severity::Error, &mut found, &mut Uses::default());
        assert_eq!(&text[found[0].range.clone().unwrap()], "${DESK_KEY}");
        assert_eq!(found[0].message, "the environment variable `DESK_KEY` is not set");
    }
}
