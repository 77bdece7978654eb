//! `tools/call`: the act. Read, held against its pin, and put on the path; what comes back is labelled and remembered.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_bundle::Tool;
use plimsoll_core::{
    Account, Code, ContentOf, Digest, Door, DriftKind, DriftPolicy, Drifted, Label, Objection, OutcomeStatus,
    Span, SpanKind, Tier, ToolName,
};
use plimsoll_ledger::{Rehearsal, Warrant};
use plimsoll_wire::json::{Limits, OwnedDoc, parse};
use plimsoll_wire::jsonrpc::{self, Body, Frame, Id};
use plimsoll_wire::mcp::read::ResultKind;
use plimsoll_wire::mcp::{Answer, Era, HeaderList, ToolCall, ToolResult, render, translate};
use serde_json::{Value, json};

use super::relay::InFlight;
use super::stream::Outlet;
use super::talk::{Talk, number};
use crate::content::Said;
use crate::context::{Called, KnownResult, PREVIEW_CHARS};
use crate::memory::{Going, Whose};
use crate::path::{self, Actor, Proposal, Sight};
use crate::record::{Report, Slip};
use crate::refusal::Refusal;
use crate::upstream::UpstreamError;
use crate::upstream::mcp::exchange::Coming;
use crate::upstream::mcp::link::{Began, Link, Params};

/// Seconds that a server gets to answer a call after its client has taken it back.
pub(super) const CANCEL_GRACE_S: u64 = 5;

/// One call, from reading to answer.
pub(super) async fn call(talk: Arc<Talk>, doc: OwnedDoc, outlet: Outlet) -> Answer {
    let status = if talk.era() == Era::Stateless { 400 } else { 200 };
    let bad = |id: Option<&Id>, why: &str| Answer::error(status, id, jsonrpc::INVALID_PARAMS, why, None);
    let Ok(frame) = Frame::read(doc.root()) else { return bad(None, "not a request") };
    let Some(id) = frame.id() else { return bad(None, "not a request") };
    let call = match ToolCall::read(&frame) {
        Ok(call) => call,
        Err(error) => return bad(Some(id), &error.to_string()),
    };
    let name = ToolName::new(talk.server.name.as_str(), call.name.as_ref());
    let arguments = call.arguments_value();
    let talk = match talk.as_proposed(&name, &arguments).await {
        Ok(talk) => talk,
        Err(refusal) => return refuse(&talk, id, &refusal, false, call.goes_on()),
    };
    let tool = talk.caller.bundle().find_tool(&name).cloned();
    let params = params_of(tool.as_deref());
    if talk.era() == Era::Stateless {
        let pairs: Vec<(&str, &[u8])> =
            talk.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let headers = HeaderList::new(&pairs);
        if let Err(turned) = params.0.iter().try_for_each(|param| param.agree(&headers, call.arguments)) {
            talk.gateway
                .note_turned(&talk.request, &Refusal::plain(Code::HeaderMismatch, turned.message.as_str()));
            return Answer { status: turned.status, body: turned.render(Some(id)) };
        }
    }
    let masked = talk.gateway.masked_part(&talk.caller, &doc, call.arguments);
    match masked {
        None => carry_on(talk, doc, outlet).await,
        // From here on it is as if the client had sent the masked text.
        Some(Ok(masked)) => carry_on(talk, masked, outlet).await,
        Some(Err(why)) => bad(Some(id), &why),
    }
}

