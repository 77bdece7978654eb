//! The projection of the ledger: what `log` and `show` ask. It can be thrown away and rebuilt.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_core::{ActId, ApprovalState, OutcomeStatus, Ruling, Tier, ToolName};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Answer, Packed};

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
    /// Of an approval: the question's.
    pub ticket: String,
    pub request: String,
    /// Where in its file of the ledger the entry stands; see [`Bodies`].
    pub place: u64,
    /// For whom the principal acts, when it does.
    pub behalf: String,
    /// The ids of the keys that seal its fields: identity, arguments, content; 0 where nothing is sealed.
    pub keys: [u64; 3],
    /// The entry as it stands in the ledger. A row that is projected without it gets it from there when it is read.
    pub body: String,
    /// Its sealed part, from the ledger too.
    pub sealed: Vec<u8>,
}

/// What the ledger keeps of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    pub entry: Vec<u8>,
    pub sealed: Vec<u8>,
}

/// The entries themselves, where they are kept: in the ledger. The projection has only what people ask by.
pub trait Bodies: Debug + Send + Sync {
    /// The entry with this number, which should stand at `place` of its file.
    fn body(&self, seq: u64, place: u64) -> Option<Body>;
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
    /// Only entries after this one: what is new.
    pub after: Option<u64>,
}

/// Which part of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPart {
    /// The entry to begin with; `None`: the first, or the latest.
    pub from: Option<u64>,
    pub newest_first: bool,
    pub limit: usize,
}

/// Whose sealed entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealedOf {
    Session(String),
    /// Of these principals (pseudonyms), and of whoever acted for them.
    Principals(Vec<String>),
}

/// By which keys entries are sealed, and how many entries those are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedBy {
    pub entries: u64,
    /// Identity, arguments, content.
    pub keys: [Vec<u64>; 3],
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
    /// Says where the bodies are of rows that were projected without one. Once, before anything is read.
    fn read_bodies_from(&self, bodies: Arc<dyn Bodies>);

    /// Adds entries in order. Those that are there already are passed over, so that a follower may
    /// repeat itself; a [`Gap`](crate::StoreError::Gap) is an error.
    fn project(&self, entries: Vec<EntryRow>) -> Answer<()>;

    /// The same with rows as [`pack`](crate::pack) made them.
    fn project_packed(&self, entries: Packed) -> Answer<()>;

    /// How many entries are projected: where a follower goes on.
    fn projected(&self) -> Answer<u64>;

    /// Throws the projection away, to build it again.
    fn clear_entries(&self) -> Answer<()>;

    fn entry(&self, seq: u64) -> Answer<Option<EntryRow>>;
    fn entry_of_id(&self, id: &str) -> Answer<Option<EntryRow>>;

    /// Oldest first.
    fn entries_of_session(&self, session: &str, limit: usize) -> Answer<Vec<EntryRow>>;
    /// A part of a session, in the order it is asked for.
    fn session_part(&self, session: &str, part: SessionPart) -> Answer<Vec<EntryRow>>;
    /// How many entries a session has beyond this one, in the order it is asked for.
    fn session_left(&self, session: &str, beyond: u64, newest_first: bool) -> Answer<u64>;
    fn entries_of_act(&self, act: &str) -> Answer<Vec<EntryRow>>;
    fn entries_of_request(&self, request: &str) -> Answer<Vec<EntryRow>>;
    /// How a question was asked, answered and ended.
    fn entries_of_ticket(&self, ticket: &str) -> Answer<Vec<EntryRow>>;

    /// Newest first.
    fn latest_entries(&self, filter: &EntryFilter, limit: usize) -> Answer<Vec<EntryRow>>;

    /// Intents from before `before` without a known outcome, oldest first. An `ambiguous` outcome
    /// is not a known one.
    fn in_doubt(&self, before: Timestamp, limit: usize) -> Answer<Vec<EntryRow>>;

    /// The keys that seal somebody's entries.
    fn sealed_by(&self, whose: &SealedOf) -> Answer<SealedBy>;

    /// The highest key of a class (0 identity, 1 arguments, 2 content) among entries from before `before`, or 0.
    fn last_key_before(&self, class: usize, before: Timestamp) -> Answer<u64>;

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
        Self { body: String::from_utf8_lossy(entry).into_owned(), ..Self::of(seq, 0, entry) }
    }

    /// The same without its body, which stands at `place` of its file.
    pub fn of(seq: u64, place: u64, entry: &[u8]) -> Self {
        let columns = serde_json::from_slice::<Columns<'_>>(entry).ok().and_then(|columns| columns.row());
        let row = columns.unwrap_or_else(|| Self { kind: "unreadable".to_owned(), ..Self::default() });
        Self { seq, place, ..row }
    }
}

/// The members of an [`Entry`](plimsoll_core::Entry) that become columns. The rest is passed over: a follower reads
/// every entry, and most of an entry is for those who look at one.
#[derive(Deserialize)]
struct Columns<'a> {
    id: Uuid,
    at: Timestamp,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    session: Cow<'a, str>,
    #[serde(borrow, default)]
    workflow: Cow<'a, str>,
    #[serde(borrow, default)]
    request: Cow<'a, str>,
    #[serde(borrow)]
    principal: Option<Id<'a>>,
    /// Of an intent or decision the act, of an outcome its id.
    #[serde(borrow)]
    act: Option<&'a RawValue>,
    tier: Option<Tier>,
    decision: Option<Ruled>,
    status: Option<OutcomeStatus>,
    /// Of an approval how it stands. Other kinds have a state of their own.
    #[serde(borrow)]
    state: Option<&'a RawValue>,
    approval: Option<Asked>,
}

