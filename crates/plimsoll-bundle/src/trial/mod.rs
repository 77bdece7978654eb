//! Whether a canary is worse than the live release: what the gateway concludes from what it wrote down, as functions of
//! values.
//!
//! Two questions are asked of every signal at once, each session being one observation. *Is it worse?* is answered with
//! yes wrongly, however often one looks, in at most [`FALSE_ALARM`] of all canaries, for all signals together. *Is it
//! worse by as much as would matter?* is answered with no wrongly in at most [`MISSED`] of those that are. Until one of
//! them is answered the signal is open, and an open signal promotes nothing.
//!
//! The evidence is a [wager](wager::Wager); [`tally`] turns entries into observations.

mod mix;
pub mod tally;
#[cfg(test)]
mod tests;
mod wager;

use crate::Watch;

pub use self::tally::{Arm, Seen, Tally, What};
use self::wager::Wager;

/// How many of the canaries that are no worse are taken for worse at some time, in millionths, over all signals.
pub const FALSE_ALARM: u32 = 50_000;
/// How many of the canaries that are worse by what is acceptable are taken for fine at some time, in millionths, for
/// each signal.
pub const MISSED: u32 = 200_000;
/// What `slower` asks: how many sessions more may take longer than the live release's usual time, and what is acceptable
/// on top of it, in millionths.
pub const SLOWER_SESSIONS: u32 = 200_000;

/// The signals that are counted by sessions, in the order of [`Tally::session_signals`].
const COUNTED: [&str; 5] = ["refused", "held", "rejected", "failed", "slower"];

/// What is known about one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The canary is worse.
    Worse,
    /// It is not worse by as much as would matter.
    Fine,
    /// Nobody can tell yet.
    Open,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Fine => "fine",
            Self::Open => "open",
        }
    }
}

/// One signal with its figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    pub name: &'static str,
    pub verdict: Verdict,
    /// Bad ones, and of how many: sessions, for `mix` acts.
    pub canary: (u64, u64),
    pub live: (u64, u64),
    /// How much worse is acceptable, in millionths.
    pub acceptable: u32,
    /// What was measured of it, in millionths, where it is no difference of shares.
    pub measured: Option<u32>,
}

/// The test of one signal that sessions are counted by.
#[derive(Clone, Debug)]
pub struct Trial {
    acceptable: f64,
    worse: Wager,
    fine: Wager,
}

impl Trial {
    /// `acceptable`: the worst acceptable rise of the share of bad sessions, in millionths.
    pub fn new(acceptable: u32) -> Self {
        Self {
            acceptable: f64::from(acceptable.clamp(1, 1_000_000)) / 1e6,
            worse: Wager::default(),
            fine: Wager::default(),
        }
    }

    /// Takes in how many were bad of some sessions of each arm. What is in one block must not depend on what came of
    /// it; both arms have to be in it.
    pub fn block(&mut self, canary: (u64, u64), live: (u64, u64)) {
        if canary.1 == 0 || live.1 == 0 {
            return;
        }
        let rise = share(canary) - share(live);
        self.worse.take(rise);
        self.fine.take(self.acceptable - rise);
    }

    pub fn verdict(&self) -> Verdict {
        let each = f64::from(FALSE_ALARM) / 1e6 / COUNTED.len() as f64;
        if self.worse.peak() >= (1.0 / each).ln() {
            Verdict::Worse
        } else if self.fine.peak() >= (1e6 / f64::from(MISSED)).ln() {
            Verdict::Fine
        } else {
            Verdict::Open
        }
    }
}

fn share((bad, of): (u64, u64)) -> f64 {
    bad as f64 / of.max(1) as f64
}

/// The acceptable worsening of each counted signal.
fn acceptable(watch: &Watch) -> [u32; 5] {
    [watch.refused, watch.held, watch.rejected, watch.failed, SLOWER_SESSIONS]
}
