//! What stays the same and what does not: fingerprints, approvals, the pages.

use std::collections::BTreeSet;

use plimsoll_bundle::diff::render::{self, Approved, Paint};
use plimsoll_bundle::diff::{Diff, Level, Side, diff, load_for_diff};
use plimsoll_bundle::{Tree, forms};
use serde_json::Value;

use crate::seeded::{edit, repo};

fn between(base: &Tree, head: &Tree) -> Diff {
    let load = |tree: &Tree| load_for_diff(tree).unwrap_or_else(|found| panic!("{found:?}"));
    let (was, is) = (load(base), load(head));
    diff(Side { bundle: &was, tree: base }, Side { bundle: &is, tree: head })
}

fn edited(base: &Tree, edits: &[(&str, &str, &str)]) -> Tree {
    let mut tree = base.clone();
    for (file, find, replace) in edits {
        edit(&mut tree, file, find, replace);
    }
    tree
}

fn prints(diff: &Diff) -> BTreeSet<String> {
    diff.changes.iter().map(|change| format!("{} {}", change.rule.id, change.fingerprint)).collect()
}

const PAYABLES: &str = "workflows/payables.yaml";
const QUORUM: (&str, &str, &str) = (PAYABLES, "quorum: 2", "quorum: 1");
const HOSTS: (&str, &str, &str) = ("policies/own.cedar", "https://docs.northwind.example/*", "https://*");

#[test]
fn an_approval_survives_a_rebase_and_dies_with_the_change() {
    let base = repo();
    let first = between(&base, &edited(&base, &[QUORUM, HOSTS]));
    // Meanwhile the base moved on: other lines, another order, another change of the same files.
    let moved = edited(
        &base,
        &[
            (PAYABLES, "acts:\n", "# what it may do\nacts:\n"),
            (PAYABLES, "amount: 20000", "amount: 10000"),
            ("policies/own.cedar", "// What this house adds to the shipped policies.", "// Ours.\n\n"),
            ("policies/own.cedar", "calls_per_day > 200", "calls_per_day > 100"),
        ],
    );
    let rebased = between(&moved, &edited(&moved, &[QUORUM, HOSTS]));
    assert_eq!(prints(&first), prints(&rebased));
    assert!(
        first.changes.iter().any(|change| change.rule.id == "act/looks-by-itself"),
        "{:?}",
        prints(&first)
    );
    // Another host is another change.
    let other = (HOSTS.0, HOSTS.1, "https://*.example/*");
    let other = between(&base, &edited(&base, &[QUORUM, other]));
    let same: BTreeSet<String> = prints(&first).intersection(&prints(&other)).cloned().collect();
    let kept: Vec<&str> = same.iter().filter_map(|print| print.split(' ').next()).collect();
    assert_eq!(kept, ["approval/quorum-lowered"], "{:?} {:?}", prints(&first), prints(&other));
}

#[test]
fn what_is_approved_no_longer_counts() {
    let base = repo();
    let found = between(&base, &edited(&base, &[QUORUM]));
    assert_eq!(found.highest_unapproved(&Approved::default()), Some(Level::Owner));
    let print = &found.changes[0].fingerprint;
    let approved = Approved::parse(&format!("# for the record\n{print} Tom, today\n0123456789ab\n")).unwrap();
    assert_eq!(found.highest_unapproved(&approved), None);
    assert_eq!(approved.idle(&found).collect::<Vec<_>>(), ["0123456789ab"]);
    assert!(Approved::parse("yes\n").is_err());
    assert_eq!(between(&base, &base).highest_unapproved(&Approved::default()), None);
    // The way back is stricter, and nobody has to approve that.
    let back = between(&edited(&base, &[QUORUM]), &base);
    assert_eq!(back.highest_unapproved(&Approved::default()), None);
    assert_eq!(back.changes[0].rule.id, "approval/quorum-raised");
}

#[test]
fn a_new_collector_and_what_it_is_told() {
    let told = "telemetry:\n  otlp: {endpoint: \"https://otel.northwind.example\", include: [identity]}\n";
    let base = edited(&repo(), &[("plimsoll.yaml", told, "")]);
    let found = between(&base, &repo());
    let rules: Vec<&str> = found.changes.iter().map(|change| change.rule.id).collect();
    assert_eq!(rules, ["evidence/unsealed", "evidence/collector-added"]);
}

