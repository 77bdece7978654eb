//! A recorded conversation with the models of today: several runs, and where each of them left the record.

use std::collections::BTreeMap;
use std::process::ExitCode;

use plimsoll_bundle::Bundle;
use plimsoll_gateway::cassette::{Departure, Lived, Tape, live as run_tape};
use serde_json::json;

use super::{count, many};
use crate::talk::{self, Colour, Done, Error, colour, paint};

/// Plays it `times` times, each time with a ledger that is thrown away.
pub fn play(tape: &Tape, bundle: impl Fn() -> Result<Bundle, Error>, times: u32, as_json: bool) -> Done {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut runs = Vec::new();
    let mut release = String::new();
    for _ in 0..times.max(1) {
        let (dir, bundle) = (tempfile::tempdir()?, bundle()?);
        release = bundle.id.to_string();
        let lived = runtime.block_on(run_tape(bundle, tape.clone(), dir.path()));
        runs.push(lived.map_err(|error| {
            Error::new(error.to_string()).help("models are asked where the repository says they are")
        })?);
    }
    let report = Report { session: &tape.session, release, runs };
    talk::data(if as_json { report.json().to_string() } else { report.text().trim_end().to_owned() });
    Ok(ExitCode::from(u8::from(report.departures().next().is_some())))
}

struct Report<'a> {
    session: &'a str,
    release: String,
    runs: Vec<Lived>,
}

impl Report<'_> {
    fn departures(&self) -> impl Iterator<Item = &Departure> {
        self.runs.iter().filter_map(|run| run.departure.as_ref())
    }

    fn json(&self) -> serde_json::Value {
        let runs = self.runs.iter().map(|run| {
            let departure = run.departure.as_ref().map(|departure| {
                json!({ "entry": departure.entry, "recorded": departure.recorded, "live": departure.live })
            });
            json!({ "steps": run.steps, "played": run.played, "acts": run.acts, "departure": departure })
        });
        json!({ "session": self.session, "release": self.release, "runs": runs.collect::<Vec<_>>() })
    }

    fn text(&self) -> String {
        let all = count(self.runs.len());
        let to_the_end = self.runs.iter().filter(|run| run.departure.is_none()).collect::<Vec<_>>();
        let mut text = format!(
            "{}: {} with the models of release {}, tools from the record\n",
            self.session,
            many(self.runs.len(), "run"),
            self.release.trim_start_matches("sha256:").get(..12).unwrap_or(&self.release),
        );
        if let Some(run) = to_the_end.first() {
            let said = format!("{} of {all} to the end", count(to_the_end.len()));
            let acts = many(run.acts, "act");
            text += &format!(
                "  {}: the same {acts}, the same decisions\n",
                paint(Colour::Green, &said, colour())
            );
        }
        let mut groups: BTreeMap<&Departure, usize> = BTreeMap::new();
        self.departures().for_each(|departure| *groups.entry(departure).or_default() += 1);
        for (departure, runs) in groups {
            let said = format!("{} of {all} left the record at entry #{}", count(runs), departure.entry);
            text += &format!("  {}\n", paint(Colour::Red, &said, colour()));
            for (who, acts) in [("recorded", &departure.recorded), ("live", &departure.live)] {
                match acts.as_slice() {
                    [] => text += &format!("    {who:<9} no act\n"),
                    acts => acts.iter().for_each(|act| text += &format!("    {who:<9} {act}\n")),
                }
            }
        }
        text
    }
}
