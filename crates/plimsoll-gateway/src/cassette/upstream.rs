//! The upstream of a recorded conversation: it answers from the tape and knows no network.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response};
use plimsoll_bundle::{Bundle, Model, Reach, Server};
use plimsoll_core::{Digest, ToolName};
use serde_json::{Value, json};

use super::tape::{Answer, Asked};

/// The ends of host names by which models and tool servers are told apart. Reserved: no network knows them (RFC 6761).
const MODEL: &str = ".model.invalid";
const TOOL: &str = ".tool.invalid";

/// Answers upstream requests from a tape.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The pinned tools of each server, as it describes them.
    tools: HashMap<String, Vec<Value>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    answers: HashMap<Asked, VecDeque<Answer>>,
    /// What was asked and is not on the tape.
    missed: Vec<String>,
}

impl Recorded {
    pub(super) fn new(bundle: &Bundle, answers: HashMap<Asked, VecDeque<Answer>>) -> Self {
        let pinned = |server: &Server| {
            let pins = server.tools.values().filter_map(|tool| tool.pin.as_ref());
            pins.map(|pin| pin.tool.clone()).collect()
        };
        let tools = bundle.servers.values().map(|server| (server.name.clone(), pinned(server))).collect();
        Self { tools, state: Mutex::new(State { answers, missed: Vec::new() }) }
    }

    /// The first thing that was asked and is not on the tape.
    pub(super) fn missed(&self) -> Option<String> {
        self.lock().missed.first().cloned()
    }

    /// The first recorded answer that nobody asked for.
    pub(super) fn left(&self) -> Option<(u64, String)> {
        let state = self.lock();
        let left = state.answers.iter().filter_map(|(asked, answers)| Some((answers.front()?.seq, asked)));
        left.min_by_key(|(seq, _)| *seq).map(|(seq, asked)| (seq, asked.in_words()))
    }

    /// Whether a request is one to a tool server of the tape.
    pub(crate) fn has_tools_of(uri: &hyper::Uri) -> bool {
        uri.host().is_some_and(|host| host.ends_with(TOOL))
    }

    /// Answers one request.
    pub(crate) fn answer(&self, request: &Request<()>, body: &Bytes) -> Result<Response<Bytes>, String> {
        let host = request.uri().host().unwrap_or_default();
        let name = |end| host.strip_suffix(end).map(str::to_owned);
        if let Some(id) = name(MODEL) {
            return self
                .take(Asked::Model { id, body: Digest::of(body).to_string() })
                .map(|answer| with(answer.status, &answer.kind, answer.text.into()));
        }
        match name(TOOL) {
            Some(server) if request.method() == hyper::Method::POST => self.tool(&server, body),
            Some(_) => Ok(with(405, "text/plain", Bytes::new())),
            None => Err(format!("`{host}` is not on the tape, and nothing else is there")),
        }
    }

    fn tool(&self, server: &str, body: &Bytes) -> Result<Response<Bytes>, String> {
        let message: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let (id, method) = (&message["id"], message["method"].as_str().unwrap_or_default());
        if id.is_null() {
            return Ok(with(202, "text/plain", Bytes::new()));
        }
        let answer = |member: &str, value: Value| {
            let text = json!({ "jsonrpc": "2.0", "id": id, member: value }).to_string();
            Ok(with(200, "application/json", text.into()))
        };
        match method {
            "initialize" => answer(
                "result",
                json!({
                    "protocolVersion": message["params"]["protocolVersion"],
                    "capabilities": { "tools": {} },
                    "serverInfo": { "name": server, "version": "recorded" },
                }),
            ),
            "tools/list" => answer("result", json!({ "tools": self.tools.get(server) })),
            "tools/call" => {
                let params = &message["params"];
                let tool = ToolName::new(server, params["name"].as_str().unwrap_or_default());
                let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
                match self.take(Asked::Tool { tool, arguments: Digest::of_json(&arguments) }) {
                    Ok(recorded) => {
                        let said: Value = serde_json::from_str(&recorded.text).map_err(|e| e.to_string())?;
                        match said.get("result") {
                            Some(result) => answer("result", result.clone()),
                            None => answer("error", said["error"].clone()),
                        }
                    }
                    Err(why) => answer("error", json!({ "code": -32000, "message": why })),
                }
            }
            _ => answer("error", json!({ "code": -32601, "message": "not on the tape" })),
        }
    }

    fn take(&self, asked: Asked) -> Result<Answer, String> {
        let mut state = self.lock();
        match state.answers.get_mut(&asked).and_then(VecDeque::pop_front) {
            Some(answer) => Ok(answer),
            None => {
                let why = format!("{} is not on the tape", asked.in_words());
                state.missed.push(why.clone());
                Err(why)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    fn in_words(&self) -> String {
        match self {
            Self::Model { id, body } => format!("a request to the model `{id}` with the body {body}"),
            Self::Tool { tool, arguments } => format!("a call of `{tool}` with the arguments {arguments}"),
        }
    }
}

fn with(status: u16, kind: &str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::OK);
    if let Ok(kind) = hyper::header::HeaderValue::from_str(kind) {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response
}

/// The bundle with every model and tool server where only the tape is.
pub(super) fn unplugged(mut bundle: Bundle) -> Bundle {
    for model in bundle.models.values_mut() {
        let url = format!("http://{}{MODEL}", model.id);
        *model = Arc::new(Model { url, credential: None, ..(**model).clone() });
    }
    without_tools(bundle)
}

/// The bundle with every tool server where only the tape is. Its models are where they are.
pub(super) fn without_tools(mut bundle: Bundle) -> Bundle {
    for server in bundle.servers.values_mut().filter(|server| !matches!(server.reach, Reach::Local)) {
        let reach = Reach::Http { url: format!("http://{}{TOOL}/mcp", server.name) };
        *server =
            Arc::new(Server { reach, accounts: std::collections::BTreeMap::new(), ..(**server).clone() });
    }
    bundle.project.oidc.clear();
    bundle.project.telemetry = None;
    bundle.project.ledger.witnesses.clear();
    bundle
}
