//! Pseudonyms: who stands in the clear in an entry stands there under another name.

use std::collections::HashMap;
use std::sync::PoisonError;

use jiff::Timestamp;
use plimsoll_ledger::seal::{Key, lookup};
use plimsoll_store::{Pseudonym, Wrapped};

use super::{Closed, Vault, VaultError};

/// Names remembered at most; all others are looked up.
pub const NAMES_MAX: usize = 262_144;
/// How pseudonyms begin.
const PREFIX: &str = "p-";
/// Hexadecimal digits of one.
const DIGITS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Names {
    pseudonyms: HashMap<String, String>,
    names: HashMap<String, String>,
}

impl Names {
    fn add(&mut self, name: &str, pseudonym: &str) {
        if self.names.len() >= NAMES_MAX {
            *self = Self::default();
        }
        self.pseudonyms.insert(name.to_owned(), pseudonym.to_owned());
        self.names.insert(pseudonym.to_owned(), name.to_owned());
    }
}

/// Whether this could be a pseudonym.
pub(crate) fn is_pseudonym(text: &str) -> bool {
    let digits = text.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == DIGITS && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

impl Vault {
    /// The pseudonym of a name, made when it is new: durable before it is used.
    ///
    /// # Errors
    /// When it can't be stored.
    pub fn pseudonym(&self, name: &str) -> Result<String, VaultError> {
        if let Some(known) = self.known_pseudonym(name)? {
            return Ok(known);
        }
        let mut pseudonym = PREFIX.to_owned();
        for byte in &Key::fresh()?.reveal()[..DIGITS / 2] {
            pseudonym.push_str(&format!("{byte:02x}"));
        }
        let inner = &self.inner;
        let kek = inner.kek.read().unwrap_or_else(PoisonError::into_inner);
        let wrapped = self.wrap(&kek, Wrapped::Name { pseudonym: &pseudonym }, name.as_bytes())?;
        let row = Pseudonym {
            pseudonym,
            lookup: lookup(&inner.lookup, name.as_bytes()),
            audit: inner.audit.is_some(),
            wrapped,
            at: Timestamp::now(),
        };
        let row = inner.ring.add_pseudonym(&row)?;
        drop(kek);
        self.names_mut().add(name, &row.pseudonym);
        Ok(row.pseudonym)
    }

    /// The pseudonym of a name that has one.
    ///
    /// # Errors
    /// When it can't be looked up.
    pub fn known_pseudonym(&self, name: &str) -> Result<Option<String>, VaultError> {
        if let Some(known) = self.names().pseudonyms.get(name) {
            return Ok(Some(known.clone()));
        }
        let row = self.inner.ring.pseudonym_of(&lookup(&self.inner.lookup, name.as_bytes()))?;
        let Some(row) = row else { return Ok(None) };
        self.names_mut().add(name, &row.pseudonym);
        Ok(Some(row.pseudonym))
    }

    /// The pseudonyms by which somebody may stand on record: under this very name, or with a key or token of it.
    ///
    /// # Errors
    /// When they can't be looked up.
    pub fn subjects(&self, name: &str) -> Result<Vec<String>, VaultError> {
        if is_pseudonym(name) {
            return Ok(vec![name.to_owned()]);
        }
        let mut found = Vec::new();
        for name in names_of(name) {
            found.extend(self.known_pseudonym(&name)?);
        }
        Ok(found)
    }

    /// Whose pseudonym this is, as far as that is known here.
    pub fn name_of(&self, pseudonym: &str) -> Option<String> {
        if !is_pseudonym(pseudonym) {
            return None;
        }
        if let Some(known) = self.names().names.get(pseudonym) {
            return Some(known.clone());
        }
        let row = self.inner.ring.pseudonym(pseudonym).ok().flatten()?;
        let name = self.unwrap(Wrapped::Name { pseudonym }, row.audit, &row.wrapped);
        let name = name.and_then(|name| String::from_utf8(name).map_err(|_| Closed::Damaged)).ok()?;
        self.names_mut().add(&name, pseudonym);
        Some(name)
    }

    pub(super) fn forget_names(&self, pseudonyms: &[String]) {
        let mut names = self.names_mut();
        for pseudonym in pseudonyms {
            if let Some(name) = names.names.remove(pseudonym) {
                names.pseudonyms.remove(&name);
            }
        }
    }

    fn names(&self) -> std::sync::RwLockReadGuard<'_, Names> {
        self.inner.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn names_mut(&self) -> std::sync::RwLockWriteGuard<'_, Names> {
        self.inner.names.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `ada` is also who has the key `ada` and the token of `ada`; `key:ada` is that key alone.
pub(crate) fn names_of(name: &str) -> Vec<String> {
    match name.split_once(':') {
        Some(("key" | "oidc", _)) => vec![name.to_owned()],
        _ => vec![name.to_owned(), format!("key:{name}"), format!("oidc:{name}")],
    }
}
