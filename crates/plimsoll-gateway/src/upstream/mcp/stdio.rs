//! A tool server as a child process: one message a line, in both directions.
//!
//! The command comes from the workflow repository and from nowhere else. The child gets a process group of its own, a
//! bare environment with what the repository declares, and no terminal; when the link goes, the whole group goes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use plimsoll_bundle::{Bounds, Secret};
use plimsoll_inspect::redact::Redactor;
use plimsoll_wire::json::{OwnedDoc, Ref};
use plimsoll_wire::jsonrpc::{Body, Frame, Id};
use plimsoll_wire::mcp::meta;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

use super::super::UpstreamError;
use super::http::Replies;

/// Messages that may wait between a child and whoever reads them. A slow reader makes the child wait.
const QUEUE: usize = 64;
/// Bytes of one line of a child's stderr that are kept.
const STDERR_LINE_BYTES: usize = 500;
/// Lines of stderr kept for an error message.
const STDERR_LINES: usize = 5;
/// How long a child may take to leave once its stdin is closed.
const LEAVE: Duration = Duration::from_secs(2);
/// What a child inherits besides what the repository declares.
const INHERITED: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];

/// A running child.
#[derive(Debug)]
pub(super) struct StdioWire {
    name: String,
    group: Option<Pid>,
    stdin: tokio::sync::Mutex<Option<ChildStdin>>,
    child: tokio::sync::Mutex<Child>,
    shared: Arc<Shared>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// Who waits for what.
#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    said: Mutex<VecDeque<String>>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Requests in flight, by our id; the latest is last.
    requests: BTreeMap<i64, mpsc::Sender<OwnedDoc>>,
    tokens: HashMap<Id, i64>,
    /// Who listens to what belongs to no request.
    listener: Option<mpsc::Sender<OwnedDoc>>,
    gone: bool,
}

