//! The action chain: what happened in one session, act or request, from top to bottom.
//!
//! *Who asked, what the model saw, what it proposed, where each value came from, which rules spoke, who
//! approved, what the upstream answered.* [`build()`] makes it from ledger entries and nothing else; it is
//! a pure function, shared by `plimsoll show`, the admin API and the console. Every text in it is fit to
//! be shown: without secrets, and without characters that can't be seen.

mod argument;
mod build;
mod explain;
mod facts;
mod gather;
mod log;
mod text;

use std::collections::BTreeSet;

use jiff::Timestamp;
use plimsoll_core::{
    ApprovalState, CheckFact, Decision, Effect, Mode, OutcomeStatus, Ruling, Span, Stop, Tier, Vote,
};
use serde::Serialize;
use serde_json::Value;

pub use argument::{Argument, arguments};
pub use build::build;
pub use explain::{Accountable, Explanation, code_lines, explain};
pub use facts::{Fact, facts};
pub use gather::{Found, Window, find, find_part, of_act, of_request, of_session, of_session_part};
pub use log::{log_line, log_tone};
pub use text::{Line, Tone, lines};

/// Characters of one value or text that are shown at most.
pub const SHOWN_CHARS: usize = 600;
/// Entries of a session in one part, unless told otherwise.
pub const PART_ENTRIES: usize = 500;
/// Steps of one chain at most; what is beyond is counted.
pub const STEPS_MAX: usize = 2_000;

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Chain {
    pub who: Who,
    pub steps: Vec<Step>,
    /// Entries that are not shown, for want of room.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: usize,
    /// Of a session that is shown in parts: what comes after this part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<More>,
}

/// What comes after a part of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct More {
    /// The entry that the next part begins with, or goes on beyond.
    pub from: u64,
    /// How many entries there are yet.
    pub entries: u64,
}

/// Who asked, and under which rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Who {
    pub session: String,
    pub workflow: String,
    pub principal: String,
    /// `user`, `service` or `agent`.
    pub kind: String,
    pub on_behalf_of: Option<String>,
    pub tenant: String,
    pub roles: BTreeSet<String>,
    pub environment: String,
    pub mode: Option<Mode>,
    /// More than one when a release came into force on the way.
    pub releases: Vec<String>,
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    Act(Box<Act>),
    Question(Box<Question>),
    Note(Note),
}

/// What kind of act a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A model was asked.
    Model,
    /// The model proposed a call, and it was shown to the client or kept from it.
    Proposal,
    /// A tool was called, or was not.
    Call,
    /// The system of record was asked, to test another act.
    Check,
}

/// One act with its decision and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Act {
    pub seq: u64,
    pub at: Timestamp,
    pub part: Part,
    pub tool: String,
    pub arguments: Vec<Argument>,
    pub tier: Tier,
    pub effect: Effect,
    pub mode: Mode,
    pub decision: Decision,
    /// The title of the decision's code.
    pub title: &'static str,
    /// Whether it was let through, by the rules or by the mode.
    pub permitted: bool,
    /// The tool door judges and holds this proposal itself.
    pub deferred: bool,
    /// Spans that the record had not yet shown.
    pub saw: Vec<Span>,
    /// The lowest trust of anything the context held, and which tools brought it.
    pub context: String,
    pub untrusted_tools: Vec<String>,
    /// Whether its user asked for it, what it carries, what had been seen before.
    pub facts: Vec<Fact>,
    pub proposed: Option<Proposed>,
    pub checks: Vec<Checked>,
    pub stops: Vec<Stop>,
    pub approval: Option<Ticket>,
    pub outcome: Option<Outcome>,
    pub ids: Ids,
}

/// Where the model proposed what the tool door then saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposed {
    pub seq: Option<u64>,
    pub act: String,
    pub request: String,
    /// The model's own name for the call.
    pub call: Option<String>,
}

/// A check and what it said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    #[serde(flatten)]
    pub fact: CheckFact,
}

/// The approval an act stood on or waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ticket {
    pub id: String,
    pub granted: bool,
    pub denied: bool,
    pub approvers: Vec<String>,
}

