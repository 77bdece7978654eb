use jiff::Timestamp;

use super::values::At;
use super::{Durability, Sqlite, entries};
use crate::{Answer, PRINT_BYTES_MAX, RESULTS_MAX, StoreError, Upkeep};

impl Upkeep for Sqlite {
    fn prune(&self, before: Timestamp) -> Answer<u64> {
        self.write("forget what is too old", Durability::Normal, move |sql| {
            let mut gone = 0;
            for delete in [
                "DELETE FROM result WHERE at < ?",
                "DELETE FROM proposal WHERE at < ?",
                "DELETE FROM counter WHERE window < ?",
                // Questions that have ended are told by the ledger; here they would stand in the clear for good.
                "DELETE FROM vote WHERE approval IN
                     (SELECT id FROM approval WHERE state NOT IN ('open', 'granted') AND expires_at < ?)",
                "DELETE FROM approval WHERE state NOT IN ('open', 'granted') AND expires_at < ?",
                "DELETE FROM session WHERE seen_at < ?",
                "DELETE FROM lapse WHERE at < ?",
            ] {
                gone += sql.prepare_cached(delete)?.execute([At(before)])?;
            }
            let beyond = "DELETE FROM result WHERE n IN (SELECT n FROM result ORDER BY at DESC, n DESC LIMIT -1 OFFSET ?)";
            gone += sql.prepare_cached(beyond)?.execute([RESULTS_MAX as i64])?;
            let held: i64 =
                sql.query_row("SELECT coalesce(sum(length(prints)), 0) FROM result", [], |row| row.get(0))?;
            if held > PRINT_BYTES_MAX as i64 {
                let beyond = "DELETE FROM result WHERE n IN (SELECT n FROM
                    (SELECT n, sum(length(prints)) OVER (ORDER BY at DESC, n DESC) AS held FROM result)
                    WHERE held > ?)";
                gone += sql.prepare_cached(beyond)?.execute([PRINT_BYTES_MAX as i64])?;
            }
            Ok(gone as u64)
        })
    }

    fn shred(&self) -> Answer<()> {
        self.writer.ask("rewrite itself", |desk| super::vault::shred(&desk.connection))
    }

    fn check(&self) -> Answer<()> {
        let written = self.write("check itself", Durability::Full, |sql| {
            match sql.prepare_cached("UPDATE pulse SET beats = beats + 1 WHERE one = 1")?.execute([])? {
                1 => Ok(()),
                _ => Err(StoreError::Damaged("the row that a health check writes is gone".to_owned())),
            }
        });
        let read = self.read("check itself", entries::size);
        Box::pin(async move {
            written.await?;
            read.await.map(drop)
        })
    }
}
