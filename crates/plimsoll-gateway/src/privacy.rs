//! Forgetting: erasure, legal holds, retention, and who breaks the glass.
//!
//! The [`Custodian`] does what destroys keys, in a running gateway and beside one that does not run. Each deed is an
//! entry: how much went, by whom, why, and nothing of whom it was.

mod glass;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{Entry, EntryBody, Erasure, ErasureOf, FieldClass, Hold};
use plimsoll_ledger::{Ledger, LedgerReader};
use plimsoll_store::{Gone, HoldRow, RowsOf, SealedOf, Store};
use serde::{Deserialize, Serialize};

use crate::follow::{header_by, project_batch};
use crate::gateway::Gateway;
use crate::vault::{KEY_LIFE, Vault, names_of};

pub use glass::{GLASS_MAX_S, Glass};

/// Seconds between two looks at what is kept too long.
pub const RETENTION_LOOK_S: u64 = 6 * 3_600;
/// Ranges of key numbers that one erasure names at most.
const RANGES_MAX: usize = 1_000;

/// Whose data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "of", content = "name")]
pub enum Whose {
    /// A person or program: `ada`, `key:ada`, a pseudonym.
    Subject(String),
    Session(String),
}

impl Whose {
    const fn of(&self) -> ErasureOf {
        match self {
            Self::Subject(_) => ErasureOf::Subject,
            Self::Session(_) => ErasureOf::Session,
        }
    }
}

/// What to erase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub whose: Whose,
    /// Empty: all.
    #[serde(default)]
    pub classes: BTreeSet<FieldClass>,
    #[serde(default)]
    pub reason: String,
    /// Only say what would go.
    #[serde(default)]
    pub dry_run: bool,
}

/// What went, or would go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Erased {
    #[serde(flatten)]
    pub erasure: Erasure,
    /// The entry that says so; `None` of a dry run.
    pub entry: Option<u64>,
    /// Keys of that name that still open a door: whoever uses them begins to be on record again.
    pub live_keys: Vec<String>,
}

/// Record, database and keys, for what has to do with all three.
#[derive(Clone, Debug)]
pub struct Custodian {
    pub store: Store,
    pub vault: Vault,
    pub ledger: Ledger,
}

fn text(error: impl std::error::Error + 'static) -> String {
    crate::upstream::http::chain(&error)
}

impl Custodian {
    /// Erases somebody's data: destroys the keys, deletes the rows, writes down that it was done.
    ///
    /// # Errors
    /// When it can't be done or recorded; the text says how far it came.
    pub async fn erase(&self, order: &Order, by: &str) -> Result<Erased, String> {
        if !self.ledger.health().is_ready() {
            return Err("the ledger takes no entries, so nothing is erased: an erasure has to be on record"
                .to_owned());
        }
        let classes =
            if order.classes.is_empty() { BTreeSet::from(FieldClass::ALL) } else { order.classes.clone() };
        let (about, sealed_of) = self.resolve(&order.whose)?;
        if !order.dry_run {
            // What comes from now on is sealed anew, and what came until now is all found.
            match &order.whose {
                Whose::Session(session) => self.vault.renew(Some(session), &[]),
                Whose::Subject(_) => self.vault.renew(None, &about),
            }
            self.ledger.flush().await.map_err(text)?;
        }
        catch_up(&self.ledger.reader(), &self.store).await?;
        let sealed = self.store.sealed_by(&sealed_of).await.map_err(text)?;
        let held = self.held().await?;
        let (keys, kept) = sort_out(&sealed.keys, &classes, &held);
        let held_names: BTreeSet<String> = self.holds()?.into_iter().map(|hold| hold.about).collect();
        // While a hold keeps some of it readable, it must be known whose it is.
        let names_go = order.whose.of() == ErasureOf::Subject
            && classes.contains(&FieldClass::Identity)
            && kept == 0
            && !about.iter().any(|pseudonym| held_names.contains(pseudonym));
        let names = if names_go { about.clone() } else { Vec::new() };
        let rows_of = self.rows_of(&order.whose, &about);
        let rows_go = kept == 0 && (names_go || classes.len() == FieldClass::ALL.len());
        let rows = match rows_go {
            true => self.store.erase_rows(&rows_of, order.dry_run).await.map_err(text)?,
            false => 0,
        };
        let mut erasure = Erasure {
            of: order.whose.of(),
            about,
            classes,
            keys: keys.len() as u64,
            ids: ranges(&keys),
            entries: sealed.entries,
            rows,
            names: names.len() as u64,
            held: kept,
            epoch: 0,
            by: by.to_owned(),
            reason: order.reason.clone(),
        };
        let live_keys = self.live_keys(&rows_of).await?;
        if order.dry_run {
            return Ok(Erased { erasure, entry: None, live_keys });
        }
        erasure.epoch = self.destroy(Gone { keys, pseudonyms: names }).await?;
        if rows_go {
            self.store.shred().await.map_err(|error| {
                format!(
                    "the keys are destroyed; the database could not be rewritten, repeat it: {}",
                    text(error)
                )
            })?;
        }
        let entry = self.record(by, EntryBody::Erasure(Box::new(erasure.clone()))).await;
        let entry =
            entry.map_err(|error| format!("the keys are destroyed, but that is not on record: {error}"))?;
        Ok(Erased { erasure, entry: Some(entry), live_keys })
    }

