use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::values::{At, Json, Word};
use super::{Durability, Sqlite};
use crate::keys::{AdminKeyRow, KeyRow, Keys};
use crate::{Answer, StoreError};

const COLUMNS: &str =
    "sha256, prefix, name, kind, workflow, tenant, roles, created_at, expires_at, revoked_at";

impl Keys for Sqlite {
    fn add_key(&self, key: &KeyRow) -> Answer<()> {
        let key = key.clone();
        self.write("add a key", Durability::Full, move |sql| {
            let insert = format!("INSERT INTO api_key ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
            sql.prepare_cached(&insert)?.execute(params![
                key.sha256,
                key.prefix,
                key.name,
                Word(key.kind),
                key.workflow,
                key.tenant,
                Json(key.roles),
                At(key.created_at),
                key.expires_at.map(At),
                key.revoked_at.map(At),
            ])?;
            Ok(())
        })
    }

    fn add_admin_key(&self, key: &AdminKeyRow) -> Answer<()> {
        let key = key.clone();
        self.write("add an admin key", Durability::Full, move |sql| {
            let insert =
                format!("INSERT INTO api_key ({COLUMNS}) VALUES (?, ?, ?, 'admin', '', '', ?, ?, ?, ?)");
            sql.prepare_cached(&insert)?.execute(params![
                key.sha256,
                key.prefix,
                key.name,
                Json(key.roles),
                At(key.created_at),
                key.expires_at.map(At),
                key.revoked_at.map(At),
            ])?;
            Ok(())
        })
    }

    fn find_key(&self, sha256: &[u8; 32]) -> Answer<Option<KeyRow>> {
        let sha256 = *sha256;
        self.read("look up a key", move |sql| {
            let select = format!("SELECT {COLUMNS} FROM api_key WHERE sha256 = ? AND kind <> 'admin'");
            Ok(sql.prepare_cached(&select)?.query_row([sha256], key).optional()?)
        })
    }

    fn find_admin_key(&self, sha256: &[u8; 32]) -> Answer<Option<AdminKeyRow>> {
        let sha256 = *sha256;
        self.read("look up an admin key", move |sql| {
            let select = format!("SELECT {COLUMNS} FROM api_key WHERE sha256 = ? AND kind = 'admin'");
            Ok(sql.prepare_cached(&select)?.query_row([sha256], admin_key).optional()?)
        })
    }

    fn keys(&self) -> Answer<Vec<KeyRow>> {
        self.read("list the keys", |sql| {
            let select = format!(
                "SELECT {COLUMNS} FROM api_key WHERE kind <> 'admin' ORDER BY created_at DESC, prefix"
            );
            let rows = sql.prepare_cached(&select)?.query_map([], key)?.collect::<Result<_, _>>();
            rows.map_err(StoreError::from)
        })
    }

    fn admin_keys(&self) -> Answer<Vec<AdminKeyRow>> {
        self.read("list the admin keys", |sql| {
            let select = format!(
                "SELECT {COLUMNS} FROM api_key WHERE kind = 'admin' ORDER BY created_at DESC, prefix"
            );
            let rows = sql.prepare_cached(&select)?.query_map([], admin_key)?.collect::<Result<_, _>>();
            rows.map_err(StoreError::from)
        })
    }

    fn revoke_key(&self, prefix: &str, now: Timestamp) -> Answer<bool> {
        let prefix = prefix.to_owned();
        self.write("revoke a key", Durability::Full, move |sql| {
            let update = "UPDATE api_key SET revoked_at = ? WHERE prefix = ? AND revoked_at IS NULL";
            Ok(sql.prepare_cached(update)?.execute(params![At(now), prefix])? == 1)
        })
    }
}

fn key(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        sha256: row.get(0)?,
        prefix: row.get(1)?,
        name: row.get(2)?,
        kind: row.get::<_, Word<_>>(3)?.0,
        workflow: row.get(4)?,
        tenant: row.get(5)?,
        roles: row.get::<_, Json<_>>(6)?.0,
        created_at: row.get::<_, At>(7)?.0,
        expires_at: row.get::<_, Option<At>>(8)?.map(|at| at.0),
        revoked_at: row.get::<_, Option<At>>(9)?.map(|at| at.0),
    })
}

fn admin_key(row: &Row<'_>) -> rusqlite::Result<AdminKeyRow> {
    Ok(AdminKeyRow {
        sha256: row.get(0)?,
        prefix: row.get(1)?,
        name: row.get(2)?,
        roles: row.get::<_, Json<_>>(6)?.0,
        created_at: row.get::<_, At>(7)?.0,
        expires_at: row.get::<_, Option<At>>(8)?.map(|at| at.0),
        revoked_at: row.get::<_, Option<At>>(9)?.map(|at| at.0),
    })
}
