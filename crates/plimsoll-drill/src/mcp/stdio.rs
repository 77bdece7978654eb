//! Both eras over lines of JSON on a pair of pipes. The pipe is the session: there is one, until it closes.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;

use super::context::{Context, Era, Out};
use super::hub::{Hub, Session};
use super::rpc::{self, Message, RpcError};
use super::service::Service;
use super::{dispatch, legacy, modern};

/// Messages that may wait for a slow reader.
const OUT_QUEUE: usize = 256;

/// Serves `service` on this process's stdin and stdout until stdin closes.
///
/// # Errors
/// When a pipe breaks.
pub async fn serve_stdio<S: Service>(service: Arc<S>) -> io::Result<()> {
    serve_lines(service, BufReader::new(tokio::io::stdin()), tokio::io::stdout()).await
}

/// Serves `service` on any pair of pipes.
///
/// # Errors
/// When a pipe breaks.
pub async fn serve_lines<S, R, W>(service: Arc<S>, reader: R, mut writer: W) -> io::Result<()>
where
    S: Service,
    R: AsyncBufRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let (out, mut queue) = mpsc::channel(OUT_QUEUE);
    let pipe = Pipe { service, hub: Arc::default(), session: Mutex::default(), out };
    let read = async move {
        let mut lines = reader.lines();
        while let Some(line) = lines.next_line().await? {
            if !line.trim().is_empty() {
                pipe.line(&line).await;
            }
        }
        Ok::<_, io::Error>(())
    };
    let write = async move {
        while let Some(out) = queue.recv().await {
            let text = match out {
                Out::Meanwhile(message) => message.to_string(),
                Out::Last(text) => text,
            };
            writer.write_all(format!("{text}\n").as_bytes()).await?;
            writer.flush().await?;
        }
        Ok::<_, io::Error>(())
    };
    tokio::try_join!(read, write).map(|_| ())
}

struct Pipe<S> {
    service: Arc<S>,
    hub: Arc<Hub>,
    session: Mutex<Option<Arc<Session>>>,
    out: mpsc::Sender<Out>,
}

// === impl Pipe ===

impl<S: Service> Pipe<S> {
    async fn line(&self, line: &str) {
        let value = match rpc::read(line.as_bytes()) {
            Ok(value) => value,
            Err(error) => return self.last(error.to_message(&Value::Null)).await,
        };
        let id = value.get("id").cloned().unwrap_or(Value::Null);
        match rpc::sort(&value) {
            Ok(Message::Request { id, method, params }) => self.request(id, method, params).await,
            Ok(Message::Notification { .. }) => {}
            Ok(Message::Response { id, outcome }) => {
                if let Some(session) = self.session() {
                    session.answer(&id, outcome);
                }
            }
            Err(error) => self.last(error.to_message(&id)).await,
        }
    }

    async fn request(&self, id: Value, method: String, params: Value) {
        if modern::is_stateless(&HeaderMap::new(), Some(&params)) || method == "server/discover" {
            match modern::check_meta(&params)
                .and_then(|(version, can)| modern::check_version(version).map(|()| can))
            {
                Ok(capabilities) => self.run(Era::Stateless, id, method, params, capabilities, None),
                Err(error) => self.last(error.to_message(&id)).await,
            }
        } else if method == "initialize" {
            self.initialize(&id, &params).await;
        } else if let Some(session) = self.session() {
            let capabilities = session.client_capabilities.clone();
            self.run(Era::Sessions, id, method, params, capabilities, Some(session));
        } else {
            let error = RpcError::new(
                RpcError::INVALID_REQUEST,
                "initialize first, or say a protocol version in _meta",
            );
            self.last(error.to_message(&id)).await;
        }
    }

    async fn initialize(&self, id: &Value, params: &Value) {
        match legacy::initialize(&*self.service, &self.hub, params) {
            Ok((session, result)) => {
                *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
                self.last(json!({ "jsonrpc": "2.0", "id": id, "result": result })).await;
            }
            Err(error) => self.last(error.to_message(id)).await,
        }
    }

    fn run(
        &self,
        era: Era,
        id: Value,
        method: String,
        params: Value,
        can: Value,
        session: Option<Arc<Session>>,
    ) {
        let (service, out, hub) = (Arc::clone(&self.service), self.out.clone(), Arc::clone(&self.hub));
        tokio::spawn(async move {
            let cx = Context {
                era,
                id: id.clone(),
                params,
                client_capabilities: can,
                credential: None,
                session,
                hub,
                out: out.clone(),
            };
            let text = dispatch::answer(service, cx, method).await;
            let text = text.unwrap_or_else(|error| error.to_message(&id).to_string());
            let _ = out.send(Out::Last(text)).await;
        });
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn last(&self, message: Value) {
        let _ = self.out.send(Out::Last(message.to_string())).await;
    }
}
