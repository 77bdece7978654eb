//! The digest of a request's body, which mostly begins like the one before it: a conversation grows at its end.
//!
//! What is equal is compared and not hashed again, which takes a tenth of the time. The digest is that of the whole body
//! all the same.

use bytes::Bytes;
use plimsoll_core::Digest;
use sha2::{Digest as _, Sha256};

use super::last::{Kept, Last};

/// Shorter bodies are hashed whole.
pub const GROWN_MIN: usize = 8 << 10;
/// Longer bodies are hashed whole.
pub const GROWN_MAX: usize = 1 << 20;
/// Bytes of bodies that are kept at most, of all conversations together; then all of them are forgotten.
pub const GROWN_BYTES: usize = 8 << 20;
/// Bytes between two states of the hash that are kept.
const STEP: usize = 2 << 10;

/// The last body of each conversation.
#[derive(Debug)]
pub struct Grown(Last<Body>);

#[derive(Debug, Default)]
struct Body {
    bytes: Bytes,
    /// The hash after each [`STEP`] bytes of it.
    states: Vec<Sha256>,
}

impl Default for Grown {
    fn default() -> Self {
        Self(Last::new(GROWN_BYTES))
    }
}

impl Kept for Body {
    fn bytes(&self) -> usize {
        self.bytes.len() + self.states.len() * size_of::<Sha256>()
    }
}

impl Body {
    /// The states that another body has too.
    fn states_of(mut self, body: &[u8]) -> Vec<Sha256> {
        let pairs = self.bytes.chunks_exact(STEP).zip(body.chunks_exact(STEP));
        let same = pairs.take_while(|(one, other)| one == other).count();
        self.states.truncate(same);
        self.states
    }
}

impl Grown {
    /// The SHA-256 of a body of this conversation.
    pub(crate) fn digest(&self, session: &str, body: &Bytes) -> Digest {
        if !(GROWN_MIN..=GROWN_MAX).contains(&body.len()) {
            return Digest::of(body);
        }
        let mut states = self.0.take(session).states_of(body);
        let mut hash = states.last().cloned().unwrap_or_default();
        let mut rest = body[states.len() * STEP..].chunks_exact(STEP);
        for step in &mut rest {
            hash.update(step);
            states.push(hash.clone());
        }
        hash.update(rest.remainder());
        self.0.keep(session, Body { bytes: body.clone(), states });
        Digest::from_bytes(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_digest_of_the_whole_body() {
        let grown = Grown::default();
        let all: Vec<u8> = (0..GROWN_MAX + 9).map(|n| (n % 251) as u8).collect();
        let check = |session: &str, body: Vec<u8>| {
            let body = Bytes::from(body);
            assert_eq!(grown.digest(session, &body), Digest::of(&body), "{}", body.len());
        };
        for length in
            [0, GROWN_MIN - 1, GROWN_MIN, GROWN_MIN + 1, GROWN_MIN + STEP, 50_000, GROWN_MIN, 49_999]
        {
            check("one", all[..length].to_vec());
            for changed in [0, 1, STEP - 1, STEP, 3 * STEP, length.saturating_sub(1)] {
                let mut other = all[..length].to_vec();
                if let Some(byte) = other.get_mut(changed) {
                    *byte ^= 1;
                }
                check("one", other.clone());
                check("two", other);
            }
        }
        check("one", all[..GROWN_MAX].to_vec());
        check("one", all);
    }

    #[test]
    fn it_has_a_bound() {
        let grown = Grown::default();
        let body = |n: u8| Bytes::from(vec![n; 1 << 20]);
        for n in 0..50 {
            assert_eq!(grown.digest(&format!("s-{n}"), &body(n)), Digest::of(&body(n)));
            assert!(grown.0.bytes() <= GROWN_BYTES);
        }
        let grown = Grown::default();
        grown.digest("one", &body(0));
        let one = grown.0.bytes();
        for n in 1..20 {
            grown.digest("one", &body(n));
            assert_eq!(grown.0.bytes(), one, "it takes the place of the one before");
        }
    }
}
