//! `plimsoll release log`: what happened to releases, for somebody who slept.

use std::process::ExitCode;

use jiff::Timestamp;
use plimsoll_console::chain::{date, shown};
use serde::Deserialize;
use serde_json::Value;

use crate::admin_client::Admin;
use crate::cmd::log::since;
use crate::talk::{self, Done};

/// What happened to the releases of a running gateway: each step with who, why and its figures
#[derive(Debug, clap::Args)]
pub struct Log {
    /// `90s`, `30m`, `12h`, `7d`, or a time
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Debug, Deserialize)]
struct Listed {
    steps: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Step {
    entry: u64,
    at: Timestamp,
    title: String,
    lines: Vec<String>,
}

impl Log {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listed: Listed = self.admin.client()?.get("/api/releases/log").await?;
            let mut told = 0;
            for value in listed.steps {
                let step: Step = serde_json::from_value(value.clone())?;
                if self.since.is_some_and(|since| step.at < since) {
                    continue;
                }
                told += 1;
                if self.json {
                    talk::data(value.to_string());
                    continue;
                }
                talk::data(format!("{:>6}  {}  {}", step.entry, date(step.at), shown(&step.title)));
                for line in &step.lines {
                    talk::data(format!("        {}", shown(line)));
                }
            }
            if told == 0 {
                talk::say("no step of a release is on record");
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
