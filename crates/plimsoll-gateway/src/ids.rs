//! Fresh ids: UUIDs of version 7, with the system's random bits drawn many at a time.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::{Builder, Uuid};

/// Random bytes of one id.
const EACH: usize = 10;
/// Ids for which random bytes are drawn at once.
const AT_ONCE: usize = 64;

thread_local! {
    /// Random bytes, and how many of them are used up.
    static DRAWN: RefCell<([u8; EACH * AT_ONCE], usize)> = const { RefCell::new(([0; EACH * AT_ONCE], EACH * AT_ONCE)) };
}

/// A fresh id that begins with the time.
pub(crate) fn fresh() -> Uuid {
    let random = DRAWN.with_borrow_mut(|(drawn, used)| {
        if *used >= drawn.len() {
            getrandom::fill(drawn).ok()?;
            *used = 0;
        }
        let mut random = [0; EACH];
        random.copy_from_slice(&drawn[*used..*used + EACH]);
        *used += EACH;
        Some(random)
    });
    // A system without random bits: let the library say so.
    let Some(random) = random else { return Uuid::now_v7() };
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(u64::MAX), &random).into_uuid()
}

/// Random bytes for a key of a gateway that nobody can reach. Two halves of ids, so that it needs no error.
pub(crate) fn secret() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(fresh().as_bytes());
    bytes[16..].copy_from_slice(fresh().as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_new_and_of_version_seven() {
        let ids: BTreeSet<Uuid> = (0..10 * AT_ONCE).map(|_| fresh()).collect();
        assert_eq!(ids.len(), 10 * AT_ONCE);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
