//! A gateway, what stands behind it, and what can be asked of them afterwards.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use plimsoll_bundle::load::{Overrides, load};
use plimsoll_bundle::replay::{self, Missing, Replayed};
use plimsoll_bundle::{Bundle, Env, Tree};
use plimsoll_core::{Entry, EntryBody, Judged, PrincipalKind};
use plimsoll_drill::mcp::desk::{self, DeskHandle, DeskOptions, Effect};
use plimsoll_drill::mock::{self, MockHandle, MockOptions};
use plimsoll_gateway::standing::{First, Loader, Shelf};
use plimsoll_gateway::{Gateway, GatewayOptions, Operator, Source, releases, server};
use plimsoll_inspect::key::{KeyKind, mint};
use plimsoll_ledger::Seq;
use plimsoll_store::{AdminKeyRow, KeyRow};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::client::Client;

pub(crate) const READ_SECRET: &str = "desk-read-account-4711";
pub(crate) const DRAFT_SECRET: &str = "desk-draft-account-4712";
pub(crate) const EXECUTE_SECRET: &str = "desk-execute-account-4713";
pub(crate) const MODEL_SECRET: &str = "model-provider-credential-4714";

/// What a world is made from: `examples/support-desk`, changed.
pub(crate) struct Plan {
    tree: Tree,
    scripted: bool,
    desk_delay: Duration,
    mock: MockOptions,
    servers: Vec<(String, String)>,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/support-desk");
        let tree = Tree::read_dir(&root).unwrap();
        let plan = Self {
            tree,
            scripted: false,
            desk_delay: Duration::ZERO,
            mock: MockOptions::default(),
            servers: Vec::new(),
        };
        let with_key = "region: this machine\ncredential: ${MODEL_KEY}";
        plan.change("plimsoll.yaml", "environment: demo", "environment: demo\nbounds: {segment_bytes: 1MiB}")
            .change("models/main.yaml", "region: this machine", with_key)
            .change("models/claude.yaml", "region: this machine", with_key)
    }

    pub(crate) fn change(mut self, file: &str, old: &str, new: &str) -> Self {
        let text = self.tree.text(file).unwrap_or_else(|| panic!("no {file}")).to_owned();
        assert!(text.contains(old), "{file} does not say `{old}`");
        self.tree.insert(file, text.replace(old, new).into_bytes());
        self
    }

    pub(crate) fn add(mut self, file: &str, text: impl Into<Vec<u8>>) -> Self {
        self.tree.insert(file, text);
        self
    }

    /// The model answers what [`World::say`] tells it.
    pub(crate) fn scripted(self) -> Self {
        Self { scripted: true, ..self }
    }

    pub(crate) fn mock(self, mock: MockOptions) -> Self {
        Self { mock, ..self }
    }

    pub(crate) fn desk_delay(self, desk_delay: Duration) -> Self {
        Self { desk_delay, ..self }
    }

    /// A variable of the repository's `${…}`.
    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.servers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn load(&self, desk: &str, model: &str) -> Result<Bundle, String> {
        load_tree(&self.tree, desk, model, &self.servers)
    }

    /// The files as they are by now.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) async fn start(self) -> World {
        self.try_start().await.unwrap_or_else(|why| panic!("{why}"))
    }

    pub(crate) async fn try_start(self) -> Result<World, String> {
        let state = tempfile::tempdir().unwrap();
        let desk =
            desk::spawn(DeskOptions { delay: self.desk_delay, ..DeskOptions::default() }).await.unwrap();
        let mock = mock::spawn(self.mock.clone()).await.unwrap();
        let script = Script::spawn().await;
        let model = if self.scripted { script.url() } else { format!("http://{}", mock.addr()) };
        let bundle = self.load(&desk.url(), &model)?;
        World::open(Source::Directory(Box::new(bundle)), state, desk, mock, script).await
    }

    /// A gateway that runs signed releases, of which this is the first.
    pub(crate) async fn start_signed(self, trust: &str, release: &str) -> World {
        let state = tempfile::tempdir().unwrap();
        let desk =
            desk::spawn(DeskOptions { delay: self.desk_delay, ..DeskOptions::default() }).await.unwrap();
        let mock = mock::spawn(self.mock.clone()).await.unwrap();
        let script = Script::spawn().await;
        let model = if self.scripted { script.url() } else { format!("http://{}", mock.addr()) };
        let first = First { trust: Some(trust.as_bytes()), release: Some(release.as_bytes()) };
        let loader = loader(&desk.url(), &model);
        let shelf = Shelf::open(state.path(), loader, &first, Timestamp::now()).unwrap();
        World::open(Source::Releases(Box::new(shelf)), state, desk, mock, script).await.unwrap()
    }
}

