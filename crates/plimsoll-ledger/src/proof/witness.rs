//! C2SP tlog-witness: who remembers the last checkpoint of a ledger and cosigns the next only if it grew from it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::{Digest, KeyKind, VerifierKey};

use super::checkpoint::{SignedCheckpoint, decimal, hash};
use super::files::{Dir, FileError, Files as _, write_durably};
use super::key::{KeyError, Signed, SigningKey, check};
use super::tree::check_consistency;
use super::{CHECKPOINT, NOTE_BYTES_MAX, PROOF_HASHES_MAX};
use crate::Head;
use crate::disk::Disk;
use crate::merkle::{Hash, empty_root};

/// What a ledger asks a witness (tlog-witness, "add-checkpoint").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness cosigned last, as the ledger knows it.
    pub old: u64,
    pub proof: Vec<Hash>,
    pub checkpoint: SignedCheckpoint,
}

impl AddCheckpoint {
    pub fn encode(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text + "\n" + &self.checkpoint.encode()
    }

    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the request is not text")?;
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or("no empty line stands before the checkpoint")?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old = old.ok_or("the first line is not `old` and a tree size")?;
        let proof: Option<Vec<Hash>> = lines.map(hash).collect();
        let proof = proof.filter(|proof| proof.len() <= PROOF_HASHES_MAX);
        let proof = proof.ok_or("the proof is not up to 63 lines of base64, one hash each")?;
        let checkpoint = SignedCheckpoint::parse(checkpoint.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Self { old, proof, checkpoint })
    }
}

/// Why a witness does not cosign. Each has the HTTP status that the protocol gives it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    Malformed(String),
    #[error("no ledger of this origin is witnessed here")]
    UnknownOrigin,
    #[error("the checkpoint has no good signature of a key that is trusted for its origin")]
    Signature,
    /// The witness cosigned a checkpoint of this size last.
    #[error("{0}")]
    Conflict(u64),
    #[error("the proof does not show that this tree has grown from the one of {0} entries that was cosigned")]
    Proof(u64),
    #[error("the witness can't keep the checkpoint: {0}")]
    Broken(String),
}

impl Refused {
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Signature => 403,
            Self::UnknownOrigin => 404,
            Self::Conflict(_) => 409,
            Self::Proof(_) => 422,
            Self::Broken(_) => 500,
        }
    }
}

/// Why a witness does not start.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("cannot {doing} {}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("another witness uses {}: each needs a directory of its own", .0.display())]
    Locked(PathBuf),
    #[error("{file} is not a checkpoint that this witness cosigned: {what}")]
    Damaged { file: String, what: String },
    #[error("{} is missing, but the witness has cosigned before: put the key back, or begin elsewhere", .0.display())]
    KeyGone(PathBuf),
}

/// A witness: its key, whom it knows, and what it cosigned last, each in a file of its own.
pub struct Witness {
    key: SigningKey,
    logs: BTreeMap<String, Vec<VerifierKey>>,
    dir: PathBuf,
    /// Held as long as this lives: two witnesses with one memory could each cosign another history.
    _lock: File,
    /// The last checkpoint of each origin. The lock makes checking and keeping one step.
    last: Mutex<BTreeMap<String, SignedCheckpoint>>,
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("key", &self.key).field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// The name under which a witness serves a ledger's checkpoint: SHA-256 of the origin, in hex.
pub fn origin_hash(origin: &str) -> String {
    Digest::of(origin.as_bytes()).hex()
}

impl Witness {
    /// Opens a witness' directory; makes it and a key of this name at the first start.
    ///
    /// # Errors
    /// When what is there can't be read: a witness that forgot does not start over by itself.
    pub fn open(dir: &Path, name: Option<&str>, logs: &[VerifierKey]) -> Result<Self, WitnessError> {
        let io = |doing| {
            let path = dir.to_owned();
            move |source| WitnessError::Io { doing, path, source }
        };
        std::fs::create_dir_all(dir).map_err(io("create"))?;
        let lock = File::create(dir.join("lock")).map_err(io("lock"))?;
        if !Disk::default().lock(&lock).map_err(io("lock"))? {
            return Err(WitnessError::Locked(dir.to_owned()));
        }
        let mut known: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for log in logs {
            known.entry(log.name().to_owned()).or_default().push(log.clone());
        }
        let mut items = std::fs::read_dir(dir).map_err(io("list"))?;
        let kept = items.any(|item| item.is_ok_and(|item| item.path().join(CHECKPOINT).exists()));
        let key = open_key(&dir.join("witness.key"), name, kept)?;
        let mut last = BTreeMap::new();
        for origin in known.keys() {
            if let Some(checkpoint) = load(dir, origin, &key)? {
                last.insert(origin.clone(), checkpoint);
            }
        }
        Ok(Self { key, logs: known, dir: dir.to_owned(), _lock: lock, last: Mutex::new(last) })
    }

