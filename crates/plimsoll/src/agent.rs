//! A small support agent for the demo: an ordinary tool loop over real HTTP. It knows a base URL and a
//! key, and nothing of Plimsoll.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::talk::Error;

/// Turns of one answer at most: a model that never stops calling tools is stopped.
const TURNS_MAX: usize = 8;

/// How a refused call's text begins. An agent that reads it goes on with its work.
const REFUSED: &str = "Plimsoll refused";

/// One answer of an HTTP server.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: hyper::HeaderMap,
    pub body: Value,
}

/// Plain JSON over HTTP.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Http {
    pub fn new() -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http() }
    }

    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let mut request =
            Request::builder().method(method).uri(url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let response = self.client.request(request.body(Full::new(bytes))?).await?;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), body: read(&head.headers, &bytes), headers: head.headers })
    }
}

/// JSON as it is, or the last message of an event stream.
fn read(headers: &hyper::HeaderMap, bytes: &[u8]) -> Value {
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/event-stream") {
        let text = String::from_utf8_lossy(bytes);
        let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
        let messages = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        return messages.rev().find(|message| message.get("id").is_some()).unwrap_or(Value::Null);
    }
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}

/// The agent: a model, an MCP server, a conversation.
#[derive(Debug)]
pub struct Agent {
    http: Http,
    base: String,
    server: String,
    bearer: String,
    pub session: String,
    mcp_session: String,
    tools: Vec<Value>,
    messages: Vec<Value>,
    next_id: u64,
    /// What the gateway put where a call stood.
    pub refused: Vec<String>,
}

impl Agent {
    /// Connects to the tools and starts a conversation.
    pub async fn start(
        base: &str,
        server: &str,
        key: &str,
        session: &str,
        prompt: &str,
    ) -> Result<Self, Error> {
        let mut agent = Self {
            http: Http::new(),
            base: base.to_owned(),
            server: server.to_owned(),
            bearer: format!("Bearer {key}"),
            session: session.to_owned(),
            mcp_session: String::new(),
            tools: Vec::new(),
            messages: vec![json!({ "role": "system", "content": prompt })],
            next_id: 1,
            refused: Vec::new(),
        };
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "support-agent", "version": "1" } });
        agent.rpc("initialize", hello).await?;
        agent.notify("notifications/initialized").await?;
        let listed = agent.rpc("tools/list", json!({})).await?;
        let tools = listed["tools"].as_array().cloned().unwrap_or_default();
        agent.tools = tools.iter().map(function).collect();
        Ok(agent)
    }

    /// Says something and answers tool calls until the model has an answer.
    pub async fn ask(&mut self, text: &str) -> Result<String, Error> {
        self.messages.push(json!({ "role": "user", "content": text }));
        for _ in 0..TURNS_MAX {
            let message = self.complete().await?;
            self.messages.push(message.clone());
            let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
            let content = message["content"].as_str().unwrap_or_default();
            if calls.is_empty() && content.starts_with(REFUSED) {
                self.refused.push(content.to_owned());
                continue;
            }
            if calls.is_empty() {
                return Ok(content.to_owned());
            }
            for call in calls {
                let content = self.call(&call).await?;
                self.messages.push(json!({ "role": "tool", "tool_call_id": call["id"], "content": content }));
            }
        }
        Err(Error::new("the model never stopped calling tools"))
    }

    async fn complete(&self) -> Result<Value, Error> {
        let body = json!({ "model": "support", "messages": self.messages, "tools": self.tools });
        let url = format!("{}/v1/chat/completions", self.base);
        let headers =
            [("authorization", self.bearer.as_str()), ("x-plimsoll-session", self.session.as_str())];
        let answer = self.http.send(Method::POST, &url, &headers, Some(&body)).await?;
        match answer.status {
            200 => Ok(answer.body["choices"][0]["message"].clone()),
            status => Err(Error::new(format!("the model answered {status}: {}", answer.body))),
        }
    }

    async fn call(&mut self, call: &Value) -> Result<String, Error> {
        let name = call["function"]["name"].clone();
        let arguments = call["function"]["arguments"].as_str().unwrap_or("{}");
        let arguments: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
        let result = self.rpc("tools/call", json!({ "name": name, "arguments": arguments })).await?;
        let blocks = result["content"].as_array().cloned().unwrap_or_default();
        let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        Ok(texts.join("\n"))
    }

    async fn rpc(&mut self, method: &str, params: Value) -> Result<Value, Error> {
        let id = self.next_id;
        self.next_id += 1;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let answer = self.post(&message).await?;
        if let Some(session) = answer.headers.get("mcp-session-id").and_then(|value| value.to_str().ok()) {
            session.clone_into(&mut self.mcp_session);
        }
        match answer.body.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(Error::new(format!("{method} answered {}: {}", answer.status, answer.body))),
        }
    }

    async fn notify(&self, method: &str) -> Result<(), Error> {
        self.post(&json!({ "jsonrpc": "2.0", "method": method })).await.map(|_| ())
    }

    async fn post(&self, message: &Value) -> Result<Answer, Error> {
        let url = format!("{}/mcp/{}", self.base, self.server);
        let mut headers = vec![
            ("authorization", self.bearer.as_str()),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2025-11-25"),
        ];
        if !self.mcp_session.is_empty() {
            headers.push(("mcp-session-id", self.mcp_session.as_str()));
        }
        self.http.send(Method::POST, &url, &headers, Some(message)).await
    }
}

/// An MCP tool as the model's API wants it.
fn function(tool: &Value) -> Value {
    json!({ "type": "function", "function": {
        "name": tool["name"], "description": tool["description"], "parameters": tool["inputSchema"] } })
}