    /// Puts keys on hold, or lifts the hold. Recorded before a hold is lifted, and after it is put.
    ///
    /// # Errors
    /// When there is nobody of that name, nothing to lift, or it can't be recorded.
    pub async fn hold(&self, whose: &Whose, on: bool, reason: &str, by: &str) -> Result<Hold, String> {
        let (about, _) = self.resolve(whose)?;
        if about.is_empty() {
            return Err("nobody of that name is on record".to_owned());
        }
        let of = whose.of();
        let hold = Hold { on, of, about, by: by.to_owned(), reason: reason.to_owned() };
        let ring = self.vault.ring();
        if on {
            let person = self.vault.pseudonym(by).map_err(text)?;
            for about in &hold.about {
                let reason = self.vault.wrap_reason(about, reason).map_err(text)?;
                let at = Timestamp::now();
                let row = HoldRow {
                    of: of.name().to_owned(),
                    about: about.clone(),
                    by: person.clone(),
                    at,
                    reason,
                };
                ring.set_hold(&row).map_err(text)?;
            }
        }
        let known: Vec<HoldRow> = self.holds()?;
        if !hold.about.iter().any(|about| known.iter().any(|row| row.about == *about)) {
            return Err("there is no hold on that".to_owned());
        }
        self.record(by, EntryBody::Hold(Box::new(hold.clone()))).await?;
        if !on {
            for about in &hold.about {
                ring.lift_hold(of.name(), about).map_err(text)?;
            }
        }
        Ok(hold)
    }

    /// The holds that are on, with their reasons.
    ///
    /// # Errors
    /// When they can't be looked up.
    pub fn holds(&self) -> Result<Vec<HoldRow>, String> {
        let mut holds = self.vault.ring().holds().map_err(text)?;
        for hold in &mut holds {
            hold.reason = self.vault.unwrap_reason(&hold.about, &hold.reason).into_bytes();
        }
        Ok(holds)
    }

    /// Destroys the keys of everything that is older than its class is kept. `None` when there was nothing.
    ///
    /// # Errors
    /// When it can't be done or recorded.
    pub async fn retain(
        &self,
        kept_s: &std::collections::BTreeMap<FieldClass, u64>,
        now: Timestamp,
    ) -> Result<Option<Erasure>, String> {
        if kept_s.is_empty() || !self.ledger.health().is_ready() {
            return Ok(None);
        }
        catch_up(&self.ledger.reader(), &self.store).await?;
        let held = self.held().await?;
        let (mut keys, mut classes, mut about, mut kept) = (Vec::new(), BTreeSet::new(), Vec::new(), 0);
        for (class, seconds) in kept_s {
            let kept_for = SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX / 4));
            // A key seals for a while, and keys are given out in the order of their numbers: one that was in use this
            // long before is out of use since.
            let cutoff = now.checked_sub(kept_for).unwrap_or(Timestamp::MIN);
            let before = cutoff.checked_sub(KEY_LIFE).unwrap_or(Timestamp::MIN);
            let place = usize::from(class.number()) - 1;
            let last = self.store.last_key_before(place, before).await.map_err(text)?;
            let ids = self.vault.ring().keys_up_to(class.number(), last).map_err(text)?;
            let all = ids.len();
            let gone: Vec<u64> = ids.into_iter().filter(|id| !held.contains(id)).collect();
            kept += (all - gone.len()) as u64;
            if !gone.is_empty() {
                classes.insert(*class);
                about.push(format!("{} from before {cutoff:.0}", class.name()));
                keys.extend(gone);
            }
        }
        if keys.is_empty() {
            return Ok(None);
        }
        keys.sort_unstable();
        let (count, ids) = (keys.len() as u64, ranges(&keys));
        let epoch = self.destroy(Gone { keys, pseudonyms: Vec::new() }).await?;
        let erasure = Erasure {
            of: ErasureOf::Retention,
            about,
            classes,
            keys: count,
            ids,
            entries: 0,
            rows: 0,
            names: 0,
            held: kept,
            epoch,
            by: "gateway".to_owned(),
            reason: String::new(),
        };
        self.record("", EntryBody::Erasure(Box::new(erasure.clone()))).await?;
        Ok(Some(erasure))
    }

    /// Writes an entry of ours.
    ///
    /// # Errors
    /// When it can't be sealed or written.
    pub async fn record(&self, by: &str, body: EntryBody) -> Result<u64, String> {
        let header = if by.is_empty() { crate::record::Header::default() } else { header_by(by) };
        let entry: Entry = header.entry(Timestamp::now(), body);
        let written = self.vault.seal(entry).map_err(text)?;
        self.ledger.append(written).await.map(|seq| seq.0).map_err(text)
    }

    /// Brings the database up to the record: for who writes beside a gateway that does not run.
    ///
    /// # Errors
    /// When either can't be read or written.
    pub async fn project(&self) -> Result<(), String> {
        catch_up(&self.ledger.reader(), &self.store).await
    }

    async fn destroy(&self, gone: Gone) -> Result<u64, String> {
        let vault = self.vault.clone();
        let destroyed = tokio::task::spawn_blocking(move || vault.destroy(&gone)).await.map_err(text)?;
        destroyed.map(|destroyed| destroyed.epoch).map_err(text)
    }

    /// The pseudonyms of a subject, or the session, and where their keys are found.
    fn resolve(&self, whose: &Whose) -> Result<(Vec<String>, SealedOf), String> {
        Ok(match whose {
            Whose::Session(session) => (vec![session.clone()], SealedOf::Session(session.clone())),
            Whose::Subject(name) => {
                let subjects = self.vault.subjects(name).map_err(text)?;
                (subjects.clone(), SealedOf::Principals(subjects))
            }
        })
    }

    /// The names in the clear that the database knows somebody by.
    fn rows_of(&self, whose: &Whose, about: &[String]) -> RowsOf {
        match whose {
            Whose::Session(session) => RowsOf::Session(session.clone()),
            Whose::Subject(name) => {
                let mut names = names_of(name);
                names.extend(about.iter().filter_map(|pseudonym| self.vault.name_of(pseudonym)));
                names.sort();
                names.dedup();
                RowsOf::Names(names)
            }
        }
    }

    /// The keys that a hold keeps.
    async fn held(&self) -> Result<BTreeSet<u64>, String> {
        let mut held = BTreeSet::new();
        for hold in self.vault.ring().holds().map_err(text)? {
            let of = match hold.of.as_str() {
                "session" => SealedOf::Session(hold.about),
                _ => SealedOf::Principals(vec![hold.about]),
            };
            held.extend(self.store.sealed_by(&of).await.map_err(text)?.keys.into_iter().flatten());
        }
        Ok(held)
    }

    async fn live_keys(&self, rows: &RowsOf) -> Result<Vec<String>, String> {
        let RowsOf::Names(names) = rows else { return Ok(Vec::new()) };
        let now = Timestamp::now();
        let is_theirs =
            |name: &str| names.iter().any(|of| of == name || of.strip_prefix("key:") == Some(name));
        let keys = self.store.keys().await.map_err(text)?;
        let admin = self.store.admin_keys().await.map_err(text)?;
        let keys =
            keys.into_iter().filter(|key| key.is_live(now) && is_theirs(&key.name)).map(|key| key.prefix);
        let admin = admin.into_iter().filter(|key| key.is_live(now) && is_theirs(&key.name));
        Ok(keys.chain(admin.map(|key| key.prefix)).collect())
    }
}