/// The call as everything behind the door sees it.
async fn carry_on(talk: Arc<Talk>, doc: OwnedDoc, outlet: Outlet) -> Answer {
    let bad = |why: &str| Answer::error(400, None, jsonrpc::INVALID_PARAMS, why, None);
    let Ok(frame) = Frame::read(doc.root()) else { return bad("not a request") };
    let Some(id) = frame.id() else { return bad("not a request") };
    let call = match ToolCall::read(&frame) {
        Ok(call) => call,
        Err(error) => return bad(&error.to_string()),
    };
    let name = ToolName::new(talk.server.name.as_str(), call.name.as_ref());
    let tool = talk.caller.bundle().find_tool(&name).cloned();
    let params = params_of(tool.as_deref());
    let arguments = call.arguments_value();
    let sight = look(&talk, &name, tool.as_deref(), &arguments).await;
    let own_state = call
        .request_state
        .and_then(|state| state.as_str())
        .is_some_and(|state| state.starts_with(render::STATE));
    let text = if own_state { translate::without_own_state(&frame) } else { frame.root.raw().to_vec() };
    let said = talk.caller.workflow().records().then(|| {
        let server = &talk.server.name;
        let detail = json!({ "server": server, "mcp": talk.version.name(), "headers": talk.said_headers() });
        Said::new(ContentOf::Call, bytes::Bytes::from(text.clone()), detail)
    });
    let called = Arc::new(arguments.clone());
    let mut act = path::act(Door::Tool, name.clone(), arguments);
    act.schema = tool.as_ref().and_then(|tool| tool.pin.as_ref()).map(|pin| pin.digest);
    act.call_id = Some(id.to_string());
    let proposal = Proposal {
        act,
        session: talk.session_name(),
        request: talk.request.clone(),
        trace: talk.trace.clone(),
        sight: Sight::Call,
        objections: sight.objections,
        drifts: sight.drifts,
        deferred: false,
        detail: json!({ "mcp": talk.version.name(), "goes_on": call.goes_on() && !own_state }),
        fresh: Vec::new(),
        said,
    };
    // What comes of it, an answer or a refusal, is remembered before this ends.
    let going = Arc::new(talk.gateway.memory.begin(talk.gateway.ledger.size()));
    let performer = Performer {
        talk: Arc::clone(&talk),
        text,
        id: id.clone(),
        account: tool.as_ref().map_or(Account::Execute, |tool| tool.account),
        label: tool.as_ref().map_or_else(Label::default, |tool| tool.meaning.output.label()),
        name,
        arguments: called,
        params,
        structured: sight.structured,
        outlet,
        _going: Arc::clone(&going),
    };
    let goes_on = call.goes_on();
    match talk.gateway.pass(&talk.caller, proposal, performer).await {
        Ok(answer) => answer,
        // It quotes what was asked for, and whoever chose that.
        Err(refusal) => {
            let answer = refuse(&talk, id, &refusal, sight.structured, goes_on);
            marked(&talk, answer, &Label::default())
        }
    }
}

/// Which arguments of a tool travel in headers too.
fn params_of(tool: Option<&Tool>) -> Params {
    tool.and_then(|tool| tool.pin.as_ref()).map(|pin| Params::of(&pin.input_schema)).unwrap_or_default()
}

/// The answer with the label of its result, where the workflow wants it there.
fn marked(talk: &Talk, answer: Answer, label: &Label) -> Answer {
    if !talk.caller.workflow().writes_ifc {
        return answer;
    }
    let body = super::ifc::written(&answer.body, label).unwrap_or(answer.body);
    Answer { body, ..answer }
}

/// What the door sees before the path does.
struct Seen {
    objections: Vec<Objection>,
    drifts: Vec<Drifted>,
    /// Whether a refusal may carry structured content: not where clients hold it against the tool's output schema.
    structured: bool,
}

async fn look(talk: &Talk, name: &ToolName, tool: Option<&Tool>, arguments: &Value) -> Seen {
    let objection = |code, text: String| Objection { code, text };
    let Some(tool) = tool else {
        let text = format!("the release does not know `{name}`");
        return Seen {
            objections: vec![objection(Code::UnknownTool, text)],
            drifts: Vec::new(),
            structured: false,
        };
    };
    if !talk.caller.workflow().acts.contains_key(name) {
        let text = format!("the workflow `{}` does not list `{name}`", talk.caller.workflow().name);
        return Seen {
            objections: vec![objection(Code::NotInWorkflow, text)],
            drifts: Vec::new(),
            structured: false,
        };
    }
    let (mut objections, mut drifts) = (Vec::new(), Vec::new());
    let mut structured = false;
    match (&tool.pin, live(talk, tool.account).await) {
        (_, Err(error)) => {
            let text = format!(
                "the server's description of `{name}` can't be read, so it can't be held against its pin: {error}"
            );
            objections.push(objection(error.code(), text));
        }
        (None, Ok(_)) => objections.push(objection(Code::SchemaDrift, format!("`{name}` was never pinned"))),
        (Some(pin), Ok(live)) => match live.find(&name.tool) {
            None => {
                talk.gateway.saw_tool(&talk.caller, name, None);
                objections.push(objection(Code::SchemaDrift, format!("the server no longer has `{name}`")));
            }
            Some(now) => {
                talk.gateway.saw_tool(&talk.caller, name, now.digest);
                structured = !now.has_output_schema;
                if now.digest != Some(pin.digest) {
                    structured = false;
                    let text = format!(
                        "the server describes `{name}` differently than `{}` reviewed",
                        pin.reviewed_by
                    );
                    match talk.caller.bundle().project.drift.policy(DriftKind::Tools) {
                        DriftPolicy::Alert => {}
                        // Of one that is described twice nobody can say what is held.
                        DriftPolicy::Hold if now.digest.is_some() => {
                            let (of, subject) = (DriftKind::Tools, name.server.clone());
                            drifts.push(Drifted { of, subject, policy: DriftPolicy::Hold, text });
                        }
                        _ => objections.push(objection(Code::SchemaDrift, text)),
                    }
                }
            }
        },
    }
    if let Some(Err(places)) = tool.pin.as_ref().map(|pin| pin.validate(arguments)) {
        objections.extend(places.into_iter().map(|place| objection(Code::InvalidArguments, place)));
    }
    Seen { objections, drifts, structured }
}

