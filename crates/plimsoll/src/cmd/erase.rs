//! `plimsoll erase` and `plimsoll hold`: destroying what opens the past, and keeping it from that.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;
use plimsoll_console::chain::shown;
use plimsoll_core::{FieldClass, Hold as Held};
use plimsoll_gateway::privacy::{Custodian, Erased, Order, Whose};
use plimsoll_gateway::{FromLedger, Vault};
use plimsoll_ledger::{Ledger, LedgerError, LedgerOptions};
use plimsoll_store::Store;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin_client::Admin;
use crate::replay::many;
use crate::repo::Repo;
use crate::system::user;
use crate::talk::{self, Done, Error};

/// Destroy the keys of a person or session: nobody can read what was sealed, and every proof still holds
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll erase --subject key:ada --dry-run                what would go
  plimsoll erase --subject ada --reason 'request 4711'      whatever ada, key:ada and oidc:ada did
  plimsoll erase --session s-inbox --class content          what was said there; who did what stays readable
A running gateway does it, with your admin key; beside one that does not run it is done directly. It can't be
undone. A key that still opens a door is named: revoke it first, or its owner begins to be on record again.
Exit codes: 0 done, 1 nothing of that name was found, 2 it could not be done.")]
pub struct Erase {
    #[command(flatten)]
    whose: WhoseArgs,
    /// Only this class of fields; may be repeated, or several with commas. Without it, all
    #[arg(long = "class", value_enum, value_delimiter = ',')]
    classes: Vec<Class>,
    /// Why; sealed with the entry that says it was done
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    reason: String,
    /// Say what would go, and destroy nothing
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    repo: Repo,
}

/// Keep the keys of a person or session from erasure and retention, until the hold is lifted
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll hold --subject ada --reason 'case 17 C 42/26'
  plimsoll hold --session s-inbox --lift
  plimsoll hold --list")]
pub struct Hold {
    #[command(flatten)]
    whose: WhoseArgs,
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    reason: String,
    /// Lift the hold
    #[arg(long)]
    lift: bool,
    /// What is on hold
    #[arg(long, conflicts_with_all = ["subject", "session", "lift"])]
    list: bool,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    repo: Repo,
}

#[derive(Clone, Debug, clap::Args)]
#[group(multiple = false)]
struct WhoseArgs {
    /// `key:<name>`, `oidc:<subject>`, the person an agent acts for, or a bare name for all three
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// The whole id of a session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Class {
    /// Who may read what
    Identity,
    /// What was to be done
    Arguments,
    /// What was said and shown
    Content,
}

impl From<Class> for FieldClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Identity => Self::Identity,
            Class::Arguments => Self::Arguments,
            Class::Content => Self::Content,
        }
    }
}

impl WhoseArgs {
    fn whose(&self) -> Result<Whose, Error> {
        match (&self.subject, &self.session) {
            (Some(name), _) => Ok(Whose::Subject(name.clone())),
            (_, Some(id)) => Ok(Whose::Session(id.clone())),
            _ => Err(Error::new("say whose: --subject NAME or --session ID")),
        }
    }
}

impl Erase {
    pub fn run(self) -> Done {
        let classes: BTreeSet<FieldClass> = self.classes.iter().map(|class| (*class).into()).collect();
        let order =
            Order { whose: self.whose.whose()?, classes, reason: self.reason.clone(), dry_run: self.dry_run };
        on_runtime(async {
            let erased = match Keeper::open(&self.repo).await? {
                Keeper::Here(custodian) => {
                    let erased = custodian.erase(&order, &user()).await.map_err(Error::new)?;
                    custodian.project().await.map_err(Error::new)?;
                    erased
                }
                Keeper::Gateway => self.admin.client()?.post("/api/erasures", &json!(order)).await?,
            };
            match self.json {
                true => talk::data(serde_json::to_string(&erased)?),
                false => tell(&erased, &order),
            }
            let nothing =
                erased.erasure.keys + erased.erasure.rows + erased.erasure.names + erased.erasure.held == 0;
            Ok(ExitCode::from(u8::from(nothing)))
        })
    }
}

