//! What the ledger is told: one struct for each thing worth telling.
//!
//! Entries are written as JSON and stay readable for as long as the ledger is kept: fields are added,
//! never renamed. Everything in them is redacted before it gets here, and what may say something about a person is
//! taken out ([`sensitive`](crate::sensitive)) and sealed before they are written.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::act::{Account, Act, ActId, Effect, Mode, Tier};
use crate::approval::{Approval, ApprovalState};
use crate::case::{Facts, Stop};
use crate::code::Code;
use crate::decide::Decision;
use crate::digest::Digest;
use crate::drift::Drifted;
use crate::flow::{Intent, Payload};
use crate::permit::PermitId;
use crate::principal::Principal;
use crate::release::ReleaseStep;
use crate::sensitive::{FieldClass, Seal};
use crate::span::{ArgumentOrigin, Span, Trajectory};

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Format version: 1.
    pub v: u8,
    pub id: Uuid,
    pub at: Timestamp,
    /// The request this belongs to, as returned to the client in `x-plimsoll-request`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub session: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub workflow: String,
    /// The digest of the bundle in force.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub release: String,
    /// W3C trace id, when the caller sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// What was taken out of it and sealed, when anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
    #[serde(flatten)]
    pub body: EntryBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum EntryBody {
    /// An act was allowed and is about to happen. Durable before it does.
    Intent(Box<Judged>),
    /// An act was held or refused. Nothing follows.
    Decision(Box<Judged>),
    /// What came of an intent.
    Outcome(Box<Outcome>),
    /// A question was put to people, answered, expired or spent.
    Approval(Box<ApprovalChange>),
    /// A kill switch was pulled or lifted.
    Stop { on: bool, stop: Stop },
    /// A bundle came into force, or was refused and the old one stayed.
    Config {
        /// Under a name of its own: an entry has a `release` already.
        #[serde(rename = "of")]
        release: String,
        accepted: bool,
        detail: String,
    },
    /// A key was made or revoked.
    Key { name: String, detail: String },
    /// The gateway started or stopped.
    Gateway { event: String, detail: String },
    /// A request ended before any act could be judged: bad credentials, malformed, unknown endpoint.
    Turned { code: Code, detail: String },
    /// Keys were destroyed: what they sealed can't be opened by anybody any more.
    Erasure(Box<Erasure>),
    /// Keys were put on legal hold, or the hold was lifted.
    Hold(Box<Hold>),
    /// Sealed fields were opened for somebody.
    Read(Box<Opening>),
    /// Somebody asked to read what their roles do not let them, or was let.
    Grant(Box<Grant>),
    /// The world was found to be other than the release says, or no longer to be.
    Drift {
        on: bool,
        drift: Drifted,
        /// Who looked: the gateway in passing, or a person who asked.
        by: String,
    },
    /// A release took a step on its way into force or out of it, or was refused. Durable before it takes hold.
    Release(Box<ReleaseStep>),
    /// A piece of what was said in full: only of the sessions that their workflow's `record` picks.
    Content(Box<Content>),
}

impl EntryBody {
    /// The word it is told apart by.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Intent(_) => "intent",
            Self::Decision(_) => "decision",
            Self::Outcome(_) => "outcome",
            Self::Approval(_) => "approval",
            Self::Stop { .. } => "stop",
            Self::Config { .. } => "config",
            Self::Key { .. } => "key",
            Self::Gateway { .. } => "gateway",
            Self::Turned { .. } => "turned",
            Self::Erasure(_) => "erasure",
            Self::Hold(_) => "hold",
            Self::Read(_) => "read",
            Self::Grant(_) => "grant",
            Self::Drift { .. } => "drift",
            Self::Release(_) => "release",
            Self::Content(_) => "content",
        }
    }
}

/// What a recorded content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentOf {
    /// What a client asked at the LLM door.
    Request,
    /// What the model answered, as it came.
    Answer,
    /// What a client asked at the tool door.
    Call,
    /// What the tool server answered, as it came.
    Result,
}

