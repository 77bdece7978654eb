//! The seeded set: a repository, changes of one line each, and refactorings that change nothing.
//! Unit tests read it too.

use std::path::Path;

use plimsoll_bundle::{Tree, pin};
use serde_json::Value;

/// One edit of the repository.
#[derive(Debug)]
pub(crate) struct Seed {
    pub(crate) name: String,
    /// What has to tell it; empty when nothing may.
    pub(crate) rule: String,
    pub(crate) tree: Tree,
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diff")
}

pub(crate) fn repo() -> Tree {
    Tree::read_dir(&folder().join("repo")).unwrap()
}

/// Every change that a reviewer would want to see.
pub(crate) fn changes() -> Vec<Seed> {
    seeds("changes.yaml", apply)
}

/// Those after which nothing more is possible.
pub(crate) fn lesser() -> Vec<Seed> {
    seeds("lesser.yaml", apply)
}

pub(crate) fn refactorings() -> Vec<Seed> {
    seeds("refactorings.yaml", refactor)
}

fn seeds(file: &str, edit: impl Fn(&mut Tree, &Value)) -> Vec<Seed> {
    let base = repo();
    let one = |seed: &Value| {
        let (name, rule) =
            (text(seed, "name").to_owned(), seed["rule"].as_str().unwrap_or_default().to_owned());
        let mut tree = base.clone();
        edit(&mut tree, seed);
        assert_ne!(tree, base, "{name} changes nothing");
        Seed { name, rule, tree }
    };
    list(file).iter().map(one).collect()
}

fn list(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let doc = plimsoll_bundle::yaml::read(file, &text, 0).unwrap();
    doc.value.as_array().unwrap().clone()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Replaces a text that has to stand there; a lock file gets the digests of what it then holds.
pub(crate) fn edit(tree: &mut Tree, file: &str, find: &str, replace: &str) {
    let old = tree.text(file).unwrap_or_else(|| panic!("{file} is not there")).to_owned();
    assert!(old.contains(find), "{file} does not hold {find:?}");
    let mut new = old.replacen(find, replace, 1);
    if file.ends_with(".lock.json") {
        let mut lock: Value = serde_json::from_str(&new).unwrap_or_else(|e| panic!("{file}: {e}"));
        let tools = lock.get_mut("tools").and_then(Value::as_object_mut);
        for tool in tools.into_iter().flat_map(|tools| tools.values_mut()) {
            tool["digest"] = Value::String(pin::digest(&tool["tool"]).to_string());
        }
        new = serde_json::to_string_pretty(&lock).unwrap();
    }
    tree.insert(file, new);
}

fn apply(tree: &mut Tree, change: &Value) {
    for (file, new) in change["add"].as_object().into_iter().flatten() {
        tree.insert(file, new.as_str().unwrap());
    }
    if let Some(file) = change["remove"].as_str() {
        tree.0.remove(file).unwrap_or_else(|| panic!("{file} is not there"));
    }
    if change.get("file").is_some() {
        edit(tree, text(change, "file"), text(change, "find"), text(change, "replace"));
    }
    if change.get("also").is_some() {
        apply(tree, &change["also"]);
    }
}

fn refactor(tree: &mut Tree, case: &Value) {
    for one in case["edits"].as_array().into_iter().flatten() {
        edit(tree, text(one, "file"), text(one, "find"), text(one, "replace"));
    }
    for (from, to) in case["rename"].as_object().into_iter().flatten() {
        let bytes = tree.0.remove(from).unwrap();
        tree.insert(to.as_str().unwrap(), bytes);
    }
    if let Some(file) = case["compact"].as_str() {
        let lock: Value = serde_json::from_str(tree.text(file).unwrap()).unwrap();
        tree.insert(file, lock.to_string());
    }
}
