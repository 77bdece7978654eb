//! Break-glass: somebody reads for a while what their roles do not let them, because another person agreed.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{EntryBody, FieldClass, Grant, GrantState};
use plimsoll_store::GrantRow;
use serde::Serialize;

use super::text;
use crate::gateway::Gateway;

/// Seconds that a grant lasts at most.
pub const GLASS_MAX_S: u64 = 8 * 3_600;
/// Hours in which a request has to be answered.
const ASKED_HOURS: i64 = 24;

/// A request to read, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Glass {
    pub ticket: String,
    pub person: String,
    pub classes: BTreeSet<FieldClass>,
    /// `asked`, `granted`, `denied` or `over`.
    pub state: String,
    pub by: String,
    pub reason: String,
    pub seconds: u64,
    pub asked_at: Timestamp,
    pub until: Option<Timestamp>,
}

impl Gateway {
    /// Asks to read classes that one's roles do not name.
    ///
    /// # Errors
    /// When nothing is asked for, no reason is given, or it can't be recorded.
    pub async fn ask_glass(
        &self,
        person: &str,
        classes: &BTreeSet<FieldClass>,
        seconds: u64,
        reason: &str,
    ) -> Result<Glass, String> {
        let reason = self.redactor.redact(reason.trim()).into_owned();
        if classes.is_empty() || reason.is_empty() {
            return Err("say what you need to read, and why".to_owned());
        }
        let seconds = seconds.clamp(60, GLASS_MAX_S);
        let ticket = crate::docket::fresh_ticket("G-");
        let row = GrantRow {
            person: self.vault.pseudonym(person).map_err(text)?,
            classes: classes.iter().map(|class| class.number()).collect(),
            state: "asked".to_owned(),
            by: String::new(),
            seconds,
            asked_at: Timestamp::now(),
            until: None,
            reason: self.vault.wrap_reason(&ticket, &reason).map_err(text)?,
            ticket,
        };
        self.record_grant(&row, GrantState::Asked, person, person, &reason).await?;
        self.vault.ring().set_grant(&row).map_err(text)?;
        Ok(self.glass_of(row, Timestamp::now()))
    }

    /// Another person's answer.
    ///
    /// # Errors
    /// When it is their own request, it was answered or is too old, or it can't be recorded.
    pub async fn answer_glass(&self, ticket: &str, yes: bool, by: &str) -> Result<Glass, String> {
        let _one_at_a_time = self.answers.lock().await;
        let now = Timestamp::now();
        let row = self.vault.ring().grant(ticket).map_err(text)?;
        let mut row = row.ok_or_else(|| format!("there is no request {ticket}"))?;
        let answerer = self.vault.pseudonym(by).map_err(text)?;
        // Ada with one key is Ada with another.
        let same = |name: &String| name.eq_ignore_ascii_case(by);
        if row.person == answerer || self.vault.name_of(&row.person).as_ref().is_some_and(same) {
            return Err("you asked for this yourself: somebody else has to answer".to_owned());
        }
        if self.glass_of(row.clone(), now).state != "asked" {
            return Err(format!("the request {ticket} was answered already, or is too old"));
        }
        let life = SignedDuration::from_secs(i64::try_from(row.seconds).unwrap_or(0));
        let state = if yes { GrantState::Granted } else { GrantState::Denied };
        row.state = if yes { "granted" } else { "denied" }.to_owned();
        row.by = answerer;
        row.until = yes.then(|| now.checked_add(life).unwrap_or(now));
        let person = self.vault.name_of(&row.person).unwrap_or_else(|| row.person.clone());
        self.record_grant(&row, state, by, &person, "").await?;
        self.vault.ring().set_grant(&row).map_err(text)?;
        Ok(self.glass_of(row, now))
    }

    /// All requests, newest first.
    ///
    /// # Errors
    /// When they can't be looked up.
    pub fn glasses(&self) -> Result<Vec<Glass>, String> {
        let now = Timestamp::now();
        let rows = self.vault.ring().grants().map_err(text)?;
        Ok(rows.into_iter().map(|row| self.glass_of(row, now)).collect())
    }

    /// What a person may read now because somebody agreed.
    pub(crate) fn granted(&self, person: &str, now: Timestamp) -> BTreeSet<FieldClass> {
        let Ok(Some(pseudonym)) = self.vault.known_pseudonym(person) else { return BTreeSet::new() };
        let rows = self.vault.ring().grants().unwrap_or_else(|error| {
            tracing::error!(%error, "grants can't be looked up, so none counts");
            Vec::new()
        });
        let open = rows.iter().filter(|row| row.person == pseudonym && is_open(row, now));
        open.flat_map(|row| &row.classes).filter_map(|number| FieldClass::of_number(*number)).collect()
    }

    fn glass_of(&self, row: GrantRow, now: Timestamp) -> Glass {
        let name = |pseudonym: &str| self.vault.name_of(pseudonym).unwrap_or_else(|| pseudonym.to_owned());
        let too_old = now.duration_since(row.asked_at) > SignedDuration::from_hours(ASKED_HOURS);
        let state = match row.state.as_str() {
            "asked" if too_old => "over",
            "granted" if !is_open(&row, now) => "over",
            state => state,
        };
        Glass {
            state: state.to_owned(),
            person: name(&row.person),
            by: name(&row.by),
            classes: row.classes.iter().filter_map(|number| FieldClass::of_number(*number)).collect(),
            reason: self.vault.unwrap_reason(&row.ticket, &row.reason),
            seconds: row.seconds,
            asked_at: row.asked_at,
            until: row.until,
            ticket: row.ticket,
        }
    }

    async fn record_grant(
        &self,
        row: &GrantRow,
        state: GrantState,
        by: &str,
        person: &str,
        reason: &str,
    ) -> Result<(), String> {
        let grant = Grant {
            ticket: row.ticket.clone(),
            state,
            by: by.to_owned(),
            person: person.to_owned(),
            classes: row.classes.iter().filter_map(|number| FieldClass::of_number(*number)).collect(),
            until: row.until.unwrap_or(row.asked_at),
            reason: reason.to_owned(),
        };
        self.custodian().record(by, EntryBody::Grant(Box::new(grant))).await.map(drop)
    }
}

fn is_open(row: &GrantRow, now: Timestamp) -> bool {
    row.state == "granted" && row.until.is_some_and(|until| now < until)
}
