//! Opening what is sealed, for whoever has the files.
//!
//! Every verb that shows, sends or decides by sealed fields opens them with an [`Opener`], and the reading is on record
//! before anything of it is told: a reader may hang up on the first line.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plimsoll_bundle::{Bundle, Privacy};
use plimsoll_console::chain::{self, Chain, Found, Window};
use plimsoll_core::EntryBody;
use plimsoll_gateway::privacy::Custodian;
use plimsoll_gateway::{FromLedger, Lens, Reading};
use plimsoll_ledger::seal::AuditSecret;
use plimsoll_ledger::{Ledger, LedgerError, LedgerOptions, LedgerReader, Seq};
use plimsoll_store::Store;
use serde_json::Value;

use crate::admin_client::Admin;
use crate::repo::Repo;
use crate::talk::{self, Error};

/// Entries of the ledger that are counted to say how far the database is behind.
const BEHIND_MAX: usize = 10_000;

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
    fn secret(&self) -> Result<Option<AuditSecret>, Error> {
        let Some(file) = &self.audit_key else { return Ok(None) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| Error::new(format!("the audit key {}: {error}", file.display())))?;
        AuditSecret::parse(&text).map(Some).map_err(|error| {
            Error::new(format!("{}: {error}", file.display())).help("`plimsoll key audit` makes a pair")
        })
    }
}

/// The keys of a state directory, for one reader with one reason.
#[derive(Debug)]
pub struct Opener {
    dir: PathBuf,
    lens: Lens,
    reason: String,
    /// Whether it was said that readings are not on record.
    warned: Cell<bool>,
}

/// What a verb goes through the record for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    Opening,
    Telling,
}

impl Opener {
    pub fn of(dir: &Path, privacy: &Privacy, args: &ReadArgs) -> Result<Self, Error> {
        #[expect(clippy::disallowed_methods, reason = "this is the place that puts it on record")]
        let lens = Lens::of_dir(dir, privacy, args.secret()?)?;
        Ok(Self { dir: dir.to_owned(), lens, reason: args.reason.clone(), warned: Cell::new(false) })
    }

    /// Whether there are keys: without them nothing is opened.
    pub fn has_keys(&self) -> bool {
        self.lens.vault().is_some()
    }

    /// Does something with what is sealed, puts on record what was opened for it, and only then gives what came of it.
    ///
    /// # Errors
    /// When the record can't be reached for want of a runtime.
    pub fn read<T>(&self, what: &str, work: impl FnOnce(&Lens) -> T) -> Result<T, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(self.reading(what, work)))
    }

    /// The same for what is too long to be held back: `work` goes through it once to open it, and when that is on record
    /// once more, to tell it.
    ///
    /// # Errors
    /// When `work` can't do it.
    pub fn stream(
        &self,
        what: &str,
        mut work: impl FnMut(&Lens, Going) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.has_keys() {
            self.read(what, |lens| work(lens, Going::Opening))??;
        }
        work(&self.lens, Going::Telling)
    }

    /// [`read`](Self::read), where there is a runtime already.
    pub async fn reading<T>(&self, what: &str, work: impl FnOnce(&Lens) -> T) -> T {
        let done = work(&self.lens);
        self.note(what).await;
        done
    }

    /// Puts on record what was opened since it was last asked: by the gateway when it runs, and else in the ledger itself.
    /// Whoever has the files can read without this; then they are told that nobody will know.
    async fn note(&self, what: &str) {
        let by = crate::system::user();
        let Some(body) = self.lens.opening(&by, "command", what, &self.reason) else { return };
        let Some(vault) = self.lens.vault() else { return };
        let ledger = match Ledger::open(LedgerOptions::new(self.dir.join("ledger"))) {
            Ok((ledger, _)) => ledger,
            Err(LedgerError::Locked { .. }) => return self.tell_gateway(body).await,
            Err(error) => return self.not_recorded(&error.to_string()),
        };
        let recorded = async {
            let store =
                Store::open(&self.dir.join("plimsoll.db")).await.map_err(|error| error.to_string())?;
            store.read_bodies_from(Arc::new(FromLedger(ledger.reader())));
            let custodian = Custodian { store, vault: vault.clone(), ledger };
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
        let client = match admin.client() {
            Ok(client) => client,
            Err(error) => {
                let why = format!("{}; with PLIMSOLL_ADMIN_KEY set, the gateway records it", error.message);
                return self.not_recorded(&why);
            }
        };
        // Words and numbers, which always encode.
        let opening = serde_json::to_value(&*opening).unwrap_or_default();
        if let Err(error) = client.post::<Value>("/api/readings", &opening).await {
            self.not_recorded(&error.message);
        }
    }
}

/// The record as the database beside the gateway has it. Only verbs that read are used here.
#[derive(Debug)]
pub struct Record {
    pub reading: Reading,
    pub bundle: Option<Bundle>,
    pub opener: Opener,
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
        let opener = Opener::of(&dir, &privacy, args)?;
        Ok(Self { reading: Reading::new(store, opener.lens.clone()), bundle, opener })
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

    /// Puts on record what was read of it until now.
    pub async fn note(&self, what: &str) {
        self.opener.note(what).await;
    }
}

/// How many entries the ledger has that the database has not. The follower of a busy gateway is always a
/// moment behind, which is worth no word.
async fn behind(store: &Store, dir: &Path) -> Result<usize, Error> {
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
