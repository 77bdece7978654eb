//! Which entries a chain is made of.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::{Entry, EntryBody, Hypothesis};
use plimsoll_gateway::Reading;
use plimsoll_store::{EntryRow, ROWS_MAX, SessionPart, StoreError};

use super::{Chain, More, PART_ENTRIES, Part, Step, build};

/// What an id means.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    One(Box<Chain>),
    /// Several ids begin like that: `act 0199…`.
    Several(Vec<String>),
    Nothing,
}

/// The chain of a session, act, request or entry: by sequence number, whole id, or the beginning of one.
///
/// # Errors
/// When the store does not answer.
pub async fn find(reading: &Reading, id: &str) -> Result<Found, StoreError> {
    find_part(reading, id, Window::default()).await
}

/// The same, of a session this part.
///
/// # Errors
/// When the store does not answer.
pub async fn find_part(reading: &Reading, id: &str, window: Window) -> Result<Found, StoreError> {
    let id = id.trim().trim_start_matches('#').trim_start_matches("act-");
    if let Ok(seq) = id.parse::<u64>()
        && let Some(row) = reading.entry(seq).await?
    {
        return of_entry(reading, row).await.map(|chain| Found::One(Box::new(chain)));
    }
    if id.is_empty() {
        return Ok(Found::Nothing);
    }
    let mut matches = reading.find_ids(id).await?;
    if matches.iter().any(|found| found.id == id) {
        matches.retain(|found| found.id == id);
    }
    // The id of a session is often also the id of its only request: the wider one tells both.
    let rank = |what: &str| ["session", "request", "act", "entry"].iter().position(|known| *known == what);
    matches.sort_by_key(|found| rank(&found.what));
    let ids: BTreeSet<&str> = matches.iter().map(|found| found.id.as_str()).collect();
    match (matches.first(), ids.len()) {
        (None, _) => Ok(Found::Nothing),
        (Some(only), 1) => {
            let chain = match only.what.as_str() {
                "session" => of_session_part(reading, &only.id, window).await?,
                "request" => of_request(reading, &only.id).await?,
                "act" => of_act(reading, &only.id).await?,
                _ => None,
            };
            match chain {
                Some(chain) => Ok(Found::One(Box::new(chain))),
                None => by_entry_id(reading, &only.id).await,
            }
        }
        _ => Ok(Found::Several(
            matches.into_iter().map(|found| format!("{} {}", found.what, found.id)).collect(),
        )),
    }
}

async fn by_entry_id(reading: &Reading, id: &str) -> Result<Found, StoreError> {
    match reading.entry_of_id(id).await? {
        Some(row) => of_entry(reading, row).await.map(|chain| Found::One(Box::new(chain))),
        None => Ok(Found::Nothing),
    }
}

async fn of_entry(reading: &Reading, row: EntryRow) -> Result<Chain, StoreError> {
    let chain = if row.act.is_empty() { None } else { of_act(reading, &row.act).await? };
    Ok(chain.unwrap_or_else(|| build(&[row])))
}

/// The part of a session that is told at once. A session can be longer than anybody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The entry to begin with; `None`: the first, or the latest.
    pub from: Option<u64>,
    pub newest_first: bool,
    pub entries: usize,
}

impl Default for Window {
    /// The first [`PART_ENTRIES`].
    fn default() -> Self {
        Self { from: None, newest_first: false, entries: PART_ENTRIES }
    }
}

/// The chain of a session: its first part.
///
/// # Errors
/// When the store does not answer.
pub async fn of_session(reading: &Reading, session: &str) -> Result<Option<Chain>, StoreError> {
    of_session_part(reading, session, Window::default()).await
}

/// A part of a session's chain. What belongs to an act of this part and stands beyond it (its outcome, the model's
/// answer that proposed it, what people said) is told with it.
///
/// # Errors
/// When the store does not answer.
pub async fn of_session_part(
    reading: &Reading,
    session: &str,
    window: Window,
) -> Result<Option<Chain>, StoreError> {
    let Window { from, newest_first, entries } = window;
    let limit = entries.clamp(1, ROWS_MAX);
    let part = reading.session_part(session, SessionPart { from, newest_first, limit }).await?;
    let last = part.last().map(|row| row.seq);
    let mut rows = Rows::default();
    rows.add(part);
    // People's answers and settlements belong to no session of their own.
    rows.settle(reading).await?;
    rows.proposals(reading).await?;
    rows.answers(reading).await?;
    let Some(mut chain) = rows.chain() else { return Ok(None) };
    if newest_first {
        chain.steps.reverse();
    }
    if let Some(last) = last {
        let entries = reading.store().session_left(session, last, newest_first).await?;
        let from = if newest_first { last.saturating_sub(1) } else { last + 1 };
        chain.more = (entries > 0).then_some(More { from, entries });
    }
    Ok(Some(chain))
}

