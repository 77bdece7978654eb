use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::values::{At, Json, Sha256, Word};
use super::{Durability, Sqlite};
use crate::Answer;
use crate::proposals::{Proposal, ProposalKey, Proposals};

impl Proposals for Sqlite {
    fn remember_proposals(&self, proposals: Vec<(Arc<ProposalKey>, Arc<Proposal>)>) -> Answer<()> {
        self.write("remember proposals", Durability::Normal, move |sql| {
            let upsert = "INSERT OR REPLACE INTO proposal
                          (principal, workflow, tool, arguments, session, act, flow, trajectory, at, release)
                          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
            let mut upsert = sql.prepare_cached(upsert)?;
            for (key, proposal) in proposals {
                upsert.execute(params![
                    key.principal,
                    key.workflow,
                    key.tool.to_string(),
                    Sha256(key.arguments),
                    proposal.session,
                    proposal.act.to_string(),
                    Json(&proposal.flow),
                    Json(&proposal.trajectory),
                    At(proposal.at),
                    proposal.release.map(Sha256),
                ])?;
            }
            Ok(())
        })
    }

    fn proposal(&self, key: &ProposalKey, since: Timestamp) -> Answer<Option<Proposal>> {
        let key = key.clone();
        self.read("look up a proposal", move |sql| {
            let select = "SELECT session, act, flow, trajectory, at, release FROM proposal
                          WHERE principal = ? AND workflow = ? AND tool = ? AND arguments = ? AND at >= ?";
            let values =
                params![key.principal, key.workflow, Word(key.tool), Sha256(key.arguments), At(since)];
            Ok(sql.prepare_cached(select)?.query_row(values, proposal).optional()?)
        })
    }

    fn proposals(&self, since: Timestamp, limit: usize) -> Answer<Vec<(ProposalKey, Proposal)>> {
        self.read("list proposals", move |sql| {
            let select =
                "SELECT session, act, flow, trajectory, at, release, principal, workflow, tool, arguments
                          FROM proposal WHERE at >= ? ORDER BY at DESC LIMIT ?";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = sql.prepare_cached(select)?;
            let rows =
                statement.query_map(params![At(since), limit], |row| Ok((key(row)?, proposal(row)?)))?;
            let mut found = rows.collect::<Result<Vec<_>, _>>()?;
            found.reverse();
            Ok(found)
        })
    }
}

fn key(row: &Row<'_>) -> rusqlite::Result<ProposalKey> {
    Ok(ProposalKey {
        principal: row.get(6)?,
        workflow: row.get(7)?,
        tool: row.get::<_, Word<_>>(8)?.0,
        arguments: row.get::<_, Sha256>(9)?.0,
    })
}

fn proposal(row: &Row<'_>) -> rusqlite::Result<Proposal> {
    Ok(Proposal {
        session: row.get(0)?,
        act: row.get::<_, Word<_>>(1)?.0,
        flow: row.get::<_, Json<_>>(2)?.0,
        trajectory: row.get::<_, Json<_>>(3)?.0,
        at: row.get::<_, At>(4)?.0,
        release: row.get::<_, Option<Sha256>>(5)?.map(|release| release.0),
    })
}
