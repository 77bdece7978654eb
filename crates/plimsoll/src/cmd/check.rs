//! `plimsoll check`: everything that is wrong with a workflow repository.

use std::process::ExitCode;

use crate::repo::Repo;
use crate::talk::{self, Done};

/// Validate a workflow repository: every mistake with file, line and fix
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 it loads, 1 something must be put right, 2 it could not be read.")]
pub struct Check {
    #[command(flatten)]
    repo: Repo,
    /// Print diagnostics as JSON
    #[arg(long)]
    json: bool,
    /// Also fail on warnings, and on `${NAMES}` that are not set
    #[arg(long)]
    strict: bool,
    /// Also say in words what the line of each tool lets happen
    #[arg(long, conflicts_with = "json")]
    explain: bool,
}

impl Check {
    pub fn run(self) -> Done {
        let mut loaded = self.repo.load(!self.strict)?;
        if let Some(bundle) = &loaded.bundle {
            // No part of a decision, so that a mistake in a drill keeps no gateway from starting; here it is one.
            loaded.diagnostics.extend(plimsoll_bundle::drill::read(bundle, &loaded.tree).1);
        }
        let errors = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        let warnings = loaded.diagnostics.len() - errors;
        if self.json {
            talk::data(plimsoll_bundle::render::json(&loaded.diagnostics, &loaded.tree).to_string());
        } else {
            if !loaded.diagnostics.is_empty() {
                talk::data(plimsoll_bundle::render::text(&loaded.diagnostics, &loaded.tree, talk::colour()));
            }
            if let (true, Some(bundle)) = (self.explain, &loaded.bundle) {
                explain(bundle);
            }
            summary(&loaded, errors, warnings);
        }
        let failed = errors > 0 || (self.strict && warnings > 0);
        Ok(ExitCode::from(u8::from(failed)))
    }
}

/// Each tool's line in words.
fn explain(bundle: &plimsoll_bundle::Bundle) {
    for tool in bundle.servers.values().flat_map(|server| server.tools.values()) {
        talk::data(format!("{} ({}, {})", tool.name, tool.tier.name(), tool.effect.name()));
        for sentence in plimsoll_bundle::explain::tool(tool) {
            talk::data(format!("  {sentence}"));
        }
    }
}

fn summary(loaded: &crate::repo::Loaded, errors: usize, warnings: usize) {
    let counts = format!("{errors} error(s), {warnings} warning(s)");
    match &loaded.bundle {
        Some(bundle) => {
            let tools: usize = bundle.servers.values().map(|server| server.tools.len()).sum();
            talk::say(format!(
                "{counts}; {} workflow(s), {tools} tool(s), release {}",
                bundle.workflows.len(),
                bundle.id.short()
            ));
        }
        None => talk::say("it does not load"),
    }
}
