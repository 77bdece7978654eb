//! OpenTelemetry: acts as spans, everything else as log records, in OTLP's JSON encoding.
//!
//! An act that was carried out is a span from its intent to its outcome. What was held or refused never ran, so it is
//! no span: it is a log record of its trace. A call in a model's answer that passed is a span of its own (`propose`),
//! and the call at the tool door that followed from it is its child.

use jiff::Timestamp;
use plimsoll_core::{
    ActId, Digest, Door, Entry, EntryBody, Hypothesis, Judged, Outcome, OutcomeStatus, ReleaseMove, Ruling,
    StopScope, ToolName,
};
use serde_json::{Value, json};

use crate::acts::{Told, judged};
use crate::names::{self as n, ALL, Goes};
use crate::{Include, Numbered, Source};

const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const STATUS_ERROR: u8 = 2;
const INFO: (u8, &str) = (9, "INFO");
const WARN: (u8, &str) = (13, "WARN");
const ERROR: (u8, &str) = (17, "ERROR");

/// Spans and log records, on their way.
#[derive(Debug, Default)]
pub struct Batch {
    spans: Vec<Value>,
    logs: Vec<Value>,
}

impl Batch {
    /// Adds what there is to tell.
    pub fn add(&mut self, told: &Told, source: &Source) {
        match told {
            Told::Act { intent, outcome } => {
                let outcome = outcome.as_ref().map(|(seq, at, outcome)| (*seq, *at, &**outcome));
                self.spans.extend(span(intent, outcome, source.include));
            }
            Told::Alone(numbered) => self.logs.push(log(numbered, source.include)),
        }
    }

    pub fn len(&self) -> usize {
        self.spans.len() + self.logs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body of an `ExportTraceServiceRequest`.
    pub fn traces(&self, source: &Source) -> Option<Value> {
        let scope = json!({ "scope": scope(source), "spans": self.spans });
        let whole = json!({ "resourceSpans": [{ "resource": resource(source), "scopeSpans": [scope] }] });
        (!self.spans.is_empty()).then_some(whole)
    }

    /// The body of an `ExportLogsServiceRequest`.
    pub fn logs(&self, source: &Source) -> Option<Value> {
        let scope = json!({ "scope": scope(source), "logRecords": self.logs });
        let whole = json!({ "resourceLogs": [{ "resource": resource(source), "scopeLogs": [scope] }] });
        (!self.logs.is_empty()).then_some(whole)
    }
}

fn scope(source: &Source) -> Value {
    json!({ "name": "plimsoll", "version": source.version })
}

fn resource(source: &Source) -> Value {
    let mut attributes = Attributes::new(source.include);
    attributes.text(n::SERVICE_NAME, "plimsoll");
    attributes.text(n::SERVICE_VERSION, &source.version);
    attributes.text(n::SERVICE_INSTANCE, &source.instance);
    attributes.text(n::ENVIRONMENT, &source.environment);
    json!({ "attributes": attributes.0 })
}

/// Attributes in OTLP's form. Empty ones are left out, and so are those that were not asked for.
struct Attributes(Vec<Value>, Include);

impl Attributes {
    fn new(include: Include) -> Self {
        Self(Vec::new(), include)
    }

    fn put(&mut self, name: &str, value: Value) {
        let goes = ALL.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.goes);
        let wanted = match goes {
            Some(Goes::Always) => true,
            Some(Goes::Identity) => self.1.identity,
            Some(Goes::Arguments) => self.1.arguments,
            Some(Goes::Content) => self.1.content,
            None => false,
        };
        if wanted {
            self.0.push(json!({ "key": name, "value": value }));
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.put(name, json!({ "stringValue": value }));
        }
    }

    fn maybe(&mut self, name: &str, value: Option<&str>) {
        self.text(name, value.unwrap_or_default());
    }

    /// Whole numbers are strings in OTLP's JSON.
    fn number(&mut self, name: &str, value: u64) {
        self.put(name, json!({ "intValue": value.to_string() }));
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.put(name, json!({ "boolValue": value }));
    }

    fn texts<'t>(&mut self, name: &str, values: impl IntoIterator<Item = &'t str>) {
        let values: Vec<Value> = values.into_iter().map(|value| json!({ "stringValue": value })).collect();
        if !values.is_empty() {
            self.put(name, json!({ "arrayValue": { "values": values } }));
        }
    }
}

