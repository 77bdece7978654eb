//! The relay itself: which message goes where, in both eras of the protocol.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use plimsoll_wire::json::{Limits, OwnedDoc, parse};
use plimsoll_wire::jsonrpc::{self, Body, Frame, Id};
use plimsoll_wire::mcp::meta;
use tokio::task::{AbortHandle, JoinSet};

use super::door::{Door, Messages, Reply, Session};
use super::lines::{LINE_BYTES, Out};
use super::tools::{Tools, plain_headers};
use crate::talk;

/// Seconds that running requests get after the client has closed our input. Clients that mean to end us do so sooner.
const DRAIN_S: u64 = 20;
/// Seconds to say goodbye.
const LEAVE_S: u64 = 2;
/// Seconds before the stream of a session is opened again after it broke off, and the most between two attempts.
const LISTEN_AGAIN_S: u64 = 1;
const LISTEN_AGAIN_MAX_S: u64 = 30;

/// One client's way to the gateway.
#[derive(Debug)]
pub(super) struct Relay {
    door: Door,
    out: Out,
    session: Mutex<Option<Session>>,
    /// What opened the session, to open it again when the gateway was restarted.
    opening: Mutex<Option<Bytes>>,
    tools: Tools,
    requests: Mutex<JoinSet<()>>,
    running: Mutex<HashMap<Id, AbortHandle>>,
    listening: Mutex<Option<AbortHandle>>,
}

impl Relay {
    pub(super) fn new(door: Door) -> Self {
        Self {
            door,
            out: Out::new(),
            session: Mutex::default(),
            opening: Mutex::default(),
            tools: Tools::default(),
            requests: Mutex::default(),
            running: Mutex::default(),
            listening: Mutex::default(),
        }
    }

    /// Takes one message of the client. Requests run beside each other; everything else keeps its order.
    pub(super) async fn take(self: &Arc<Self>, line: Bytes) {
        let Some(doc) = read(line.clone()) else { return self.pass_unread(line).await };
        let Ok(frame) = Frame::read(doc.root()) else { return self.pass_unread(line).await };
        match &frame.body {
            Body::Request { id, method, .. } if &**method == "initialize" => {
                *lock(&self.session) = None;
                *lock(&self.opening) = Some(line.clone());
                self.ask(id, line.clone()).await;
            }
            Body::Request { id, .. } => {
                let (relay, id) = (Arc::clone(self), id.clone());
                let known = id.clone();
                let mut requests = lock(&self.requests);
                while requests.try_join_next().is_some() {}
                // Held while the task is made, so that it can't take its name off the list before it stands there.
                let mut running = lock(&self.running);
                let task = requests.spawn(async move {
                    relay.ask(&id, line).await;
                    lock(&relay.running).remove(&id);
                });
                running.insert(known, task);
            }
            Body::Notification { method, params }
                if &**method == "notifications/cancelled" && self.is_alone() =>
            {
                // Where every request stands alone, taking one back means to hang up.
                let id = params.and_then(|params| params.get("requestId")).and_then(Id::read);
                if let Some(running) = id.and_then(|id| lock(&self.running).remove(&id)) {
                    running.abort();
                }
            }
            Body::Notification { method, .. } => {
                let opened = &**method == "notifications/initialized";
                self.tell(line.clone(), &frame).await;
                if opened {
                    self.listen();
                }
            }
            Body::Result { .. } | Body::Error { .. } => self.tell(line.clone(), &frame).await,
        }
    }

    /// Waits for the answers that are still on their way.
    pub(super) async fn drain(&self) {
        let mut requests = std::mem::take(&mut *lock(&self.requests));
        let all = async { while requests.join_next().await.is_some() {} };
        let _some_never_end = tokio::time::timeout(Duration::from_secs(DRAIN_S), all).await;
    }

    /// Ends the session, so that the gateway need not keep it until it is idle.
    pub(super) async fn leave(&self) {
        if let Some(listening) = lock(&self.listening).take() {
            listening.abort();
        }
        let session = lock(&self.session).take();
        if let Some(session) = session {
            let goodbye = self.door.delete(&session);
            let _gone_either_way = tokio::time::timeout(Duration::from_secs(LEAVE_S), goodbye).await;
        }
    }

    fn session(&self) -> Option<Session> {
        lock(&self.session).clone()
    }

    fn is_alone(&self) -> bool {
        lock(&self.session).is_none()
    }

    /// Puts a request to the gateway and hands on everything that it says, the answer last.
    async fn ask(self: &Arc<Self>, id: &Id, line: Bytes) {
        let answered = match self.asked(id, line).await {
            Ok(true) => return,
            Ok(false) => Err("the gateway ended its answer before it was complete".to_owned()),
            Err(why) => Err::<(), _>(why),
        };
        if let Err(why) = answered {
            self.out.say(&jsonrpc::error(Some(id), jsonrpc::INTERNAL_ERROR, &why, None)).await;
        }
    }

