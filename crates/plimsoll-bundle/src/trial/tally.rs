//! From what is written down to observations: one a session.
//!
//! Acts of one conversation resemble each other, so they are no independent observations; conversations are. A session
//! is closed when it was silent for a while or has lasted long, whatever came of it, and only then does it count.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::mix::{MIX_ACTS, Mix, divergence};
use super::{COUNTED, Signal, Trial, Verdict, acceptable};
use crate::Watch;

/// Seconds of silence after which a session counts.
pub const SILENT_S: i64 = 120;
/// Seconds after which it counts also when it goes on.
pub const LASTS_S: i64 = 3_600;
/// Sessions that are open at once; beyond it the oldest is closed.
pub const OPEN_MAX: usize = 8_192;
/// Live sessions whose times say what is usual.
const USUAL: usize = 512;
/// Live sessions that have to be closed before there is a usual time.
const USUAL_MIN: usize = 20;

/// Which release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arm {
    Live,
    Canary,
}

/// Something that was written down about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    pub arm: Arm,
    pub session: &'a str,
    pub at: Timestamp,
    pub what: What<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// An act of a tool was decided.
    Decided { tool: &'a str, refused: bool, held: bool },
    /// A person said no.
    Rejected,
    /// An act came to its end.
    Ended { failed: bool, took_ms: u64 },
}

/// A session that goes on.
#[derive(Clone, Debug)]
struct Open {
    arm: Arm,
    first: Timestamp,
    last: Timestamp,
    refused: bool,
    held: bool,
    rejected: bool,
    failed: bool,
    took_ms: u64,
    ended: u64,
}

/// What counts of a closed session: bad or not, for each counted signal. Unknown is not counted.
type Observed = [Option<bool>; COUNTED.len()];

/// Both arms' observations, and what they say.
#[derive(Clone, Debug)]
pub struct Tally {
    watch: Watch,
    open: BTreeMap<(Arm, String), Open>,
    /// Closed, and waiting for one of the other arm.
    waiting: [VecDeque<Observed>; 2],
    trials: [Trial; COUNTED.len()],
    counts: [[(u64, u64); COUNTED.len()]; 2],
    usual: VecDeque<u64>,
    mixes: [Mix; 2],
    sessions: [u64; 2],
}

impl Tally {
    pub fn new(watch: Watch) -> Self {
        Self {
            watch,
            open: BTreeMap::new(),
            waiting: Default::default(),
            trials: acceptable(&watch).map(Trial::new),
            counts: Default::default(),
            usual: VecDeque::new(),
            mixes: Default::default(),
            sessions: [0; 2],
        }
    }