/// The trace an entry belongs to: the caller's, or else one of its session or request.
pub(crate) fn trace_id(entry: &Entry) -> String {
    let given = entry.trace.as_deref().unwrap_or_default();
    let is_trace =
        given.len() == 32 && given.bytes().all(|b| b.is_ascii_hexdigit()) && given.bytes().any(|b| b != b'0');
    if is_trace {
        return given.to_ascii_lowercase();
    }
    let name = [&entry.session, &entry.request].into_iter().find(|name| !name.is_empty());
    let name = name.cloned().unwrap_or_else(|| entry.id.to_string());
    hex(&Digest::of(format!("trace\0{name}").as_bytes()).as_bytes()[..16])
}

pub(crate) fn span_id(act: ActId) -> String {
    hex(&Digest::of(format!("span\0{act}").as_bytes()).as_bytes()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn nanos(at: Timestamp) -> String {
    at.as_nanosecond().max(0).to_string()
}

/// What kind of act it is, as people and conventions call it.
pub(crate) struct Kind {
    /// `chat`, `embeddings`, `execute_tool`, or `propose`, which is ours.
    pub operation: &'static str,
    pub name: String,
    pub is_model: bool,
}

pub(crate) fn kind(judged: &Judged) -> Kind {
    let tool = &judged.act.tool;
    let text = |key: &str| judged.detail.get(key).and_then(Value::as_str);
    if tool.server == ToolName::MODEL {
        let endpoint = judged.act.arguments.get("endpoint").and_then(Value::as_str).unwrap_or_default();
        let operation = if endpoint.ends_with("embeddings") { "embeddings" } else { "chat" };
        let name = format!("{operation} {}", text("model").unwrap_or(&tool.tool));
        return Kind { operation, name, is_model: true };
    }
    match judged.act.door {
        Door::Tool => {
            Kind { operation: "execute_tool", name: format!("tools/call {}", tool.tool), is_model: false }
        }
        Door::Llm => Kind { operation: "propose", name: format!("propose {tool}"), is_model: false },
    }
}

/// Whose protocol a model call spoke.
pub(crate) fn provider(judged: &Judged) -> &'static str {
    match judged.detail.get("dialect").and_then(Value::as_str) {
        Some("messages") => "anthropic",
        _ => "openai",
    }
}

fn span(intent: &Numbered, outcome: Option<(u64, Timestamp, &Outcome)>, include: Include) -> Option<Value> {
    let judged = judged(intent)?;
    let kind = kind(judged);
    let mut attributes = Attributes::new(include);
    head(&mut attributes, intent);
    act(&mut attributes, judged, &kind);
    match outcome {
        Some((seq, _, outcome)) => ended(&mut attributes, seq, outcome, &kind),
        None => attributes.text(n::OUTCOME, "in_doubt"),
    }
    let mut span = json!({
        "traceId": trace_id(&intent.entry),
        "spanId": span_id(judged.act.id),
        "name": kind.name,
        "kind": if kind.operation == "propose" { INTERNAL } else { CLIENT },
        "startTimeUnixNano": nanos(intent.entry.at),
        "endTimeUnixNano": nanos(outcome.map_or(intent.entry.at, |(_, at, _)| at)),
        "attributes": attributes.0,
    });
    if let Hypothesis::Joined { act, .. } = &judged.facts.hypothesis {
        span["parentSpanId"] = json!(span_id(*act));
    }
    let failed = outcome
        .map(|(_, _, outcome)| outcome)
        .filter(|outcome| matches!(outcome.status, OutcomeStatus::Failed | OutcomeStatus::Ambiguous));
    if let Some(outcome) = failed {
        span["status"] =
            json!({ "code": STATUS_ERROR, "message": outcome.code.map_or("", plimsoll_core::Code::title) });
    }
    Some(span)
}

/// What every entry says.
fn head(attributes: &mut Attributes, numbered: &Numbered) {
    let Numbered { seq, entry } = numbered;
    attributes.number(n::SEQ, *seq);
    attributes.text(n::ENTRY, &entry.id.to_string());
    attributes.text(n::REQUEST, &entry.request);
    attributes.text(n::CONVERSATION, &entry.session);
    attributes.text(n::WORKFLOW, &entry.workflow);
    attributes.text(n::RELEASE, &entry.release);
    if let Some(principal) = &entry.principal {
        attributes.text(n::PRINCIPAL, &principal.id);
        attributes.text(n::PRINCIPAL_KIND, principal.kind.name());
        attributes.maybe(n::USER_ID, principal.on_behalf_of.as_deref());
    }
}

fn act(attributes: &mut Attributes, judged: &Judged, kind: &Kind) {
    let text = |key: &str| judged.detail.get(key).and_then(Value::as_str);
    if kind.operation != "propose" {
        attributes.text(n::OPERATION, kind.operation);
    }
    if kind.is_model {
        attributes.text(n::PROVIDER, provider(judged));
        attributes.text(n::REQUEST_MODEL, text("model").unwrap_or(&judged.act.tool.tool));
        if let Some(stream) = judged.detail.get("stream").and_then(Value::as_bool) {
            attributes.flag(n::STREAM, stream);
        }
        attributes.maybe(n::PROMPT, text("prompt"));
    } else {
        attributes.text(n::TOOL_NAME, &judged.act.tool.tool);
        attributes.text(n::SERVER, &judged.act.tool.server);
        let id = judged.act.call_id.as_deref();
        attributes.maybe(if judged.act.door == Door::Tool { n::JSONRPC_ID } else { n::TOOL_CALL }, id);
        if judged.act.door == Door::Tool {
            attributes.text(n::MCP_METHOD, "tools/call");
        }
        attributes.text(n::TOOL_ARGUMENTS, &judged.act.arguments.to_string());
        attributes.flag(n::ASKED, judged.intent.asked);
    }
    attributes.text(n::ACT, &judged.act.id.to_string());
    attributes.text(n::TIER, judged.tier.name());
    attributes.text(n::EFFECT, judged.effect.name());
    attributes.text(n::MODE, judged.mode.name());
    attributes.text(n::RULING, judged.decision.ruling.name());
    attributes.texts(n::RULES, judged.decision.reasons.iter().map(|reason| reason.rule.as_str()));
    attributes.texts(n::REASONS, judged.decision.reasons.iter().map(|reason| reason.text.as_str()));
    attributes.texts(n::DECLASSIFIED, judged.decision.declassified.iter().map(|reason| reason.rule.as_str()));
    attributes.maybe(n::PASSED, judged.decision.passed_because.as_deref());
    attributes.text(n::INTEGRITY, judged.trajectory.label.integrity.name());
    attributes.texts(n::CLASSES, judged.trajectory.label.classes.iter().map(String::as_str));
    if let Some(approval) = &judged.facts.approval {
        attributes.text(n::APPROVAL, &approval.id);
    }
}

fn ended(attributes: &mut Attributes, seq: u64, outcome: &Outcome, kind: &Kind) {
    attributes.number(n::OUTCOME_SEQ, seq);
    attributes.text(n::OUTCOME, outcome.status.name());
    attributes.maybe(n::ERROR_TYPE, outcome.code.map(plimsoll_core::Code::id));
    if kind.is_model {
        attributes.maybe(n::RESPONSE_ID, outcome.downstream.first().map(String::as_str));
        let usage = |key: &str| outcome.usage.get(key).and_then(Value::as_u64);
        let counts = [
            (n::INPUT_TOKENS, "input_tokens"),
            (n::OUTPUT_TOKENS, "output_tokens"),
            (n::CACHED_TOKENS, "cached_tokens"),
        ];
        for (name, key) in counts {
            if let Some(count) = usage(key) {
                attributes.number(name, count);
            }
        }
    }
    if let Some(result) = &outcome.result {
        attributes.text(n::RESULT_INTEGRITY, result.label.integrity.name());
        attributes.number(n::RESULT_BYTES, u64::from(result.bytes));
        attributes.maybe(n::TOOL_RESULT, result.preview.as_deref());
    }
    if outcome.redacted > 0 {
        attributes.number(n::REDACTED, u64::from(outcome.redacted));
    }
    attributes.text(n::DETAIL, &outcome.detail);
}

fn log(numbered: &Numbered, include: Include) -> Value {
    let entry = &numbered.entry;
    let mut attributes = Attributes::new(include);
    head(&mut attributes, numbered);
    let ((severity, severity_text), event, body) = told(&mut attributes, &entry.body);
    let mut record = json!({
        "timeUnixNano": nanos(entry.at),
        "observedTimeUnixNano": nanos(entry.at),
        "severityNumber": severity,
        "severityText": severity_text,
        "eventName": event,
        "body": { "stringValue": body },
        "attributes": attributes.0,
        "traceId": trace_id(entry),
    });
    let parent = judged(numbered).and_then(|judged| match &judged.facts.hypothesis {
        Hypothesis::Joined { act, .. } => Some(*act),
        _ => None,
    });
    if let Some(act) = parent {
        record["spanId"] = json!(span_id(act));
    }
    record
}

/// Severity, name and words of what is no act.
fn told(attributes: &mut Attributes, body: &EntryBody) -> ((u8, &'static str), &'static str, String) {
    match body {
        EntryBody::Intent(judged) | EntryBody::Decision(judged) => {
            act(attributes, judged, &kind(judged));
            let code = judged.decision.code;
            attributes.maybe(n::ERROR_TYPE, code.map(plimsoll_core::Code::id));
            let ruling = judged.decision.ruling;
            let severity = if ruling == Ruling::Allow { INFO } else { WARN };
            let why = code.map(|code| format!(": {}", code.title())).unwrap_or_default();
            (severity, "plimsoll.decision", format!("{} {}{why}", ruling.name(), judged.act.tool))
        }
        EntryBody::Outcome(outcome) => {
            attributes.text(n::ACT, &outcome.act.to_string());
            attributes.text(n::OUTCOME, outcome.status.name());
            attributes.text(n::DETAIL, &outcome.detail);
            (INFO, "plimsoll.outcome", format!("act {} is {}", outcome.act, outcome.status.name()))
        }
        EntryBody::Approval(change) => {
            attributes.text(n::APPROVAL, &change.approval.id);
            attributes.text(n::APPROVAL_STATE, change.state.name());
            attributes.text(n::APPROVAL_BY, &change.by);
            attributes.text(n::SERVER, change.approval.tool.split('.').next().unwrap_or_default());
            (INFO, "plimsoll.approval", format!("approval {} is {}", change.approval.id, change.state.name()))
        }
        EntryBody::Stop { on, stop } => {
            attributes.flag(n::STOP_ON, *on);
            let scope = scope_of(&stop.scope);
            attributes.text(n::STOP_SCOPE, &scope);
            attributes.text(n::DETAIL, &stop.reason);
            (
                ERROR,
                "plimsoll.stop",
                format!("kill switch {} for {scope}", if *on { "pulled" } else { "lifted" }),
            )
        }
        EntryBody::Config { release, accepted, detail } => {
            attributes.text(n::RELEASE, release);
            attributes.text(n::DETAIL, detail);
            let what = if *accepted { "in force" } else { "refused" };
            (if *accepted { INFO } else { WARN }, "plimsoll.config", format!("release {release} {what}"))
        }
        EntryBody::Key { name: _, detail } => {
            attributes.text(n::DETAIL, detail);
            (INFO, "plimsoll.key", "a key was made or revoked".to_owned())
        }
        EntryBody::Gateway { event, detail } => {
            attributes.text(n::DETAIL, detail);
            (INFO, "plimsoll.gateway", format!("gateway: {event}"))
        }
        EntryBody::Erasure(erasure) => {
            attributes.text(n::DETAIL, &erasure.reason);
            (WARN, "plimsoll.erasure", format!("{} keys of {} destroyed", erasure.keys, erasure.of.name()))
        }
        EntryBody::Hold(hold) => {
            attributes.text(n::DETAIL, &hold.reason);
            let verb = if hold.on { "put on" } else { "lifted from" };
            (INFO, "plimsoll.hold", format!("legal hold {verb} a {}", hold.of.name()))
        }
        EntryBody::Read(opening) => {
            attributes.text(n::DETAIL, &opening.reason);
            (INFO, "plimsoll.read", format!("sealed fields of {} entries were read", opening.entries))
        }
        EntryBody::Drift { on, drift, by: _ } => {
            attributes.text(n::DETAIL, &drift.text);
            let (of, subject) = (drift.of.name(), &drift.subject);
            match on {
                true => (WARN, "plimsoll.drift", format!("{of} of {subject} drifted")),
                false => (INFO, "plimsoll.drift", format!("{of} of {subject} are as reviewed again")),
            }
        }
        EntryBody::Grant(grant) => {
            attributes.text(n::DETAIL, &grant.reason);
            (WARN, "plimsoll.grant", format!("break-glass {}", grant.ticket))
        }
        EntryBody::Release(step) => {
            attributes.text(n::RELEASE, &step.of.to_string());
            attributes.text(n::DETAIL, &step.reason);
            let bad = matches!(step.step, ReleaseMove::RolledBack | ReleaseMove::Refused);
            let text = format!("release {} is {}", step.name, step.step.name());
            (if bad { WARN } else { INFO }, "plimsoll.release", text)
        }
        // That it is kept, never what it says.
        EntryBody::Content(content) => {
            attributes.text(n::ACT, &content.act.to_string());
            let of = format!("{:?}", content.of).to_lowercase();
            let text = format!("{of} in full, piece {} of {}", content.piece + 1, content.pieces);
            (INFO, "plimsoll.content", text)
        }
        EntryBody::Turned { code, detail } => {
            attributes.text(n::ERROR_TYPE, code.id());
            attributes.text(n::DETAIL, detail);
            (WARN, "plimsoll.turned", format!("request turned away: {}", code.title()))
        }
    }
}

/// What a kill switch covers. Whose, is for those who may know it.
pub(crate) fn scope_of(scope: &StopScope) -> String {
    match scope {
        StopScope::All => "everything".to_owned(),
        StopScope::Workflow(name) => format!("workflow {name}"),
        StopScope::Tool(name) => format!("tool {name}"),
        StopScope::Principal(_) => "a principal".to_owned(),
    }
}
