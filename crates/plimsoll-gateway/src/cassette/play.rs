//! Playing a tape.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use plimsoll_bundle::Bundle;
use plimsoll_bundle::replay::{in_short, judged};
use plimsoll_core::{Digest, Principal, ToolName, Vote};
use plimsoll_inspect::key::{KeyKind, mint};
use plimsoll_ledger::Seq;
use plimsoll_store::AdminKeyRow;
use serde_json::json;

use super::tape::{Does, Door, Held, Line, Step, Tape};
use super::upstream::{Recorded, unplugged};
use crate::gateway::{Gateway, GatewayOptions, Source, StartError};

/// Bytes in flight between the recorded client and the gateway.
const PIPE_BYTES: usize = 256 << 10;

/// What came of playing a tape.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// What clients and people did, and how much of it was done again without a difference.
    pub steps: usize,
    pub played: usize,
    pub decisions: usize,
    pub difference: Option<Difference>,
}

/// The first thing that was not as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The entry of the record that it is about.
    pub entry: u64,
    pub recorded: String,
    pub again: String,
}

/// Plays a tape under a bundle, with a ledger of its own in `state`, which has to be empty.
///
/// # Errors
/// When the gateway that plays can't be started.
pub async fn play(bundle: Bundle, mut tape: Tape, state: &Path) -> Result<Played, StartError> {
    let bundle = unplugged(bundle);
    let recorded = Arc::new(Recorded::new(&bundle, std::mem::take(&mut tape.answers)));
    let options = GatewayOptions {
        bundle: Source::Directory(Box::new(bundle)),
        state_dir: state.to_owned(),
        admin_url: "http://127.0.0.1".to_owned(),
    };
    let gateway = Gateway::open_recorded(options, Arc::clone(&recorded)).await?;
    let mut playing = Playing::new(gateway, recorded, tape.workflow);
    let mut played = Played { steps: tape.steps.len(), played: 0, decisions: 0, difference: None };
    for step in &tape.steps {
        match playing.step(step).await {
            Ok(decisions) => {
                played.played += 1;
                played.decisions += decisions;
            }
            Err(difference) => {
                played.difference = Some(difference);
                return Ok(played);
            }
        }
    }
    played.difference = playing.recorded.left().map(|(entry, asked)| Difference {
        entry,
        recorded: format!("{asked} was answered"),
        again: "nobody asked for it".to_owned(),
    });
    Ok(played)
}

pub(super) struct Playing {
    gateway: Arc<Gateway>,
    pub(super) recorded: Arc<Recorded>,
    workflow: String,
    /// MCP sessions, by server, principal and revision.
    sessions: HashMap<String, String>,
    /// Entries of the own ledger that were compared.
    read: u64,
    /// The last decision about each act, by tool and arguments: its digest is what people vote on.
    acts: HashMap<(ToolName, Digest), Digest>,
}

impl Playing {
    pub(super) fn new(gateway: Arc<Gateway>, recorded: Arc<Recorded>, workflow: String) -> Self {
        Self { gateway, recorded, workflow, sessions: HashMap::new(), read: 0, acts: HashMap::new() }
    }

    /// Does one thing again. At the LLM door it gives what the client was answered.
    pub(super) async fn again(&mut self, step: &Step) -> Result<Option<Response<Bytes>>, Difference> {
        let differs = |recorded: &str, again: String| Difference {
            entry: step.seq,
            recorded: recorded.to_owned(),
            again,
        };
        match &step.does {
            Does::Ask { redacted: true, .. } => {
                return Err(differs(
                    "the request held a secret, which is not on record",
                    "without it, it would be another request".to_owned(),
                ));
            }
            Does::Ask { principal, text, door, .. } => {
                let asked = self.ask(principal, text, door).await;
                return asked.map(Some).map_err(|why| differs("a client's request", why));
            }
            Does::Stop { on: true, stop } => self.gateway.stops.pull(stop.clone()),
            Does::Stop { on: false, stop } => self.gateway.stops.lift_local(&stop.scope),
            Does::Vote { held, vote } => {
                self.vote(held, vote).await.map_err(|why| {
                    differs(&format!("{} said {}", vote.person, if vote.yes { "yes" } else { "no" }), why)
                })?;
            }
        }
        Ok(None)
    }

    /// Does one thing again and compares what was decided. Gives how many decisions there were.
    async fn step(&mut self, step: &Step) -> Result<usize, Difference> {
        let differs = |recorded: &str, again: String| Difference {
            entry: step.seq,
            recorded: recorded.to_owned(),
            again,
        };
        let _answer = self.again(step).await?;
        let again = self.decided();
        let mut again = again.iter();
        for line in &step.decided {
            let of = |again: String| Difference { entry: line.seq, recorded: told(line), again };
            match again.next() {
                None => {
                    return Err(of(self
                        .recorded
                        .missed()
                        .unwrap_or_else(|| "it was not decided".to_owned())));
                }
                Some(other) if !is_same(line, other) => return Err(of(told(other))),
                Some(_) => {}
            }
        }
        if let Some(more) = again.next() {
            return Err(differs("nothing more was decided for this request", told(more)));
        }
        match self.recorded.missed() {
            Some(missed) => Err(differs("every answer", missed)),
            None => Ok(step.decided.len()),
        }
    }

