//! Finding and loading the workflow repository a verb works on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use plimsoll_bundle::{Bundle, Diagnostic, Env, Overrides, ToReview, Tree, load, to_review};
use plimsoll_gateway::standing::Loader;

use crate::talk::Error;

/// `--repo`, with its environment twin.
#[derive(Clone, Debug, clap::Args)]
pub struct Repo {
    /// The workflow repository
    #[arg(long, env = "PLIMSOLL_REPO", default_value = ".", value_name = "DIR", global = true)]
    pub repo: PathBuf,
}

/// A repository that was read, with what is wrong with it.
#[derive(Debug)]
pub struct Loaded {
    pub tree: Tree,
    pub bundle: Option<Bundle>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Repo {
    /// Reads and validates. What is wrong is in the answer, not in the error.
    pub fn load(&self, allow_unset: bool) -> Result<Loaded, Error> {
        if !self.repo.join("plimsoll.yaml").is_file() {
            let message = format!("{} holds no plimsoll.yaml", self.repo.display());
            return Err(Error::new(message)
                .help("make a workflow repository with `plimsoll init`, or name one with --repo"));
        }
        let tree = Tree::read_dir(&self.repo)?;
        let overrides = overrides(allow_unset)?;
        let root = self.repo.clone();
        let file = |name: &str| std::fs::read_to_string(root.join(name)).map_err(|error| error.to_string());
        let env = Env { var: &|name| std::env::var(name).ok(), file: &file };
        Ok(match load(&tree, env, &overrides) {
            Ok((bundle, diagnostics)) => Loaded { tree, bundle: Some(bundle), diagnostics },
            Err(diagnostics) => Loaded { tree, bundle: None, diagnostics },
        })
    }

    /// The servers and people of the repository, whatever else may be wrong with it.
    pub fn to_review(&self) -> Result<ToReview, Error> {
        let tree = Tree::read_dir(&self.repo)?;
        let root = self.repo.clone();
        let file = |name: &str| std::fs::read_to_string(root.join(name)).map_err(|error| error.to_string());
        Ok(to_review(&tree, Env { var: &|name| std::env::var(name).ok(), file: &file }))
    }

    /// The state directory of a gateway that has run, also where its repository is not at hand.
    ///
    /// # Errors
    /// When there is no ledger in it.
    pub fn recorded(&self) -> Result<PathBuf, Error> {
        let bundle = match std::env::var_os("PLIMSOLL_STATE") {
            Some(_) => None,
            None => self.load(true)?.bundle,
        };
        let state = self.state_dir(bundle.as_ref());
        match state.join("ledger").is_dir() {
            true => Ok(state),
            false => Err(Error::new(format!("there is no ledger at {}", state.display()))
                .help("`plimsoll up` makes one; --repo names the repository, PLIMSOLL_STATE the directory")),
        }
    }

    /// Makes what serves of a release's files, with the environment of this process. Files that it names outside of
    /// itself are looked for where the repository would be.
    pub fn loader(&self) -> Result<Loader, Error> {
        let overrides = overrides(false)?;
        let root = self.repo.clone();
        Ok(Loader(Arc::new(move |tree: &Tree| {
            let file =
                |name: &str| std::fs::read_to_string(root.join(name)).map_err(|error| error.to_string());
            let env = Env { var: &|name| std::env::var(name).ok(), file: &file };
            let loaded = load(tree, env, &overrides).map(|(bundle, _)| bundle);
            loaded.map_err(|found| plimsoll_bundle::render::text(&found, tree, false))
        })))
    }

    /// The state directory, also where no repository is at hand: a gateway that runs signed releases needs none.
    pub fn state_of_releases(&self) -> Result<PathBuf, Error> {
        let bundle = if self.says_where() { self.load(true)?.bundle } else { None };
        Ok(self.state_dir(bundle.as_ref()))
    }

    /// Whether it is the repository that says where the state directory is.
    pub fn says_where(&self) -> bool {
        std::env::var_os("PLIMSOLL_STATE").is_none() && self.repo.join("plimsoll.yaml").is_file()
    }

    /// The directory of ledger and database: `PLIMSOLL_STATE`, else what plimsoll.yaml says.
    pub fn state_dir(&self, bundle: Option<&Bundle>) -> PathBuf {
        if let Some(dir) = std::env::var_os("PLIMSOLL_STATE") {
            return dir.into();
        }
        let store = bundle.map_or(".plimsoll", |bundle| bundle.project.store.as_str());
        self.repo.join(Path::new(store))
    }
}

fn overrides(allow_unset: bool) -> Result<Overrides, Error> {
    let mut overrides = Overrides { allow_unset, ..Overrides::default() };
    overrides.environment = std::env::var("PLIMSOLL_ENVIRONMENT").ok();
    if let Ok(mode) = std::env::var("PLIMSOLL_MODE") {
        overrides.mode = mode.parse().map_err(|error| Error::new(format!("PLIMSOLL_MODE: {error}")))?;
    }
    Ok(overrides)
}
