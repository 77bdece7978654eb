//! `plimsoll receipt`: the proof that one entry is in the ledger.

use std::path::PathBuf;
use std::process::ExitCode;

use plimsoll_gateway::Lens;
use plimsoll_ledger::proof::{Receipt as Proof, ReceiptError};
use plimsoll_ledger::seal::Disclosure;
use plimsoll_ledger::{Record, Seq};
use plimsoll_store::Store;

use super::verify::own::Own;
use crate::opener::{Opener, ReadArgs};
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// The proof that one entry is in the ledger, for somebody who has nothing but trust.txt
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll receipt 42 --out refund.tlog-proof    entry 42, as `plimsoll log` numbers it
  plimsoll receipt 01997f3a --out act.tlog-proof an act by the beginning of its id: its intent or decision
  plimsoll receipt 42 | plimsoll verify receipt /dev/stdin --policy trust.txt
  plimsoll receipt 42 --disclose /act/arguments  with one sealed field, which proves itself
The receipt holds the whole entry as the ledger has it, under pseudonyms and with what is sealed left out. It stays good for ever, also when the ledger is gone.")]
pub struct Receipt {
    /// Number of an entry, or the beginning of the id of an act or entry
    id: String,
    /// Where to write it; without, to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show this sealed field too, as a JSON Pointer into the entry; may be repeated. The others stay sealed
    #[arg(long, value_name = "PATH")]
    disclose: Vec<String>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    repo: Repo,
}

impl Receipt {
    pub fn run(self) -> Done {
        let own = Own::open(&self.repo)?;
        let seq = match self.id.trim_start_matches('#').parse::<u64>() {
            Ok(seq) => seq,
            Err(_) => self.find(&own)?,
        };
        let receipt = match Proof::make(&own.files, own.believed()?, seq) {
            Ok(receipt) => receipt,
            Err(ReceiptError::NotYet { index, size }) => return Err(not_yet(&own, index, size)?),
            Err(error) => return Err(error.into()),
        };
        let receipt = if self.disclose.is_empty() { receipt } else { self.disclosing(&own, receipt, seq)? };
        let text = receipt.encode();
        match &self.out {
            Some(file) => {
                std::fs::write(file, text)
                    .map_err(|error| Error::new(format!("{}: {error}", file.display())))?;
                let head = receipt.checkpoint.head();
                talk::say(format!(
                    "{}: entry {seq}, under a checkpoint of {} entries",
                    file.display(),
                    head.size
                ));
            }
            None => talk::data(text.trim_end()),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The receipt with the fields that were asked for, opened by the keys that are here.
    fn disclosing(&self, own: &Own, receipt: Proof, seq: u64) -> Result<Proof, Error> {
        let state = own.files.0.parent().map(PathBuf::from).unwrap_or_default();
        let privacy = self.repo.load(true).ok().and_then(|loaded| loaded.bundle);
        let privacy = privacy.map(|bundle| bundle.project.privacy).unwrap_or_default();
        let opener = Opener::of(&state, &privacy, &self.read)?;
        if !opener.has_keys() {
            return Err(Error::new(format!("there are no keys at {}", state.display())));
        }
        let record =
            own.reader()?.record(Seq(seq))?.ok_or_else(|| Error::new(format!("there is no entry {seq}")))?;
        let what = format!("receipt {seq} --disclose {}", self.disclose.join(" --disclose "));
        let fields = opener.read(&what, |lens| self.fields(lens, &record))??;
        Ok(receipt.disclosing(&fields)?)
    }

    fn fields(&self, lens: &Lens, record: &Record) -> Result<Vec<Disclosure>, Error> {
        let (mut fields, seq) = (Vec::new(), record.seq.0);
        for path in &self.disclose {
            let path = format!("/{}", path.trim_start_matches('/'));
            match lens.disclose(record, &path) {
                Ok(Some(field)) => fields.push(field),
                Ok(None) => {
                    let known = lens.paths(record).join(" ");
                    return Err(Error::new(format!("entry {seq} has no sealed field {path}"))
                        .help(format!("it has: {known}")));
                }
                Err(why) => {
                    return Err(Error::new(format!(
                        "the field {path} of entry {seq} can't be shown: {why:?}"
                    )));
                }
            }
        }
        Ok(fields)
    }

    /// The entry that an id means.
    fn find(&self, own: &Own) -> Result<u64, Error> {
        let database = own.files.0.with_file_name("plimsoll.db");
        if !database.is_file() {
            return Err(
                Error::new("there is no database to look the id up in").help("name the entry by its number")
            );
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let store = Store::open(&database).await?;
            let mut rows = Vec::new();
            for found in store.find_ids(&self.id).await? {
                match found.what.as_str() {
                    "act" => rows.extend(store.entries_of_act(&found.id).await?.into_iter().take(1)),
                    "entry" => rows.extend(store.entry_of_id(&found.id).await?),
                    _ => {}
                }
            }
            rows.sort_by_key(|row| row.seq);
            rows.dedup_by_key(|row| row.seq);
            match rows.as_slice() {
                [only] => Ok(only.seq),
                [] => Err(Error::new(format!("no act and no entry on record is called `{}`", self.id))
                    .help("`plimsoll log` shows what is, with numbers")),
                several => {
                    let numbers: Vec<String> =
                        several.iter().map(|row| format!("{} ({})", row.seq, row.kind)).collect();
                    Err(Error::new(format!("`{}` is the beginning of several", self.id))
                        .help(format!("name one entry by its number: {}", numbers.join(", "))))
                }
            }
        })
    }
}

fn not_yet(own: &Own, index: u64, size: u64) -> Result<Error, Error> {
    Ok(match own.reader()?.read(Seq(index))? {
        Some(_) => Error::new(format!(
            "entry {index} is not under a checkpoint yet: the last one covers {size} entries"
        ))
        .help("a running gateway signs one within ten seconds; with witnesses, as soon as they answer"),
        None => Error::new(format!("there is no entry {index}"))
            .help("`plimsoll log` shows what is, with numbers"),
    })
}
