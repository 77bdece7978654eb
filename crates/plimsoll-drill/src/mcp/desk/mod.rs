//! The support desk of the demo: orders, customers, mail and money, in memory.
//!
//! Every act that changes something is an [`Effect`]: it is appended to the effects file (if there is one) and synced
//! *before* the answer leaves, so that after a crash of anything the file says how often the world was really changed.
//! The kit doesn't deduplicate: a call that arrives twice is done twice, because that is what a test must be able to see.

mod effects;
mod schema;
mod state;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, ops::ControlFlow};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    Answering, Context, HttpOptions, Identity, McpHandle, Reply, RpcError, Service, http, stdio, tool_error,
};
pub use effects::Effect;
use effects::Effects;
use state::State;
pub use state::{ATTACKER_IBAN, SUPPLIER_IBAN};

/// What can be set about a desk.
#[derive(Debug, Clone, Default)]
pub struct DeskOptions {
    /// Time between doing and answering, in which a gateway can crash or give up.
    pub delay: Duration,
    /// Append one JSON line for each effect to this file, synced before answering.
    pub effects_file: Option<PathBuf>,
    /// Refuse HTTP requests without this bearer token.
    pub bearer: Option<String>,
}

/// The desk as a service of the kit.
#[derive(Debug)]
pub struct Desk {
    options: DeskOptions,
    state: Mutex<State>,
    effects: Effects,
}

/// A running desk and what was done at it.
#[derive(Debug)]
pub struct DeskHandle {
    desk: Arc<Desk>,
    server: McpHandle,
}

impl DeskHandle {
    #[must_use]
    pub fn addr(&self) -> std::net::SocketAddr {
        self.server.addr()
    }

    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Every effect so far, oldest first.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.desk.effects()
    }
}

/// Starts a desk on a free port of the loopback interface.
///
/// # Errors
/// When no port can be bound or the effects file can't be opened.
pub async fn spawn(options: DeskOptions) -> io::Result<DeskHandle> {
    spawn_with(options, HttpOptions::default()).await
}

/// [`spawn`], with options for the endpoint.
///
/// # Errors
/// When no port can be bound or the effects file can't be opened.
pub async fn spawn_with(options: DeskOptions, endpoint: HttpOptions) -> io::Result<DeskHandle> {
    let desk = Arc::new(Desk::new(options)?);
    let server = http::spawn_with(Arc::clone(&desk), endpoint).await?;
    Ok(DeskHandle { desk, server })
}

/// Serves a desk over HTTP until the future is dropped.
///
/// # Errors
/// When the listener can no longer accept or the effects file can't be opened.
pub async fn serve(listener: TcpListener, options: DeskOptions) -> io::Result<()> {
    http::serve(listener, Arc::new(Desk::new(options)?)).await
}

/// Serves a desk on stdin and stdout until stdin closes.
///
/// # Errors
/// When a pipe breaks or the effects file can't be opened.
pub async fn serve_stdio(options: DeskOptions) -> io::Result<()> {
    stdio::serve_stdio(Arc::new(Desk::new(options)?)).await
}

// === impl Desk ===

impl Desk {
    /// A desk with the demo's orders, customers and mail.
    ///
    /// # Errors
    /// When the effects file can't be opened.
    pub fn new(options: DeskOptions) -> io::Result<Self> {
        let effects = Effects::open(options.effects_file.as_deref())?;
        Ok(Self { options, state: Mutex::new(State::demo()), effects })
    }

    /// Every effect so far, oldest first.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.effects.all()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one call: reads and changes the state, writes the effect down, and answers after the delay.
    async fn act(&self, cx: &Context, tool: &str, arguments: &Value) -> Result<Reply, RpcError> {
        if let ControlFlow::Break(why) = schema::check(tool, arguments)? {
            return Ok(tool_error(format!("error: {why}")));
        }
        let done = self.state().apply(tool, arguments);
        let done = match done {
            Ok(done) => done,
            Err(why) => return Ok(tool_error(format!("error: {why}"))),
        };
        if done.changed_something {
            let effect = Effect {
                tool: tool.to_owned(),
                arguments: arguments.clone(),
                credential: cx.credential.clone(),
            };
            let written = self.effects.add(effect);
            written.map_err(|error| {
                RpcError::new(RpcError::INTERNAL, format!("cannot write the effect: {error}"))
            })?;
        }
        if !self.options.delay.is_zero() {
            tokio::time::sleep(self.options.delay).await;
        }
        let text = done.result.to_string();
        Ok(Reply::Result(json!({
            "content": [{ "type": "text", "text": text }], "structuredContent": done.result, "isError": false,
        })))
    }
}

impl Service for Desk {
    fn identity(&self) -> Identity {
        Identity {
            name: "desk",
            version: env!("CARGO_PKG_VERSION"),
            instructions: "A support desk: look up orders and customers, refund, read and send mail, pay invoices.",
        }
    }

    fn tools(&self) -> Vec<Value> {
        schema::tools()
    }

    fn input_schema(&self, tool: &str) -> Option<Value> {
        schema::input_schema(tool)
    }

    fn call_tool<'a>(&'a self, cx: &'a Context, name: &'a str, arguments: &'a Value) -> Answering<'a> {
        Box::pin(self.act(cx, name, arguments))
    }

    fn required_token(&self) -> Option<&str> {
        self.options.bearer.as_deref()
    }
}
