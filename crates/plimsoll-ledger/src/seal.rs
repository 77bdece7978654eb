//! Sealed parts: what an entry must not say in the clear, kept so that it can be destroyed without touching a proof.
//!
//! A *field* is a path, a class and bytes. Each field has a commitment that nobody can guess, and the entry names the
//! RFC 6962 root over the commitments. So one field can be shown to somebody (its value, its salt, its path to the
//! root) and the others stay sealed; and when the keys are destroyed, what is left is random to everybody.
//!
//! ```text
//! salt_i       = SHA-256("plimsoll/salt/v1" || seed of its class || i u16)
//! commitment_i = SHA-256("plimsoll/commit/v1" || salt_i || length of path u16 || path || value)
//! root         = RFC 6962 root over the commitments, in the order of their paths
//!
//! sealed part  = version u8 (1) | boxes u8 | box… | fields u16 | commitment (32)…            (little-endian)
//! box          = class u8 | key u64 | nonce (24) | length u32 | XChaCha20-Poly1305 ciphertext and tag
//! plaintext    = seed (32) | { i u16 | length u16 | path | length u32 | value }…
//! AAD          = "plimsoll/seal/v1" || instance (16) || id of the entry (16) || class u8
//! ```
//!
//! The seed is random for each box and lives only inside the ciphertext. The place of the entry is not part of the
//! AAD, as it is not known when the part is made; the id of the entry is, and the leaf holds both the id and the
//! digest of the sealed part. The commitments also tell apart two keys that open one ciphertext to two texts, which
//! the cipher alone does not.
//!
//! It alone knows: this format. It has never heard of: what a class or a path means, or where keys are kept.

mod cipher;
mod keys;
mod open;

use plimsoll_core::{Digest, Seal};
use sha2::{Digest as _, Sha256};

use crate::merkle::{Frontier, Hash, leaf_of, short};

pub use keys::{AuditKey, AuditSecret, Key, KeyError, WRAPPED_BYTES, lookup, unwrap, wrap};
pub use open::{Disclosure, Opened, Part};

/// The version of the format.
const VERSION: u8 = 1;
const SEED_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// Bytes of a box before its ciphertext.
const BOX_HEAD_BYTES: usize = 1 + 8 + NONCE_BYTES + 4;
/// Fields of one entry at most.
pub const FIELDS_MAX: usize = 4_096;
/// Classes of one entry at most.
const BOXES_MAX: usize = 8;

/// One value that is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'f> {
    /// Which key seals it: fields of one class stand and fall together.
    pub class: u8,
    /// Where in the entry it belongs, as a JSON Pointer.
    pub path: &'f str,
    pub value: &'f [u8],
}

/// What a sealed part belongs to. It opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The instance whose keys these are.
    pub instance: [u8; 16],
    /// The id of the entry.
    pub entry: [u8; 16],
}

impl Binding {
    fn aad(&self, class: u8) -> [u8; 49] {
        let mut aad = [0; 49];
        aad[..16].copy_from_slice(b"plimsoll/seal/v1");
        aad[16..32].copy_from_slice(&self.instance);
        aad[32..48].copy_from_slice(&self.entry);
        aad[48] = class;
        aad
    }
}

/// Why something could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("an entry with {0} sealed fields is too much: the limit is {FIELDS_MAX}")]
    TooMany(usize),
    #[error("the system gives no randomness")]
    Randomness,
    /// It was changed, or it is another entry's.
    #[error("the sealed part is not the one that its entry names: {0}")]
    NotNamed(&'static str),
    #[error("the sealed part can't be read: {0}")]
    Malformed(&'static str),
    /// The key is another one, or the part belongs to another entry.
    #[error("the key does not open this")]
    NotOpened,
}

/// Seals fields, each class under its key, and says what the entry has to name. They are put into the order of their
/// paths, which are all different.
///
/// # Errors
/// When there are too many fields, or no randomness.
pub fn seal(
    binding: Binding,
    fields: &mut [Field<'_>],
    mut key_of: impl FnMut(u8) -> Result<(u64, Key), SealError>,
) -> Result<(Vec<u8>, Seal), SealError> {
    if fields.len() > FIELDS_MAX {
        return Err(SealError::TooMany(fields.len()));
    }
    fields.sort_unstable_by(|a, b| a.path.cmp(b.path));
    let mut classes: Vec<u8> = fields.iter().map(|field| field.class).collect();
    classes.sort_unstable();
    classes.dedup();
    let bytes: usize = fields.iter().map(|field| 8 + 32 + field.path.len() + field.value.len()).sum();
    let mut part = Vec::with_capacity(4 + bytes + classes.len() * (BOX_HEAD_BYTES + SEED_BYTES + TAG_BYTES));
    part.extend_from_slice(&[VERSION, classes.len() as u8]);
    let mut commitments = vec![[0; 32]; fields.len()];
    for class in classes {
        let mut random = [0; SEED_BYTES + NONCE_BYTES];
        keys::draw(&mut random)?;
        let (seed, nonce) = random.split_first_chunk::<SEED_BYTES>().ok_or(SealError::Randomness)?;
        let (id, key) = key_of(class)?;
        let nonce: &[u8; NONCE_BYTES] = nonce.try_into().map_err(|_| SealError::Randomness)?;
        part.push(class);
        part.extend_from_slice(&id.to_le_bytes());
        part.extend_from_slice(nonce);
        part.extend_from_slice(&[0; 4]);
        // Sealed where it stands.
        let from = part.len();
        part.extend_from_slice(seed);
        for (i, field) in fields.iter().enumerate().filter(|(_, field)| field.class == class) {
            commitments[i] = commitment(&salt(seed, i as u16), field.path, field.value);
            part.extend_from_slice(&(i as u16).to_le_bytes());
            part.extend_from_slice(&(field.path.len() as u16).to_le_bytes());
            part.extend_from_slice(field.path.as_bytes());
            part.extend_from_slice(&(field.value.len() as u32).to_le_bytes());
            part.extend_from_slice(field.value);
        }
        cipher::seal(key.bytes(), nonce, &binding.aad(class), &mut part, from)
            .map_err(|_| SealError::NotOpened)?;
        let length = (part.len() - from) as u32;
        part[from - 4..from].copy_from_slice(&length.to_le_bytes());
    }
    part.extend_from_slice(&(commitments.len() as u16).to_le_bytes());
    for commitment in &commitments {
        part.extend_from_slice(commitment);
    }
    let named =
        Seal { root: root(&commitments), digest: Digest::of(&part), fields: commitments.len() as u32 };
    Ok((part, named))
}

fn salt(seed: &[u8; SEED_BYTES], i: u16) -> Hash {
    // One block of the hash: the inputs all have one length, so that none is the beginning of another.
    short::<1>(&[b"plimsoll/salt/v1", seed, &i.to_le_bytes()])
}

fn commitment(salt: &Hash, path: &str, value: &[u8]) -> Hash {
    let hash = Sha256::new().chain_update(b"plimsoll/commit/v1").chain_update(salt);
    let hash = hash.chain_update((path.len() as u16).to_le_bytes()).chain_update(path.as_bytes());
    hash.chain_update(value).finalize().into()
}

fn root(commitments: &[Hash]) -> Digest {
    let mut frontier = Frontier::default();
    for commitment in commitments {
        frontier.push(leaf_of(commitment));
    }
    Digest::from_bytes(frontier.root())
}