    /// The key by which others know this witness.
    pub const fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// The sizes it cosigned last, by origin.
    pub fn sizes(&self) -> BTreeMap<String, u64> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.logs
            .keys()
            .map(|origin| (origin.clone(), last.get(origin).map_or(0, |cp| cp.head().size)))
            .collect()
    }

    /// The last checkpoint of the ledger with this [`origin_hash`], with the cosignature it got.
    pub fn checkpoint(&self, hash: &str) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().find(|(origin, _)| origin_hash(origin) == hash).map(|(_, checkpoint)| checkpoint.encode())
    }

    /// Checks a request, keeps its checkpoint, and gives the cosignature line. `now` in seconds since 1970.
    ///
    /// # Errors
    /// Why it is not cosigned, in the order the protocol gives.
    pub fn add_checkpoint(&self, body: &[u8], now: u64) -> Result<String, Refused> {
        let AddCheckpoint { old, proof, mut checkpoint } =
            AddCheckpoint::parse(body).map_err(Refused::Malformed)?;
        let origin = checkpoint.origin().to_owned();
        let keys = self.logs.get(&origin).ok_or(Refused::UnknownOrigin)?;
        let signed: Vec<Signed> = keys.iter().map(|key| check(checkpoint.note(), key)).collect();
        if signed.contains(&Signed::Wrong) || signed.iter().all(|signed| *signed == Signed::Not) {
            return Err(Refused::Signature);
        }
        let head = checkpoint.head();
        if old > head.size {
            return Err(Refused::Malformed("the old size is larger than the checkpoint's".to_owned()));
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = Head { size: 0, root: Digest::from_bytes(empty_root()) };
        let before = last.get(&origin).map_or(empty, SignedCheckpoint::head);
        if old != before.size {
            return Err(Refused::Conflict(before.size));
        }
        let is_empty_right = head.size > 0 || head == empty;
        if !is_empty_right || !check_consistency(&before, &head, &proof) {
            return Err(Refused::Proof(before.size));
        }
        let line = checkpoint.cosign(&self.key, now);
        // What is kept and served carries the ledger's own signatures and ours, nobody else's.
        checkpoint = SignedCheckpoint::only(&checkpoint, keys);
        let added = checkpoint.add_cosignature(line.clone(), self.key.verifier());
        added.map_err(|error| Refused::Broken(error.to_string()))?;
        let path = self.dir.join(origin_hash(&origin)).join(CHECKPOINT);
        write_durably(&path, checkpoint.encode().as_bytes())
            .map_err(|error| Refused::Broken(format!("{}: {error}", path.display())))?;
        last.insert(origin, checkpoint);
        Ok(line.line())
    }
}

fn open_key(file: &Path, name: Option<&str>, kept: bool) -> Result<SigningKey, WitnessError> {
    if let Some(key) = SigningKey::load(file, KeyKind::Witness)? {
        return Ok(key);
    }
    if kept {
        return Err(WitnessError::KeyGone(file.to_owned()));
    }
    let fresh = SigningKey::generate("unnamed", KeyKind::Witness)?;
    let own = format!("plimsoll-witness/{:08x}", fresh.verifier().id());
    let key = fresh.named(name.unwrap_or(&own))?;
    key.save(file)?;
    Ok(key)
}

fn load(dir: &Path, origin: &str, key: &SigningKey) -> Result<Option<SignedCheckpoint>, WitnessError> {
    let files = Dir(dir.join(origin_hash(origin)));
    let damaged = |error: FileError| WitnessError::Damaged { file: error.file, what: error.what };
    let bytes = files.read(CHECKPOINT, NOTE_BYTES_MAX).map_err(damaged)?;
    let Some(bytes) = bytes else { return Ok(None) };
    let damaged = |what: String| damaged(FileError::new(files.called(CHECKPOINT), what));
    let checkpoint = SignedCheckpoint::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
    match checkpoint.origin() == origin && checkpoint.cosigned_at(key.verifier()).is_some() {
        true => Ok(Some(checkpoint)),
        false => Err(damaged("its cosignature is not ours".to_owned())),
    }
}
