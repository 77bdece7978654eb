//! What a service knows about the request it answers, and how it talks to the client meanwhile.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::hub::{Change, Hub, Session};
use super::rpc::RpcError;

/// How long a server waits for a client's answer to a question.
const ASK_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(crate) const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// Which of the two protocols a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    Sessions,
    Stateless,
}

/// A message on its way to the client while a request is answered.
#[derive(Debug)]
pub(crate) enum Out {
    Meanwhile(Value),
    Last(String),
}

/// One request, seen from the service.
#[derive(Debug)]
pub struct Context {
    pub era: Era,
    /// The JSON-RPC id of the request.
    pub id: Value,
    pub params: Value,
    pub client_capabilities: Value,
    /// The `Authorization` header, as it arrived; nothing on stdio.
    pub credential: Option<String>,
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) out: mpsc::Sender<Out>,
}

impl Context {
    /// A field of the request's `_meta`.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<&Value> {
        self.params.get("_meta").and_then(|meta| meta.get(key))
    }

    /// Does the client declare this capability?
    #[must_use]
    pub fn client_can(&self, capability: &str) -> bool {
        self.client_capabilities.get(capability).is_some_and(|value| !value.is_null())
    }

    /// An answer to an earlier `input_required`.
    #[must_use]
    pub fn input(&self, key: &str) -> Option<&Value> {
        self.params.get("inputResponses").and_then(|inputs| inputs.get(key))
    }

    /// The state echoed by the client. It was in the client's hands: verify before use.
    #[must_use]
    pub fn request_state(&self) -> Option<&str> {
        self.params.get("requestState").and_then(Value::as_str)
    }

    /// Sends a notification that belongs to this request; false once the client is gone.
    pub async fn notify(&self, method: &str, params: Value) -> bool {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.out.send(Out::Meanwhile(message)).await.is_ok()
    }

    /// Sends a log message, if the client wants any.
    pub async fn log(&self, text: &str) {
        if self.era == Era::Sessions || self.meta(META_LOG_LEVEL).is_some() {
            self.notify("notifications/message", json!({ "level": "info", "logger": "drill", "data": text }))
                .await;
        }
    }

    /// Reports progress, if the client asked for it.
    pub async fn progress(&self, progress: u64, total: u64) {
        if let Some(token) = self.meta("progressToken").cloned() {
            let message = format!("Completed step {progress} of {total}");
            let params =
                json!({ "progressToken": token, "progress": progress, "total": total, "message": message });
            self.notify("notifications/progress", params).await;
        }
    }

    /// Asks the client something in the middle of a call. Only the session era can.
    ///
    /// # Errors
    /// When the client can't be asked, doesn't answer in time or answers with an error.
    pub async fn ask(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let failed = |why: String| RpcError::new(RpcError::INTERNAL, why);
        let Some(session) = &self.session else {
            return Err(failed(format!("{method}: this client can't be asked in the middle of a call")));
        };
        let (id, answer) = session.ask();
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        if self.out.send(Out::Meanwhile(message)).await.is_err() {
            return Err(failed("the client is gone".to_owned()));
        }
        match tokio::time::timeout(ASK_TIMEOUT, answer).await {
            Ok(Ok(Ok(result))) => Ok(result),
            Ok(Ok(Err(error))) => {
                Err(failed(format!("{method}: the client answered with an error: {error}")))
            }
            Ok(Err(_)) | Err(_) => Err(failed(format!("{method}: the client did not answer"))),
        }
    }

    /// Tells every listener that something changed.
    pub fn announce(&self, change: Change) {
        self.hub.announce(change);
    }
}
