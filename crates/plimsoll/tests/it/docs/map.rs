//! The map of the crates in ARCHITECTURE.md is the one that cargo has.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::{read, root};

type Map = BTreeMap<String, BTreeSet<String>>;

/// Rows of the table: `| `plimsoll-wire` | … | … | core |`.
fn drawn() -> Map {
    let text = read("ARCHITECTURE.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `plimsoll"));
    rows.map(|row| {
        let (name, rest) = row.split_once('`').unwrap();
        let uses = rest.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
        let uses = uses.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "nothing"));
        (format!("plimsoll{name}"), uses.map(|name| format!("plimsoll-{name}")).collect())
    })
    .collect()
}

fn real() -> Map {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let asked = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&asked.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap();
            let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
            let ours = normal
                .map(|dependency| text(&dependency["name"]))
                .filter(|name| name.starts_with("plimsoll"));
            (text(&package["name"]), ours.collect())
        })
        .collect()
}

#[test]
fn the_map_is_the_territory() {
    assert_eq!(drawn(), real(), "left: the table in ARCHITECTURE.md; right: cargo metadata");
}

#[test]
fn nothing_in_production_depends_on_the_drills() {
    let map = real();
    let users: Vec<&String> =
        map.iter().filter(|(_, uses)| uses.contains("plimsoll-drill")).map(|(name, _)| name).collect();
    assert_eq!(users, ["plimsoll"]);
    assert!(map["plimsoll-core"].is_empty());
}

/// What decides recorded acts again can do nothing else: no crate that opens a socket is within its reach.
#[test]
fn deciding_again_reaches_no_network() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let asked = Command::new(cargo)
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", "plimsoll-bundle"])
        .arg("--manifest-path")
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let tree = String::from_utf8(asked.stdout).unwrap();
    let linked: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(linked.contains("cedar-policy") && linked.contains("plimsoll-core"), "{tree}");
    for network in ["tokio", "mio", "socket2", "hyper", "reqwest", "ureq", "rustls", "curl", "async-std"] {
        assert!(!linked.contains(network), "plimsoll-bundle links `{network}`");
    }
}
