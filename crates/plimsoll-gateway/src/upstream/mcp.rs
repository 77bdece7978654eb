//! Tool servers over MCP: links, kept while somebody talks over them.
//!
//! A [`Link`](link::Link) is one conversation with one server in one lane: a client's session has a lane of its own,
//! requests that stand alone share one per workflow and person, checks have theirs. So no server sees two people in
//! one session. Credentials are put on here, by account; what a client sent as its own never goes further.

pub mod exchange;
pub mod http;
pub mod link;
pub mod live;
pub mod stdio;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plimsoll_bundle::{Bundle, Reach, Secret, Server};
use plimsoll_core::{Account, Digest};
use plimsoll_inspect::redact::Redactor;
use plimsoll_ledger::Warrant;
use plimsoll_wire::json::{Limits, parse};
use plimsoll_wire::jsonrpc::{self, Body, Frame, Id};
use plimsoll_wire::mcp::{Era, ToolResult};
use serde_json::Value;

use self::exchange::Coming;
use self::link::{Hello, Link, Params};
use super::UpstreamError;
use super::http::HttpClient;
use super::tools::{Boxed, ToolAnswer, ToolCaller, ToolRequest};
use crate::redaction::Redaction;

/// Conversations with tool servers kept at once; the one idle for longest goes first.
pub const LINKS_MAX: usize = 1_024;
/// Child processes kept at once; the one idle for longest goes first.
pub const CHILDREN_MAX: usize = 64;
/// Seconds after which an idle conversation is ended.
pub const LINK_IDLE_S: u64 = 1_800;

/// Every conversation with a tool server.
#[derive(Debug)]
pub struct McpUpstreams {
    http: HttpClient,
    redactor: Arc<Redaction>,
    slots: Mutex<HashMap<Place, Arc<Slot>>>,
}

/// Where a conversation belongs: who talks, under which release, with which server, with which credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    lane: String,
    release: Digest,
    server: String,
    credential: String,
    child: bool,
}

#[derive(Debug)]
struct Slot {
    link: tokio::sync::Mutex<Option<Arc<Link>>>,
    used: Mutex<Instant>,
}

impl McpUpstreams {
    pub fn new(http: HttpClient, redactor: Arc<Redaction>) -> Self {
        Self { http, redactor, slots: Mutex::default() }
    }

