//! A tool server that writes down what it sees, a gateway before it, and clients of both eras.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use plimsoll_bundle::load::{Overrides, load};
use plimsoll_bundle::replay::{self, Replayed};
use plimsoll_bundle::{Env, Tree, pin};
use plimsoll_core::{Entry, EntryBody, Label, PrincipalKind};
use plimsoll_gateway::{Gateway, GatewayOptions, releases, server};
use plimsoll_inspect::key::{KeyKind, mint};
use plimsoll_ledger::Seq;
use plimsoll_store::{AdminKeyRow, KeyRow};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

const META: &str = "io.modelcontextprotocol";

/// Three tools, one of each tier.
pub(crate) fn tools() -> Vec<Value> {
    let tool = |name: &str, properties: Value| {
        let schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        json!({"name": name, "description": format!("Does {name}"), "inputSchema": schema})
    };
    vec![
        tool("look", json!({"what": {"type": "string"}})),
        tool("pay", json!({"amount": {"type": "integer"}})),
        tool("erase", json!({"who": {"type": "string"}})),
    ]
}

// === the tool server ===

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Sessions,
    Stateless,
    Both,
}

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: String,
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn tool(&self) -> Option<&str> {
        (self.method == "tools/call").then(|| self.body["params"]["name"].as_str()).flatten()
    }

    pub(crate) fn everything(&self) -> String {
        format!("{} {}", self.headers, self.body)
    }
}

#[derive(Debug)]
pub(crate) struct Upstream {
    speaks: Speaks,
    tools: Mutex<Vec<Value>>,
    seen: Mutex<Vec<Seen>>,
    sessions: Mutex<HashSet<String>>,
    opened: AtomicI64,
    breaks: AtomicI64,
    says: Mutex<Option<Value>>,
}

impl Upstream {
    /// What it writes as `_meta` on its results from now on.
    pub(crate) fn say_of_results(&self, meta: Value) {
        *self.says.lock().unwrap() = Some(meta);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self, tool: &str) -> usize {
        self.seen().iter().filter(|seen| seen.tool() == Some(tool)).count()
    }

    pub(crate) fn acts(&self) -> usize {
        self.seen().iter().filter(|seen| seen.method == "tools/call").count()
    }

    pub(crate) fn sessions_opened(&self) -> i64 {
        self.opened.load(Ordering::SeqCst)
    }

    pub(crate) fn forget_sessions(&self) {
        self.sessions.lock().unwrap().clear();
    }

    pub(crate) fn break_next_call(&self) {
        self.breaks.store(1, Ordering::SeqCst);
    }

    pub(crate) fn hang_next_call(&self) {
        self.breaks.store(2, Ordering::SeqCst);
    }

