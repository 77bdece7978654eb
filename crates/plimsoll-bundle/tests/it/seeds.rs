//! The seeded set: changes that a reviewer would want to see, all found; refactorings, nothing told.

use std::path::Path;

use plimsoll_bundle::diff::{Diff, Side, diff, load_for_diff};
use plimsoll_bundle::{Bundle, Tree, pin, render};
use serde_json::Value;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diff")
}

pub(crate) fn repo() -> Tree {
    Tree::read_dir(&folder().join("repo")).unwrap()
}

fn list(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let doc = plimsoll_bundle::yaml::read(file, &text, 0).unwrap();
    doc.value.as_array().unwrap().clone()
}

fn loaded(tree: &Tree, name: &str) -> Bundle {
    load_for_diff(tree).unwrap_or_else(|found| panic!("{name}: {}", render::text(&found, tree, false)))
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
        for tool in lock["tools"].as_object_mut().unwrap().values_mut() {
            tool["digest"] = Value::String(pin::digest(&tool["tool"]).to_string());
        }
        new = serde_json::to_string_pretty(&lock).unwrap();
    }
    tree.insert(file, new);
}

fn apply(tree: &mut Tree, change: &Value) {
    edit(tree, text(change, "file"), text(change, "find"), text(change, "replace"));
    if change.get("also").is_some() {
        apply(tree, &change["also"]);
    }
}

fn compared(base: &(Tree, Bundle), tree: &Tree, name: &str) -> Diff {
    let bundle = loaded(tree, name);
    diff(Side { bundle: &base.1, tree: &base.0 }, Side { bundle: &bundle, tree })
}

fn base() -> (Tree, Bundle) {
    let tree = repo();
    let bundle = loaded(&tree, "the repository");
    (tree, bundle)
}

#[test]
fn every_change_of_behaviour_is_told() {
    let base = base();
    let changes = list("changes.yaml");
    let mut missed = Vec::new();
    for change in &changes {
        let (name, rule) = (text(change, "name"), text(change, "rule"));
        let mut tree = base.0.clone();
        apply(&mut tree, change);
        let diff = compared(&base, &tree, name);
        let told: Vec<&str> = diff.changes.iter().map(|change| change.rule.id).collect();
        if !told.contains(&rule) {
            missed.push(format!("{name}: not {rule}, but {told:?}"));
        }
        for change in &diff.changes {
            let lines = tree.text(&change.place.file).map_or(usize::MAX, |text| text.lines().count());
            assert!(change.place.in_base || change.place.line <= lines, "{name}: {:?}", change.place);
        }
    }
    assert!(changes.len() >= 60, "{}", changes.len());
    assert!(missed.is_empty(), "{} of {} missed:\n{}", missed.len(), changes.len(), missed.join("\n"));
}

#[test]
fn no_refactoring_is_told() {
    let base = base();
    let refactorings = list("refactorings.yaml");
    let mut told = Vec::new();
    for case in &refactorings {
        let name = text(case, "name");
        let mut tree = base.0.clone();
        for one in case["edits"].as_array().into_iter().flatten() {
            edit(&mut tree, text(one, "file"), text(one, "find"), text(one, "replace"));
        }
        for (from, to) in case["rename"].as_object().into_iter().flatten() {
            let bytes = tree.0.remove(from).unwrap();
            tree.insert(to.as_str().unwrap(), bytes);
        }
        if let Some(file) = case["compact"].as_str() {
            let lock: Value = serde_json::from_str(tree.text(file).unwrap()).unwrap();
            tree.insert(file, lock.to_string());
        }
        assert_ne!(tree, base.0, "{name} changes nothing");
        let diff = compared(&base, &tree, name);
        told.extend(diff.changes.iter().map(|change| format!("{name}: {} {}", change.rule.id, change.what)));
    }
    assert!(refactorings.len() >= 20, "{}", refactorings.len());
    assert!(told.is_empty(), "{}", told.join("\n"));
}
