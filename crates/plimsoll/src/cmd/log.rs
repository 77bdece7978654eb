//! `plimsoll log`: what happened, one entry a line.

use std::process::ExitCode;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plimsoll_console::chain::{log_line, log_tone};
use plimsoll_store::{EntryFilter, EntryRow, ROWS_MAX};

use crate::cmd::show::paint;
use crate::opener::{ReadArgs, Record};
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// How often `--follow` looks.
const FOLLOW_MS: u64 = 300;

/// What happened, one entry a line
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll log --decision refuse --since 1h
  plimsoll log --tool desk.refund_order --follow
  plimsoll log --in-doubt          acts of which nobody knows whether they happened
It reads the database beside the gateway, which need not run. Follow one entry up with `plimsoll show`.")]
pub struct Log {
    #[command(flatten)]
    repo: Repo,
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// `key:<name>` or `oidc:<subject>`
    #[arg(long, value_name = "ID")]
    principal: Option<String>,
    /// `server.tool`
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    #[arg(long, value_parser = ["allow", "hold", "refuse"])]
    decision: Option<String>,
    /// intent, decision, outcome, approval, stop, config, key, gateway, turned, erasure, hold, read, grant, release
    #[arg(long)]
    kind: Option<String>,
    /// `90s`, `30m`, `1h`, `7d`, or a time
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
    /// How many at most, the latest
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    /// Acts that began and whose outcome nobody knows, oldest first
    #[arg(long, conflicts_with_all = ["follow", "workflow", "principal", "tool", "decision", "kind", "since"])]
    in_doubt: bool,
    /// Go on with what happens from now on
    #[arg(long, short)]
    follow: bool,
    /// One JSON object a line: `seq` and the entry, with its sealed fields where the keys are
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    read: ReadArgs,
}

impl Log {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let record = Record::open(&self.repo, &self.read).await?;
            if self.in_doubt {
                let rows = record.reading.in_doubt(Timestamp::now(), self.limit).await?;
                if rows.is_empty() {
                    talk::say("nothing is in doubt");
                }
                record.note("what is in doubt").await;
                self.tell(&rows);
                return Ok(ExitCode::SUCCESS);
            }
            let mut seen = self.latest(&record, self.limit, None).await?;
            if seen.is_none() && !self.follow {
                talk::say("nothing like that is on record");
            }
            if !self.follow {
                return Ok(ExitCode::SUCCESS);
            }
            loop {
                tokio::time::sleep(Duration::from_millis(FOLLOW_MS)).await;
                seen = self.latest(&record, ROWS_MAX, seen).await?.or(seen);
            }
        })
    }

    /// Prints the latest entries after `after`, oldest first; gives the last one's number. They are read on record
    /// before they are printed: a reader may hang up on the first line.
    async fn latest(&self, record: &Record, limit: usize, after: Option<u64>) -> Result<Option<u64>, Error> {
        let filter = EntryFilter {
            workflow: self.workflow.clone(),
            principal: self.principal.clone(),
            tool: self.tool.clone(),
            decision: self.decision.clone(),
            kind: self.kind.clone(),
            since: self.since,
            before: None,
            after,
        };
        let mut rows = record.reading.latest_entries(&filter, limit).await?;
        rows.reverse();
        record.note("the log").await;
        self.tell(&rows);
        Ok(rows.last().map(|row| row.seq))
    }

    fn tell(&self, rows: &[EntryRow]) {
        for row in rows {
            if self.json {
                let entry: serde_json::Value = serde_json::from_str(&row.body).unwrap_or_default();
                talk::data(serde_json::json!({ "seq": row.seq, "entry": entry }).to_string());
            } else {
                talk::data(paint(log_tone(row), &log_line(row)));
            }
        }
    }
}

/// `1h` ago, or a time.
pub fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let ago = duration(text).ok_or_else(|| format!("`{text}` is neither like `1h` nor a time"))?;
    Timestamp::now().checked_sub(ago).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let seconds = match unit.trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    Some(SignedDuration::from_secs(number.parse::<i64>().ok()?.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text, seconds: Option<i64>| {
            assert_eq!(duration(text), seconds.map(SignedDuration::from_secs), "{text}")
        };
        check("90s", Some(90));
        check("30m", Some(1_800));
        check("1h", Some(3_600));
        check("7d", Some(604_800));
        check("h", None);
        check("5", None);
        check("5y", None);
        check("99999999999999999999h", None);
    }
}
