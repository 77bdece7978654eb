use rusqlite::params;

use super::values::At;
use super::{Durability, Sqlite};
use crate::memory::{Edge, Lapse, Memory, Whose};
use crate::{Answer, StoreError};

impl Memory for Sqlite {
    fn edge(&self) -> Answer<Edge> {
        self.read("look up the memory's edge", |sql| {
            let select = "SELECT known_to, boot FROM memory WHERE one = 1";
            let (known, boot): (i64, String) =
                sql.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let known_to = u64::try_from(known)
                .map_err(|_| StoreError::Damaged("the memory's edge is negative".to_owned()))?;
            Ok(Edge { known_to, boot })
        })
    }

    fn move_edge(&self, edge: Edge) -> Answer<()> {
        self.write("move the memory's edge", Durability::Normal, move |sql| {
            let known_to = i64::try_from(edge.known_to).unwrap_or(i64::MAX);
            let update = "UPDATE memory SET known_to = ?, boot = ? WHERE one = 1";
            match sql.prepare_cached(update)?.execute(params![known_to, edge.boot])? {
                1 => Ok(()),
                _ => Err(StoreError::Damaged("the memory's edge is gone".to_owned())),
            }
        })
    }

    fn note_lapses(&self, lapses: Vec<Lapse>) -> Answer<()> {
        self.write("note a lapse of memory", Durability::Full, move |sql| {
            let upsert = "INSERT INTO lapse (requester, workflow, at) VALUES (?, ?, ?)
                          ON CONFLICT (requester, workflow) DO UPDATE SET at = max(at, excluded.at)";
            let mut upsert = sql.prepare_cached(upsert)?;
            for lapse in lapses {
                upsert.execute(params![lapse.requester, lapse.workflow, At(lapse.at)])?;
            }
            Ok(())
        })
    }

    fn lapses(&self) -> Answer<Vec<Lapse>> {
        self.read("list lapses of memory", |sql| {
            let mut statement =
                sql.prepare_cached("SELECT requester, workflow, at FROM lapse ORDER BY requester, workflow")?;
            let lapse = |row: &rusqlite::Row<'_>| {
                Ok(Lapse { requester: row.get(0)?, workflow: row.get(1)?, at: row.get::<_, At>(2)?.0 })
            };
            Ok(statement.query_map([], lapse)?.collect::<Result<_, _>>()?)
        })
    }

    fn forget(&self, whose: &Whose) -> Answer<u64> {
        let (name, deletes) = match whose {
            Whose::Session(name) => (
                name.clone(),
                [
                    "DELETE FROM result WHERE session = ?",
                    "DELETE FROM session WHERE id = ?",
                    "DELETE FROM proposal WHERE session = ?",
                ],
            ),
            Whose::Person(name) => (
                name.clone(),
                [
                    "DELETE FROM result WHERE principal = ?1 OR requester = ?1",
                    "DELETE FROM session WHERE principal = ?1 OR requester = ?1",
                    "DELETE FROM proposal WHERE principal = ?",
                ],
            ),
        };
        self.write("forget somebody", Durability::Full, move |sql| {
            let mut gone = 0;
            for delete in deletes {
                gone += sql.prepare_cached(delete)?.execute([&name])?;
            }
            Ok(gone as u64)
        })
    }
}
