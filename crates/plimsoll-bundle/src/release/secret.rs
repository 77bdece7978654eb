//! The secret half of a key that signs releases, in the file form of OpenSSH (`PROTOCOL.key`), so that `ssh-add` takes the
//! same file into an agent. Only keys without a passphrase are read: with one, the agent is the place for it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::PersonKey;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::Signer;

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";
const KIND: &[u8] = b"ssh-ed25519";
/// Characters of base64 in a line.
const LINE: usize = 70;

/// A secret Ed25519 key. Debug output does not show it.
pub struct SecretKey {
    public: PersonKey,
    pair: Ed25519KeyPair,
    seed: Zeroizing<[u8; 32]>,
}

/// Why a text is no secret key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    #[error("it does not hold an OpenSSH private key")]
    Form,
    #[error("it is locked with a passphrase")]
    Locked,
    #[error("it holds a key of another kind than Ed25519, or several")]
    Kind,
    #[error("it is damaged")]
    Damaged,
}

impl SecretKey {
    /// A key from its 32 secret bytes (RFC 8032).
    ///
    /// # Errors
    /// Never for 32 bytes.
    pub fn from_seed(seed: &[u8; 32], comment: impl Into<String>) -> Result<Self, SecretKeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SecretKeyError::Damaged)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| SecretKeyError::Damaged)?;
        Ok(Self { public: PersonKey::new(public, comment), pair, seed: Zeroizing::new(*seed) })
    }

    /// Reads the text of a key file.
    ///
    /// # Errors
    /// When it holds no Ed25519 key that can be used as it is.
    pub fn parse(text: &str) -> Result<Self, SecretKeyError> {
        let inner = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let inner = inner.ok_or(SecretKeyError::Form)?;
        let base64 = Zeroizing::new(inner.split_whitespace().collect::<String>());
        let bytes = Zeroizing::new(STANDARD.decode(base64.as_bytes()).map_err(|_| SecretKeyError::Form)?);
        let mut outer = Reader(bytes.strip_prefix(MAGIC).ok_or(SecretKeyError::Form)?);
        let (cipher, kdf, options) = (outer.string()?, outer.string()?, outer.string()?);
        if (cipher, kdf, options) != (&b"none"[..], &b"none"[..], &b""[..]) {
            return Err(SecretKeyError::Locked);
        }
        if outer.number()? != 1 {
            return Err(SecretKeyError::Kind);
        }
        let blob = outer.string()?;
        let mut secret = Reader(outer.string()?);
        if !outer.0.is_empty() || secret.number()? != secret.number()? {
            return Err(SecretKeyError::Damaged);
        }
        if secret.string()? != KIND {
            return Err(SecretKeyError::Kind);
        }
        let (public, pair) = (secret.string()?, secret.string()?);
        let comment = String::from_utf8_lossy(secret.string()?).into_owned();
        let padded = secret.0.iter().enumerate().all(|(i, byte)| usize::from(*byte) == i + 1);
        let seed = pair.get(..32).and_then(|seed| <&[u8; 32]>::try_from(seed).ok());
        let key = Self::from_seed(seed.ok_or(SecretKeyError::Damaged)?, comment)?;
        let fits =
            key.public.public() == public && pair.get(32..) == Some(public) && key.public.blob() == blob;
        if fits && padded { Ok(key) } else { Err(SecretKeyError::Damaged) }
    }

    /// The text of a key file. The check number only tells a wrong passphrase from a right one, and there is none.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut secret = Zeroizing::new(Vec::with_capacity(256));
        for _ in 0..2 {
            secret.extend(0x706c_696d_u32.to_be_bytes());
        }
        let mut pair = Zeroizing::new(self.seed.to_vec());
        pair.extend(self.public.public());
        for part in [KIND, self.public.public(), &pair, self.public.comment().as_bytes()] {
            string(&mut secret, part);
        }
        for byte in (1..=8).take((8 - secret.len() % 8) % 8) {
            secret.push(byte);
        }
        let mut all = Zeroizing::new(MAGIC.to_vec());
        all.reserve(512);
        for part in [&b"none"[..], b"none", b""] {
            string(&mut all, part);
        }
        all.extend(1_u32.to_be_bytes());
        string(&mut all, &self.public.blob());
        string(&mut all, &secret);
        let base64 = Zeroizing::new(STANDARD.encode(&*all));
        let mut text = Zeroizing::new(String::with_capacity(1024));
        text.push_str(BEGIN);
        for (i, letter) in base64.chars().enumerate() {
            if i % LINE == 0 {
                text.push('\n');
            }
            text.push(letter);
        }
        text.push('\n');
        text.push_str(END);
        text.push('\n');
        text
    }
}

