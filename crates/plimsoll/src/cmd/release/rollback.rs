//! `plimsoll release rollback`: takes a release back.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::admin_client::Admin;
use crate::talk::{self, Done};

/// Take a release back at once: the canary, else the live one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Conversations that are going on stay with the release they began under, for 24 hours at most. With \
--security they are cut over to the live release at once."
)]
pub struct Rollback {
    /// Which: its name, sequence number or id; without it the canary, else the live release
    #[arg(value_name = "RELEASE", default_value = "")]
    release: String,
    /// What is live instead; without it the one that was live before
    #[arg(long, value_name = "RELEASE", default_value = "")]
    to: String,
    /// Why; it goes on record
    #[arg(long, short = 'm', value_name = "WHY")]
    reason: String,
    /// For security: running conversations are cut over too
    #[arg(long)]
    security: bool,
    #[command(flatten)]
    admin: Admin,
}

impl Rollback {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let body = json!({
                "release": self.release, "to": self.to, "reason": self.reason, "security": self.security,
            });
            let taken: Value = self.admin.client()?.post("/api/releases/rollback", &body).await?;
            talk::data(plimsoll_console::chain::shown(taken["title"].as_str().unwrap_or_default()));
            Ok(ExitCode::SUCCESS)
        })
    }
}
