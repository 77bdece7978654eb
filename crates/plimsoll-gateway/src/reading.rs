//! Reading the record: the store's questions about entries, answered with what this reader may see.
//!
//! Names in, names out: the projection knows pseudonyms alone. What was opened is counted by its [`Lens`], so that the
//! reading itself can be recorded.

use std::collections::BTreeSet;

use jiff::Timestamp;
use plimsoll_core::{Entry, FieldClass};
use plimsoll_ledger::{LedgerError, Record};
use plimsoll_store::{EntryFilter, EntryRow, IdMatch, SessionPart, SessionSummary, Store, StoreError};

use crate::follow::header_by;
use crate::gateway::Gateway;
use crate::lens::Lens;
use crate::vault::Opening;

/// The record, as one reader may see it.
#[derive(Debug)]
pub struct Reading {
    store: Store,
    lens: Lens,
}

impl Reading {
    pub fn new(store: Store, lens: Lens) -> Self {
        Self { store, lens }
    }

    /// Everything that is not about entries.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A record of the ledger itself, which the database need not know yet.
    ///
    /// # Errors
    /// When the bytes are no entry of this version.
    pub fn record(&self, record: &Record) -> Result<Opening, serde_json::Error> {
        self.lens.entry(record)
    }

    /// The whole entry of a row, as this reader may see it.
    pub fn open(&self, mut row: EntryRow) -> EntryRow {
        if self.lens.vault.is_none() {
            return row;
        }
        let Ok(opening) = self.lens.open(row.seq, row.body.as_bytes(), &row.sealed) else { return row };
        let Entry { principal, .. } = &opening.entry;
        if let Some(principal) = principal {
            row.principal.clone_from(&principal.id);
            row.behalf = principal.on_behalf_of.clone().unwrap_or_default();
        }
        // Words, numbers and JSON values, which always encode.
        row.body = serde_json::to_string(&opening.entry).unwrap_or_default();
        row
    }

    fn all(&self, rows: Vec<EntryRow>) -> Vec<EntryRow> {
        rows.into_iter().map(|row| self.open(row)).collect()
    }

    pub async fn entry(&self, seq: u64) -> Result<Option<EntryRow>, StoreError> {
        Ok(self.store.entry(seq).await?.map(|row| self.open(row)))
    }

    pub async fn entry_of_id(&self, id: &str) -> Result<Option<EntryRow>, StoreError> {
        Ok(self.store.entry_of_id(id).await?.map(|row| self.open(row)))
    }

    pub async fn entries_of_session(&self, session: &str, limit: usize) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self.all(self.store.entries_of_session(session, limit).await?))
    }

    pub async fn session_part(&self, session: &str, part: SessionPart) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self.all(self.store.session_part(session, part).await?))
    }

    pub async fn entries_of_act(&self, act: &str) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self.all(self.store.entries_of_act(act).await?))
    }

    pub async fn entries_of_request(&self, request: &str) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self.all(self.store.entries_of_request(request).await?))
    }

    pub async fn entries_of_ticket(&self, ticket: &str) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self.all(self.store.entries_of_ticket(ticket).await?))
    }

    /// The filter names a principal as people do.
    pub async fn latest_entries(
        &self,
        filter: &EntryFilter,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let mut rows = self.store.latest_entries(&self.pseudonymous(filter), limit).await?;
        if let (Some(name), true) = (&filter.principal, rows.is_empty()) {
            // From before there were pseudonyms.
            let filter = EntryFilter { principal: Some(name.clone()), ..filter.clone() };
            rows = self.store.latest_entries(&filter, limit).await?;
        }
        Ok(self.all(rows))
    }

    fn pseudonymous(&self, filter: &EntryFilter) -> EntryFilter {
        let known = |name: &String| self.lens.vault.as_ref()?.known_pseudonym(name).ok().flatten();
        let principal = filter.principal.as_ref().map(|name| known(name).unwrap_or_else(|| name.clone()));
        EntryFilter { principal, ..filter.clone() }
    }

    pub async fn in_doubt(&self, before: Timestamp, limit: usize) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self.all(self.store.in_doubt(before, limit).await?))
    }

    pub async fn session_summaries(&self, limit: usize) -> Result<Vec<SessionSummary>, StoreError> {
        let mut sessions = self.store.session_summaries(limit).await?;
        if let (Some(vault), true) = (&self.lens.vault, self.lens.may.contains(&FieldClass::Identity)) {
            for session in &mut sessions {
                if let Some(name) = vault.name_of(&session.principal) {
                    session.principal = name;
                }
            }
        }
        Ok(sessions)
    }

    pub async fn find_ids(&self, prefix: &str) -> Result<Vec<IdMatch>, StoreError> {
        self.store.find_ids(prefix).await
    }
}

impl Gateway {
    /// The record, for this program itself: everything that its keys open.
    pub fn reading_all(&self) -> Reading {
        self.reading(BTreeSet::from(FieldClass::ALL))
    }

    /// The record, as a person may see it: by their roles, and by a grant that is open.
    pub fn reading_for(&self, person: &str) -> Reading {
        let mut may = self.standing.load().live.people.reads_of(person);
        may.extend(self.granted(person, Timestamp::now()));
        self.reading(may)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "what people see through it, `record_reading` puts on record"
    )]
    fn reading(&self, may: BTreeSet<FieldClass>) -> Reading {
        Reading::new(self.store.clone(), Lens::new(Some(self.vault.clone()), may))
    }

    /// The record's columns, as a person may see them: names, and nothing that is sealed.
    pub fn reading_names(&self, person: &str) -> Reading {
        let mut reading = self.reading_for(person);
        reading.lens.may.retain(|class| *class == FieldClass::Identity);
        reading
    }

    /// Writes down that somebody was shown what is sealed. They are shown it after that.
    ///
    /// # Errors
    /// When it can't be recorded.
    pub async fn record_reading(
        &self,
        reading: &Reading,
        by: &str,
        through: &str,
        what: &str,
        reason: &str,
    ) -> Result<(), LedgerError> {
        let Some(body) = reading.lens.opening(by, through, what, reason) else { return Ok(()) };
        self.record(header_by(by).entry(Timestamp::now(), body)).await.map(drop)
    }
}
