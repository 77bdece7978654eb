use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::values::{At, Json, Sha256};
use super::{Durability, Sqlite};
use crate::sessions::{SessionRow, Sessions};
use crate::{Answer, StoreError};

const COLUMNS: &str =
    "key, id, workflow, principal, requester, began_at, seen_at, life, texts, release, flags";

/// A conversation that grows is not written again with each request: what came is a piece beside it.
const PIECE: &str = "INSERT INTO session_text (session, n, texts)
     VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM session_text WHERE session = ?1), ?2)";

impl Sessions for Sqlite {
    fn remember_sessions(&self, sessions: Vec<SessionRow>) -> Answer<()> {
        self.write("remember sessions", Durability::Normal, move |sql| {
            for session in sessions {
                if !(session.adds && add(sql, &session)?) {
                    replace(sql, &session)?;
                }
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
            let mut pieces =
                sql.prepare_cached("SELECT texts FROM session_text WHERE session = ? ORDER BY n")?;
            for session in &mut found {
                for piece in pieces.query_map([&session.key], |row| row.get::<_, Vec<u8>>(0))? {
                    session.texts.extend(piece?);
                }
            }
            found.reverse();
            Ok(found)
        })
    }
}

/// Writes all of a session.
fn replace(sql: &Connection, session: &SessionRow) -> Result<(), StoreError> {
    sql.prepare_cached("DELETE FROM session_text WHERE session = ?")?.execute([&session.key])?;
    let insert =
        format!("INSERT OR REPLACE INTO session ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    sql.prepare_cached(&insert)?.execute(params![
        session.key,
        session.id,
        session.workflow,
        session.principal,
        session.requester,
        session.began_at.map(At),
        At(session.seen_at),
        Json(&session.life),
        session.texts,
        session.release.map(Sha256),
        session.flags.as_ref().map(Json),
    ])?;
    Ok(())
}

/// Writes what came to a session. False when it is not there: somebody had it erased.
fn add(sql: &Connection, session: &SessionRow) -> Result<bool, StoreError> {
    let update =
        "UPDATE session SET began_at = ?, seen_at = ?, life = ?, release = ?, flags = ? WHERE key = ?";
    let known = sql.prepare_cached(update)?.execute(params![
        session.began_at.map(At),
        At(session.seen_at),
        Json(&session.life),
        session.release.map(Sha256),
        session.flags.as_ref().map(Json),
        session.key,
    ])?;
    if known > 0 && !session.texts.is_empty() {
        sql.prepare_cached(PIECE)?.execute(params![session.key, session.texts])?;
    }
    Ok(known > 0)
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
        adds: false,
        release: row.get::<_, Option<Sha256>>(9)?.map(|release| release.0),
        flags: row.get::<_, Option<Json<_>>>(10)?.map(|flags| flags.0),
    })
}