#[derive(Deserialize)]
struct Id<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    on_behalf_of: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Acting {
    id: ActId,
    tool: ToolName,
}

#[derive(Deserialize)]
struct Ruled {
    ruling: Ruling,
}

#[derive(Deserialize)]
struct Asked {
    id: String,
    tool: String,
}

impl Columns<'_> {
    /// `None` when a column that entries of this kind have is missing, or when the kind is unknown.
    fn row(self) -> Option<EntryRow> {
        let asks =
            self.principal.map(|of| (of.id.into_owned(), of.on_behalf_of.unwrap_or_default().into_owned()));
        let (principal, behalf) = asks.unwrap_or_default();
        let mut row = EntryRow {
            id: self.id.to_string(),
            at: self.at,
            principal,
            behalf,
            session: self.session.into_owned(),
            workflow: self.workflow.into_owned(),
            request: self.request.into_owned(),
            ..EntryRow::default()
        };
        match &*self.kind {
            "intent" | "decision" => {
                let act: Acting = serde_json::from_str(self.act?.get()).ok()?;
                row.tool = act.tool.to_string();
                row.act = act.id.to_string();
                self.tier?.name().clone_into(&mut row.tier);
                self.decision?.ruling.name().clone_into(&mut row.decision);
            }
            "outcome" => {
                row.act = serde_json::from_str::<ActId>(self.act?.get()).ok()?.to_string();
                self.status?.name().clone_into(&mut row.status);
            }
            "approval" => {
                let Asked { id, tool } = self.approval?;
                (row.ticket, row.tool) = (id, tool);
                let state: ApprovalState = serde_json::from_str(self.state?.get()).ok()?;
                state.name().clone_into(&mut row.status);
            }
            "stop" | "config" | "key" | "gateway" | "turned" | "content" | "erasure" | "hold" | "read"
            | "grant" | "drift" | "release" => {}
            _ => return None,
        }
        row.kind = self.kind.into_owned();
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serde names them all where it knows none.
    #[test]
    fn every_kind_of_entry_has_a_row() {
        let unknown = serde_json::from_str::<plimsoll_core::EntryBody>(r#"{"kind":"?"}"#).unwrap_err();
        let named = unknown.to_string();
        let kinds: Vec<&str> = named.split('`').skip(3).step_by(2).collect();
        assert!(kinds.contains(&"drift") && kinds.len() >= 15, "{named}");
        let id = "0190b6a0-0000-7000-8000-000000000001";
        for kind in kinds {
            let more = match kind {
                "intent" | "decision" => format!(
                    r#","act":{{"id":"{id}","tool":"a.b"}},"tier":"safe","decision":{{"ruling":"allow"}}"#
                ),
                "outcome" => format!(r#","act":"{id}","status":"done""#),
                "approval" => r#","approval":{"id":"A-1","tool":"a.b"},"state":"open""#.to_owned(),
                _ => String::new(),
            };
            let entry = format!(r#"{{"v":1,"id":"{id}","at":"2026-01-01T00:00:00Z","kind":"{kind}"{more}}}"#);
            assert_eq!(EntryRow::read(1, entry.as_bytes()).kind, kind, "{entry}");
        }
    }

    /// A row is made of a real entry as the gateway writes it.
    #[test]
    fn a_row_is_read_from_an_entry() {
        let id = "0190b6a0-0000-7000-8000-000000000001";
        let stop = format!(
            r#"{{"v":1,"id":"{id}","at":"2026-01-01T00:00:00Z","request":"req-1","session":"s-1","workflow":"support",
                "kind":"stop","on":true,"stop":{{"scope":"all","reason":"r","by":"bo","at":"2026-01-01T00:00:00Z"}}}}"#
        );
        let row = EntryRow::read(4, stop.as_bytes());
        let expected = ("stop", id, "s-1", "req-1", "support", 4);
        assert_eq!((&*row.kind, &*row.id, &*row.session, &*row.request, &*row.workflow, row.seq), expected);
        assert_eq!(row.body, stop);
        let outcome = format!(
            r#"{{"v":1,"id":"{id}","at":"2026-01-01T00:00:00Z","kind":"outcome","act":"{id}","intent":3,"status":"done","took_ms":1}}"#
        );
        let row = EntryRow::read(5, outcome.as_bytes());
        assert_eq!((&*row.kind, &*row.status, &*row.act), ("outcome", "done", id));
        // Somebody asked to break the glass: its state is none of an approval's.
        let asked = format!(
            r#"{{"v":1,"id":"{id}","at":"2026-01-01T00:00:00Z","kind":"grant","ticket":"G-1","state":"asked","by":"bo"}}"#
        );
        assert_eq!(&*EntryRow::read(7, asked.as_bytes()).kind, "grant");
        let strange = EntryRow::read(6, b"\xFFnot an entry");
        assert_eq!((&*strange.kind, strange.seq), ("unreadable", 6));
    }
}