async fn live(talk: &Talk, account: Account) -> Result<Arc<crate::upstream::mcp::live::Live>, UpstreamError> {
    talk.link(account).await?.live().await
}

/// A refused or held call, in the client's words.
fn refuse(talk: &Talk, id: &Id, refusal: &Refusal, structured: bool, goes_on: bool) -> Answer {
    let text = talk.gateway.redactor.redact(&refusal.text()).into_owned();
    // Known again as our own words, and no better than what they quote.
    let ours =
        KnownResult { label: Label::default(), tool: ToolName::new("plimsoll", "refusal"), call: None };
    let whose = Whose { session: &talk.session_name(), principal: talk.caller.principal() };
    talk.gateway.remember(&text, ours, whose);
    let parts = refusal.structured().to_string();
    let words = render::Refusal { text: &text, parts: &parts };
    match (&refusal.ticket, &refusal.page) {
        // A client that comes back from the page is not sent there again: it might turn in a circle.
        (Some(ticket), Some(page))
            if talk.era() == Era::Stateless && talk.capabilities.elicitation_url && !goes_on =>
        {
            let message =
                format!("{}. Open the page to see the act and have it approved.", refusal.headline());
            let message = talk.gateway.redactor.redact(&message).into_owned();
            Answer::approval(id, &message, page, &format!("{}{ticket}", render::STATE), &words)
        }
        _ => Answer::refusal(id, talk.version, &words, structured),
    }
}

/// Performs one call, once the path has said yes and written it down.
struct Performer {
    talk: Arc<Talk>,
    text: Vec<u8>,
    id: Id,
    account: Account,
    label: Label,
    name: ToolName,
    arguments: Arc<Value>,
    params: Params,
    structured: bool,
    outlet: Outlet,
    _going: Arc<Going>,
}

impl Actor for Performer {
    type Done = Answer;

    async fn act(self, warrant: Warrant, slip: Slip) -> Answer {
        let tier = warrant.tier();
        let link = match self.talk.link(self.account).await {
            Ok(link) => link,
            Err(error) => return self.close(slip, tier, path::report_of(&error), self.failed(&error)).await,
        };
        match self.perform(&link, warrant, tier).await {
            Ok(answer) => {
                let answer = match self.masked(answer) {
                    Ok(answer) => answer,
                    Err(why) => {
                        let (report, answer) = self.garbage(&why);
                        return self.close(slip, tier, report, answer).await;
                    }
                };
                let whole = || bytes::Bytes::copy_from_slice(answer.bytes());
                slip.keep(|| Said::json(ContentOf::Result, 200, whole()));
                let (report, answer) = self.judge(&answer, slip.session());
                self.close(slip, tier, report, answer).await
            }
            Err(error) => self.close(slip, tier, path::report_of(&error), self.failed(&error)).await,
        }
    }

    async fn simulate(self, rehearsal: Rehearsal, slip: Slip) -> Answer {
        let (report, answer) = self.made_up(slip.session());
        self.close(slip, rehearsal.tier(), report, answer).await
    }
}

impl Performer {
    fn masked(&self, answer: OwnedDoc) -> Result<OwnedDoc, String> {
        let tool = self.talk.caller.bundle().find_tool(&self.name).map(|tool| &**tool);
        self.talk.gateway.masked_answer(&self.talk.caller, tool, answer)
    }

