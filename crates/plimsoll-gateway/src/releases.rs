//! The releases that were ever in force, kept beside the ledger: `<state>/releases/<ground>.json`.
//!
//! Each file is named after the digest of its bytes, so a name can't lie; entries name it as their `ground`. It is on
//! the disk before the release decides anything, or the gateway does not start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use plimsoll_bundle::kept::RebuildError;
use plimsoll_bundle::{Bundle, Kept};
use plimsoll_core::Digest;

/// The folder inside the state directory.
pub const RELEASES: &str = "releases";

/// Why a release can't be had back.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("the release {ground} is not kept at {path}", path = path.display())]
    Missing { ground: String, path: PathBuf },
    #[error("{path} can't be read", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}: {source}", path = path.display())]
    Unusable { path: PathBuf, source: RebuildError },
}

/// Where a release is kept.
pub fn path(state: &Path, ground: &Digest) -> PathBuf {
    state.join(RELEASES).join(format!("{}.json", ground.hex()))
}

/// Keeps what a bundle was made of, durably. What is there already stays as it is.
///
/// # Errors
/// When the disk can't take it.
pub fn keep(state: &Path, kept: &Kept) -> io::Result<()> {
    let folder = state.join(RELEASES);
    let file = path(state, &kept.digest);
    if fs::read(&file).is_ok_and(|bytes| Digest::of(&bytes) == kept.digest) {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let half = folder.join(format!("{}.new", kept.digest.hex()));
    let mut writing = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&half)?;
    writing.write_all(&kept.bytes)?;
    writing.sync_all()?;
    fs::rename(&half, &file)?;
    File::open(&folder)?.sync_all()?;
    File::open(state)?.sync_all()
}

/// The bundle that a recorded decision names as its ground. It holds no secret and reaches nothing.
///
/// # Errors
/// When it is not kept here, or is not what its name says.
pub fn read(state: &Path, ground: &Digest) -> Result<Bundle, ReleaseError> {
    let path = path(state, ground);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ReleaseError::Missing { ground: ground.to_string(), path });
        }
        Err(source) => return Err(ReleaseError::Io { path, source }),
    };
    Kept::rebuild(&bytes, *ground).map_err(|source| ReleaseError::Unusable { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_and_what_is_broken_is_mended() {
        let state = tempfile::tempdir().unwrap();
        let bytes = b"{}".to_vec();
        let kept = Kept { digest: Digest::of(&bytes), bytes };
        assert!(matches!(read(state.path(), &kept.digest), Err(ReleaseError::Missing { .. })));
        keep(state.path(), &kept).unwrap();
        fs::write(path(state.path(), &kept.digest), b"{").unwrap();
        let broken = read(state.path(), &kept.digest).unwrap_err().to_string();
        assert!(broken.contains("have the digest"), "{broken}");
        keep(state.path(), &kept).unwrap();
        assert_eq!(fs::read(path(state.path(), &kept.digest)).unwrap(), b"{}");
        assert_eq!(fs::read_dir(state.path().join(RELEASES)).unwrap().count(), 1);
    }
}
