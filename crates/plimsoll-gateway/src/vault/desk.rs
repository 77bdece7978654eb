//! Which key seals what: keys lie ready, and are given out by session and principal.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{Entry, FieldClass};
use plimsoll_ledger::seal::Key;
use plimsoll_store::{SealKey, Wrapped};

use super::{Vault, VaultError};

/// A key seals for so long; then the same session and principal get another. So what is kept too long is at most this
/// much too young when it goes.
pub const KEY_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// Keys of each class that lie ready. More are made when half of them are given out.
pub const POOL_KEYS: usize = 256;
/// Keys of each class that are made when none is ready, while somebody waits.
const WAITED_KEYS: usize = 16;
/// Sessions and principals whose keys are remembered at most. One that is forgotten gets new keys.
pub const OWNERS_MAX: usize = 65_536;

/// The desk where keys are given out.
#[derive(Debug, Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    /// One at a time makes keys, so that their numbers rise in the order they are given out.
    making: Mutex<()>,
    /// Somebody makes keys ahead of time.
    refilling: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    ready: [VecDeque<(u64, Key)>; 3],
    given: HashMap<String, Given>,
}

#[derive(Debug)]
struct Given {
    since: Timestamp,
    keys: [Option<(u64, Key)>; 3],
}

/// Whose keys seal an entry: one session of one principal, for one person.
pub(super) fn owner(entry: &Entry) -> String {
    let (id, behalf) = entry.principal.as_ref().map_or(("", ""), |principal| {
        (principal.id.as_str(), principal.on_behalf_of.as_deref().unwrap_or_default())
    });
    [&entry.session, id, behalf].join("\0")
}

fn place(class: u8) -> usize {
    usize::from(class.clamp(1, 3)) - 1
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forget_keys(&self, ids: &[u64]) {
        let ids: std::collections::HashSet<u64> = ids.iter().copied().collect();
        let mut state = self.lock();
        for given in state.given.values_mut() {
            for key in &mut given.keys {
                if key.as_ref().is_some_and(|(id, _)| ids.contains(id)) {
                    *key = None;
                }
            }
        }
        for ready in &mut state.ready {
            ready.retain(|(id, _)| !ids.contains(id));
        }
    }
}

impl Vault {
    /// The key that seals this class for this owner.
    pub(super) fn key_for(&self, owner: &str, class: u8, now: Timestamp) -> Result<(u64, Key), VaultError> {
        let desk = &self.inner.desk;
        let at = place(class);
        loop {
            let mut state = desk.lock();
            if state.given.len() >= OWNERS_MAX {
                state.given.retain(|_, given| now.duration_since(given.since) < KEY_LIFE / 24);
                if state.given.len() >= OWNERS_MAX {
                    state.given.clear();
                }
            }
            if let Some(given) = state.given.get(owner)
                && now.duration_since(given.since) < KEY_LIFE
                && let Some(key) = &given.keys[at]
            {
                return Ok(key.clone());
            }
            let Some(key) = state.ready[at].pop_front() else {
                drop(state);
                self.make_keys(WAITED_KEYS)?;
                continue;
            };
            let low = state.ready[at].len() < POOL_KEYS / 2;
            let fresh = || Given { since: now, keys: [None, None, None] };
            let given = state.given.entry(owner.to_owned()).or_insert_with(fresh);
            if now.duration_since(given.since) >= KEY_LIFE {
                *given = fresh();
            }
            given.keys[at] = Some(key.clone());
            drop(state);
            // What was sealed lately can be read also by a vault that can't read the past.
            self.remember(key.0, &key.1);
            if low && desk.refilling.load(Ordering::Relaxed) {
                self.refill();
            }
            return Ok(key);
        }
    }

    /// Makes keys ahead of time from now on, in a thread of its own: for a gateway, which must not wait for them.
    pub fn keep_keys_ready(&self) -> Result<(), VaultError> {
        self.inner.desk.refilling.store(true, Ordering::Relaxed);
        self.make_keys(WAITED_KEYS)?;
        self.refill();
        Ok(())
    }

    fn refill(&self) {
        let vault = self.clone();
        // Who finds somebody making keys lets them.
        let Ok(free) = self.inner.desk.making.try_lock() else { return };
        drop(free);
        let thread = std::thread::Builder::new().name("vault-keys".to_owned());
        let spawned = thread.spawn(move || {
            // A few at a time, so that whoever needs one at once need not wait for all. Nobody holds the vault for this
            // alone: a gateway that ends need not wait either.
            for count in (WAITED_KEYS..=POOL_KEYS).step_by(WAITED_KEYS) {
                if std::sync::Arc::strong_count(&vault.inner) == 1 {
                    break;
                }
                if let Err(error) = vault.make_keys(count) {
                    tracing::error!(%error, "keys can't be made ahead of time");
                    break;
                }
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "keys can't be made ahead of time");
        }
    }

    /// Makes so many keys of each class, unless somebody just did.
    fn make_keys(&self, count: usize) -> Result<(), VaultError> {
        let inner = &self.inner;
        let _one_at_a_time = inner.desk.making();
        let missing = {
            let state = inner.desk.lock();
            [0, 1, 2].map(|at| count.saturating_sub(state.ready[at].len()))
        };
        let kek = inner.kek.read().unwrap_or_else(PoisonError::into_inner);
        let mut id = inner.ring.last_key()?;
        let (mut rows, mut keys) = (Vec::new(), Vec::new());
        for (at, class) in FieldClass::ALL.into_iter().enumerate() {
            for _ in 0..missing[at] {
                id += 1;
                let key = Key::fresh()?;
                let wrapped = self.wrap(&kek, Wrapped::Key { id }, key.reveal())?;
                rows.push(SealKey { id, class: class.number(), audit: inner.audit.is_some(), wrapped });
                keys.push((at, id, key));
            }
        }
        inner.ring.add_keys(&rows)?;
        drop(kek);
        let mut state = inner.desk.lock();
        for (at, id, key) in keys {
            state.ready[at].push_back((id, key));
        }
        Ok(())
    }

    /// What seals from now on for this session, or for these principals, is new.
    pub(crate) fn renew(&self, session: Option<&str>, principals: &[String]) {
        let mut state = self.inner.desk.lock();
        state.given.retain(|owner, _| {
            let mut parts = owner.split('\0');
            let (of, rest) = (parts.next().unwrap_or_default(), parts.collect::<Vec<_>>());
            session != Some(of)
                && !rest.iter().any(|name| principals.iter().any(|principal| principal == name))
        });
    }
}

impl Drop for super::Inner {
    /// Keys that were never given out are of no use to the next start.
    fn drop(&mut self) {
        let state = std::mem::take(&mut *self.desk.lock());
        let unused: Vec<u64> = state.ready.iter().flatten().map(|(id, _)| *id).collect();
        if let Err(error) = self.ring.drop_unused(&unused) {
            tracing::debug!(%error, "unused keys stay in keys.db");
        }
    }
}
