//! `plimsoll export`: the ledger in forms that others read. Each form is a file of this directory.

mod forms;
mod pack;

use std::path::PathBuf;

use plimsoll_export::{Include, Source};

use self::forms::{Filter, Form, Order};
use crate::opener::ReadArgs;
use crate::repo::Repo;
use crate::talk::Done;

/// Hand the ledger to others: a pack that an auditor can check, or events for other systems
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("form").required(true).args(["pack", "jsonl", "otlp", "ocsf"])))]
#[command(after_help = "Examples:
  plimsoll export --pack audit-2026-11        a directory: checkpoint, tree, entries, and how to check them
  plimsoll export --pack audit-2026-11.tar    the same in one file
  plimsoll export --ocsf --since 1d > siem.jsonl
  plimsoll export --otlp --workflow support --to traces.jsonl    a file as the OpenTelemetry Collector reads it
The pack holds all entries under the last checkpoint that satisfies trust.txt. It is verified before this command says
that it is done. The gateway may run meanwhile. What is sealed stays sealed in it, and names are pseudonyms. The others open what the
keys at hand open, and that is put on record (--reason says why). --otlp and --ocsf leave out who asked, arguments and
texts unless --include names them; docs/export.md has every attribute.
Exit codes: 0 written (a pack: and verified), 1 written and not good or not whole, 2 not written.")]
pub struct Export {
    /// Write an evidence pack to a new directory, or to a new file whose name ends in .tar
    #[arg(long, value_name = "DIR|FILE.tar")]
    pack: Option<PathBuf>,
    /// One entry a line with its number, what is sealed opened by the keys at hand
    #[arg(long)]
    jsonl: bool,
    /// OpenTelemetry traces and logs: one OTLP request a line, in its JSON encoding
    #[arg(long)]
    otlp: bool,
    /// One OCSF 1.8 event a line
    #[arg(long)]
    ocsf: bool,
    /// Write to a new file instead of standard output
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    to: Option<PathBuf>,
    /// What else goes out: identity, arguments, content
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',', value_parser = ["identity", "arguments", "content"], conflicts_with_all = ["pack", "jsonl"])]
    include: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    repo: Repo,
}

impl Export {
    pub fn run(self) -> Done {
        if let Some(pack) = &self.pack {
            return pack::run(&self.repo, pack);
        }
        let includes = |class: &str| self.include.iter().any(|included| included == class);
        let include = Include {
            identity: includes("identity"),
            arguments: includes("arguments"),
            content: includes("content"),
        };
        let form = match (self.otlp, self.ocsf) {
            (true, _) => Form::Otlp,
            (_, true) => Form::Ocsf,
            _ => Form::Jsonl,
        };
        let source = Source { version: env!("CARGO_PKG_VERSION").to_owned(), include, ..Source::default() };
        let order = Order { form, filter: &self.filter, source, to: self.to.as_deref(), read: &self.read };
        forms::run(&self.repo, order)
    }
}