    pub(crate) fn redescribe(&self, name: &str, description: &str) {
        for tool in self.tools.lock().unwrap().iter_mut().filter(|tool| tool["name"] == name) {
            tool["description"] = json!(description);
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let headers = request.headers().clone();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let respond = |status: u16, body: String, session: Option<String>| {
            let mut response = Response::builder().status(status).header("content-type", "application/json");
            if let Some(session) = session {
                response = response.header("mcp-session-id", session);
            }
            Ok(response.body(Full::from(body)).unwrap())
        };
        if request.method() != "POST" {
            return respond(405, String::new(), None);
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let method = body["method"].as_str().unwrap_or_default().to_owned();
        let seen = Seen {
            method: method.clone(),
            authorization: header("authorization"),
            headers: format!("{headers:?}"),
            body: body.clone(),
        };
        self.seen.lock().unwrap().push(seen);
        if body["id"].is_null() {
            return respond(202, String::new(), None);
        }
        let modern = body["params"]["_meta"][format!("{META}/protocolVersion")].is_string();
        let error = |code: i64| {
            json!({"jsonrpc": "2.0", "id": body["id"], "error": {"code": code, "message": "no"}}).to_string()
        };
        if modern && self.speaks == Speaks::Sessions || !modern && self.speaks == Speaks::Stateless {
            return respond(400, error(-32000), None);
        }
        if modern {
            assert_eq!(
                header("mcp-method").as_deref(),
                Some(method.as_str()),
                "the gateway writes the headers"
            );
        } else if method != "initialize"
            && !header("mcp-session-id").is_some_and(|id| self.sessions.lock().unwrap().contains(&id))
        {
            return respond(404, error(-32000), None);
        }
        match self.breaks.swap(
            if method == "tools/call" { 0 } else { self.breaks.load(Ordering::SeqCst) },
            Ordering::SeqCst,
        ) {
            1 if method == "tools/call" => return respond(502, "oh".to_owned(), None),
            2 if method == "tools/call" => std::future::pending::<()>().await,
            _ => {}
        }
        let mut session = None;
        let mut result = match method.as_str() {
            "initialize" => {
                let id = format!("s{}", self.opened.fetch_add(1, Ordering::SeqCst));
                self.sessions.lock().unwrap().insert(id.clone());
                session = Some(id);
                json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "fake", "version": "1"}})
            }
            "server/discover" => {
                json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"})
            }
            "tools/list" => {
                json!({"tools": *self.tools.lock().unwrap(), "ttlMs": 0, "cacheScope": "private"})
            }
            "tools/call" => {
                let text = match body["params"]["name"].as_str() {
                    Some("look") => "looked",
                    Some("pay") => "paid",
                    _ => "erased",
                };
                let mut result = json!({"content": [{"type": "text", "text": text}]});
                if let Some(meta) = self.says.lock().unwrap().clone() {
                    result["_meta"] = meta;
                }
                result
            }
            _ => return respond(if modern { 404 } else { 200 }, error(-32601), None),
        };
        if modern {
            result["resultType"] = json!("complete");
        }
        respond(200, json!({"jsonrpc": "2.0", "id": body["id"], "result": result}).to_string(), session)
    }
}

/// A tool server in shell: it asks for roots when it is called, and says how many it got.
const CHILD: &str = r#"
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":'"$id"',"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}}' ;;
    *'"tools/list"'*) echo '{"jsonrpc":"2.0","id":'"$id"',"result":{"tools":TOOLS}}' ;;
    *'"tools/call"'*) call=$id; echo 'not a message'; echo 'some words' >&2; echo '{"jsonrpc":"2.0","id":"r","method":"roots/list"}' ;;
    *'"roots":[]'*) echo '{"jsonrpc":"2.0","id":'"$call"',"result":{"content":[{"type":"text","text":"roots 0 pid '"$$"'"}]}}' ;;
    *'"roots"'*) echo '{"jsonrpc":"2.0","id":'"$call"',"result":{"content":[{"type":"text","text":"roots many pid '"$$"'"}]}}' ;;
    *'"id"'*) echo '{"jsonrpc":"2.0","id":'"$id"',"error":{"code":-32601,"message":"no"}}' ;;
  esac
done
"#;

// === the gateway ===

pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) other_key: String,
    admin: String,
    _stop: watch::Sender<bool>,
    state: tempfile::TempDir,
}

/// Whatever a test did, each of its decisions comes out again from its entry and the release it names.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let bundle = self.gateway.bundle();
        let bundle = releases::read(self.state.path(), &bundle.kept.digest).unwrap();
        for record in self.gateway.ledger().reader().iter_from(Seq(0)).map(Result::unwrap) {
            let entry = self.gateway.reading_all().record(&record).unwrap().entry;
            let Some((judged, passed)) = replay::judged(&entry) else { continue };
            let again = replay::again(&entry, judged, passed, &bundle);
            assert_eq!(again, Replayed::Same, "entry {} is not decided again as it was", record.seq.0);
        }
    }
}

impl World {
    pub(crate) async fn new(speaks: Speaks, tools: Vec<Value>) -> Self {
        Self::with(speaks, tools, "", "").await
    }

