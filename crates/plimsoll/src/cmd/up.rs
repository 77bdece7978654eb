//! `plimsoll up`: the gateway.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use plimsoll_bundle::Bundle;
use plimsoll_gateway::standing::{BootError, First, Shelf};
use plimsoll_gateway::{Gateway, GatewayOptions, Source, server};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::repo::Repo;
use crate::system::raise_open_files;
use crate::talk::{self, Done, Error};

/// Run the gateway for a workflow repository
#[derive(Debug, clap::Args)]
#[command(after_help = "Signals: SIGTERM and SIGINT let running requests end; SIGUSR1 pulls the kill switch.
Environment: PLIMSOLL_MODE=observe (or support=observe,billing=suggest) overrides the mode,
PLIMSOLL_ENVIRONMENT the environment, PLIMSOLL_STATE the directory of ledger and database, PLIMSOLL_LOG the
log filter (for example info,plimsoll_gateway=debug).")]
pub struct Up {
    #[command(flatten)]
    repo: Repo,
    /// Where models and tools are reached; default: plimsoll.yaml, else 127.0.0.1:7300
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where the console and admin API are reached; default: plimsoll.yaml, else 127.0.0.1:7301
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
    /// Whom to trust, from `plimsoll release trust`: once, before the first release
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// The first signed release; later ones come with `plimsoll release install`
    #[arg(long, value_name = "FILE")]
    release: Option<PathBuf>,
    /// Log as JSON lines
    #[arg(long)]
    log_json: bool,
}

impl Up {
    pub fn run(self) -> Done {
        logging(self.log_json);
        raise_open_files();
        let (source, state) = self.source()?;
        let (project, told) = match &source {
            Source::Directory(bundle) => (bundle.project.clone(), told(bundle)),
            Source::Releases(shelf) => {
                let live = shelf.live().ok_or(BootError::NoLive)?;
                (live.project.clone(), told(&live))
            }
        };
        let data = self.listen.unwrap_or(project.listen_data);
        let admin = self.admin.unwrap_or(project.listen_admin);
        runtime()?.block_on(run(source, told, state, data, admin))?;
        Ok(ExitCode::SUCCESS)
    }

    /// Signed releases where they are asked for or in force; else the directory, unless its environment runs signed
    /// releases only.
    fn source(&self) -> Result<(Source, PathBuf), Error> {
        // Loading is most of what a start takes, so it is done once where the directory says both what serves and where.
        let loaded = if self.repo.says_where() { Some(self.repo.load(false)?) } else { None };
        let state = match loaded.as_ref().and_then(|loaded| loaded.bundle.as_ref()) {
            Some(bundle) => self.repo.state_dir(Some(bundle)),
            None => self.repo.state_of_releases()?,
        };
        if self.trust.is_some() || self.release.is_some() || Shelf::is_in_use(&state) {
            let file = |path: &Option<PathBuf>| {
                let read = |path: &PathBuf| {
                    std::fs::read(path).map_err(|error| Error::new(format!("{}: {error}", path.display())))
                };
                path.as_ref().map(read).transpose()
            };
            let (trust, release) = (file(&self.trust)?, file(&self.release)?);
            let first = First { trust: trust.as_deref(), release: release.as_deref() };
            let loader = self.repo.loader()?;
            let shelf = Shelf::open(&state, loader, &first, jiff::Timestamp::now()).map_err(|error| {
                Error::from(error).help(
                    "this gateway runs signed releases only; nothing was started, and a directory is not taken instead",
                )
            })?;
            return Ok((Source::Releases(Box::new(shelf)), state));
        }
        let loaded = loaded.map_or_else(|| self.repo.load(false), Ok)?;
        let Some(bundle) = loaded.bundle else {
            talk::data(plimsoll_bundle::render::text(&loaded.diagnostics, &loaded.tree, talk::colour()));
            return Err(
                Error::new("the workflow repository does not load").help("`plimsoll check` says the same")
            );
        };
        if bundle.project.here().is_some() {
            let message = format!(
                "the environment `{}` runs signed releases only: plimsoll.yaml lists it under `environments`",
                bundle.project.environment
            );
            return Err(Error::new(message).help(
                "make one with `plimsoll release create`, and start with `plimsoll up --trust trust.json --release FILE`",
            ));
        }
        let state = self.repo.state_dir(Some(&bundle));
        Ok((Source::Directory(Box::new(bundle)), state))
    }
}

