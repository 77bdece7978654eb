//! `plimsoll key`: who may come in.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use plimsoll_core::PrincipalKind;
use plimsoll_inspect::key::{KeyKind, mint};
use plimsoll_store::{AdminKeyRow, KeyRow, Store};

use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Make, list and revoke API keys, admin keys, audit keys; make a key that signs releases
#[derive(Debug, clap::Args)]
pub struct Key {
    #[command(flatten)]
    repo: Repo,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key; its secret is printed once, on standard output
    Create(Create),
    /// List all keys
    List {
        #[arg(long)]
        json: bool,
    },
    /// Make an audit key: the secret half goes into a file, the public half is printed for plimsoll.yaml
    Audit(Audit),
    /// Make a key with which a person signs releases: the public line is printed for people.yaml
    Sign(super::key_sign::Sign),
    /// Revoke a key by the beginning that `list` shows; running gateways notice within a second
    Revoke { prefix: String },
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll key create --name ada-laptop --workflow support
  plimsoll key create --name billing-service --workflow support --kind service --role billing
  plimsoll key create --admin --name rosa      a person of people.yaml, for approvals and kill switches")]
struct Create {
    /// What the key is called; the principal is `key:<name>`, an admin key's person is `<name>`
    #[arg(long)]
    name: String,
    /// The workflow it is for
    #[arg(long, required_unless_present = "admin")]
    workflow: Option<String>,
    #[arg(long, value_enum, default_value = "agent")]
    kind: Kind,
    /// A role it has; may be repeated
    #[arg(long = "role")]
    roles: Vec<String>,
    #[arg(long, default_value = "")]
    tenant: String,
    /// Days until it expires; 0 means never
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// A key for the admin listener: another kind, another door
    #[arg(long, conflicts_with_all = ["workflow", "kind", "tenant"])]
    admin: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll key audit --out audit-secret.txt      then `privacy: { audit_key: plimsoll-audit-… }` in plimsoll.yaml
  plimsoll show 42 --audit-key audit-secret.txt  reads what the gateway itself can't any more
Keep the file away from the gateway: whoever has it and the state directory reads everything that is sealed.")]
struct Audit {
    /// Where the secret half is written; the file must not be there yet
    #[arg(long, value_name = "FILE")]
    out: std::path::PathBuf,
}

impl Audit {
    fn run(&self) -> Done {
        let (secret, public) = plimsoll_ledger::seal::AuditSecret::fresh()?;
        let text = format!("# secret audit key of {}\n{}\n", public.text(), *secret.reveal());
        let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.out);
        made.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .map_err(|error| Error::new(format!("{}: {error}", self.out.display())))?;
        talk::data(public.text());
        talk::say(format!("the secret half is in {}: keep it away from the gateway", self.out.display()));
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    User,
    /// May say on whose behalf it acts
    Service,
    Agent,
}

impl Key {
    pub fn run(self) -> Done {
        match &self.verb {
            Verb::Audit(audit) => return audit.run(),
            Verb::Sign(sign) => return sign.run(),
            _ => {}
        }
        let loaded = self.repo.load(true)?;
        let dir = self.repo.state_dir(loaded.bundle.as_ref());
        std::fs::create_dir_all(&dir)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let store = Store::open(&dir.join("plimsoll.db")).await?;
            match self.verb {
                Verb::Create(create) => {
                    if let (Some(bundle), Some(workflow)) = (&loaded.bundle, &create.workflow) {
                        known_workflow(bundle, workflow)?;
                    }
                    talk::data(create_key(&store, create).await?);
                }
                // Done already: they need no database.
                Verb::Audit(_) | Verb::Sign(_) => {}
                Verb::List { json } => list(&store, json).await?,
                Verb::Revoke { prefix } => {
                    if !store.revoke_key(&prefix, Timestamp::now()).await? {
                        return Err(Error::new(format!("no live key begins with `{prefix}`"))
                            .help("`plimsoll key list` shows them"));
                    }
                    talk::say(format!("revoked {prefix}"));
                }
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn known_workflow(bundle: &plimsoll_bundle::Bundle, name: &str) -> Result<(), Error> {
    if bundle.workflows.contains_key(name) {
        return Ok(());
    }
    let known: Vec<&str> = bundle.workflows.keys().map(String::as_str).collect();
    Err(Error::new(format!("the repository has no workflow `{name}`"))
        .help(format!("it has: {}", known.join(", "))))
}

async fn create_key(store: &Store, create: Create) -> Result<String, Error> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|error| Error::new(format!("no randomness: {error}")))?;
    let kind = if create.admin { KeyKind::Admin } else { KeyKind::User };
    let minted = mint(random, kind);
    let created_at = Timestamp::now();
    let life = SignedDuration::from_hours(24 * i64::from(create.days));
    let expires_at = (create.days > 0).then(|| created_at.checked_add(life)).transpose()?;
    let sha256 = *minted.key.digest.as_bytes();
    let prefix = minted.key.shown.clone();
    if create.admin {
        let row = AdminKeyRow {
            sha256,
            prefix,
            name: create.name,
            roles: create.roles,
            created_at,
            expires_at,
            revoked_at: None,
        };
        store.add_admin_key(&row).await?;
    } else {
        let kind = match create.kind {
            Kind::User => PrincipalKind::User,
            Kind::Service => PrincipalKind::Service,
            Kind::Agent => PrincipalKind::Agent,
        };
        let row = KeyRow {
            sha256,
            prefix,
            name: create.name,
            kind,
            workflow: create.workflow.unwrap_or_default(),
            tenant: create.tenant,
            roles: create.roles,
            created_at,
            expires_at,
            revoked_at: None,
        };
        store.add_key(&row).await?;
    }
    Ok(minted.secret)
}

/// Keys made by other verbs.
pub mod make {
    use plimsoll_store::Store;

