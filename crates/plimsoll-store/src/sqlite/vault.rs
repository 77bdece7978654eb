//! The key ring in a SQLite database of its own.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::{migrate, values::At};
use crate::StoreError;
use crate::vault::{
    Destroyed, Gone, GrantRow, HoldRow, Instance, KeyRing, Pseudonym, Rewrap, SealKey, Wrapped,
};

/// `PLIK`: whose database this is.
const APPLICATION: i64 = 0x504c_494b;
const STEPS: &[&str] = &[include_str!("migrations/keys_0001_start.sql")];
/// How often the log is tried to be emptied while another process reads it.
const CHECKPOINT_TRIES: u32 = 50;

/// The key ring.
#[derive(Debug)]
pub struct SqliteKeys {
    connection: Mutex<Connection>,
}

impl SqliteKeys {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        made.map_err(|source| StoreError::Failed { doing: "open its file", source: Box::new(source) })?;
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        Self::on(connection, &path.display().to_string())
    }

    pub fn in_memory() -> Result<Self, StoreError> {
        Self::on(Connection::open_in_memory()?, "the keys in memory")
    }

    fn on(mut connection: Connection, path: &str) -> Result<Self, StoreError> {
        super::prepare(&connection)?;
        // Nothing of a rewritten database may lie about in a temporary file.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        migrate::migrate_to(&mut connection, path, APPLICATION, STEPS)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = work(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }
}

impl KeyRing for SqliteKeys {
    fn instance(&self) -> Result<Option<Instance>, StoreError> {
        instance(&self.lock())
    }

    fn begin(&self, instance: &Instance) -> Result<(), StoreError> {
        self.write(|sql| {
            let insert = "INSERT INTO instance (one, id, epoch, lookup, last_key) VALUES (1, ?, ?, ?, 0)";
            sql.execute(insert, params![instance.id, instance.epoch as i64, instance.lookup])?;
            Ok(())
        })
    }

    fn add_keys(&self, keys: &[SealKey]) -> Result<(), StoreError> {
        self.write(|sql| {
            let mut insert =
                sql.prepare_cached("INSERT INTO dek (id, class, audit, wrapped) VALUES (?, ?, ?, ?)")?;
            let mut last = last_key(sql)?;
            for key in keys {
                if key.id <= last {
                    let what =
                        format!("the key {} can't be added: {last} is the highest that ever was", key.id);
                    return Err(StoreError::Conflict(what));
                }
                insert.execute(params![key.id as i64, key.class, key.audit, key.wrapped])?;
                last = key.id;
            }
            sql.execute("UPDATE instance SET last_key = ? WHERE one = 1", [last as i64])?;
            Ok(())
        })
    }

    fn key(&self, id: u64) -> Result<Option<SealKey>, StoreError> {
        let sql = self.lock();
        let mut select = sql.prepare_cached("SELECT id, class, audit, wrapped FROM dek WHERE id = ?")?;
        Ok(select.query_row([id as i64], key).optional()?)
    }

    fn last_key(&self) -> Result<u64, StoreError> {
        last_key(&self.lock())
    }

    fn keys_up_to(&self, class: u8, id: u64) -> Result<Vec<u64>, StoreError> {
        let sql = self.lock();
        let mut select = sql.prepare_cached("SELECT id FROM dek WHERE class = ? AND id <= ? ORDER BY id")?;
        let ids =
            select.query_map(params![class, id as i64], |row| row.get::<_, i64>(0).map(i64::unsigned_abs))?;
        ids.collect::<Result<_, _>>().map_err(StoreError::from)
    }

    fn drop_unused(&self, ids: &[u64]) -> Result<(), StoreError> {
        self.write(|sql| delete_keys(sql, ids).map(drop))
    }

    fn add_pseudonym(&self, row: &Pseudonym) -> Result<Pseudonym, StoreError> {
        self.write(|sql| {
            let insert =
                "INSERT INTO pseudonym (pseudonym, lookup, audit, wrapped, at) VALUES (?, ?, ?, ?, ?)
                          ON CONFLICT (lookup) DO NOTHING";
            sql.execute(insert, params![row.pseudonym, row.lookup, row.audit, row.wrapped, At(row.at)])?;
            let found = pseudonym_where(sql, "lookup = ?", params![row.lookup])?;
            found.ok_or_else(|| StoreError::Damaged("a pseudonym that was added is gone".to_owned()))
        })
    }

