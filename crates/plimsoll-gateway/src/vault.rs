//! The vault: what an entry says about people is sealed on the way in, and opened on the way out for those who may.
//!
//! Everything that is written to the ledger goes through [`Vault::seal`], and everything that is read from it through
//! `Vault::open`: by the gateway for itself, and for people through a [`Lens`](crate::Lens), which counts what it
//! opened. The command line opens the same vault without a gateway. Names become pseudonyms, fields are
//! sealed under keys that belong to one session and principal, and both keys and names live in `keys.db`, where they
//! can be destroyed while the ledger stays as it is.
//!
//! No key is written down on the way of a request: keys are made and stored ahead of time, and which entry uses which
//! is said by the entry's sealed part.

mod desk;
mod names;
mod root;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use plimsoll_bundle::Privacy;
use plimsoll_core::sensitive::{Slot, Visitor, visit};
use plimsoll_core::{Entry, FieldClass};
use plimsoll_ledger::seal::{
    AuditKey, AuditSecret, Binding, Field, Key, Part, SealError, seal, unwrap, wrap,
};
use plimsoll_ledger::{Record, Written};
use plimsoll_store::{Destroyed, EntryRow, Gone, Instance, KeyRing, SqliteKeys, StoreError, Wrapped};

use desk::Desk;
use names::Names;
use root::Root;

pub use desk::{KEY_LIFE, OWNERS_MAX, POOL_KEYS};
pub use names::NAMES_MAX;
pub(crate) use names::{is_pseudonym, names_of};

/// Opened keys remembered at most.
pub const OPENED_MAX: usize = 16_384;

/// Why the vault did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] plimsoll_ledger::seal::KeyError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("{0}")]
    Root(String),
}

/// Where keys and names are.
#[derive(Clone, Debug)]
pub struct Vault {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    ring: Arc<dyn KeyRing>,
    instance: [u8; 16],
    root: Root,
    /// The key-encryption key of the current epoch. Held for reading while something is wrapped and stored, so that
    /// nothing is stored under an epoch that has ended.
    kek: RwLock<Key>,
    lookup: Key,
    /// Seal keys and names to it too; what was sealed can then be opened only with its secret.
    audit: Option<AuditKey>,
    secret: Option<AuditSecret>,
    desk: Desk,
    names: RwLock<Names>,
    opened: Mutex<HashMap<u64, Key>>,
}

/// Why a class of fields stays sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The reader has no right to it.
    NotYours,
    /// Its keys were destroyed.
    Erased,
    /// Only the audit key opens it.
    Audit,
    /// It is not what the entry names, or not what the key sealed: somebody changed it.
    Damaged,
    /// There is no key ring here.
    NoKeys,
}

impl Closed {
    /// For people: what stands in place of the value.
    pub fn sentence(self, class: FieldClass) -> String {
        let class = class.name();
        match self {
            Self::NotYours => format!("‹{class}: not for your roles›"),
            Self::Erased => format!("‹{class}: erased›"),
            Self::Audit => format!("‹{class}: sealed to the audit key›"),
            Self::Damaged => format!("‹{class}: damaged, it is not what the entry names›"),
            Self::NoKeys => format!("‹{class}: sealed, and its keys are not here›"),
        }
    }
}

/// An entry as its reader may see it.
#[derive(Clone, Debug)]
pub struct Opening {
    pub entry: Entry,
    /// What was opened.
    pub opened: BTreeSet<FieldClass>,
    /// What stayed sealed, and why.
    pub closed: Vec<(FieldClass, Closed)>,
}

impl Vault {
    /// The vault of a state directory, made when it is new.
    ///
    /// # Errors
    /// When the root key can't be had, does not fit, or the database can't be opened.
    pub fn open_dir(dir: &Path, privacy: &Privacy, secret: Option<AuditSecret>) -> Result<Self, VaultError> {
        let ring = SqliteKeys::open(&dir.join("keys.db"))?;
        let root = Root::open(dir, privacy)?;
        Self::on(Arc::new(ring), root, privacy, secret)
    }

