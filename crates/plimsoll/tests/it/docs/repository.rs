//! The manual's workflow repositories load: blocks marked `file=…` together, page by page, without a complaint.

use plimsoll_bundle::{Env, Overrides, Tree, load, render};

use super::{blocks, read};

fn tree(page: &str) -> Tree {
    let text = read(page);
    let files = blocks(&text).into_iter().filter_map(|block| {
        let path = block.kind.split_whitespace().find_map(|word| word.strip_prefix("file="))?;
        Some((path.to_owned(), block.text.into_bytes()))
    });
    Tree(files.collect())
}

fn check(page: &str, at_least: usize) {
    let tree = tree(page);
    assert!(tree.0.len() >= at_least, "{page} shows only {} files", tree.0.len());
    let var = |name: &str| match name {
        name if name.ends_with("_URL") => Some("http://127.0.0.1:9/mcp".to_owned()),
        name => Some(format!("a-credential-for-{name}")),
    };
    let file = |_: &str| Ok("a-credential-in-a-file".to_owned());
    let mut found = match load(&tree, Env { var: &var, file: &file }, &Overrides::default()) {
        Ok((_, warnings)) => warnings,
        Err(found) => found,
    };
    // Said of every source, and on the page.
    found.retain(|diagnostic| diagnostic.id != "source/not-served");
    assert!(found.is_empty(), "{page}:\n{}", render::text(&found, &tree, false));
}

#[test]
fn the_repository_of_the_manual_loads() {
    check("docs/repository.md", 8);
}

#[test]
fn the_policies_of_the_manual_load() {
    check("docs/policies.md", 5);
}

/// The manual prints the shipped rules; they are the ones that ship.
#[test]
fn the_shipped_rules_are_explained() {
    let page = read("docs/policies.md");
    let shipped = ["default.cedar", "invariants.cedar"]
        .map(|name| read(&format!("crates/plimsoll-bundle/policies/{name}")));
    let ids = |text: &str| -> Vec<String> {
        text.split("@id(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
    };
    for id in shipped.iter().flat_map(|text| ids(text)) {
        assert!(page.contains(&format!("`{id}`")), "docs/policies.md does not explain `{id}`");
    }
}

/// Every fact that a rule may ask is in the manual's table.
#[test]
fn every_fact_is_explained() {
    let page = read("docs/policies.md");
    let source = read("crates/plimsoll-bundle/src/cedar/vocabulary.rs");
    let table = source.split_once("FIELDS: &[Field] = &[").unwrap().1.split_once("];").unwrap().0;
    let facts = table
        .split("field(")
        .skip(1)
        .map(|rest| rest.split('"').skip(1).step_by(2).take(2).collect::<Vec<_>>());
    let facts: Vec<String> = facts.map(|pair| pair.join(".").trim_start_matches('.').to_owned()).collect();
    assert!(facts.len() > 20, "{facts:?}");
    for fact in facts {
        assert!(page.contains(&format!("`{fact}`")), "docs/policies.md does not explain `{fact}`");
    }
}
