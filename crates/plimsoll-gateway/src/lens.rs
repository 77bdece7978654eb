//! Opening what is sealed, and keeping count of it: beyond this crate there is no other way to a sealed field.
//!
//! Who opens something owes the record an entry that says so. [`Lens::opening`] is that entry.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_bundle::Privacy;
use plimsoll_core::{Entry, EntryBody, FieldClass};
use plimsoll_ledger::Record;
use plimsoll_ledger::seal::{AuditSecret, Disclosure};

use crate::vault::{Closed, Opening, Vault, VaultError};

/// Through it one reader sees what is sealed, as far as they may. Its clones count together.
#[derive(Clone, Debug)]
pub struct Lens {
    /// `None` where there are no keys: then everything sealed stays so.
    pub(crate) vault: Option<Vault>,
    pub(crate) may: BTreeSet<FieldClass>,
    seen: Arc<Mutex<Seen>>,
}

impl Lens {
    /// For a reader who may see these classes. Whoever makes one puts on record what was seen through it, so the
    /// lints ask each new place why it makes one.
    pub fn new(vault: Option<Vault>, may: BTreeSet<FieldClass>) -> Self {
        Self { vault, may, seen: Arc::default() }
    }

    /// For who has the files: everything that the keys of a state directory open, if it has keys.
    ///
    /// # Errors
    /// As [`Vault::open_dir`].
    pub fn of_dir(dir: &Path, privacy: &Privacy, secret: Option<AuditSecret>) -> Result<Self, VaultError> {
        let there = dir.join("keys.db").is_file();
        let vault = there.then(|| Vault::open_dir(dir, privacy, secret)).transpose()?;
        Ok(Self { vault, may: BTreeSet::from(FieldClass::ALL), seen: Arc::default() })
    }

    /// The vault it looks into: to write beside what was read.
    pub fn vault(&self) -> Option<&Vault> {
        self.vault.as_ref()
    }

    /// An entry of the ledger. What stays sealed says why.
    ///
    /// # Errors
    /// When the bytes are no entry of this version.
    pub fn entry(&self, record: &Record) -> Result<Opening, serde_json::Error> {
        self.open(record.seq.0, &record.entry, &record.sealed)
    }

    pub(crate) fn open(&self, seq: u64, bytes: &[u8], sealed: &[u8]) -> Result<Opening, serde_json::Error> {
        let Some(vault) = &self.vault else {
            let entry: Entry = serde_json::from_slice(bytes)?;
            let closed = entry.seal.map(|_| (FieldClass::Content, Closed::NoKeys)).into_iter().collect();
            return Ok(Opening { entry, opened: BTreeSet::new(), closed });
        };
        let opening = vault.open(bytes, sealed, &self.may)?;
        // Reading who read what is no reading: it would never end.
        if !matches!(opening.entry.body, EntryBody::Read(_)) {
            self.saw(seq, opening.opened.iter().copied());
        }
        Ok(opening)
    }

    /// One field of an entry with what proves it, for somebody who has the entry alone.
    ///
    /// # Errors
    /// Why the field stays sealed; `None` when the entry has no such field.
    pub fn disclose(&self, record: &Record, path: &str) -> Result<Option<Disclosure>, Closed> {
        let vault = self.vault.as_ref().ok_or(Closed::NoKeys)?;
        let found = vault.disclose(&record.entry, &record.sealed, path)?;
        Ok(found.map(|(class, disclosure)| {
            self.saw(record.seq.0, FieldClass::of_number(class));
            disclosure
        }))
    }

    /// The paths of the sealed fields of an entry that can be opened here, without what they say.
    pub fn paths(&self, record: &Record) -> Vec<String> {
        self.vault.as_ref().map(|vault| vault.paths(&record.entry, &record.sealed)).unwrap_or_default()
    }

    /// The body of an entry for the record of what was seen; `None` when nothing was opened since it was last asked.
    pub fn opening(&self, by: &str, through: &str, what: &str, reason: &str) -> Option<EntryBody> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Seen { classes, entries } = std::mem::take(&mut *seen);
        let (first, last) = (entries.first()?, entries.last()?);
        Some(EntryBody::Read(Box::new(plimsoll_core::Opening {
            by: by.to_owned(),
            classes,
            entries: entries.len(),
            first,
            last,
            through: through.to_owned(),
            what: what.to_owned(),
            reason: reason.to_owned(),
        })))
    }

    fn saw(&self, seq: u64, classes: impl IntoIterator<Item = FieldClass>) {
        let mut classes = classes.into_iter().peekable();
        if classes.peek().is_some() {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.classes.extend(classes);
            seen.entries.add(seq);
        }
    }
}

/// What a reader was shown of what is sealed.
#[derive(Debug, Default)]
struct Seen {
    classes: BTreeSet<FieldClass>,
    entries: Numbers,
}

/// Numbers of entries, 64 in a word: a replay sees a million of them.
#[derive(Debug, Default)]
struct Numbers(BTreeMap<u64, u64>);

impl Numbers {
    fn add(&mut self, number: u64) {
        *self.0.entry(number / 64).or_default() |= 1 << (number % 64);
    }

    fn len(&self) -> u64 {
        self.0.values().map(|word| u64::from(word.count_ones())).sum()
    }

    fn first(&self) -> Option<u64> {
        self.0.first_key_value().map(|(at, word)| at * 64 + u64::from(word.trailing_zeros()))
    }

    fn last(&self) -> Option<u64> {
        self.0.last_key_value().map(|(at, word)| at * 64 + 63 - u64::from(word.leading_zeros()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_once() {
        let check = |numbers: &[u64], expected: (u64, Option<u64>, Option<u64>)| {
            let mut all = Numbers::default();
            numbers.iter().for_each(|number| all.add(*number));
            assert_eq!((all.len(), all.first(), all.last()), expected, "{numbers:?}");
        };
        check(&[], (0, None, None));
        check(&[0], (1, Some(0), Some(0)));
        check(&[63, 64, 63], (2, Some(63), Some(64)));
        check(&[1_000_000, 7, 128], (3, Some(7), Some(1_000_000)));
        check(&[u64::MAX], (1, Some(u64::MAX), Some(u64::MAX)));
    }
}
