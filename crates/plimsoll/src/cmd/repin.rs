//! `plimsoll init --update`: what the tool servers changed, in plain words, and the new pins once a person
//! has read it.

use std::path::Path;
use std::process::ExitCode;

use jiff::Zoned;
use plimsoll_bundle::pin::{Drift, compare_lock, lock_file};
use plimsoll_bundle::propose::lines;
use plimsoll_bundle::{Reach, Server};
use plimsoll_gateway::upstream::mcp::discover;

use crate::repo::Repo;
use crate::talk::{self, Colour, Done, Error, colour, paint};

/// Compares every server of the repository with its lock file and writes the lock anew.
pub fn run(dir: &Path, person: &str, dry_run: bool) -> Done {
    let repo = Repo { repo: dir.to_owned() };
    let Some(bundle) = repo.load(false)?.bundle else {
        return Err(Error::new("the workflow repository does not load").help("`plimsoll check` says why"));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut changed = false;
    for server in bundle.servers.values().filter(|server| !matches!(server.reach, Reach::Local)) {
        changed |= runtime.block_on(server_again(dir, server, person, dry_run))?;
    }
    if !changed {
        talk::say("every tool is as it was pinned");
    }
    Ok(ExitCode::SUCCESS)
}

async fn server_again(dir: &Path, server: &Server, person: &str, dry_run: bool) -> Result<bool, Error> {
    let path = dir.join(format!("tools/{}.lock.json", server.name));
    let lock =
        std::fs::read_to_string(&path).map_err(|error| Error::new(format!("{}: {error}", path.display())))?;
    let found = discover(server.clone()).await?;
    let drift = compare_lock(&lock, &found.tools)
        .map_err(|error| Error::new(format!("{}: {error}", path.display())))?;
    if drift.is_empty() {
        return Ok(false);
    }
    talk::data(paint(Colour::Bold, &server.name, colour()));
    let mut new = Vec::new();
    for (name, drift) in &drift {
        match drift {
            Drift::New => {
                talk::data(format!("  + {name} is new"));
                new.extend(found.tools.iter().filter(|tool| tool["name"] == name.as_str()).cloned());
            }
            Drift::Gone => {
                talk::data(format!("  - {name} is gone: take its line out of tools/{}.yaml", server.name))
            }
            Drift::Changed(words) => {
                talk::data(format!("  ~ {name} changed"));
                words.iter().for_each(|word| talk::data(format!("      {word}")));
            }
        }
    }
    if !new.is_empty() {
        talk::data(format!("  lines to add to tools/{}.yaml:\n{}", server.name, lines(&new)));
    }
    if !dry_run {
        let today = Zoned::now().date().to_string();
        let text = lock_file(&server.name, &found.protocol, &today, person, &found.tools);
        std::fs::write(&path, text).map_err(|error| Error::new(format!("{}: {error}", path.display())))?;
        talk::say(format!(
            "  wrote {} as reviewed by {person}; read the diff before you commit it",
            path.display()
        ));
    }
    Ok(true)
}