    /// The conversation of a lane with a server; opened if there is none or the old one is dead. `hello` says who we
    /// are when it has to be opened.
    ///
    /// # Errors
    /// When the server can't be reached or speaks nothing we know.
    pub async fn link(
        &self,
        lane: &str,
        bundle: &Bundle,
        server: &Arc<Server>,
        account: Account,
        hello: &Hello,
    ) -> Result<Arc<Link>, UpstreamError> {
        let credential = credential(server, account);
        let place = Place {
            lane: lane.to_owned(),
            release: bundle.id,
            server: server.name.clone(),
            credential: credential.map(|secret| secret.from.clone()).unwrap_or_default(),
            child: matches!(server.reach, Reach::Stdio { .. }),
        };
        let slot = self.slot(place);
        let mut held = slot.link.lock().await;
        if let Some(link) = held.as_ref().filter(|link| link.serves(server)) {
            return Ok(Arc::clone(link));
        }
        let bounds = bundle.project.bounds;
        let redactor = self.redactor.now();
        let opening = Link::open(&self.http, &redactor, server, credential.cloned(), bounds, hello.clone());
        let link = Arc::new(Box::pin(opening).await?);
        *held = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Ends every conversation of a lane.
    pub fn end(&self, lane: &str) {
        let mut slots = self.lock();
        let ended: Vec<Arc<Slot>> =
            slots.iter().filter(|(p, _)| p.lane == lane).map(|(_, slot)| Arc::clone(slot)).collect();
        slots.retain(|place, _| place.lane != lane);
        drop(slots);
        for slot in ended {
            tokio::spawn(async move {
                if let Some(link) = slot.link.lock().await.take() {
                    link.goodbye().await;
                }
            });
        }
    }

    fn slot(&self, place: Place) -> Arc<Slot> {
        let now = Instant::now();
        let mut slots = self.lock();
        if let Some(slot) = slots.get(&place) {
            *slot.used.lock().unwrap_or_else(PoisonError::into_inner) = now;
            return Arc::clone(slot);
        }
        let used = |slot: &Slot| *slot.used.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = Duration::from_secs(LINK_IDLE_S);
        slots.retain(|_, slot| now.duration_since(used(slot)) < limit);
        let children = slots.keys().filter(|place| place.child).count();
        let crowded = |other: &Place| {
            slots.len() >= LINKS_MAX || place.child && other.child && children >= CHILDREN_MAX
        };
        let idlest = slots.iter().filter(|(other, _)| crowded(other)).min_by_key(|(_, slot)| used(slot));
        if let Some(idlest) = idlest.map(|(place, _)| place.clone()) {
            slots.remove(&idlest);
        }
        let slot = Arc::new(Slot { link: tokio::sync::Mutex::new(None), used: Mutex::new(now) });
        slots.insert(place, Arc::clone(&slot));
        slot
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn own_link(
        &self,
        bundle: &Bundle,
        server: &Arc<Server>,
        account: Account,
    ) -> Result<Arc<Link>, UpstreamError> {
        self.link("gateway", bundle, server, account, &Hello::own()).await
    }
}

/// What a server says of itself to somebody who asks for the first time.
#[derive(Clone, Debug)]
pub struct Discovered {
    /// The MCP version agreed on.
    pub protocol: String,
    /// The items of `tools/list`, whole.
    pub tools: Vec<serde_json::Value>,
}

/// Connects to a server, reads its tools, and leaves. Nothing is called. For `plimsoll init` and `doctor`.
///
/// # Errors
/// When it can't be reached or speaks nothing we know.
pub async fn discover(server: Server) -> Result<Discovered, UpstreamError> {
    let name = server.name.clone();
    let tls = matches!(&server.reach, plimsoll_bundle::Reach::Http { url } if url.starts_with("https:"));
    let http = HttpClient::new(tls)
        .map_err(|error| UpstreamError::Unreachable { name: name.clone(), why: error.to_string() })?;
    let redactor = Redactor::new(&[]);
    let credential = credential(&server, Account::Read).cloned();
    let bounds = plimsoll_bundle::Bounds::default();
    let link = Link::open(&http, &redactor, &Arc::new(server), credential, bounds, Hello::own()).await?;
    let link = Arc::new(link);
    let tools = link.list_tools().await;
    let protocol = link.agreed().version.name().to_owned();
    link.goodbye().await;
    Ok(Discovered { protocol, tools: tools? })
}

/// The credential of an account. For reading, and for want of the one asked for, the least that there is.
fn credential(server: &Server, account: Account) -> Option<&Secret> {
    server
        .accounts
        .get(&account)
        .or_else(|| server.accounts.iter().min_by_key(|(account, _)| **account).map(|(_, s)| s))
}

impl ToolCaller for McpUpstreams {
    fn call(&self, warrant: Warrant, request: ToolRequest) -> Boxed<'_, Result<ToolAnswer, UpstreamError>> {
        Box::pin(async move {
            let link = self.own_link(&request.bundle, &request.server, request.account).await?;
            let name = link.name().to_owned();
            let params =
                serde_json::json!({ "name": request.act.tool.tool, "arguments": request.act.arguments });
            let text = jsonrpc::request(&Id::Number(1), "tools/call", &params.to_string());
            let doc = parse(bytes::Bytes::from(text), &Limits::DEFAULT)
                .map_err(|error| UpstreamError::Unreachable { name: name.clone(), why: error.to_string() })?;
            let garbage = |why: String| UpstreamError::Garbage { name: name.clone(), why };
            let frame = Frame::read(doc.root()).map_err(|error| garbage(error.to_string()))?;
            let tool = request.server.tools.get(&request.act.tool.tool);
            let headers = tool.and_then(|tool| tool.pin.as_ref()).map(|pin| Params::of(&pin.input_schema));
            let mut exchange =
                link.call(warrant, &frame, Era::Sessions, headers.unwrap_or_default(), &|_| {}).await?;
            loop {
                match exchange.next().await? {
                    Coming::Answer(answer) => return read_answer(&answer, &name),
                    Coming::Ask(ask) => link.decline(&ask).await,
                    Coming::Notice(_) => {}
                }
            }
        })
    }

    fn list(&self, bundle: Arc<Bundle>, server: Arc<Server>) -> Boxed<'_, Result<Vec<Value>, UpstreamError>> {
        Box::pin(async move {
            let link = self.own_link(&bundle, &server, Account::Read).await?;
            link.list_tools().await
        })
    }
}

fn read_answer(answer: &plimsoll_wire::json::OwnedDoc, name: &str) -> Result<ToolAnswer, UpstreamError> {
    let garbage = |why: String| UpstreamError::Garbage { name: name.to_owned(), why };
    let frame = Frame::read(answer.root()).map_err(|error| garbage(error.to_string()))?;
    match frame.body {
        Body::Result { result, .. } => {
            let read = ToolResult::read(result).map_err(|error| garbage(error.to_string()))?;
            Ok(ToolAnswer {
                texts: read.texts.iter().map(|text| text.text.to_string()).collect(),
                structured: read.structured.map(plimsoll_wire::json::Ref::to_value),
                is_error: read.is_error || read.kind != plimsoll_wire::mcp::read::ResultKind::Complete,
                result: result.to_value(),
            })
        }
        Body::Error { error, .. } => {
            Err(UpstreamError::Refused { name: name.to_owned(), why: error.message.into_owned() })
        }
        Body::Request { .. } | Body::Notification { .. } => {
            Err(garbage("a call was not answered by an answer".to_owned()))
        }
    }
}
