//! The public half of a key with which a person signs releases, as the one line that OpenSSH writes.
//!
//! `ssh-ed25519 <base64 of kind and key> <comment>`: people have such keys already, agents hold them, and `ssh-keygen`
//! shows the same fingerprint that a release names (RFC 4253, section 6.6; RFC 8709, section 4).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The kind of key, and the only one: its signatures are short, and the same bytes give the same signature.
const KIND: &str = "ssh-ed25519";

/// A public Ed25519 key of a person. Two are the same when their 32 bytes are; the comment is for people.
#[derive(Clone, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonKey {
    public: [u8; 32],
    comment: String,
}

/// Why a line is no key that signs releases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonKeyError {
    #[error("a public key is one line: `ssh-ed25519`, then base64, then a comment")]
    Parts,
    #[error("keys of the kind `{0}` do not sign releases, only `ssh-ed25519`")]
    Kind(String),
    #[error("what follows `ssh-ed25519` is not base64 of an Ed25519 key: the line was damaged")]
    Base64,
    #[error("this is a secret key, and everybody who reads the repository has it now")]
    Secret,
}

impl PersonKey {
    pub fn new(public: [u8; 32], comment: impl Into<String>) -> Self {
        Self { public, comment: comment.into() }
    }

    /// The 32 bytes of the key (RFC 8032).
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// What agents and signatures know it by: its kind and its bytes, each with its length.
    pub fn blob(&self) -> Vec<u8> {
        let mut blob = Vec::with_capacity(51);
        for part in [KIND.as_bytes(), &self.public] {
            blob.extend((part.len() as u32).to_be_bytes());
            blob.extend(part);
        }
        blob
    }

    /// The key in such a blob, when it is one of this kind and nothing follows.
    pub fn of_blob(blob: &[u8], comment: impl Into<String>) -> Option<Self> {
        let public = blob.len().checked_sub(32).and_then(|at| blob[at..].try_into().ok())?;
        let key = Self::new(public, comment);
        (key.blob() == blob).then_some(key)
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it. Releases name keys by it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(self.blob())))
    }
}

impl PartialEq for PersonKey {
    fn eq(&self, other: &Self) -> bool {
        self.public == other.public
    }
}

impl Eq for PersonKey {}

impl FromStr for PersonKey {
    type Err = PersonKeyError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        if line.contains("PRIVATE") {
            return Err(PersonKeyError::Secret);
        }
        let line = line.trim();
        if line.contains(['\n', '\r']) {
            return Err(PersonKeyError::Parts);
        }
        let (kind, rest) = line.split_once(' ').ok_or(PersonKeyError::Parts)?;
        if kind != KIND {
            return Err(PersonKeyError::Kind(kind.to_owned()));
        }
        let (base64, comment) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
        let blob = STANDARD.decode(base64).map_err(|_| PersonKeyError::Base64)?;
        Self::of_blob(&blob, comment.trim()).ok_or(PersonKeyError::Base64)
    }
}

impl TryFrom<String> for PersonKey {
    type Error = PersonKeyError;

    fn try_from(line: String) -> Result<Self, Self::Error> {
        line.parse()
    }
}

impl From<PersonKey> for String {
    fn from(key: PersonKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KIND} {}", STANDARD.encode(self.blob()))?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `ssh-keygen -t ed25519 -C ines@harbour`; the fingerprint is what `ssh-keygen -l` said of it.
    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKe3lN8Yq1iDPeVUAvWhHx37Kxg3JvRJblj1gV8mUDKF ines@harbour";
    const PRINT: &str = "SHA256:3ePWY8/7k2LTpi2lBe17VZHETKgukLYDIF1tAC9Swbo";

    #[test]
    fn as_openssh_writes_and_shows_it() {
        let key: PersonKey = LINE.parse().unwrap();
        assert_eq!((key.to_string().as_str(), key.fingerprint().as_str()), (LINE, PRINT));
        assert_eq!(key.comment(), "ines@harbour");
        let bare = LINE.rsplit_once(' ').unwrap().0;
        assert_eq!(bare.parse::<PersonKey>().unwrap(), key, "a comment makes no other key");
    }

    #[test]
    fn what_is_no_key_says_why() {
        let check = |line: &str, error: PersonKeyError| assert_eq!(line.parse::<PersonKey>(), Err(error));
        check("", PersonKeyError::Parts);
        check("ssh-rsa AAAA x", PersonKeyError::Kind("ssh-rsa".to_owned()));
        check("ssh-ed25519 AAAA", PersonKeyError::Base64);
        check(&LINE.replacen("AAAAC3", "AAAAC4", 1), PersonKeyError::Base64);
        check("-----BEGIN OPENSSH PRIVATE KEY-----", PersonKeyError::Secret);
        check(&format!("{LINE}\n{LINE}"), PersonKeyError::Parts);
    }
}