impl Signer for SecretKey {
    fn key(&self) -> &PersonKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String> {
        self.pair.sign(message).as_ref().try_into().map_err(|_| "a signature has 64 bytes".to_owned())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public.fingerprint())
    }
}

fn string(to: &mut Vec<u8>, part: &[u8]) {
    to.extend((part.len() as u32).to_be_bytes());
    to.extend(part);
}

/// Numbers and strings as SSH writes them (RFC 4251, section 5).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<u32, SecretKeyError> {
        let (number, rest) = self.0.split_first_chunk::<4>().ok_or(SecretKeyError::Damaged)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Result<&'a [u8], SecretKeyError> {
        let length = usize::try_from(self.number()?).map_err(|_| SecretKeyError::Damaged)?;
        let (string, rest) = self.0.split_at_checked(length).ok_or(SecretKeyError::Damaged)?;
        self.0 = rest;
        Ok(string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `ssh-keygen -t ed25519 -N '' -C ines`, for this test alone.
    const FILE: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACAjPcOYf8AjbphOV5zayzK5WRUD8XWRRRCKo1K2kMPLSwAAAIg36PINN+jy
DQAAAAtzc2gtZWQyNTUxOQAAACAjPcOYf8AjbphOV5zayzK5WRUD8XWRRRCKo1K2kMPLSw
AAAEDsFoEF6C557SsdOywyoAPWMnEWyE8q5md94bAoGx9rQCM9w5h/wCNumE5XnNrLMrlZ
FQPxdZFFEIqjUraQw8tLAAAABGluZXMB
-----END OPENSSH PRIVATE KEY-----
";
    const PUBLIC: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICM9w5h/wCNumE5XnNrLMrlZFQPxdZFFEIqjUraQw8tL ines";

    #[test]
    fn a_file_of_openssh() {
        let key = SecretKey::parse(FILE).unwrap();
        assert_eq!(key.key().to_string(), PUBLIC);
        let signature = key.sign(b"what").unwrap();
        assert!(super::super::verifies(key.key(), b"what", &signature));
        assert!(!super::super::verifies(key.key(), b"that", &signature));
        let written = key.to_text();
        assert_eq!(SecretKey::parse(&written).unwrap().key().to_string(), PUBLIC);
        assert_eq!(format!("{key:?}"), format!("SecretKey({})", key.key().fingerprint()));
    }

    #[test]
    fn what_can_not_be_used_is_said() {
        let check = |text: &str, error: SecretKeyError| assert_eq!(SecretKey::parse(text).err(), Some(error));
        check("", SecretKeyError::Form);
        check("ssh-ed25519 AAAA ines", SecretKeyError::Form);
        check(&FILE.replacen("b3Bl", "b3Bm", 1), SecretKeyError::Form);
        check(LOCKED, SecretKeyError::Locked);
        let mut damaged = 0;
        let body = FILE.find('\n').unwrap() + 1..FILE.rfind("\n-----END").unwrap();
        for at in body {
            let mut text = FILE.as_bytes().to_vec();
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            if let Ok(key) = SecretKey::parse(std::str::from_utf8(&text).unwrap()) {
                // What is not checked is the comment, and the number that only tells passphrases apart.
                assert_eq!(key.key().public(), SecretKey::parse(FILE).unwrap().key().public());
                continue;
            }
            damaged += 1;
        }
        assert!(damaged > 250, "{damaged}");
    }

    /// The same, with a passphrase.
    const LOCKED: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABDlBHXhQ6
T7anneR4bzPuPRAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIORt2/qb64FWtW8L
wnJk8GqCY4CcHo/jthO5OMg2YEs1AAAAkON4D+IcEyhHLNgZLrdDAN/HTXd2Vq2qEyIV59
v6QvSLtdU5L/oY5weWRWGF01H/OTCyEz2kWJzbuEjGjbn5UFlQPmhT4H6R1jiJFymzMvZa
u+gQMMrthF0Mc9GtGHwjdIJYM0A7IzOJxgeHhqJz/uB07ET6oVX7IytP7CpY5TsfaZIVRG
piTKMW8JX3bpjdpw==
-----END OPENSSH PRIVATE KEY-----
";
}
