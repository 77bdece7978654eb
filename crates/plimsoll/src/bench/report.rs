//! What was found, for people and as JSON.

use serde_json::{Value, json};

use super::rounds::Sample;
use super::shapes::Shape;

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    /// Whether load and target had a processor each.
    pub split: bool,
    pub rounds: usize,
    pub rows: Vec<Row>,
    pub rates: Vec<Rate>,
    pub crowd: Option<Crowd>,
    pub idle_mb: f64,
    /// At most, with up to 64 connections.
    pub peak_mb: f64,
    /// At most, with those of the crowd too.
    pub crowd_mb: f64,
    pub start_ms: f64,
    pub binary_mb: f64,
}

/// One shape, with a pair of samples of each round.
#[derive(Debug)]
pub struct Row {
    pub shape: Shape,
    pub pairs: Vec<Pair>,
}

#[derive(Debug)]
pub struct Pair {
    pub floor: Sample,
    pub plimsoll: Sample,
}

/// Added latency at a constant rate, microseconds: p50, p99.
#[derive(Debug)]
pub struct Rate {
    pub floor: [f64; 2],
    pub plimsoll: [f64; 2],
}

#[derive(Debug)]
pub struct Crowd {
    pub requests: u64,
    pub failed: u64,
    pub per_second: f64,
    pub cpu_us: f64,
    pub why: Option<String>,
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Row {
    pub fn new(shape: Shape) -> Self {
        Self { shape, pairs: Vec::new() }
    }

    /// The median of the rounds' ratios; never the ratio of medians.
    fn ratio(&self) -> f64 {
        median(self.pairs.iter().map(|pair| pair.plimsoll.cpu_us / pair.floor.cpu_us))
    }

    fn of(&self, which: impl Fn(&Pair) -> f64) -> f64 {
        median(self.pairs.iter().map(which))
    }

    fn verdict(&self) -> &'static str {
        match self.shape.aim {
            None => "",
            Some((aim, _)) if self.ratio() <= aim => "reached",
            Some((_, first)) if self.ratio() <= first => "first milestone",
            Some(_) => "missed",
        }
    }

    fn json(&self) -> Value {
        let ratios = self.pairs.iter().map(|pair| pair.plimsoll.cpu_us / pair.floor.cpu_us);
        let side = |pick: fn(&Pair) -> &Sample| {
            json!({
                "cpu_us": self.of(|pair| pick(pair).cpu_us),
                "per_second": self.of(|pair| pick(pair).per_second),
                "p50_us": self.of(|pair| pick(pair).p50_us),
                "p99_us": self.of(|pair| pick(pair).p99_us),
                "chunk_delay_us": pick(&self.pairs[0]).delay_us.map(|_| self.of(|pair| pick(pair).delay_us.unwrap_or(f64::NAN))),
            })
        };
        json!({
            "shape": self.shape.name,
            "about": self.shape.about,
            "ratio": self.ratio(),
            "ratios": ratios.collect::<Vec<_>>(),
            "aim": self.shape.aim.map(|(aim, _)| aim),
            "first_milestone": self.shape.aim.map(|(_, first)| first),
            "verdict": self.verdict(),
            "floor": side(|pair| &pair.floor),
            "plimsoll": side(|pair| &pair.plimsoll),
        })
    }
}

impl Report {
    /// Whether nothing failed and no aim's first milestone was missed.
    pub fn is_good(&self) -> bool {
        self.crowd.as_ref().is_none_or(|crowd| crowd.failed == 0)
            && self.rows.iter().all(|row| row.verdict() != "missed")
    }

