//! The gateway's state: what the path reads, and the tasks that keep it fresh.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use plimsoll_bundle::{Bundle, Reach};
use plimsoll_inspect::redact::Redactor;
use plimsoll_ledger::{Ledger, LedgerError, LedgerOptions};
use plimsoll_store::{Store, StoreError};

use crate::bodies::FromLedger;
use crate::cassette::Recorded;
use crate::context::{Ready, Results, Sessions};
use crate::doubts::Doubts;
use crate::joins::Joins;
use crate::keys::Keys;
use crate::limits::Limiter;
use crate::memo::Memo;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::stops::Stops;
use crate::tokens::Tokens;
use crate::upstream::http::HttpClient;
use crate::upstream::tools::ToolCaller;
use crate::vault::Vault;

/// The running gateway. Everything behind the doors hangs off this.
#[derive(Debug)]
pub struct Gateway {
    /// The release in force; swapped whole.
    pub(crate) bundle: ArcSwap<Bundle>,
    pub(crate) ledger: Ledger,
    pub(crate) checkpoints: crate::checkpoints::Checkpoints,
    pub(crate) drifts: crate::drift::Drifts,
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) redactor: Redactor,
    /// Makes fakes of personal data, under a key that lives as long as this process.
    pub(crate) masker: plimsoll_inspect::Masker,
    pub(crate) stops: Stops,
    pub(crate) limits: Limiter,
    pub(crate) joins: Joins,
    pub(crate) doubts: Doubts,
    pub(crate) sessions: Sessions,
    pub(crate) results: Results,
    pub(crate) ready: Ready,
    pub(crate) memo: Memo,
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

/// What a gateway is started from.
#[derive(Debug)]
pub struct GatewayOptions {
    pub bundle: Bundle,
    /// Directory for ledger and database.
    pub state_dir: PathBuf,
    pub admin_url: String,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the ledger can't be opened: {0}")]
    Ledger(#[from] LedgerError),
    #[error("the ledger can't be opened: {0}")]
    Identity(#[from] plimsoll_ledger::proof::IdentityError),
    #[error("the database can't be opened: {0}")]
    Store(#[from] StoreError),
    #[error("the release can't be kept, so nothing it decides could be decided again: {0}")]
    Release(std::io::Error),
    #[error("the keys of sealed fields can't be had: {0}")]
    Vault(#[from] crate::vault::VaultError),
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
        let http = HttpClient::new(wants_tls(&options.bundle)).map_err(StartError::Trust)?;
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
        let http = HttpClient::of_models(recorded, wants_tls(&options.bundle)).map_err(StartError::Trust)?;
        let gateway = Self::open_with(options, http).await?;
        let _first = gateway.guests.set(std::sync::Mutex::default());
        Ok(gateway)
    }

    async fn open_with(options: GatewayOptions, http: HttpClient) -> Result<Arc<Self>, StartError> {
        let GatewayOptions { bundle, state_dir, admin_url } = options;
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
        let redactor = redactor(&bundle);
        let tool_door = crate::tool_door::ToolDoor::new(http.clone(), redactor.clone());
        let gateway = Arc::new(Self {
            tokens: Tokens::new(),
            redactor,
            masker: masker()?,
            bundle: ArcSwap::from_pointee(bundle),
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
            memo: Memo::default(),
            memory: Arc::new(Memory::new(&state_dir)),
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
        Ok(gateway)
    }

    /// The release in force.
    pub fn bundle(&self) -> Arc<Bundle> {
        self.bundle.load_full()
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

    pub fn redactor(&self) -> &Redactor {
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

fn wants_tls(bundle: &Bundle) -> bool {
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

/// Knows every credential the gateway holds, so that none of them is ever written down.
fn redactor(bundle: &Bundle) -> Redactor {
    let models = bundle.models.values().filter_map(|model| model.credential.as_ref());
    let accounts = bundle.servers.values().flat_map(|server| server.accounts.values());
    let environments = bundle.servers.values().flat_map(|server| match &server.reach {
        Reach::Stdio { env, .. } => env.values().collect::<Vec<_>>(),
        Reach::Http { .. } | Reach::Local => Vec::new(),
    });
    let headers = bundle.project.telemetry.iter().flat_map(|otlp| otlp.headers.values());
    let all = models.chain(accounts).chain(environments).chain(headers);
    let known: Vec<(&str, &str)> = all.map(|secret| (secret.from.as_str(), secret.reveal())).collect();
    Redactor::new(&known)
}