/// Makes what serves of a release's files, with the secrets of these tests.
pub(crate) fn loader(desk: &str, model: &str) -> Loader {
    let (desk, model) = (desk.to_owned(), model.to_owned());
    Loader(Arc::new(move |tree: &Tree| load_tree(tree, &desk, &model, &[])))
}

fn load_tree(tree: &Tree, desk: &str, model: &str, more: &[(String, String)]) -> Result<Bundle, String> {
    let var = |name: &str| match name {
        "DESK_URL" => Some(desk.to_owned()),
        "MODEL_URL" => Some(model.to_owned()),
        "DESK_READ" => Some(READ_SECRET.to_owned()),
        "DESK_DRAFT" => Some(DRAFT_SECRET.to_owned()),
        "DESK_EXECUTE" => Some(EXECUTE_SECRET.to_owned()),
        "MODEL_KEY" => Some(MODEL_SECRET.to_owned()),
        _ => more.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
    };
    let file = |name: &str| Err(format!("there is no file {name}"));
    let loaded = load(tree, Env { var: &var, file: &file }, &Overrides::default());
    loaded.map(|(bundle, _)| bundle).map_err(|found| plimsoll_bundle::render::text(&found, tree, false))
}

pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) addr: SocketAddr,
    desk: Option<DeskHandle>,
    mock: MockHandle,
    pub(crate) script: Arc<Script>,
    state: tempfile::TempDir,
    _stop: watch::Sender<bool>,
    key: String,
    made: std::sync::atomic::AtomicU8,
}

/// Whatever a test did, each of its decisions comes out again from its entry and the release it names.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut bundles = std::collections::HashMap::new();
        for (seq, entry) in self.entries().iter().enumerate() {
            let Some((judged, passed)) = replay::judged(entry) else { continue };
            let ground = replay::ground(judged).unwrap();
            let made = || releases::read(self.state.path(), &ground).unwrap();
            let again = replay::again(entry, judged, passed, bundles.entry(ground).or_insert_with(made));
            let told = judged.redacted > 0 || judged.shortened;
            let same = match &again {
                Replayed::Missing(Missing::Redacted | Missing::Shortened) => told,
                other => *other == Replayed::Same && !told,
            };
            assert!(same, "entry {seq} is not decided again as it was: {again:?}\n{entry:?}");
        }
    }
}

impl World {
    async fn open(
        bundle: Source,
        state: tempfile::TempDir,
        desk: DeskHandle,
        mock: MockHandle,
        script: Arc<Script>,
    ) -> Result<Self, String> {
        let options = GatewayOptions {
            bundle,
            state_dir: state.path().to_owned(),
            admin_url: "http://127.0.0.1:7301".to_owned(),
        };
        let gateway = Gateway::open(options).await.map_err(|error| error.to_string())?;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(Arc::clone(&gateway).follow(stopped.clone()));
        tokio::spawn(Arc::clone(&gateway).follow_issuers());
        tokio::spawn(Arc::clone(&gateway).keep_watch(stopped.clone()));
        tokio::spawn(server::serve(Arc::clone(&gateway), listener, stopped));
        let mut world = Self {
            gateway,
            addr,
            desk: Some(desk),
            mock,
            script,
            state,
            _stop: stop,
            key: String::new(),
            made: 1.into(),
        };
        world.key = world.key("ada", PrincipalKind::Agent, "support").await;
        Ok(world)
    }

    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    /// Where its model and its desk are.
    pub(crate) fn loader(&self) -> Loader {
        let desk = self.desk.as_ref().map(DeskHandle::url).unwrap_or_default();
        loader(&desk, &format!("http://{}", self.mock.addr()))
    }

    /// The state directory as a process that died this moment would have left it.
    pub(crate) fn image(&self) -> tempfile::TempDir {
        let image = tempfile::tempdir().unwrap();
        copy(self.state(), image.path());
        image
    }

