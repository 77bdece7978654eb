use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{CachedStatement, Connection, Params, Row, Transaction, params};

use super::stretches::{Asked, By, Lines, STRETCH, find_by};
use super::values::{At, limited};
use super::{Durability, Sqlite, stretches};
use crate::entries::{
    Entries, EntryFilter, EntryRow, IdMatch, SealedBy, SealedOf, SessionPart, SessionSummary,
};
use crate::packed::{Packed, RowRef};
use crate::{Answer, Bodies, ENTRIES_MAX, MATCHES_MAX, ROWS_MAX, StoreError};

pub(super) const COLUMNS: &str = "seq, id, at, kind, session, workflow, principal, tool, tier, decision, status, act, request, place, body, behalf, key_identity, key_arguments, key_content, ticket";
// A number that is there already would be a fault of ours, and ends the whole transaction, not one statement.
const INSERT: &str = "INSERT OR FAIL INTO entry (seq, id, at, kind, session, workflow, principal, tool, tier, decision, status, act, request, place, body, behalf, key_identity, key_arguments, key_content, ticket, in_doubt) VALUES ";
const VALUES: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Entries that are added by one statement, which need not look for the place of each anew: most are the last of every index.
const TOGETHER: usize = 16;
/// Entries that are added in a row; then a request that waits for this processor gets it.
const TURN: usize = 4 * TOGETHER;

/// Entries that are looked at for the latest sessions, before all are.
const LOOK_BACK: i64 = 50_000;

impl Sqlite {
    /// Reads entries, and fetches from the ledger what is not here.
    fn read_entries(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<Vec<EntryRow>, StoreError> + Send + 'static,
    ) -> Answer<Vec<EntryRow>> {
        let bodies = Arc::clone(&self.bodies);
        self.read(doing, move |sql| {
            let mut rows = work(sql)?;
            if let Some(bodies) = bodies.get() {
                for row in rows.iter_mut().filter(|row| row.body.is_empty()) {
                    let body = bodies.body(row.seq, row.place).unwrap_or_default();
                    row.body = match String::from_utf8(body.entry) {
                        Ok(body) => body,
                        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
                    };
                    row.sealed = body.sealed;
                }
            }
            Ok(rows)
        })
    }
}

/// Every entry of an act or a request.
const ALL: Asked = Asked { from: None, to: None, newest_first: false, limit: ROWS_MAX };

impl Sqlite {
    fn read_by(&self, doing: &'static str, by: By, value: &str, asked: Asked) -> Answer<Vec<EntryRow>> {
        let value = value.to_owned();
        self.read_entries(doing, move |sql| find_by(sql, by, &value, asked, &[]))
    }
}

impl Entries for Sqlite {
    fn read_bodies_from(&self, bodies: Arc<dyn Bodies>) {
        let _known_already = self.bodies.set(bodies);
    }

    fn project(&self, entries: Vec<EntryRow>) -> Answer<()> {
        self.write("project entries", Durability::Normal, move |sql| {
            project(sql, &entries.iter().map(RowRef::of).collect::<Vec<_>>())
        })
    }

    fn project_packed(&self, entries: Packed) -> Answer<()> {
        self.write("project entries", Durability::Normal, move |sql| match entries.read() {
            Some(rows) => project(sql, &rows),
            None => Err(StoreError::Misuse("these are no packed rows".to_owned())),
        })
    }

    fn projected(&self) -> Answer<u64> {
        self.read("look at the projection", size)
    }

    fn clear_entries(&self) -> Answer<()> {
        self.write("clear the projection", Durability::Normal, |sql| {
            sql.execute("DELETE FROM entry", [])?;
            stretches::clear(sql)?;
            set_size(sql, 0)
        })
    }

    fn entry(&self, seq: u64) -> Answer<Option<EntryRow>> {
        let found =
            self.read_entries("look up an entry", move |sql| find(sql, "seq = ?", "seq", [seq as i64], 1));
        Box::pin(async move { Ok(found.await?.pop()) })
    }

