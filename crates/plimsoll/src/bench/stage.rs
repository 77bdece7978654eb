//! The set-up: a workflow repository with everything on, and the processes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use plimsoll_store::Store;

use super::load;
use super::proc::{Cores, Owned};
use super::shapes::{Shape, Template, Traffic};
use crate::cmd::key::make;
use crate::system::raise_open_files;
use crate::talk::Error;

const PLIMSOLL: &str = "plimsoll: 1\nproject: bench\nenvironment: bench\n";
const MODEL: &str = "model: main\nprovider: openai\nurl: ${MODEL_URL}\ncredential: ${MODEL_KEY}\nnames: [\"*\"]\nregion: this machine\nprocessor: plimsoll bench\n";
const WORKFLOW: &str = "workflow: bench
purpose: Be measured with identity, policy, labels, redaction, limits and record on.
owner: whoever runs the benchmark
mode: enforce
models: [main]
prompts: [support]
acts:
  desk.get_order: automated
limits:
  - {per: principal, window: 1m, calls: 1000000000}
";
const FILES: &[(&str, &str)] = &[
    ("plimsoll.yaml", PLIMSOLL),
    ("models/main.yaml", MODEL),
    ("workflows/bench.yaml", WORKFLOW),
    ("prompts/support.md", include_str!("../../../../examples/support-desk/prompts/support.md")),
    ("tools/desk.yaml", include_str!("../../../../examples/support-desk/tools/desk.yaml")),
    ("tools/desk.lock.json", include_str!("../../../../examples/support-desk/tools/desk.lock.json")),
];

/// Somebody who can be measured.
#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    pub at: SocketAddr,
    process: Owned,
}

impl Target {
    pub fn id(&self) -> u32 {
        self.process.0.id()
    }
}

/// Everything that runs.
#[derive(Debug)]
pub struct Stage {
    pub cores: Cores,
    pub upstream: Target,
    pub floor: Target,
    pub gateway: Target,
    /// From starting the gateway to its first answer.
    pub start: Duration,
    key: String,
    mcp_session: Option<String>,
    _dir: tempfile::TempDir,
}

impl Stage {
    pub async fn build() -> Result<Self, Error> {
        raise_open_files();
        let cores = Cores::find();
        let dir = tempfile::tempdir()?;
        // On the load's processor from here on, and everything that is started with it.
        cores.measured(|| ());
        let upstream = spawn("upstream", Command::new(program()?).args(["bench", "role", "upstream"]))?;
        let to = upstream.at.to_string();
        let floor = cores.measured(|| {
            spawn("floor", Command::new(program()?).args(["bench", "role", "floor", "--upstream", &to]))
        })?;
        for (path, text) in FILES {
            let path = dir.path().join("repo").join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, text)?;
        }
        let state = dir.path().join("state");
        fs::create_dir_all(&state)?;
        let store = Store::open(&state.join("plimsoll.db")).await?;
        let key = make::agent(&store, "bench", "bench").await?;
        drop(store);
        let began = Instant::now();
        let gateway = cores.measured(|| start(dir.path(), &upstream))?;
        let chat = Template::of(Shape::RATE.traffic, &key, "first", None);
        load::once(gateway.at, chat).await?;
        let start = began.elapsed();
        let mut stage = Self { cores, upstream, floor, gateway, start, key, mcp_session: None, _dir: dir };
        stage.mcp_session = stage.initialize().await?;
        Ok(stage)
    }

    /// The requests of a shape, one template a connection.
    pub fn templates(&self, shape: &Shape) -> std::sync::Arc<[Template]> {
        load::many(shape.connections, |n| {
            Template::of(shape.traffic, &self.key, &format!("bench-{n}"), self.mcp_session.as_deref())
        })
    }

    /// Opens the MCP session that all connections share.
    async fn initialize(&self) -> Result<Option<String>, Error> {
        let hello = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } } });
        let call = Template::of(Traffic::Mcp, &self.key, "mcp", None);
        let text = String::from_utf8_lossy(&call.bytes).into_owned();
        let (head, _) = text.split_once("content-length").unwrap_or((&text, ""));
        let body = hello.to_string();
        let bytes = format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes();
        let answer =
            load::once(self.gateway.at, Template { bytes, varied: 0..0, expect: b"protocolVersion", ..call })
                .await?;
        Ok(answer.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("mcp-session-id").then(|| value.trim().to_owned())
        }))
    }
}

fn program() -> Result<PathBuf, Error> {
    Ok(std::env::current_exe()?)
}

fn start(dir: &Path, upstream: &Target) -> Result<Target, Error> {
    let url = format!("http://{}", upstream.at);
    let secret = "bench-credential-of-nobody";
    let mut command = Command::new(program()?);
    command.arg("up").arg("--repo").arg(dir.join("repo")).args([
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ]);
    command
        .env("PLIMSOLL_STATE", dir.join("state"))
        .env("MODEL_URL", &url)
        .env("MODEL_KEY", "bench-key-of-nobody");
    command.env("DESK_URL", format!("{url}/mcp")).env("DESK_READ", secret);
    command.env("DESK_DRAFT", secret).env("DESK_EXECUTE", secret);
    spawn("plimsoll", &mut command)
}

/// Starts a process and waits until it says where it listens.
fn spawn(name: &'static str, command: &mut Command) -> Result<Target, Error> {
    let mut process =
        Owned(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?);
    let talk = process.0.stderr.take().ok_or_else(|| Error::new("a process has no voice"))?;
    let mut lines = BufReader::new(talk).lines();
    let mut said = String::new();
    while let Some(line) = lines.next().transpose()? {
        if let Some(at) = address(&line) {
            // What it says later is read and dropped, so that it never waits for us.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(Target { name, at, process });
        }
        said.push_str(&line);
        said.push('\n');
    }
    Err(Error::new(format!("{name} did not start:\n{said}")))
}

fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').unwrap_or(rest.len());
    rest[..end].parse().ok()
}
