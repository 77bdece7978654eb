//! `plimsoll stop` and `plimsoll resume`: the kill switch.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use plimsoll_console::chain::{date, shown};
use plimsoll_console::words::scope;
use plimsoll_core::{Stop as Stopped, StopScope};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin_client::Admin;
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Stop guarded and dangerous acts, in every mode, within a second
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll stop --all --reason 'odd mails'
  plimsoll stop --tool 'desk.*' --reason 'refunds hang'
  plimsoll stop --list
  plimsoll stop --sentinel --reason 'no admin key at hand'   needs no gateway and no key, only the disk
Reading goes on: safe acts change nothing. Lift a stop with `plimsoll resume`.")]
pub struct Stop {
    #[command(flatten)]
    scope: Scope,
    /// Whoever is stopped will read it
    #[arg(long, required_unless_present = "list")]
    reason: Option<String>,
    /// What is stopped right now
    #[arg(long, conflicts_with_all = ["reason", "sentinel"])]
    list: bool,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    repo: Repo,
}

/// Lift a kill switch
#[derive(Debug, clap::Args)]
pub struct Resume {
    #[command(flatten)]
    scope: Scope,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    repo: Repo,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Scope {
    /// Everything
    #[arg(long)]
    all: bool,
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// `server.tool`, or a whole server as `server.*`
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// `key:<name>`, `oidc:<subject>`, or the person an agent acts for
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Everything, through the file STOP in the directory of ledger and database
    #[arg(long)]
    sentinel: bool,
}

#[derive(Debug, Deserialize)]
struct Pulled {
    stop: Stopped,
    warning: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    stops: Vec<Stopped>,
}

impl Stop {
    pub fn run(self) -> Done {
        let reason = self.reason.clone().unwrap_or_default();
        if self.scope.sentinel {
            return write_sentinel(&sentinel(&self.repo)?, &reason);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            if self.list {
                let listed = self.admin.client()?.get("/api/stops").await?;
                return tell(&listed, self.json);
            }
            let mut body = self.scope.body()?;
            body["reason"] = reason.into();
            let pulled: Pulled = self.admin.client()?.post("/api/stops", &body).await?;
            if let Some(warning) = &pulled.warning {
                talk::say(format!("warning: {}", shown(warning)));
            }
            match self.json {
                true => talk::data(serde_json::to_string(&pulled.stop)?),
                false => talk::data(format!("stopped: {}", line(&pulled.stop))),
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl Resume {
    pub fn run(self) -> Done {
        if self.scope.sentinel {
            return remove_sentinel(&sentinel(&self.repo)?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let left: Listed = self.admin.client()?.post("/api/stops/lift", &self.scope.body()?).await?;
            talk::say("lifted");
            tell(&left, self.json)
        })
    }
}

impl Scope {
    /// One of them must be said: nobody should stop, or start, everything by leaving something out.
    fn body(&self) -> Result<Value, Error> {
        let scope = match (&self.workflow, &self.tool, &self.principal) {
            (Some(name), ..) => StopScope::Workflow(name.clone()),
            (_, Some(name), _) => StopScope::Tool(name.clone()),
            (.., Some(name)) => StopScope::Principal(name.clone()),
            _ if self.all => StopScope::All,
            _ => return Err(Error::new("say what: --all, --workflow, --tool or --principal")),
        };
        Ok(match scope {
            StopScope::All => json!({ "scope": "all" }),
            scope => serde_json::to_value(scope)?,
        })
    }
}

fn tell(listed: &Listed, json: bool) -> Done {
    if listed.stops.is_empty() && !json {
        talk::say("nothing is stopped");
    }
    for stop in &listed.stops {
        talk::data(if json { serde_json::to_string(stop)? } else { line(stop) });
    }
    Ok(ExitCode::SUCCESS)
}

fn line(stop: &Stopped) -> String {
    format!(
        "{}  by {} at {}: {}",
        shown(&scope(&stop.scope)),
        shown(&stop.by),
        date(stop.at),
        shown(&stop.reason)
    )
}

/// Found also when the repository does not load: stopping must not wait for YAML.
fn sentinel(repo: &Repo) -> Result<PathBuf, Error> {
    if std::env::var_os("PLIMSOLL_STATE").is_some() {
        return Ok(repo.state_dir(None).join("STOP"));
    }
    let loaded = repo.load(true)?;
    if loaded.bundle.is_none() {
        talk::say("note: the workflow repository does not load, so the default directory is taken");
    }
    Ok(repo.state_dir(loaded.bundle.as_ref()).join("STOP"))
}

fn write_sentinel(file: &std::path::Path, reason: &str) -> Done {
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(file, format!("{}\n{reason}\n", Timestamp::now()))
        .map_err(|error| Error::new(format!("{}: {error}", file.display())))?;
    talk::data(format!("stopped: everything, by the file {}", file.display()));
    Ok(ExitCode::SUCCESS)
}

fn remove_sentinel(file: &std::path::Path) -> Done {
    match std::fs::remove_file(file) {
        Ok(()) => talk::data(format!("lifted: the file {} is gone", file.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Error::new(format!("there is no file {}", file.display()))
                .help("`plimsoll stop --list` shows what else may be pulled"));
        }
        Err(error) => return Err(Error::new(format!("{}: {error}", file.display()))),
    }
    Ok(ExitCode::SUCCESS)
}
