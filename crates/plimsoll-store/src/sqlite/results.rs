use jiff::Timestamp;
use plimsoll_core::{Digest, Label};
use rusqlite::{OptionalExtension as _, Row, params};

use super::values::{At, Json, Sha256};
use super::{Durability, Sqlite};
use crate::Answer;
use crate::results::{ResultRow, Results};

const COLUMNS: &str = "address, tool, session, principal, requester, label, call, forms, folded, prints, at";

impl Results for Sqlite {
    fn remember_results(&self, results: Vec<ResultRow>) -> Answer<()> {
        self.write("remember results", Durability::Normal, move |sql| {
            let known =
                "SELECT label FROM result WHERE address = ? AND tool = ? AND session = ? AND requester = ?";
            let upsert = format!(
                "INSERT INTO result ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (address, tool, session, requester)
                 DO UPDATE SET label = excluded.label, call = excluded.call, at = max(at, excluded.at)"
            );
            for result in results {
                let address = Sha256(result.address);
                let known: Option<Json<Label>> = sql
                    .prepare_cached(known)?
                    .query_row(params![address, result.tool, result.session, result.requester], |row| {
                        row.get(0)
                    })
                    .optional()?;
                let label = known.map_or_else(|| result.label.clone(), |known| known.0.join(&result.label));
                let forms: Vec<u8> = result.forms.iter().flat_map(|form| *form.as_bytes()).collect();
                sql.prepare_cached(&upsert)?.execute(params![
                    address,
                    result.tool,
                    result.session,
                    result.principal,
                    result.requester,
                    Json(label),
                    result.call.map(Sha256),
                    forms,
                    result.folded,
                    result.prints,
                    At(result.at),
                ])?;
            }
            Ok(())
        })
    }

    fn latest_results(&self, since: Timestamp, limit: usize, bytes: usize) -> Answer<Vec<ResultRow>> {
        self.read("list results", move |sql| {
            let select =
                format!("SELECT {COLUMNS} FROM result WHERE at >= ? ORDER BY at DESC, n DESC LIMIT ?");
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = sql.prepare_cached(&select)?;
            let (mut found, mut held) = (Vec::new(), 0);
            for row in statement.query_map(params![At(since), limit], result)? {
                let row = row?;
                held += row.prints.len();
                found.push(row);
                if held > bytes {
                    break;
                }
            }
            found.reverse();
            Ok(found)
        })
    }
}

fn result(row: &Row<'_>) -> rusqlite::Result<ResultRow> {
    let digest = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).ok().map(Digest::from_bytes);
    let forms: Vec<u8> = row.get(7)?;
    Ok(ResultRow {
        address: row.get::<_, Sha256>(0)?.0,
        tool: row.get(1)?,
        session: row.get(2)?,
        principal: row.get(3)?,
        requester: row.get(4)?,
        label: row.get::<_, Json<_>>(5)?.0,
        call: row.get::<_, Option<Sha256>>(6)?.map(|call| call.0),
        forms: forms.chunks(32).filter_map(digest).collect(),
        folded: row.get(8)?,
        prints: row.get(9)?,
        at: row.get::<_, At>(10)?.0,
    })
}
