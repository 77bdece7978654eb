//! What the kernel says of a process: time on the processor, memory, where it may run.

use std::collections::HashMap;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Nanoseconds on the processor, of each thread.
#[derive(Clone, Debug, Default)]
pub struct Cpu(HashMap<u64, u64>);

impl Cpu {
    pub fn of(process: u32) -> Self {
        let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return Self::default() };
        let read = |task: fs::DirEntry| {
            let id = task.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
            Some((id, stat.split_whitespace().next()?.parse().ok()?))
        };
        Self(tasks.filter_map(Result::ok).filter_map(read).collect())
    }

    /// Microseconds since `before`.
    pub fn since(&self, before: &Self) -> f64 {
        let more =
            self.0.iter().map(|(id, now)| now - before.0.get(id).copied().unwrap_or_default().min(*now));
        more.sum::<u64>() as f64 / 1_000.0
    }
}

/// Waits until a process has nothing left to do, at most ten seconds.
pub async fn settled(process: u32) -> Cpu {
    let mut last = Cpu::of(process);
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = Cpu::of(process);
        if now.since(&last) < 1_500.0 {
            return now;
        }
        last = now;
    }
    last
}

/// Megabytes of memory: now, and at most so far.
pub fn memory_mb(process: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1_024.0)
    };
    (field("VmRSS").unwrap_or_default(), field("VmHWM").unwrap_or_default())
}

/// Two processors: one for what is measured, one for load and upstream.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    split: Option<(usize, usize)>,
}

impl Cores {
    pub fn find() -> Self {
        let all = sched_getaffinity(None).ok();
        let mut usable = (0..CpuSet::MAX_CPU).filter(|n| all.is_some_and(|all| all.is_set(*n)));
        Self { split: usable.next().zip(usable.next()) }
    }

    pub const fn are_split(self) -> bool {
        self.split.is_some()
    }

    /// What is started in `f` runs on the measured processor; this thread on the other.
    pub fn measured<T>(self, f: impl FnOnce() -> T) -> T {
        self.run_on(|(_, measured)| measured);
        let done = f();
        self.run_on(|(load, _)| load);
        done
    }

    fn run_on(self, which: impl Fn((usize, usize)) -> usize) {
        let Some(split) = self.split else { return };
        let mut set = CpuSet::new();
        set.set(which(split));
        // Where it is not allowed, everything runs everywhere, and the ratios are coarser.
        let _not_allowed = sched_setaffinity(None, &set);
    }
}

/// A child process that ends with its owner: asked first, as whoever runs it would, and killed if it does not.
#[derive(Debug)]
pub struct Owned(pub Child);

/// How long it may take to end.
const END: Duration = Duration::from_secs(10);

impl Owned {
    /// Asks it to end. False when it did not.
    fn end(&mut self) -> bool {
        let Some(id) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) else { return false };
        if kill_process(id, Signal::TERM).is_err() {
            return false;
        }
        let asked = Instant::now();
        while asked.elapsed() < END {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.end() {
            let _already_gone = self.0.kill();
            let _reaped = self.0.wait();
        }
    }
}