    use super::{Create, Kind, create_key};
    use crate::talk::Error;

    /// An agent's key for one workflow, good for a day.
    pub async fn agent(store: &Store, name: &str, workflow: &str) -> Result<String, Error> {
        let create = Create { workflow: Some(workflow.to_owned()), ..blank(name) };
        create_key(store, create).await
    }

    /// A person's admin key, good for a day.
    pub async fn admin(store: &Store, person: &str) -> Result<String, Error> {
        create_key(store, Create { admin: true, ..blank(person) }).await
    }

    fn blank(name: &str) -> Create {
        Create {
            name: name.to_owned(),
            workflow: None,
            kind: Kind::Agent,
            roles: Vec::new(),
            tenant: String::new(),
            days: 1,
            admin: false,
        }
    }
}

async fn list(store: &Store, json: bool) -> Result<(), Error> {
    let now = Timestamp::now();
    let state = |live: bool| if live { "live" } else { "dead" };
    for key in store.keys().await? {
        let live = state(key.is_live(now));
        if json {
            talk::data(
                serde_json::json!({ "prefix": key.prefix, "name": key.name, "kind": key.kind,
                "workflow": key.workflow, "roles": key.roles, "state": live,
                "created_at": key.created_at, "expires_at": key.expires_at })
                .to_string(),
            );
        } else {
            let roles = key.roles.join(",");
            talk::data(format!(
                "{}  {live}  {:<20} {:<8} {} {roles}",
                key.prefix,
                key.name,
                key.kind.name(),
                key.workflow
            ));
        }
    }
    for key in store.admin_keys().await? {
        let live = state(key.is_live(now));
        if json {
            talk::data(
                serde_json::json!({ "prefix": key.prefix, "name": key.name, "kind": "admin", "state": live,
                "created_at": key.created_at, "expires_at": key.expires_at })
                .to_string(),
            );
        } else {
            talk::data(format!("{}  {live}  {:<20} admin", key.prefix, key.name));
        }
    }
    Ok(())
}