    /// What the own ledger says was decided since it was last read.
    pub(super) fn decided(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        for record in self.gateway.ledger().reader().iter_from(Seq(self.read)).map_while(Result::ok) {
            self.read = record.seq.0 + 1;
            let entry = self.gateway.vault().open_all(&record).ok().map(|opening| opening.entry);
            let line = entry
                .as_ref()
                .and_then(judged)
                .map(|(judged, passed)| Line::of(record.seq.0, judged, passed));
            lines.extend(line);
        }
        let acts = lines.iter().map(|line| ((line.tool.clone(), line.arguments), line.act.digest));
        self.acts.extend(acts);
        lines
    }

    async fn ask(
        &mut self,
        principal: &Principal,
        text: &str,
        door: &Door,
    ) -> Result<Response<Bytes>, String> {
        let secret = self.gateway.guest(principal, &self.workflow);
        match door {
            Door::Llm { path, headers } => self.send(Method::POST, path, &secret, headers, text).await,
            Door::Tool { server, version, headers } => {
                let path = format!("/mcp/{server}");
                let mut headers = headers.clone();
                if !headers.iter().any(|(name, _)| name == "mcp-method") {
                    let session = self.session(&path, &secret, principal, version).await?;
                    headers.retain(|(name, _)| name != "mcp-protocol-version");
                    headers.push(("mcp-session-id".to_owned(), session));
                    headers.push(("mcp-protocol-version".to_owned(), version.clone()));
                }
                self.send(Method::POST, &path, &secret, &headers, text).await
            }
        }
    }

    /// The MCP session that this principal has with a server; opened when there is none.
    async fn session(
        &mut self,
        path: &str,
        secret: &str,
        principal: &Principal,
        version: &str,
    ) -> Result<String, String> {
        let key = format!("{path}|{version}|{}|{}", principal.id, principal.requester());
        if let Some(session) = self.sessions.get(&key) {
            return Ok(session.clone());
        }
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "cassette", "version": "1" } } });
        let opened = self.send(Method::POST, path, secret, &[], &hello.to_string()).await?;
        let session = opened.headers().get("mcp-session-id").and_then(|id| id.to_str().ok());
        let session = session.ok_or("the tool door opened no session")?.to_owned();
        let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
        let headers = [
            ("mcp-session-id".to_owned(), session.clone()),
            ("mcp-protocol-version".to_owned(), version.to_owned()),
        ];
        let _told = self.send(Method::POST, path, secret, &headers, &done).await?;
        self.sessions.insert(key, session.clone());
        Ok(session)
    }

    /// One request over a pipe in memory, answered to its end.
    async fn send(
        &self,
        method: Method,
        path: &str,
        secret: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> Result<Response<Bytes>, String> {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let serving = tokio::spawn(crate::server::serve_one(Arc::clone(&self.gateway), theirs));
        let (mut sender, connection): (SendRequest<Full<Bytes>>, _) =
            handshake(TokioIo::new(ours)).await.map_err(|error| error.to_string())?;
        let moving = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1");
        request = request
            .header("authorization", format!("Bearer {secret}"))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).map_err(|e| e.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        drop(sender);
        let _ended = tokio::join!(moving, serving);
        Ok(Response::from_parts(head, body))
    }

    async fn vote(&self, held: &Held, vote: &Vote) -> Result<(), String> {
        let store = self.gateway.store();
        let key = (held.tool.clone(), held.arguments);
        let act_digest = self.acts.get(&key).ok_or("nobody was asked about this act")?;
        let asked =
            store.approval_for(&held.requester, act_digest).await.map_err(|error| error.to_string())?;
        let asked = asked.ok_or("nobody was asked about this act")?;
        let minted = mint(crate::ids::secret(), KeyKind::Admin);
        let row = AdminKeyRow {
            sha256: *minted.key.digest.as_bytes(),
            prefix: minted.key.shown.clone(),
            name: vote.person.clone(),
            roles: Vec::new(),
            created_at: Timestamp::now(),
            expires_at: None,
            revoked_at: None,
        };
        store.add_admin_key(&row).await.map_err(|error| error.to_string())?;
        let operator =
            self.gateway.identify_operator(&minted.secret).await.map_err(|refusal| refusal.headline())?;
        let voted = self.gateway.vote(&operator, &asked.id, vote.yes, &vote.comment, act_digest).await;
        voted.map(|_| ()).map_err(|error| error.to_string())
    }
}

pub(super) fn is_same(recorded: &Line, again: &Line) -> bool {
    let rules = |line: &Line| -> Vec<String> {
        line.decision.reasons.iter().map(|reason| reason.rule.clone()).collect()
    };
    recorded.tool == again.tool
        && recorded.arguments == again.arguments
        && recorded.passed == again.passed
        && recorded.decision.ruling == again.decision.ruling
        && recorded.decision.code == again.decision.code
        && rules(recorded) == rules(again)
}

fn told(line: &Line) -> String {
    format!("{} ({}): {}", line.tool, line.arguments.short(), in_short(&line.decision))
}