    /// What stands in place of a result where the act is only simulated: of the shape that the tool's schema promises.
    fn made_up(&self, session: &str) -> (Report, Answer) {
        let tool = self.talk.caller.bundle().find_tool(&self.name);
        let schema = tool.and_then(|tool| tool.pin.as_ref()).and_then(|pin| pin.tool.get("outputSchema"));
        let structured = schema.map(plimsoll_bundle::made_up::value);
        let text = format!(
            "Simulated: `{}` was allowed and is on record; this environment does not perform it.",
            self.name
        );
        let answer = match structured {
            Some(None) => Answer::simulated(
                &self.id,
                self.talk.version,
                &format!("{text} No result can be made up for its schema."),
                None,
                true,
            ),
            structured => {
                let structured = structured.flatten().map(|value| value.to_string());
                Answer::simulated(&self.id, self.talk.version, &text, structured.as_deref(), false)
            }
        };
        match parse(bytes::Bytes::from(answer.body), &Limits::DEFAULT) {
            Ok(doc) => {
                let (report, answer) = self.judge(&doc, session);
                (Report { status: OutcomeStatus::Simulated, code: None, detail: text, ..report }, answer)
            }
            Err(error) => self.garbage(&error.to_string()),
        }
    }

    async fn perform(
        &self,
        link: &Arc<Link>,
        warrant: Warrant,
        tier: Tier,
    ) -> Result<OwnedDoc, UpstreamError> {
        let unsent = |why: String| UpstreamError::Unreachable { name: link.name().to_owned(), why };
        let doc = parse(&self.text[..], &Limits { bytes: usize::MAX, ..Limits::DEFAULT })
            .map_err(|e| unsent(e.to_string()))?;
        let frame = Frame::read(doc.root()).map_err(|e| unsent(e.to_string()))?;
        let flight = InFlight::new(&self.talk, &self.id);
        let began = |upstream: &Id| flight.began(link, upstream);
        let working = self.exchange(link, warrant, &frame, &began);
        tokio::pin!(working);
        // A client that stands alone cancels by leaving. An act that changes something is not cut off for that: then
        // nobody would know what came of it.
        let may_cut = self.talk.era() == Era::Stateless && tier == Tier::Safe;
        tokio::select! {
            done = &mut working => done,
            () = self.outlet.closed(), if may_cut => Err(cancelled(link)),
            // The server has been told. It may still say what came of it, for a while.
            () = flight.cancelled.notified() => {
                let grace = tokio::time::timeout(Duration::from_secs(CANCEL_GRACE_S), &mut working);
                grace.await.unwrap_or_else(|_| Err(cancelled(link)))
            }
        }
    }

    async fn exchange(
        &self,
        link: &Arc<Link>,
        warrant: Warrant,
        frame: &Frame<'_>,
        began: Began<'_>,
    ) -> Result<OwnedDoc, UpstreamError> {
        let mut exchange = link.call(warrant, frame, self.talk.era(), self.params.clone(), began).await?;
        if exchange.is_stream() {
            self.outlet.begin().await;
        }
        loop {
            match exchange.next().await? {
                Coming::Answer(answer) => return Ok(answer),
                Coming::Ask(ask) => Box::pin(self.talk.ask(link, &ask, &self.outlet)).await,
                Coming::Notice(notice) => {
                    if let Some(text) = self.talk.notice(link, &notice) {
                        let _client_may_be_gone = self.outlet.send(&text).await;
                    }
                }
            }
        }
    }

    /// Reads an answer: what it means for the record, and what the client gets.
    fn judge(&self, doc: &OwnedDoc, session: &str) -> (Report, Answer) {
        let as_it_came = Answer { status: 200, body: doc.bytes().to_vec() };
        let frame = Frame::read(doc.root());
        let result = match frame.map(|frame| frame.body) {
            Ok(Body::Result { result, .. }) => result,
            Ok(Body::Error { error, .. }) => {
                return (
                    Self::report_error(error.code, &error.message),
                    self.passed_error(as_it_came, error.code),
                );
            }
            _ => return self.garbage("an answer that is none"),
        };
        let read = match ToolResult::read(result) {
            Ok(read) => read,
            Err(error) => return self.garbage(&error.to_string()),
        };
        match read.kind {
            ResultKind::Unknown => return self.garbage("a `resultType` that is not known here"),
            ResultKind::InputRequired if self.talk.era() == Era::Sessions => {
                let error = UpstreamError::Refused {
                    name: self.name.server.clone(),
                    why: "it asks the client for input in a way that the client's revision does not know"
                        .to_owned(),
                };
                return (Report::failed(Code::UpstreamFailed, error.to_string()), self.failed(&error));
            }
            ResultKind::InputRequired => {
                return (
                    Report::of(OutcomeStatus::Done, "input_required: the server asks first"),
                    as_it_came,
                );
            }
            ResultKind::Complete => {}
        }
        let label = super::ifc::labelled(&self.label, result, self.talk.server.believed);
        let as_it_came = marked(&self.talk, as_it_came, &label);
        let span = self.remember(&read, label, session);
        let mut report = match read.is_error {
            true => {
                let said = read
                    .texts
                    .first()
                    .map(|text| self.talk.gateway.redactor.preview(&text.text, PREVIEW_CHARS));
                Report::failed(
                    Code::UpstreamFailed,
                    said.unwrap_or_else(|| "the tool reports an error".to_owned()),
                )
            }
            false => Report::done(),
        };
        report.result = Some(span);
        (report, as_it_came)
    }

