//! A client with nothing between the test and the bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One answer, as far as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The connection broke before the body ended.
    pub(crate) broken: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, or the messages of its event stream.
    pub(crate) fn messages(&self) -> Vec<Value> {
        if let Ok(whole) = serde_json::from_slice(&self.body) {
            return vec![whole];
        }
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
        data.filter(|data| *data != "[DONE]").filter_map(|data| serde_json::from_str(data).ok()).collect()
    }

    /// The only or last message.
    pub(crate) fn json(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("no JSON: {} {}", self.status, self.text()))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16, part: &str) -> Self {
        let text = self.text();
        assert!(
            self.status == status && text.contains(part),
            "not {status} with `{part}`: {} {text}",
            self.status
        );
        self
    }
}

/// Somebody with a key.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) addr: SocketAddr,
    pub(crate) key: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Client {
    pub(crate) fn new(addr: SocketAddr, key: &str) -> Self {
        Self { addr, key: key.to_owned(), headers: Vec::new() }
    }

    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let listens = method == Method::GET && path.starts_with("/mcp");
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", self.addr.to_string());
        if !self.key.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        request = request.header("accept", "application/json, text/event-stream");
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in headers.iter().copied().chain(own) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let (head, mut incoming) = sender.send_request(request).await.unwrap().into_parts();
        let (mut body, mut broken) = (Vec::new(), false);
        // A listening stream never ends by itself.
        let patience = std::time::Duration::from_millis(if listens { 200 } else { 60_000 });
        while let Ok(Some(frame)) = tokio::time::timeout(patience, incoming.frame()).await {
            match frame {
                Ok(frame) => body.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        Answer { status: head.status.as_u16(), headers: head.headers, body: body.into(), broken }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// A model call with one message.
    pub(crate) async fn chat(&self, model: &str, text: &str) -> Answer {
        self.post("/v1/chat/completions", &chat(model, text)).await
    }

    /// A tool call of the era without sessions.
    pub(crate) async fn call(&self, server: &str, tool: &str, arguments: Value) -> Answer {
        let body = stateless("tools/call", json!({ "name": tool, "arguments": arguments }));
        let headers =
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", tool)];
        self.send(Method::POST, &format!("/mcp/{server}"), &headers, body.to_string()).await
    }

    /// Asks the gullible model for a call, so that the call is known, and makes it.
    pub(crate) async fn act(&self, tool: &str, arguments: Value) -> Answer {
        let asked = self.propose(tool, &arguments).await;
        assert_eq!(asked.status, 200, "{}", asked.text());
        self.call("desk", tool, arguments).await
    }

    pub(crate) async fn propose(&self, tool: &str, arguments: &Value) -> Answer {
        let verb = tool.split('_').next().unwrap_or(tool);
        self.chat("gullible", &format!("please {verb} it. [[call {tool} {arguments}]]")).await
    }

    /// Sends bytes as they are and reads what comes until the other side closes or a second passes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let _may_close_early = stream.write_all(bytes).await;
        let mut got = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(Ok(n)) =
            tokio::time::timeout(std::time::Duration::from_secs(2), stream.read(&mut buffer)).await
            && n > 0
        {
            got.extend_from_slice(&buffer[..n]);
        }
        String::from_utf8_lossy(&got).into_owned()
    }
}

/// The desk's tools as a model is told of them.
pub(crate) fn functions() -> Value {
    let names = [
        "get_order",
        "refund_order",
        "get_customer",
        "delete_customer",
        "read_mail",
        "send_mail",
        "pay_invoice",
    ];
    let function = |name| json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } });
    names.map(function).into_iter().collect()
}

pub(crate) fn chat(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }], "tools": functions() })
}

pub(crate) fn stateless(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {} });
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}
