//! `plimsoll release promote`: takes a release to its next stage.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::admin_client::Admin;
use crate::talk::{self, Done};

/// Take a release of a running gateway to its next stage: shadow, canary, full
#[derive(Debug, clap::Args)]
pub struct Promote {
    /// Which: its name, sequence number or id; without it the one that is on its way
    #[arg(value_name = "RELEASE", default_value = "")]
    release: String,
    /// A stage instead of the next one
    #[arg(long, value_name = "STAGE", value_parser = ["shadow", "canary", "full"])]
    to: Option<String>,
    /// Why; it goes on record
    #[arg(long, short = 'm', value_name = "WHY")]
    reason: String,
    /// Although the conditions of its stage do not hold yet; that goes on record with the figures
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    admin: Admin,
}

impl Promote {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut body = json!({ "release": self.release, "reason": self.reason, "anyway": self.anyway });
            if let Some(to) = &self.to {
                body["to"] = json!(to);
            }
            let known: Value = self.admin.client()?.post("/api/releases/promote", &body).await?;
            let name = known["name"].as_str().unwrap_or_default();
            talk::data(format!("promoted: {}", plimsoll_console::chain::shown(name)));
            Ok(ExitCode::SUCCESS)
        })
    }
}
