//! The four things the ledger asks of a disk, and the one place where tests make them fail.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FlockOperation, fdatasync, flock, statvfs};

/// The disk under the ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    #[cfg(any(test, feature = "faults"))]
    pub(crate) faults: Faults,
}

impl Disk {
    pub(crate) fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(any(test, feature = "faults"))]
        if let Some((written, error)) = self.faults.write() {
            file.write_all_at(&bytes[..written.min(bytes.len())], offset)?;
            return Err(error);
        }
        file.write_all_at(bytes, offset)
    }

    /// Like `write`, for the zeros of a segment that nobody uses yet.
    pub(crate) fn fill(&self, file: &File, zeros: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(any(test, feature = "faults"))]
        if self.faults.fill() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all_at(zeros, offset)
    }

    /// Returns when the file's contents are on stable storage. An error says that they may not be,
    /// and that trying again proves nothing: the kernel forgets which pages it failed to write.
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(any(test, feature = "faults"))]
        if let Some(error) = self.faults.sync() {
            return Err(error);
        }
        Ok(fdatasync(file)?)
    }

    /// What an unprivileged process may still write here.
    pub(crate) fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        #[cfg(any(test, feature = "faults"))]
        if let Some(free) = self.faults.free_bytes() {
            return Ok(free);
        }
        let stat = statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Whether a test says how much space is free, which must be seen at once.
    pub(crate) fn pretends_free_bytes(&self) -> bool {
        #[cfg(any(test, feature = "faults"))]
        if self.faults.free_bytes().is_some() {
            return true;
        }
        false
    }

    /// Whether this process now holds the file's lock, until the file is closed.
    pub(crate) fn lock(&self, file: &File) -> io::Result<bool> {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes a durable change of names: a created or renamed file is there after a power failure.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(any(test, feature = "faults"))]
pub use faults::Faults;

#[cfg(any(test, feature = "faults"))]
mod faults {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    /// A handle with which a test makes the disk fail. Counts start when the fault is set:
    /// `after = 0` is the very next call.
    #[derive(Clone, Debug, Default)]
    pub struct Faults(Arc<Mutex<State>>);

    #[derive(Debug, Default)]
    struct State {
        sync: Option<u32>,
        write: Option<(u32, usize, bool)>,
        fill: bool,
        free: Option<u64>,
        syncs: u64,
    }

    impl Faults {
        /// Lets `after` syncs succeed and fails the next, once.
        pub fn fail_sync(&self, after: u32) {
            self.with(|state| state.sync = Some(after));
        }

        /// Lets `after` writes succeed; the next stops after `written` bytes, once.
        pub fn short_write(&self, after: u32, written: usize) {
            self.with(|state| state.write = Some((after, written, false)));
        }

        /// Lets `after` writes succeed; the next finds no space left, once.
        pub fn no_space(&self, after: u32) {
            self.with(|state| state.write = Some((after, 0, true)));
        }

        /// Whether there is no space left to prepare the next segment.
        pub fn set_no_space_for_segments(&self, full: bool) {
            self.with(|state| state.fill = full);
        }

        /// Pretends that this much space is free; `None` asks the real disk.
        pub fn set_free_bytes(&self, free: Option<u64>) {
            self.with(|state| state.free = free);
        }

        /// How many syncs were asked for so far.
        pub fn syncs(&self) -> u64 {
            self.with(|state| state.syncs)
        }

        pub(crate) fn sync(&self) -> Option<io::Error> {
            self.with(|state| {
                state.syncs += 1;
                due(&mut state.sync).then(|| io::Error::from_raw_os_error(5))
            })
        }

        pub(crate) fn write(&self) -> Option<(usize, io::Error)> {
            self.with(|state| {
                let (after, written, full) = state.write?;
                let mut left = Some(after);
                let due = due(&mut left);
                state.write = left.map(|left| (left, written, full));
                let kind = if full { io::ErrorKind::StorageFull } else { io::ErrorKind::WriteZero };
                due.then(|| (written, kind.into()))
            })
        }

        pub(crate) fn fill(&self) -> bool {
            self.with(|state| state.fill)
        }

        pub(crate) fn free_bytes(&self) -> Option<u64> {
            self.with(|state| state.free)
        }

        fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
            change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    /// Counts down; true once, when the count is used up.
    fn due(after: &mut Option<u32>) -> bool {
        match after {
            Some(0) => {
                *after = None;
                true
            }
            Some(n) => {
                *n -= 1;
                false
            }
            None => false,
        }
    }
}