    fn entry_of_id(&self, id: &str) -> Answer<Option<EntryRow>> {
        let id = id.to_owned();
        let found = self.read_entries("look up an entry by its id", move |sql| {
            match stretches::ids(sql, &id)?.get(&id) {
                Some(seq) => find(sql, "seq = ?", "seq", [*seq as i64], 1),
                None => Ok(Vec::new()),
            }
        });
        Box::pin(async move { Ok(found.await?.pop()) })
    }

    fn entries_of_session(&self, session: &str, limit: usize) -> Answer<Vec<EntryRow>> {
        self.read_by("list a session's entries", By::Session, session, Asked { limit, ..Asked::default() })
    }

    fn session_part(&self, session: &str, part: SessionPart) -> Answer<Vec<EntryRow>> {
        let (from, to) = if part.newest_first { (None, part.from) } else { (part.from, None) };
        let asked = Asked { from, to, newest_first: part.newest_first, limit: part.limit };
        self.read_by("list a part of a session", By::Session, session, asked)
    }

    fn session_left(&self, session: &str, beyond: u64, newest_first: bool) -> Answer<u64> {
        let session = session.to_owned();
        self.read("count the rest of a session", move |sql| {
            let side = if newest_first { "<" } else { ">" };
            let select = format!(
                "SELECT count(*) {} AND entry.seq {side} ?2 AND line.stretch {side}= ?2 / {STRETCH}",
                By::Session.entries()
            );
            let beyond = i64::try_from(beyond).unwrap_or(i64::MAX);
            let left: i64 =
                sql.prepare_cached(&select)?.query_row(params![session, beyond], |row| row.get(0))?;
            Ok(left.unsigned_abs())
        })
    }

    fn entries_of_act(&self, act: &str) -> Answer<Vec<EntryRow>> {
        self.read_by("list an act's entries", By::Act, act, ALL)
    }

    fn entries_of_request(&self, request: &str) -> Answer<Vec<EntryRow>> {
        self.read_by("list a request's entries", By::Request, request, ALL)
    }

    fn entries_of_ticket(&self, ticket: &str) -> Answer<Vec<EntryRow>> {
        let ticket = ticket.to_owned();
        self.read_entries("list a question's entries", move |sql| {
            find(sql, "ticket = ? AND ticket <> ''", "seq", [ticket], ROWS_MAX)
        })
    }

    fn latest_entries(&self, filter: &EntryFilter, limit: usize) -> Answer<Vec<EntryRow>> {
        let filter = filter.clone();
        self.read_entries("list entries", move |sql| {
            let since = filter.since.map(At);
            let seq = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
            let (before, after) = (filter.before.map(seq), filter.after.map(seq));
            let conditions: [(&str, Option<&dyn ToSql>); 8] = [
                ("principal =", filter.principal.as_ref().map(|v| v as _)),
                ("tool =", filter.tool.as_ref().map(|v| v as _)),
                ("workflow =", filter.workflow.as_ref().map(|v| v as _)),
                ("decision =", filter.decision.as_ref().map(|v| v as _)),
                ("kind =", filter.kind.as_ref().map(|v| v as _)),
                ("at >=", since.as_ref().map(|v| v as _)),
                ("seq <", before.as_ref().map(|v| v as _)),
                ("seq >", after.as_ref().map(|v| v as _)),
            ];
            let by = [(By::Principal, &filter.principal), (By::Tool, &filter.tool)];
            let by = by.into_iter().find_map(|(by, value)| Some((by, value.as_deref()?)));
            let asked = conditions.into_iter().filter_map(|(condition, value)| Some((condition, value?)));
            if let Some((by, value)) = by {
                let more: Vec<_> = asked.collect();
                // Which stretches to look at; `before` and `after` themselves are among the conditions.
                let part = Asked { from: filter.after, to: filter.before, newest_first: true, limit };
                return find_by(sql, by, value, part, &more);
            }
            let (conditions, values): (Vec<_>, Vec<_>) = asked.unzip();
            let mut condition = "true".to_owned();
            for asked in conditions {
                condition += &format!(" AND {asked} ?");
            }
            find(sql, &condition, "seq DESC", values.as_slice(), limit)
        })
    }

