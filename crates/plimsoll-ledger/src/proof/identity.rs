//! Which key a ledger signs with. It is made at the first start and stays: who holds a checkpoint holds it to this key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use plimsoll_core::KeyKind;

use super::CHECKPOINT;
use super::checkpoint::SignedCheckpoint;
use super::key::{KeyError, SigningKey};
use super::tiler::stored;
use crate::LedgerError;
use crate::disk::sync_dir;

/// The ledger's key and its last checkpoint.
#[derive(Debug)]
pub struct Identity {
    key: SigningKey,
    last: Option<SignedCheckpoint>,
    /// Where the key waits for the first checkpoint, and where it belongs then.
    unsettled: Option<(PathBuf, PathBuf)>,
}

/// Why a ledger's key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(
        "{} is gone, but the ledger was signed with it: put it back. Without it, its checkpoints can't be continued",
        .0.display()
    )]
    KeyGone(PathBuf),
    #[error(
        "{} is gone, so nobody can tell whether the ledger was rolled back: put it back from a copy, or from a witness, \
         which keeps the last one. To begin a new history for others to trust, move {} away",
        checkpoint.display(), key.display()
    )]
    CheckpointGone { checkpoint: PathBuf, key: PathBuf },
    #[error("{} is not signed with the key in {}", checkpoint.display(), key.display())]
    Foreign { checkpoint: PathBuf, key: PathBuf },
    #[error(
        "the ledger is called `{fixed}` since its first start; `ledger.origin` in plimsoll.yaml says `{asked}`. Others \
         know it by its first name"
    )]
    Renamed { fixed: String, asked: String },
    #[error("cannot {doing} {}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

impl Identity {
    /// Opens the key in `file` for the ledger in `ledger`; makes one at the first start, called `origin`, or else
    /// `default` and the beginning of its own digits.
    ///
    /// # Errors
    /// When key or checkpoint is missing or they do not belong together: what protects against a second history is
    /// not made anew behind anybody's back.
    pub fn open(
        file: &Path,
        ledger: &Path,
        origin: Option<&str>,
        default: &str,
    ) -> Result<Self, IdentityError> {
        let last = stored(ledger)?;
        let part = PathBuf::from(format!("{}.part", file.display()));
        let (key, unsettled) = match SigningKey::load(file, KeyKind::Ledger)? {
            Some(key) => (key, None),
            // The first start ended before the first checkpoint, or right after it.
            None => match (SigningKey::load(&part, KeyKind::Ledger)?, &last) {
                (Some(key), _) => (key, Some((part, file.to_owned()))),
                (None, Some(_)) => return Err(IdentityError::KeyGone(file.to_owned())),
                (None, None) => (fresh(&part, origin, default)?, Some((part, file.to_owned()))),
            },
        };
        if let Some(asked) = origin.filter(|asked| *asked != key.verifier().name()) {
            let fixed = key.verifier().name().to_owned();
            return Err(IdentityError::Renamed { fixed, asked: asked.to_owned() });
        }
        let checkpoint = ledger.join(CHECKPOINT);
        match &last {
            Some(last) if !last.is_signed_by(key.verifier()) => {
                Err(IdentityError::Foreign { checkpoint, key: file.to_owned() })
            }
            None if unsettled.is_none() => {
                Err(IdentityError::CheckpointGone { checkpoint, key: file.to_owned() })
            }
            _ => Ok(Self { key, last, unsettled }),
        }
    }

    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The last checkpoint that was stored.
    pub const fn last(&self) -> Option<&SignedCheckpoint> {
        self.last.as_ref()
    }

    /// Whether this is the first start.
    pub const fn is_new(&self) -> bool {
        self.unsettled.is_some()
    }

    /// Notes a checkpoint that is stored. With the first one the key gets its lasting name: from then on, either file
    /// without the other is missed.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn settle(&mut self, checkpoint: SignedCheckpoint) -> Result<(), IdentityError> {
        if let Some((part, file)) = &self.unsettled {
            let io = |doing| {
                let path = file.clone();
                move |source| IdentityError::Io { doing, path, source }
            };
            fs::rename(part, file).map_err(io("make"))?;
            sync_dir(file.parent().unwrap_or(Path::new("."))).map_err(io("sync"))?;
            self.unsettled = None;
        }
        self.last = Some(checkpoint);
        Ok(())
    }
}

fn fresh(part: &Path, origin: Option<&str>, default: &str) -> Result<SigningKey, IdentityError> {
    let key = SigningKey::generate("unnamed", KeyKind::Ledger)?;
    let plain = |c: char| if c.is_whitespace() || c == '+' || c < ' ' { '-' } else { c };
    let own = format!("{}/{:08x}", default.replace(|c| plain(c) != c, "-"), key.verifier().id());
    let key = key.named(origin.unwrap_or(&own))?;
    key.save(part)?;
    Ok(key)
}