    /// Whether the answer came.
    async fn asked(self: &Arc<Self>, id: &Id, line: Bytes) -> Result<bool, String> {
        let doc = read(line.clone()).ok_or("not a message")?;
        let frame = Frame::read(doc.root()).map_err(|error| error.to_string())?;
        let method = frame.method().unwrap_or_default();
        let said = said_version(&frame);
        let headers = match &said {
            Some(version) => self.tools.headers(&self.door, &frame, version).await,
            None => Vec::new(),
        };
        let mut reply = self.post(line.clone(), said.is_some(), &headers).await?;
        if reply.status == StatusCode::NOT_FOUND && said.is_none() && self.open_again().await {
            reply = self.post(line.clone(), false, &headers).await?;
        }
        let (status, session) = (reply.status, reply.session.take());
        let mut last = None;
        while let Some(message) = reply.messages.next().await? {
            match self.received(id, method, session.as_deref(), &message) {
                Some(answer) => last = Some(answer),
                None => self.out.say(&message).await,
            }
        }
        match last {
            Some(answer) => self.out.say(&answer).await,
            None if status.is_success() => return Ok(false),
            None => return Err(format!("the gateway answered with HTTP {status}")),
        }
        Ok(true)
    }

    /// Reads a message that came: the answer under the client's id, or none if it is something else.
    fn received(&self, id: &Id, method: &str, session: Option<&str>, message: &Bytes) -> Option<Vec<u8>> {
        let doc = read(message.clone())?;
        let frame = Frame::read(doc.root()).ok()?;
        match &frame.body {
            Body::Result { id: theirs, result } if theirs == id => {
                match method {
                    "initialize" => {
                        let version = result.get_str("protocolVersion").map(std::borrow::Cow::into_owned);
                        *lock(&self.session) =
                            session.zip(version).map(|(id, version)| Session { id: id.to_owned(), version });
                    }
                    "tools/list" => {
                        self.tools.learn(&frame);
                    }
                    _ => {}
                }
                Some(message.to_vec())
            }
            Body::Error { id: Some(theirs), .. } if theirs == id => Some(message.to_vec()),
            // What was turned away before it was read.
            Body::Error { id: None, error } => {
                let data = error.data.map(|data| data.raw_str());
                Some(jsonrpc::error(Some(id), error.code, &error.message, data))
            }
            _ => None,
        }
    }

    async fn post(&self, line: Bytes, alone: bool, headers: &[(String, String)]) -> Result<Reply, String> {
        let session = self.session().filter(|_| !alone);
        self.door.post(line, session.as_ref(), headers).await
    }

    /// A message that has no answer.
    async fn tell(&self, line: Bytes, frame: &Frame<'_>) {
        let said = said_version(frame);
        let headers = said.as_deref().map(|version| plain_headers(frame, version)).unwrap_or_default();
        match self.post(line, said.is_some(), &headers).await {
            Ok(reply) if !reply.status.is_success() => {
                talk::say(format!("plimsoll mcp: the gateway answered with HTTP {}", reply.status));
            }
            Ok(_) => {}
            Err(why) => talk::say(format!("plimsoll mcp: {why}")),
        }
    }

    /// What can't be read here is the gateway's to judge.
    async fn pass_unread(&self, line: Bytes) {
        let id = read(line.clone()).and_then(|doc| jsonrpc::id_of(doc.root()));
        let said = match self.post(line, false, &[]).await {
            Ok(mut reply) => reply.messages.next().await,
            Err(why) => Err(why),
        };
        match said {
            Ok(Some(message)) => self.out.say(&message).await,
            Ok(None) => {}
            Err(why) => self.out.say(&jsonrpc::error(id.as_ref(), jsonrpc::INTERNAL_ERROR, &why, None)).await,
        }
    }

    /// The gateway no longer knows the session: opens it again as the client did, without the client hearing of it.
    /// What was asked in the old one was certainly not acted upon.
    async fn open_again(&self) -> bool {
        let (Some(_), Some(opening)) = (self.session(), lock(&self.opening).clone()) else { return false };
        *lock(&self.session) = None;
        let Some(doc) = read(opening.clone()) else { return false };
        let Some(id) = jsonrpc::id_of(doc.root()) else { return false };
        let Ok(mut reply) = self.post(opening, false, &[]).await else { return false };
        let session = reply.session.take();
        while let Ok(Some(message)) = reply.messages.next().await {
            self.received(&id, "initialize", session.as_deref(), &message);
        }
        let opened = !self.is_alone();
        if opened {
            let initialized = jsonrpc::notification("notifications/initialized", None);
            let _heard = self.post(initialized.into(), false, &[]).await;
        }
        opened
    }

    /// Hears what a server says on its own, for as long as the session lives.
    fn listen(self: &Arc<Self>) {
        let relay = Arc::clone(self);
        let listening = tokio::spawn(async move {
            let mut pause = LISTEN_AGAIN_S;
            while let Some(session) = relay.session() {
                if let Ok(Reply { status, mut messages, .. }) = relay.door.listen(&session).await {
                    if !matches!(messages, Messages::Stream { .. }) || !status.is_success() {
                        // None is offered, or the session is over.
                        return;
                    }
                    while let Ok(Some(message)) = messages.next().await {
                        pause = LISTEN_AGAIN_S;
                        relay.out.say(&message).await;
                    }
                }
                tokio::time::sleep(Duration::from_secs(pause)).await;
                pause = (2 * pause).min(LISTEN_AGAIN_MAX_S);
            }
        });
        if let Some(before) = lock(&self.listening).replace(listening.abort_handle()) {
            before.abort();
        }
    }
}

/// The revision that a request of the stateless era says it speaks.
fn said_version(frame: &Frame<'_>) -> Option<String> {
    let version = frame.params()?.get("_meta")?.get_str(meta::PROTOCOL_VERSION)?;
    Some(version.into_owned())
}

pub(super) fn read(text: Bytes) -> Option<OwnedDoc> {
    parse(text, &Limits { bytes: LINE_BYTES, ..Limits::DEFAULT }).ok()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
