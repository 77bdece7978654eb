//! Where the key-encryption key comes from: a root key that stays, and an epoch that ends.
//!
//! The root key is a file or what a command prints, so that it can be kept away from the state directory: by age, by a
//! cloud's key service, on a stick. It is not enough: the key-encryption key is made of it and of the random bits in
//! `keys.epoch`. Whenever keys are destroyed, these bits are replaced, and a copy of `keys.db` from before is dead to
//! everybody who has not also copied `keys.epoch`.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use plimsoll_bundle::{Privacy, RootKey};
use plimsoll_ledger::seal::Key;

use super::VaultError;

#[derive(Debug)]
pub(super) struct Root {
    key: Key,
    /// `None` in memory, where epochs are kept here.
    dir: Option<PathBuf>,
    epochs: Mutex<Vec<(u64, Key)>>,
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> VaultError {
    VaultError::Root(format!("cannot {what} {}: {error}", path.display()))
}

impl Root {
    pub(super) fn open(dir: &Path, privacy: &Privacy) -> Result<Self, VaultError> {
        let key = match &privacy.root {
            RootKey::File(file) => from_file(&dir.join(file))?,
            RootKey::Command(command) => from_command(command, dir)?,
        };
        Ok(Self { key, dir: Some(dir.to_owned()), epochs: Mutex::default() })
    }

    pub(super) fn in_memory() -> Result<Self, VaultError> {
        Ok(Self { key: Key::fresh()?, dir: None, epochs: Mutex::default() })
    }

    /// The key-encryption key of an epoch.
    pub(super) fn kek(&self, epoch: u64) -> Result<Key, VaultError> {
        let secret = match &self.dir {
            None => self.epochs().iter().find(|(number, _)| *number == epoch).map(|(_, key)| key.clone()),
            Some(dir) => {
                let found = read(&dir.join("keys.epoch"))?.filter(|(number, _)| *number == epoch);
                match found {
                    Some((_, key)) => Some(key),
                    // The process ended between the database and the file.
                    None => {
                        match read(&dir.join("keys.epoch.next"))?.filter(|(number, _)| *number == epoch) {
                            Some((_, key)) => {
                                self.adopt(epoch)?;
                                Some(key)
                            }
                            None => None,
                        }
                    }
                }
            }
        };
        let secret = secret.ok_or_else(|| {
            VaultError::Root(format!(
                "keys.db is of epoch {epoch}, and keys.epoch is not: one of them comes from a backup, or was taken away"
            ))
        })?;
        Ok(self.key.derive(secret.reveal(), format!("plimsoll/kek/v1/{epoch}").as_bytes()))
    }

    /// Makes the secret of the next epoch, durably, and gives its key-encryption key. It counts once the database says
    /// so.
    pub(super) fn prepare(&self, epoch: u64) -> Result<Key, VaultError> {
        let secret = Key::fresh()?;
        match &self.dir {
            None => self.epochs().push((epoch, secret.clone())),
            Some(dir) => {
                let text = format!("{epoch} {}\n", hex(secret.reveal()));
                write(&dir.join("keys.epoch.next"), text.as_bytes())?;
            }
        }
        Ok(self.key.derive(secret.reveal(), format!("plimsoll/kek/v1/{epoch}").as_bytes()))
    }

    /// Destroys the secret of the epoch before.
    pub(super) fn adopt(&self, epoch: u64) -> Result<(), VaultError> {
        let Some(dir) = &self.dir else {
            self.epochs().retain(|(number, _)| *number >= epoch);
            return Ok(());
        };
        let (now, next) = (dir.join("keys.epoch"), dir.join("keys.epoch.next"));
        if let Ok(mut old) = OpenOptions::new().write(true).open(&now) {
            // Overwritten where the disk lets us: a disk that writes elsewhere keeps the old bits until it needs the room.
            let length = old.metadata().map(|meta| meta.len()).unwrap_or(0).min(4_096) as usize;
            let wiped = old.write_all(&vec![b'0'; length]).and_then(|()| old.sync_all());
            wiped.map_err(|error| failed("overwrite", &now, &error))?;
        }
        fs::rename(&next, &now).map_err(|error| failed("rename", &next, &error))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| failed("sync", dir, &error))
    }

    fn epochs(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Key)>> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `7 <64 digits>`.
fn read(path: &Path) -> Result<Option<(u64, Key)>, VaultError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path, &error)),
    };
    let (number, digits) = text.trim().split_once(' ').unwrap_or_default();
    // A wiped file is one whose successor counts.
    Ok(number.parse().ok().zip(unhex(digits)))
}

fn from_file(path: &Path) -> Result<Key, VaultError> {
    match fs::read_to_string(path) {
        Ok(text) => unhex(text.trim()).ok_or_else(|| {
            VaultError::Root(format!("{} holds no key: 64 hexadecimal digits are one", path.display()))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = Key::fresh()?;
            write(path, format!("{}\n", hex(key.reveal())).as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(failed("read", path, &error)),
    }
}

/// What the command prints. It sees the environment of the gateway and nothing on its standard input.
fn from_command(command: &[String], dir: &Path) -> Result<Key, VaultError> {
    let Some((program, args)) = command.split_first() else {
        return Err(VaultError::Root("`privacy.keys.command` names no program".to_owned()));
    };
    let run = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let run =
        run.map_err(|error| VaultError::Root(format!("the key command `{program}` can't be run: {error}")))?;
    if !run.status.success() {
        return Err(VaultError::Root(format!("the key command `{program}` failed: {}", run.status)));
    }
    let key = std::str::from_utf8(&run.stdout).ok().and_then(|text| unhex(text.trim()));
    let _used_for_nothing_else = dir;
    key.ok_or_else(|| {
        VaultError::Root(format!("the key command `{program}` printed no key: 64 hexadecimal digits are one"))
    })
}

/// Whole or not at all, durable, and nobody else's to read.
fn write(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let part = path.with_extension("part");
    let _left_over = fs::remove_file(&part);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path))
        .and_then(|()| path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all()));
    written.map_err(|error| failed("write", path, &error))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Key> {
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(Key::from_bytes(bytes))
}
