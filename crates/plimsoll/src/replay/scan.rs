//! Going through the ledger: judged acts that were asked for, in order, decided on every processor.

use std::path::Path;

use jiff::Timestamp;
use memchr::memmem::Finder;
use plimsoll_bundle::replay::judged;
use plimsoll_core::{Entry, Judged};
use plimsoll_gateway::Lens;
use plimsoll_ledger::{LedgerReader, Record, Seq};

use crate::bench::policy::in_parallel;
use crate::talk::Error;

/// Entries read before they are decided.
const BATCH: usize = 8_192;

/// Which acts were asked for. What is empty does not restrict.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Number of an entry, or the beginning of the id of a session, act or request.
    pub id: Option<String>,
    pub workflow: Option<String>,
    pub tool: Option<String>,
    pub decision: Option<String>,
    pub since: Option<Timestamp>,
}

/// An entry as it was read.
#[derive(Debug)]
pub struct Opened {
    pub seq: u64,
    pub entry: Entry,
}

impl Opened {
    /// Reads an entry of the ledger. The one place where a replay does.
    fn of(record: &Record, lens: &Lens) -> Option<Self> {
        Some(Self { seq: record.seq.0, entry: lens.entry(record).ok()?.entry })
    }

    /// The same, with what is sealed left so.
    fn sealed(record: &Record) -> Option<Self> {
        Some(Self { seq: record.seq.0, entry: serde_json::from_slice(&record.entry).ok()? })
    }

    /// Its act, and whether that was let through.
    pub fn act(&self) -> Option<(&Judged, bool)> {
        judged(&self.entry)
    }
}

/// One entry of the ledger.
///
/// # Errors
/// When the ledger can't be read.
pub fn open(ledger: &Path, lens: &Lens, seq: u64) -> Result<Option<Opened>, Error> {
    let record = LedgerReader::open(ledger)?.record(Seq(seq))?;
    Ok(record.and_then(|record| Opened::of(&record, lens)))
}

/// Every record of the ledger.
///
/// # Errors
/// When the ledger can't be read.
pub fn records(ledger: &Path) -> Result<impl Iterator<Item = Record> + use<>, Error> {
    Ok(LedgerReader::open(ledger)?.iter_from(Seq(0)).map_while(Result::ok))
}

impl Asked {
    fn takes_all(&self) -> bool {
        let Self { id, workflow, tool, decision, since } = self;
        since.is_none() && [id, workflow, tool, decision].iter().all(|asked| asked.is_none())
    }

    fn takes(&self, opened: &Opened, judged: &Judged) -> bool {
        let is = |asked: &Option<String>, is: &str| asked.as_deref().is_none_or(|asked| asked == is);
        is(&self.workflow, &opened.entry.workflow)
            && is(&self.decision, judged.decision.ruling.name())
            && self.tool.as_ref().is_none_or(|tool| *tool == judged.act.tool.to_string())
            && self.since.is_none_or(|since| opened.entry.at >= since)
            && self.id.as_ref().is_none_or(|id| is_called(id, opened, judged))
    }
}

fn is_called(id: &str, opened: &Opened, judged: &Judged) -> bool {
    let id = id.trim_start_matches('#').trim_start_matches("act-");
    if let Ok(seq) = id.parse::<u64>()
        && seq == opened.seq
    {
        return true;
    }
    let starts = |name: &str| name.starts_with(id);
    starts(&opened.entry.session) || starts(&opened.entry.request) || starts(&judged.act.id.to_string())
}

/// Hands every judged act that was asked for to `work`, on every processor, and what came of each to `fold`, in order.
/// `all` hands over the others too, for what they say about a conversation; `work` is told which it is.
///
/// # Errors
/// When the ledger can't be read.
pub fn scan<T: Send>(
    ledger: &Path,
    lens: &Lens,
    asked: &Asked,
    work: impl Fn(&Opened, &Judged, bool) -> T + Sync,
    mut fold: impl FnMut(T),
) -> Result<(), Error> {
    let reader = LedgerReader::open(ledger)?;
    let kinds = [Finder::new("\"kind\":\"intent\""), Finder::new("\"kind\":\"decision\"")];
    let mut records = reader.iter_from(Seq(0));
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH
            && let Some(record) = records.next().transpose()?
        {
            // Most entries are about no decision; those need not be read to say so.
            if kinds.iter().any(|kind| kind.find(&record.entry).is_some()) {
                batch.push(record);
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let done = in_parallel(batch.len(), |n| {
            // What was not asked for is not opened: none of what tells it is sealed.
            if !asked.takes_all() {
                let closed = Opened::sealed(&batch[n])?;
                closed.act().filter(|(judged, _)| asked.takes(&closed, judged))?;
            }
            let opened = Opened::of(&batch[n], lens)?;
            let (judged, passed) = opened.act()?;
            Some(work(&opened, judged, passed))
        });
        done.into_iter().flatten().for_each(&mut fold);
    }
}
