//! `plimsoll verify`: check a pack, a live ledger, or a receipt, on any machine.

pub mod own;
mod receipt;
pub mod tell;
mod web;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use plimsoll_ledger::proof::{
    Dir, Files, Memory, NOTE_BYTES_MAX, POLICY_BYTES_MAX, Policy, Receipt, SignedCheckpoint, Verification,
    verify,
};

use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// Check that a ledger, a pack or a receipt is what it was when it was written
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll verify pack/ --policy trust.txt              every entry, tile, checkpoint and cosignature
  plimsoll verify pack.tar --policy trust.txt --earlier receipt-of-may.tlog-proof
  plimsoll verify https://example.com/desk --policy trust.txt
  plimsoll verify                                       the ledger of the repository here, with its segments
  plimsoll verify receipt refund.tlog-proof --policy trust.txt
trust.txt says whose signatures count (C2SP tlog-policy). Get it from somebody other than who gave you the pack.
It needs no gateway, no repository and, but for a URL, no network.
Exit codes: 0 good, 1 not good, 2 it could not be told.")]
pub struct Verify {
    /// A pack (directory or .tar file), a ledger's directory, or the address of its files; or `receipt` and a file
    #[arg(value_name = "DIR|FILE|URL|receipt FILE", num_args = 0..=2)]
    what: Vec<String>,
    /// Whose signatures count, and how many witnesses it takes
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A checkpoint, pack or receipt that you kept: the ledger must have grown from it; may be repeated
    #[arg(long, value_name = "FILE|DIR")]
    earlier: Vec<PathBuf>,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    repo: Repo,
}

impl Verify {
    pub fn run(self) -> Done {
        let (files, policy, segments) = match self.what.as_slice() {
            [verb, file] if verb == "receipt" => {
                return receipt::run(Path::new(file), &policy(self.policy.as_deref())?, self.json);
            }
            [verb] if verb == "receipt" => return Err(Error::new("which receipt? name its file")),
            [what] => {
                let policy = policy(self.policy.as_deref())?;
                let (files, segments) = open(what)?;
                (files, policy, segments)
            }
            [first, ..] => {
                return Err(Error::new(format!("`{first}` and something else: name one thing to verify"))
                    .help("two words are `receipt` and a file"));
            }
            [] => {
                let own = own::Own::open(&self.repo)?;
                let policy = match &self.policy {
                    Some(file) => policy(Some(file))?,
                    None => {
                        talk::say(
                            "note: this ledger's own trust.txt is taken; others bring theirs with --policy",
                        );
                        own.policy
                    }
                };
                let dir = own.files.0.clone();
                (Box::new(own.files) as Box<dyn Files>, policy, Some(dir))
            }
        };
        let earlier = self.earlier.iter().map(|path| kept(path)).collect::<Result<Vec<_>, _>>()?;
        let what = Verification { files: &*files, policy: &policy, earlier: &earlier, segments };
        let mut progress = talk::Progress::new("verified");
        let result = verify(&what, &mut |done, all| progress.tell(done, all));
        progress.end();
        match (&result, self.json) {
            (result, true) => talk::data(tell::json(result).to_string()),
            (Ok(verified), false) => tell::good(verified),
            (Err(problems), false) => tell::bad(problems),
        }
        Ok(ExitCode::from(u8::from(result.is_err())))
    }
}

/// What is to be verified; with the segments, where it is a ledger's own directory.
fn open(what: &str) -> Result<(Box<dyn Files>, Option<PathBuf>), Error> {
    if what.starts_with("https://") || what.starts_with("http://") {
        return Ok((Box::new(web::Web::new(what)?), None));
    }
    let path = Path::new(what);
    if path.is_file() {
        return Ok((Box::new(Memory::from_tar(path)?), None));
    }
    if !path.is_dir() {
        return Err(Error::new(format!("there is no {what}"))
            .help("name a pack's directory or .tar file, a ledger's directory, or an address"));
    }
    // Whoever names the state directory means the ledger in it.
    let inside = path.join("ledger");
    let path = if inside.join("seg").is_dir() { inside } else { path.to_owned() };
    let segments = path.join("seg").is_dir().then(|| path.clone());
    Ok((Box::new(Dir(path)), segments))
}

/// Reads a trust policy. There is no default: a pack can't vouch for itself.
fn policy(file: Option<&Path>) -> Result<Policy, Error> {
    let Some(file) = file else {
        return Err(Error::new("whose signatures count? name a trust policy with --policy trust.txt")
            .help("get it from the ledger's owner or a witness, by another way than what you verify"));
    };
    let bytes = read(file, POLICY_BYTES_MAX)?;
    Policy::parse(&bytes).map_err(|error| Error::new(format!("{}: {error}", file.display())))
}

/// A checkpoint from earlier, by itself or in a pack or receipt.
fn kept(path: &Path) -> Result<SignedCheckpoint, Error> {
    let file = if path.is_dir() { path.join("checkpoint") } else { path.to_owned() };
    let no = |what: String| Error::new(format!("--earlier {}: {what}", path.display()));
    if file.extension().is_some_and(|end| end == "tar") {
        let bytes = Memory::from_tar(&file)?.read("checkpoint", NOTE_BYTES_MAX)?.unwrap_or_default();
        return SignedCheckpoint::parse(&bytes).map_err(|error| no(error.to_string()));
    }
    let bytes = read(&file, plimsoll_ledger::proof::RECEIPT_BYTES_MAX)?;
    if let Ok(receipt) = Receipt::parse(&bytes) {
        return Ok(receipt.checkpoint);
    }
    SignedCheckpoint::parse(&bytes).map_err(|error| no(error.to_string()))
}

/// Reads a file of which the length is bounded.
fn read(file: &Path, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let dir = file.parent().unwrap_or(Path::new("")).to_owned();
    let bytes = Dir(dir).read(&name, bytes_max)?;
    bytes.ok_or_else(|| Error::new(format!("there is no file {}", file.display())))
}
