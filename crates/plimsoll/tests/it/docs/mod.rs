//! The documents are true: commands they show exist, links lead somewhere, examples load, generated chapters are up to
//! date, and the map of the crates is the map that cargo has. `BLESS=1` writes what is generated.

mod commands;
mod generated;
mod links;
mod map;
mod repository;
mod tidy;

use std::path::{Path, PathBuf};

/// The top of the working copy.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document a person reads, by its path from the top.
fn documents() -> Vec<String> {
    let mut found: Vec<String> = ["", "docs", "docs/decisions", "tests/clients"]
        .iter()
        .flat_map(|dir| std::fs::read_dir(root().join(dir)).unwrap().map(move |entry| (dir, entry.unwrap())))
        .map(|(dir, entry)| format!("{dir}/{}", entry.file_name().to_string_lossy()))
        .map(|path| path.trim_start_matches('/').to_owned())
        .filter(|path| path.ends_with(".md"))
        .collect();
    found.sort();
    assert!(found.len() > 10, "{found:?}");
    found
}

/// A fenced block of a document.
#[derive(Debug)]
struct Block {
    /// What stands behind the fence: `sh`, `yaml file=people.yaml`.
    kind: String,
    text: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match line.trim_start().strip_prefix("```") {
            Some(_) if open => open = false,
            Some(kind) => {
                open = true;
                found.push(Block { kind: kind.trim().to_owned(), text: String::new() });
            }
            None if open => {
                let block = found.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    found
}

/// Compares a generated document with the one that is there, or writes it.
fn bless(path: &str, made: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join(path), made).unwrap();
        return;
    }
    let there = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    let first = there.lines().zip(made.lines()).find(|(there, made)| there != made);
    assert!(
        there == made,
        "{path} is not what the code says; BLESS=1 writes it. First difference: {first:?}"
    );
}
