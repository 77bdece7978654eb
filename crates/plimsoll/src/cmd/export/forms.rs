//! `plimsoll export --jsonl`, `--otlp`, `--ocsf`: the ledger in other programs' words.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use plimsoll_core::{ActId, Entry, EntryBody};
use plimsoll_export::otel::Batch;
use plimsoll_export::{Acts, Numbered, Source, Told, jsonl, ocsf};
use plimsoll_ledger::{LedgerReader, Seq};
use serde_json::Value;

use crate::opener::{Going, Opener, ReadArgs};
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Spans and log records in one line of OTLP.
const BATCH: usize = 512;

/// What the entries become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Jsonl,
    Otlp,
    Ocsf,
}

impl Form {
    const fn flag(self) -> &'static str {
        match self {
            Self::Jsonl => "--jsonl",
            Self::Otlp => "--otlp",
            Self::Ocsf => "--ocsf",
        }
    }
}

/// Which entries.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// `90s`, `30m`, `1h`, `7d`, or a time
    #[arg(long, value_name = "WHEN", value_parser = crate::cmd::log::since)]
    since: Option<Timestamp>,
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// `server.tool`; what came of its acts is told with them
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
}

impl Filter {
    /// What is read and what for, as it goes on record.
    fn in_words(&self, form: Form) -> String {
        let since = self.since.map(|since| since.to_string());
        let named = [
            ("--since", &since),
            ("--workflow", &self.workflow),
            ("--session", &self.session),
            ("--tool", &self.tool),
        ];
        let named = named.iter().filter_map(|(flag, value)| Some(format!(" {flag} {}", value.as_ref()?)));
        format!("export {}{}", form.flag(), named.collect::<String>())
    }

    /// Whether an entry is wanted. `acts`: those of the wanted tool so far.
    fn wants(&self, entry: &Entry, acts: &mut HashSet<ActId>) -> bool {
        let is = |wanted: &Option<String>, it: &str| wanted.as_deref().is_none_or(|wanted| wanted == it);
        let tool = match (&self.tool, &entry.body) {
            (None, _) => true,
            (Some(tool), EntryBody::Intent(judged) | EntryBody::Decision(judged)) => {
                let same = judged.act.tool.to_string() == *tool;
                if same {
                    acts.insert(judged.act.id);
                }
                same
            }
            (Some(_), EntryBody::Outcome(outcome)) => acts.contains(&outcome.act),
            (Some(tool), EntryBody::Approval(change)) => change.approval.tool == *tool,
            (Some(_), _) => false,
        };
        tool && self.since.is_none_or(|since| entry.at >= since)
            && is(&self.workflow, &entry.workflow)
            && is(&self.session, &entry.session)
    }
}

/// What is exported, and how.
pub(super) struct Order<'a> {
    pub form: Form,
    pub filter: &'a Filter,
    pub source: Source,
    pub to: Option<&'a Path>,
    pub read: &'a ReadArgs,
}

pub(super) fn run(repo: &Repo, order: Order<'_>) -> Done {
    let bundle = repo.load(true).ok().and_then(|loaded| loaded.bundle);
    let state = repo.state_dir(bundle.as_ref());
    let dir = state.join("ledger");
    let reader = LedgerReader::open(&dir).map_err(|error| {
        Error::new(format!("there is no ledger at {}: {error}", dir.display()))
            .help("`plimsoll up` makes one; --repo names the repository, PLIMSOLL_STATE the directory")
    })?;
    let privacy = bundle.as_ref().map(|bundle| bundle.project.privacy.clone()).unwrap_or_default();
    let opener = Opener::of(&state, &privacy, order.read)?;
    let source = Source {
        environment: bundle.map(|bundle| bundle.project.environment).unwrap_or_default(),
        ..order.source
    };
    let out: Box<dyn Write> = match order.to {
        Some(path) => Box::new(
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
                Error::new(format!("{} can't be written: {error}", path.display()))
                    .help("name a file that is not there yet")
            })?,
        ),
        None => Box::new(talk::Out),
    };
    let mut writer = Writer {
        out: BufWriter::new(out),
        source,
        form: order.form,
        acts: Acts::default(),
        batch: Batch::default(),
        lines: 0,
    };
    let (mut read, mut unreadable) = (0_u64, 0_u64);
    // What is written is what was put on record to be read: not the record of that, and nothing that came meanwhile.
    let mut end = None;
    opener.stream(&order.filter.in_words(order.form), |lens, going| {
        let (mut at, mut wanted) = (Seq(0), HashSet::new());
        for record in reader.iter_from(at) {
            if end.is_some_and(|end| at >= end) {
                break;
            }
            let record = record?;
            at = Seq(record.seq.0 + 1);
            let entry = match serde_json::from_slice::<Entry>(&record.entry) {
                Ok(entry) if order.filter.wants(&entry, &mut wanted) => lens.entry(&record)?.entry,
                Ok(_) => continue,
                Err(_) => {
                    unreadable += u64::from(going == Going::Telling);
                    continue;
                }
            };
            if going == Going::Telling {
                read += 1;
                writer.entry(Numbered { seq: record.seq.0, entry })?;
            }
        }
        end = Some(at);
        Ok(())
    })?;
    let lines = writer.end()?;
    if let Some(path) = order.to {
        talk::say(format!("{}: {lines} lines of {read} entries", path.display()));
    }
    if unreadable > 0 {
        talk::say(format!("warning: {unreadable} entries were written by another version and are left out"));
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

struct Writer {
    out: BufWriter<Box<dyn Write>>,
    source: Source,
    form: Form,
    acts: Acts,
    batch: Batch,
    lines: u64,
}

impl Writer {
    fn entry(&mut self, entry: Numbered) -> Result<(), Error> {
        if self.form == Form::Jsonl {
            return self.line(&jsonl(&entry));
        }
        let told = self.acts.push(entry);
        told.iter().try_for_each(|told| self.told(told))
    }

    fn told(&mut self, told: &Told) -> Result<(), Error> {
        match self.form {
            Form::Jsonl => Ok(()),
            Form::Ocsf => match ocsf::event(told, &self.source) {
                Some(event) => self.line(&event),
                None => Ok(()),
            },
            Form::Otlp => {
                self.batch.add(told, &self.source);
                if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
            }
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        let requests = [batch.traces(&self.source), batch.logs(&self.source)];
        requests.iter().flatten().try_for_each(|request| self.line(request))
    }

    fn line(&mut self, line: &Value) -> Result<(), Error> {
        self.lines += 1;
        serde_json::to_writer(&mut self.out, line).map_err(std::io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }

    fn end(mut self) -> Result<u64, Error> {
        let rest = self.acts.rest();
        rest.iter().try_for_each(|told| self.told(told))?;
        self.flush()?;
        self.out.flush()?;
        Ok(self.lines)
    }
}