    /// Makes the result recognisable wherever its text turns up again, with the label of its tool.
    fn remember(&self, read: &ToolResult<'_>, label: Label, session: &str) -> Span {
        let call = Some(Called::With(Arc::clone(&self.arguments)));
        let known = KnownResult { label, tool: self.name.clone(), call };
        let whose = Whose { session, principal: self.talk.caller.principal() };
        let keep = |text: &str| self.talk.gateway.remember(text, known.clone(), whose);
        let texts: Vec<&str> = read.texts.iter().map(|text| text.text.as_ref()).collect();
        let joined = texts.join("\n");
        if texts.len() > 1 {
            for text in texts.iter().filter(|text| !text.is_empty()) {
                keep(text);
            }
        }
        if let Some(structured) = read.structured {
            keep(structured.raw_str());
        }
        for text in read.structured_texts().iter().filter(|text| !text.text.is_empty()) {
            keep(&text.text);
        }
        let address = if joined.is_empty() { Digest::of(b"") } else { keep(&joined) };
        Span {
            index: 0,
            kind: SpanKind::Result,
            address,
            label: known.label,
            source: format!("tool:{}", self.name),
            bytes: u32::try_from(joined.len()).unwrap_or(u32::MAX),
            mark: None,
            preview: Some(self.talk.gateway.redactor.preview(&joined, PREVIEW_CHARS)),
        }
    }

    /// A protocol error says that the server did not take the call, unless it says that something broke inside it.
    fn report_error(code: i64, message: &str) -> Report {
        let turned_away = [
            jsonrpc::PARSE_ERROR,
            jsonrpc::INVALID_REQUEST,
            jsonrpc::METHOD_NOT_FOUND,
            jsonrpc::INVALID_PARAMS,
        ];
        let text = format!("{message} ({code})");
        match turned_away.contains(&code) || (-32_099..=-32_020).contains(&code) {
            true => Report::failed(Code::UpstreamFailed, text),
            false => Report::ambiguous(Code::UpstreamFailed, text),
        }
    }

    /// In the stateless era some errors come with a status that means something.
    fn passed_error(&self, answer: Answer, code: i64) -> Answer {
        let bad = self.talk.era() == Era::Stateless && (-32_099..=-32_020).contains(&code);
        Answer { status: if bad { 400 } else { 200 }, ..answer }
    }

    fn garbage(&self, why: &str) -> (Report, Answer) {
        let error = UpstreamError::Garbage { name: self.name.server.clone(), why: why.to_owned() };
        (path::report_of(&error), self.failed(&error))
    }

    /// A failure that an agent can read and go on from.
    fn failed(&self, error: &UpstreamError) -> Answer {
        let mut refusal = Refusal::plain(error.code(), error.to_string());
        refusal.tool = Some(self.name.clone());
        let mut text = format!("{}: {error}.", error.code().title());
        text.push_str(match error.may_have_happened() {
            true => " Nobody knows whether the call had its effect: look it up before repeating it.",
            false => " The call had no effect.",
        });
        let text = self.talk.gateway.redactor.redact(&text).into_owned();
        let parts = self.talk.gateway.redactor.redact_json(&refusal.structured()).to_string();
        let words = render::Refusal { text: &text, parts: &parts };
        let answer = Answer::refusal(&self.id, self.talk.version, &words, self.structured);
        marked(&self.talk, answer, &Label::default())
    }

    /// Hands in the outcome. Before the client hears of an act that changed something, the record has it.
    async fn close(&self, slip: Slip, tier: Tier, report: Report, answer: Answer) -> Answer {
        if tier == Tier::Safe {
            slip.close_soon(report);
            return answer;
        }
        match slip.close(report).await {
            Ok(_) => answer,
            Err(error) => {
                tracing::error!(%error, tool = %self.name, "the outcome of an act could not be recorded");
                let message = "the act was performed, but what came of it could not be recorded; look it up before repeating it";
                Answer::error(200, Some(&self.id), number(Code::RecordFailed), message, None)
            }
        }
    }
}

fn cancelled(link: &Link) -> UpstreamError {
    UpstreamError::Broken { name: link.name().to_owned(), why: "the client took the call back".to_owned() }
}
