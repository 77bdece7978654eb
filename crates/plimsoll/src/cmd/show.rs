//! `plimsoll show`: one action chain from top to bottom.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;
use plimsoll_bundle::Bundle;
use plimsoll_console::chain::{self, Chain, Found, Line, PART_ENTRIES, Step, Tone, Window};
use plimsoll_core::{EntryBody, FieldClass};
use plimsoll_gateway::privacy::Custodian;
use plimsoll_gateway::{FromLedger, Reading, Vault};
use plimsoll_ledger::seal::AuditSecret;
use plimsoll_ledger::{Ledger, LedgerError, LedgerOptions, LedgerReader, Seq};
use plimsoll_store::Store;
use serde_json::{Value, json};

use crate::admin_client::{Admin, part};
use crate::repo::Repo;
use crate::talk::{self, Colour, Done, Error};

/// Entries of the ledger that are counted to say how far the database is behind.
const BEHIND_MAX: usize = 10_000;

/// One action chain: who asked, what the model saw, what it proposed, what was decided, what came of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll show 42                  the act of entry 42, with the model's answer that proposed it
  plimsoll show s-inbox             a session by the beginning of its id
  plimsoll show s-inbox --newest --entries 50    the end of a long session, latest first
  plimsoll show 42 --settle done    an act in doubt: you looked it up, and it happened
It reads the database beside the gateway, which need not run; --settle needs it, and your admin key.")]
pub struct Show {
    /// Number of an entry, or the beginning of the id of a session, act or request
    id: String,
    #[command(flatten)]
    repo: Repo,
    #[arg(long)]
    json: bool,
    /// Of a long session: begin with this entry
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// Of a long session: the latest first
    #[arg(long)]
    newest: bool,
    /// Of a long session: how many entries at once
    #[arg(long, value_name = "N", default_value_t = PART_ENTRIES)]
    entries: usize,
    /// What came of the act in doubt, as the system of record says
    #[arg(long, value_enum)]
    settle: Option<Came>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Came {
    /// It happened
    Done,
    /// It did not
    Failed,
}

impl Show {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let record = Record::open(&self.repo, &self.read).await?;
            let window = Window { from: self.from, newest_first: self.newest, entries: self.entries };
            let chain = record.find(&self.id, window).await?;
            record.note(&format!("show {}", self.id)).await;
            if let Some(came) = self.settle {
                return self.settle(&chain, came).await;
            }
            match self.json {
                true => talk::data(serde_json::to_string(&chain)?),
                false => {
                    print(&chain::lines(&chain));
                    self.say_more(&chain);
                }
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    /// How to read on.
    fn say_more(&self, chain: &Chain) {
        if let Some(more) = chain.more {
            let order = if self.newest { " --newest" } else { "" };
            talk::say(format!("read on with: plimsoll show {} --from {}{order}", self.id, more.from));
        }
    }

    async fn settle(&self, chain: &Chain, came: Came) -> Done {
        let open: Vec<&chain::Act> = chain
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Act(act) if matches!(act.verdict(), "in doubt" | "ambiguous") => Some(&**act),
                _ => None,
            })
            .collect();
        let act = match open.as_slice() {
            [only] => only,
            [] => return Err(Error::new(format!("nothing of `{}` is in doubt", self.id))),
            several => {
                let ids: Vec<String> =
                    several.iter().map(|act| format!("{} ({})", act.seq, act.tool)).collect();
                return Err(Error::new("several acts of it are in doubt")
                    .help(format!("name one: {}", ids.join(", "))));
            }
        };
        let body = json!({ "done": came == Came::Done });
        let path = format!("/api/acts/{}/settle", part(&act.ids.act));
        let _settled: Value = self.admin.client()?.post(&path, &body).await?;
        let what = if came == Came::Done { "happened" } else { "did not happen" };
        talk::data(format!("settled: {} (#{}) {what}", act.tool, act.seq));
        Ok(ExitCode::SUCCESS)
    }
}

/// Reading what is sealed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ReadArgs {
    /// Why you read it; goes on record with the reading
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub reason: String,
    /// The secret half of the audit key, where the gateway seals to one
    #[arg(long, value_name = "FILE")]
    pub audit_key: Option<PathBuf>,
}

impl ReadArgs {
    pub fn secret(&self) -> Result<Option<AuditSecret>, Error> {
        let Some(file) = &self.audit_key else { return Ok(None) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| Error::new(format!("the audit key {}: {error}", file.display())))?;
        AuditSecret::parse(&text).map(Some).map_err(|error| {
            Error::new(format!("{}: {error}", file.display())).help("`plimsoll key audit` makes a pair")
        })
    }
}

/// The record as the database beside the gateway has it. Only verbs that read are used here.
#[derive(Debug)]
pub struct Record {
    pub reading: Reading,
    pub bundle: Option<Bundle>,
    dir: PathBuf,
    pub vault: Option<Vault>,
    reason: String,
    /// Whether it was said that readings are not on record.
    warned: Cell<bool>,
}

