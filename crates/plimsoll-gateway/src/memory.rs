//! What the gateway remembers of results and conversations beyond its own life.
//!
//! A restart must not turn what a tool returned into the user's own words. So the fingerprint of each result is in a
//! file before the result is handed on, and in the store a moment later; what conversations were shown follows, and
//! the last moments of that stand in the ledger. A process that dies forgets nothing. A *machine* that dies may
//! forget what was written and not synced: then the ledger has calls whose results nobody remembers, and what their
//! requesters say next counts as nobody's word (a [lapse](plimsoll_store::Lapse)).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{Digest, Door, Entry, EntryBody, FieldClass, Judged, Principal, ToolName, Trajectory};
use plimsoll_ledger::{LedgerReader, Record, Seq};
use plimsoll_store::{Edge, Lapse, ResultRow, StoreError};

use crate::context::{Fingerprint, KnownResult, RESULT_TEXT_BYTES, RESULTS_MAX, SESSIONS_MAX, Scope};
use crate::follow::KEEP_HOURS;
use crate::gateway::{Gateway, StartError};
use crate::vault::{Vault, is_pseudonym};

/// Results that may wait for the store. What is over it is lost to the next start, which is told so.
pub const UNSAVED_RESULTS_MAX: usize = 16_384;

/// Says which running of this machine it is, where there is such a thing.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What the store does not have yet.
#[derive(Debug)]
pub struct Memory {
    inner: Mutex<Inner>,
    boot: String,
}

#[derive(Debug)]
struct Inner {
    /// Two files that take turns: one is written while the store takes over what the other holds.
    journals: [Journal; 2],
    turn: usize,
    /// Whether the other one holds what the store does not have.
    behind: bool,
    unsaved: Vec<ResultRow>,
    /// Calls whose results are not here yet, by how long the ledger was before them.
    going: BTreeMap<u64, u32>,
    /// What the store was told last.
    edge: Edge,
    /// Something could not be kept: the next start has to look for it.
    is_torn: bool,
}

/// A call whose result is still to come.
#[derive(Debug)]
pub(crate) struct Going {
    memory: Arc<Memory>,
    from: u64,
}

impl Drop for Going {
    fn drop(&mut self) {
        let mut inner = self.memory.lock();
        if let Some(calls) = inner.going.get_mut(&self.from) {
            *calls -= 1;
            if *calls == 0 {
                inner.going.remove(&self.from);
            }
        }
    }
}

/// In whose conversation something was returned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose<'a> {
    pub session: &'a str,
    pub principal: &'a Principal,
}

impl Memory {
    /// The memory whose files are in this directory.
    pub(crate) fn new(state: &Path) -> Self {
        let journals = ["recent.0", "recent.1"].map(|name| Journal { path: state.join(name), file: None });
        let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned();
        let inner = Inner {
            journals,
            turn: 0,
            behind: true,
            unsaved: Vec::new(),
            going: BTreeMap::new(),
            edge: Edge::default(),
            is_torn: false,
        };
        Self { inner: Mutex::new(inner), boot }
    }

    /// Says that a call is on its way, before its intent is written. `size`: how many entries are durable now.
    pub(crate) fn begin(self: &Arc<Self>, size: u64) -> Going {
        *self.lock().going.entry(size).or_default() += 1;
        Going { memory: Arc::clone(self), from: size }
    }

    /// Writes down that this was returned. When it comes back, the death of the process forgets it no more.
    fn keep(&self, row: ResultRow) {
        let mut inner = self.lock();
        let turn = inner.turn;
        if let Err(error) = inner.journals[turn].append(&row) {
            if !inner.is_torn {
                tracing::error!(%error, "what tools return can't be written down; a restart will not trust what it forgot");
            }
            inner.is_torn = true;
        }
        if inner.unsaved.len() >= UNSAVED_RESULTS_MAX {
            inner.is_torn = true;
            return;
        }
        inner.unsaved.push(row);
    }

