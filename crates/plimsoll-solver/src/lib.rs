//! Asking `cvc5` whether what must always hold does.
//!
//! It alone knows how a solver is found, started, spoken to and given up, and Cedar's own translation of policies into
//! logic. It has never heard of repositories, acts or people: it is asked about sets of policies, and what it answers
//! against one is looked at by whoever asked.
#![forbid(unsafe_code)]

mod ask;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cedar_policy::Schema;
use plimsoll_bundle::prove::{Answer, Query, Solver};

/// A `cvc5` that answers.
#[derive(Clone, Debug)]
pub struct Cvc5 {
    program: PathBuf,
    version: String,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSolver {
    #[error("cvc5 is not installed")]
    NotFound,
    #[error("{} does not run as cvc5: {why}", .program.display())]
    DoesNotRun { program: PathBuf, why: String },
}

impl Cvc5 {
    /// `CVC5` names the program; else it is the first `cvc5` of `PATH`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn find(cvc5: Option<OsString>, path: Option<&OsStr>) -> Result<Self, NoSolver> {
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
}

impl Solver for Cvc5 {
    /// `cvc5 version 1.0.3`.
    fn version(&self) -> &str {
        &self.version
    }

    fn ask(&self, schema: &Schema, queries: &[&Query]) -> Vec<Answer> {
        ask::ask(&self.program, schema, queries)
    }
}
