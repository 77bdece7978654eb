//! The solver: a program of its own, found or not; and what it is asked.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[cfg(not(feature = "solver"))]
use cedar_policy::Schema;
use cedar_policy::{EntityUid, Policy, PolicySet};

use super::Counterexample;
use crate::cedar::{Facts, Probe};

/// A `cvc5` that answers.
#[derive(Clone, Debug)]
pub struct Solver {
    #[cfg_attr(not(feature = "solver"), expect(dead_code, reason = "nobody asks it then"))]
    pub(super) program: PathBuf,
    version: String,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSolver {
    #[error("cvc5 is not installed")]
    NotFound,
    #[error("{} does not run as cvc5: {why}", .program.display())]
    DoesNotRun { program: PathBuf, why: String },
    #[error("this program was built without its solver")]
    NotBuilt,
    #[error("no solver was to be asked")]
    NotWanted,
}

impl Solver {
    /// `CVC5` names the program; else it is the first `cvc5` of `PATH`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn find(cvc5: Option<OsString>, path: Option<&OsStr>) -> Result<Self, NoSolver> {
        if cfg!(not(feature = "solver")) {
            return Err(NoSolver::NotBuilt);
        }
        let named = cvc5.filter(|name| !name.is_empty()).map(PathBuf::from);
        let found = named.or_else(|| {
            let folders = path.map(std::env::split_paths).into_iter().flatten();
            folders.map(|folder| folder.join("cvc5")).find(|file| file.is_file())
        });
        Self::at(&found.ok_or(NoSolver::NotFound)?)
    }

    fn at(program: &Path) -> Result<Self, NoSolver> {
        let fails = |why: String| NoSolver::DoesNotRun { program: program.to_owned(), why };
        let mut command = Command::new(program);
        command.arg("--version").stdin(Stdio::null());
        let output = command.output().map_err(|error| fails(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let first = text.lines().next().unwrap_or_default().trim_start_matches("This is ").trim();
        let first = first.split(" [").next().unwrap_or_default();
        if !first.starts_with("cvc5 ") {
            return Err(fails("its --version names another program".to_owned()));
        }
        Ok(Self { program: program.to_owned(), version: first.to_owned() })
    }

    /// `cvc5 version 1.0.3`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// One question about one act.
#[derive(Debug)]
#[cfg_attr(not(feature = "solver"), expect(dead_code, reason = "nobody asks it then"))]
pub(super) struct Query {
    pub(super) action: EntityUid,
    pub(super) what: What,
    /// The facts that a counterexample is told by.
    pub(super) reads: Facts,
}

#[derive(Debug)]
#[cfg_attr(not(feature = "solver"), expect(dead_code, reason = "nobody asks it then"))]
pub(super) enum What {
    /// Is everything that the first allows allowed by the second?
    Implies(Box<PolicySet>, Box<PolicySet>),
    NeverErrs(Box<Policy>),
}

#[derive(Debug)]
#[cfg_attr(not(feature = "solver"), expect(dead_code, reason = "nobody asks it then"))]
pub(super) enum Answer {
    Holds,
    Counter(Counterexample),
    Unknown(String),
}

impl Query {
    pub(super) fn new(probe: &Probe<'_>, what: What, reads: Facts) -> Self {
        Self { action: probe.action(), what, reads }
    }
}

#[cfg(feature = "solver")]
pub(super) use super::solve::ask;

#[cfg(not(feature = "solver"))]
pub(super) fn ask(_: &Solver, _: &Schema, queries: &[&Query]) -> Vec<Answer> {
    queries.iter().map(|_| Answer::Unknown(NoSolver::NotBuilt.to_string())).collect()
}
