//! Where entries are found: 64 in a row are a stretch, and each value that people ask by says in which stretches it is.
//!
//! Entries that belong together come together, so one line here mostly stands for many of them, where an index would
//! have one for each. Who asks reads the whole stretch and takes what is meant.

use std::collections::BTreeMap;

use rusqlite::types::ToSql;
use rusqlite::{CachedStatement, Connection, Transaction, params_from_iter};

use super::entries::{COLUMNS, entry};
use super::values::limited;
use crate::packed::RowRef;
use crate::{EntryRow, IdMatch, MATCHES_MAX, StoreError};

/// Entries of one stretch.
pub(super) const STRETCH: u64 = 64;

/// Lines that are added by one statement.
const TOGETHER: usize = 16;

/// What entries are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Session,
    Act,
    Request,
    Tool,
    Principal,
    Behalf,
}

impl By {
    const ALL: [Self; 6] =
        [Self::Session, Self::Act, Self::Request, Self::Tool, Self::Principal, Self::Behalf];

    /// The column of `entry`, and the end of the name of its table.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Act => "act",
            Self::Request => "request",
            Self::Tool => "tool",
            Self::Principal => "principal",
            Self::Behalf => "behalf",
        }
    }

    fn of<'a>(self, entry: &RowRef<'a>) -> &'a str {
        match self {
            Self::Session => entry.session,
            Self::Act => entry.act,
            Self::Request => entry.request,
            Self::Tool => entry.tool,
            Self::Principal => entry.principal,
            Self::Behalf => entry.behalf,
        }
    }

    /// `FROM` and `WHERE` of the entries that have this value, which is the first parameter.
    pub(super) fn entries(self) -> String {
        let column = self.column();
        format!(
            "FROM by_{column} AS line CROSS JOIN entry
             WHERE line.value = ?1 AND line.value <> '' AND entry.{column} = ?1
               AND entry.seq BETWEEN line.stretch * {STRETCH} AND line.stretch * {STRETCH} + {STRETCH} - 1"
        )
    }
}

/// Which of the entries that have a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// The first that may be meant, or all from the beginning.
    pub from: Option<u64>,
    /// The last that may be meant.
    pub to: Option<u64>,
    pub newest_first: bool,
    pub limit: usize,
}

/// The entries that have a value, with further conditions of `entry`, whose parameters follow.
pub(super) fn find_by(
    sql: &Connection,
    by: By,
    value: &str,
    asked: Asked,
    more: &[(&str, &dyn ToSql)],
) -> Result<Vec<EntryRow>, StoreError> {
    let mut select = format!("SELECT {COLUMNS} {}", by.entries());
    let [from, to] = [asked.from, asked.to].map(|seq| seq.map(|seq| i64::try_from(seq).unwrap_or(i64::MAX)));
    let mut values: Vec<&dyn ToSql> = vec![&value];
    for (bound, sign) in [(&from, ">="), (&to, "<=")] {
        if let Some(seq) = bound {
            values.push(seq);
            let n = values.len();
            select += &format!(" AND entry.seq {sign} ?{n} AND line.stretch {sign} ?{n} / {STRETCH}");
        }
    }
    for (condition, value) in more {
        values.push(*value);
        select += &format!(" AND entry.{condition} ?{}", values.len());
    }
    let order = if asked.newest_first { "DESC" } else { "ASC" };
    let limit = limited(asked.limit);
    select += &format!(" ORDER BY line.stretch {order}, entry.seq {order} LIMIT {limit}");
    let mut statement = sql.prepare_cached(&select)?;
    let rows = statement.query_map(params_from_iter(values), entry)?.collect::<Result<_, _>>();
    rows.map_err(StoreError::from)
}

/// The statements that say where entries are.
pub(super) struct Lines<'s> {
    by: Vec<(By, CachedStatement<'s>, CachedStatement<'s>)>,
    stretch: CachedStatement<'s>,
}

impl<'s> Lines<'s> {
    pub(super) fn prepare(sql: &'s Transaction<'_>) -> Result<Self, StoreError> {
        let insert = |by: By, lines: usize| {
            let values = ["(?, ?)"].repeat(lines).join(", ");
            let column = by.column();
            sql.prepare_cached(&format!("INSERT OR IGNORE INTO by_{column} (value, stretch) VALUES {values}"))
        };
        let by = By::ALL.map(|by| Ok::<_, StoreError>((by, insert(by, TOGETHER)?, insert(by, 1)?)));
        let stretch = "INSERT INTO stretch (n, first_id, last_id) VALUES (?, ?, ?) ON CONFLICT (n) DO UPDATE
                       SET first_id = min(first_id, excluded.first_id), last_id = max(last_id, excluded.last_id)";
        Ok(Self { by: by.into_iter().collect::<Result<_, _>>()?, stretch: sql.prepare_cached(stretch)? })
    }