    /// What the store is to take over, and how far it knows everything then. `size`: how many entries were durable
    /// before this call.
    fn take(&self, size: u64) -> (Vec<ResultRow>, Edge) {
        let mut inner = self.lock();
        if !inner.behind {
            inner.turn ^= 1;
            inner.behind = true;
        }
        let known_to = inner.going.keys().next().map_or(size, |from| size.min(*from));
        let edge = match inner.is_torn {
            true => Edge { boot: String::new(), ..inner.edge.clone() },
            false => Edge { known_to, boot: self.boot.clone() },
        };
        (std::mem::take(&mut inner.unsaved), edge)
    }

    /// The store has taken over what it was given.
    fn saved(&self, edge: Edge) {
        let mut inner = self.lock();
        let other = inner.turn ^ 1;
        match inner.journals[other].clear() {
            Ok(()) => inner.behind = false,
            Err(error) => tracing::warn!(%error, "a journal can't be emptied"),
        }
        inner.edge = edge;
    }

    /// It could not.
    fn not_saved(&self, mut rows: Vec<ResultRow>) {
        let mut inner = self.lock();
        rows.append(&mut inner.unsaved);
        inner.unsaved = rows;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file of results, one a line.
#[derive(Debug)]
struct Journal {
    path: PathBuf,
    file: Option<File>,
}

impl Journal {
    fn append(&mut self, row: &ResultRow) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\t');
        line.extend(STANDARD.encode(&row.prints).into_bytes());
        line.push(b'\n');
        self.open()?.write_all(&line)
    }

    fn open(&mut self) -> std::io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
                // After a line that was cut off.
                file.write_all(b"\n")?;
                file
            }
        };
        Ok(self.file.insert(file))
    }

    fn clear(&mut self) -> std::io::Result<()> {
        match self.file.is_some() || self.path.exists() {
            true => self.open()?.set_len(0),
            false => Ok(()),
        }
    }

    /// What an earlier process wrote. A last line that is cut off belongs to a result that was never handed on.
    fn read(&self) -> std::io::Result<Vec<ResultRow>> {
        let text = match std::fs::read(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read?,
        };
        let row = |line: &str| {
            let (row, prints) = line.split_once('\t')?;
            let row: ResultRow = serde_json::from_str(row).ok()?;
            Some(ResultRow { prints: STANDARD.decode(prints).ok()?, ..row })
        };
        Ok(String::from_utf8_lossy(&text).lines().filter_map(row).collect())
    }
}

// === what the ledger says of the last moments ===

/// What the ledger has beyond the memory's edge.
#[derive(Debug, Default)]
struct Beyond {
    /// Who called tools, in which workflow.
    callers: BTreeSet<(String, String)>,
    /// What conversations were shown, and which flags were on.
    shown: Vec<(Scope, Trajectory, BTreeSet<String>)>,
}

impl Beyond {
    fn read(reader: &LedgerReader, vault: &Vault, from: u64) -> Result<Self, plimsoll_ledger::LedgerError> {
        let mut beyond = Self::default();
        let names = BTreeSet::from([FieldClass::Identity]);
        for record in reader.iter_from(Seq(from)) {
            let Record { entry, sealed, .. } = record?;
            // Opening is what costs, and after a database was lost everything on record is read here: most of it is about
            // no decision, and of what is only the names are needed.
            match serde_json::from_slice::<Entry>(&entry).map(|entry| entry.body) {
                Ok(EntryBody::Intent(_) | EntryBody::Decision(_)) => {}
                Ok(_) => continue,
                Err(_) => {
                    beyond.callers.insert(Default::default());
                    continue;
                }
            }
            match vault.open(&entry, &sealed, &names) {
                Ok(opening) => beyond.add(opening.entry),
                // Nobody knows whose it was.
                Err(_) => drop(beyond.callers.insert(Default::default())),
            }
        }
        Ok(beyond)
    }

