//! The projection of the ledger: what `log` and `show` ask. It can be thrown away and rebuilt.

use jiff::Timestamp;
use plimsoll_core::{Entry, EntryBody};

use crate::Answer;

/// One ledger entry with the columns people ask by. Text that does not apply is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryRow {
    pub seq: u64,
    /// The entry's own id.
    pub id: String,
    pub at: Timestamp,
    /// `intent`, `decision`, `outcome`, `approval`, …; `unreadable` when this version can't read it.
    pub kind: String,
    pub session: String,
    pub workflow: String,
    /// The principal's id.
    pub principal: String,
    pub tool: String,
    pub tier: String,
    /// `allow`, `hold` or `refuse`.
    pub decision: String,
    /// Of an outcome: `done`, `failed` or `ambiguous`.
    pub status: String,
    pub act: String,
    pub request: String,
    /// The entry as it stands in the ledger.
    pub body: String,
}

/// Which entries to list. Empty fields do not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter {
    pub workflow: Option<String>,
    pub principal: Option<String>,
    pub tool: Option<String>,
    pub decision: Option<String>,
    pub kind: Option<String>,
    pub since: Option<Timestamp>,
    /// Only entries before this one: the next page.
    pub before: Option<u64>,
}

/// One session in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    pub session: String,
    pub workflow: String,
    pub principal: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub entries: u64,
    pub intents: u64,
    pub holds: u64,
    pub refusals: u64,
    /// Intents of which nobody knows what came.
    pub in_doubt: u64,
}

/// An id that starts with what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdMatch {
    /// `act`, `request`, `session` or `entry`.
    pub what: String,
    pub id: String,
}

/// The projection.
pub trait Entries {
    /// Adds entries in order. Those that are there already are passed over, so that a follower may
    /// repeat itself; a [`Gap`](crate::StoreError::Gap) is an error.
    fn project(&self, entries: Vec<EntryRow>) -> Answer<()>;

    /// How many entries are projected: where a follower goes on.
    fn projected(&self) -> Answer<u64>;

    /// Throws the projection away, to build it again.
    fn clear_entries(&self) -> Answer<()>;

    fn entry(&self, seq: u64) -> Answer<Option<EntryRow>>;

    /// Oldest first.
    fn entries_of_session(&self, session: &str, limit: usize) -> Answer<Vec<EntryRow>>;
    fn entries_of_act(&self, act: &str) -> Answer<Vec<EntryRow>>;
    fn entries_of_request(&self, request: &str) -> Answer<Vec<EntryRow>>;

    /// Newest first.
    fn latest_entries(&self, filter: &EntryFilter, limit: usize) -> Answer<Vec<EntryRow>>;

    /// Intents from before `before` without a known outcome, oldest first. An `ambiguous` outcome
    /// is not a known one.
    fn in_doubt(&self, before: Timestamp, limit: usize) -> Answer<Vec<EntryRow>>;

    /// Sessions by their latest entry, newest first.
    fn session_summaries(&self, limit: usize) -> Answer<Vec<SessionSummary>>;

    /// Acts, requests, sessions and entries whose id starts like this, at most
    /// [`MATCHES_MAX`](crate::MATCHES_MAX).
    fn find_ids(&self, prefix: &str) -> Answer<Vec<IdMatch>>;
}

impl EntryRow {
    /// The row of a ledger entry. What this version can't read is kept and says so: a projection
    /// has no holes.
    pub fn read(seq: u64, entry: &[u8]) -> Self {
        let body = String::from_utf8_lossy(entry).into_owned();
        match serde_json::from_slice::<Entry>(entry) {
            Ok(entry) => Self::of(seq, &entry, body),
            Err(_) => Self { seq, body, kind: "unreadable".to_owned(), ..Self::default() },
        }
    }

    fn of(seq: u64, entry: &Entry, body: String) -> Self {
        let mut row = Self {
            seq,
            id: entry.id.to_string(),
            at: entry.at,
            session: entry.session.clone(),
            workflow: entry.workflow.clone(),
            principal: entry.principal.as_ref().map(|principal| principal.id.clone()).unwrap_or_default(),
            request: entry.request.clone(),
            body,
            ..Self::default()
        };
        let kind = match &entry.body {
            EntryBody::Intent(judged) | EntryBody::Decision(judged) => {
                row.tool = judged.act.tool.to_string();
                row.act = judged.act.id.to_string();
                row.tier = judged.tier.name().to_owned();
                row.decision = judged.decision.ruling.name().to_owned();
                if matches!(entry.body, EntryBody::Intent(_)) { "intent" } else { "decision" }
            }
            EntryBody::Outcome(outcome) => {
                row.act = outcome.act.to_string();
                row.status = outcome.status.name().to_owned();
                "outcome"
            }
            EntryBody::Approval(change) => {
                row.tool.clone_from(&change.approval.tool);
                row.status = change.state.name().to_owned();
                "approval"
            }
            EntryBody::Stop { .. } => "stop",
            EntryBody::Config { .. } => "config",
            EntryBody::Key { .. } => "key",
            EntryBody::Gateway { .. } => "gateway",
            EntryBody::Turned { .. } => "turned",
        };
        row.kind = kind.to_owned();
        row
    }
}
