//! The rounds: every shape, both targets in random order, and what each cost.

use std::time::Duration;

use super::load::{self, Tally, percentile};
use super::proc::{Cpu, memory_mb, settled};
use super::report::{Crowd, Pair, Rate, Report, Row};
use super::shapes::Shape;
use super::stage::{Stage, Target};
use crate::talk::{self, Error};

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    pub rounds: usize,
    pub window: Duration,
    /// Only these shapes; all, where there are none.
    pub only: Vec<String>,
}

impl Plan {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

/// What one target did in one window.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Microseconds of processor time a request (or chunk), with everything that was left to do after the last answer.
    pub cpu_us: f64,
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    /// Median time of a chunk on its way, where chunks say when they were sent.
    pub delay_us: Option<f64>,
}

/// Builds the stage and plays every round.
pub async fn run(plan: &Plan) -> Result<Report, Error> {
    let stage = Stage::build().await?;
    let idle_mb = memory_mb(stage.gateway.id()).0;
    let mut rows: Vec<Row> =
        Shape::TABLE.iter().filter(|shape| plan.wants(shape.name)).map(|shape| Row::new(*shape)).collect();
    let mut rates = Vec::new();
    for round in 1..=plan.rounds {
        talk::say(format!("round {round} of {}", plan.rounds));
        for row in &mut rows {
            row.pairs.push(pair(&stage, &row.shape, plan.window).await?);
        }
        if plan.wants(Shape::RATE.name) {
            rates.push(rate(&stage, plan.window * 2).await?);
        }
    }
    let (_, peak_mb) = memory_mb(stage.gateway.id());
    let crowd = match plan.wants(Shape::CROWD.name) {
        true => Some(crowd(&stage, plan.window * 3).await),
        false => None,
    };
    let (_, crowd_mb) = memory_mb(stage.gateway.id());
    Ok(Report {
        split: stage.cores.are_split(),
        rounds: plan.rounds,
        rows,
        rates,
        crowd,
        idle_mb,
        peak_mb,
        crowd_mb,
        start_ms: stage.start.as_secs_f64() * 1_000.0,
        binary_mb: std::fs::metadata(std::env::current_exe()?)?.len() as f64 / 1e6,
    })
}

async fn pair(stage: &Stage, shape: &Shape, window: Duration) -> Result<Pair, Error> {
    if coin() {
        let floor = sample(stage, &stage.floor, shape, window).await?;
        Ok(Pair { plimsoll: sample(stage, &stage.gateway, shape, window).await?, floor })
    } else {
        let plimsoll = sample(stage, &stage.gateway, shape, window).await?;
        Ok(Pair { floor: sample(stage, &stage.floor, shape, window).await?, plimsoll })
    }
}

async fn sample(stage: &Stage, target: &Target, shape: &Shape, window: Duration) -> Result<Sample, Error> {
    let templates = stage.templates(shape);
    let before = settled(target.id()).await;
    let mut tally = match shape.is_busy() {
        true => load::closed_awake(target.at, stage.upstream.at, &templates, window).await?,
        false => load::closed(target.at, &templates, window).await,
    };
    let after = settled(target.id()).await;
    sound(&tally, target.name, shape)?;
    let done = tally.requests as f64 * shape.per_request as f64;
    let per_second = tally.per_second() * shape.per_request as f64;
    Ok(Sample {
        cpu_us: after.since(&before) / done,
        per_second,
        p50_us: percentile(&mut tally.latencies, 0.5),
        p99_us: percentile(&mut tally.latencies, 0.99),
        delay_us: (!tally.delays.is_empty()).then(|| percentile(&mut tally.delays, 0.5)),
    })
}

/// A window in which requests failed measures something else.
fn sound(tally: &Tally, target: &str, shape: &Shape) -> Result<(), Error> {
    match (&tally.first_failure, tally.requests) {
        (None, 1..) => Ok(()),
        (why, _) => Err(Error::new(format!(
            "{target}, {}: {} of {} requests failed: {}",
            shape.name,
            tally.failed,
            tally.failed + tally.requests,
            why.as_deref().unwrap_or("none was answered in time")
        ))),
    }
}

/// The latency that each adds at a constant rate, over asking the upstream directly.
async fn rate(stage: &Stage, window: Duration) -> Result<Rate, Error> {
    let templates = stage.templates(&Shape::RATE);
    let mut found = Vec::new();
    for target in [&stage.upstream, &stage.floor, &stage.gateway] {
        settled(target.id()).await;
        let mut tally = load::constant(target.at, &templates, window).await;
        sound(&tally, target.name, &Shape::RATE)?;
        found.push([0.5, 0.99].map(|share| percentile(&mut tally.latencies, share)));
    }
    let added = |n: usize| [0, 1].map(|at| found[n][at] - found[0][at]);
    Ok(Rate { floor: added(1), plimsoll: added(2) })
}

async fn crowd(stage: &Stage, window: Duration) -> Crowd {
    let templates = stage.templates(&Shape::CROWD);
    let before = Cpu::of(stage.gateway.id());
    let tally = load::closed(stage.gateway.at, &templates, window).await;
    let cpu_us = settled(stage.gateway.id()).await.since(&before) / tally.requests.max(1) as f64;
    Crowd {
        requests: tally.requests,
        failed: tally.failed,
        per_second: tally.per_second(),
        cpu_us,
        why: tally.first_failure,
    }
}

fn coin() -> bool {
    let mut byte = [0];
    getrandom::fill(&mut byte).is_ok() && byte[0] & 1 == 0
}
