//! Headers that repeat the body: HTTP wants them in the stateless era, and a pipe has none.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use plimsoll_wire::jsonrpc::{self, Body, Frame, Id};
use plimsoll_wire::mcp::ToolList;
use plimsoll_wire::mcp::headers::{ParamHeader, for_request};

use super::door::Door;
use super::relay::{lock, read};

/// Pages of a tool list that are read to learn which parameters travel in headers.
const PAGES_MAX: u32 = 64;

/// Per tool, the parameters that a header repeats.
#[derive(Debug, Default)]
pub(super) struct Tools(Mutex<HashMap<String, Vec<ParamHeader>>>);

impl Tools {
    /// The headers of one request.
    pub(super) async fn headers(
        &self,
        door: &Door,
        frame: &Frame<'_>,
        version: &str,
    ) -> Vec<(String, String)> {
        let tool = match frame.method() {
            Some("tools/call") => frame.params().and_then(|params| params.get_str("name")),
            _ => None,
        };
        let Some(tool) = tool else { return plain_headers(frame, version) };
        if !lock(&self.0).contains_key(&*tool) {
            self.look_up(door, frame, version).await;
        }
        let params = lock(&self.0).get(&*tool).cloned().unwrap_or_default();
        with_version(for_request(frame, &params), version)
    }

    /// Reads the tool list in the name of the request that needs it.
    async fn look_up(&self, door: &Door, frame: &Frame<'_>, version: &str) {
        let Some(meta) = frame.params().and_then(|params| params.get("_meta")) else { return };
        let mut cursor = None;
        for page in 0..PAGES_MAX {
            let more =
                cursor.take().map(|cursor: String| format!(",\"cursor\":{cursor}")).unwrap_or_default();
            let id = Id::Text(format!("plimsoll-mcp-tools-{page}"));
            let params = format!("{{\"_meta\":{}{more}}}", meta.raw_str());
            let text = Bytes::from(jsonrpc::request(&id, "tools/list", &params));
            let headers = vec![("mcp-method".to_owned(), "tools/list".to_owned())];
            let Ok(mut reply) = door.post(text, None, &with_version(headers, version)).await else { return };
            while let Ok(Some(message)) = reply.messages.next().await {
                let Some(doc) = read(message) else { continue };
                let Ok(frame) = Frame::read(doc.root()) else { continue };
                cursor = self.learn(&frame);
            }
            if cursor.is_none() {
                return;
            }
        }
    }

    /// Remembers which parameters of the listed tools a header repeats; the next page's cursor as JSON.
    pub(super) fn learn(&self, frame: &Frame<'_>) -> Option<String> {
        let Body::Result { result, .. } = &frame.body else { return None };
        let list = ToolList::read(*result).ok()?;
        let mut tools = lock(&self.0);
        for tool in &list.tools {
            let schema = tool.item.get("inputSchema").map(|schema| schema.to_value()).unwrap_or_default();
            tools.insert(tool.name.clone().into_owned(), ParamHeader::of_schema(&schema).unwrap_or_default());
        }
        list.next_cursor.map(|cursor| plimsoll_wire::json::escape(&cursor))
    }
}

/// The headers of a message in which no parameter is repeated.
pub(super) fn plain_headers(frame: &Frame<'_>, version: &str) -> Vec<(String, String)> {
    with_version(for_request(frame, &[]), version)
}

fn with_version(mut headers: Vec<(String, String)>, version: &str) -> Vec<(String, String)> {
    headers.push(("mcp-protocol-version".to_owned(), version.to_owned()));
    headers
}
