//! How long a decision takes, one after another on one thread: by the clock on the wall, and by the processor time of
//! the thread. On a machine that does other things as well, only the second is about this program.

use std::collections::HashSet;
use std::time::Instant;

use plimsoll_bundle::Workflow;
use plimsoll_gateway::context::Shown;
use plimsoll_gateway::limits::Tally;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::episode::Episode;
use super::scene::{Ground, Known, Scene};

/// Calls measured at most, spread over the traces.
pub const CALLS_MAX: usize = 2_000;
/// The same in large contexts.
pub const LARGE_CALLS_MAX: usize = 200;
/// Bytes of a large context.
pub const LARGE_BYTES: usize = 200 << 10;

/// Numbers of one kind.
#[derive(Debug, Default)]
pub struct Numbers(Vec<f64>);

/// Durations of one step, in microseconds.
#[derive(Debug, Default)]
pub struct Times {
    /// By the clock on the wall.
    pub wall: Numbers,
    /// By the time that this thread was on a processor.
    pub cpu: Numbers,
}

/// When a step began, by both clocks.
struct Start {
    wall: Instant,
    cpu: f64,
}

/// What was measured in contexts of one size.
#[derive(Debug, Default)]
pub struct Measured {
    /// Bytes of the context.
    pub bytes: Numbers,
    /// Labelling every text and, in a long context, reading it for all that is asked of it: while the model thinks.
    pub ingest: Times,
    /// Putting the context together when the answer is there.
    pub prepare: Times,
    /// Tracing and deciding the first call of an answer.
    pub first: Times,
    /// Tracing and deciding any further call of the same answer.
    pub further: Times,
    /// The same context in the conversation's next request: labelled, read and put together again.
    pub again: Times,
    /// Tracing and deciding the first call of the answer to that.
    pub next: Times,
}

/// Contexts as they stand in the traces, and large ones.
#[derive(Debug)]
pub struct Latency {
    pub as_traced: Measured,
    pub large: Measured,
}

impl Latency {
    pub fn measure(ground: &Ground<'_>, workflows: &[&Workflow], episodes: &[Episode]) -> Self {
        let scenes: Vec<Scene<'_>> = episodes
            .iter()
            .zip(workflows)
            .map(|(episode, workflow)| Scene::new(ground, workflow, episode))
            .collect();
        Self {
            as_traced: measure(&scenes, CALLS_MAX, 0),
            large: measure(&scenes, LARGE_CALLS_MAX, LARGE_BYTES),
        }
    }
}

