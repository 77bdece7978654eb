//! Small things in words that pages and commands say alike.

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::Stop;

use crate::chain::{date, shown};
use crate::scope as kill;

/// A time, exact (`2026-11-21 21:04:10 UTC`) and near (`in 12 min`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    pub exact: String,
    pub near: String,
}

/// A time as seen from `now`.
pub fn when(at: Timestamp, now: Timestamp) -> When {
    When { exact: date(at), near: near(at.duration_since(now)) }
}

/// `in 12 min`, `3 h ago`.
fn near(away: SignedDuration) -> String {
    let seconds = away.as_secs().unsigned_abs();
    let amount = match seconds {
        0..60 => format!("{seconds} s"),
        60..5_400 => format!("{} min", seconds / 60),
        5_400..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    if away.is_positive() { format!("in {amount}") } else { format!("{amount} ago") }
}

/// A kill switch's scope: `everything`, `workflow support`, `tool desk.*`.
pub fn scope(scope: &plimsoll_core::StopScope) -> String {
    kill::words(scope)
}

/// A kill switch in force.
#[derive(Clone, Debug)]
pub(crate) struct StopLine {
    pub what: String,
    pub reason: String,
    pub by: String,
    pub at: When,
    pub scope: &'static str,
    pub name: String,
    /// Only removing the file lifts it.
    pub by_file: bool,
}

pub(crate) fn stop(stop: &Stop, now: Timestamp) -> StopLine {
    let (scope, name) = kill::fields(&stop.scope);
    StopLine {
        what: shown(&kill::words(&stop.scope)),
        reason: shown(&stop.reason),
        by: shown(&stop.by),
        at: when(stop.at, now),
        scope,
        name: name.to_owned(),
        by_file: stop.by == plimsoll_gateway::stops::SENTINEL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_times() {
        let check = |seconds, expected: &str| assert_eq!(near(SignedDuration::from_secs(seconds)), expected);
        check(42, "in 42 s");
        check(900, "in 15 min");
        check(-7_200, "2 h ago");
        check(-260_000, "3 days ago");
    }
}
