//! What is tried before a release is signed. What was not tried says so, and counts for nothing good.

use std::path::Path;

use plimsoll_bundle::prove::{Assurance, By, Outcome};
use plimsoll_bundle::release::{Finding, Found};
use plimsoll_bundle::{Bundle, Diagnostic, Tree};

use plimsoll_gateway::Lens;

use crate::cmd::prove;
use crate::opener::{Opener, ReadArgs};
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

/// What must always hold: proved where cvc5 is installed. What it could not say stands in the way like what is broken.
pub fn invariants(bundle: &Bundle, tree: &Tree) -> Result<Finding, Error> {
    let solver = prove::solver();
    let proofs = plimsoll_bundle::prove::prove(bundle, tree, solver.as_deref().map_err(Clone::clone))
        .map_err(|_| Error::new("its policies do not load").help("`plimsoll check` says why"))?;
    let assurance = proofs.assurance();
    let found = if assurance <= Assurance::Tried { Found::Passed } else { Found::Failed };
    let how = match (&proofs.by, assurance) {
        (By::Solver { version }, _) => format!("asked {version} (`plimsoll prove`)"),
        (By::Trying { .. }, Assurance::Proved) => "plain without a solver (`plimsoll prove`)".to_owned(),
        (By::Trying { because }, _) => format!("tried, not proved: {because} (`plimsoll prove`)"),
    };
    let number = |wanted: fn(&Outcome) -> bool| {
        proofs.invariants.iter().filter(|proof| wanted(&proof.outcome)).count()
    };
    let notes =
        proofs.invariants.iter().filter(|proof| !matches!(proof.outcome, Outcome::Proved | Outcome::Idle));
    let notes =
        notes.map(|proof| format!("{}: {}", proof.invariant, plimsoll_bundle::prove::render::found(proof)));
    Ok(Finding::new(found, how)
        .figure("invariants", proofs.invariants.len())
        .figure("proved", number(|outcome| matches!(outcome, Outcome::Proved)))
        .figure("cases", proofs.invariants.iter().map(|proof| proof.cases).sum())
        .figure("may-err", proofs.erring.len())
        .notes(notes.take(NOTES_MAX)))
}

/// Drills, decided. One that can't be read fails.
pub fn drills(bundle: &Bundle, tree: &Tree) -> Result<Finding, Error> {
    let (drills, wrong) = plimsoll_bundle::drill::read(bundle, tree);
    if drills.is_empty() && wrong.is_empty() {
        return Ok(Finding::new(Found::NotRun, "there is none"));
    }
    let ran = crate::drills::run(bundle, &drills)?;
    let failures = ran
        .iter()
        .flat_map(|ran| ran.failures.iter().map(|(line, what)| format!("{}:{line}: {what}", ran.drill.file)));
    let notes: Vec<String> = wrong.iter().map(ToString::to_string).chain(failures).collect();
    let found = if notes.is_empty() { Found::Passed } else { Found::Failed };
    Ok(Finding::new(found, "each scripted call was decided, none was made (`plimsoll drill run`)")
        .figure("drills", ran.len())
        .figure("calls", ran.iter().map(|ran| ran.calls.len()).sum())
        .figure("failures", notes.len())
        .notes(notes.into_iter().take(NOTES_MAX)))
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
    let opener = Opener::of(state, &bundle.project.privacy, &ReadArgs::default())?;
    let asked = Asked { id: None, workflow: None, tool: None, decision: None, since: None };
    let grounds = Grounds::of(state.to_owned());
    let decide = |lens: &Lens| Changes::of(&state.join("ledger"), lens, &asked, &grounds, candidate);
    let changes = opener.read("release create --state", decide)??;
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