    fn in_doubt(&self, before: Timestamp, limit: usize) -> Answer<Vec<EntryRow>> {
        self.read_entries("list what is in doubt", move |sql| {
            find(sql, "in_doubt = 1 AND at < ?", "seq", [At(before)], limit)
        })
    }

    fn sealed_by(&self, whose: &SealedOf) -> Answer<SealedBy> {
        let (by, values): (&[By], _) = match whose {
            SealedOf::Session(session) => (&[By::Session], vec![session.clone()]),
            SealedOf::Principals(principals) => (&[By::Principal, By::Behalf], principals.clone()),
        };
        self.read("find the keys of somebody's entries", move |sql| {
            let mut seqs = HashSet::new();
            let mut keys = [const { BTreeSet::new() }; 3];
            for (value, by) in values.iter().flat_map(|value| by.iter().map(move |by| (value, by))) {
                let select = format!(
                    "SELECT seq, key_identity, key_arguments, key_content {}
                     AND key_identity + key_arguments + key_content > 0",
                    by.entries()
                );
                let mut statement = sql.prepare_cached(&select)?;
                let mut rows = statement.query([value])?;
                while let Some(row) = rows.next()? {
                    seqs.insert(row.get::<_, i64>(0)?);
                    for (class, keys) in keys.iter_mut().enumerate() {
                        keys.extend(
                            Some(row.get::<_, i64>(class + 1)?.unsigned_abs()).filter(|key| *key > 0),
                        );
                    }
                }
            }
            Ok(SealedBy { entries: seqs.len() as u64, keys: keys.map(|keys| keys.into_iter().collect()) })
        })
    }

    fn last_key_before(&self, class: usize, before: Timestamp) -> Answer<u64> {
        self.read("look up the last key of a time", move |sql| {
            let Some(column) = ["key_identity", "key_arguments", "key_content"].get(class) else {
                return Err(StoreError::Misuse(format!("there is no class {class}")));
            };
            let select = format!("SELECT max({column}) FROM entry WHERE at < ?");
            let last: Option<i64> = sql.query_row(&select, [At(before)], |row| row.get(0))?;
            Ok(last.unwrap_or(0).unsigned_abs())
        })
    }

