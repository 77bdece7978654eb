//! The key ring of sealed fields: what opens the past, kept apart from it so that it can be destroyed.
//!
//! It lives in a database of its own, which is small, rewritten whole when something is destroyed, and never in the
//! same backup as the ledger. Everything secret in it is wrapped: the store has never seen a key.
//!
//! Its verbs are plain calls, not futures: some are asked from the middle of sealing an entry, and all are short.

use std::fmt::Debug;

use jiff::Timestamp;

use crate::StoreError;

/// Whose keys these are, and how they are wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Random, made once: what is sealed here opens nowhere else.
    pub id: [u8; 16],
    /// Which key-encryption key wraps everything now, from 1.
    pub epoch: u64,
    /// The key by which names are looked up, wrapped.
    pub lookup: Vec<u8>,
}

/// One key, wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealKey {
    /// Rising, and never used twice.
    pub id: u64,
    /// The number of the field class it is for.
    pub class: u8,
    /// Whether what is wrapped is sealed to an audit key too.
    pub audit: bool,
    pub wrapped: Vec<u8>,
}

/// A pseudonym and, wrapped, whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pseudonym {
    pub pseudonym: String,
    /// Keyed fingerprint of the name.
    pub lookup: [u8; 32],
    pub audit: bool,
    pub wrapped: Vec<u8>,
    pub at: Timestamp,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// `subject` or `session`.
    pub of: String,
    /// A pseudonym, or the session.
    pub about: String,
    /// Who put it, as a pseudonym.
    pub by: String,
    pub at: Timestamp,
    /// Why, wrapped.
    pub reason: Vec<u8>,
}

/// A request to break the glass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    pub ticket: String,
    /// Who wants to read, as a pseudonym.
    pub person: String,
    /// Numbers of the field classes.
    pub classes: Vec<u8>,
    /// `asked`, `granted` or `denied`.
    pub state: String,
    /// Who answered, as a pseudonym; empty while nobody did.
    pub by: String,
    /// Seconds to read, once granted.
    pub seconds: u64,
    pub asked_at: Timestamp,
    pub until: Option<Timestamp>,
    /// Why, wrapped.
    pub reason: Vec<u8>,
}

/// What is wrapped in a row, for [`KeyRing::destroy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapped<'a> {
    Lookup,
    Key { id: u64 },
    Name { pseudonym: &'a str },
    Reason { about: &'a str },
}

/// What is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    pub keys: Vec<u64>,
    pub pseudonyms: Vec<String>,
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Destroyed {
    pub keys: u64,
    pub pseudonyms: u64,
    pub epoch: u64,
}

/// Wraps again for the next epoch what was wrapped for this one.
pub type Rewrap<'a> = &'a mut dyn FnMut(Wrapped<'_>, &[u8]) -> Result<Vec<u8>, StoreError>;

/// The key ring. The conformance suite says how it behaves.
pub trait KeyRing: Debug + Send + Sync {
    /// `None` before the first start.
    fn instance(&self) -> Result<Option<Instance>, StoreError>;

    /// Takes this instance for its own, once and for all.
    fn begin(&self, instance: &Instance) -> Result<(), StoreError>;

    /// Adds keys, durably. Their ids are above all that ever were.
    fn add_keys(&self, keys: &[SealKey]) -> Result<(), StoreError>;

    fn key(&self, id: u64) -> Result<Option<SealKey>, StoreError>;

    /// The highest id that a key ever had.
    fn last_key(&self) -> Result<u64, StoreError>;

    /// The ids of the keys of this class up to this one.
    fn keys_up_to(&self, class: u8, id: u64) -> Result<Vec<u64>, StoreError>;

    /// Throws keys away that were never used.
    fn drop_unused(&self, ids: &[u64]) -> Result<(), StoreError>;

    /// Adds a pseudonym, durably, unless somebody has added one of that name: then that one is the answer.
    fn add_pseudonym(&self, row: &Pseudonym) -> Result<Pseudonym, StoreError>;

    fn pseudonym(&self, pseudonym: &str) -> Result<Option<Pseudonym>, StoreError>;

    fn pseudonym_of(&self, lookup: &[u8; 32]) -> Result<Option<Pseudonym>, StoreError>;

    fn set_hold(&self, hold: &HoldRow) -> Result<(), StoreError>;

    /// False when there was none.
    fn lift_hold(&self, of: &str, about: &str) -> Result<bool, StoreError>;

    fn holds(&self) -> Result<Vec<HoldRow>, StoreError>;

    /// Adds a request, or takes over how it stands now.
    fn set_grant(&self, grant: &GrantRow) -> Result<(), StoreError>;

    fn grant(&self, ticket: &str) -> Result<Option<GrantRow>, StoreError>;

    /// Newest first.
    fn grants(&self) -> Result<Vec<GrantRow>, StoreError>;

    /// Destroys keys and names for good, and wraps all others anew for the next epoch, in one step: either all of it
    /// is done or nothing. Afterwards the database is rewritten, so that no free page and no log keeps what went.
    fn destroy(&self, gone: &Gone, rewrap: Rewrap<'_>) -> Result<Destroyed, StoreError>;
}
