//! Plimsoll's own keys: `plk_…` for callers, `pla_…` for administrators.
//!
//! A key is a prefix, 43 base-62 digits (256 random bits) and a 6-digit CRC-32 of what precedes it.
//! The checksum makes a mistyped key an immediate answer instead of a look-up, and lets the redactor
//! find our own keys in any text without a false alarm. It protects against typing, not against
//! forgery: what authenticates is the digest, the only part that is stored.

use std::fmt;

use plimsoll_core::Digest;

/// Base-62 digits in a key's random part: `62^43 > 2^256`.
const RANDOM_DIGITS: usize = 43;
const CHECK_DIGITS: usize = 6;
const PREFIX_LEN: usize = 4;

/// Bytes of a whole key.
pub const KEY_LEN: usize = PREFIX_LEN + RANDOM_DIGITS + CHECK_DIGITS;

/// How much of a key may be shown, so that people can tell keys apart: the prefix and four digits.
const SHOWN_LEN: usize = PREFIX_LEN + 4;

/// Which listener a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A caller of the data listener.
    User,
    /// An administrator.
    Admin,
}

impl KeyKind {
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::User => "plk_",
            Self::Admin => "pla_",
        }
    }
}

/// A fresh key: the only moment at which the secret exists here.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    pub secret: String,
    pub key: Key,
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What may be kept of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub kind: KeyKind,
    /// The beginning, for people: `plk_Ab3d`.
    pub shown: String,
    /// SHA-256 of the whole secret. The secret has 256 random bits, so no salt and no slow hash.
    pub digest: Digest,
}

/// Makes a key of 32 bytes that the caller drew at random.
pub fn mint(random: [u8; 32], kind: KeyKind) -> Minted {
    let mut secret = String::with_capacity(KEY_LEN);
    secret.push_str(kind.prefix());
    secret.push_str(&base62_of(random));
    let check = base62_crc(secret.as_bytes());
    secret.extend(check.map(char::from));
    let key = describe(&secret, kind);
    Minted { secret, key }
}

/// Reads a key. `None` when the form or the checksum is wrong; whether it is *known* is for whoever
/// keeps the digests.
pub fn parse(secret: &str) -> Option<Key> {
    let kind = [KeyKind::User, KeyKind::Admin].into_iter().find(|kind| secret.starts_with(kind.prefix()))?;
    is_key(secret.as_bytes()).then(|| describe(secret, kind))
}

fn describe(secret: &str, kind: KeyKind) -> Key {
    let shown = secret.chars().take(SHOWN_LEN).collect();
    Key { kind, shown, digest: Digest::of(secret.as_bytes()) }
}

/// Whether these bytes are one whole key.
pub(crate) fn is_key(bytes: &[u8]) -> bool {
    bytes.len() == KEY_LEN
        && (bytes.starts_with(b"plk_") || bytes.starts_with(b"pla_"))
        && ends_with_crc(bytes, 0)
}

/// Whether the last six bytes are the base-62 CRC-32 of those before it, from `skip` on. The form
/// GitHub published in 2021, also used by npm.
pub(crate) fn ends_with_crc(bytes: &[u8], skip: usize) -> bool {
    let Some(split) = bytes.len().checked_sub(CHECK_DIGITS) else { return false };
    let (body, check) = bytes.split_at(split);
    body.len() > skip && body[PREFIX_LEN.min(split)..].iter().all(u8::is_ascii_alphanumeric) && {
        base62_crc(&body[skip..]) == *check
    }
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Big-endian bytes to base 62 by repeated division, most significant digit first.
fn base62_of(mut number: [u8; 32]) -> String {
    let mut digits = [b'0'; RANDOM_DIGITS];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = rest << 8 | u32::from(*byte);
            // The rest is below 62, so the quotient fits a byte.
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = BASE62[rest as usize];
    }
    digits.iter().copied().map(char::from).collect()
}

pub(crate) fn base62_crc(bytes: &[u8]) -> [u8; CHECK_DIGITS] {
    let mut crc = crc32(bytes);
    let mut digits = [b'0'; CHECK_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(crc % 62) as usize];
        crc /= 62;
    }
    digits
}

/// CRC-32 as in IEEE 802.3 and zlib: of the key of every request, and of candidates in texts.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| crc >> 8 ^ CRCS[usize::from(crc as u8 ^ *byte)];
    !bytes.iter().fold(!0, step)
}

/// The checksum of each byte.
const CRCS: [u32; 256] = {
    let mut crcs = [0; 256];
    let mut byte = 0;
    while byte < crcs.len() {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        crcs[byte] = crc;
        byte += 1;
    }
    crcs
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn crc_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        // The example of GitHub's announcement.
        assert!(ends_with_crc(b"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", 4));
    }

    #[test]
    fn the_shape_of_a_key() {
        let minted = mint([7; 32], KeyKind::Admin);
        assert_eq!(minted.secret.len(), KEY_LEN);
        assert!(minted.secret.starts_with(&minted.key.shown) && minted.key.shown.len() == SHOWN_LEN);
        assert!(!format!("{minted:?}").contains(&minted.secret), "a secret must not be printed");
        assert_eq!(parse(""), None);
        assert_eq!(parse("plk_"), None);
        assert_eq!(mint([0; 32], KeyKind::User).secret[4..47], "0".repeat(43));
    }

    proptest! {
        #[test]
        fn keys_read_back_and_a_slip_is_noticed(random: [u8; 32], at in 4_usize..KEY_LEN, to in "[0-9A-Za-z]") {
            let minted = mint(random, KeyKind::User);
            prop_assert_eq!(parse(&minted.secret), Some(minted.key));
            let mut slip = minted.secret.clone();
            slip.replace_range(at..=at, &to);
            prop_assert_eq!(parse(&slip).is_some(), slip == minted.secret);
        }
    }
}