/// A piece of a conversation in full, redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    pub of: ContentOf,
    /// The act that asked for it, or that it answers.
    pub act: ActId,
    /// Digest of the whole text before it was redacted.
    pub address: Digest,
    /// Which piece this is, from 0, and how many there are: an entry has a bound.
    pub piece: u32,
    pub pieces: u32,
    pub text: String,
    /// Whether secrets were taken out of the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// How it went over the wire: path, status, headers that are no credentials.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// An act with the whole ground of its decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub act: Act,
    pub act_digest: Digest,
    pub tier: Tier,
    pub effect: Effect,
    pub mode: Mode,
    pub environment: String,
    /// Which credentials it would use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// The moment that the rules saw: the decision's own, a little before the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Timestamp>,
    /// What decided it: the digest of the kept release, of its files and of everything that the place of running
    /// changed about them. The release alone does not say that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<Digest>,
    /// How many texts of the arguments hold a secret that is not recorded: the rules saw the arguments as they came.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redacted: u32,
    /// Arguments, origins or spans were left out, because the entry would not have fitted the ledger's bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
    pub decision: Decision,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<PermitId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<ArgumentOrigin>,
    #[serde(default, skip_serializing_if = "Intent::is_silent")]
    pub intent: Intent,
    #[serde(default, skip_serializing_if = "Payload::is_plain")]
    pub payload: Payload,
    pub trajectory: Trajectory,
    pub facts: Facts,
    /// Spans the model is shown that this session's record did not have yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
    /// Prompt id and version, model asked for, streaming: whatever the door knows that people ask for.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeStatus {
    Done,
    Failed,
    /// Unknown whether it happened; never retried blindly.
    Ambiguous,
    /// It was decided and, in this environment, not performed.
    Simulated,
}

impl OutcomeStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Ambiguous => "ambiguous",
            Self::Simulated => "simulated",
        }
    }
}

/// What came of an intent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub act: ActId,
    /// Sequence number of the intent.
    pub intent: u64,
    pub status: OutcomeStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// In words, redacted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Milliseconds the upstream took.
    pub took_ms: u64,
    /// The upstream's own ids: response id, order number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downstream: Vec<String>,
    /// The result as a span of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Span>,
    /// Token usage and the like.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub usage: Value,
    /// How many secrets were redacted on the way.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redacted: u32,
}

pub(crate) fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A step of an approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalChange {
    pub state: ApprovalState,
    /// Who made this step; the gateway itself for `expired` and `consumed`.
    pub by: String,
    pub approval: Approval,
}

/// Whose data an erasure or a hold is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErasureOf {
    /// A person or program.
    Subject,
    Session,
    /// Everything older than its class is kept.
    Retention,
}

impl ErasureOf {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Session => "session",
            Self::Retention => "retention",
        }
    }
}

/// Keys were destroyed. It says how much went and nothing of whom it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Erasure {
    pub of: ErasureOf,
    /// Pseudonyms that now stand for nobody, the session, or the time before which everything went.
    pub about: Vec<String>,
    pub classes: BTreeSet<FieldClass>,
    /// How many keys were destroyed.
    pub keys: u64,
    /// Which, as ranges from first to last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<(u64, u64)>,
    /// Entries that lost fields.
    pub entries: u64,
    /// Rows of the database that went: questions, proposals, results, sessions.
    #[serde(default)]
    pub rows: u64,
    /// Pseudonyms whose names went.
    #[serde(default)]
    pub names: u64,
    /// Keys that a legal hold kept.
    #[serde(default)]
    pub held: u64,
    /// The epoch of the key-encryption key from here on.
    #[serde(default)]
    pub epoch: u64,
    pub by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A legal hold: until it is lifted, these keys are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    pub on: bool,
    pub of: ErasureOf,
    /// Pseudonyms, or the session.
    pub about: Vec<String>,
    pub by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Sealed fields were opened for somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    pub by: String,
    pub classes: BTreeSet<FieldClass>,
    /// How many entries.
    pub entries: u64,
    /// The first and the last of them.
    pub first: u64,
    pub last: u64,
    /// `console`, `api` or `command`.
    pub through: String,
    /// What was asked for: `session s-1`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// How a request to break the glass stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantState {
    Asked,
    Granted,
    Denied,
}

/// Break-glass: somebody reads for a while what their roles do not let them, because another person agreed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    pub ticket: String,
    pub state: GrantState,
    /// Who made this step.
    pub by: String,
    /// Who reads.
    pub person: String,
    pub classes: BTreeSet<FieldClass>,
    pub until: Timestamp,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}