    fn pseudonym(&self, pseudonym: &str) -> Result<Option<Pseudonym>, StoreError> {
        pseudonym_where(&self.lock(), "pseudonym = ?", params![pseudonym])
    }

    fn pseudonym_of(&self, lookup: &[u8; 32]) -> Result<Option<Pseudonym>, StoreError> {
        pseudonym_where(&self.lock(), "lookup = ?", params![lookup])
    }

    fn set_hold(&self, hold: &HoldRow) -> Result<(), StoreError> {
        self.write(|sql| {
            let insert = "INSERT OR REPLACE INTO hold (of, about, by, at, reason) VALUES (?, ?, ?, ?, ?)";
            sql.execute(insert, params![hold.of, hold.about, hold.by, At(hold.at), hold.reason])?;
            Ok(())
        })
    }

    fn lift_hold(&self, of: &str, about: &str) -> Result<bool, StoreError> {
        self.write(|sql| Ok(sql.execute("DELETE FROM hold WHERE of = ? AND about = ?", [of, about])? == 1))
    }

    fn holds(&self) -> Result<Vec<HoldRow>, StoreError> {
        let sql = self.lock();
        let mut select =
            sql.prepare_cached("SELECT of, about, by, at, reason FROM hold ORDER BY at, of, about")?;
        let hold = |row: &Row<'_>| {
            Ok(HoldRow {
                of: row.get(0)?,
                about: row.get(1)?,
                by: row.get(2)?,
                at: row.get::<_, At>(3)?.0,
                reason: row.get(4)?,
            })
        };
        let holds = select.query_map([], hold)?.collect::<Result<_, _>>();
        holds.map_err(StoreError::from)
    }

    fn set_grant(&self, grant: &GrantRow) -> Result<(), StoreError> {
        self.write(|sql| {
            let insert = "INSERT OR REPLACE INTO glass
                          (ticket, person, classes, state, by, seconds, asked_at, until, reason)
                          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
            sql.execute(
                insert,
                params![
                    grant.ticket,
                    grant.person,
                    grant.classes,
                    grant.state,
                    grant.by,
                    grant.seconds as i64,
                    At(grant.asked_at),
                    grant.until.map(At),
                    grant.reason
                ],
            )?;
            Ok(())
        })
    }

    fn grant(&self, ticket: &str) -> Result<Option<GrantRow>, StoreError> {
        let sql = self.lock();
        let select = format!("SELECT {GRANT} FROM glass WHERE ticket = ?");
        Ok(sql.prepare_cached(&select)?.query_row([ticket], grant).optional()?)
    }

    fn grants(&self) -> Result<Vec<GrantRow>, StoreError> {
        let sql = self.lock();
        let select = format!("SELECT {GRANT} FROM glass ORDER BY asked_at DESC, ticket LIMIT 1000");
        let grants = sql.prepare_cached(&select)?.query_map([], grant)?.collect::<Result<_, _>>();
        grants.map_err(StoreError::from)
    }

    fn destroy(&self, gone: &Gone, rewrap: Rewrap<'_>) -> Result<Destroyed, StoreError> {
        let destroyed = self.write(|sql| {
            let keys = delete_keys(sql, &gone.keys)?;
            let mut pseudonyms = 0;
            for pseudonym in &gone.pseudonyms {
                pseudonyms += sql.execute("DELETE FROM pseudonym WHERE pseudonym = ?", [pseudonym])?;
            }
            let before =
                instance(sql)?.ok_or_else(|| StoreError::Damaged("the key ring is nobody's".to_owned()))?;
            let lookup = rewrap(Wrapped::Lookup, &before.lookup)?;
            let epoch = before.epoch + 1;
            let update = "UPDATE instance SET epoch = ?, lookup = ? WHERE one = 1";
            sql.execute(update, params![epoch as i64, lookup])?;
            rewrap_all(sql, rewrap)?;
            Ok(Destroyed { keys, pseudonyms: pseudonyms as u64, epoch })
        })?;
        shred(&self.lock())?;
        Ok(destroyed)
    }
}

