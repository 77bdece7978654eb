//! The program as a child process: started, waited for, killed; and a client that keeps nothing back.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// How long a child gets to say where it listens.
const START: Duration = Duration::from_secs(60);

/// A running `plimsoll …`. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Program {
    pub(crate) fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = command(args, env);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.lock().unwrap().push(line);
            }
        });
        Self { child, said }
    }

    /// The address on the first line that has `mark`.
    pub(crate) fn address(&mut self, mark: &str) -> String {
        let until = Instant::now() + START;
        loop {
            let found = self.said().iter().find_map(|line| {
                let rest = &line[line.find(mark)?..];
                let address = &rest[rest.find("http://")? + "http://".len()..];
                Some(address.split(['/', ' ']).next()?.to_owned())
            });
            if let Some(address) = found {
                return address;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended with {status}: {}", self.said().join("\n"));
            }
            assert!(Instant::now() < until, "it never said where it listens: {}", self.said().join("\n"));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it wrote to standard error so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) {
        let until = Instant::now() + START;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it never ended: {}", self.said().join("\n"));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL: nothing in the child gets to say another word.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `plimsoll …` with none of the caller's settings.
pub(crate) fn command(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(args);
    for name in ["PLIMSOLL_REPO", "PLIMSOLL_STATE", "PLIMSOLL_MODE", "PLIMSOLL_ENVIRONMENT", "PLIMSOLL_LOG"] {
        command.env_remove(name);
    }
    command.envs(env.iter().copied());
    command
}

/// Runs a verb to its end and gives its standard output.
pub(crate) fn run(args: &[&str], env: &[(&str, &str)]) -> String {
    let output = command(args, env).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "plimsoll {}: {said}", args.join(" "));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A copy of `examples/support-desk` with some of its text changed: file, what stands there, what to write.
pub(crate) fn repository(into: &Path, changes: &[(&str, &str, &str)]) {
    let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/support-desk");
    copy(&from, into);
    for (file, old, new) in changes {
        let path = into.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} does not say `{old}`");
        std::fs::write(path, text.replace(old, new)).unwrap();
    }
}

fn copy(from: &Path, into: &Path) {
    std::fs::create_dir_all(into).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true if name.to_string_lossy().starts_with('.') => {}
            true => copy(&path, &into.join(name)),
            false => drop(std::fs::copy(path, into.join(name)).unwrap()),
        }
    }
}

/// One answer, as far as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) request: String,
    pub(crate) body: Value,
}

/// A client with one connection.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    key: String,
}

impl Http {
    pub(crate) fn new(address: &str, key: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: format!("http://{address}"), key: key.to_owned() }
    }

    /// `None` when the connection broke: nobody answered.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Option<Answer> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes();
        let request = head.headers.get("x-plimsoll-request").and_then(|value| value.to_str().ok());
        let body = serde_json::from_slice(&bytes).or_else(|_| last_event(&bytes)).unwrap_or(Value::Null);
        Some(Answer { status: head.status.as_u16(), request: request.unwrap_or_default().to_owned(), body })
    }

    /// What a GET answers, as text.
    pub(crate) async fn text(&self, path: &str) -> String {
        let request = Request::builder().uri(format!("{}{path}", self.base)).body(Full::default()).unwrap();
        let body = self.client.request(request).await.unwrap().into_body();
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    /// A tool call of the era without sessions.
    pub(crate) async fn call(&self, server: &str, tool: &str, arguments: &Value) -> Option<Answer> {
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {} });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "_meta": meta, "name": tool, "arguments": arguments } });
        let headers =
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", tool)];
        self.post(&format!("/mcp/{server}"), &headers, &body).await
    }
}

fn last_event(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let text = String::from_utf8_lossy(bytes);
    let last = text.lines().filter_map(|line| line.strip_prefix("data:")).next_back();
    serde_json::from_str(last.unwrap_or_default())
}
