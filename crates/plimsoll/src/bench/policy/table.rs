//! The figures as a table for people.

use std::fmt::Write as _;

use super::report::{Report, Tally, share};

impl Report<'_> {
    pub fn text(&self) -> String {
        let mut out = format!(
            "{:<14}{:>7}{:>14}{:>17}{:>9}{:>10}{:>18}{:>12}{:>12}\n",
            "suite",
            "benign",
            "automatic",
            "approvals",
            "refused",
            "attacks",
            "calls let pass",
            "all of one",
            "any of one"
        );
        let suites = self.suites();
        let rows = suites.iter().map(|suite| (*suite, Some(*suite))).filter(|_| suites.len() > 1);
        for (name, suite) in rows.chain([("all", None)]) {
            row(&mut out, name, &self.tally(suite));
        }
        let tally = self.tally(None);
        if tally.unchecked > 0 {
            let _ = writeln!(
                out,
                "{} benign calls wait for a check whose call the trace has no result of; they are not among the approvals",
                tally.unchecked
            );
        }
        let _ = writeln!(out, "annotation: {} lines under `tools:` in tools/*.yaml", self.annotation_lines);
        out
    }
}

fn row(out: &mut String, name: &str, tally: &Tally) {
    let _ = writeln!(
        out,
        "{:<14}{:>7}{:>14}{:>17}{:>9}{:>10}{:>18}{:>12}{:>12}",
        name,
        tally.benign,
        of(tally.automatic, tally.benign),
        tally
            .approvals_per_episode()
            .map_or_else(|| "-".to_owned(), |each| format!("{} ({each:.2} each)", tally.approvals)),
        tally.refused,
        tally.attacks,
        match tally.attack_calls {
            0 => "-".to_owned(),
            calls => format!("{} of {calls}", tally.attack_calls_allowed),
        },
        of(tally.all_allowed, tally.attacks),
        of(tally.any_allowed, tally.attacks),
    );
}

fn of(part: usize, whole: usize) -> String {
    share(part, whole).map_or_else(|| "-".to_owned(), |share| format!("{part} ({:.1}%)", share * 100.0))
}
