//! What a server says of its tools right now, to be held against what a reviewer saw.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use plimsoll_core::Digest;
use plimsoll_wire::json::{Limits, escape, parse};
use plimsoll_wire::jsonrpc::{self, Body, Frame, Id};
use plimsoll_wire::mcp::{Era, ToolList};
use serde_json::Value;

use super::super::UpstreamError;
use super::exchange::Coming;
use super::link::{Link, Unjudged};

/// Seconds after which the live description is read again, even if the server never said that it changed.
pub const LIVE_S: u64 = 60;
/// Pages of a tool list that are read.
pub const PAGES_MAX: usize = 64;

/// The tools of a server, as it describes them.
#[derive(Debug)]
pub struct Live {
    tools: HashMap<String, LiveTool>,
    read_at: Instant,
}

/// One tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveTool {
    /// `None` when the server describes it twice and differently.
    pub digest: Option<Digest>,
    /// Whether clients hold its results against a schema.
    pub has_output_schema: bool,
}

impl Live {
    fn of(tools: &[Value]) -> Self {
        let mut known: HashMap<String, LiveTool> = HashMap::new();
        for tool in tools {
            let Some(name) = tool.get("name").and_then(Value::as_str) else { continue };
            let digest = Some(digest(tool));
            let has_output_schema = tool.get("outputSchema").is_some_and(|schema| !schema.is_null());
            known
                .entry(name.to_owned())
                .and_modify(|other| other.digest = other.digest.filter(|known| Some(*known) == digest))
                .or_insert(LiveTool { digest, has_output_schema });
        }
        Self { tools: known, read_at: Instant::now() }
    }

    #[must_use]
    pub fn find(&self, name: &str) -> Option<&LiveTool> {
        self.tools.get(name)
    }
}

/// The digest that a lock file pins.
#[must_use]
pub fn digest(tool: &Value) -> Digest {
    plimsoll_bundle::pin::digest(tool)
}

impl Link {
    /// The live description; read once, and again when the server says that it changed or after [`LIVE_S`].
    ///
    /// # Errors
    /// When the server can't be asked.
    pub async fn live(self: &Arc<Self>) -> Result<Arc<Live>, UpstreamError> {
        let mut held = self.live.lock().await;
        let changed = self.changed.swap(false, Ordering::AcqRel);
        let young = |live: &Arc<Live>| live.read_at.elapsed() < Duration::from_secs(LIVE_S);
        if let Some(live) = held.as_ref().filter(|live| !changed && young(live)) {
            return Ok(Arc::clone(live));
        }
        *held = None;
        let live = Arc::new(Live::of(&Box::pin(self.list_tools()).await?));
        *held = Some(Arc::clone(&live));
        Ok(live)
    }

    /// Every page of the server's tool list.
    ///
    /// # Errors
    /// When the server can't be asked, or never comes to an end.
    pub async fn list_tools(self: &Arc<Self>) -> Result<Vec<Value>, UpstreamError> {
        let mut tools = Vec::new();
        let mut cursor: Option<String> = None;
        let garbage = |why: String| UpstreamError::Garbage { name: self.name().to_owned(), why };
        for _page in 0..PAGES_MAX {
            let params = cursor
                .as_deref()
                .map_or_else(|| "{}".to_owned(), |cursor| format!(r#"{{"cursor":{}}}"#, escape(cursor)));
            let text = jsonrpc::request(&Id::Text("plimsoll-list".to_owned()), "tools/list", &params);
            let doc = parse(&text[..], &Limits::DEFAULT).map_err(|error| garbage(error.to_string()))?;
            let frame = Frame::read(doc.root()).map_err(|error| garbage(error.to_string()))?;
            let Some(request) = Unjudged::of(&frame) else { return Err(garbage("not a list".to_owned())) };
            let mut exchange = self.request(request, Era::Sessions, &|_| {}).await?;
            let answer = loop {
                match exchange.next().await? {
                    Coming::Answer(answer) => break answer,
                    Coming::Ask(ask) => self.decline(&ask).await,
                    Coming::Notice(_) => {}
                }
            };
            let frame = Frame::read(answer.root()).map_err(|error| garbage(error.to_string()))?;
            let result = match frame.body {
                Body::Result { result, .. } => result,
                Body::Error { error, .. } => {
                    return Err(UpstreamError::Refused {
                        name: self.name().to_owned(),
                        why: error.message.into_owned(),
                    });
                }
                Body::Request { .. } | Body::Notification { .. } => {
                    return Err(garbage("not an answer".to_owned()));
                }
            };
            let list = ToolList::read(result).map_err(|error| garbage(error.to_string()))?;
            tools.extend(list.tools.iter().map(|tool| tool.item.to_value()));
            let next = list.next_cursor.map(std::borrow::Cow::into_owned);
            if next.is_none() {
                return Ok(tools);
            }
            if next == cursor {
                return Err(garbage("its tool list turns in a circle".to_owned()));
            }
            cursor = next;
        }
        Err(garbage(format!("its tool list has more than {PAGES_MAX} pages")))
    }
}
