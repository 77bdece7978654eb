//! What a server remembers between requests: the sessions of the older era and the changes to announce.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::{broadcast, oneshot};
use uuid::Uuid;

/// Sessions one server keeps; the next `initialize` is refused.
pub(crate) const MAX_SESSIONS: usize = 4096;

/// Changes a slow listener may fall behind before it loses the oldest.
const CHANGE_QUEUE: usize = 64;

/// Something a client may have asked to be told about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Tools,
    Prompts,
    Resources,
    Resource(String),
}

impl Change {
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Tools => "notifications/tools/list_changed",
            Self::Prompts => "notifications/prompts/list_changed",
            Self::Resources => "notifications/resources/list_changed",
            Self::Resource(_) => "notifications/resources/updated",
        }
    }

    pub(crate) fn params(&self) -> Value {
        match self {
            Self::Resource(uri) => json!({ "uri": uri }),
            _ => json!({}),
        }
    }
}

type Answer = Result<Value, Value>;

/// One session of the older era.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) client_capabilities: Value,
    asked: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    next_ask: AtomicU64,
}

impl Session {
    pub(crate) fn new(version: String, client_capabilities: Value) -> Self {
        let id = Uuid::now_v7().simple().to_string();
        Self { id, version, client_capabilities, asked: Mutex::default(), next_ask: AtomicU64::new(1) }
    }

    /// A fresh request id and the place its answer will arrive.
    pub(crate) fn ask(&self) -> (String, oneshot::Receiver<Answer>) {
        let id = format!("server-{}", self.next_ask.fetch_add(1, Ordering::Relaxed));
        let (sender, answer) = oneshot::channel();
        lock(&self.asked).insert(id.clone(), sender);
        (id, answer)
    }

    pub(crate) fn answer(&self, id: &Value, outcome: Answer) {
        let waiting = id.as_str().and_then(|id| lock(&self.asked).remove(id));
        if let Some(waiting) = waiting {
            let _ = waiting.send(outcome);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Hub {
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    changes: broadcast::Sender<Change>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { sessions: Mutex::default(), changes: broadcast::Sender::new(CHANGE_QUEUE) }
    }
}

impl Hub {
    /// Keeps a session, unless there are too many.
    pub(crate) fn keep(&self, session: &Arc<Session>) -> bool {
        let mut sessions = lock(&self.sessions);
        let room = sessions.len() < MAX_SESSIONS;
        if room {
            sessions.insert(session.id.clone(), Arc::clone(session));
        }
        room
    }

    pub(crate) fn session(&self, id: &str) -> Option<Arc<Session>> {
        lock(&self.sessions).get(id).map(Arc::clone)
    }

    pub(crate) fn end(&self, id: &str) -> bool {
        lock(&self.sessions).remove(id).is_some()
    }

    pub(crate) fn announce(&self, change: Change) {
        let _ = self.changes.send(change);
    }

    pub(crate) fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
