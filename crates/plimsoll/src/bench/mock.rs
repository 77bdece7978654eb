//! The leanest upstream there can be: answers rendered once, chosen by the model's name, sent as they are.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::load::stay_awake;

/// Chunks of a streamed answer at full speed.
pub const CHUNKS: usize = 200;
/// Chunks of a streamed answer with gaps, and the gap.
pub const GAPPED: usize = 20;
pub const GAP_MS: u64 = 10;
/// How long the slow model thinks.
pub const SLOW_MS: u64 = 20;
/// Where it is told for how many milliseconds it must not sleep.
pub const AWAKE: &str = "/awake/";
/// What stands before a chunk's time of sending.
pub const STAMP: &[u8] = b"\"content\":\"at ";

const TOOLS: &str = include_str!("../../../../examples/support-desk/tools/desk.lock.json");

/// Serves until the process is ended.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let answers = Arc::new(Answers::render());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        let service = service_fn(move |request| answer(Arc::clone(&answers), request));
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

struct Answers {
    chat: Bytes,
    call: Bytes,
    chunk: Bytes,
    last: Bytes,
    tools: String,
}

impl Answers {
    fn render() -> Self {
        let text = "Your order has left our warehouse and the carrier has taken it over. ".repeat(8);
        let usage = r#""usage":{"prompt_tokens":212,"completion_tokens":118,"total_tokens":330}"#;
        let head = r#""id":"chatcmpl-bench","created":1780000000,"model":"bench-1""#;
        let whole = |message: &str, why: &str| {
            Bytes::from(format!(
                r#"{{{head},"object":"chat.completion","choices":[{{"index":0,"message":{message},"logprobs":null,"finish_reason":"{why}"}}],{usage}}}"#
            ))
        };
        let chunk = |delta: &str, why: &str| {
            Bytes::from(format!(
                "data: {{{head},\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{why}}}]}}\n\n"
            ))
        };
        let end = chunk("{}", "\"stop\"");
        let function = r#"{"name":"get_order","arguments":"{\"order_id\":\"A-1001\"}"}"#;
        Self {
            chat: whole(&format!(r#"{{"role":"assistant","content":"{text}","refusal":null}}"#), "stop"),
            call: whole(
                &format!(
                    r#"{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_bench","type":"function","function":{function}}}]}}"#
                ),
                "tool_calls",
            ),
            chunk: chunk(r#"{"content":" the carrier"}"#, "null"),
            last: Bytes::from([&end[..], b"data: [DONE]\n\n"].concat()),
            tools: tools(),
        }
    }

    /// A chunk that says when it was sent, in letters, as digits would be taken for something private.
    fn stamped(&self) -> Bytes {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let letters: String = (0..16).rev().map(|n| char::from(b'a' + (now >> (4 * n) & 15) as u8)).collect();
        let text = String::from_utf8_lossy(&self.chunk).replace(" the carrier", &format!("at {letters} "));
        Bytes::from(text)
    }
}

/// The tools as a server lists them, from the file that pins them.
fn tools() -> String {
    let lock: serde_json::Value = serde_json::from_str(TOOLS).unwrap_or_default();
    let pinned = lock["tools"].as_object().into_iter().flatten();
    serde_json::Value::Array(pinned.map(|(_, pin)| pin["tool"].clone()).collect()).to_string()
}

type Answered = Result<Response<UnsyncBoxBody<Bytes, Infallible>>, hyper::Error>;

async fn answer(answers: Arc<Answers>, request: Request<Incoming>) -> Answered {
    if let Some(time) = request.uri().path().strip_prefix(AWAKE) {
        tokio::spawn(stay_awake(Duration::from_millis(time.parse().unwrap_or_default())));
        return Ok(respond("text/plain", Full::new(Bytes::from_static(b"awake")).boxed_unsync()));
    }
    let is_mcp = request.uri().path().starts_with("/mcp");
    let body = request.into_body().collect().await?.to_bytes();
    if is_mcp {
        return Ok(rpc(&answers, &body));
    }
    let beginning = &body[..body.len().min(64)];
    let is = |model: &[u8]| beginning.windows(model.len()).any(|window| window == model);
    if is(b"\"stream-") {
        let gapped = is(b"\"stream-gaps");
        let (left, gap) = if gapped { (GAPPED, Some(GAP_MS)) } else { (CHUNKS, None) };
        let chunks = Chunks { answers, left, gap: gap.map(Duration::from_millis), timer: None };
        return Ok(respond("text/event-stream", chunks.boxed_unsync()));
    }
    if is(b"\"slow") {
        tokio::time::sleep(Duration::from_millis(SLOW_MS)).await;
    }
    let whole = if is(b"\"tool") { &answers.call } else { &answers.chat };
    Ok(respond("application/json", Full::new(whole.clone()).boxed_unsync()))
}

fn respond(
    kind: &'static str,
    body: UnsyncBoxBody<Bytes, Infallible>,
) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let mut response = Response::new(body);
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    response
}

/// As much of MCP as a gateway needs to trust the server's tools.
fn rpc(answers: &Answers, body: &[u8]) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let text = String::from_utf8_lossy(body);
    let result = if text.contains("\"tools/call\"") {
        r#"{"content":[{"type":"text","text":"{\"order_id\":\"A-1001\",\"customer_id\":\"C-77\",\"total\":49.9,\"state\":\"delivered\",\"items\":[{\"name\":\"cup\",\"count\":2},{\"name\":\"saucer\",\"count\":2}]}"}],"isError":false}"#.to_owned()
    } else if text.contains("\"tools/list\"") {
        format!(r#"{{"tools":{}}}"#, answers.tools)
    } else if text.contains("\"initialize\"") {
        r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}"#.to_owned()
    } else {
        let mut response = respond("application/json", Full::new(Bytes::new()).boxed_unsync());
        *response.status_mut() = hyper::StatusCode::ACCEPTED;
        return response;
    };
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id(&text));
    respond("application/json", Full::new(Bytes::from(answer)).boxed_unsync())
}

/// The id as it was written.
fn id(text: &str) -> &str {
    let rest = text.split_once("\"id\":").map_or("null", |(_, rest)| rest);
    rest.find([',', '}']).map_or("null", |end| rest[..end].trim())
}

/// A streamed answer.
struct Chunks {
    answers: Arc<Answers>,
    left: usize,
    gap: Option<Duration>,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if let Some(timer) = &mut self.timer {
            ready!(timer.as_mut().poll(cx));
        }
        self.timer = self.gap.map(|gap| Box::pin(tokio::time::sleep(gap)));
        self.left -= 1;
        let bytes = match (self.left, self.gap) {
            (0, _) => self.answers.last.clone(),
            (_, Some(_)) => self.answers.stamped(),
            (_, None) => self.answers.chunk.clone(),
        };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}
