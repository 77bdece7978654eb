//! The little of tar (POSIX ustar) that a pack needs: regular files with short names, nothing else.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use super::files::{FileError, Memory};

const BLOCK_BYTES: usize = 512;
/// Bytes of an archive that is read: it is held in memory.
const ARCHIVE_BYTES_MAX: u64 = 4 << 30;

/// Writes an archive.
#[derive(Debug)]
pub(crate) struct Tar<W> {
    to: W,
}

impl<W: Write> Tar<W> {
    pub(crate) const fn new(to: W) -> Self {
        Self { to }
    }

    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut head = [0; BLOCK_BYTES];
        let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "the path is too long for the archive");
        head.get_mut(..path.len().min(101))
            .filter(|_| path.len() <= 100)
            .ok_or_else(too_long)?
            .copy_from_slice(path.as_bytes());
        head[100..108].copy_from_slice(b"0000644\0");
        head[108..116].copy_from_slice(b"0000000\0");
        head[116..124].copy_from_slice(b"0000000\0");
        head[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        head[136..148].copy_from_slice(b"00000000000\0");
        head[156] = b'0';
        head[257..265].copy_from_slice(b"ustar\x0000");
        let sum = checksum(&head);
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.to.write_all(&head)?;
        self.to.write_all(bytes)?;
        self.to.write_all(&[0; BLOCK_BYTES][..bytes.len().next_multiple_of(BLOCK_BYTES) - bytes.len()])
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.to.write_all(&[0; 2 * BLOCK_BYTES])?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// The sum of the header's bytes, its own field as spaces.
fn checksum(head: &[u8]) -> u32 {
    head.iter().enumerate().map(|(n, byte)| if (148..156).contains(&n) { 32 } else { u32::from(*byte) }).sum()
}

impl Memory {
    /// Reads a pack from a tar archive. Files may lie in one common directory.
    ///
    /// # Errors
    /// When it is no archive of plain files.
    pub fn from_tar(path: &Path) -> Result<Self, FileError> {
        let error = |what: String| FileError::new(path.display(), what);
        let length = std::fs::metadata(path).map_err(|e| error(e.to_string()))?.len();
        if length > ARCHIVE_BYTES_MAX {
            return Err(error(
                "the archive is too large to be held in memory: unpack it and name the directory".to_owned(),
            ));
        }
        let bytes = std::fs::read(path).map_err(|e| error(e.to_string()))?;
        let files =
            unpack(&bytes).ok_or_else(|| error("it is not a tar archive of plain files".to_owned()))?;
        Ok(Self(without_common_directory(files)))
    }
}

fn unpack(mut bytes: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    loop {
        let (head, rest) = bytes.split_at_checked(BLOCK_BYTES)?;
        if head.iter().all(|&byte| byte == 0) {
            return rest.iter().all(|&byte| byte == 0).then_some(files);
        }
        let text = |range: std::ops::Range<usize>| {
            let field = head[range].split(|&byte| byte == 0).next().unwrap_or_default();
            std::str::from_utf8(field).ok().map(str::trim)
        };
        let octal = |range| u64::from_str_radix(text(range)?, 8).ok();
        if octal(148..156)? != u64::from(checksum(head)) || &head[257..262] != b"ustar" {
            return None;
        }
        let length = usize::try_from(octal(124..136)?).ok()?;
        let name = match text(345..500)? {
            "" => text(0..100)?.to_owned(),
            prefix => format!("{prefix}/{}", text(0..100)?),
        };
        let (body, _) = rest.split_at_checked(length)?;
        match head[156] {
            b'0' | 0 if files.contains_key(&name) => return None,
            b'0' | 0 => drop(files.insert(name, body.to_vec())),
            b'5' if length == 0 => {}
            _ => return None,
        }
        bytes = rest.get(length.next_multiple_of(BLOCK_BYTES)..)?;
    }
}

/// `tar cf x.tar pack/` and `tar cf x.tar -C pack .` mean the same files.
fn without_common_directory(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let dir =
        files.keys().find_map(|name| name.strip_suffix(super::CHECKPOINT)).unwrap_or_default().to_owned();
    files
        .into_iter()
        .map(|(name, bytes)| (name.strip_prefix(&dir).unwrap_or(&name).to_owned(), bytes))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.tar");
        let mut tar = Tar::new(Vec::new());
        for (name, length) in [("checkpoint", 511), ("tile/0/000", 512), ("tile/entries/000.p/3", 0)] {
            tar.add(name, &vec![7; length]).unwrap();
        }
        let bytes = tar.finish().unwrap();
        std::fs::write(&file, &bytes).unwrap();
        let files = Memory::from_tar(&file).unwrap().0;
        let lengths: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.len())).collect();
        assert_eq!(lengths, [("checkpoint", 511), ("tile/0/000", 512), ("tile/entries/000.p/3", 0)]);
        // The last block is zeros after zeros: without it, nothing is missing.
        for (cut, whole) in [(1, true), (512, true), (513, false), (1_100, false), (bytes.len() - 100, false)]
        {
            std::fs::write(&file, &bytes[..bytes.len() - cut]).unwrap();
            assert_eq!(Memory::from_tar(&file).is_ok(), whole, "{cut}");
        }
    }
}
