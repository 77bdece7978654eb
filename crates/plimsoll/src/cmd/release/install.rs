//! `plimsoll release install`: hands a signed release to a running gateway.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Deserialize;

use crate::admin_client::Admin;
use crate::talk::{self, Done, Error};

/// Hand a signed release to a running gateway: judged, kept, and in the shadow where the environment has one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It serves nobody yet: `plimsoll release promote` takes it on. A release that is not one to run here \
is refused with the reason, and what was in force stays."
)]
pub struct Install {
    /// The release file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Debug, Deserialize)]
struct Known {
    name: String,
    release: plimsoll_core::Digest,
}

impl Install {
    pub fn run(self) -> Done {
        let file = std::fs::read(&self.file)
            .map_err(|error| Error::new(format!("{}: {error}", self.file.display())))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let known: Known = self.admin.client()?.send("/api/releases", file.into()).await?;
            talk::data(format!("installed: {} ({})", known.name, known.release.short()));
            talk::say("`plimsoll release status` shows how it does; `plimsoll release promote` takes it on");
            Ok(ExitCode::SUCCESS)
        })
    }
}
