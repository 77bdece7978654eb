//! Recording: entries are built here, redacted, sealed, and handed to the ledger. Nothing else writes one.
//!
//! An intent is durable before the act, an outcome after; a safe act may run while its intent is on the way to the
//! disk, and nothing of it is handed on before. Whoever performs an act gets a [`Slip`] and
//! must hand it in; a slip that is dropped says `ambiguous` (of a safe act, `failed`), never nothing.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use plimsoll_core::{
    ActId, Code, Digest, Entry, EntryBody, Judged, Outcome, OutcomeStatus, Permit, Principal, Span, Tier,
};
use plimsoll_ledger::{LedgerError, Pending, Seq, Warrant, Written};
use serde_json::Value;

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
        self.clone().into_entry(at, body)
    }

    /// The last entry of a request.
    fn into_entry(self, at: Timestamp, body: EntryBody) -> Entry {
        let Self { request, session, workflow, release, trace, principal } = self;
        let id = crate::ids::fresh();
        Entry { v: 1, id, at, request, session, workflow, release, trace, principal, seal: None, body }
    }
}

impl Gateway {
    /// Seals an entry. Nothing else of the gateway makes what the ledger takes.
    ///
    /// # Errors
    /// When what must not be written in the clear could not be sealed.
    fn sealed(&self, entry: Entry) -> Result<Written, LedgerError> {
        self.vault.seal(entry).map_err(|error| {
            tracing::error!(%error, "an entry could not be sealed");
            LedgerError::Unsealed { reason: error.to_string().into() }
        })
    }

    /// Writes an entry and waits until it is durable.
    ///
    /// # Errors
    /// When it could not be sealed or written.
    pub async fn record(&self, entry: Entry) -> Result<Seq, LedgerError> {
        self.ledger.append(self.sealed(entry)?).await
    }

    /// Writes an entry without waiting.
    ///
    /// # Errors
    /// When it could not be sealed or handed over.
    pub(crate) fn note(&self, entry: Entry) -> Result<(), LedgerError> {
        self.ledger.note(self.sealed(entry)?)
    }

    /// Writes the intent of a permitted act and waits until it is durable: only this makes a warrant of the permit.
    ///
    /// # Errors
    /// When it could not be sealed or written.
    pub(crate) async fn enter(&self, permit: Permit, intent: Entry) -> Result<Warrant, LedgerError> {
        self.ledger.enter(permit, self.sealed(intent)?, Timestamp::now()).await
    }

    /// The same for a safe act, which may run while its intent is on the way to the disk.
    ///
    /// # Errors
    /// As [`enter`](Self::enter).
    pub(crate) fn enter_safe(
        &self,
        permit: Permit,
        intent: Entry,
    ) -> Result<(Warrant, Pending), LedgerError> {
        self.ledger.enter_safe(permit, self.sealed(intent)?, Timestamp::now())
    }
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

    /// Keeps what answered this act, whole, where its session is one that is recorded.
    pub(crate) fn keep(&self, said: impl FnOnce() -> crate::content::Said) {
        self.gateway.keep(&self.header, self.act, said);
    }

    /// Whether its session is one that is recorded in full.
    pub(crate) fn keeps(&self) -> bool {
        self.gateway.keeps(&self.header)
    }

    /// Hands in the outcome and waits until it is durable.
    ///
    /// # Errors
    /// When the ledger can't record it. The act did happen; the caller must be told that the record
    /// is missing.
    pub async fn close(mut self, report: Report) -> Result<u64, LedgerError> {
        let entry = self.entry(report);
        self.gateway.record(entry).await.map(|seq| seq.0)
    }

    /// Hands in the outcome without waiting: for safe acts, and where nothing can wait.
    pub fn close_soon(mut self, report: Report) {
        self.note(report);
    }

    fn note(&mut self, report: Report) {
        let entry = self.entry(report);
        if let Err(error) = self.gateway.note(entry) {
            self.gateway.metrics.lost_outcomes.inc();
            tracing::error!(act = %self.act, %error, "the outcome of an act could not be recorded");
        }
    }

    fn entry(&mut self, report: Report) -> Entry {
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
        // There is no other entry after this one.
        std::mem::take(&mut self.header).into_entry(Timestamp::now(), EntryBody::Outcome(Box::new(outcome)))
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

/// Makes a body that fits the ledger's bound: previews and long arguments go, digests stay.
pub(crate) fn shorten(body: &mut EntryBody) {
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
