//! The gateway's state: what the path reads, and the tasks that keep it fresh.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use plimsoll_bundle::{Bundle, Reach};
use plimsoll_core::Digest;
use plimsoll_ledger::{Ledger, LedgerError, LedgerOptions};
use plimsoll_store::{Store, StoreError};
use tokio::sync::watch;

use crate::bodies::FromLedger;
use crate::cassette::Recorded;
use crate::context::{Grown, Ready, Results, Sessions};
use crate::doubts::Doubts;
use crate::joins::Joins;
use crate::keys::Keys;
use crate::limits::Limiter;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::redaction::Redaction;
use crate::standing::{BootError, Shelf, Standing, Watched};
use crate::stops::Stops;
use crate::tokens::Tokens;
use crate::upstream::http::HttpClient;
use crate::upstream::tools::ToolCaller;
use crate::vault::Vault;

/// The running gateway. Everything behind the doors hangs off this.
#[derive(Debug)]
pub struct Gateway {
    /// The releases in force; swapped whole.
    pub(crate) standing: ArcSwap<Standing>,
    /// Where releases are kept and changed; none where a directory is run.
    pub(crate) shelf: Option<tokio::sync::Mutex<Shelf>>,
    /// What is seen of the release on its way.
    pub(crate) watched: std::sync::Mutex<Watched>,
    /// Says that other releases are in force.
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) state_dir: PathBuf,
    pub(crate) started: jiff::Timestamp,
    pub(crate) ledger: Ledger,
    pub(crate) checkpoints: crate::checkpoints::Checkpoints,
    pub(crate) drifts: crate::drift::Drifts,
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) redactor: Arc<Redaction>,
    /// Makes fakes of personal data, under a key that lives as long as this process.
    pub(crate) masker: plimsoll_inspect::Masker,
    pub(crate) stops: Stops,
    pub(crate) limits: Limiter,
    pub(crate) joins: Joins,
    pub(crate) doubts: Doubts,
    pub(crate) sessions: Sessions,
    pub(crate) results: Results,
    pub(crate) ready: Ready,
    pub(crate) grown: Grown,
    pub(crate) memory: Arc<Memory>,
    pub(crate) keys: Keys,
    pub(crate) tokens: Tokens,
    pub(crate) http: HttpClient,
    pub(crate) metrics: Metrics,
    pub(crate) turned: crate::follow::Turned,
    pub(crate) tool_door: crate::tool_door::ToolDoor,
    /// How checks and the tool door reach tool servers; set once at start.
    pub(crate) tools: OnceLock<Arc<dyn ToolCaller>>,
    /// One answer to an approval at a time, so that record and state agree.
    pub(crate) answers: tokio::sync::Mutex<()>,
    /// Whom a played conversation is of. Only a gateway that can reach nothing has any.
    pub(crate) guests: OnceLock<std::sync::Mutex<crate::caller::Guests>>,
    /// Base URL of the admin listener, for tickets.
    pub(crate) admin_url: String,
}

/// What a gateway runs.
#[derive(Debug)]
pub enum Source {
    /// A directory's bundle, which nobody signed.
    Directory(Box<Bundle>),
    /// Signed releases.
    Releases(Box<Shelf>),
}