fn rewrap_all(sql: &Transaction<'_>, rewrap: Rewrap<'_>) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        // In pieces, so that a large ring need not be held whole.
        let mut select =
            sql.prepare_cached("SELECT id, wrapped FROM dek WHERE id > ? ORDER BY id LIMIT 4096")?;
        let some = select.query_map([after], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let some = some.collect::<Result<Vec<_>, _>>()?;
        let Some(last) = some.last() else { break };
        after = last.0;
        let mut update = sql.prepare_cached("UPDATE dek SET wrapped = ? WHERE id = ?")?;
        for (id, wrapped) in some {
            update.execute(params![rewrap(Wrapped::Key { id: id.unsigned_abs() }, &wrapped)?, id])?;
        }
    }
    let text = |sql: &Transaction<'_>, select: &str| {
        let mut select = sql.prepare_cached(select)?;
        let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        rows.collect::<Result<Vec<_>, _>>()
    };
    for (pseudonym, wrapped) in text(sql, "SELECT pseudonym, wrapped FROM pseudonym")? {
        let wrapped = rewrap(Wrapped::Name { pseudonym: &pseudonym }, &wrapped)?;
        sql.prepare_cached("UPDATE pseudonym SET wrapped = ? WHERE pseudonym = ?")?
            .execute(params![wrapped, pseudonym])?;
    }
    for (about, reason) in text(sql, "SELECT about, reason FROM hold")? {
        let reason = rewrap(Wrapped::Reason { about: &about }, &reason)?;
        sql.execute("UPDATE hold SET reason = ? WHERE about = ?", params![reason, about])?;
    }
    for (ticket, reason) in text(sql, "SELECT ticket, reason FROM glass")? {
        let reason = rewrap(Wrapped::Reason { about: &ticket }, &reason)?;
        sql.execute("UPDATE glass SET reason = ? WHERE ticket = ?", params![reason, ticket])?;
    }
    Ok(())
}

/// Rewrites a database whose deleted rows must not be found any more: in its file, its free pages or its log.
pub(super) fn shred(sql: &Connection) -> Result<(), StoreError> {
    empty_log(sql)?;
    sql.execute_batch("VACUUM")?;
    empty_log(sql)
}

fn empty_log(sql: &Connection) -> Result<(), StoreError> {
    for _ in 0..CHECKPOINT_TRIES {
        let busy: i64 = sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Err(StoreError::Busy)
}

fn delete_keys(sql: &Transaction<'_>, ids: &[u64]) -> Result<u64, StoreError> {
    let mut delete = sql.prepare_cached("DELETE FROM dek WHERE id = ?")?;
    let mut gone = 0;
    for id in ids {
        gone += delete.execute([*id as i64])?;
    }
    Ok(gone as u64)
}

fn instance(sql: &Connection) -> Result<Option<Instance>, StoreError> {
    let instance = |row: &Row<'_>| {
        Ok(Instance { id: row.get(0)?, epoch: row.get::<_, i64>(1)?.unsigned_abs(), lookup: row.get(2)? })
    };
    Ok(sql.query_row("SELECT id, epoch, lookup FROM instance WHERE one = 1", [], instance).optional()?)
}

fn last_key(sql: &Connection) -> Result<u64, StoreError> {
    let last = sql.query_row("SELECT last_key FROM instance WHERE one = 1", [], |row| row.get::<_, i64>(0));
    Ok(last.optional()?.unwrap_or(0).unsigned_abs())
}

fn key(row: &Row<'_>) -> rusqlite::Result<SealKey> {
    Ok(SealKey {
        id: row.get::<_, i64>(0)?.unsigned_abs(),
        class: row.get(1)?,
        audit: row.get(2)?,
        wrapped: row.get(3)?,
    })
}

fn pseudonym_where(
    sql: &Connection,
    condition: &str,
    value: impl rusqlite::Params,
) -> Result<Option<Pseudonym>, StoreError> {
    let select = format!("SELECT pseudonym, lookup, audit, wrapped, at FROM pseudonym WHERE {condition}");
    let found = sql.prepare_cached(&select)?.query_row(value, |row| {
        Ok(Pseudonym {
            pseudonym: row.get(0)?,
            lookup: row.get(1)?,
            audit: row.get(2)?,
            wrapped: row.get(3)?,
            at: row.get::<_, At>(4)?.0,
        })
    });
    Ok(found.optional()?)
}

const GRANT: &str = "ticket, person, classes, state, by, seconds, asked_at, until, reason";

fn grant(row: &Row<'_>) -> rusqlite::Result<GrantRow> {
    Ok(GrantRow {
        ticket: row.get(0)?,
        person: row.get(1)?,
        classes: row.get(2)?,
        state: row.get(3)?,
        by: row.get(4)?,
        seconds: row.get::<_, i64>(5)?.unsigned_abs(),
        asked_at: row.get::<_, At>(6)?.0,
        until: row.get::<_, Option<At>>(7)?.map(|at| at.0),
        reason: row.get(8)?,
    })
}
