//! House rules that no compiler knows.

use std::process::Command;

use super::{read, root};

/// Packages in the lock file. Raise it knowingly: each one is somebody else's code in front of money.
const PACKAGES_MAX: usize = 422;

/// Files that git has, as text. None where this is not a working copy.
fn files() -> Option<Vec<(String, String)>> {
    let listed = Command::new("git").arg("-C").arg(root()).args(["ls-files", "-z"]).output().ok()?;
    if !listed.status.success() {
        return None;
    }
    let names = String::from_utf8(listed.stdout).unwrap();
    let text = |name: &str| Some((name.to_owned(), std::fs::read_to_string(root().join(name)).ok()?));
    Some(names.split('\0').filter(|name| !name.is_empty()).filter_map(text).collect())
}

/// Lines that hold one of these, except in the files that may.
fn lines_with(words: &[&str], may: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in files().unwrap_or_default().iter().filter(|(name, _)| !may(name)) {
        for (n, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{name}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    found
}

fn is_lock(name: &str) -> bool {
    name.ends_with("Cargo.lock") || name.ends_with("package-lock.json")
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let words = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    let found = lines_with(&words, is_lock);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_file_names_a_registry_host() {
    let words = [
        concat!("index.crates", ".io"),
        concat!("static.crates", ".io"),
        concat!("registry.npm", "js.org"),
        concat!("pypi", ".org"),
        concat!("python", "hosted.org"),
        concat!("deb.deb", "ian.org"),
    ];
    let found = lines_with(&words, |name| name == "Cargo.lock");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_is_left_to_do_in_a_comment() {
    let words = [concat!("// TO", "DO"), concat!("# TO", "DO"), concat!("FIX", "ME")];
    // `init` leaves open on purpose what only people know.
    let found = lines_with(&words, |name| name.starts_with("crates/plimsoll-bundle/src/propose/"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_crate_says_what_it_alone_knows() {
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let library = format!("crates/{name}/src/lib.rs");
        let is_library = root().join(&library).exists();
        let text = read(&if is_library { library } else { format!("crates/{name}/src/main.rs") });
        let opening = text.lines().map_while(|line| line.strip_prefix("//!"));
        let words = opening.collect::<String>();
        assert!(words.split_whitespace().count() >= 20, "{name} opens with: {words}");
        let knows = words.contains("alone knows") && words.contains("never heard");
        assert!(
            knows || !is_library,
            "{name} does not say what it alone knows and what it has never heard of"
        );
    }
}

#[test]
fn the_lock_file_does_not_grow_unseen() {
    let packages = read("Cargo.lock").matches("\n[[package]]\n").count();
    assert!(packages <= PACKAGES_MAX, "{packages} packages; at most {PACKAGES_MAX} were agreed");
}