    /// The same with more said of the server and of the workflow.
    pub(crate) async fn with(speaks: Speaks, tools: Vec<Value>, server: &str, workflow: &str) -> Self {
        let upstream = Arc::new(Upstream {
            speaks,
            tools: Mutex::new(tools.clone()),
            seen: Mutex::default(),
            sessions: Mutex::default(),
            opened: AtomicI64::new(0),
            breaks: AtomicI64::new(0),
            says: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&upstream);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let upstream = Arc::clone(&serving);
                let service = service_fn(move |request| Arc::clone(&upstream).answer(request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self::before(upstream, &format!("http: http://{address}/mcp\n{server}"), &tools, workflow).await
    }

    pub(crate) async fn child() -> Self {
        let upstream = Arc::new(Upstream {
            speaks: Speaks::Sessions,
            tools: Mutex::default(),
            seen: Mutex::default(),
            sessions: Mutex::default(),
            opened: AtomicI64::new(0),
            breaks: AtomicI64::new(0),
            says: Mutex::default(),
        });
        let script = CHILD.replace("TOOLS", &json!(tools()).to_string());
        Self::before(upstream, &format!("stdio: {}", json!(["sh", "-c", script])), &tools(), "").await
    }

    async fn before(upstream: Arc<Upstream>, reach: &str, tools: &[Value], workflow: &str) -> Self {
        let mut tree = Tree::default();
        tree.insert(
            "plimsoll.yaml",
            "plimsoll: 1\nproject: test\nenvironment: test\nbounds: {upstream_timeout: 2s}\n",
        );
        tree.insert(
            "people.yaml",
            "people:\n  rosa: {roles: [reviewer]}\nroles:\n  reviewer: {purpose: looks}\n",
        );
        let accounts = if reach.starts_with("http") {
            "accounts: {read: \"${READ}\", execute: \"${EXECUTE}\"}\n"
        } else {
            ""
        };
        tree.insert(
            "tools/shop.yaml",
            format!(
                "server: shop\n{reach}\n{accounts}tools:\n  look: {{tier: safe, effect: read}}\n  pay: {{tier: safe, effect: shared, account: execute}}\n  erase: {{tier: dangerous, effect: destructive}}\n"
            ),
        );
        tree.insert(
            "tools/shop.lock.json",
            pin::lock_file("shop", "2025-11-25", "2026-11-20", "rosa", tools),
        );
        tree.insert(
            "workflows/work.yaml",
            format!(
                "workflow: work\npurpose: test\nowner: rosa\nincident_owner: rosa\nmode: enforce\n{workflow}\nacts:\n  shop.*: automated\n  shop.erase:\n    decides: {{people: [reviewer], expires: 10m}}\n    on_failure: nothing\n    way_back: none\n"
            ),
        );
        let variable = |name: &str| match name {
            "READ" => Some("read-secret".to_owned()),
            "EXECUTE" => Some("execute-secret".to_owned()),
            _ => None,
        };
        let file = |_: &str| Err("no files".to_owned());
        let (bundle, _) = load(&tree, Env { var: &variable, file: &file }, &Overrides::default())
            .unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
        let state = tempfile::tempdir().unwrap();
        let options = GatewayOptions {
            bundle: plimsoll_gateway::Source::Directory(Box::new(bundle)),
            state_dir: state.path().to_owned(),
            admin_url: "http://127.0.0.1:1".to_owned(),
        };
        let gateway = Gateway::open(options).await.unwrap();
        let (key, other_key) = (user(&gateway, 1, "ada").await, user(&gateway, 2, "eve").await);
        let admin = mint([3; 32], KeyKind::Admin);
        let row = AdminKeyRow {
            sha256: *admin.key.digest.as_bytes(),
            prefix: admin.key.shown.clone(),
            name: "rosa".to_owned(),
            roles: vec!["reviewer".to_owned()],
            created_at: Timestamp::now(),
            expires_at: None,
            revoked_at: None,
        };
        gateway.store().add_admin_key(&row).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp/shop", listener.local_addr().unwrap());
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server::serve(Arc::clone(&gateway), listener, stopped));
        Self { gateway, upstream, url, key, other_key, admin: admin.secret, _stop: stop, state }
    }

    /// How the results so far are on record: who stands behind them, and who may read them.
    pub(crate) fn labels(&self) -> Vec<Label> {
        let records = self.gateway.ledger().reader().iter_from(Seq(0));
        let entries =
            records.map(|record| self.gateway.reading_all().record(&record.unwrap()).unwrap().entry);
        let label = |entry: Entry| match entry.body {
            EntryBody::Outcome(outcome) => Some(outcome.result?.label),
            _ => None,
        };
        entries.filter_map(label).collect()
    }

    /// Rosa says yes.
    pub(crate) async fn approve(&self, ticket: &str) {
        let operator = self.gateway.identify_operator(&self.admin).await.unwrap();
        let approval = self.gateway.store().approval(ticket).await.unwrap().unwrap();
        self.gateway.vote(&operator, ticket, true, "", &approval.act_digest).await.unwrap();
    }
}

async fn user(gateway: &Gateway, seed: u8, name: &str) -> String {
    let minted = mint([seed; 32], KeyKind::User);
    let row = KeyRow {
        sha256: *minted.key.digest.as_bytes(),
        prefix: minted.key.shown.clone(),
        name: name.to_owned(),
        kind: PrincipalKind::User,
        workflow: "work".to_owned(),
        tenant: String::new(),
        roles: Vec::new(),
        created_at: Timestamp::now(),
        expires_at: None,
        revoked_at: None,
    };
    gateway.store().add_key(&row).await.unwrap();
    minted.secret
}

// === clients ===

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) url: String,
    pub(crate) key: String,
    session: Option<String>,
    pages: bool,
    next: Arc<AtomicI64>,
}