fn measure(scenes: &[Scene<'_>], most: usize, bytes: usize) -> Measured {
    let calls: Vec<_> = scenes
        .iter()
        .flat_map(|scene| scene.episode.judged().map(move |(at, call)| (scene, at, call)))
        .collect();
    let nothing_used = Tally::default();
    let mut measured = Measured::default();
    for (scene, at, call) in calls.iter().step_by(calls.len().div_ceil(most).max(1)) {
        let known = Known::default();
        let shown = scene.before(*at, padding(scene, scenes, bytes, &known), &known);
        measured.bytes.0.push(shown.iter().map(|piece| piece.text.len()).sum::<usize>() as f64);
        let same = shown.clone();
        let start = Start::now();
        let read = scene.read(&known, shown);
        measured.ingest.add(&start);
        let trajectory = &read.context().trajectory;
        let start = Start::now();
        let prepared = scene.prepare(&read, &known);
        measured.prepare.add(&start);
        for times in [&mut measured.first, &mut measured.further] {
            let start = Start::now();
            let ruled = scene.rule(&prepared, trajectory, &nothing_used, call);
            times.add(&start);
            drop(ruled);
        }
        drop(prepared);
        let start = Start::now();
        let read = scene.read(&known, same);
        let prepared = scene.prepare(&read, &known);
        measured.again.add(&start);
        let start = Start::now();
        let ruled = scene.rule(&prepared, &read.context().trajectory, &nothing_used, call);
        measured.next.add(&start);
        drop(ruled);
    }
    measured
}

/// Results of the other episodes, those of the same workflow first, until there are enough bytes. No text comes twice
/// before each came once: a value that stands in hundreds of places is no value of a real conversation.
fn padding<'a>(scene: &Scene<'a>, scenes: &[Scene<'a>], bytes: usize, known: &Known) -> Vec<Shown<'a>> {
    let is_fellow = |other: &&Scene<'a>| std::ptr::eq(other.workflow, scene.workflow);
    let (fellows, others): (Vec<_>, Vec<_>) = scenes.iter().partition(is_fellow);
    let mut padding: Vec<Shown<'a>> = Vec::new();
    let mut have = 0;
    while have < bytes {
        let before = have;
        let mut seen = HashSet::new();
        for piece in fellows.iter().chain(&others).flat_map(|other| other.results(known)) {
            if have >= bytes {
                break;
            }
            if seen.insert(piece.text.clone()) {
                have += piece.text.len();
                padding.push(piece);
            }
        }
        if have == before {
            break;
        }
    }
    padding
}

impl Start {
    fn now() -> Self {
        Self { wall: Instant::now(), cpu: on_processor() }
    }
}

/// Microseconds for which this thread was on a processor.
fn on_processor() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

impl Times {
    fn add(&mut self, start: &Start) {
        self.cpu.0.push(on_processor() - start.cpu);
        self.wall.0.push(start.wall.elapsed().as_secs_f64() * 1e6);
    }
}

impl Numbers {
    /// The value that this share of all is at or below.
    pub fn at(&self, share: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        sorted.get((share * last as f64).round() as usize).copied()
    }

    fn json(&self) -> Value {
        json!({ "p50": self.at(0.5), "p99": self.at(0.99), "max": self.at(1.0) })
    }
}

impl Measured {
    fn steps(&self) -> [(&'static str, &Times); 6] {
        [
            ("ingest", &self.ingest),
            ("prepare", &self.prepare),
            ("first", &self.first),
            ("further", &self.further),
            ("again", &self.again),
            ("next", &self.next),
        ]
    }

    fn json(&self) -> Value {
        let mut report = json!({ "calls": self.first.wall.0.len(), "context_bytes": self.bytes.json() });
        for (step, times) in self.steps() {
            report[format!("{step}_us")] = times.wall.json();
            report[format!("{step}_cpu_us")] = times.cpu.json();
        }
        report
    }

    fn lines(&self, name: &str) -> String {
        let kib = self.bytes.at(0.5).unwrap_or(f64::NAN) / 1024.0;
        let line = |clock: &str, of: fn(&Times) -> &Numbers| {
            let told = self.steps().map(|(_, times)| format!("{:>24}", three(of(times)))).concat();
            format!("{:<22}{:>6}{kib:>10.0} KiB{told}\n", format!("{name}, {clock}"), self.first.wall.0.len())
        };
        line("processor", |times| &times.cpu) + &line("wall", |times| &times.wall)
    }
}

fn three(numbers: &Numbers) -> String {
    let at = |share| numbers.at(share).unwrap_or(f64::NAN);
    format!("{:.0} / {:.0} / {:.0}", at(0.5), at(0.99), at(1.0))
}

impl Latency {
    pub fn json(&self) -> Value {
        json!({ "optimized": !cfg!(debug_assertions), "as_traced": self.as_traced.json(), "large": self.large.json() })
    }

    pub fn text(&self) -> String {
        let head = format!(
            "{:<22}{:>6}{:>14}{:>24}{:>24}{:>24}{:>24}{:>24}{:>24}\n",
            "µs, p50 / p99 / max",
            "calls",
            "context",
            "label and read",
            "put together",
            "first call",
            "further call",
            "next request",
            "its first call"
        );
        head + &self.as_traced.lines("as traced") + &self.large.lines("padded")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all() {
        let numbers = Numbers((0..=100).rev().map(f64::from).collect());
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|share| numbers.at(share)), [0.0, 50.0, 99.0, 100.0].map(Some));
        assert_eq!(Numbers::default().at(0.5), None);
    }
}
