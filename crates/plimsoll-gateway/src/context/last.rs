//! What each conversation brought last, to be compared with what it brings next: a conversation grows at its end.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is kept of a conversation.
pub(super) trait Kept: Default {
    /// Bytes that it takes.
    fn bytes(&self) -> usize;
}

/// The last of each conversation, within a bound for all of them together; beyond it all of them are forgotten.
#[derive(Debug)]
pub(super) struct Last<T> {
    inner: Mutex<Inner<T>>,
    bytes_max: usize,
}

#[derive(Debug)]
struct Inner<T> {
    last: HashMap<String, T>,
    bytes: usize,
}

impl<T: Kept> Last<T> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { inner: Mutex::new(Inner { last: HashMap::new(), bytes: 0 }), bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what was kept. Another request of the same conversation that comes meanwhile finds nothing.
    pub(super) fn take(&self, session: &str) -> T {
        let mut inner = self.lock();
        let last = inner.last.remove(session).unwrap_or_default();
        inner.bytes -= last.bytes();
        last
    }

    pub(super) fn keep(&self, session: &str, last: T) {
        let mut inner = self.lock();
        inner.bytes += last.bytes();
        if inner.bytes > self.bytes_max {
            *inner = Inner { last: HashMap::new(), bytes: 0 };
            return;
        }
        let before = inner.last.insert(session.to_owned(), last).unwrap_or_default();
        inner.bytes -= before.bytes();
    }

    /// Bytes that are kept, which are those of all that is kept.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let inner = self.lock();
        assert_eq!(inner.bytes, inner.last.values().map(Kept::bytes).sum::<usize>());
        inner.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Kept for String {
        fn bytes(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn it_is_taken_once_and_all_goes_beyond_the_bound() {
        let last = Last::new(10);
        last.keep("a", "12345".to_owned());
        last.keep("a", "123".to_owned());
        last.keep("b", "1234".to_owned());
        assert_eq!((last.bytes(), &*last.take("a"), &*last.take("a")), (7, "123", ""));
        assert_eq!(last.lock().last.len(), 1, "what was taken leaves nothing");
        last.keep("c", "1234567".to_owned());
        assert_eq!((last.bytes(), &*last.take("b")), (0, ""));
    }
}
