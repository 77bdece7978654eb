//! Where tiles and checkpoints are read from, and how they are written so that a power failure leaves whole files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::disk::sync_dir;

/// Files by their path inside a ledger or pack: `checkpoint`, `tile/0/000` and so on.
pub trait Files: fmt::Debug {
    /// The bytes of a file, `None` where there is none.
    ///
    /// # Errors
    /// When it can't be read, or has more than `bytes_max` bytes.
    fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, FileError>;

    /// All files, in order; `None` where that can't be told, as from a web server.
    ///
    /// # Errors
    /// When they can't be listed.
    fn list(&self) -> Result<Option<Vec<String>>, FileError>;

    /// What to call a file in front of people.
    fn called(&self, path: &str) -> String {
        path.to_owned()
    }
}

/// Why a file can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct FileError {
    pub file: String,
    pub what: String,
}

impl FileError {
    pub fn new(file: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self { file: file.to_string(), what: what.to_string() }
    }

    pub(crate) fn missing(files: &dyn Files, path: &impl fmt::Display) -> Self {
        Self::new(files.called(&path.to_string()), "the file is missing")
    }

    pub(crate) fn length(files: &dyn Files, path: &impl fmt::Display) -> Self {
        Self::new(files.called(&path.to_string()), "the file has the wrong length")
    }
}

/// A directory.
#[derive(Clone, Debug)]
pub struct Dir(pub PathBuf);

impl Files for Dir {
    fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, FileError> {
        let error = |error: io::Error| FileError::new(self.called(path), error);
        let file = match File::open(self.0.join(path)) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(open) => return Err(error(open)),
        };
        let mut bytes = Vec::new();
        file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(error)?;
        match bytes.len() > bytes_max {
            true => Err(FileError::new(self.called(path), format!("it is longer than {bytes_max} bytes"))),
            false => Ok(Some(bytes)),
        }
    }

    fn list(&self) -> Result<Option<Vec<String>>, FileError> {
        let mut found = Vec::new();
        let mut below = vec![String::new()];
        while let Some(at) = below.pop() {
            let dir = self.0.join(&at);
            let error = |error: io::Error| FileError::new(dir.display(), error);
            for item in fs::read_dir(&dir).map_err(error)? {
                let item = item.map_err(error)?;
                let name = item.file_name().to_string_lossy().into_owned();
                let path = if at.is_empty() { name } else { format!("{at}/{name}") };
                match item.file_type().map_err(error)?.is_dir() {
                    true => below.push(path),
                    false => found.push(path),
                }
            }
        }
        found.sort();
        Ok(Some(found))
    }

    fn called(&self, path: &str) -> String {
        self.0.join(path).display().to_string()
    }
}

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory(pub BTreeMap<String, Vec<u8>>);

impl Files for Memory {
    fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, FileError> {
        match self.0.get(path) {
            Some(bytes) if bytes.len() > bytes_max => {
                Err(FileError::new(path, format!("it is longer than {bytes_max} bytes")))
            }
            found => Ok(found.cloned()),
        }
    }

    fn list(&self) -> Result<Option<Vec<String>>, FileError> {
        Ok(Some(self.0.keys().cloned().collect()))
    }
}

/// Files of a batch that are synced one by one. More are synced with all else on their file system, in one go: each
/// sync of a new file costs a commit of the file system's journal.
const SYNCED_APART_MAX: usize = 8;

/// Writes whole files durably: their bytes are on the disk before their names are.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Opened before anything is written, so that an error in writing back is seen through it.
    witness: Option<File>,
    written: Vec<(PathBuf, PathBuf, File)>,
    dirs: Vec<PathBuf>,
}

impl Batch {
    pub(crate) fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(dir) = path.parent()
            && !self.dirs.iter().any(|known| known == dir)
        {
            self.make_dirs(dir)?;
            if self.witness.is_none() {
                self.witness = Some(File::open(dir)?);
            }
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        self.written.push((part, path.to_owned(), file));
        Ok(())
    }

    /// Makes a directory and notes it, and the one that names it, for syncing.
    fn make_dirs(&mut self, dir: &Path) -> io::Result<()> {
        if dir.as_os_str().is_empty() || self.dirs.iter().any(|known| known == dir) {
            return Ok(());
        }
        if !dir.is_dir() {
            if let Some(above) = dir.parent() {
                self.make_dirs(above)?;
            }
            fs::create_dir(dir).or_else(|error| match error.kind() {
                ErrorKind::AlreadyExists => Ok(()),
                _ => Err(error),
            })?;
        }
        self.dirs.push(dir.to_owned());
        Ok(())
    }

    /// Returns when all that was written is on stable storage under its name.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        let all = self.witness.take().filter(|_| self.written.len() > SYNCED_APART_MAX);
        match &all {
            Some(witness) => rustix::fs::syncfs(witness)?,
            None => self.written.iter().try_for_each(|(.., file)| file.sync_data())?,
        }
        for (part, path, file) in self.written.drain(..) {
            drop(file);
            fs::rename(part, path)?;
        }
        match &all {
            Some(witness) => rustix::fs::syncfs(witness)?,
            None => self.dirs.iter().try_for_each(|dir| sync_dir(dir))?,
        }
        self.dirs.clear();
        Ok(())
    }
}

/// Writes one file durably, in place of what was there; a reader sees the old bytes or the new ones.
///
/// # Errors
/// When the disk says so.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut batch = Batch::default();
    batch.write(path, bytes)?;
    batch.commit()
}