/// What came of an act.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    pub seq: u64,
    pub at: Timestamp,
    pub status: OutcomeStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<plimsoll_core::Code>,
    pub detail: String,
    pub took_ms: u64,
    pub downstream: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Span>,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub usage: Value,
    pub redacted: u32,
}

/// Everything one may have to look up elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ids {
    pub request: String,
    pub release: String,
    pub act: String,
    pub act_digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// A step of an approval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    pub seq: u64,
    pub at: Timestamp,
    pub id: String,
    pub state: ApprovalState,
    pub by: String,
    pub tool: String,
    pub roles: Vec<String>,
    pub quorum: u32,
    pub expires_at: Timestamp,
    /// The answer this step is, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vote: Option<Vote>,
}

/// Anything else on record, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    pub seq: u64,
    pub at: Timestamp,
    pub kind: String,
    pub text: String,
}

// === impl Step ===

impl Step {
    pub fn seq(&self) -> u64 {
        match self {
            Self::Act(act) => act.seq,
            Self::Question(question) => question.seq,
            Self::Note(note) => note.seq,
        }
    }

    pub fn at(&self) -> Timestamp {
        match self {
            Self::Act(act) => act.at,
            Self::Question(question) => question.at,
            Self::Note(note) => note.at,
        }
    }
}

// === impl Act ===

impl Act {
    /// One word for what became of it.
    pub fn verdict(&self) -> &'static str {
        match (self.permitted, self.decision.ruling, &self.outcome) {
            (false, Ruling::Hold, _) => "held",
            (false, _, _) => "refused",
            (true, _, None) => "in doubt",
            (true, _, Some(outcome)) if self.deferred && outcome.status == OutcomeStatus::Done => "shown",
            (true, _, Some(outcome)) => match outcome.status {
                OutcomeStatus::Done => "done",
                OutcomeStatus::Failed => "failed",
                OutcomeStatus::Ambiguous => "ambiguous",
                OutcomeStatus::Simulated => "simulated",
            },
        }
    }

    /// How it should look.
    pub fn tone(&self) -> Tone {
        match self.verdict() {
            "done" | "shown" if self.decision.passed_because.is_none() || self.deferred => Tone::Good,
            "held" | "done" | "shown" => Tone::Warn,
            _ => Tone::Bad,
        }
    }

    /// `asked the model`, `proposed`, `called`.
    pub fn verb(&self) -> &'static str {
        match (self.part, self.permitted) {
            (Part::Model, _) => "asked the model",
            (Part::Proposal, _) => "proposed",
            (Part::Call, true) => "called",
            (Part::Call, false) => "wanted to call",
            (Part::Check, _) => "checked with",
        }
    }
}

// === impl Question ===

impl Question {
    pub fn sentence(&self) -> String {
        let id = &self.id;
        if let Some(vote) = &self.vote {
            let says = if vote.yes { "yes" } else { "no" };
            let comment = match vote.comment.as_str() {
                "" => String::new(),
                comment => format!(": \u{201c}{comment}\u{201d}"),
            };
            return format!("{} said {says} to {id} ({}){comment}", vote.person, self.state.name());
        }
        match self.state {
            ApprovalState::Open => format!(
                "{id} asks {} of {} about {}, until {}",
                self.quorum,
                self.roles.join(", "),
                self.tool,
                clock(self.expires_at)
            ),
            ApprovalState::Consumed => format!("{id} was spent on this one act"),
            ApprovalState::Expired => format!("{id} expired unanswered, which means no"),
            ApprovalState::Granted | ApprovalState::Denied => format!("{id} is {}", self.state.name()),
        }
    }
}

/// Text as people may see it: redacted, one line, nothing invisible.
pub fn shown(text: &str) -> String {
    plimsoll_inspect::preview(text, SHOWN_CHARS)
}

/// `12:00:01`, in UTC like everything on record.
pub fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// `2026-11-21 12:00:01 UTC`.
pub fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `1.2 kB`.
pub fn size(bytes: u32) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", f64::from(bytes) / 1e3),
        _ => format!("{:.1} MB", f64::from(bytes) / 1e6),
    }
}

/// `sha256:` and twelve digits: enough to compare by eye.
pub fn short(digest: &str) -> &str {
    let end = if digest.starts_with("sha256:") { 19 } else { 12 };
    digest.get(..end).unwrap_or(digest)
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}