    pub fn json(&self) -> Value {
        let rate =
            |pick: fn(&Rate) -> [f64; 2]| [0, 1].map(|n| median(self.rates.iter().map(|rate| pick(rate)[n])));
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "optimized": !cfg!(debug_assertions),
            "processors_split": self.split,
            "rounds": self.rounds,
            "shapes": self.rows.iter().filter(|row| !row.pairs.is_empty()).map(Row::json).collect::<Vec<_>>(),
            "added_us_at_1000_per_second": (!self.rates.is_empty()).then(|| json!({
                "floor": { "p50": rate(|r| r.floor)[0], "p99": rate(|r| r.floor)[1] },
                "plimsoll": { "p50": rate(|r| r.plimsoll)[0], "p99": rate(|r| r.plimsoll)[1] } })),
            "crowd": self.crowd.as_ref().map(|crowd| json!({ "requests": crowd.requests, "failed": crowd.failed,
                "per_second": crowd.per_second, "cpu_us": crowd.cpu_us })),
            "memory_mb": { "idle": self.idle_mb, "peak": self.peak_mb,
                "peak_of_crowd": self.crowd.is_some().then_some(self.crowd_mb) },
            "start_ms": self.start_ms,
            "binary_mb": self.binary_mb,
        })
    }

    /// The table.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: std::fmt::Arguments<'_>| {
            out.push_str(&text.to_string());
            out.push('\n');
        };
        if !self.rows.is_empty() {
            line(format_args!(
                "{:<36}{:>9}{:>10}{:>8}{:>6}  {:<16}{:>10}{:>9}{:>9}",
                "processor time, µs", "floor", "Plimsoll", "ratio", "aim", "", "per s", "p50 µs", "p99 µs"
            ));
        }
        for row in self.rows.iter().filter(|row| !row.pairs.is_empty()) {
            let aim = row.shape.aim.map(|(aim, _)| format!("{aim}")).unwrap_or_default();
            line(format_args!(
                "{:<36}{:>9.1}{:>10.1}{:>7.2}x{:>6}  {:<16}{:>10.0}{:>9.0}{:>9.0}",
                row.shape.about,
                row.of(|pair| pair.floor.cpu_us),
                row.of(|pair| pair.plimsoll.cpu_us),
                row.ratio(),
                aim,
                row.verdict(),
                row.of(|pair| pair.plimsoll.per_second),
                row.of(|pair| pair.plimsoll.p50_us),
                row.of(|pair| pair.plimsoll.p99_us),
            ));
            if row.pairs[0].plimsoll.delay_us.is_some() {
                let delay =
                    |pick: fn(&Pair) -> &Sample| row.of(|pair| pick(pair).delay_us.unwrap_or(f64::NAN));
                let (floor, plimsoll) = (delay(|pair| &pair.floor), delay(|pair| &pair.plimsoll));
                line(format_args!(
                    "{:<36}{floor:>9.0}{plimsoll:>10.0}{:>7.2}x",
                    "  a chunk on its way, µs",
                    plimsoll / floor
                ));
            }
        }
        if !self.rates.is_empty() {
            let of = |pick: fn(&Rate) -> f64| median(self.rates.iter().map(pick));
            line(format_args!(
                "added at 1,000 requests/s, µs           p50: floor {:.0}, Plimsoll {:.0}    p99: floor {:.0}, Plimsoll {:.0} (aim: under 1500 on an idle machine)",
                of(|r| r.floor[0]),
                of(|r| r.plimsoll[0]),
                of(|r| r.floor[1]),
                of(|r| r.plimsoll[1])
            ));
        }
        if let Some(crowd) = &self.crowd {
            line(format_args!(
                "1,024 connections, 20 ms upstream       {} requests, {} failed (aim: 0), {:.0} a second, {:.1} µs each{}",
                crowd.requests,
                crowd.failed,
                crowd.per_second,
                crowd.cpu_us,
                crowd.why.as_ref().map(|why| format!("; first failure: {why}")).unwrap_or_default()
            ));
        }
        let with_crowd = match self.crowd.is_some() {
            true => format!(", with 1,024 connections {:.1}", self.crowd_mb),
            false => String::new(),
        };
        line(format_args!(
            "memory, MB                              idle {:.1} (aim: 25), at most {:.1} (aim: 60){}",
            self.idle_mb, self.peak_mb, with_crowd
        ));
        line(format_args!("start to first answer                   {:.0} ms (aim: 100)", self.start_ms));
        line(format_args!("this program                            {:.1} MB (aim: 40)", self.binary_mb));
        out
    }
}
