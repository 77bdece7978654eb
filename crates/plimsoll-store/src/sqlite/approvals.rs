use jiff::Timestamp;
use plimsoll_core::{Approval, ApprovalState, ApprovalTerms, Digest, Vote};
use rusqlite::{Connection, Row, params};

use super::values::{At, Json, Sha256, Word, limited};
use super::{Durability, Sqlite};
use crate::approvals::Approvals;
use crate::{Answer, StoreError};

const COLUMNS: &str = "id, state, act_digest, roles, quorum, expires_after_s, workflow, tool, requester, opened_at, expires_at, page";

impl Approvals for Sqlite {
    fn open_approval(&self, approval: &Approval, most: usize) -> Answer<bool> {
        let approval = approval.clone();
        self.write("open an approval", Durability::Full, move |sql| {
            if approval.state != ApprovalState::Open || !approval.votes.is_empty() {
                return Err(StoreError::Misuse("an approval is opened open and without votes".to_owned()));
            }
            let count = "SELECT count(*) FROM approval WHERE state = 'open' AND expires_at > ?";
            let open: i64 =
                sql.prepare_cached(count)?.query_row([At(approval.opened_at)], |row| row.get(0))?;
            if usize::try_from(open).is_ok_and(|open| open >= most) {
                return Ok(false);
            }
            let insert =
                format!("INSERT INTO approval ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
            sql.prepare_cached(&insert)?.execute(params![
                approval.id,
                Word(approval.state),
                Sha256(approval.act_digest),
                Json(&approval.terms.roles),
                approval.terms.quorum,
                i64::try_from(approval.terms.expires_after_s).unwrap_or(i64::MAX),
                approval.workflow,
                approval.tool,
                approval.requester,
                At(approval.opened_at),
                At(approval.expires_at),
                Json(&approval.page),
            ])?;
            Ok(true)
        })
    }

    fn approval(&self, id: &str) -> Answer<Option<Approval>> {
        let id = id.to_owned();
        self.read("look up an approval", move |sql| Ok(find(sql, "id = ?", "id", [&id], 1)?.pop()))
    }

    fn approval_for(&self, requester: &str, act_digest: &Digest) -> Answer<Option<Approval>> {
        let (requester, digest) = (requester.to_owned(), Sha256(*act_digest));
        self.read("look up the approval of an act", move |sql| {
            let order = "state IN ('open', 'granted') DESC, opened_at DESC, rowid DESC";
            let found = find(sql, "requester = ? AND act_digest = ?", order, params![requester, digest], 1);
            Ok(found?.pop())
        })
    }

    fn approvals(&self, state: Option<ApprovalState>, limit: usize) -> Answer<Vec<Approval>> {
        self.read("list approvals", move |sql| {
            let order = "opened_at DESC, rowid DESC";
            match state {
                Some(state) => find(sql, "state = ?", order, [Word(state)], limit),
                None => find(sql, "true", order, [], limit),
            }
        })
    }

    fn change_approval(&self, before: &Approval, after: &Approval) -> Answer<bool> {
        let (before, after) = (before.clone(), after.clone());
        self.write("change an approval", Durability::Full, move |sql| {
            let kept = after.votes.starts_with(&before.votes) && after.id == before.id;
            if !kept || after.state == ApprovalState::Consumed {
                let what = "an approval changes by adding votes; it is spent with `consume_approval`";
                return Err(StoreError::Misuse(what.to_owned()));
            }
            let update = "UPDATE approval SET state = ?1 WHERE id = ?2 AND state = ?3
                          AND (SELECT count(*) FROM vote WHERE approval = ?2) = ?4";
            let votes = before.votes.len();
            let state = params![Word(after.state), after.id, Word(before.state), votes as i64];
            if sql.prepare_cached(update)?.execute(state)? != 1 {
                return Ok(false);
            }
            let insert = "INSERT INTO vote (approval, person, yes, at, comment) VALUES (?, ?, ?, ?, ?)";
            for vote in &after.votes[votes..] {
                let row = params![after.id, vote.person, vote.yes, At(vote.at), vote.comment];
                sql.prepare_cached(insert)?.execute(row)?;
            }
            Ok(true)
        })
    }

    fn consume_approval(&self, id: &str, act_digest: &Digest, now: Timestamp) -> Answer<bool> {
        let (id, digest) = (id.to_owned(), Sha256(*act_digest));
        self.write("spend an approval", Durability::Full, move |sql| {
            let update = "UPDATE approval SET state = 'consumed'
                          WHERE id = ? AND act_digest = ? AND state = 'granted' AND expires_at > ?";
            Ok(sql.prepare_cached(update)?.execute(params![id, digest, At(now)])? == 1)
        })
    }

    fn expire_approvals(&self, now: Timestamp) -> Answer<Vec<Approval>> {
        self.write("expire approvals", Durability::Full, move |sql| {
            let due = "state IN ('open', 'granted') AND expires_at <= ?";
            let mut expired = find(sql, due, "expires_at, id", [At(now)], usize::MAX)?;
            for approval in &mut expired {
                sql.prepare_cached("UPDATE approval SET state = 'expired' WHERE id = ?")?
                    .execute([&approval.id])?;
                approval.state = ApprovalState::Expired;
            }
            Ok(expired)
        })
    }
}

fn find(
    sql: &Connection,
    condition: &str,
    order: &str,
    values: impl rusqlite::Params,
    limit: usize,
) -> Result<Vec<Approval>, StoreError> {
    let limit = limited(limit);
    let select = format!("SELECT {COLUMNS} FROM approval WHERE {condition} ORDER BY {order} LIMIT {limit}");
    let mut found =
        sql.prepare_cached(&select)?.query_map(values, approval)?.collect::<Result<Vec<_>, _>>()?;
    for approval in &mut found {
        approval.votes = votes(sql, &approval.id)?;
    }
    Ok(found)
}

fn votes(sql: &Connection, approval: &str) -> Result<Vec<Vote>, StoreError> {
    let select = "SELECT person, yes, at, comment FROM vote WHERE approval = ? ORDER BY at, person";
    let mut statement = sql.prepare_cached(select)?;
    let votes = statement.query_map([approval], |row| {
        Ok(Vote { person: row.get(0)?, yes: row.get(1)?, at: row.get::<_, At>(2)?.0, comment: row.get(3)? })
    })?;
    Ok(votes.collect::<Result<_, _>>()?)
}

fn approval(row: &Row<'_>) -> rusqlite::Result<Approval> {
    Ok(Approval {
        id: row.get(0)?,
        state: row.get::<_, Word<_>>(1)?.0,
        act_digest: row.get::<_, Sha256>(2)?.0,
        terms: ApprovalTerms {
            roles: row.get::<_, Json<_>>(3)?.0,
            quorum: row.get(4)?,
            expires_after_s: row.get::<_, i64>(5)?.unsigned_abs(),
        },
        workflow: row.get(6)?,
        tool: row.get(7)?,
        requester: row.get(8)?,
        opened_at: row.get::<_, At>(9)?.0,
        expires_at: row.get::<_, At>(10)?.0,
        votes: Vec::new(),
        page: row.get::<_, Json<_>>(11)?.0,
    })
}
