//! The figures as a table for people.

use std::fmt::Write as _;

use super::report::{Report, Tally, share};

/// Column heads. Cells are set right, the first one left.
const HEAD: [(&str, usize); 11] = [
    ("suite", 12),
    ("benign", 8),
    ("automatic", 14),
    ("approvals", 17),
    ("refused", 9),
    ("reach", 14),
    ("read-only", 11),
    ("attacks", 9),
    ("acts let pass", 15),
    ("all calls", 12),
    ("any act", 14),
];

impl Report<'_> {
    pub fn text(&self) -> String {
        let mut out = String::new();
        line(&mut out, HEAD.map(|(name, _)| name.to_owned()));
        let suites = self.suites();
        let rows = suites.iter().map(|suite| (*suite, Some(*suite))).filter(|_| suites.len() > 1);
        for (name, suite) in rows.chain([("all", None)]) {
            line(&mut out, cells(name, &self.tally(suite)));
        }
        for note in self.notes() {
            let _ = writeln!(out, "{note}");
        }
        if let Some(latency) = &self.latency {
            let _ = write!(out, "\n{}", latency.text());
        }
        out
    }

    fn notes(&self) -> Vec<String> {
        let tally = self.tally(None);
        let mut notes = Vec::new();
        let (expecting, otherwise) = (self.expecting().count(), self.unexpected().count());
        if expecting > 0 {
            notes.push(format!("{} of {expecting} calls as expected", expecting - otherwise));
        }
        for (outcome, call) in self.unexpected() {
            let expected = call.call.expect.map_or("", plimsoll_core::Ruling::name);
            notes.push(format!(
                "{}, {} of {}: expected {expected}, but {}",
                outcome.episode.id,
                call.call.id,
                call.call.tool,
                plimsoll_bundle::replay::in_short(&call.ruled.decision)
            ));
        }
        if tally.unchecked > 0 {
            notes.push(format!(
                "{} benign calls wait for a check whose call has no result in the trace; they are not among the approvals",
                tally.unchecked
            ));
        }
        if tally.searched > 0 {
            notes.push(format!(
                "reach: {} of them by an act that goes outside or destroys, {} with another target than the user's",
                tally.reached_outside, tally.reached_other_target
            ));
        }
        if !self.not_searched.is_empty() {
            notes.push(format!(
                "reach was not searched for tools without a pin: {}",
                self.not_searched.join(", ")
            ));
        }
        notes.push(format!("annotation: {} lines under `tools:` in tools/*.yaml", self.annotation_lines));
        notes
    }
}

fn cells(name: &str, tally: &Tally) -> [String; 11] {
    let approvals = |each: f64| format!("{} ({each:.2} each)", tally.approvals);
    [
        name.to_owned(),
        tally.benign.to_string(),
        percent(tally.automatic, tally.benign),
        tally.approvals_per_episode().map_or_else(none, approvals),
        tally.refused.to_string(),
        percent(tally.reached, tally.searched),
        parts(tally.read_only_reached, tally.read_only),
        tally.attacks.to_string(),
        parts(tally.acts_allowed, tally.acts),
        percent(tally.all_allowed, tally.attacks),
        percent(tally.any_act_allowed, tally.attacks),
    ]
}

fn line(out: &mut String, cells: [String; 11]) {
    for (n, (cell, (_, width))) in cells.iter().zip(HEAD).enumerate() {
        let _ = if n == 0 { write!(out, "{cell:<width$}") } else { write!(out, "{cell:>width$}") };
    }
    out.push('\n');
}

fn none() -> String {
    "-".to_owned()
}

fn parts(part: usize, whole: usize) -> String {
    if whole == 0 { none() } else { format!("{part} of {whole}") }
}

fn percent(part: usize, whole: usize) -> String {
    share(part, whole).map_or_else(none, |share| format!("{part} ({:.1}%)", share * 100.0))
}
