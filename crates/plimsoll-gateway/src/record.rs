//! Recording: entries are built here, redacted, and handed to the ledger.
//!
//! An intent is durable before the act, an outcome after; a safe act may run while its intent is on the way to the
//! disk, and nothing of it is handed on before. Whoever performs an act gets a [`Slip`] and
//! must hand it in; a slip that is dropped says `ambiguous` (of a safe act, `failed`), never nothing.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use plimsoll_core::{
    ActId, Code, Digest, Entry, EntryBody, Judged, Outcome, OutcomeStatus, Principal, Span, Tier,
};
use plimsoll_ledger::LedgerError;
use serde_json::Value;
use uuid::Uuid;

use crate::gateway::Gateway;

/// What every entry of one request shares.
#[derive(Clone, Debug, Default)]
pub struct Header {
    pub request: String,
    pub session: String,
    pub workflow: String,
    pub release: String,
    pub trace: Option<String>,
    pub principal: Option<Principal>,
}

impl Header {
    pub fn entry(&self, at: Timestamp, body: EntryBody) -> Entry {
        Entry {
            v: 1,
            id: crate::ids::fresh(),
            at,
            request: self.request.clone(),
            session: self.session.clone(),
            workflow: self.workflow.clone(),
            release: self.release.clone(),
            trace: self.trace.clone(),
            principal: self.principal.clone(),
            body,
        }
    }

    /// The bytes of an entry with this header, made now. The same as [`encode`] of [`Header::entry`],
    /// without an entry of its own.
    pub fn written(&self, mut body: EntryBody) -> Vec<u8> {
        let (id, at) = (crate::ids::fresh(), Timestamp::now());
        let bytes = self.write(id, at, &body);
        if bytes.len() <= plimsoll_ledger::ENTRY_BYTES_MAX {
            return bytes;
        }
        shorten(&mut body);
        self.write(id, at, &body)
    }

    fn write(&self, id: Uuid, at: Timestamp, body: &EntryBody) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENTRY_BYTES);
        let written = Written {
            v: 1,
            id,
            at,
            request: &self.request,
            session: &self.session,
            workflow: &self.workflow,
            release: &self.release,
            trace: self.trace.as_deref(),
            principal: self.principal.as_ref(),
            body,
        };
        // Entries hold only strings, numbers and JSON values, which always encode.
        let _written = serde_json::to_writer(&mut bytes, &written);
        bytes
    }
}

/// Bytes that most entries fit in.
const ENTRY_BYTES: usize = 2_048;

/// An [`Entry`] of borrowed parts, member by member.
#[derive(serde::Serialize)]
struct Written<'a> {
    v: u8,
    id: Uuid,
    at: Timestamp,
    #[serde(skip_serializing_if = "str::is_empty")]
    request: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    session: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    workflow: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    release: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a Principal>,
    #[serde(flatten)]
    body: &'a EntryBody,
}

/// What came of an act, as the one who performed it saw it.
#[derive(Clone, Debug)]
pub struct Report {
    pub status: OutcomeStatus,
    pub code: Option<Code>,
    pub detail: String,
    pub downstream: Vec<String>,
    pub result: Option<Span>,
    pub usage: Value,
    pub redacted: u32,
}

impl Report {
    pub fn of(status: OutcomeStatus, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: None,
            detail: detail.into(),
            downstream: Vec::new(),
            result: None,
            usage: Value::Null,
            redacted: 0,
        }
    }

    pub fn done() -> Self {
        Self::of(OutcomeStatus::Done, "")
    }

    pub fn failed(code: Code, detail: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::of(OutcomeStatus::Failed, detail) }
    }

    /// Nobody knows whether it happened.
    pub fn ambiguous(code: Code, detail: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::of(OutcomeStatus::Ambiguous, detail) }
    }
}

/// The duty to say what came of an intent.
#[derive(Debug)]
#[must_use = "an intent without outcome is in doubt"]
pub struct Slip {
    gateway: Arc<Gateway>,
    header: Header,
    act: ActId,
    act_digest: Digest,
    tier: Tier,
    intent: u64,
    began: Instant,
    open: bool,
}

impl Slip {
    pub(crate) fn new(gateway: Arc<Gateway>, header: Header, of: SlipOf, intent: u64) -> Self {
        let SlipOf { act, act_digest, tier } = of;
        Self { gateway, header, act, act_digest, tier, intent, began: Instant::now(), open: true }
    }