fn tell(erased: &Erased, order: &Order) {
    let erasure = &erased.erasure;
    let classes: Vec<&str> = erasure.classes.iter().map(|class| class.name()).collect();
    let many = |n: u64, what: &str| many(usize::try_from(n).unwrap_or(usize::MAX), what);
    let verb = |n: u64| match (order.dry_run, n) {
        (true, _) => "would be",
        (false, 1) => "was",
        (false, _) => "were",
    };
    let keys = match erasure.keys {
        0 => format!("no key of {} {} destroyed", many(erasure.entries, "entry"), verb(1)),
        keys => format!(
            "{} ({}) of {} {} destroyed",
            many(keys, "key"),
            classes.join(", "),
            many(erasure.entries, "entry"),
            verb(keys)
        ),
    };
    let (names, rows) = (many(erasure.names, "name"), many(erasure.rows, "row"));
    talk::data(format!("{keys}; {names} and {rows} {} deleted", verb(0)));
    if erasure.held > 0 {
        let stay = if erasure.held == 1 { "stays" } else { "stay" };
        let held = many(erasure.held, "key");
        talk::data(format!("{held} {stay}: a legal hold keeps what it opens (`plimsoll hold --list`)"));
    }
    for prefix in &erased.live_keys {
        talk::say(format!("note: the key {prefix}… of that name is live: `plimsoll key revoke {prefix}`"));
    }
    if let Some(entry) = erased.entry {
        talk::data(format!("on record as entry {entry}; `plimsoll verify` still holds"));
    }
}

#[derive(Debug, Deserialize)]
struct Holds {
    holds: Vec<Value>,
}

impl Hold {
    pub fn run(self) -> Done {
        on_runtime(async {
            let keeper = Keeper::open(&self.repo).await?;
            if self.list {
                let holds: Vec<Value> = match keeper {
                    Keeper::Here(custodian) => {
                        let holds = custodian.holds().map_err(Error::new)?;
                        let reason = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                        let line = |hold: &plimsoll_store::HoldRow| {
                            json!({ "of": hold.of, "about": hold.about, "by": hold.by, "at": hold.at,
                                "reason": reason(&hold.reason) })
                        };
                        holds.iter().map(line).collect()
                    }
                    Keeper::Gateway => self.admin.client()?.get::<Holds>("/api/holds").await?.holds,
                };
                if holds.is_empty() && !self.json {
                    talk::say("nothing is on hold");
                }
                for hold in holds {
                    let text = |name: &str| shown(hold[name].as_str().unwrap_or_default());
                    talk::data(match self.json {
                        true => hold.to_string(),
                        false => format!(
                            "{} {}  since {}: {}",
                            text("of"),
                            text("about"),
                            text("at"),
                            text("reason")
                        ),
                    });
                }
                return Ok(ExitCode::SUCCESS);
            }
            let whose = self.whose.whose()?;
            if !self.lift && self.reason.trim().is_empty() {
                return Err(Error::new("a hold needs a --reason: somebody will ask why it is still there"));
            }
            let hold: Held = match keeper {
                Keeper::Here(custodian) => {
                    let held = custodian.hold(&whose, !self.lift, &self.reason, &user()).await;
                    custodian.project().await.map_err(Error::new)?;
                    held.map_err(Error::new)?
                }
                Keeper::Gateway => {
                    let body = json!({ "whose": whose, "on": !self.lift, "reason": self.reason });
                    self.admin.client()?.post("/api/holds", &body).await?
                }
            };
            let verb = if self.lift { "lifted from" } else { "on" };
            talk::data(match self.json {
                true => serde_json::to_string(&hold)?,
                false => format!("hold {verb} {} {}", hold.of.name(), shown(&hold.about.join(", "))),
            });
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// Who can do it: this program, when no gateway runs.
enum Keeper {
    Here(Box<Custodian>),
    Gateway,
}

impl Keeper {
    async fn open(repo: &Repo) -> Result<Self, Error> {
        let bundle = match std::env::var_os("PLIMSOLL_STATE") {
            Some(_) => repo.load(true).ok().and_then(|loaded| loaded.bundle),
            None => repo.load(true)?.bundle,
        };
        let dir: PathBuf = repo.state_dir(bundle.as_ref());
        if !dir.join("ledger").is_dir() {
            return Err(Error::new(format!("there is no record at {}", dir.display()))
                .help("--repo names the repository, PLIMSOLL_STATE the directory"));
        }
        let ledger = match Ledger::open(LedgerOptions::new(dir.join("ledger"))) {
            Ok((ledger, _)) => ledger,
            Err(LedgerError::Locked { .. }) => return Ok(Self::Gateway),
            Err(error) => return Err(error.into()),
        };
        let privacy = bundle.map(|bundle| bundle.project.privacy).unwrap_or_default();
        let vault = Vault::open_dir(&dir, &privacy, None)?;
        let store = open_store(&dir, &ledger).await?;
        Ok(Self::Here(Box::new(Custodian { store, vault, ledger })))
    }
}

async fn open_store(dir: &Path, ledger: &Ledger) -> Result<Store, Error> {
    let store = Store::open(&dir.join("plimsoll.db")).await?;
    store.read_bodies_from(Arc::new(FromLedger(ledger.reader())));
    Ok(store)
}

fn on_runtime(work: impl Future<Output = Done>) -> Done {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
