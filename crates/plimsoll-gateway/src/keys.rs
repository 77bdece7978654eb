//! API keys, looked up by the hash of their secret and remembered briefly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use plimsoll_inspect::key::Key;
use plimsoll_store::{KeyRow, Store, StoreError};

/// How long a looked-up key is believed. A revoked key stops working within this time.
pub const KEY_BELIEVED: SignedDuration = SignedDuration::from_secs(1);
/// Keys remembered at most.
pub const KEYS_MAX: usize = 4_096;

type Remembered = (Timestamp, Option<Arc<KeyRow>>);

/// The keys seen lately.
#[derive(Debug, Default)]
pub struct Keys {
    seen: Mutex<HashMap<[u8; 32], Remembered>>,
}

impl Keys {
    /// The live key with this secret: known, not revoked, not expired.
    ///
    /// # Errors
    /// When the store can't answer: never read as "no such key".
    pub async fn find(
        &self,
        store: &Store,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<Arc<KeyRow>>, StoreError> {
        let remembered = self.lock().get(key.digest.as_bytes()).cloned();
        let row = match remembered {
            Some((at, row)) if now.duration_since(at) < KEY_BELIEVED => row,
            _ => {
                let row = store.find_key(key.digest.as_bytes()).await?.map(Arc::new);
                let mut seen = self.lock();
                if seen.len() >= KEYS_MAX {
                    seen.clear();
                }
                seen.insert(*key.digest.as_bytes(), (now, row.clone()));
                row
            }
        };
        Ok(row.filter(|row| row.is_live(now)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Remembered>> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
