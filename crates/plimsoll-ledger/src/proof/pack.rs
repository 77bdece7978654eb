//! Packs: what an auditor gets. A checkpoint, the tiles and entries under it, and how to check them.

use std::path::Path;

use super::checkpoint::SignedCheckpoint;
use super::files::{Batch, FileError, Files};
use super::tar::Tar;
use super::tile::{self, tiles_of};
use super::{CHECKPOINT, TRUST};

/// The file in a pack that says what it is.
pub const PACK_README: &str = "README.txt";

/// Tiles that are written before they are synced together.
const PACK_FILES_MAX: usize = 256;

const README: &str = "\
This is a part of a Plimsoll ledger: what an AI workflow proposed, what was decided, who was asked, what came of it.

  checkpoint      how many entries there are and their root, signed by the ledger and by its witnesses
  tile/entries/   the entries, 256 a file, each after its length in two bytes (C2SP tlog-tiles)
  tile/0/ ...     the tree over them (RFC 6962)
  trust.txt       whom the ledger's operator trusts. Do not rely on this copy: get yours from somebody else

To check it, on any machine:

  plimsoll verify THIS --policy trust.txt

where trust.txt came to you by another way than this pack, and THIS is this directory or archive. An earlier pack or
receipt that you kept shows, with --earlier, that nothing was rolled back or rewritten since.

It proves that these entries are exactly those that the ledger's key signed, in this order, none missing, and that the
witnesses saw the ledger only grow. It does not prove that what an entry says is true.
";

/// Where a pack goes.
#[derive(Debug)]
pub enum Pack<'a> {
    Dir(&'a Path),
    /// A tar archive, written to a file.
    Tar(&'a Path),
}

/// Writes everything under a checkpoint as a pack; says how many files that were.
///
/// # Errors
/// When a tile is missing, or the pack can't be written.
pub fn pack(
    files: &dyn Files,
    checkpoint: &SignedCheckpoint,
    trust: &[u8],
    to: &Pack<'_>,
) -> Result<u64, FileError> {
    let mut sink = Sink::new(to)?;
    for tile in tiles_of(checkpoint.head().size) {
        let bytes = tile::read(files, tile)?.ok_or_else(|| FileError::missing(files, &tile))?;
        sink.write(&tile.to_string(), &bytes)?;
    }
    sink.write(TRUST, trust)?;
    sink.write(PACK_README, README.as_bytes())?;
    // Last: a pack that broke off has none and does not verify.
    sink.write(CHECKPOINT, checkpoint.encode().as_bytes())?;
    sink.finish()?;
    Ok(super::verify::files_of(checkpoint.head().size) + 3)
}

enum Sink<'a> {
    Dir { dir: &'a Path, batch: Batch, waiting: usize },
    Tar { path: &'a Path, tar: Tar<std::io::BufWriter<std::fs::File>> },
}

impl<'a> Sink<'a> {
    fn new(to: &Pack<'a>) -> Result<Self, FileError> {
        match *to {
            Pack::Dir(dir) => {
                let made = std::fs::create_dir_all(dir).and_then(|()| std::fs::read_dir(dir));
                let mut items = made.map_err(|error| FileError::new(dir.display(), error))?;
                match items.next() {
                    Some(_) => Err(FileError::new(dir.display(), "the directory is not empty")),
                    None => Ok(Self::Dir { dir, batch: Batch::default(), waiting: 0 }),
                }
            }
            Pack::Tar(path) => {
                let file = std::fs::File::options().write(true).create_new(true).open(path);
                let file = file.map_err(|error| FileError::new(path.display(), error))?;
                Ok(Self::Tar { path, tar: Tar::new(std::io::BufWriter::new(file)) })
            }
        }
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        match self {
            Self::Dir { dir, batch, waiting } => {
                let error = |error| FileError::new(dir.join(path).display(), error);
                batch.write(&dir.join(path), bytes).map_err(error)?;
                *waiting += 1;
                if *waiting == PACK_FILES_MAX {
                    *waiting = 0;
                    batch.commit().map_err(error)?;
                }
                Ok(())
            }
            Self::Tar { path: archive, tar } => {
                tar.add(path, bytes).map_err(|error| FileError::new(archive.display(), error))
            }
        }
    }

    fn finish(self) -> Result<(), FileError> {
        match self {
            Self::Dir { dir, mut batch, .. } => {
                batch.commit().map_err(|error| FileError::new(dir.display(), error))
            }
            Self::Tar { path, tar } => {
                let error = |error| FileError::new(path.display(), error);
                let file = tar.finish().map_err(error)?.into_inner();
                file.map_err(|failed| error(failed.into_error()))?.sync_all().map_err(error)
            }
        }
    }
}