    fn add(&mut self, entry: Entry) {
        let (EntryBody::Intent(judged) | EntryBody::Decision(judged)) = entry.body else { return };
        let Judged { act, trajectory, facts, .. } = *judged;
        let requester = entry.principal.as_ref().map(|principal| principal.requester().to_owned());
        if requester.as_deref().is_some_and(is_pseudonym) {
            // Whose it was can't be read any more: it may be anybody's.
            self.callers.insert(Default::default());
            return;
        }
        if act.door == Door::Tool {
            self.callers.insert((requester.unwrap_or_default(), entry.workflow));
        } else if let Some(principal) = entry.principal.filter(|_| act.tool.server == ToolName::MODEL) {
            let scope = Scope::of(&principal, &entry.workflow, entry.session, false, entry.at);
            let scope = Scope { release: Digest::parse(&entry.release), ..scope };
            self.shown.push((scope, trajectory, facts.flags));
        }
    }
}

impl Gateway {
    /// Remembers what a tool returned, before it is handed on: here, and for after this process.
    pub(crate) fn remember(&self, text: &str, known: KnownResult, whose: Whose<'_>) -> Digest {
        let (address, print) = self.results.take_in(text, known);
        self.memory.keep(row(print, whose, Timestamp::now()));
        address
    }

    /// Takes over what earlier processes remembered, and finds out what they did not. At start, before any port is
    /// opened.
    ///
    /// # Errors
    /// When store, ledger or journal can't be read: a gateway that can't remember does not start.
    pub(crate) async fn recall(&self) -> Result<(), StartError> {
        let now = Timestamp::now();
        let since = now.checked_sub(SignedDuration::from_hours(KEEP_HOURS)).unwrap_or(Timestamp::MIN);
        for row in self.store.latest_results(since, RESULTS_MAX, RESULT_TEXT_BYTES).await? {
            self.results.take_back(print(&row));
        }
        for row in self.store.latest_sessions(since, SESSIONS_MAX).await? {
            self.sessions.take_back(row);
        }
        for row in self
            .journalled()
            .map_err(|error| StartError::Other(format!("the journal of results: {error}")))?
        {
            self.results.take_back(print(&row));
            self.memory.lock().unsaved.push(row);
        }
        let edge = self.store.edge().await?;
        let is_same_boot = !edge.boot.is_empty() && edge.boot == self.memory.boot;
        // A ledger that is shorter than the memory is another one.
        let from = if edge.known_to > self.ledger.size() { 0 } else { edge.known_to };
        let reader = self.ledger.reader();
        let vault = self.vault.clone();
        let read = tokio::task::spawn_blocking(move || Beyond::read(&reader, &vault, from)).await;
        let beyond = read.map_err(|error| StartError::Other(error.to_string()))??;
        for (scope, trajectory, flags) in beyond.shown {
            self.sessions.recover(scope, &trajectory, flags);
        }
        if !is_same_boot && !beyond.callers.is_empty() {
            tracing::warn!(
                callers = beyond.callers.len(),
                "results of the last moments before this start are not remembered; see `docs/information-flow.md`"
            );
            let lapse = |(requester, workflow)| Lapse { requester, workflow, at: now };
            self.store.note_lapses(beyond.callers.into_iter().map(lapse).collect()).await?;
        }
        self.sessions.know_lapses(self.store.lapses().await?);
        self.try_save_memory().await?;
        Ok(())
    }

    fn journalled(&self) -> std::io::Result<Vec<ResultRow>> {
        let inner = self.memory.lock();
        let mut rows = inner.journals[0].read()?;
        rows.extend(inner.journals[1].read()?);
        Ok(rows)
    }

    /// Hands to the store what it does not have yet.
    pub(crate) async fn save_memory(&self) {
        if let Err(error) = self.try_save_memory().await {
            tracing::warn!(%error, "what was returned and shown could not be stored; it waits in the journal");
        }
    }

    async fn try_save_memory(&self) -> Result<(), StoreError> {
        let size = self.ledger.size();
        let (rows, edge) = self.memory.take(size);
        let sessions = self.sessions.unsaved();
        if rows.is_empty() && sessions.is_empty() && edge == self.memory.lock().edge {
            self.memory.saved(edge);
            return Ok(());
        }
        let keys: Vec<String> = sessions.iter().map(|session| session.key.clone()).collect();
        let saving = async {
            if !rows.is_empty() {
                self.store.remember_results(rows.clone()).await?;
            }
            if !sessions.is_empty() {
                self.store.remember_sessions(sessions).await?;
            }
            self.store.move_edge(edge.clone()).await
        };
        let saved = saving.await;
        match &saved {
            Ok(()) => self.memory.saved(edge),
            Err(_) => {
                self.memory.not_saved(rows);
                self.sessions.still_unsaved(keys);
            }
        }
        saved
    }
}