/// What runs the gateway: a thread for each processor. Where there is but one, nothing is handed from thread to thread.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let alone = std::thread::available_parallelism().is_ok_and(|processors| processors.get() == 1);
    let mut builder = match alone {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

/// The first line of what is said at start: release and modes.
fn told(bundle: &Bundle) -> String {
    let modes: Vec<String> =
        bundle.workflows.values().map(|w| format!("{} ({})", w.name, w.mode.name())).collect();
    format!("release {} · {}", bundle.id.short(), modes.join(", "))
}

/// A gateway that listens.
#[derive(Debug)]
pub struct Running {
    pub gateway: Arc<Gateway>,
    pub data: std::net::SocketAddr,
    pub admin: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    /// The followers end last: they project what the end itself records.
    stop_following: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<std::io::Result<()>>>,
    follower: tokio::task::JoinHandle<()>,
    /// Signs the ledger, at last with all that the end itself records.
    notary: tokio::task::JoinHandle<()>,
    /// Tells a collector what happens.
    teller: tokio::task::JoinHandle<()>,
    /// Watches the release on its way.
    watcher: tokio::task::JoinHandle<()>,
}

/// Opens the ledger, binds both listeners, and serves.
pub async fn start(source: Source, state: PathBuf, data: &str, admin: &str) -> Result<Running, Error> {
    let bind = async |addr: &str| {
        TcpListener::bind(addr).await.map_err(|error| Error::new(format!("can't listen on {addr}: {error}")))
    };
    let (data, admin) = (bind(data).await?, bind(admin).await?);
    let (data_addr, admin_addr) = (data.local_addr()?, admin.local_addr()?);
    let options =
        GatewayOptions { bundle: source, state_dir: state, admin_url: format!("http://{admin_addr}") };
    let gateway = Gateway::open(options).await?;
    let release = gateway.bundle().id.short();
    gateway
        .record_gateway("started", &format!("release {release}, version {}", env!("CARGO_PKG_VERSION")))
        .await?;
    let (stop, stopped) = watch::channel(false);
    let (stop_following, following_stopped) = watch::channel(false);
    let follower = tokio::spawn(Arc::clone(&gateway).follow(following_stopped.clone()));
    let notary = tokio::spawn(Arc::clone(&gateway).keep_checkpoints(following_stopped.clone()));
    let teller = tokio::spawn(Arc::clone(&gateway).keep_telemetry(following_stopped.clone()));
    let watcher = tokio::spawn(Arc::clone(&gateway).keep_watch(following_stopped));
    tokio::spawn(Arc::clone(&gateway).follow_issuers());
    tokio::spawn(Arc::clone(&gateway).keep_looking(stopped.clone()));
    let tasks = vec![
        tokio::spawn(server::serve(Arc::clone(&gateway), data, stopped.clone())),
        tokio::spawn(plimsoll_console::serve(Arc::clone(&gateway), admin, stopped)),
    ];
    Ok(Running {
        gateway,
        data: data_addr,
        admin: admin_addr,
        stop,
        stop_following,
        tasks,
        follower,
        notary,
        teller,
        watcher,
    })
}

impl Running {
    /// Lets running requests end, then closes the ledger.
    pub async fn shut_down(self) -> Result<(), Error> {
        let _nobody_listens = self.stop.send(true);
        for task in self.tasks {
            task.await??;
        }
        self.gateway.record_gateway("stopped", "").await?;
        let _nobody_follows = self.stop_following.send(true);
        self.follower.await?;
        self.notary.await?;
        self.teller.await?;
        self.watcher.await?;
        Ok(())
    }
}

async fn run(source: Source, told: String, state: PathBuf, data: String, admin: String) -> Result<(), Error> {
    let running = start(source, state, &data, &admin).await?;
    talk::say(format!("plimsoll {} · {told}", env!("CARGO_PKG_VERSION")));
    talk::say(format!("  models  http://{}/v1   (Anthropic: http://{})", running.data, running.data));
    talk::say(format!("  tools   http://{}/mcp/<server>", running.data));
    talk::say(format!("  admin   http://{}", running.admin));
    let checkpoints = running.gateway.checkpoints();
    talk::say(format!("  ledger  {}", checkpoints.verifier()));
    talk::say(format!("          whom to trust: {}", checkpoints.trust_file().display()));
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut usr1 = signal(SignalKind::user_defined1())?;
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = usr1.recv() => {
                talk::say("kill switch pulled by signal: guarded and dangerous acts are stopped");
                if let Err(error) = running.gateway.stop_by_signal().await {
                    talk::say(format!("the stop is in force, but not on record: {error}"));
                }
            }
        }
    }
    talk::say("stopping: running requests may end");
    running.shut_down().await
}

fn logging(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PLIMSOLL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(talk::colour_on_stderr());
    let set = if json { builder.json().try_init() } else { builder.with_target(false).try_init() };
    if set.is_err() {
        talk::say("logging is already set up");
    }
}
