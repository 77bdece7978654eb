//! `plimsoll prove`: whether what must always hold does.

use std::process::ExitCode;

use plimsoll_bundle::prove::{self, Assurance, Solver};
use plimsoll_bundle::render;

use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Whether what must always hold does: invariants, proved with cvc5, or tried where it is not installed
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Prove {
    #[command(flatten)]
    repo: Repo,
    /// Ask no solver: try cases with the rules engine, which proves nothing
    #[arg(long)]
    no_solver: bool,
    /// JSON
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
An invariant is a policy that forbids: those of policies/invariants/*.cedar, and those that come with
Plimsoll. For each and each act: is everything that the policies allow also allowed by the invariant? With
cvc5 (the Debian package `cvc5`; CVC5 names another program) that is answered for every request there can
be. Without it cases are tried, and the answer says that it is no proof.

Exit codes: 0 all proved, 3 nothing found against any and not all proved, 4 the solver could not say,
5 an invariant is broken; 2 the repository can't be read or does not load.";

impl Prove {
    pub fn run(self) -> Done {
        let loaded = self.repo.load(true)?;
        let Some(bundle) = loaded.bundle else {
            talk::say(render::text(&loaded.diagnostics, &loaded.tree, talk::colour()).trim_end());
            return Err(
                Error::new("the repository does not load").help("`plimsoll check` says what is wrong")
            );
        };
        let solver = if self.no_solver { Err("no solver was to be asked".to_owned()) } else { solver() };
        let proofs = prove::prove(&bundle, &loaded.tree, solver.as_deref().map_err(Clone::clone))
            .map_err(|found| Error::new(render::text(&found, &loaded.tree, false).trim_end().to_owned()))?;
        match self.json {
            true => talk::data(serde_json::to_string(&proofs)?),
            false => talk::data(prove::render::terminal(&proofs).trim_end()),
        }
        Ok(ExitCode::from(match proofs.assurance() {
            Assurance::Proved => 0,
            Assurance::Tried => 3,
            Assurance::Untold => 4,
            Assurance::Broken => 5,
        }))
    }
}

/// The solver that `CVC5` names, or the `cvc5` of `PATH`; or why there is none.
#[cfg(feature = "solver")]
pub fn solver() -> Result<Box<dyn Solver>, String> {
    let found = plimsoll_solver::Cvc5::find(std::env::var_os("CVC5"), std::env::var_os("PATH").as_deref());
    found.map(|found| Box::new(found) as Box<dyn Solver>).map_err(|none| none.to_string())
}

#[cfg(not(feature = "solver"))]
pub fn solver() -> Result<Box<dyn Solver>, String> {
    Err("this program was built without its solver".to_owned())
}
