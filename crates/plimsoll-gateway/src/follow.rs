//! The tasks beside the doors: what the ledger says becomes a projection that can be asked, and the
//! kill switches are looked at again and again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_core::{Entry, EntryBody, FieldClass, OutcomeStatus, Principal, PrincipalKind, Tier};
use plimsoll_ledger::{Beside, Followed, LedgerReader, Record, Seq};
use plimsoll_store::{EntryRow, Packed, PackedRow, Store};
use tokio::sync::watch;

use crate::gateway::{Gateway, StartError};
use crate::privacy::{RETENTION_LOOK_S, catch_up};
use crate::record::Header;
use crate::refusal::Refusal;
use crate::stops::STOP_POLL_MS;

/// Acts in doubt that a start looks at.
pub const IN_DOUBT_MAX: usize = 10_000;
/// Turned requests that are recorded in one second; more are counted in `plimsoll_requests_turned` alone.
pub const TURNED_PER_S: u32 = 50;
/// Seconds between two looks at what has expired.
pub const UPKEEP_S: u64 = 60;
/// Hours that proposals and remembered results are kept in the database.
pub const KEEP_HOURS: i64 = 24 * 30;
/// Entries projected in one batch.
pub const PROJECT_BATCH: usize = 4_000;
/// Milliseconds that entries are left to gather before they are projected: the projection is for people.
pub const PROJECT_WAIT_MS: u64 = 100;

/// How many turned requests this second has already recorded.
#[derive(Debug, Default)]
pub struct Turned(Mutex<(i64, u32)>);

impl Turned {
    fn admits(&self, now: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.0 != now.as_second() {
            *seen = (now.as_second(), 0);
        }
        seen.1 += 1;
        seen.1 <= TURNED_PER_S
    }
}

/// Projects the entries from `next` on, as many as one batch holds, and says where the following begins. The running
/// gateway follows its ledger by this, and `plimsoll ledger reindex` begins anew by it.
///
/// # Errors
/// In words, when the ledger can't be read or the database can't take it.
pub async fn project_batch(reader: LedgerReader, store: &Store, next: u64) -> Result<u64, String> {
    let text = |error: &dyn std::error::Error| crate::upstream::http::chain(error);
    let read = tokio::task::spawn_blocking(move || {
        let mut records = reader.iter_from(Seq(next));
        let mut rows = Vec::new();
        while rows.len() < PROJECT_BATCH
            && let Some(record) = records.next().transpose()?
        {
            rows.push(row_of(&record, records.place()));
        }
        Ok::<_, plimsoll_ledger::LedgerError>(rows)
    });
    let rows = read.await.map_err(|e| text(&e))?.map_err(|e| text(&e))?;
    let Some(last) = rows.last().map(|row| row.seq) else { return Ok(next) };
    store.project(rows).await.map_err(|e| text(&e))?;
    Ok(last + 1)
}

impl Gateway {
    /// Brings the projection up to the ledger and finds the acts in doubt. At start, before any port is
    /// opened.
    pub(crate) async fn catch_up(self: &Arc<Self>) -> Result<(), StartError> {
        self.project().await.map_err(StartError::Other)?;
        let in_doubt = self.store.in_doubt(Timestamp::now(), IN_DOUBT_MAX).await?;
        for row in &in_doubt {
            let all = BTreeSet::from(FieldClass::ALL);
            if let Ok(opening) = self.vault.open(row.body.as_bytes(), &row.sealed, &all)
                && let Entry { body: EntryBody::Intent(judged), .. } = opening.entry
                && judged.tier != Tier::Safe
                && !judged.facts.deferred
            {
                // What can't be read any more stands for every act that it may have been.
                if opening.closed.iter().any(|(class, _)| *class == FieldClass::Arguments) {
                    self.doubts.begin_blind(&row.principal, &row.workflow, &row.tool, judged.act.id);
                } else {
                    let _already_open = self.doubts.begin(judged.act_digest, judged.act.id);
                }
            }
        }
        if !in_doubt.is_empty() {
            tracing::warn!(count = in_doubt.len(), "acts are in doubt; see `plimsoll log --in-doubt`");
        }
        self.joins.load(&self.store, Timestamp::now()).await?;
        self.recall().await?;
        self.refresh_stops().await?;
        Ok(())
    }

