//! What was really done, in memory and, if wanted, in a file that survives whatever happens next.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One executed act.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub tool: String,
    pub arguments: Value,
    /// The `Authorization` header the act came with.
    pub credential: Option<String>,
}

#[derive(Debug)]
pub(super) struct Effects {
    list: Mutex<Vec<Effect>>,
    file: Option<Mutex<File>>,
}

impl Effects {
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(|path| OpenOptions::new().create(true).append(true).open(path)).transpose()?;
        Ok(Self { list: Mutex::default(), file: file.map(Mutex::new) })
    }

    /// Writes the effect down; when this returns, the file has it.
    pub(super) fn add(&self, effect: Effect) -> io::Result<()> {
        if let Some(file) = &self.file {
            let mut line = serde_json::to_vec(&effect)?;
            line.push(b'\n');
            let mut file = lock(file);
            file.write_all(&line)?;
            file.sync_all()?;
        }
        lock(&self.list).push(effect);
        Ok(())
    }

    pub(super) fn all(&self) -> Vec<Effect> {
        lock(&self.list).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
