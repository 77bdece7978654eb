//! The client's side of `ssh-agent`: which keys it holds, and a signature by one of them (draft-miller-ssh-agent).
//!
//! The secret never comes here. What is signed is the raw message, with no form of SSH's own around it, so the signature is
//! the same as one made from the key file.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use plimsoll_bundle::release::Signer;
use plimsoll_core::PersonKey;

use crate::talk::Error;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// Bytes of an answer: OpenSSH's own bound.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// A person may have to touch a key or type a passphrase into the agent's window.
const WAIT: Duration = Duration::from_secs(120);

/// One key of a running agent.
#[derive(Debug)]
pub struct Agent {
    socket: std::ffi::OsString,
    key: PersonKey,
}

impl Agent {
    /// The first of these keys that the agent holds.
    pub fn find(known: &[PersonKey]) -> Result<Self, Error> {
        let socket =
            std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).ok_or_else(|| {
                Error::new("no ssh-agent: SSH_AUTH_SOCK is not set")
                    .help("start one with `eval $(ssh-agent)` and `ssh-add FILE`, or sign with --key FILE")
            })?;
        let held = held(&socket)?;
        let found = known.iter().find(|key| held.contains(key));
        let Some(key) = found.cloned() else {
            let shown: Vec<String> = held.iter().map(PersonKey::fingerprint).collect();
            let has = if shown.is_empty() { "no Ed25519 key".to_owned() } else { shown.join(", ") };
            return Err(Error::new(format!("the agent holds {has}, and people.yaml names none of it"))
                .help("`ssh-add FILE` gives it a key; people.yaml holds its public line as `key:`"));
        };
        Ok(Self { socket, key })
    }
}

impl Signer for Agent {
    fn key(&self) -> &PersonKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String> {
        let mut request = vec![SIGN_REQUEST];
        string(&mut request, &self.key.blob())?;
        string(&mut request, message)?;
        // No flags: they choose among the hashes of RSA.
        request.extend([0; 4]);
        let answer = ask(&self.socket, &request).map_err(|error| format!("the agent: {error}"))?;
        let no = || "the agent did not sign it".to_owned();
        let mut rest = answer.strip_prefix(&[SIGN_RESPONSE]).ok_or_else(no)?;
        let mut signature = take(&mut rest).ok_or_else(no)?;
        let (kind, bytes) = (take(&mut signature), take(&mut signature));
        match (kind, bytes) {
            (Some(b"ssh-ed25519"), Some(bytes)) => bytes.try_into().map_err(|_| no()),
            _ => Err(no()),
        }
    }
}

/// The Ed25519 keys that the agent holds; others can't sign releases.
fn held(socket: &std::ffi::OsStr) -> Result<Vec<PersonKey>, Error> {
    let answer = ask(socket, &[REQUEST_IDENTITIES])
        .map_err(|error| Error::new(format!("ssh-agent at {}: {error}", socket.display())))?;
    let told = || Error::new("ssh-agent said something that is no list of keys");
    let mut rest = answer.strip_prefix(&[IDENTITIES_ANSWER]).ok_or_else(told)?;
    let count = number(&mut rest).ok_or_else(told)?;
    let mut keys = Vec::new();
    for _ in 0..count {
        let (blob, comment) = (take(&mut rest).ok_or_else(told)?, take(&mut rest).ok_or_else(told)?);
        keys.extend(PersonKey::of_blob(blob, String::from_utf8_lossy(comment)));
    }
    Ok(keys)
}

/// One question, one answer.
fn ask(socket: &std::ffi::OsStr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let mut message = Vec::with_capacity(request.len() + 4);
    string(&mut message, request).map_err(std::io::Error::other)?;
    stream.write_all(&message)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > ANSWER_BYTES_MAX {
        return Err(std::io::Error::other("an answer without end"));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

// === strings of SSH: a length of four bytes, then the bytes ===

fn string(to: &mut Vec<u8>, part: &[u8]) -> Result<(), String> {
    let length = u32::try_from(part.len()).map_err(|_| "too long to be signed".to_owned())?;
    to.extend(length.to_be_bytes());
    to.extend(part);
    Ok(())
}

fn number(from: &mut &[u8]) -> Option<u32> {
    let (number, rest) = from.split_first_chunk::<4>()?;
    *from = rest;
    Some(u32::from_be_bytes(*number))
}

fn take<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(from)?).ok()?;
    let (string, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(string)
}
