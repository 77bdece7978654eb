//! Budgets that survive a restart.

use jiff::Timestamp;

use crate::Answer;

/// Amounts by key and window.
pub trait Counters {
    /// Adds `amount` when the sum stays within `limit`; false, and nothing added, when not. Atomic.
    fn take(&self, key: &str, window: Timestamp, amount: i64, limit: i64) -> Answer<bool>;

    /// Takes back what was taken for an act that did not happen. Never goes below nothing.
    fn give_back(&self, key: &str, window: Timestamp, amount: i64) -> Answer<()>;

    /// What has been taken.
    fn taken(&self, key: &str, window: Timestamp) -> Answer<i64>;
}
