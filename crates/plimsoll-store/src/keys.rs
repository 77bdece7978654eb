//! API keys: who may come in. A secret is never stored, only its SHA-256.

use jiff::Timestamp;
use plimsoll_core::PrincipalKind;

use crate::Answer;

/// A key for the data doors: one principal in one workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// SHA-256 of the secret, which has 256 random bits: nothing can be guessed from it.
    pub sha256: [u8; 32],
    /// The visible start of the key, unique; what people call it by.
    pub prefix: String,
    /// The principal is `key:<name>`.
    pub name: String,
    pub kind: PrincipalKind,
    pub workflow: String,
    pub tenant: String,
    pub roles: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A key for the admin listener: one person. It opens no data door, nor does a data key open this
/// one: they are different types and different look-ups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminKeyRow {
    pub sha256: [u8; 32],
    pub prefix: String,
    /// Who votes and stops things with it.
    pub name: String,
    pub roles: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// The key ring.
pub trait Keys {
    /// Adds a key. Its hash and prefix must be new.
    fn add_key(&self, key: &KeyRow) -> Answer<()>;
    fn add_admin_key(&self, key: &AdminKeyRow) -> Answer<()>;

    /// The data key with this secret, live or not: ask [`KeyRow::is_live`].
    fn find_key(&self, sha256: &[u8; 32]) -> Answer<Option<KeyRow>>;
    /// The admin key with this secret, live or not: ask [`AdminKeyRow::is_live`].
    fn find_admin_key(&self, sha256: &[u8; 32]) -> Answer<Option<AdminKeyRow>>;

    /// All keys, newest first.
    fn keys(&self) -> Answer<Vec<KeyRow>>;
    fn admin_keys(&self) -> Answer<Vec<AdminKeyRow>>;

    /// Revokes the key with this prefix, data or admin, for good. False when there is none that
    /// was not revoked already.
    fn revoke_key(&self, prefix: &str, now: Timestamp) -> Answer<bool>;
}

impl KeyRow {
    pub fn is_live(&self, now: Timestamp) -> bool {
        is_live(self.revoked_at, self.expires_at, now)
    }
}

impl AdminKeyRow {
    pub fn is_live(&self, now: Timestamp) -> bool {
        is_live(self.revoked_at, self.expires_at, now)
    }
}

fn is_live(revoked_at: Option<Timestamp>, expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    revoked_at.is_none() && expires_at.is_none_or(|expires_at| now < expires_at)
}
