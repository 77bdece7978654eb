//! Of the seeded set, changes that a reviewer would want to see are all found; of refactorings nothing is told.

use plimsoll_bundle::diff::{Diff, Side, diff, load_for_diff};
use plimsoll_bundle::{Bundle, Tree, render};

use crate::seeded::{Seed, changes, refactorings, repo};

fn loaded(tree: &Tree, name: &str) -> Bundle {
    load_for_diff(tree).unwrap_or_else(|found| panic!("{name}: {}", render::text(&found, tree, false)))
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
    let changes = changes();
    let mut missed = Vec::new();
    for seed in &changes {
        let Seed { name, rule, tree } = seed;
        let diff = compared(&base, tree, name);
        let told: Vec<&str> = diff.changes.iter().map(|change| change.rule.id).collect();
        if !told.contains(&rule.as_str()) {
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
    let refactorings = refactorings();
    let mut told = Vec::new();
    for Seed { name, tree, .. } in &refactorings {
        let diff = compared(&base, tree, name);
        told.extend(diff.changes.iter().map(|change| format!("{name}: {} {}", change.rule.id, change.what)));
    }
    assert!(refactorings.len() >= 20, "{}", refactorings.len());
    assert!(told.is_empty(), "{}", told.join("\n"));
}
