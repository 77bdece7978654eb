//! Numbered steps from an empty file to the schema this version knows.

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// `PLIM`: says in the file's header whose database this is.
const APPLICATION: i64 = 0x504c_494d;

/// In order; never changed once released.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_bodies_stay_in_the_ledger.sql"),
    include_str!("migrations/0003_memory_outlives_the_process.sql"),
    include_str!("migrations/0004_entries_say_which_keys_seal_them.sql"),
    include_str!("migrations/0005_sessions_keep_their_release.sql"),
    include_str!("migrations/0006_approvals_are_found_by_their_ticket.sql"),
    include_str!("migrations/0007_sessions_keep_their_flags.sql"),
    include_str!("migrations/0008_sessions_are_added_to.sql"),
    include_str!("migrations/0009_entries_are_found_by_stretches.sql"),
];

/// Brings the schema up to date. Refuses a newer one, and a database of another program.
pub(super) fn migrate(connection: &mut Connection, path: &str) -> Result<(), StoreError> {
    migrate_to(connection, path, APPLICATION, STEPS)
}

/// The same for any database of ours.
pub(super) fn migrate_to(
    connection: &mut Connection,
    path: &str,
    ours: i64,
    steps: &[&str],
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let pragma = |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_ours = application == ours || (application == 0 && version == 0 && tables == 0);
    if !is_ours {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    let known = steps.len() as i64;
    if version > known {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found: version, known });
    }
    for step in &steps[usize::try_from(version).unwrap_or(0)..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", ours)?;
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}