impl Client {
    pub(crate) fn stateless(world: &World) -> Self {
        Self {
            url: world.url.clone(),
            key: world.key.clone(),
            session: None,
            pages: false,
            next: Arc::new(AtomicI64::new(1)),
        }
    }

    pub(crate) async fn sessions(world: &World) -> Self {
        let client = Self::stateless(world);
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"roots": {}}, "clientInfo": {"name": "t", "version": "1"}});
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let (status, session, answer) = client.post(&body, &[]).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            answer["result"]["protocolVersion"].as_str().map(|version| &version[..4]),
            Some("2025"),
            "{answer}"
        );
        Self { session, ..client }
    }

    /// The same client, session and all, under another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub(crate) fn with_pages(self) -> Self {
        Self { pages: true, ..self }
    }

    pub(crate) fn is_stateless(&self) -> bool {
        self.session.is_none()
    }

    pub(crate) const fn opens_pages(&self) -> bool {
        self.pages
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.session.is_some(), self.pages)
    }

    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        self.send(method, params).await.1
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// A call whose headers name another tool.
    pub(crate) async fn call_as(&self, header: &str, tool: &str, arguments: Value) -> (u16, Value) {
        self.request("tools/call", json!({"name": tool, "arguments": arguments}), Some(header)).await
    }

    pub(crate) async fn send(&self, method: &str, params: Value) -> (u16, Value) {
        let name = params["name"].as_str().map(str::to_owned);
        self.request(method, params, name.as_deref()).await
    }

    async fn request(&self, method: &str, mut params: Value, name: Option<&str>) -> (u16, Value) {
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        let mut headers = Vec::new();
        if let Some(session) = &self.session {
            headers.push(("mcp-session-id", session.as_str()));
        } else {
            let capabilities = if self.pages { json!({"elicitation": {"url": {}}}) } else { json!({}) };
            params["_meta"] = json!({format!("{META}/protocolVersion"): "2026-07-28", format!("{META}/clientCapabilities"): capabilities});
            headers.extend([("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)]);
            headers.extend(name.map(|name| ("mcp-name", name)));
        }
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let (status, _, answer) = self.post(&body, &headers).await;
        (status, answer)
    }

    /// Takes a request back, a moment after it was sent.
    pub(crate) async fn take_back(&self, id: i64) -> u16 {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let body =
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        self.post(&body, &[("mcp-session-id", self.session.as_deref().unwrap_or_default())]).await.0
    }

    pub(crate) async fn leave(&self) {
        let request = Request::delete(&self.url)
            .header("authorization", format!("Bearer {}", self.key))
            .header("mcp-session-id", self.session.as_deref().unwrap_or_default())
            .body(Full::<Bytes>::default())
            .unwrap();
        let response = HttpClient::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
        assert!(response.status().is_success());
    }

    /// The code of a refusal.
    pub(crate) fn code(&self, answer: &Value) -> String {
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        answer["result"]["_meta"]["dev.plimsoll/refusal"]["code"].as_str().unwrap_or_default().to_owned()
    }

    async fn post(&self, body: &Value, headers: &[(&str, &str)]) -> (u16, Option<String>, Value) {
        let mut request = Request::post(&self.url)
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        let response = HttpClient::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
        let status = response.status().as_u16();
        let session =
            response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let text = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&text).into_owned();
        let json = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap_or(&text);
        (status, session, serde_json::from_str(json).unwrap_or(Value::Null))
    }
}
