use plimsoll_core::{Digest, Label};
use rusqlite::{OptionalExtension as _, Row, params};

use super::values::{At, Json, Sha256};
use super::{Durability, Sqlite};
use crate::results::{ResultRow, Results};
use crate::{ADDRESSES_MAX, Answer, StoreError};

impl Results for Sqlite {
    fn remember_results(&self, results: Vec<ResultRow>) -> Answer<()> {
        self.write("remember results", Durability::Normal, move |sql| {
            let known = "SELECT label FROM result WHERE address = ? AND tool = ? AND session = ?";
            let upsert = "INSERT INTO result (address, tool, session, label, at) VALUES (?, ?, ?, ?, ?)
                          ON CONFLICT (address, tool, session) DO UPDATE SET label = excluded.label, at = max(at, excluded.at)";
            for result in results {
                let address = Sha256(result.address);
                let known: Option<Json<Label>> = sql
                    .prepare_cached(known)?
                    .query_row(params![address, result.tool, result.session], |row| row.get(0))
                    .optional()?;
                let label = known.map_or_else(|| result.label.clone(), |known| known.0.join(&result.label));
                let row = params![address, result.tool, result.session, Json(label), At(result.at)];
                sql.prepare_cached(upsert)?.execute(row)?;
            }
            Ok(())
        })
    }

    fn results(&self, addresses: &[Digest]) -> Answer<Vec<ResultRow>> {
        let addresses = addresses.to_vec();
        self.read("look up results", move |sql| {
            if addresses.len() > ADDRESSES_MAX {
                let what =
                    format!("{} addresses in one look-up; {ADDRESSES_MAX} is the limit", addresses.len());
                return Err(StoreError::Misuse(what));
            }
            let select = "SELECT address, label, tool, session, at FROM result WHERE address = ? ORDER BY n";
            let mut statement = sql.prepare_cached(select)?;
            let mut found = Vec::new();
            for address in addresses {
                for row in statement.query_map([Sha256(address)], result)? {
                    found.push(row?);
                }
            }
            Ok(found)
        })
    }
}

fn result(row: &Row<'_>) -> rusqlite::Result<ResultRow> {
    Ok(ResultRow {
        address: row.get::<_, Sha256>(0)?.0,
        label: row.get::<_, Json<_>>(1)?.0,
        tool: row.get(2)?,
        session: row.get(3)?,
        at: row.get::<_, At>(4)?.0,
    })
}
