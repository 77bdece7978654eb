//! What was found, for people and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::acks::{Round, Waits};
use super::kept::{Kept, Speed};
use super::{CALLERS, ENTRY_BYTES};
use crate::replay::count;

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    pub rounds: Vec<Round>,
    pub speeds: Vec<Speed>,
    pub kept: Kept,
}

/// What is aimed at: acknowledgements as ratios to the disk, the rest as it stands.
const P50_AIM: f64 = 3.0;
const P99_AIM: f64 = 10.0;
const CROWD_AIM: f64 = 20_000.0;
const VERIFY_AIM: f64 = 150_000.0;
const KEPT_AIM: f64 = 40.0;
/// Ratios below this can't be.
const ABSURD: f64 = 0.9;

/// One figure with its aim.
struct Figure {
    what: String,
    value: f64,
    told: String,
    aim: f64,
    /// Whether less is better.
    under: bool,
    besides: String,
}

impl Figure {
    fn is_reached(&self) -> bool {
        !self.is_absurd() && if self.under { self.value <= self.aim } else { self.value >= self.aim }
    }

    /// An acknowledgement waits for an `fdatasync`. One that seems faster was measured on a machine that was busy with
    /// other things meanwhile, and says nothing.
    fn is_absurd(&self) -> bool {
        self.told.ends_with('x') && self.value < ABSURD
    }

    fn verdict(&self) -> &'static str {
        match (self.is_absurd(), self.is_reached()) {
            (true, _) => "unclear",
            (false, true) => "reached",
            (false, false) => "missed",
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Report {
    /// Whether every aim was reached.
    pub fn is_good(&self) -> bool {
        self.figures().iter().all(Figure::is_reached)
    }

    fn of(&self, which: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(which))
    }

    fn figures(&self) -> Vec<Figure> {
        // The median of the rounds' ratios; never the ratio of medians.
        let p50 = self.of(|round| round.one.p50_us / round.bare.p50_us);
        let p99 = self.of(|round| round.one.p99_us / round.bare.p50_us);
        let tail = self.of(|round| round.one.p99_us / round.bare.p99_us);
        // Others on the machine only take away: the best round says most about the program.
        let crowd = self.rounds.iter().map(|round| round.many.per_second).fold(0.0, f64::max);
        let verify = self.speeds.first().map_or(0.0, |speed| speed.per_cpu_second);
        let figure = |what: &str, value, told, aim, under, besides| Figure {
            what: what.to_owned(),
            value,
            told,
            aim,
            under,
            besides,
        };
        let whole = |value: f64| count(value as usize);
        vec![
            figure(
                "durable, p50 : fdatasync p50",
                p50,
                format!("{p50:.2}x"),
                P50_AIM,
                true,
                format!("{:.0} µs : {:.0} µs", self.of(|r| r.one.p50_us), self.of(|r| r.bare.p50_us)),
            ),
            figure(
                "durable, p99 : fdatasync p50",
                p99,
                format!("{p99:.2}x"),
                P99_AIM,
                true,
                format!("{:.0} µs; {tail:.2}x of fdatasync's own p99", self.of(|r| r.one.p99_us)),
            ),
            figure(
                &format!("acknowledged a second, {CALLERS} callers"),
                crowd,
                whole(crowd),
                CROWD_AIM,
                false,
                format!("best round; median {}", whole(self.of(|r| r.many.per_second))),
            ),
            figure(
                "verified a second on a processor",
                verify,
                whole(verify),
                VERIFY_AIM,
                false,
                self.speeds
                    .iter()
                    .map(|s| format!("{}: {} by the clock", s.what, whole(s.per_second)))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
            figure(
                "bytes kept beside an entry, a pack",
                self.kept.pack,
                format!("{:.2}", self.kept.pack),
                KEPT_AIM,
                true,
                format!(
                    "{:.2} of them hashes; the gateway's directory has the entries twice",
                    self.kept.tiles
                ),
            ),
        ]
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for figure in self.figures() {
            let aim = match figure.under {
                true => format!("≤ {}", figure.aim),
                false => format!("≥ {}", count(figure.aim as usize)),
            };
            let verdict = figure.verdict();
            let _ = writeln!(
                text,
                "{:<38}{:>10}  {aim:<10}{verdict:<9}{}",
                figure.what, figure.told, figure.besides
            );
        }
        text
    }

    pub fn json(&self) -> Value {
        let waits = |which: fn(&Round) -> Waits| {
            let rounds = self.rounds.iter().map(|round| {
                let Waits { per_second, p50_us, p99_us } = which(round);
                json!({ "per_second": per_second, "p50_us": p50_us, "p99_us": p99_us })
            });
            rounds.collect::<Vec<_>>()
        };
        let figures = self.figures();
        let figures = figures.iter().map(|figure| {
            json!({ "what": figure.what, "value": figure.value, "aim": figure.aim, "verdict": figure.verdict() })
        });
        let verified = self.speeds.iter().map(|speed| {
            json!({ "what": speed.what, "per_cpu_second": speed.per_cpu_second, "per_second": speed.per_second })
        });
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "optimized": !cfg!(debug_assertions),
            "entry_bytes": ENTRY_BYTES,
            "figures": figures.collect::<Vec<_>>(),
            "fdatasync": waits(|round| round.bare),
            "one_caller": waits(|round| round.one),
            "callers": waits(|round| round.many),
            "verified": verified.collect::<Vec<_>>(),
            "kept_bytes": { "tiles": self.kept.tiles, "pack": self.kept.pack, "directory": self.kept.directory },
        })
    }
}
