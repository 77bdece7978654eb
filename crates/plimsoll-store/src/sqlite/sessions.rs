use rusqlite::{OptionalExtension as _, Row, params};

use super::values::{At, limited};
use super::{Durability, Sqlite};
use crate::sessions::{SessionRow, Sessions};
use crate::{Answer, StoreError};

const COLUMNS: &str = "id, workflow, principal, started_at, seen_at";

impl Sessions for Sqlite {
    fn touch_session(&self, session: &SessionRow) -> Answer<bool> {
        let session = session.clone();
        self.write("note a session", Durability::Normal, move |sql| {
            let upsert = format!(
                "INSERT INTO session ({COLUMNS}) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET seen_at = max(seen_at, excluded.seen_at)
                 WHERE workflow = excluded.workflow AND principal = excluded.principal"
            );
            let row = params![
                session.id,
                session.workflow,
                session.principal,
                At(session.started_at),
                At(session.seen_at)
            ];
            Ok(sql.prepare_cached(&upsert)?.execute(row)? == 1)
        })
    }

    fn session(&self, id: &str) -> Answer<Option<SessionRow>> {
        let id = id.to_owned();
        self.read("look up a session", move |sql| {
            let select = format!("SELECT {COLUMNS} FROM session WHERE id = ?");
            Ok(sql.prepare_cached(&select)?.query_row([id], session).optional()?)
        })
    }

    fn sessions(&self, limit: usize) -> Answer<Vec<SessionRow>> {
        self.read("list sessions", move |sql| {
            let select = format!("SELECT {COLUMNS} FROM session ORDER BY seen_at DESC, id LIMIT ?");
            let sessions =
                sql.prepare_cached(&select)?.query_map([limited(limit)], session)?.collect::<Result<_, _>>();
            sessions.map_err(StoreError::from)
        })
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: row.get(0)?,
        workflow: row.get(1)?,
        principal: row.get(2)?,
        started_at: row.get::<_, At>(3)?.0,
        seen_at: row.get::<_, At>(4)?.0,
    })
}