    fn session_summaries(&self, limit: usize) -> Answer<Vec<SessionSummary>> {
        self.read("summarise sessions", move |sql| {
            let select = format!(
                "SELECT session, max(workflow), max(principal), min(at), max(at), count(*), sum(kind = 'intent'),
                        sum(decision = 'hold' AND kind = 'decision'),
                        sum(decision = 'refuse' AND kind = 'decision'), sum(in_doubt)
                 {} GROUP BY session",
                By::Session.entries()
            );
            let mut statement = sql.prepare_cached(&select)?;
            let latest = latest_sessions(sql, limited(limit))?;
            let rows = latest.iter().map(|session| statement.query_row([session], summary));
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn find_ids(&self, prefix: &str) -> Answer<Vec<IdMatch>> {
        let prefix = prefix.to_owned();
        self.read("search ids", move |sql| {
            let mut found = Vec::new();
            for by in [By::Act, By::Request, By::Session] {
                found.extend(stretches::values(sql, by, &prefix)?);
            }
            let entries = stretches::ids(sql, &prefix)?.into_keys();
            found.extend(entries.map(|id| IdMatch { what: "entry".to_owned(), id }));
            found.truncate(MATCHES_MAX);
            Ok(found)
        })
    }
}

/// The sessions of the latest entries, newest first. Few of the newest entries name them all; only where a few long sessions
/// do not leave room for the others is every session looked at.
fn latest_sessions(sql: &Connection, limit: i64) -> Result<Vec<String>, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(0);
    let (mut latest, mut seen, mut looked) = (Vec::new(), HashSet::new(), 0);
    let mut newest = sql.prepare_cached("SELECT session FROM entry ORDER BY seq DESC LIMIT ?")?;
    let mut rows = newest.query([LOOK_BACK])?;
    while latest.len() < wanted
        && let Some(row) = rows.next()?
    {
        looked += 1;
        let session: String = row.get(0)?;
        if !session.is_empty() && !seen.contains(&session) {
            seen.insert(session.clone());
            latest.push(session);
        }
    }
    if latest.len() == wanted || looked < LOOK_BACK {
        return Ok(latest);
    }
    // Of each the last stretch that it is in, and of those that may be among the latest its last entry there.
    let all = format!(
        "WITH last AS (SELECT value, max(stretch) AS stretch FROM by_session GROUP BY value),
              least AS (SELECT min(stretch) FROM (SELECT stretch FROM last ORDER BY stretch DESC LIMIT ?1))
         SELECT value FROM last WHERE stretch >= (SELECT * FROM least) ORDER BY
             (SELECT max(seq) FROM entry WHERE session = value
              AND seq BETWEEN stretch * {STRETCH} AND stretch * {STRETCH} + {STRETCH} - 1) DESC LIMIT ?1"
    );
    let rows = sql.prepare_cached(&all)?.query_map([limit], |row| row.get(0))?.collect::<Result<_, _>>();
    rows.map_err(StoreError::from)
}

pub(super) fn size(sql: &Connection) -> Result<u64, StoreError> {
    let size: i64 =
        sql.prepare_cached("SELECT size FROM projection WHERE one = 1")?.query_row([], |row| row.get(0))?;
    u64::try_from(size).map_err(|_| StoreError::Damaged("the projection has a negative size".to_owned()))
}

pub(super) fn set_size(sql: &Transaction<'_>, size: u64) -> Result<(), StoreError> {
    match sql.prepare_cached("UPDATE projection SET size = ? WHERE one = 1")?.execute([size as i64])? {
        1 => Ok(()),
        _ => Err(StoreError::Damaged("the projection does not say how many entries it has".to_owned())),
    }
}

fn project(sql: &Transaction<'_>, entries: &[RowRef<'_>]) -> Result<(), StoreError> {
    if entries.len() > ENTRIES_MAX {
        let what = format!("{} entries in one insert; {ENTRIES_MAX} is the limit", entries.len());
        return Err(StoreError::Misuse(what));
    }
    let before = size(sql)?;
    let known = entries.iter().take_while(|entry| entry.seq < before).count();
    let new = &entries[known..];
    if let Some((expected, gap)) = (before..).zip(new).find(|(expected, entry)| entry.seq != *expected) {
        return Err(StoreError::Gap { expected, found: gap.seq });
    }
    let mut open = Open::of(entries);
    let mut rows = Insert::prepare(sql)?;
    for entries in new.chunks(TURN) {
        for together in entries.chunks(TOGETHER) {
            rows.add(together, &mut open)?;
        }
        std::thread::yield_now();
    }
    Lines::prepare(sql)?.add(new)?;
    set_size(sql, before + new.len() as u64)
}

/// What a batch says of its own intents. Most acts end within the batch they began in, and their rows
/// need not be written twice.
struct Open<'a> {
    /// Acts that a later entry of the batch settles.
    settled: HashMap<&'a str, u64>,
    /// Acts that began in this batch and are written as settled already.
    closed: HashSet<&'a str>,
}

impl<'a> Open<'a> {
    fn of(entries: &[RowRef<'a>]) -> Self {
        let settled =
            entries.iter().filter(|entry| settles(entry)).map(|entry| (entry.act, entry.seq)).collect();
        Self { settled, closed: HashSet::new() }
    }

    /// Whether this entry is an intent that stays open.
    fn is_in_doubt(&mut self, entry: &RowRef<'a>) -> bool {
        if entry.kind != "intent" {
            return false;
        }
        let closes = !entry.act.is_empty() && self.settled.get(entry.act).is_some_and(|seq| *seq > entry.seq);
        if closes {
            self.closed.insert(entry.act);
        }
        !closes
    }
}

fn settles(entry: &RowRef<'_>) -> bool {
    entry.kind == "outcome" && matches!(entry.status, "done" | "failed")
}

/// The statements that add entries.
struct Insert<'s> {
    together: CachedStatement<'s>,
    one: CachedStatement<'s>,
    settle: CachedStatement<'s>,
}

