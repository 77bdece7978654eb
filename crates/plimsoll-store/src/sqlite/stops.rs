use plimsoll_core::{Stop, StopScope};
use rusqlite::{Row, params};

use super::values::At;
use super::{Durability, Sqlite};
use crate::stops::Stops;
use crate::{Answer, StoreError};

impl Stops for Sqlite {
    fn set_stop(&self, stop: &Stop) -> Answer<()> {
        let stop = stop.clone();
        self.write("pull a kill switch", Durability::Full, move |sql| {
            let (scope, name) = columns(&stop.scope);
            let upsert =
                "INSERT OR REPLACE INTO stop (scope, name, reason, person, at) VALUES (?, ?, ?, ?, ?)";
            sql.prepare_cached(upsert)?.execute(params![scope, name, stop.reason, stop.by, At(stop.at)])?;
            Ok(())
        })
    }

    fn lift_stop(&self, scope: &StopScope) -> Answer<bool> {
        let scope = scope.clone();
        self.write("lift a kill switch", Durability::Full, move |sql| {
            let (scope, name) = columns(&scope);
            let delete = "DELETE FROM stop WHERE scope = ? AND name = ?";
            Ok(sql.prepare_cached(delete)?.execute([scope, name])? == 1)
        })
    }

    fn stops(&self) -> Answer<Vec<Stop>> {
        self.read("list the kill switches", |sql| {
            let select = "SELECT scope, name, reason, person, at FROM stop ORDER BY at, scope, name";
            let stops = sql.prepare_cached(select)?.query_map([], stop)?.collect::<Result<_, _>>();
            stops.map_err(StoreError::from)
        })
    }
}

fn columns(scope: &StopScope) -> (&'static str, &str) {
    match scope {
        StopScope::All => ("all", ""),
        StopScope::Workflow(name) => ("workflow", name),
        StopScope::Tool(name) => ("tool", name),
        StopScope::Principal(name) => ("principal", name),
    }
}

fn stop(row: &Row<'_>) -> rusqlite::Result<Stop> {
    let name: String = row.get(1)?;
    let scope = match row.get_ref(0)?.as_str()? {
        "workflow" => StopScope::Workflow(name),
        "tool" => StopScope::Tool(name),
        "principal" => StopScope::Principal(name),
        // The schema knows no other word; if it did, stopping everything is the safe reading.
        _ => StopScope::All,
    };
    Ok(Stop { scope, reason: row.get(2)?, by: row.get(3)?, at: row.get::<_, At>(4)?.0 })
}
