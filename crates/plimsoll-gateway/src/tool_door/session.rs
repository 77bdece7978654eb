//! Sessions of clients that open one (2025-03-26 to 2025-11-25).
//!
//! A session's id is a secret between the gateway and its client; the record knows it by another name. It is good only
//! together with the credential that opened it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plimsoll_core::Digest;
use plimsoll_wire::jsonrpc::Id;
use plimsoll_wire::mcp::{Capabilities, Version};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::upstream::mcp::link::{Hello, Link};

/// Sessions kept at once; the one idle for longest goes first.
pub(super) const SESSIONS_MAX: usize = 4_096;
/// Seconds after which an idle session is over.
pub(super) const SESSION_IDLE_S: u64 = 3_600;
/// Questions of a server that may wait for one client at once.
pub(super) const ASKS_MAX: usize = 64;

/// Who may use a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub principal: String,
    pub requester: String,
    pub workflow: String,
    pub server: String,
}

impl Owner {
    /// What the requests that stand alone are together, for being served by one release.
    pub(super) fn alone(&self) -> String {
        format!("alone|{}|{}|{}", self.principal, self.requester, self.workflow)
    }
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub id: String,
    /// What the record calls it.
    pub name: String,
    pub owner: Owner,
    /// The release it began under.
    pub release: Digest,
    pub version: Version,
    pub hello: Hello,
    pub capabilities: Capabilities,
    asks: Mutex<HashMap<String, Asked>>,
    running: Mutex<HashMap<Id, Running>>,
    used: Mutex<Instant>,
}

/// Something a server asked, waiting for the client's answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub link: Arc<Link>,
    pub id: Id,
}

/// A request of the client that a server is busy with.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub link: Arc<Link>,
    pub id: Id,
    pub cancelled: Arc<Notify>,
}

impl Session {
    pub(super) fn new(
        owner: Owner,
        name: String,
        release: Digest,
        version: Version,
        hello: Hello,
        capabilities: Capabilities,
    ) -> std::io::Result<Self> {
        let mut secret = [0u8; 24];
        getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
        let id = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            id,
            name,
            owner,
            release,
            version,
            hello,
            capabilities,
            asks: Mutex::default(),
            running: Mutex::default(),
            used: Mutex::new(Instant::now()),
        })
    }

    /// The same session, in the revision that both sides agreed to. Nothing was said in it yet.
    pub(super) fn agreed(&self, version: Version) -> Self {
        Self {
            id: self.id.clone(),
            name: self.name.clone(),
            owner: self.owner.clone(),
            release: self.release,
            version,
            hello: self.hello.clone(),
            capabilities: self.capabilities,
            asks: Mutex::default(),
            running: Mutex::default(),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Remembers a question; the id under which the client gets it, or none when too many wait.
    pub(super) fn ask(&self, asked: Asked) -> Option<Id> {
        let mut asks = lock(&self.asks);
        if asks.len() >= ASKS_MAX {
            return None;
        }
        let id = format!("plimsoll-{}", Uuid::now_v7().simple());
        asks.insert(id.clone(), asked);
        Some(Id::Text(id))
    }

    /// The question that an answer is for. Each is answered once.
    pub(super) fn answered(&self, id: &Id) -> Option<Asked> {
        let Id::Text(id) = id else { return None };
        lock(&self.asks).remove(id)
    }

    /// What the client knows a server's question as, when the server takes it back.
    pub(super) fn taken_back(&self, link: &Arc<Link>, id: &Id) -> Option<Id> {
        let mut asks = lock(&self.asks);
        let known = asks.iter().find(|(_, asked)| Arc::ptr_eq(&asked.link, link) && asked.id == *id);
        let known = known.map(|(known, _)| known.clone())?;
        asks.remove(&known);
        Some(Id::Text(known))
    }

    pub(super) fn begin(&self, id: &Id, running: Running) {
        lock(&self.running).insert(id.clone(), running);
    }

    pub(super) fn end(&self, id: &Id) {
        lock(&self.running).remove(id);
    }

    pub(super) fn running(&self, id: &Id) -> Option<Running> {
        lock(&self.running).get(id).cloned()
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Arc<Session>>>);

impl Sessions {
    /// Keeps a session; gives those that had to go for it.
    pub(super) fn open(&self, session: Arc<Session>) -> Vec<Arc<Session>> {
        let now = Instant::now();
        let used = |session: &Session| *lock(&session.used);
        let mut sessions = lock(&self.0);
        let mut gone = Vec::new();
        sessions.retain(|_, old| {
            let keep = now.duration_since(used(old)) < Duration::from_secs(SESSION_IDLE_S);
            if !keep {
                gone.push(Arc::clone(old));
            }
            keep
        });
        if sessions.len() >= SESSIONS_MAX
            && let Some(idlest) =
                sessions.values().min_by_key(|session| used(session)).map(|session| session.id.clone())
        {
            gone.extend(sessions.remove(&idlest));
        }
        sessions.insert(session.id.clone(), session);
        gone
    }

    /// The session of that id, if it is this owner's. Another's session is as unknown as none.
    pub(super) fn find(&self, id: &str, owner: &Owner) -> Option<Arc<Session>> {
        let session = lock(&self.0).get(id).filter(|session| session.owner == *owner).cloned()?;
        *lock(&session.used) = Instant::now();
        Some(session)
    }

    pub(super) fn close(&self, id: &str, owner: &Owner) -> Option<Arc<Session>> {
        let mut sessions = lock(&self.0);
        sessions.get(id).filter(|session| session.owner == *owner)?;
        sessions.remove(id)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
