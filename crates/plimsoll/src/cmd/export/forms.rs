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
use plimsoll_gateway::Vault;
use plimsoll_ledger::{LedgerReader, Seq};
use serde_json::Value;

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

pub(super) fn run(repo: &Repo, form: Form, filter: &Filter, source: Source, to: Option<&Path>) -> Done {
    let bundle = repo.load(true).ok().and_then(|loaded| loaded.bundle);
    let dir = repo.state_dir(bundle.as_ref()).join("ledger");
    let reader = LedgerReader::open(&dir).map_err(|error| {
        Error::new(format!("there is no ledger at {}: {error}", dir.display()))
            .help("`plimsoll up` makes one; --repo names the repository, PLIMSOLL_STATE the directory")
    })?;
    let privacy = bundle.as_ref().map(|bundle| bundle.project.privacy.clone()).unwrap_or_default();
    let vault = Vault::open_existing(dir.parent().unwrap_or(&dir), &privacy, None)?;
    let source =
        Source { environment: bundle.map(|bundle| bundle.project.environment).unwrap_or_default(), ..source };
    let out: Box<dyn Write> = match to {
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
        form,
        acts: Acts::default(),
        batch: Batch::default(),
        lines: 0,
    };
    let (mut read, mut unreadable, mut wanted) = (0_u64, 0_u64, HashSet::new());
    for record in reader.iter_from(Seq(0)) {
        let record = record?;
        let opened = match &vault {
            Some(vault) => vault.open_all(&record).map(|opening| opening.entry),
            None => serde_json::from_slice::<Entry>(&record.entry),
        };
        match opened {
            Ok(entry) if filter.wants(&entry, &mut wanted) => {
                read += 1;
                writer.entry(Numbered { seq: record.seq.0, entry })?;
            }
            Ok(_) => {}
            Err(_) => unreadable += 1,
        }
    }
    let lines = writer.end()?;
    if let Some(path) = to {
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
