use jiff::Timestamp;
use rusqlite::{TransactionBehavior, params};

use super::Sqlite;
use super::values::At;
use crate::Answer;
use crate::erasing::{Erasing, RowsOf};

/// `?1` is the session.
const OF_SESSION: &[&str] = &[
    "DELETE FROM vote WHERE approval IN (SELECT id FROM approval WHERE json_extract(page, '$.session') = ?1)",
    "DELETE FROM approval WHERE json_extract(page, '$.session') = ?1",
    "DELETE FROM proposal WHERE session = ?1",
    "DELETE FROM result WHERE session = ?1",
    "DELETE FROM session WHERE id = ?1",
];

/// `?1` is a name.
const OF_NAME: &[&str] = &[
    "DELETE FROM vote WHERE approval IN (SELECT id FROM approval WHERE requester = ?1
        OR json_extract(page, '$.principal.id') = ?1 OR json_extract(page, '$.principal.on_behalf_of') = ?1)",
    "DELETE FROM approval WHERE requester = ?1
        OR json_extract(page, '$.principal.id') = ?1 OR json_extract(page, '$.principal.on_behalf_of') = ?1",
    "DELETE FROM vote WHERE person = ?1
        AND approval IN (SELECT id FROM approval WHERE state NOT IN ('open', 'granted'))",
    "DELETE FROM proposal WHERE principal = ?1",
    "DELETE FROM result WHERE principal = ?1 OR requester = ?1",
    "DELETE FROM session WHERE principal = ?1 OR requester = ?1",
    "DELETE FROM lapse WHERE requester = ?1",
    "DELETE FROM counter WHERE substr(key, -length('/' || ?1)) = '/' || ?1",
];

/// `?1` is the name of a key, `?2` the time.
const OF_KEY: &str = "DELETE FROM api_key WHERE name = ?1 AND (revoked_at IS NOT NULL OR (expires_at IS NOT NULL AND expires_at < ?2))";

impl Erasing for Sqlite {
    fn erase_rows(&self, whose: &RowsOf, only_count: bool) -> Answer<u64> {
        let (deletes, names) = match whose {
            RowsOf::Session(session) => (OF_SESSION, vec![session.clone()]),
            RowsOf::Names(names) => (OF_NAME, names.clone()),
        };
        let of_keys = matches!(whose, RowsOf::Names(_));
        self.writer.ask("erase somebody", move |desk| {
            desk.set(super::Durability::Full)?;
            let sql = desk.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut gone = 0;
            for name in names.iter().filter(|name| !name.is_empty()) {
                for delete in deletes {
                    gone += sql.prepare_cached(delete)?.execute([name])?;
                }
                if of_keys {
                    let key = name.strip_prefix("key:").unwrap_or(name);
                    gone += sql.prepare_cached(OF_KEY)?.execute(params![key, At(Timestamp::now())])?;
                }
            }
            if only_count {
                sql.rollback()?
            } else {
                sql.commit()?
            }
            Ok(gone as u64)
        })
    }
}