/// While no role says what it reads, everybody with an admin key reads the same: the first line that says it takes from the
/// others, and gives only what it names.
#[test]
fn the_first_line_about_reading_takes_from_the_others() {
    let silent = edited(&repo(), &[("people.yaml", ", reads: [identity]", "")]);
    let levels = |base: &Tree, head: &Tree| -> Vec<(&str, String)> {
        let found = between(base, head);
        let line = |change: &plimsoll_bundle::diff::Change| (change.rule.id, change.subject.join(" "));
        found.changes.iter().map(line).collect()
    };
    let less = |who: &str| ("people/reads-less", who.to_owned());
    assert_eq!(levels(&silent, &repo()), [less(""), less("auditor")]);
    let content = edited(&repo(), &[("people.yaml", "[identity]", "[identity, content]")]);
    assert_eq!(levels(&silent, &content), [("people/reads-more", "auditor".to_owned()), less("")]);
    let more = |who: &str| ("people/reads-more", who.to_owned());
    assert_eq!(levels(&repo(), &silent), [more(""), more("auditor")]);
}

#[test]
fn the_pages() {
    let base = repo();
    let edits = [
        QUORUM,
        HOSTS,
        ("tools/web.lock.json", "\"Fetches a page.\"", "\"Fetches a page.\\u202e </details> | @all\""),
        (
            "prompts/support.md",
            "Refund only what the customer asks for.",
            "Refund what the customer asks for.",
        ),
    ];
    let found = between(&base, &edited(&base, &edits));
    let plain = render::terminal(&found, &Approved::default(), &|_: Paint, text: &str| text.to_owned());
    let comment = render::markdown(&found, &Approved::default());
    assert!(!comment.contains("</details> |") && !comment.contains(" @all"), "{comment}");
    insta::assert_snapshot!(format!("{plain}\n-----\n{comment}"));
}

#[test]
fn for_scanners() {
    let base = repo();
    let found = between(&base, &edited(&base, &[QUORUM, HOSTS]));
    let approved = Approved::parse(&found.changes[0].fingerprint).unwrap();
    let log = render::sarif(&found, &approved);
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!((log["version"].as_str(), results.len()), (Some("2.1.0"), found.changes.len()));
    for (result, change) in results.iter().zip(&found.changes) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        assert_eq!(result["partialFingerprints"]["plimsoll/v1"], change.fingerprint);
        assert_eq!(result.get("suppressions").is_some(), approved.has(change));
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
    }
    let told = render::json(&found, &approved);
    assert_eq!(told["changes"].as_array().unwrap().len(), found.changes.len());
    assert_eq!(told["compared"]["method"], "enumeration");
}

/// Every key that a file of the repository may have, by form. A new one fails here: teach `src/diff` what it
/// means for behaviour (or leave it to the net of other settings, if it stands at the top of its file), then
/// add it to the list.
#[test]
fn every_setting_is_one_that_the_diff_was_told_of() {
    let mut keys = BTreeSet::new();
    for (form, schema) in forms::schemas() {
        collect(form, form, schema.as_value(), &mut keys);
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diff/settings.txt");
    let listed: BTreeSet<String> =
        std::fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
    let new: Vec<&String> = keys.difference(&listed).collect();
    let gone: Vec<&String> = listed.difference(&keys).collect();
    assert!(new.is_empty() && gone.is_empty(), "tests/diff/settings.txt: new {new:#?}, gone {gone:#?}");
}

fn collect(form: &str, at: &str, schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("properties", Value::Object(properties)) => {
                        for (key, property) in properties {
                            keys.insert(format!("{at}: {key}"));
                            collect(form, at, property, keys);
                        }
                    }
                    ("$defs", Value::Object(defs)) => {
                        for (name, def) in defs {
                            collect(form, &format!("{form} {name}"), def, keys);
                        }
                    }
                    _ => collect(form, at, member, keys),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(form, at, item, keys)),
        _ => {}
    }
}