impl StdioWire {
    /// Starts the child.
    pub(super) fn start(
        name: &str,
        command: &[String],
        env: &BTreeMap<String, Secret>,
        bounds: Bounds,
        redactor: &Redactor,
    ) -> Result<Self, UpstreamError> {
        let unreachable = |why: String| UpstreamError::Unreachable { name: name.to_owned(), why };
        let (program, arguments) =
            command.split_first().ok_or_else(|| unreachable("the command is empty".to_owned()))?;
        let mut build = Command::new(program);
        build.args(arguments).env_clear().process_group(0).kill_on_drop(true);
        build.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        build.envs(INHERITED.iter().filter_map(|key| std::env::var_os(key).map(|value| (*key, value))));
        build.envs(env.iter().map(|(key, secret)| (key, secret.reveal())));
        let mut child =
            build.spawn().map_err(|error| unreachable(format!("`{program}` does not start: {error}")))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let shared = Arc::new(Shared::default());
        let mut tasks = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            tasks.push(tokio::spawn(listen(stdout, Arc::clone(&shared), name.to_owned(), bounds)));
        }
        if let Some(stderr) = child.stderr.take() {
            tasks.push(tokio::spawn(overhear(
                stderr,
                Arc::clone(&shared),
                name.to_owned(),
                redactor.clone(),
            )));
        }
        let stdin = tokio::sync::Mutex::new(child.stdin.take());
        Ok(Self { name: name.to_owned(), group, stdin, child: tokio::sync::Mutex::new(child), shared, tasks })
    }

    /// Sends a request; its answer, and what belongs to it, come back by themselves.
    pub(super) async fn request(
        &self,
        id: i64,
        token: Option<Id>,
        text: &[u8],
    ) -> Result<Replies, UpstreamError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        {
            let mut waiting = self.shared.waiting();
            if waiting.gone {
                return Err(UpstreamError::Unreachable { name: self.name.clone(), why: self.last_words() });
            }
            waiting.requests.insert(id, sender);
            waiting.tokens.extend(token.map(|token| (token, id)));
        }
        if let Err(error) = self.write(text).await {
            self.shared.forget(id);
            return Err(error);
        }
        Ok(Replies::pipe(receiver))
    }

    /// Nobody waits for this request any more.
    pub(super) fn forget(&self, id: i64) {
        self.shared.forget(id);
    }

    /// Sends a message that wants no answer.
    pub(super) async fn write(&self, text: &[u8]) -> Result<(), UpstreamError> {
        let broken = |why: String| UpstreamError::Broken { name: self.name.clone(), why };
        let mut stdin = self.stdin.lock().await;
        let Some(pipe) = stdin.as_mut() else { return Err(broken("its stdin is closed".to_owned())) };
        // A text may hold line ends between its values; a message must not.
        let mut line: Vec<u8> =
            text.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect();
        line.push(b'\n');
        let writing = async {
            pipe.write_all(&line).await?;
            pipe.flush().await
        };
        writing.await.map_err(|error: std::io::Error| broken(format!("{error}; {}", self.last_words())))
    }

    /// Takes what belongs to no request from now on.
    pub(super) fn listen(&self) -> Replies {
        let (sender, receiver) = mpsc::channel(QUEUE);
        self.shared.waiting().listener = Some(sender);
        Replies::pipe(receiver)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.shared.waiting().gone
    }

    /// What the child last said on stderr, redacted.
    pub(super) fn last_words(&self) -> String {
        let said = self.shared.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_empty() {
            "the process has ended".to_owned()
        } else {
            said.iter().cloned().collect::<Vec<_>>().join(" | ")
        }
    }

    /// Closes stdin, gives the child a moment to leave, then makes it.
    pub(super) async fn goodbye(&self) {
        self.stdin.lock().await.take();
        let _left_by_itself = tokio::time::timeout(LEAVE, self.child.lock().await.wait()).await;
        self.kill();
    }

    fn kill(&self) {
        if let Some(group) = self.group {
            let _gone_already = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for StdioWire {
    fn drop(&mut self) {
        self.kill();
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, id: i64) {
        let mut waiting = self.waiting();
        waiting.requests.remove(&id);
        waiting.tokens.retain(|_, other| *other != id);
    }

    /// Who should get a message. Answers go to who asked, progress to whose token it is; the rest to the listener, or
    /// else to the request begun last, which at least has a client at its end.
    fn receiver(&self, doc: &OwnedDoc) -> Option<mpsc::Sender<OwnedDoc>> {
        let frame = Frame::read(doc.root()).ok()?;
        let mut waiting = self.waiting();
        match &frame.body {
            Body::Result { id: Id::Number(id), .. } | Body::Error { id: Some(Id::Number(id)), .. } => {
                waiting.tokens.retain(|_, other| other != id);
                waiting.requests.remove(id)
            }
            Body::Result { .. } | Body::Error { .. } => None,
            Body::Request { .. } => {
                let latest = waiting.requests.values().next_back();
                latest.or(waiting.listener.as_ref()).cloned()
            }
            Body::Notification { params, .. } => {
                let token = params.and_then(|params| params.get("progressToken")).and_then(Id::read);
                let subscription = params
                    .and_then(|params| params.get("_meta")?.get(meta::SUBSCRIPTION_ID))
                    .and_then(Ref::as_i64);
                let owner = token.and_then(|token| waiting.tokens.get(&token).copied()).or(subscription);
                let by_token = owner.and_then(|id| waiting.requests.get(&id));
                let open = waiting.listener.as_ref().filter(|listener| !listener.is_closed());
                by_token.or(open).or_else(|| waiting.requests.values().next_back()).cloned()
            }
        }
    }
}

/// Reads the child's messages until it ends.
async fn listen(stdout: impl AsyncRead + Unpin, shared: Arc<Shared>, name: String, bounds: Bounds) {
    let mut lines = BufReader::new(stdout);
    loop {
        let line = match read_line(&mut lines, bounds.response_bytes).await {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(server = name, %error, "a tool server's output can't be read further");
                break;
            }
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let Ok(doc) = super::http::read(Bytes::from(line), &name, &bounds) else {
            tracing::warn!(server = name, "a tool server wrote something to stdout that is no message");
            continue;
        };
        match shared.receiver(&doc) {
            Some(receiver) => drop(receiver.send(doc).await),
            None => tracing::debug!(server = name, "a message of a tool server that nobody waits for"),
        }
    }
    let mut waiting = shared.waiting();
    // Dropping the senders tells everyone who waits.
    *waiting = Waiting { gone: true, ..Waiting::default() };
}

/// One line within a bound, without its end.
async fn read_line(
    lines: &mut BufReader<impl AsyncRead + Unpin>,
    bound: usize,
) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let available = lines.fill_buf().await?;
        if available.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(available.len());
        line.extend_from_slice(&available[..taken]);
        let used = taken + usize::from(end.is_some());
        lines.consume(used);
        if line.len() > bound {
            return Err(std::io::Error::other(format!(
                "a line is longer than {bound} bytes (`bounds.response_bytes`)"
            )));
        }
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

/// Writes the child's stderr into our log, redacted and shortened.
async fn overhear(stderr: impl AsyncRead + Unpin, shared: Arc<Shared>, name: String, redactor: Redactor) {
    let mut lines = BufReader::new(stderr);
    while let Ok(Some(line)) = read_line(&mut lines, 1 << 20).await {
        let text = String::from_utf8_lossy(&line);
        let mut text = redactor.redact(text.trim_end()).into_owned();
        let mut end = text.len().min(STDERR_LINE_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        tracing::info!(server = name, "{text}");
        let mut said = shared.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == STDERR_LINES {
            said.pop_front();
        }
        said.push_back(text);
    }
}