    /// The agent of the workflow.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.addr, &self.key)
    }

    pub(crate) fn anyone(&self, key: &str) -> Client {
        Client::new(self.addr, key)
    }

    fn fresh(&self) -> [u8; 32] {
        [self.made.fetch_add(1, std::sync::atomic::Ordering::Relaxed); 32]
    }

    pub(crate) async fn key(&self, name: &str, kind: PrincipalKind, workflow: &str) -> String {
        self.key_with(name, kind, workflow, |_| {}).await
    }

    pub(crate) async fn key_with(
        &self,
        name: &str,
        kind: PrincipalKind,
        workflow: &str,
        change: impl FnOnce(&mut KeyRow),
    ) -> String {
        let minted = mint(self.fresh(), KeyKind::User);
        let mut row = KeyRow {
            sha256: *minted.key.digest.as_bytes(),
            prefix: minted.key.shown.clone(),
            name: name.to_owned(),
            kind,
            workflow: workflow.to_owned(),
            tenant: String::new(),
            roles: Vec::new(),
            created_at: Timestamp::now() - SignedDuration::from_hours(1),
            expires_at: None,
            revoked_at: None,
        };
        change(&mut row);
        self.gateway.store().add_key(&row).await.unwrap();
        minted.secret
    }

    /// A person with an admin key.
    pub(crate) async fn person(&self, name: &str) -> Operator {
        let minted = mint(self.fresh(), KeyKind::Admin);
        let row = AdminKeyRow {
            sha256: *minted.key.digest.as_bytes(),
            prefix: minted.key.shown.clone(),
            name: name.to_owned(),
            roles: Vec::new(),
            created_at: Timestamp::now(),
            expires_at: None,
            revoked_at: None,
        };
        self.gateway.store().add_admin_key(&row).await.unwrap();
        self.gateway.identify_operator(&minted.secret).await.unwrap()
    }

    /// What was really done.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.desk.as_ref().map(DeskHandle::effects).unwrap_or_default()
    }

    pub(crate) fn done(&self, tool: &str) -> usize {
        self.effects().iter().filter(|effect| effect.tool == tool).count()
    }

    /// The desk goes away.
    pub(crate) fn close_desk(&mut self) {
        self.desk = None;
    }

    /// What the model answers from now on.
    pub(crate) fn say(&self, status: u16, kind: &'static str, body: impl Into<Bytes>) {
        self.script.say(status, kind, body);
    }

    /// Everything that is durable.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries_from(0)
    }

    /// What became durable after so many entries.
    pub(crate) fn entries_from(&self, size: u64) -> Vec<Entry> {
        let records = self.gateway.ledger().reader().iter_from(Seq(size)).map(Result::unwrap);
        records.map(|record| self.gateway.reading_all().record(&record).unwrap().entry).collect()
    }

    /// How many entries are durable.
    pub(crate) fn size(&self) -> u64 {
        self.gateway.ledger().size()
    }

    /// Refusals and holds on record.
    pub(crate) fn decisions(&self) -> Vec<Judged> {
        let of = |entry: Entry| match entry.body {
            EntryBody::Decision(judged) => Some(*judged),
            _ => None,
        };
        self.entries().into_iter().filter_map(of).collect()
    }

    /// Waits until something is so; a second is what a kill switch may take.
    pub(crate) async fn within_a_second(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let until = Instant::now() + Duration::from_secs(1);
        while !so().await {
            assert!(Instant::now() < until, "{what}: not within a second");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// It is still there and does its work.
    #[track_caller]
    pub(crate) fn alive(&self) -> impl Future<Output = ()> {
        let client = self.client();
        async move {
            client.get("/health/live").await.expect(200, "live");
            client.get("/v1/models").await.expect(200, "data");
        }
    }

    /// Every byte under the state directory, without names.
    pub(crate) fn state_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        collect(self.state(), &mut bytes);
        bytes
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

fn collect(dir: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => collect(&entry.path(), into),
            false => into.extend(std::fs::read(entry.path()).unwrap()),
        }
    }
}

/// One request that reached the scripted model.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A model that says what it is told to say.
#[derive(Debug)]
pub(crate) struct Script {
    addr: SocketAddr,
    answer: Mutex<(u16, &'static str, Bytes)>,
    seen: Mutex<Vec<Seen>>,
}

impl Script {
    pub(crate) async fn spawn() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let answer = Mutex::new((200, "application/json", Bytes::from_static(b"{}")));
        let script = Arc::new(Self { addr, answer, seen: Mutex::default() });
        let serving = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&serving);
                let service = service_fn(move |request| Arc::clone(&script).answer(request));
                let server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        });
        script
    }

    /// What it answers from now on.
    pub(crate) fn say(&self, status: u16, kind: &'static str, body: impl Into<Bytes>) {
        *self.answer.lock().unwrap() = (status, kind, body.into());
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        self.seen.lock().unwrap().push(Seen { headers: head.headers, body });
        let (status, kind, body) = self.answer.lock().unwrap().clone();
        let response = Response::builder().status(status).header("content-type", kind);
        Ok(response.body(Full::new(body)).unwrap())
    }
}
