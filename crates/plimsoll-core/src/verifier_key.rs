//! The public half of a key that vouches for a ledger, as the one line people hand to each other.
//!
//! C2SP signed-note, "Verifier keys": `<name>+<key id, 8 hex digits>+<base64 of kind and key>`. The key id is a hash of
//! name, kind and key, so a line in which one letter changed is noticed before anybody trusts it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// What a key signs (C2SP signed-note, "Signature types").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// A ledger's key, which signs checkpoints: Ed25519, type 0x01.
    Ledger,
    /// A witness' key, which cosigns checkpoints with a time: Ed25519, type 0x04.
    Witness,
}

impl KeyKind {
    /// The byte that stands for it in key lines and key ids.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ledger => 0x01,
            Self::Witness => 0x04,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Ledger, Self::Witness].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// A public Ed25519 key with its name and kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: [u8; 32],
    id: u32,
}

/// Why a line is no verifier key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    #[error("a verifier key has three parts with `+` between them: name, key id and key")]
    Parts,
    #[error("a key's name has at least one letter and neither spaces nor `+`")]
    Name,
    #[error("the key after the second `+` is not base64 of 33 bytes")]
    Base64,
    #[error("keys of type {0:#04x} are not known here: a ledger's key has type 0x01, a witness' key 0x04")]
    Kind(u8),
    #[error("the key id is {given}, but this name and key have {computed}: the line was damaged")]
    Id { given: String, computed: String },
}

impl VerifierKey {
    /// A key from its parts.
    ///
    /// # Errors
    /// When the name can't be one.
    pub fn new(name: impl Into<String>, kind: KeyKind, public: [u8; 32]) -> Result<Self, VerifierKeyError> {
        let name = name.into();
        if !is_key_name(&name) {
            return Err(VerifierKeyError::Name);
        }
        let hash = Sha256::new()
            .chain_update(name.as_bytes())
            .chain_update([b'\n', kind.byte()])
            .chain_update(public)
            .finalize();
        let id = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        Ok(Self { name, kind, public, id })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The 32 bytes of the key (RFC 8032).
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The short number by which signatures name this key. It identifies, it does not protect.
    pub const fn id(&self) -> u32 {
        self.id
    }
}

/// Whether a key may be called that: not empty, no space of any alphabet, no plus, no control character.
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c < ' ')
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut parts = line.splitn(3, '+');
        let (Some(name), Some(given), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyError::Parts);
        };
        let key = STANDARD.decode(key).map_err(|_| VerifierKeyError::Base64)?;
        let Some((&kind, public)) = key.split_first() else { return Err(VerifierKeyError::Base64) };
        let kind = KeyKind::of(kind).ok_or(VerifierKeyError::Kind(kind))?;
        let public = <[u8; 32]>::try_from(public).map_err(|_| VerifierKeyError::Base64)?;
        let key = Self::new(name, kind, public)?;
        let computed = format!("{:08x}", key.id);
        if computed != given {
            return Err(VerifierKeyError::Id { given: given.to_owned(), computed });
        }
        Ok(key)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend_from_slice(&self.public);
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn the_example_of_the_specification() {
        let key: VerifierKey = EXAMPLE.parse().unwrap();
        assert_eq!((key.name(), key.kind(), key.id()), ("example.com/foo", KeyKind::Ledger, 0x530d_903a));
        assert_eq!(key.to_string(), EXAMPLE);
    }

    #[test]
    fn a_line_with_one_changed_letter_is_no_key() {
        for at in 0..EXAMPLE.len() {
            let mut line = EXAMPLE.as_bytes().to_vec();
            line[at] = if line[at] == b'x' { b'y' } else { b'x' };
            let line = String::from_utf8(line).unwrap();
            assert!(line.parse::<VerifierKey>().is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |line: &str, error: VerifierKeyError| assert_eq!(line.parse::<VerifierKey>(), Err(error));
        check("", VerifierKeyError::Parts);
        check("a+b", VerifierKeyError::Parts);
        check("a+00000000+AQ==", VerifierKeyError::Base64);
        check("a+00000000+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", VerifierKeyError::Kind(6));
        check("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", VerifierKeyError::Name);
    }
}