    /// A vault whose keys are gone with the process.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn in_memory() -> Result<Self, VaultError> {
        Self::on(Arc::new(SqliteKeys::in_memory()?), Root::in_memory()?, &Privacy::default(), None)
    }

    fn on(
        ring: Arc<dyn KeyRing>,
        root: Root,
        privacy: &Privacy,
        secret: Option<AuditSecret>,
    ) -> Result<Self, VaultError> {
        let audit = privacy.audit_key.as_deref().map(AuditKey::parse).transpose()?;
        let (instance, kek) = match ring.instance()? {
            Some(instance) => {
                let kek = root.kek(instance.epoch)?;
                (instance, kek)
            }
            None => begin(&*ring, &root)?,
        };
        let bytes = unwrap(&kek, &about(&instance.id, Wrapped::Lookup), &instance.lookup).map_err(|_| {
            VaultError::Root("the root key does not open keys.db: is it another instance's?".to_owned())
        })?;
        let lookup = Key::from_bytes(bytes[..].try_into().map_err(|_| SealError::NotOpened)?);
        let inner = Inner {
            ring,
            instance: instance.id,
            root,
            kek: RwLock::new(kek),
            lookup,
            audit,
            secret,
            desk: Desk::default(),
            names: RwLock::default(),
            opened: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What is kept beside keys: holds and grants.
    pub fn ring(&self) -> &dyn KeyRing {
        &*self.inner.ring
    }

    /// Whether what is sealed here can be opened by the audit key alone.
    pub fn is_write_only(&self) -> bool {
        self.inner.audit.is_some()
    }

    /// The bytes of an entry: names are pseudonyms, what is sensitive is sealed.
    ///
    /// # Errors
    /// When it could not be sealed. Then nothing may be written.
    pub fn seal(&self, mut entry: Entry) -> Result<Written, VaultError> {
        let mut taking = Taking { vault: self, fields: Fields::default(), failed: None, again: false };
        visit(&mut entry, &mut taking);
        let (fields, failed) = (taking.fields, taking.failed);
        if let Some(error) = failed {
            return Err(error);
        }
        let mut fields = fields.all();
        let written = self.written(&mut entry, &mut fields)?;
        if written.fits() {
            return Ok(written);
        }
        // Too long for one record: what was taken out is put back, shortened, and taken out again.
        visit(&mut entry, &mut Putting { fields: &fields });
        crate::record::shorten(&mut entry.body);
        let mut taking = Taking { vault: self, fields: Fields::default(), failed: None, again: true };
        visit(&mut entry, &mut taking);
        self.written(&mut entry, &mut taking.fields.all())
    }

    fn written(&self, entry: &mut Entry, fields: &mut [Field<'_>]) -> Result<Written, VaultError> {
        let mut sealed = Vec::new();
        let mut keys = [0; 3];
        entry.seal = None;
        if !fields.is_empty() {
            let binding = Binding { instance: self.inner.instance, entry: entry.id.into_bytes() };
            let owner = desk::owner(entry);
            let mut failed = None;
            let sealing = seal(binding, fields, |class| {
                let key = self.key_for(&owner, class, entry.at).map_err(|error| {
                    failed = Some(error);
                    SealError::NotOpened
                })?;
                if let Some(place) = keys.get_mut(usize::from(class).wrapping_sub(1)) {
                    *place = key.0;
                }
                Ok(key)
            });
            let (part, named) = match (sealing, failed) {
                (_, Some(error)) => return Err(error),
                (sealing, None) => sealing?,
            };
            (sealed, entry.seal) = (part, Some(named));
        }
        let mut bytes = Vec::with_capacity(2_048);
        // Entries hold only strings, numbers and JSON values, which always encode.
        let _written = serde_json::to_writer(&mut bytes, &entry);
        let beside = plimsoll_store::pack(entry, keys);
        debug_assert_eq!(plimsoll_store::unpack(&beside), Some(row_as_read(&bytes, &sealed)));
        Ok(Written { entry: bytes, sealed, beside })
    }

    /// Opens an entry as far as its reader may. What stays sealed says why.
    ///
    /// # Errors
    /// When the bytes are no entry of this version.
    pub(crate) fn open(
        &self,
        bytes: &[u8],
        sealed: &[u8],
        may: &BTreeSet<FieldClass>,
    ) -> Result<Opening, serde_json::Error> {
        let mut entry: Entry = serde_json::from_slice(bytes)?;
        let mut opening = Opened { fields: HashMap::new(), opened: BTreeSet::new(), closed: Vec::new() };
        if let Some(named) = entry.seal {
            let binding = Binding { instance: self.inner.instance, entry: entry.id.into_bytes() };
            match Part::read(sealed, &named) {
                Ok(part) => {
                    for (number, id) in part.keys() {
                        if let Some(class) = FieldClass::of_number(number) {
                            opening.add(class, self.open_class(&part, binding, class, id, may));
                        }
                    }
                }
                Err(_) => opening.closed.extend(FieldClass::ALL.map(|class| (class, Closed::Damaged))),
            }
        }
        // A page is put back before what stands in it.
        for class in [FieldClass::Arguments, FieldClass::Content, FieldClass::Identity] {
            let names = may.contains(&class) && class == FieldClass::Identity;
            visit(&mut entry, &mut Showing { vault: self, opening: &mut opening, class, names });
        }
        let Opened { opened, closed, .. } = opening;
        Ok(Opening { entry, opened, closed })
    }

    /// Opens a record with every key that is here: for what the gateway does by itself and shows nobody.
    ///
    /// # Errors
    /// When the bytes are no entry of this version.
    pub(crate) fn open_all(&self, record: &Record) -> Result<Opening, serde_json::Error> {
        self.open(&record.entry, &record.sealed, &BTreeSet::from(FieldClass::ALL))
    }

    fn open_class(
        &self,
        part: &Part<'_>,
        binding: Binding,
        class: FieldClass,
        id: u64,
        may: &BTreeSet<FieldClass>,
    ) -> Result<Vec<(String, Vec<u8>)>, Closed> {
        if !may.contains(&class) {
            return Err(Closed::NotYours);
        }
        let key = self.key(id)?;
        let fields = part.open(binding, class.number(), &key).map_err(|_| Closed::Damaged)?;
        Ok(fields.into_iter().map(|field| (field.path, field.value)).collect())
    }

    /// One field of an entry with its class and what proves it, for somebody who has the entry alone.
    ///
    /// # Errors
    /// Why the field stays sealed; `None` when the entry has no such field.
    pub(crate) fn disclose(
        &self,
        bytes: &[u8],
        sealed: &[u8],
        path: &str,
    ) -> Result<Option<(u8, plimsoll_ledger::seal::Disclosure)>, Closed> {
        let entry: Entry = serde_json::from_slice(bytes).map_err(|_| Closed::Damaged)?;
        let Some(named) = entry.seal else { return Ok(None) };
        let part = Part::read(sealed, &named).map_err(|_| Closed::Damaged)?;
        let binding = Binding { instance: self.inner.instance, entry: entry.id.into_bytes() };
        let mut closed = None;
        for (class, id) in part.keys() {
            match self.key(id) {
                Ok(key) => {
                    let fields = part.open(binding, class, &key).map_err(|_| Closed::Damaged)?;
                    if let Some(field) = fields.iter().find(|field| field.path == path) {
                        return Ok(Some((class, part.disclose(field))));
                    }
                }
                Err(why) => closed = Some(why),
            }
        }
        closed.map_or(Ok(None), Err)
    }

    /// The paths of the sealed fields of an entry that can be opened here.
    pub(crate) fn paths(&self, bytes: &[u8], sealed: &[u8]) -> Vec<String> {
        let Some((entry, named)) =
            serde_json::from_slice::<Entry>(bytes).ok().and_then(|e| Some((e.id, e.seal?)))
        else {
            return Vec::new();
        };
        let Ok(part) = Part::read(sealed, &named) else { return Vec::new() };
        let binding = Binding { instance: self.inner.instance, entry: entry.into_bytes() };
        let open = |(class, id)| part.open(binding, class, &self.key(id).ok()?).ok();
        part.keys().filter_map(open).flatten().map(|field| field.path).collect()
    }

    /// The key with this number, when it is there and can be opened here.
    fn key(&self, id: u64) -> Result<Key, Closed> {
        let inner = &self.inner;
        if let Some(key) = self.opened().get(&id).cloned() {
            return Ok(key);
        }
        let row = inner.ring.key(id).map_err(|error| {
            tracing::error!(%error, "keys can't be looked up");
            Closed::NoKeys
        })?;
        let row = row.ok_or_else(|| match inner.ring.last_key() {
            Ok(last) if id <= last => Closed::Erased,
            // Such a key was never made here: this is another instance's ring, or an older copy of it.
            _ => Closed::NoKeys,
        })?;
        let bytes = self.unwrap(Wrapped::Key { id }, row.audit, &row.wrapped)?;
        let key = Key::from_bytes(bytes[..].try_into().map_err(|_| Closed::Damaged)?);
        self.remember(id, &key);
        Ok(key)
    }

    fn remember(&self, id: u64, key: &Key) {
        let mut opened = self.opened();
        if opened.len() >= OPENED_MAX {
            opened.clear();
        }
        opened.insert(id, key.clone());
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Key>> {
        self.inner.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwrap(&self, what: Wrapped<'_>, audit: bool, wrapped: &[u8]) -> Result<Vec<u8>, Closed> {
        let about = about(&self.inner.instance, what);
        let kek = self.inner.kek.read().unwrap_or_else(PoisonError::into_inner).clone();
        // Another process may have ended the epoch: then its key-encryption key is in the file.
        let plain = unwrap(&kek, &about, wrapped).or_else(|error| {
            let instance = self.inner.ring.instance().ok().flatten().ok_or_else(|| error.clone())?;
            let now = self.inner.root.kek(instance.epoch).map_err(|_| error.clone())?;
            unwrap(&now, &about, wrapped)
        });
        let plain = plain.map_err(|_| Closed::Damaged)?;
        if !audit {
            return Ok(plain.to_vec());
        }
        let secret = self.inner.secret.as_ref().ok_or(Closed::Audit)?;
        secret.open(&about, &plain).map(|plain| plain.to_vec()).map_err(|_| Closed::Audit)
    }

    /// Wraps something for its row. The caller holds the key-encryption key until the row is stored.
    fn wrap(&self, kek: &Key, what: Wrapped<'_>, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let about = about(&self.inner.instance, what);
        Ok(match &self.inner.audit {
            Some(audit) => wrap(kek, &about, &audit.seal(&about, plain)?)?,
            None => wrap(kek, &about, plain)?,
        })
    }

    /// A text that only this vault reads, for a row of the ring: the reason of a hold.
    pub(crate) fn wrap_reason(&self, about_what: &str, reason: &str) -> Result<Vec<u8>, VaultError> {
        let kek = self.inner.kek.read().unwrap_or_else(PoisonError::into_inner);
        let about = about(&self.inner.instance, Wrapped::Reason { about: about_what });
        Ok(wrap(&kek, &about, reason.as_bytes())?)
    }

    pub(crate) fn unwrap_reason(&self, about_what: &str, wrapped: &[u8]) -> String {
        let plain = self.unwrap(Wrapped::Reason { about: about_what }, false, wrapped);
        plain.ok().and_then(|plain| String::from_utf8(plain).ok()).unwrap_or_default()
    }

    /// Destroys keys and names for good, ends the epoch, and forgets them here.
    ///
    /// # Errors
    /// When it could not be done; then nothing was, or the next start finishes it.
    pub fn destroy(&self, gone: &Gone) -> Result<Destroyed, VaultError> {
        let inner = &self.inner;
        let _nobody_makes_keys = inner.desk.making();
        let mut kek = inner.kek.write().unwrap_or_else(PoisonError::into_inner);
        let instance = inner.ring.instance()?;
        let epoch = instance.map_or(1, |instance| instance.epoch);
        let old = inner.root.kek(epoch)?;
        let next = inner.root.prepare(epoch + 1)?;
        let destroyed = inner.ring.destroy(gone, &mut |what, wrapped| {
            let about = about(&inner.instance, what);
            let again = unwrap(&old, &about, wrapped).and_then(|plain| wrap(&next, &about, &plain));
            again.map_err(|error| StoreError::Failed { doing: "wrap a key anew", source: Box::new(error) })
        })?;
        inner.root.adopt(epoch + 1)?;
        *kek = next;
        drop(kek);
        let mut opened = self.opened();
        for id in &gone.keys {
            opened.remove(id);
        }
        drop(opened);
        inner.desk.forget_keys(&gone.keys);
        self.forget_names(&gone.pseudonyms);
        Ok(destroyed)
    }

    /// Which keys seal an entry: identity, arguments, content.
    pub fn keys_of(sealed: &[u8]) -> [u64; 3] {
        let mut keys = [0; 3];
        for (class, key) in Part::keys_of(sealed) {
            if let Some(place) = keys.get_mut(usize::from(class).wrapping_sub(1)) {
                *place = key;
            }
        }
        keys
    }
}

/// The row of an entry, as somebody who reads the ledger makes it, to the microseconds that a database keeps.
fn row_as_read(entry: &[u8], sealed: &[u8]) -> EntryRow {
    let row = EntryRow::of(0, 0, entry);
    let at = jiff::Timestamp::from_microsecond(row.at.as_microsecond()).unwrap_or(row.at);
    EntryRow { keys: Vault::keys_of(sealed), at, ..row }
}

/// The first start.
fn begin(ring: &dyn KeyRing, root: &Root) -> Result<(Instance, Key), VaultError> {
    let mut id = [0; 16];
    id.copy_from_slice(&Key::fresh()?.reveal()[..16]);
    root.prepare(1)?;
    root.adopt(1)?;
    let kek = root.kek(1)?;
    let lookup = wrap(&kek, &about(&id, Wrapped::Lookup), Key::fresh()?.reveal())?;
    let instance = Instance { id, epoch: 1, lookup };
    ring.begin(&instance)?;
    Ok((instance, kek))
}

/// What a wrapped value belongs to: it comes back nowhere else.
fn about(instance: &[u8; 16], what: Wrapped<'_>) -> Vec<u8> {
    let mut about = b"plimsoll/key/v1".to_vec();
    about.extend_from_slice(instance);
    match what {
        Wrapped::Lookup => about.push(0),
        Wrapped::Key { id } => {
            about.push(1);
            about.extend_from_slice(&id.to_le_bytes());
        }
        Wrapped::Name { pseudonym } => {
            about.push(2);
            about.extend_from_slice(pseudonym.as_bytes());
        }
        Wrapped::Reason { about: of } => {
            about.push(3);
            about.extend_from_slice(of.as_bytes());
        }
    }
    about
}

/// What was taken out of an entry.
#[derive(Default)]
struct Fields {
    /// The class of each, and how long its path and its value are.
    each: Vec<(FieldClass, usize, usize)>,
    /// Path and value of each, one after the other.
    bytes: Vec<u8>,
}

impl Fields {
    fn all(&self) -> Vec<Field<'_>> {
        let mut rest = &self.bytes[..];
        let mut part = |length: usize| {
            let (part, after) = rest.split_at(length);
            rest = after;
            part
        };
        let field = |&(class, path, value): &(FieldClass, usize, usize)| Field {
            class: class.number(),
            // It was written as text.
            path: str::from_utf8(part(path)).unwrap_or_default(),
            value: part(value),
        };
        self.each.iter().map(field).collect()
    }
}

/// Takes out what is sensitive.
struct Taking<'v> {
    vault: &'v Vault,
    fields: Fields,
    failed: Option<VaultError>,
    /// Names are pseudonyms already.
    again: bool,
}

impl Visitor for Taking<'_> {
    fn name(&mut self, _: &str, name: &mut String) {
        if self.again {
            return;
        }
        match self.vault.pseudonym(name) {
            Ok(pseudonym) => *name = pseudonym,
            Err(error) => self.failed = Some(error),
        }
    }

    fn field(&mut self, path: &str, class: FieldClass, slot: Slot<'_>) {
        let Fields { each, bytes } = &mut self.fields;
        let before = bytes.len();
        bytes.extend_from_slice(path.as_bytes());
        if slot.take(bytes) {
            each.push((class, path.len(), bytes.len() - before - path.len()));
        } else {
            bytes.truncate(before);
        }
    }
}

/// Puts back what was taken out a moment ago.
struct Putting<'f> {
    fields: &'f [Field<'f>],
}