    /// Runs the followers until `stop` changes.
    pub async fn follow(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut next = self.store.projected().await.unwrap_or_default();
        let mut tick = tokio::time::interval(Duration::from_millis(STOP_POLL_MS));
        let mut upkeep = tokio::time::interval(Duration::from_secs(UPKEEP_S));
        let mut retention = tokio::time::interval(Duration::from_secs(RETENTION_LOOK_S));
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    if let Err(error) = self.refresh_stops().await {
                        tracing::error!(%error, "kill switches can't be read from the store");
                    }
                    self.save_joins().await;
                    self.save_memory().await;
                }
                _ = upkeep.tick() => self.keep_up().await,
                _ = retention.tick() => self.keep_retention().await,
                _ = self.ledger.grown_beyond(next) => {
                    // One batch at a time, as the kill switches are looked at also while a busy ledger is followed.
                    if self.ledger.size() - next < PROJECT_BATCH as u64 {
                        tokio::time::sleep(Duration::from_millis(PROJECT_WAIT_MS)).await;
                    }
                    match self.project_batch(next).await {
                        Ok(after) => next = after,
                        Err(error) => {
                            tracing::error!(error, "the projection can't follow the ledger");
                            tokio::time::sleep(Duration::from_secs(1)).await;
                        }
                    }
                }
                _ = stop.changed() => break,
            }
        }
        self.save_joins().await;
        self.save_memory().await;
        if let Err(error) = self.project().await {
            tracing::error!(error, "the projection is behind the ledger; the next start catches up");
        }
    }

    async fn save_joins(&self) {
        if let Err(error) = self.joins.save(&self.store).await {
            tracing::warn!(%error, "proposals could not be stored");
        }
    }

    /// Closes questions whose time is over, and forgets what is too old to matter.
    async fn keep_up(&self) {
        let now = Timestamp::now();
        match self.store.expire_approvals(now).await {
            Ok(expired) => {
                for approval in expired {
                    self.record_expired(&approval).await;
                }
            }
            Err(error) => tracing::error!(%error, "approvals can't be expired"),
        }
        self.settle_releases().await;
        let before = now.checked_sub(jiff::SignedDuration::from_hours(KEEP_HOURS)).unwrap_or(Timestamp::MIN);
        if let Err(error) = self.store.prune(before).await {
            tracing::warn!(%error, "the store can't be pruned");
        }
    }

    pub(crate) async fn refresh_stops(&self) -> Result<(), plimsoll_store::StoreError> {
        if let Some((on, stop)) = self.stops.follow_sentinel(Timestamp::now())
            && let Err(error) = self.record_stop(on, &stop).await
        {
            tracing::error!(%error, "a stop by sentinel file is in force, but not on record");
        }
        let stored = self.store.stops().await?;
        if self.stops.refresh(stored) {
            tracing::warn!(stops = ?self.stops.all(), "kill switches changed");
        }
        Ok(())
    }

    async fn project(&self) -> Result<(), String> {
        catch_up(&self.ledger.reader(), &self.store).await
    }

    /// Most rows were made when their entries were sealed. What is not known any more is read.
    async fn project_batch(&self, next: u64) -> Result<u64, String> {
        let Beside { entries, bytes } = self.ledger.beside();
        let known = entries.iter().take_while(|entry| entry.seq < next).count();
        let (passed, new) = entries.split_at(known);
        let without_hole = new.iter().zip(next..).take_while(|(entry, seq)| entry.seq == *seq).count();
        if without_hole == 0 || without_hole < new.len() {
            return project_batch(self.ledger.reader(), &self.store, next).await;
        }
        let mut rest = &bytes[passed.iter().map(|entry| entry.bytes).sum()..];
        for some in new.chunks(PROJECT_BATCH) {
            let (these, after) = rest.split_at(some.iter().map(|entry| entry.bytes).sum());
            rest = after;
            let row = |&Followed { seq, place, bytes }: &Followed| PackedRow { seq, place, bytes };
            let packed = Packed { rows: some.iter().map(row).collect(), bytes: these.to_vec() };
            let projected = self.store.project_packed(packed).await;
            projected.map_err(|error| crate::upstream::http::chain(&error))?;
        }
        Ok(next + without_hole as u64)
    }

    /// Notes a request that ended before any act.
    pub(crate) fn note_turned(&self, request: &str, refusal: &Refusal) {
        self.metrics.turned.inc();
        // Whoever knocks with nothing must not fill the ledger: beyond the bound they are only counted.
        if !self.turned.admits(Timestamp::now()) {
            return;
        }
        let detail = self.redactor.redact(&refusal.headline()).into_owned();
        let header = Header { request: request.to_owned(), ..Header::default() };
        let entry = header.entry(Timestamp::now(), EntryBody::Turned { code: refusal.code, detail });
        if let Err(error) = self.note(entry) {
            tracing::warn!(%error, "a turned request could not be recorded");
        }
    }

    /// Records that the gateway itself started or stopped, durably.
    ///
    /// # Errors
    /// When the ledger can't take it.
    pub async fn record_gateway(
        &self,
        event: &str,
        detail: &str,
    ) -> Result<(), plimsoll_ledger::LedgerError> {
        let body = EntryBody::Gateway { event: event.to_owned(), detail: detail.to_owned() };
        let header = Header { release: self.standing.load().live.id.to_string(), ..Header::default() };
        self.record(header.entry(Timestamp::now(), body)).await.map(|_| ())
    }

    /// Settles an act in doubt: a person looked it up in the system of record.
    ///
    /// # Errors
    /// When the act is unknown or the ledger can't take it.
    pub async fn settle(
        &self,
        act: plimsoll_core::ActId,
        intent: u64,
        done: bool,
        by: &str,
    ) -> Result<(), String> {
        let outcome = plimsoll_core::Outcome {
            act,
            intent,
            status: if done { OutcomeStatus::Done } else { OutcomeStatus::Failed },
            code: None,
            detail: format!("settled by {by} from the system of record"),
            took_ms: 0,
            downstream: Vec::new(),
            result: None,
            usage: serde_json::Value::Null,
            redacted: 0,
        };
        // What it says belongs to the one who says it.
        let entry = header_by(by).entry(Timestamp::now(), EntryBody::Outcome(Box::new(outcome)));
        self.record(entry).await.map_err(|error| error.to_string())?;
        self.doubts.settle(act);
        Ok(())
    }
}

/// The row of a record that stands at this place of its file.
pub fn row_of(record: &Record, place: u64) -> EntryRow {
    EntryRow {
        keys: crate::Vault::keys_of(&record.sealed),
        ..EntryRow::of(record.seq.0, place, &record.entry)
    }
}

/// The header of an entry that says what a person did to the gateway.
pub(crate) fn header_by(person: &str) -> Header {
    let principal = Principal {
        id: person.to_owned(),
        kind: PrincipalKind::User,
        tenant: String::new(),
        roles: BTreeSet::new(),
        on_behalf_of: None,
    };
    Header { principal: Some(principal), ..Header::default() }
}
