//! What a thing *is*, as 32 bytes: SHA-256 over exact bytes, or over canonical JSON.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::canonical::write_value;

/// A SHA-256 digest, written `sha256:<64 hex digits>` wherever people or files see it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

const ALGORITHM: &[u8; 7] = b"sha256:";
/// Bytes of a digest as it is written.
const WRITTEN: usize = ALGORITHM.len() + 64;

impl Digest {
    /// The digest of exact bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a JSON value in canonical form (RFC 8785), so that member order and number
    /// spelling do not matter.
    pub fn of_json(value: &serde_json::Value) -> Self {
        Self::of(&canonical(value))
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hex digits without the algorithm's name.
    pub fn hex(&self) -> String {
        self.written()[ALGORITHM.len()..].iter().copied().map(char::from).collect()
    }

    /// `sha256:` and the hex digits.
    fn written(&self) -> [u8; WRITTEN] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; WRITTEN];
        let (algorithm, digits) = text.split_at_mut(ALGORITHM.len());
        algorithm.copy_from_slice(ALGORITHM);
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        text
    }

    /// The first twelve hex digits: enough for a person to compare on a page.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }

    /// Reads `sha256:<hex>` or bare hex.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        if hex.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ASCII, all of it.
        f.write_str(std::str::from_utf8(&self.written()).unwrap_or_default())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.short())
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.written()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a sha256 digest"))
    }
}

/// Canonical JSON (RFC 8785): the bytes that an act's digest is taken over.
pub fn canonical(value: &serde_json::Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    write_value(&mut bytes, value);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn canonical_form_ignores_order_and_number_spelling() {
        let a: serde_json::Value = serde_json::from_str(r#"{"b":1.0,"a":[1e2]}"#).unwrap();
        assert_eq!(canonical(&a), br#"{"a":[100],"b":1}"#);
        assert_eq!(Digest::of_json(&a), Digest::of_json(&json!({"a":[100],"b":1})));
    }

    #[test]
    fn digests_read_back() {
        let digest = Digest::of(b"plimsoll");
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(Digest::parse("sha256:zz"), None);
    }
}