impl Record {
    /// Opens the database of a repository, and says so when it is behind the ledger.
    pub async fn open(repo: &Repo, args: &ReadArgs) -> Result<Self, Error> {
        // With the directory given, the record can be read without its repository.
        let bundle = match std::env::var_os("PLIMSOLL_STATE") {
            Some(_) => repo.load(true).ok().and_then(|loaded| loaded.bundle),
            None => repo.load(true)?.bundle,
        };
        let dir = repo.state_dir(bundle.as_ref());
        let file = dir.join("plimsoll.db");
        if !file.is_file() {
            return Err(Error::new(format!("there is no record at {}", dir.display()))
                .help("`plimsoll up` makes one; --repo names the repository, PLIMSOLL_STATE the directory"));
        }
        let store = Store::open(&file).await?;
        if let Ok(ledger) = LedgerReader::open(dir.join("ledger")) {
            store.read_bodies_from(Arc::new(FromLedger(ledger)));
        }
        let behind = behind(&store, &dir).await?;
        if behind > 0 {
            let count = match behind {
                1 => "1 entry".to_owned(),
                BEHIND_MAX => format!("at least {behind} entries"),
                _ => format!("{behind} entries"),
            };
            talk::say(format!(
                "note: the database is {count} behind the ledger; what is newest is missing here, and the next \
                 start of the gateway catches up"
            ));
        }
        let privacy = bundle.as_ref().map(|bundle| bundle.project.privacy.clone()).unwrap_or_default();
        let vault = Vault::open_existing(&dir, &privacy, args.secret()?)?;
        let reading = Reading::new(store, vault.clone(), BTreeSet::from(FieldClass::ALL));
        Ok(Self { reading, bundle, dir, vault, reason: args.reason.clone(), warned: Cell::new(false) })
    }

    /// The one chain an id means; of a session this part.
    pub async fn find(&self, id: &str, window: Window) -> Result<Chain, Error> {
        match chain::find_part(&self.reading, id, window).await? {
            Found::One(chain) => Ok(*chain),
            Found::Several(ids) => {
                Err(Error::new(format!("`{id}` is the beginning of several")).help(ids.join("\n       ")))
            }
            Found::Nothing => Err(Error::new(format!("nothing on record is called `{id}`"))
                .help("`plimsoll log` shows what is")),
        }
    }
}

impl Record {
    /// Puts on record that sealed fields were read: by the gateway when it runs, and else in the ledger itself. Whoever
    /// has the files can read without this; then they are told that nobody will know.
    pub async fn note(&self, what: &str) {
        let by = crate::system::user();
        let Some(body) = self.reading.opening(&by, "command", what, &self.reason) else { return };
        let Some(vault) = &self.vault else { return };
        let custodian = match Ledger::open(LedgerOptions::new(self.dir.join("ledger"))) {
            Ok((ledger, _)) => {
                Custodian { store: self.reading.store().clone(), vault: vault.clone(), ledger }
            }
            Err(LedgerError::Locked { .. }) => return self.tell_gateway(body).await,
            Err(error) => return self.not_recorded(&error.to_string()),
        };
        let recorded = async {
            custodian.record(&by, body).await?;
            custodian.project().await
        };
        if let Err(error) = recorded.await {
            self.not_recorded(&error);
        }
    }

    /// Says it once, however often something is read.
    fn not_recorded(&self, why: &str) {
        if !self.warned.replace(true) {
            talk::say(format!("note: this reading is not on record: {why}"));
        }
    }

    async fn tell_gateway(&self, body: EntryBody) {
        let EntryBody::Read(opening) = body else { return };
        let url = std::env::var("PLIMSOLL_ADMIN").unwrap_or_else(|_| "http://127.0.0.1:7301".to_owned());
        let admin = Admin { admin: url, key_file: None };
        let told = match (admin.client(), serde_json::to_value(&*opening)) {
            (Ok(client), Ok(opening)) => client.post::<Value>("/api/readings", &opening).await.map(drop),
            (Err(error), _) => Err(error),
            (_, Err(error)) => Err(error.into()),
        };
        if let Err(error) = told {
            let message = error.message;
            self.not_recorded(&format!("{message}; with PLIMSOLL_ADMIN_KEY set, the gateway records it"));
        }
    }
}

/// How many entries the ledger has that the database has not. The follower of a busy gateway is always a
/// moment behind, which is worth no word.
async fn behind(store: &Store, dir: &std::path::Path) -> Result<usize, Error> {
    let Ok(reader) = LedgerReader::open(dir.join("ledger")) else { return Ok(0) };
    let mut behind = 0;
    for _ in 0..5 {
        let next = Seq(store.projected().await?);
        behind = reader.iter_from(next).take(BEHIND_MAX).take_while(Result::is_ok).count();
        if behind == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(40)).await;
    }
    Ok(behind)
}

/// Lines as data.
pub fn print(lines: &[Line]) {
    for line in lines {
        talk::data(paint(line.tone, &line.text));
    }
}

/// One line in its colour, where colour is wanted.
pub fn paint(tone: Tone, text: &str) -> String {
    let colour = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Title => Colour::Bold,
        Tone::Good => Colour::Green,
        Tone::Warn => Colour::Yellow,
        Tone::Bad => Colour::Red,
        Tone::Quiet => Colour::Dim,
    };
    talk::paint(colour, text, talk::colour())
}