    /// Says where these entries are, that follow one another.
    pub(super) fn add(&mut self, entries: &[RowRef<'_>]) -> Result<(), StoreError> {
        for (by, together, one) in &mut self.by {
            let mut lines: Vec<(&str, i64)> = entries
                .iter()
                .map(|entry| (by.of(entry), (entry.seq / STRETCH) as i64))
                .filter(|(value, _)| !value.is_empty())
                .collect();
            // In the order of the table, whose pages are then gone through once.
            lines.sort_unstable();
            lines.dedup();
            let mut chunks = lines.chunks_exact(TOGETHER);
            for lines in &mut chunks {
                for (n, (value, stretch)) in lines.iter().enumerate() {
                    together.raw_bind_parameter(1 + 2 * n, value)?;
                    together.raw_bind_parameter(2 + 2 * n, stretch)?;
                }
                together.raw_execute()?;
            }
            for (value, stretch) in chunks.remainder() {
                one.execute((value, stretch))?;
            }
        }
        for stretch in entries.chunk_by(|one, next| one.seq / STRETCH == next.seq / STRETCH) {
            let ids = || stretch.iter().map(|entry| entry.id);
            if let (Some(entry), Some(first), Some(last)) = (stretch.first(), ids().min(), ids().max()) {
                self.stretch.execute(((entry.seq / STRETCH) as i64, first, last))?;
            }
        }
        Ok(())
    }
}

/// Forgets where every entry was.
pub(super) fn clear(sql: &Transaction<'_>) -> Result<(), StoreError> {
    for by in By::ALL {
        sql.execute(&format!("DELETE FROM by_{}", by.column()), [])?;
    }
    sql.execute("DELETE FROM stretch", [])?;
    Ok(())
}

/// The values of a kind that begin like this, in their order.
pub(super) fn values(sql: &Connection, by: By, prefix: &str) -> Result<Vec<IdMatch>, StoreError> {
    let column = by.column();
    let select = format!(
        "SELECT DISTINCT value FROM by_{column} WHERE value >= ? AND value < ? ORDER BY value LIMIT {MATCHES_MAX}"
    );
    let mut statement = sql.prepare_cached(&select)?;
    let rows = statement.query_map([prefix, &*past(prefix)], |row| {
        Ok(IdMatch { what: column.to_owned(), id: row.get(0)? })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// The ids of entries that begin like this, in their order, with the entries' numbers.
pub(super) fn ids(sql: &Connection, prefix: &str) -> Result<BTreeMap<String, u64>, StoreError> {
    let past = past(prefix);
    let stretches = "SELECT n, first_id FROM stretch WHERE last_id >= ? AND first_id < ? ORDER BY first_id";
    let mut stretches = sql.prepare_cached(stretches)?;
    let entries = format!(
        "SELECT id, seq FROM entry WHERE seq BETWEEN ?1 * {STRETCH} AND ?1 * {STRETCH} + {STRETCH} - 1
         AND id >= ?2 AND id < ?3"
    );
    let mut entries = sql.prepare_cached(&entries)?;
    let mut found = BTreeMap::new();
    let mut rows = stretches.query([prefix, &*past])?;
    while let Some(row) = rows.next()? {
        let (n, first): (i64, String) = (row.get(0)?, row.get(1)?);
        // Those that follow begin with later ids than all that are wanted.
        if found.keys().nth(MATCHES_MAX - 1).is_some_and(|last| *last < first) {
            break;
        }
        let ids = entries.query_map((n, prefix, &*past), |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
        for id in ids {
            let (id, seq) = id?;
            found.entry(id).or_insert(seq.unsigned_abs());
        }
        while found.len() > MATCHES_MAX {
            found.pop_last();
        }
    }
    Ok(found)
}

/// Past every id that begins like this: ids hold no private characters.
fn past(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a value are in order, and so are the entries of a stretch: whoever asks for the latest few reads no
    /// further.
    #[test]
    fn what_is_asked_for_is_read_in_its_order() {
        let mut sql = Connection::open_in_memory().unwrap();
        super::super::migrate::migrate(&mut sql, "a test").unwrap();
        for by in By::ALL {
            for order in ["ASC", "DESC"] {
                let select = format!(
                    "EXPLAIN QUERY PLAN SELECT {COLUMNS} {} AND entry.seq <= ?2 AND line.stretch <= ?2 / {STRETCH}
                     ORDER BY line.stretch {order}, entry.seq {order} LIMIT 9",
                    by.entries()
                );
                let mut plan = sql.prepare(&select).unwrap();
                let plan: Vec<String> = plan
                    .query_map(("value", 5), |row| row.get("detail"))
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap();
                assert_eq!(
                    plan,
                    [
                        "SEARCH line USING PRIMARY KEY (value=? AND stretch<?)",
                        "SEARCH entry USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
                    ]
                );
            }
        }
    }
}