    /// Takes in one thing, in the order of the record.
    pub fn see(&mut self, seen: &Seen<'_>) {
        self.settle(seen.at);
        if seen.session.is_empty() {
            return;
        }
        let key = (seen.arm, seen.session.to_owned());
        if !self.open.contains_key(&key) && self.open.len() >= OPEN_MAX {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.last).map(|(key, _)| key.clone());
            if let Some(open) = oldest.and_then(|key| self.open.remove(&key)) {
                self.close(&open);
            }
        }
        let open = self.open.entry(key).or_insert(Open {
            arm: seen.arm,
            first: seen.at,
            last: seen.at,
            refused: false,
            held: false,
            rejected: false,
            failed: false,
            took_ms: 0,
            ended: 0,
        });
        open.last = open.last.max(seen.at);
        match seen.what {
            What::Decided { tool, refused, held } => {
                open.refused |= refused;
                open.held |= held;
                self.mixes[seen.arm as usize].add(tool);
            }
            What::Rejected => open.rejected = true,
            What::Ended { failed, took_ms } => {
                open.failed |= failed;
                open.took_ms = open.took_ms.saturating_add(took_ms);
                open.ended += 1;
            }
        }
    }

    /// Closes what is over by now.
    pub fn settle(&mut self, now: Timestamp) {
        let over =
            |since: Timestamp, seconds: i64| now.duration_since(since) >= SignedDuration::from_secs(seconds);
        let is_over = |open: &Open| over(open.last, SILENT_S) || over(open.first, LASTS_S);
        // In the order in which they fell silent, so that the same record always makes the same observations.
        let mut closed: Vec<Open> =
            self.open.extract_if(.., |_, open| is_over(open)).map(|(_, open)| open).collect();
        closed.sort_by_key(|open| (open.last, open.first, open.arm));
        for open in &closed {
            self.close(open);
        }
    }

    fn close(&mut self, open: &Open) {
        let took = open.took_ms.checked_div(open.ended);
        let slow = took.and_then(|took| Some(took > self.too_slow()?));
        let observed = [Some(open.refused), Some(open.held), Some(open.rejected), Some(open.failed), slow];
        if let (Arm::Live, Some(took)) = (open.arm, took) {
            self.usual.push_back(took);
            if self.usual.len() > USUAL {
                self.usual.pop_front();
            }
        }
        let arm = open.arm as usize;
        self.sessions[arm] += 1;
        for (count, bad) in self.counts[arm].iter_mut().zip(observed) {
            if let Some(bad) = bad {
                *count = (count.0 + u64::from(bad), count.1 + 1);
            }
        }
        self.waiting[arm].push_back(observed);
        self.pair();
    }

    /// What takes longer than this is slow; nobody knows while too few live sessions were seen.
    fn too_slow(&self) -> Option<u64> {
        if self.usual.len() < USUAL_MIN {
            return None;
        }
        let mut times: Vec<u64> = self.usual.iter().copied().collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let more = u128::from(*median) * u128::from(self.watch.slower) / 1_000_000;
        Some(median.saturating_add(u64::try_from(more).unwrap_or(u64::MAX)).saturating_add(1))
    }

    /// Holds what waits of one arm against what waits of the other.
    fn pair(&mut self) {
        if self.waiting.iter().any(VecDeque::is_empty) {
            return;
        }
        let [live, canary] = std::mem::take(&mut self.waiting);
        let count = |arm: &VecDeque<Observed>, n: usize| {
            let known = arm.iter().filter_map(|observed| observed[n]);
            known.fold((0, 0), |(bad, of), is_bad| (bad + u64::from(is_bad), of + 1))
        };
        for (n, trial) in self.trials.iter_mut().enumerate() {
            trial.block(count(&canary, n), count(&live, n));
        }
    }

    /// Sessions of an arm that count.
    pub fn sessions(&self, arm: Arm) -> u64 {
        self.sessions[arm as usize]
    }

    /// Every signal as it stands.
    pub fn signals(&self) -> Vec<Signal> {
        let [live, canary] = [Arm::Live as usize, Arm::Canary as usize];
        let mut signals: Vec<Signal> = COUNTED
            .iter()
            .zip(&self.trials)
            .zip(acceptable(&self.watch))
            .enumerate()
            .map(|(n, ((name, trial), acceptable))| Signal {
                name,
                verdict: trial.verdict(),
                canary: self.counts[canary][n],
                live: self.counts[live][n],
                acceptable,
                measured: None,
            })
            .collect();
        signals.push(self.mix());
        signals
    }

    fn mix(&self) -> Signal {
        let [live, canary] = &self.mixes;
        let apart = divergence(live, canary);
        let measured = (apart * 1e6).round() as u32;
        let verdict = match live.total >= MIX_ACTS && canary.total >= MIX_ACTS {
            true if measured > self.watch.mix => Verdict::Worse,
            true => Verdict::Fine,
            false => Verdict::Open,
        };
        Signal {
            name: "mix",
            verdict,
            canary: (canary.total, canary.total),
            live: (live.total, live.total),
            acceptable: self.watch.mix,
            measured: Some(measured),
        }
    }
}
