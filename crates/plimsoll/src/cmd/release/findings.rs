//! What is tried before a release is signed. What was not tried says so, and counts for nothing good.

use std::path::Path;

use plimsoll_bundle::release::{Finding, Found};
use plimsoll_bundle::{Bundle, Diagnostic, Tree};
use plimsoll_gateway::Vault;

use crate::replay::{Asked, Changes, Grounds};
use crate::repo::Repo;
use crate::talk::Error;

/// Warnings that are repeated in a release.
const NOTES_MAX: usize = 50;

pub fn checks(bundle: &Bundle, tree: &Tree, warnings: &[Diagnostic]) -> Finding {
    // That a variable is not set here says nothing about where the release will run.
    let told: Vec<String> =
        warnings.iter().filter(|found| !found.id.starts_with("env/")).map(ToString::to_string).collect();
    let tools: usize = bundle.servers.values().map(|server| server.tools.len()).sum();
    Finding::new(Found::Passed, "it loads, and every policy type-checks (`plimsoll check`)")
        .figure("files", tree.0.len())
        .figure("workflows", bundle.workflows.len())
        .figure("tools", tools)
        .figure("warnings", told.len())
        .notes(told.into_iter().take(NOTES_MAX))
}

/// Invariants of the repository's own.
pub fn invariants(tree: &Tree) -> Finding {
    let own = tree.0.keys().filter(|path| path.starts_with("policies/invariants/")).count();
    Finding::new(
        Found::NotRun,
        "not proved, this version only compares invariants with those of before, in the diff",
    )
    .figure("files", own)
}

pub fn drills(tree: &Tree) -> Finding {
    let own = tree.in_folder("drills", ".yaml").count();
    Finding::new(Found::NotRun, "this version reads drills for mistakes and does not play them")
        .figure("drills", own)
}

/// Recorded acts, decided again by the candidate. A difference is no failure: people read the figures and sign, or don't.
pub fn replays(state: Option<&Path>, bundle: &Bundle, repo: &Repo) -> Result<Finding, Error> {
    let Some(state) = state else {
        return Ok(Finding::new(Found::NotRun, "no recorded acts were named (--state DIR)"));
    };
    if !state.join("ledger").is_dir() {
        return Err(Error::new(format!("there is no ledger at {}", state.display()))
            .help("--state names the state directory of a gateway that has run"));
    }
    // With the environment filled in where it is known: what a model is called may stand there.
    let candidate = repo.load(true)?.bundle.ok_or_else(|| {
        Error::new("it loads as it is written, and not with the environment filled in")
            .help("`plimsoll check` says why")
    })?;
    let vault = Vault::open_existing(state, &bundle.project.privacy, None)?;
    let asked = Asked { id: None, workflow: None, tool: None, decision: None, since: None };
    let grounds = Grounds::of(state.to_owned());
    let changes = Changes::of(&state.join("ledger"), vault.as_ref(), &asked, &grounds, candidate)?;
    if changes.figures().iter().all(|(_, figure)| *figure == 0) {
        return Ok(Finding::new(Found::NotRun, "no act is on record there"));
    }
    let mut finding = Finding::new(
        Found::Passed,
        "recorded acts were decided again by this release (`plimsoll replay --candidate`)",
    );
    for (name, figure) in changes.figures() {
        finding = finding.figure(name, figure);
    }
    Ok(finding)
}
