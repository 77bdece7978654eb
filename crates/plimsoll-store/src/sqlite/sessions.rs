use jiff::Timestamp;
use rusqlite::{Row, params};

use super::values::{At, Json, Sha256};
use super::{Durability, Sqlite};
use crate::Answer;
use crate::sessions::{SessionRow, Sessions};

const COLUMNS: &str =
    "key, id, workflow, principal, requester, began_at, seen_at, life, texts, release, flags";

impl Sessions for Sqlite {
    fn remember_sessions(&self, sessions: Vec<SessionRow>) -> Answer<()> {
        self.write("remember sessions", Durability::Normal, move |sql| {
            let upsert = format!(
                "INSERT OR REPLACE INTO session ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            );
            let mut upsert = sql.prepare_cached(&upsert)?;
            for session in sessions {
                upsert.execute(params![
                    session.key,
                    session.id,
                    session.workflow,
                    session.principal,
                    session.requester,
                    session.began_at.map(At),
                    At(session.seen_at),
                    Json(session.life),
                    session.texts,
                    session.release.map(Sha256),
                    session.flags.map(Json),
                ])?;
            }
            Ok(())
        })
    }

    fn latest_sessions(&self, since: Timestamp, limit: usize) -> Answer<Vec<SessionRow>> {
        self.read("list sessions", move |sql| {
            let select = format!(
                "SELECT {COLUMNS} FROM session WHERE seen_at >= ? ORDER BY seen_at DESC, key LIMIT ?"
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = sql.prepare_cached(&select)?;
            let rows = statement.query_map(params![At(since), limit], session)?;
            let mut found = rows.collect::<Result<Vec<_>, _>>()?;
            found.reverse();
            Ok(found)
        })
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        key: row.get(0)?,
        id: row.get(1)?,
        workflow: row.get(2)?,
        principal: row.get(3)?,
        requester: row.get(4)?,
        began_at: row.get::<_, Option<At>>(5)?.map(|at| at.0),
        seen_at: row.get::<_, At>(6)?.0,
        life: row.get::<_, Json<_>>(7)?.0,
        texts: row.get(8)?,
        release: row.get::<_, Option<Sha256>>(9)?.map(|release| release.0),
        flags: row.get::<_, Option<Json<_>>>(10)?.map(|flags| flags.0),
    })
}