/// Which keys go, and how many of them a hold keeps.
fn sort_out(keys: &[Vec<u64>; 3], classes: &BTreeSet<FieldClass>, held: &BTreeSet<u64>) -> (Vec<u64>, u64) {
    let wanted = classes.iter().flat_map(|class| &keys[usize::from(class.number()) - 1]).copied();
    let (kept, mut gone): (Vec<u64>, Vec<u64>) = wanted.partition(|key| held.contains(key));
    gone.sort_unstable();
    (gone, kept.len() as u64)
}

fn ranges(sorted: &[u64]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &id in sorted {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == id => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    ranges.truncate(RANGES_MAX);
    ranges
}

/// Brings the projection up to what the ledger has.
///
/// # Errors
/// When either can't be read or written.
pub async fn catch_up(reader: &LedgerReader, store: &Store) -> Result<(), String> {
    let mut next = store.projected().await.map_err(text)?;
    loop {
        let after = project_batch(reader.clone(), store, next).await?;
        if after == next {
            return Ok(());
        }
        next = after;
    }
}

impl Gateway {
    /// Whoever erases and holds.
    pub fn custodian(&self) -> Custodian {
        Custodian { store: self.store.clone(), vault: self.vault.clone(), ledger: self.ledger.clone() }
    }

    /// Erases somebody's data, here and in memory.
    ///
    /// # Errors
    /// As [`Custodian::erase`].
    pub async fn erase(&self, order: &Order, by: &str) -> Result<Erased, String> {
        let order = Order { reason: self.redactor.redact(&order.reason).into_owned(), ..order.clone() };
        if !order.dry_run {
            match &order.whose {
                Whose::Session(session) => self.joins.forget(Some(session), &[]),
                Whose::Subject(name) => self.joins.forget(None, &names_of(name)),
            }
        }
        self.custodian().erase(&order, by).await
    }

    /// Destroys the keys of what is kept too long.
    pub(crate) async fn keep_retention(&self) {
        let kept_s = self.standing.load().live.project.privacy.retention_s.clone();
        match self.custodian().retain(&kept_s, Timestamp::now()).await {
            Ok(Some(erasure)) => {
                tracing::info!(keys = erasure.keys, "keys of what is kept no longer were destroyed")
            }
            Ok(None) => {}
            Err(error) => tracing::error!(error, "what is kept too long could not be erased"),
        }
    }
}
