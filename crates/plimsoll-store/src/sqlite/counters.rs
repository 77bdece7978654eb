use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::values::At;
use super::{Durability, Sqlite};
use crate::counters::Counters;
use crate::{Answer, StoreError};

impl Counters for Sqlite {
    fn take(&self, key: &str, window: Timestamp, amount: i64, limit: i64) -> Answer<bool> {
        let key = key.to_owned();
        self.write("take from a budget", Durability::Normal, move |sql| {
            positive(amount)?;
            if amount > limit {
                return Ok(false);
            }
            // `limit - amount` cannot overflow: both are at least 0 here.
            let upsert = "INSERT INTO counter (key, window, amount) VALUES (?1, ?2, ?3)
                          ON CONFLICT (key, window) DO UPDATE SET amount = amount + ?3 WHERE amount <= ?4";
            Ok(sql.prepare_cached(upsert)?.execute(params![key, At(window), amount, limit - amount])? == 1)
        })
    }

    fn give_back(&self, key: &str, window: Timestamp, amount: i64) -> Answer<()> {
        let key = key.to_owned();
        self.write("give back to a budget", Durability::Normal, move |sql| {
            positive(amount)?;
            let update = "UPDATE counter SET amount = max(0, amount - ?) WHERE key = ? AND window = ?";
            sql.prepare_cached(update)?.execute(params![amount, key, At(window)])?;
            Ok(())
        })
    }

    fn taken(&self, key: &str, window: Timestamp) -> Answer<i64> {
        let key = key.to_owned();
        self.read("look at a budget", move |sql| {
            let select = "SELECT amount FROM counter WHERE key = ? AND window = ?";
            let amount: Option<i64> = sql
                .prepare_cached(select)?
                .query_row(params![key, At(window)], |row| row.get(0))
                .optional()?;
            Ok(amount.unwrap_or(0))
        })
    }
}

fn positive(amount: i64) -> Result<(), StoreError> {
    if amount < 0 {
        return Err(StoreError::Misuse(format!("a budget is not taken by {amount}")));
    }
    Ok(())
}