/// What a gateway is started from.
#[derive(Debug)]
pub struct GatewayOptions {
    pub bundle: Source,
    /// Directory for ledger and database.
    pub state_dir: PathBuf,
    pub admin_url: String,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the ledger can't be opened")]
    Ledger(#[from] LedgerError),
    #[error("the ledger can't be opened")]
    Identity(#[from] plimsoll_ledger::proof::IdentityError),
    #[error("the database can't be opened")]
    Store(#[from] StoreError),
    #[error("the release can't be kept, so nothing it decides could be decided again: {0}")]
    Release(std::io::Error),
    #[error("the keys of sealed fields can't be had")]
    Vault(#[from] crate::vault::VaultError),
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error("the system's trust store can't be read: {0}")]
    Trust(std::io::Error),
    #[error("{0}")]
    Other(String),
}

impl Gateway {
    /// Opens ledger and database and lists what is in doubt. No port is opened here.
    ///
    /// # Errors
    /// When any part can't be opened: a gateway without its record does not start.
    pub async fn open(options: GatewayOptions) -> Result<Arc<Self>, StartError> {
        let http = match &options.bundle {
            Source::Directory(bundle) => HttpClient::new(wants_tls(bundle)).map_err(StartError::Trust)?,
            // The next release may want what this one does not.
            Source::Releases(shelf) => {
                let needed = shelf.live().is_some_and(|live| wants_tls(&live));
                HttpClient::new(true).or_else(|error| match needed {
                    true => Err(StartError::Trust(error)),
                    false => HttpClient::new(false).map_err(StartError::Trust),
                })?
            }
        };
        Self::open_with(options, http).await
    }

    /// The same with an upstream that knows no network: it answers what is on a tape.
    pub(crate) async fn open_recorded(
        options: GatewayOptions,
        recorded: Arc<Recorded>,
    ) -> Result<Arc<Self>, StartError> {
        let gateway = Self::open_with(options, HttpClient::recorded(recorded)).await?;
        let _first = gateway.guests.set(std::sync::Mutex::default());
        Ok(gateway)
    }

    /// The same, but that models are asked where they are.
    pub(crate) async fn open_with_models(
        options: GatewayOptions,
        recorded: Arc<Recorded>,
    ) -> Result<Arc<Self>, StartError> {
        let tls = match &options.bundle {
            Source::Directory(bundle) => wants_tls(bundle),
            Source::Releases(_) => true,
        };
        let http = HttpClient::of_models(recorded, tls).map_err(StartError::Trust)?;
        let gateway = Self::open_with(options, http).await?;
        let _first = gateway.guests.set(std::sync::Mutex::default());
        Ok(gateway)
    }

    async fn open_with(options: GatewayOptions, http: HttpClient) -> Result<Arc<Self>, StartError> {
        let GatewayOptions { bundle: source, state_dir, admin_url } = options;
        let (bundle, shelf) = match source {
            Source::Directory(bundle) => (Arc::new(*bundle), None),
            Source::Releases(shelf) => {
                let live = shelf.live().ok_or(StartError::Boot(BootError::NoLive))?;
                (live, Some(tokio::sync::Mutex::new(*shelf)))
            }
        };
        std::fs::create_dir_all(&state_dir).map_err(|error| StartError::Other(error.to_string()))?;
        crate::releases::keep(&state_dir, &bundle.kept).map_err(StartError::Release)?;
        let segment_bytes = u64::try_from(bundle.project.bounds.segment_bytes).unwrap_or(u64::MAX);
        let ledger_options = LedgerOptions::new(state_dir.join("ledger")).segment_bytes(segment_bytes);
        let called = format!("plimsoll/{}/{}", bundle.project.name, bundle.project.environment);
        let checkpoints = crate::checkpoints::Checkpoints::open(&state_dir, &bundle.project.ledger, &called)?;
        let (ledger, recovery) = Ledger::open(ledger_options)?;
        checkpoints.write_trust()?;
        tracing::info!(?recovery, "ledger open");
        let store = Store::open(&state_dir.join("plimsoll.db")).await?;
        store.read_bodies_from(Arc::new(FromLedger(ledger.reader())));
        let vault = Vault::open_dir(&state_dir, &bundle.project.privacy, None)?;
        vault.keep_keys_ready()?;
        let redactor = Arc::new(Redaction::new(&bundle));
        let tool_door = crate::tool_door::ToolDoor::new(http.clone(), Arc::clone(&redactor));
        let gateway = Arc::new(Self {
            tokens: Tokens::new(),
            redactor,
            masker: masker()?,
            standing: ArcSwap::from_pointee(Standing::of(bundle)),
            shelf,
            watched: std::sync::Mutex::default(),
            changed: watch::Sender::new(0),
            started: jiff::Timestamp::now(),
            ledger,
            checkpoints,
            drifts: crate::drift::Drifts::open(&state_dir),
            store,
            vault,
            stops: Stops::new(state_dir.join("STOP")),
            limits: Limiter::default(),
            joins: Joins::default(),
            doubts: Doubts::default(),
            sessions: Sessions::default(),
            results: Results::default(),
            ready: Ready::default(),
            grown: Grown::default(),
            memory: Arc::new(Memory::new(&state_dir)),
            state_dir,
            keys: Keys::default(),
            http,
            metrics: Metrics::default(),
            turned: crate::follow::Turned::default(),
            tools: OnceLock::new(),
            tool_door,
            answers: tokio::sync::Mutex::new(()),
            guests: OnceLock::new(),
            admin_url,
        });
        gateway.connect_tools(Arc::clone(&gateway.tool_door.upstreams) as Arc<dyn ToolCaller>);
        gateway.catch_up().await?;
        gateway.catch_up_releases().await?;
        Ok(gateway)
    }

    /// The live release.
    pub fn bundle(&self) -> Arc<Bundle> {
        Arc::clone(&self.standing.load().live)
    }

    /// The release that an entry names, as far as it serves anybody; else the live one.
    pub(crate) fn bundle_of(&self, release: &str) -> Arc<Bundle> {
        let standing = self.standing.load();
        if standing.is_single() {
            return Arc::clone(&standing.live);
        }
        let named = Digest::parse(release).and_then(|id| standing.serving(&id).cloned());
        named.unwrap_or_else(|| Arc::clone(&standing.live))
    }

    /// The release that serves a session, by the session's key.
    pub fn release_of_session(&self, key: &str) -> Option<Digest> {
        self.sessions.release_of(key)
    }

    /// The releases in force at this moment.
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    /// The database, for pages and commands that read.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where sealed fields are opened.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn redactor(&self) -> &Redaction {
        &self.redactor
    }

    pub fn stops(&self) -> &Stops {
        &self.stops
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Hands over the tool servers' connections, once.
    pub fn connect_tools(&self, tools: Arc<dyn ToolCaller>) {
        let _already_set = self.tools.set(tools);
    }
}

/// Under a key that nobody has.
fn masker() -> Result<plimsoll_inspect::Masker, StartError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| StartError::Other(format!("no random numbers can be had: {error}")))?;
    Ok(plimsoll_inspect::Masker::new(key))
}

pub(crate) fn wants_tls(bundle: &Bundle) -> bool {
    let models = bundle.models.values().map(|model| model.url.as_str());
    let servers = bundle.servers.values().filter_map(|server| match &server.reach {
        Reach::Http { url } => Some(url.as_str()),
        Reach::Stdio { .. } | Reach::Local => None,
    });
    let issuers = bundle.project.oidc.iter().map(|oidc| oidc.jwks.as_str());
    let witnesses = bundle.project.ledger.witnesses.iter().map(|witness| witness.url.as_str());
    let collector = bundle.project.telemetry.iter().map(|otlp| otlp.endpoint.as_str());
    models
        .chain(servers)
        .chain(issuers)
        .chain(witnesses)
        .chain(collector)
        .any(|url| url.starts_with("https:"))
}
