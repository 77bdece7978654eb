//! Keys, and how they are kept: wrapped by a key-encryption key, or sealed to an audit key.

use std::cell::RefCell;
use std::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use ring::{hkdf, hmac};
use zeroize::{Zeroize as _, Zeroizing};

use super::{NONCE_BYTES, SealError, TAG_BYTES, cipher};

/// Bytes of a wrapped key.
pub const WRAPPED_BYTES: usize = NONCE_BYTES + 32 + TAG_BYTES;
/// Bytes of the public value that HPKE adds.
const ENCAPPED_BYTES: usize = 32;

/// 256 secret bits. Wiped when the last copy is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

/// Why a key could not be made, kept or got back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the system gives no randomness")]
    Randomness,
    #[error("the key-encryption key does not open this key")]
    NotOpened,
    #[error("the audit key does not open this key")]
    NotForThisAuditKey,
    #[error("that is no {0}")]
    NotAKey(&'static str),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A fresh key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn fresh() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|_| KeyError::Randomness)?;
        Ok(Self(bytes))
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bytes, for the file or the box that keeps them.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    /// Another key, made from this one and something else that is secret (RFC 5869).
    pub fn derive(&self, with: &[u8], purpose: &[u8]) -> Self {
        let mut bytes = [0; 32];
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, with).extract(&*self.0);
        // 32 bytes are within what one hash gives.
        let purpose = [purpose];
        if let Ok(expanded) = extracted.expand(&purpose, hkdf::HKDF_SHA256) {
            let _within = expanded.fill(&mut bytes);
        }
        let key = Self::from_bytes(bytes);
        bytes.zeroize();
        key
    }
}

/// A keyed fingerprint (HMAC-SHA-256): for looking up what must not be read.
pub fn lookup(key: &Key, text: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.bytes()), text);
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

/// Wraps bytes with a key-encryption key: nonce, ciphertext and tag. They come back only with the same `about`.
///
/// # Errors
/// When the system gives no randomness.
pub fn wrap(kek: &Key, about: &[u8], bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut nonce = [0; NONCE_BYTES];
    draw(&mut nonce).map_err(|_| KeyError::Randomness)?;
    let mut wrapped = Vec::with_capacity(NONCE_BYTES + bytes.len() + TAG_BYTES);
    wrapped.extend_from_slice(&nonce);
    wrapped.extend_from_slice(bytes);
    cipher::seal(kek.bytes(), &nonce, about, &mut wrapped, NONCE_BYTES).map_err(|_| KeyError::NotOpened)?;
    Ok(wrapped)
}

/// Gives back what was wrapped.
///
/// # Errors
/// When the key-encryption key is another, or it was wrapped about something else.
pub fn unwrap(kek: &Key, about: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (nonce, wrapped) = wrapped.split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::NotOpened)?;
    let mut plain = Zeroizing::new(wrapped.to_vec());
    cipher::open(kek.bytes(), nonce, about, &mut plain).map_err(|_| KeyError::NotOpened)?;
    Ok(plain)
}

const INFO: &[u8] = b"plimsoll/audit/v1";
const PUBLIC: &str = "plimsoll-audit-";
const SECRET: &str = "plimsoll-audit-secret-";

/// The public half of an audit key: with it a gateway can seal what it can't read any more (HPKE, RFC 9180, base mode
/// with X25519, HKDF-SHA-256 and ChaCha20-Poly1305).
#[derive(Clone, PartialEq, Eq)]
pub struct AuditKey(<X25519HkdfSha256 as Kem>::PublicKey);

/// The secret half. It belongs to no gateway.
#[derive(Clone)]
pub struct AuditSecret(<X25519HkdfSha256 as Kem>::PrivateKey);

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for AuditSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditSecret(…)")
    }
}

impl AuditKey {
    /// Reads what [`text`](Self::text) writes.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let not = KeyError::NotAKey("audit key (they begin with `plimsoll-audit-`)");
        let bytes = text.trim().strip_prefix(PUBLIC).and_then(unhex).ok_or_else(|| not.clone())?;
        <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&bytes).map(Self).map_err(|_| not)
    }

    pub fn text(&self) -> String {
        format!("{PUBLIC}{}", hex(&self.0.to_bytes()))
    }

    /// Seals bytes to the audit key: encapsulated key, ciphertext and tag.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, about: &[u8], bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
        // The library panics without randomness, so that is asked first.
        let mut probe = [0; 1];
        getrandom::fill(&mut probe).map_err(|_| KeyError::Randomness)?;
        let sealed = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &self.0,
            INFO,
            bytes,
            about,
        );
        let (encapped, ciphertext) = sealed.map_err(|_| KeyError::Randomness)?;
        Ok([encapped.to_bytes().as_slice(), &ciphertext].concat())
    }
}

impl AuditSecret {
    /// A fresh pair.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn fresh() -> Result<(Self, AuditKey), KeyError> {
        let seed = Key::fresh()?;
        let (secret, public) = X25519HkdfSha256::derive_keypair(seed.bytes());
        Ok((Self(secret), AuditKey(public)))
    }

    /// Reads what [`reveal`](Self::reveal) writes.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let not = KeyError::NotAKey("secret audit key (they begin with `plimsoll-audit-secret-`)");
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next_back().and_then(|line| line.strip_prefix(SECRET)).and_then(unhex);
        let bytes = line.ok_or_else(|| not.clone())?;
        <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&bytes).map(Self).map_err(|_| not)
    }

    /// The text for the file that keeps it.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{SECRET}{}", hex(&self.0.to_bytes())))
    }

    pub fn public(&self) -> AuditKey {
        AuditKey(X25519HkdfSha256::sk_to_pk(&self.0))
    }

    /// Opens what was sealed to the public half.
    ///
    /// # Errors
    /// When it was sealed to another, or about something else.
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let no = |_| KeyError::NotForThisAuditKey;
        let (encapped, ciphertext) =
            sealed.split_at_checked(ENCAPPED_BYTES).ok_or(KeyError::NotForThisAuditKey)?;
        let encapped = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapped).map_err(no)?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.0,
            &encapped,
            INFO,
            ciphertext,
            about,
        );
        opened.map(Zeroizing::new).map_err(no)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits = text.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit)).then_some(())?;
    digits.chunks_exact(2).map(byte).collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}

/// Random bytes drawn from the system at once.
const DRAWN_BYTES: usize = 4_096;

thread_local! {
    static DRAWN: RefCell<(Zeroizing<[u8; DRAWN_BYTES]>, usize)> =
        RefCell::new((Zeroizing::new([0; DRAWN_BYTES]), DRAWN_BYTES));
}

/// Random bytes. The system is asked for many at a time; each is given out once and wiped here.
pub(super) fn draw(bytes: &mut [u8]) -> Result<(), SealError> {
    DRAWN.with_borrow_mut(|(drawn, used)| {
        if *used + bytes.len() > DRAWN_BYTES {
            getrandom::fill(&mut **drawn).map_err(|_| SealError::Randomness)?;
            *used = 0;
        }
        let given = &mut drawn[*used..*used + bytes.len()];
        bytes.copy_from_slice(given);
        given.zeroize();
        *used += bytes.len();
        Ok(())
    })
}
