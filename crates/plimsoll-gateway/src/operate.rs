//! What people do to a running gateway: answer approvals, pull and lift kill switches, settle acts in
//! doubt. Each of them is a named person with an admin key, and each deed is recorded before it counts.

use jiff::Timestamp;
use plimsoll_core::{ActId, Approval, Code, Digest, EntryBody, Stop, StopScope, Vote};
use plimsoll_store::AdminKeyRow;

use crate::docket::AnswerError;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// A person at the admin listener. Only [`Gateway::identify_operator`] makes one; an agent's key never
/// does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    person: String,
}

impl Operator {
    /// The name in `people.yaml`.
    pub fn person(&self) -> &str {
        &self.person
    }
}

impl Gateway {
    /// Identifies a person by an admin key.
    ///
    /// # Errors
    /// When the secret is not a live admin key.
    pub async fn identify_operator(&self, secret: &str) -> Result<Operator, Refusal> {
        let unknown = || Refusal::plain(Code::Unauthenticated, "no valid admin key came with the request");
        let key = plimsoll_inspect::key::parse(secret).ok_or_else(unknown)?;
        let found = self.store.find_admin_key(key.digest.as_bytes()).await.map_err(|error| {
            tracing::error!(%error, "admin keys can't be looked up");
            Refusal::plain(Code::RecordFailed, "keys can't be looked up right now")
        })?;
        let live = found.filter(|row: &AdminKeyRow| row.is_live(Timestamp::now()));
        live.map(|row| Operator { person: row.name }).ok_or_else(unknown)
    }

    /// A person's answer to an approval. `shown` is the digest on the page they answered from.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub async fn vote(
        &self,
        operator: &Operator,
        id: &str,
        yes: bool,
        comment: &str,
        shown: &Digest,
    ) -> Result<Approval, AnswerError> {
        let comment = self.redactor.redact(comment).into_owned();
        let vote = Vote { person: operator.person.clone(), yes, at: Timestamp::now(), comment };
        self.answer(id, vote, shown).await
    }

    /// Pulls a kill switch. It takes hold at once, and stays also when it can't be recorded: stopping
    /// must not wait for a disk.
    ///
    /// # Errors
    /// When store or ledger could not take it; the text says what is in force.
    pub async fn stop(&self, operator: &Operator, scope: StopScope, reason: &str) -> Result<Stop, String> {
        let stop = Stop {
            scope,
            reason: self.redactor.redact(reason).into_owned(),
            by: operator.person.clone(),
            at: Timestamp::now(),
        };
        self.stops.pull(stop.clone());
        self.store.set_stop(&stop).await.map_err(|e| format!("stopped until the next restart only: {e}"))?;
        self.refresh_stops().await.map_err(|e| e.to_string())?;
        self.record_stop(true, &stop).await.map_err(|e| format!("stopped, but not on record: {e}"))?;
        Ok(stop)
    }

    /// A signal pulled the switch: everything stops at once, and then it is recorded.
    ///
    /// # Errors
    /// When the ledger could not take it; the stop is in force all the same.
    pub async fn stop_by_signal(&self) -> Result<(), plimsoll_ledger::LedgerError> {
        let stop = self.stops.pull_by_signal(Timestamp::now());
        self.record_stop(true, &stop).await
    }

    /// Lifts a kill switch: recorded first, lifted then.
    ///
    /// # Errors
    /// When it is not pulled, or can't be recorded.
    pub async fn resume(&self, operator: &Operator, scope: &StopScope) -> Result<(), String> {
        let pulled = self.stops.all().into_iter().find(|stop| stop.scope == *scope);
        let Some(pulled) = pulled else { return Err("no such kill switch is pulled".to_owned()) };
        if pulled.by == crate::stops::SENTINEL {
            return Err(format!("remove the file {} to lift this stop", self.stops.sentinel().display()));
        }
        let lifted = Stop { by: operator.person.clone(), at: Timestamp::now(), ..pulled };
        self.record_stop(false, &lifted).await.map_err(|e| format!("still stopped, not on record: {e}"))?;
        self.store.lift_stop(scope).await.map_err(|e| format!("still stopped: {e}"))?;
        self.stops.lift_local(scope);
        self.refresh_stops().await.map_err(|e| e.to_string())
    }

    /// Says what came of an act in doubt, from the system of record.
    ///
    /// # Errors
    /// When there is no such act in doubt, or it can't be recorded.
    pub async fn settle_act(&self, operator: &Operator, act: &str, done: bool) -> Result<(), String> {
        let rows = self.store.entries_of_act(act).await.map_err(|e| e.to_string())?;
        let intent = rows.iter().find(|row| row.kind == "intent").ok_or("there is no intent of that act")?;
        let known = rows.iter().any(|row| row.kind == "outcome" && row.status != "ambiguous");
        if known {
            return Err("the outcome of that act is known".to_owned());
        }
        let id = act.parse().map(ActId).map_err(|_| "that is not an act's id".to_owned())?;
        self.settle(id, intent.seq, done, operator.person()).await
    }

    pub(crate) async fn record_stop(
        &self,
        on: bool,
        stop: &Stop,
    ) -> Result<(), plimsoll_ledger::LedgerError> {
        let entry = crate::follow::header_by(&stop.by)
            .entry(Timestamp::now(), EntryBody::Stop { on, stop: stop.clone() });
        self.record(entry).await.map(|_| ())
    }
}