/// The chain of a request.
///
/// # Errors
/// When the store does not answer.
pub async fn of_request(reading: &Reading, request: &str) -> Result<Option<Chain>, StoreError> {
    let mut rows = Rows::default();
    rows.add(reading.entries_of_request(request).await?);
    rows.settle(reading).await?;
    rows.answers(reading).await?;
    Ok(rows.chain())
}

/// The chain of one act: the model's answer that proposed it, its checks, its approval, its outcome.
///
/// # Errors
/// When the store does not answer.
pub async fn of_act(reading: &Reading, act: &str) -> Result<Option<Chain>, StoreError> {
    let mut rows = Rows::default();
    rows.add(reading.entries_of_act(act).await?);
    if rows.0.is_empty() {
        return Ok(None);
    }
    let mut acts = BTreeSet::from([act.to_owned()]);
    let joined: Vec<String> = rows.entries().filter_map(|entry| joined(&entry)).collect();
    for proposal in joined {
        rows.add(reading.entries_of_act(&proposal).await?);
        acts.insert(proposal);
    }
    // Held first and allowed later is one story, told by the approval that stands between the two.
    for ticket in rows.tickets() {
        let approval = reading.store().approval(&ticket).await?;
        if let Some(held) = approval.and_then(|approval| Some(approval.page["act"].as_str()?.to_owned())) {
            rows.add(reading.entries_of_act(&held).await?);
            acts.insert(held);
        }
    }
    let requests: BTreeSet<String> = rows.0.values().map(|row| row.request.clone()).collect();
    for request in requests.iter().filter(|request| !request.is_empty()) {
        rows.add(reading.entries_of_request(request).await?);
    }
    rows.answers(reading).await?;
    let mut chain = rows.chain();
    if let Some(chain) = &mut chain {
        // Of the same requests only the model's answers and the checks belong to this act.
        chain.steps.retain(|step| match step {
            Step::Act(step) => acts.contains(&step.ids.act) || matches!(step.part, Part::Model | Part::Check),
            Step::Question(_) | Step::Note(_) => true,
        });
    }
    Ok(chain)
}

fn joined(entry: &Entry) -> Option<String> {
    match &entry.body {
        EntryBody::Intent(judged) | EntryBody::Decision(judged) => match &judged.facts.hypothesis {
            Hypothesis::Joined { act, .. } => Some(act.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Entries by sequence number: each once, in order.
#[derive(Debug, Default)]
struct Rows(BTreeMap<u64, EntryRow>);

impl Rows {
    fn add(&mut self, rows: Vec<EntryRow>) {
        self.0.extend(rows.into_iter().map(|row| (row.seq, row)));
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        self.0.values().filter_map(|row| serde_json::from_str(&row.body).ok())
    }

    /// Outcomes that are not told here, for intents that are.
    async fn settle(&mut self, reading: &Reading) -> Result<(), StoreError> {
        let known = |row: &&EntryRow| row.kind == "outcome" && row.status != "ambiguous";
        let settled: BTreeSet<&str> = self.0.values().filter(known).map(|row| row.act.as_str()).collect();
        let intents = self.0.values().filter(|row| row.kind == "intent");
        let open: Vec<String> =
            intents.filter(|row| !settled.contains(row.act.as_str())).map(|row| row.act.clone()).collect();
        for act in open {
            self.add(reading.entries_of_act(&act).await?);
        }
        Ok(())
    }

    /// The model's answers that proposed these calls, where they stand before this part.
    async fn proposals(&mut self, reading: &Reading) -> Result<(), StoreError> {
        let known: BTreeSet<&str> = self.0.values().map(|row| row.act.as_str()).collect();
        let mut missing: BTreeSet<String> = self.entries().filter_map(|entry| joined(&entry)).collect();
        missing.retain(|act| !known.contains(act.as_str()));
        for act in missing {
            self.add(reading.entries_of_act(&act).await?);
        }
        Ok(())
    }

    /// The questions that these acts raised.
    fn tickets(&self) -> BTreeSet<String> {
        let ticket = |entry: Entry| match entry.body {
            EntryBody::Approval(change) => Some(change.approval.id),
            EntryBody::Intent(judged) | EntryBody::Decision(judged) => {
                judged.facts.approval.map(|fact| fact.id)
            }
            _ => None,
        };
        self.entries().filter_map(ticket).collect()
    }

    /// What people answered to them. An answer names its ticket, and need not name a session.
    async fn answers(&mut self, reading: &Reading) -> Result<(), StoreError> {
        for ticket in self.tickets() {
            self.add(reading.entries_of_ticket(&ticket).await?);
        }
        Ok(())
    }

    fn chain(&self) -> Option<Chain> {
        let rows: Vec<EntryRow> = self.0.values().cloned().collect();
        (!rows.is_empty()).then(|| build(&rows))
    }
}
