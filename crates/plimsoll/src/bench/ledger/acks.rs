//! Acknowledgements: of the disk alone, of one caller, of many.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll_ledger::Ledger;

use super::ENTRY_BYTES;
use crate::bench::load::percentile;
use crate::talk::Error;

/// Bytes that the bare file has from the start, like a segment.
const BARE_BYTES: u64 = 8 << 20;

/// One round, in which all three met the same machine.
#[derive(Debug)]
pub struct Round {
    pub bare: Waits,
    pub one: Waits,
    pub many: Waits,
}

/// How long acknowledgements took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waits {
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

impl Waits {
    fn of(mut micros: Vec<u32>, took: Duration) -> Self {
        Self {
            per_second: micros.len() as f64 / took.as_secs_f64(),
            p50_us: percentile(&mut micros, 0.5),
            p99_us: percentile(&mut micros, 0.99),
        }
    }
}

/// A preallocated file, and nothing around it.
#[derive(Debug)]
pub struct Bare(File);

impl Bare {
    pub fn new(path: &Path) -> Result<Self, Error> {
        let file = File::create(path)?;
        file.write_all_at(&vec![0; BARE_BYTES as usize], 0)?;
        file.sync_all()?;
        Ok(Self(file))
    }

    /// One write of an entry's length and one `fdatasync`; how long that took.
    fn sync(&self, nth: usize) -> Result<u32, Error> {
        let at = (nth * ENTRY_BYTES) as u64 % (BARE_BYTES - ENTRY_BYTES as u64);
        let sent = Instant::now();
        self.0.write_all_at(&[b'x'; ENTRY_BYTES], at)?;
        self.0.sync_data()?;
        Ok(as_micros(sent))
    }
}

/// The disk alone and one caller, in turn, operation by operation: on a busy machine two windows one after the other
/// meet two machines.
pub async fn in_turn(disk: &Bare, ledger: &Ledger, window: Duration) -> Result<(Waits, Waits), Error> {
    let (began, mut bare, mut one) = (Instant::now(), Vec::new(), Vec::new());
    while began.elapsed() < window {
        bare.push(disk.sync(bare.len())?);
        let sent = Instant::now();
        ledger.append(vec![b'x'; ENTRY_BYTES]).await?;
        one.push(as_micros(sent));
    }
    let spent = |micros: &[u32]| Duration::from_micros(micros.iter().map(|micros| u64::from(*micros)).sum());
    let (on_bare, on_one) = (spent(&bare), spent(&one));
    Ok((Waits::of(bare, on_bare), Waits::of(one, on_one)))
}

/// Each caller appends again as soon as the entry before is durable.
pub async fn callers(ledger: &Ledger, count: usize, window: Duration) -> Result<Waits, Error> {
    let began = Instant::now();
    let caller = || {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            let mut micros = Vec::new();
            while began.elapsed() < window {
                let sent = Instant::now();
                ledger.append(vec![b'x'; ENTRY_BYTES]).await?;
                micros.push(as_micros(sent));
            }
            Ok::<_, plimsoll_ledger::LedgerError>(micros)
        })
    };
    let callers: Vec<_> = (0..count).map(|_| caller()).collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await??);
    }
    Ok(Waits::of(all, began.elapsed()))
}

fn as_micros(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)
}
