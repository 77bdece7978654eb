//! Of the seeded set, changes that a reviewer would want to see are all found at their level; of refactorings nothing is
//! told, and nearly every rule has its pair.

use std::collections::BTreeSet;

use plimsoll_bundle::diff::{Change, Diff, Level, RULES, Side, diff, load_for_diff};
use plimsoll_bundle::{Bundle, Tree, render};

use crate::seeded::{Seed, changes, lesser, refactorings, repo};

/// A side that does not load is told with the others that are wrong.
fn compared(base: &(Tree, Bundle), tree: &Tree) -> Result<Diff, String> {
    let bundle = load_for_diff(tree).map_err(|found| render::text(&found, tree, false))?;
    Ok(diff(Side { bundle: &base.1, tree: &base.0 }, Side { bundle: &bundle, tree }))
}

fn base() -> (Tree, Bundle) {
    let tree = repo();
    let bundle =
        load_for_diff(&tree).unwrap_or_else(|found| panic!("{}", render::text(&found, &tree, false)));
    (tree, bundle)
}

fn told(diff: &Diff) -> Vec<String> {
    let line = |change: &Change| format!("{} {} {}", change.level().name(), change.rule.id, change.what);
    diff.changes.iter().map(line).collect()
}

#[test]
fn every_change_of_behaviour_is_told() {
    let base = base();
    let changes = changes();
    let mut wrong = Vec::new();
    for Seed { name, rule, tree } in &changes {
        let diff = match compared(&base, tree) {
            Ok(diff) => diff,
            Err(why) => {
                wrong.push(format!("{name}: {why}"));
                continue;
            }
        };
        for change in &diff.changes {
            let lines = tree.text(&change.place.file).map_or(usize::MAX, |text| text.lines().count());
            assert!(change.place.in_base || change.place.line <= lines, "{name}: {:?}", change.place);
        }
        match diff.changes.iter().find(|change| change.rule.id == rule) {
            None => wrong.push(format!("{name}: not {rule}, but {:#?}", told(&diff))),
            Some(it) if it.level() < Level::Review => {
                wrong.push(format!("{name}: {} only", it.level().name()))
            }
            Some(it) if is_of_an_act(it) && it.example.is_none() => {
                wrong.push(format!("{name}: no request shows it"));
            }
            Some(_) => {}
        }
    }
    assert!(changes.len() >= 60, "{}", changes.len());
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), changes.len(), wrong.join("\n"));
}

/// A rule that tells what a request comes to.
fn is_of_an_act(change: &Change) -> bool {
    let reached = [
        "act/runs-by-itself",
        "act/looks-by-itself",
        "act/runs-when-checked",
        "act/can-be-approved",
        "workflow/mode-looser",
    ];
    reached.contains(&change.rule.id)
}

#[test]
fn what_is_stricter_or_a_word_is_told_as_no_more() {
    let base = base();
    let mut wrong = Vec::new();
    for Seed { name, rule, tree } in &lesser() {
        match compared(&base, tree) {
            Err(why) => wrong.push(format!("{name}: {why}")),
            Ok(diff) => {
                let found = diff.changes.iter().any(|change| change.rule.id == rule);
                if !found || diff.changes.iter().any(|change| change.level() > Level::Notice) {
                    wrong.push(format!("{name}: {rule}, but {:#?}", told(&diff)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rules above `info` of which the seeded set holds no pair, with the reason. The list only shrinks.
const WITHOUT_A_PAIR: &[(&str, &str)] = &[
    ("prompt/variable-removed", "the text has to change with it"),
    ("contract/argument-removed", "so has what is declared of it"),
    ("evidence/collector-added", "the repository has one; diff.rs goes the other way"),
];

#[test]
fn every_rule_that_somebody_approves_has_its_pair() {
    let seeded: BTreeSet<String> = changes().into_iter().chain(lesser()).map(|seed| seed.rule).collect();
    let without: Vec<&str> = RULES
        .iter()
        .filter(|rule| rule.level > Level::Info && !seeded.contains(rule.id))
        .map(|rule| rule.id)
        .collect();
    let known: Vec<&str> = WITHOUT_A_PAIR.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(
        without.iter().collect::<BTreeSet<_>>(),
        known.iter().collect::<BTreeSet<_>>(),
        "add a pair to tests/diff/changes.yaml or lesser.yaml"
    );
}

#[test]
fn no_refactoring_is_told() {
    let base = base();
    let refactorings = refactorings();
    let mut wrong = Vec::new();
    for Seed { name, tree, .. } in &refactorings {
        match compared(&base, tree) {
            Err(why) => wrong.push(format!("{name}: {why}")),
            Ok(diff) => wrong.extend(told(&diff).iter().map(|line| format!("{name}: {line}"))),
        }
    }
    assert!(refactorings.len() >= 20, "{}", refactorings.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
