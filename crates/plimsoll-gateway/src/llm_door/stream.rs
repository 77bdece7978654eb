//! A streamed answer: text flows at once, a tool call waits until it is complete and judged.
//!
//! The flow is polled by the client's own connection: no task, no queue, no timer holds a chunk back.
//! When the client leaves, the flow is dropped and its outcome says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::unfold;
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use plimsoll_core::{Code, OutcomeStatus};
use plimsoll_inspect::StreamRedactor;
use plimsoll_wire::llm::{Channel, ErrorBody, Out, Stream, TextEvent, Verdict};
use plimsoll_wire::sse::Reader;

use super::answer::{judge, passed, usage};
use super::ask::Turn;
use crate::content::Said;
use crate::gateway::Gateway;
use crate::record::{Report, Slip};
use crate::server::Body;
use crate::upstream::pool::Reply;

/// Bytes of one event of a stream.
const EVENT_BYTES: usize = 4 << 20;

/// Answers with the stream of the provider, judged as it flows.
pub(super) fn answer(
    gateway: &Arc<Gateway>,
    turn: Box<Turn>,
    response: Response<Reply>,
    slip: Slip,
) -> Response<Body> {
    let (head, body) = response.into_parts();
    let kept = slip.keeps().then(BytesMut::new);
    let flow = Flow {
        kept,
        judge: turn.dialect.stream(),
        idle: Duration::from_secs(turn.caller.bundle().project.bounds.idle_timeout_s),
        gateway: Arc::clone(gateway),
        turn,
        body,
        reader: Reader::new(EVENT_BYTES),
        tails: BTreeMap::new(),
        slip: Some(slip),
        out: BytesMut::new(),
        redacted: 0,
        over: false,
    };
    let frames = unfold(flow, |mut flow| async move {
        let bytes = flow.next().await?;
        Some((Ok::<_, std::io::Error>(Frame::data(bytes)), flow))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = head.status;
    *response.headers_mut() = passed(&head.headers);
    let (name, value) = super::event_stream();
    response.headers_mut().insert(name, value);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// One stream on its way through.
struct Flow {
    gateway: Arc<Gateway>,
    turn: Box<Turn>,
    body: Reply,
    reader: Reader,
    judge: Stream,
    /// Per text channel: what may be the beginning of a secret, and the last event that carried it.
    tails: BTreeMap<(usize, u8), Tail>,
    slip: Option<Slip>,
    out: BytesMut,
    redacted: u32,
    idle: Duration,
    over: bool,
    /// The stream as it came, where its session is recorded in full.
    kept: Option<BytesMut>,
}

struct Tail {
    redactor: StreamRedactor,
    last: TextEvent,
    at: usize,
}

/// Why a stream ended before its end.
struct Broken {
    code: Code,
    why: String,
}

impl Flow {
    /// The next bytes for the client; `None` when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.over && self.out.is_empty() {
            if let Err(broken) = self.step().await {
                self.end(Some(broken));
            }
        }
        (!self.out.is_empty()).then(|| self.out.split().freeze())
    }

    async fn step(&mut self) -> Result<(), Broken> {
        let frame = tokio::time::timeout(self.idle, self.body.frame()).await;
        let broken = |code: Code, why: String| Broken { code, why };
        let bytes = match frame {
            Err(_) => {
                return Err(broken(
                    Code::UpstreamTimeout,
                    format!("the model was silent for {} s", self.idle.as_secs()),
                ));
            }
            Ok(Some(Err(error))) => {
                return Err(broken(Code::UpstreamFailed, format!("the model's stream broke: {error}")));
            }
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(bytes) => bytes,
                Err(_trailers) => return Ok(()),
            },
            Ok(None) => {
                let last = self.reader.finish().map_err(|e| broken(Code::UpstreamGarbage, e.to_string()))?;
                if let Some(event) = last {
                    self.take(event).await?;
                }
                self.end(None);
                return Ok(());
            }
        };
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&bytes);
        }
        self.reader.push(&bytes);
        while let Some(event) =
            self.reader.next_event().map_err(|e| broken(Code::UpstreamGarbage, e.to_string()))?
        {
            self.take(event).await?;
        }
        Ok(())
    }

    async fn take(&mut self, event: plimsoll_wire::sse::Event) -> Result<(), Broken> {
        let garbage =
            |e: plimsoll_wire::llm::WireError| Broken { code: Code::UpstreamGarbage, why: e.to_string() };
        let mut todo = self.judge.push(event).map_err(garbage)?;
        while !todo.is_empty() {
            let mut next = Vec::new();
            for out in todo {
                match out {
                    Out::Forward(bytes) => {
                        self.flush_tails();
                        self.out.extend_from_slice(&bytes);
                    }
                    Out::Text(event) => self.text(event),
                    Out::Calls(calls) => {
                        self.seen();
                        let verdicts = Box::pin(judge(&self.gateway, &self.turn, &calls)).await;
                        let verdicts: Vec<Verdict> = verdicts
                            .into_iter()
                            .map(|refusal| refusal.map_or(Verdict::Allow, Verdict::Refuse))
                            .collect();
                        next.extend(self.judge.resolve(&verdicts).map_err(garbage)?);
                    }
                }
            }
            todo = next;
        }
        Ok(())
    }

    /// Who answers stands in the first events: it is looked at before any call is judged.
    fn seen(&self) {
        let (caller, summary) = (&self.turn.caller, self.judge.summary());
        let (name, fingerprint) = (summary.model.as_deref(), summary.fingerprint.as_deref());
        self.gateway.saw_answer(caller, &self.turn.model.id, name, fingerprint);
    }

    /// Text goes out with its secrets replaced; only what may be the beginning of one waits for more.
    fn text(&mut self, event: TextEvent) {
        let mut texts: Vec<Option<String>> = Vec::with_capacity(event.deltas.len());
        for (at, delta) in event.deltas.iter().enumerate() {
            if delta.is_repeat {
                self.flush_tails();
                texts.push(match self.gateway.redactor.redact(&delta.text) {
                    std::borrow::Cow::Borrowed(_) => None,
                    std::borrow::Cow::Owned(clean) => Some(clean),
                });
                continue;
            }
            let key = (delta.choice, channel(delta.channel));
            let tail = self.tails.entry(key).or_insert_with(|| Tail {
                redactor: StreamRedactor::new(&self.gateway.redactor.now()),
                last: event.clone(),
                at,
            });
            let before = tail.redactor.count();
            let clean = tail.redactor.push(&delta.text);
            texts.push((*clean != *delta.text).then(|| clean.into_owned()));
            self.redacted += u32::try_from(tail.redactor.count() - before).unwrap_or(0);
            if tail.redactor.held() > 0 {
                tail.last = event.clone();
                tail.at = at;
            }
        }
        if texts.iter().all(Option::is_none) {
            self.out.extend_from_slice(&event.bytes());
        } else {
            let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
            self.out.extend_from_slice(&event.with_texts(&texts));
        }
    }

    /// Lets out what was held as the possible beginning of a secret, as one more event of its kind.
    fn flush_tails(&mut self) {
        for tail in self.tails.values_mut().filter(|tail| tail.redactor.held() > 0) {
            let rest = tail.redactor.finish();
            let mut texts: Vec<Option<&str>> = tail.last.deltas.iter().map(|_| Some("")).collect();
            if let Some(text) = texts.get_mut(tail.at) {
                *text = Some(&rest);
            }
            let event = tail.last.with_texts(&texts);
            self.out.extend_from_slice(&event);
        }
    }

    /// The end, good or bad: the client hears of it in its own protocol, the ledger of it in any case.
    fn end(&mut self, broken: Option<Broken>) {
        self.over = true;
        let (code, why) = match &broken {
            Some(broken) => (broken.code, broken.why.as_str()),
            None => (Code::UpstreamFailed, "the model's stream ended before its end"),
        };
        if broken.is_none() {
            self.flush_tails();
        }
        let message = format!("Plimsoll: {why}");
        let error =
            ErrorBody { status: 502, code: code.id(), message: &message, request_id: &self.turn.request };
        let unfinished = self.judge.end(&error);
        let failed = broken.is_some() || unfinished.is_some();
        if let Some(bytes) = unfinished {
            self.out.extend_from_slice(&bytes);
        }
        self.seen();
        let summary = self.judge.summary();
        let mut report = match failed {
            true => Report::failed(code, why),
            false => Report::of(OutcomeStatus::Done, ""),
        };
        report.downstream = summary.id.iter().cloned().collect();
        report.usage = usage(summary.usage);
        report.redacted = self.redacted;
        if let Some(slip) = self.slip.take() {
            if let Some(kept) = self.kept.take() {
                slip.keep(|| Said::stream(kept.freeze()));
            }
            slip.close_soon(report);
        }
    }
}

impl Drop for Flow {
    /// The client left before the end.
    fn drop(&mut self) {
        if let Some(slip) = self.slip.take() {
            slip.close_soon(Report::failed(
                Code::UpstreamFailed,
                "the client left before the end of the stream",
            ));
        }
    }
}

const fn channel(channel: Channel) -> u8 {
    match channel {
        Channel::Answer => 0,
        Channel::Reasoning => 1,
        Channel::Refusal => 2,
    }
}