fn row(print: Fingerprint, whose: Whose<'_>, at: Timestamp) -> ResultRow {
    let Fingerprint { label, tool, call, mut digests, folded, prints } = print;
    let forms = digests.split_off(1.min(digests.len()));
    ResultRow {
        address: digests.pop().unwrap_or_else(|| Digest::of(b"")),
        label,
        tool: tool.to_string(),
        session: whose.session.to_owned(),
        principal: whose.principal.id.clone(),
        requester: whose.principal.requester().to_owned(),
        call,
        forms,
        folded,
        prints,
        at,
    }
}

fn print(row: &ResultRow) -> Fingerprint {
    Fingerprint {
        label: row.label.clone(),
        tool: row.tool.parse().unwrap_or_else(|_| ToolName::new("tool", row.tool.as_str())),
        call: row.call,
        digests: std::iter::once(row.address).chain(row.forms.iter().copied()).collect(),
        folded: row.folded,
        prints: row.prints.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::{Integrity, Label};

    fn result(n: u8) -> ResultRow {
        ResultRow {
            address: Digest::of(&[n]),
            label: Label::of(Integrity::Trusted),
            tool: "mail.read".to_owned(),
            session: "s".to_owned(),
            principal: "key:ada".to_owned(),
            requester: "bo".to_owned(),
            call: None,
            forms: vec![Digest::of(b"form")],
            folded: 9,
            prints: vec![n; 40],
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn read(dir: &Path) -> Vec<ResultRow> {
        let memory = Memory::new(dir);
        let inner = memory.lock();
        inner.journals.iter().flat_map(|journal| journal.read().unwrap()).collect()
    }

    #[test]
    fn what_is_kept_is_in_a_file_until_the_store_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Arc::new(Memory::new(dir.path()));
        let (_, edge) = memory.take(0);
        memory.saved(edge);
        memory.keep(result(1));
        assert_eq!(read(dir.path()), [result(1)]);
        let (rows, edge) = memory.take(7);
        memory.keep(result(2));
        assert_eq!((rows.len(), edge.known_to, read(dir.path()).len()), (1, 7, 2));
        memory.not_saved(rows);
        memory.keep(result(3));
        let (rows, edge) = memory.take(9);
        assert_eq!(rows, [result(1), result(2), result(3)]);
        assert_eq!(read(dir.path()).len(), 3);
        memory.saved(edge);
        let (_, edge) = memory.take(9);
        memory.saved(edge);
        let (_, edge) = memory.take(9);
        memory.saved(edge);
        assert_eq!(read(dir.path()), []);
    }

    #[test]
    fn the_edge_stays_before_every_call_that_is_going() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Arc::new(Memory::new(dir.path()));
        let (first, second) = (memory.begin(4), memory.begin(4));
        let third = memory.begin(6);
        drop(first);
        assert_eq!(memory.take(9).1.known_to, 4);
        drop(second);
        assert_eq!(memory.take(9).1.known_to, 6);
        drop(third);
        assert_eq!(memory.take(9).1.known_to, 9);
    }

    #[test]
    fn what_could_not_be_kept_leaves_the_edge_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Arc::new(Memory::new(&dir.path().join("gone")));
        let (_, edge) = memory.take(3);
        memory.saved(edge);
        memory.keep(result(1));
        let (rows, edge) = memory.take(9);
        assert_eq!((rows.len(), edge), (1, Edge { known_to: 3, boot: String::new() }));
    }

    #[test]
    fn a_line_that_is_cut_off_is_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::new(dir.path());
        memory.keep(result(1));
        memory.keep(result(2));
        let path = dir.path().join("recent.0");
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 3]).unwrap();
        assert_eq!(read(dir.path()), [result(1)]);
        Memory::new(dir.path()).keep(result(3));
        assert_eq!(read(dir.path()), [result(1), result(3)]);
    }
}