    /// Sequence number of the intent: the entry a caller may cite.
    pub const fn intent(&self) -> u64 {
        self.intent
    }

    /// The session it is on record under.
    pub fn session(&self) -> &str {
        &self.header.session
    }

    /// Hands in the outcome and waits until it is durable.
    ///
    /// # Errors
    /// When the ledger can't record it. The act did happen; the caller must be told that the record
    /// is missing.
    pub async fn close(mut self, report: Report) -> Result<u64, LedgerError> {
        let entry = self.entry(report);
        self.gateway.ledger.append(entry).await.map(|seq| seq.0)
    }

    /// Hands in the outcome without waiting: for safe acts, and where nothing can wait.
    pub fn close_soon(mut self, report: Report) {
        self.note(report);
    }

    fn note(&mut self, report: Report) {
        let entry = self.entry(report);
        if let Err(error) = self.gateway.ledger.note(entry) {
            self.gateway.metrics.lost_outcomes.inc();
            tracing::error!(act = %self.act, %error, "the outcome of an act could not be recorded");
        }
    }

    fn entry(&mut self, report: Report) -> Vec<u8> {
        self.open = false;
        if report.status != OutcomeStatus::Ambiguous && self.tier != Tier::Safe {
            self.gateway.doubts.end(&self.act_digest);
        }
        let took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let detail = self.gateway.redactor.redact(&report.detail).into_owned();
        let outcome = Outcome {
            act: self.act,
            intent: self.intent,
            status: report.status,
            code: report.code,
            detail,
            took_ms,
            downstream: report.downstream,
            result: report.result,
            usage: report.usage,
            redacted: report.redacted,
        };
        self.header.written(EntryBody::Outcome(Box::new(outcome)))
    }
}

/// The part of a judged act that its outcome needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlipOf {
    pub act: ActId,
    pub act_digest: Digest,
    pub tier: Tier,
}

impl Drop for Slip {
    /// The last resort: somebody forgot, or a task was torn down half way.
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        self.note(match self.tier {
            // It changed nothing, and whoever asked did not wait for the answer.
            Tier::Safe => Report::failed(Code::UpstreamFailed, "nobody waited for the answer"),
            Tier::Guarded | Tier::Dangerous => {
                Report::ambiguous(Code::InDoubt, "nobody reported what came of it")
            }
        });
    }
}

/// The bytes of an entry. Entries hold only strings, numbers and JSON values, which always encode.
pub fn encode(entry: &Entry) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(entry).unwrap_or_default();
    if bytes.len() > plimsoll_ledger::ENTRY_BYTES_MAX {
        bytes = serde_json::to_vec(&shortened(entry.clone())).unwrap_or_default();
    }
    bytes
}

/// An entry that fits the ledger's bound: previews and long arguments go, digests stay.
fn shortened(mut entry: Entry) -> Entry {
    shorten(&mut entry.body);
    entry
}

fn shorten(body: &mut EntryBody) {
    if let EntryBody::Intent(judged) | EntryBody::Decision(judged) = body {
        shorten_judged(judged);
    }
}

fn shorten_judged(judged: &mut Judged) {
    let digest = judged.act.arguments_digest();
    judged.shortened = true;
    judged.act.arguments = serde_json::json!({ "plimsoll:omitted": digest, "why": "too long for one entry" });
    judged.spans.truncate(64);
    for span in &mut judged.spans {
        span.preview = None;
    }
    judged.origins.truncate(64);
    for origin in &mut judged.origins {
        origin.found.truncate(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_of_borrowed_parts_is_an_entry() {
        let principal = Principal {
            id: "key:ada".to_owned(),
            kind: plimsoll_core::PrincipalKind::Agent,
            tenant: "north".to_owned(),
            roles: ["support".to_owned()].into(),
            on_behalf_of: Some("bo".to_owned()),
        };
        let full = Header {
            request: "r-1".to_owned(),
            session: "s-1".to_owned(),
            workflow: "support".to_owned(),
            release: "sha256:00".to_owned(),
            trace: Some("t-1".to_owned()),
            principal: Some(principal),
        };
        let body = EntryBody::Turned { code: Code::Malformed, detail: "no".to_owned() };
        for header in [full, Header::default()] {
            let entry = header.entry(Timestamp::now(), body.clone());
            assert_eq!(header.write(entry.id, entry.at, &body), encode(&entry));
        }
    }
}
