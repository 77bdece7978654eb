//! The digest of a request's body, which mostly begins like the one before it: a conversation grows at its end.
//!
//! What is equal is compared and not hashed again, which takes a tenth of the time. The digest is that of the whole body
//! all the same.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use plimsoll_core::Digest;
use sha2::{Digest as _, Sha256};

/// Shorter bodies are hashed whole.
pub const GROWN_MIN: usize = 8 << 10;
/// Longer bodies are hashed whole.
pub const GROWN_MAX: usize = 1 << 20;
/// Bytes of bodies that are kept at most, of all conversations together; then all of them are forgotten.
pub const GROWN_BYTES: usize = 8 << 20;
/// Bytes between two states of the hash that are kept.
const STEP: usize = 2 << 10;

/// The last body of each conversation.
#[derive(Debug, Default)]
pub struct Grown(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last: HashMap<String, Last>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Last {
    body: Bytes,
    /// The hash after each [`STEP`] bytes of it.
    states: Vec<Sha256>,
}

impl Last {
    const fn bytes(&self) -> usize {
        self.body.len() + self.states.len() * size_of::<Sha256>()
    }

    /// The states that another body has too.
    fn states_of(mut self, body: &[u8]) -> Vec<Sha256> {
        let pairs = self.body.chunks_exact(STEP).zip(body.chunks_exact(STEP));
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
        // Another request of the same conversation that comes meanwhile finds nothing, and is hashed whole.
        let mut states = self.take(session).states_of(body);
        let mut hash = states.last().cloned().unwrap_or_default();
        let mut rest = body[states.len() * STEP..].chunks_exact(STEP);
        for step in &mut rest {
            hash.update(step);
            states.push(hash.clone());
        }
        hash.update(rest.remainder());
        self.keep(session, Last { body: body.clone(), states });
        Digest::from_bytes(hash.finalize().into())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, session: &str) -> Last {
        let mut inner = self.lock();
        let last = inner.last.get_mut(session).map(std::mem::take).unwrap_or_default();
        inner.bytes -= last.bytes();
        last
    }

    fn keep(&self, session: &str, last: Last) {
        let mut inner = self.lock();
        inner.bytes += last.bytes();
        if inner.bytes > GROWN_BYTES {
            *inner = Inner::default();
            return;
        }
        let before = match inner.last.get_mut(session) {
            Some(place) => std::mem::replace(place, last),
            None => inner.last.insert(session.to_owned(), last).unwrap_or_default(),
        };
        inner.bytes -= before.bytes();
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
            let inner = grown.lock();
            assert!(inner.bytes <= GROWN_BYTES && inner.last.len() < 8);
            assert_eq!(inner.bytes, inner.last.values().map(Last::bytes).sum::<usize>());
        }
        for n in 0..50 {
            grown.digest("one", &body(n));
        }
        let inner = grown.lock();
        assert_eq!(
            inner.bytes,
            inner.last.values().map(Last::bytes).sum::<usize>(),
            "it takes the place of the one before"
        );
    }
}