impl Visitor for Putting<'_> {
    fn name(&mut self, _: &str, _: &mut String) {}

    fn field(&mut self, path: &str, _: FieldClass, slot: Slot<'_>) {
        if let Ok(at) = self.fields.binary_search_by(|field| field.path.cmp(path)) {
            slot.put(self.fields[at].value);
        }
    }
}

/// What was opened of an entry.
struct Opened {
    fields: HashMap<String, Vec<u8>>,
    opened: BTreeSet<FieldClass>,
    closed: Vec<(FieldClass, Closed)>,
}

impl Opened {
    fn add(&mut self, class: FieldClass, fields: Result<Vec<(String, Vec<u8>)>, Closed>) {
        match fields {
            Ok(fields) => {
                self.opened.insert(class);
                self.fields.extend(fields);
            }
            Err(why) => self.closed.push((class, why)),
        }
    }
}

/// Puts back what was opened, and says of the rest why it was not.
struct Showing<'v> {
    vault: &'v Vault,
    opening: &'v mut Opened,
    class: FieldClass,
    /// Whether names may be shown.
    names: bool,
}

impl Visitor for Showing<'_> {
    fn name(&mut self, _: &str, name: &mut String) {
        if self.names
            && let Some(known) = self.vault.name_of(name)
        {
            *name = known;
            self.opening.opened.insert(FieldClass::Identity);
        }
    }

    fn field(&mut self, path: &str, class: FieldClass, slot: Slot<'_>) {
        if class != self.class {
            return;
        }
        match (self.opening.fields.get(path), self.opening.closed.iter().find(|(of, _)| *of == class)) {
            (Some(value), _) => drop(slot.put(value)),
            (None, Some((_, why))) => slot.say(&why.sentence(class)),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests;