impl<'s> Insert<'s> {
    fn prepare(sql: &'s Transaction<'_>) -> Result<Self, StoreError> {
        let settle = format!(
            "UPDATE entry SET in_doubt = 0 WHERE in_doubt = 1 AND seq IN (SELECT seq {})",
            By::Act.entries()
        );
        let insert =
            |rows: usize| sql.prepare_cached(&(INSERT.to_owned() + &[VALUES].repeat(rows).join(", ")));
        Ok(Self { together: insert(TOGETHER)?, one: insert(1)?, settle: sql.prepare_cached(&settle)? })
    }

    /// Adds at most [`TOGETHER`] entries. An intent is in doubt until an outcome says `done` or `failed`.
    fn add<'a>(&mut self, entries: &[RowRef<'a>], open: &mut Open<'a>) -> Result<(), StoreError> {
        if entries.len() == TOGETHER {
            for (n, entry) in entries.iter().enumerate() {
                bind(&mut self.together, n, entry, open.is_in_doubt(entry))?;
            }
            self.together.raw_execute()?;
        } else {
            for entry in entries {
                bind(&mut self.one, 0, entry, open.is_in_doubt(entry))?;
                self.one.raw_execute()?;
            }
        }
        for entry in entries.iter().filter(|entry| settles(entry)) {
            if !open.closed.contains(entry.act) {
                self.settle.execute([entry.act])?;
            }
        }
        Ok(())
    }
}

/// Binds an entry to the `n`th row of a statement.
fn bind(
    insert: &mut CachedStatement<'_>,
    n: usize,
    entry: &RowRef<'_>,
    in_doubt: bool,
) -> rusqlite::Result<()> {
    let [seq, place] = [entry.seq, entry.place].map(|number| number as i64);
    let keys = entry.keys.map(|key| key as i64);
    let values: [&dyn ToSql; 21] = [
        &seq,
        &entry.id,
        &entry.at,
        &entry.kind,
        &entry.session,
        &entry.workflow,
        &entry.principal,
        &entry.tool,
        &entry.tier,
        &entry.decision,
        &entry.status,
        &entry.act,
        &entry.request,
        &place,
        &entry.body,
        &entry.behalf,
        &keys[0],
        &keys[1],
        &keys[2],
        &entry.ticket,
        &in_doubt,
    ];
    let first = 1 + n * values.len();
    for (n, value) in values.into_iter().enumerate() {
        insert.raw_bind_parameter(first + n, value)?;
    }
    Ok(())
}

fn find(
    sql: &Connection,
    condition: &str,
    order: &str,
    values: impl Params,
    limit: usize,
) -> Result<Vec<EntryRow>, StoreError> {
    let limit = limited(limit);
    let select = format!("SELECT {COLUMNS} FROM entry WHERE {condition} ORDER BY {order} LIMIT {limit}");
    let rows = sql.prepare_cached(&select)?.query_map(values, entry)?.collect::<Result<_, _>>();
    rows.map_err(StoreError::from)
}

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    Ok(EntryRow {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        id: row.get(1)?,
        at: row.get::<_, At>(2)?.0,
        kind: row.get(3)?,
        session: row.get(4)?,
        workflow: row.get(5)?,
        principal: row.get(6)?,
        tool: row.get(7)?,
        tier: row.get(8)?,
        decision: row.get(9)?,
        status: row.get(10)?,
        act: row.get(11)?,
        request: row.get(12)?,
        place: row.get::<_, i64>(13)?.unsigned_abs(),
        body: row.get(14)?,
        behalf: row.get(15)?,
        keys: [
            row.get::<_, i64>(16)?.unsigned_abs(),
            row.get::<_, i64>(17)?.unsigned_abs(),
            row.get::<_, i64>(18)?.unsigned_abs(),
        ],
        ticket: row.get(19)?,
        sealed: Vec::new(),
    })
}

fn summary(row: &Row<'_>) -> rusqlite::Result<SessionSummary> {
    let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
    Ok(SessionSummary {
        session: row.get(0)?,
        workflow: row.get(1)?,
        principal: row.get(2)?,
        first_at: row.get::<_, At>(3)?.0,
        last_at: row.get::<_, At>(4)?.0,
        entries: count(5)?,
        intents: count(6)?,
        holds: count(7)?,
        refusals: count(8)?,
        in_doubt: count(9)?,
    })
}
