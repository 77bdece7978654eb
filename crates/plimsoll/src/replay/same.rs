//! Deciding again as it was decided: is it the same?

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use plimsoll_bundle::replay::{Difference, Missing, Replayed, again, in_short};
use plimsoll_gateway::Lens;
use serde_json::{Value, json};

use super::scan::{Asked, Opened, scan};
use super::{Grounds, NAMED_MAX, many, some};
use crate::talk::{Colour, Error, paint};

/// Recorded acts, each decided again under the release it was decided by.
#[derive(Debug, Default)]
pub struct Sameness {
    pub acts: usize,
    pub same: usize,
    pub reworded: Vec<u64>,
    pub differ: Vec<Other>,
    /// Why it could not be decided again → which.
    pub missing: BTreeMap<Missing, Vec<u64>>,
    sessions: HashSet<String>,
    releases: usize,
}

/// An act that is decided differently than its record says.
#[derive(Debug)]
pub struct Other {
    seq: u64,
    tool: String,
    difference: Box<Difference>,
}

struct Line {
    seq: u64,
    session: String,
    tool: String,
    replayed: Replayed,
}

impl Sameness {
    /// # Errors
    /// When the ledger can't be read.
    pub fn of(
        ledger: &std::path::Path,
        lens: &Lens,
        asked: &Asked,
        grounds: &Grounds,
    ) -> Result<Self, Error> {
        let mut all = Self::default();
        let one = |opened: &Opened, judged: &plimsoll_core::Judged, passed: bool| Line {
            seq: opened.seq,
            session: opened.entry.session.clone(),
            tool: judged.act.tool.to_string(),
            replayed: match grounds.bundle(judged) {
                Ok(bundle) => again(&opened.entry, judged, passed, &bundle),
                Err(missing) => Replayed::Missing(missing),
            },
        };
        scan(ledger, lens, asked, one, |line| all.add(line))?;
        all.releases = grounds.count();
        Ok(all)
    }

    fn add(&mut self, line: Line) {
        let Line { seq, session, tool, replayed } = line;
        self.acts += 1;
        if !session.is_empty() && !self.sessions.contains(&session) {
            self.sessions.insert(session);
        }
        match replayed {
            Replayed::Same => self.same += 1,
            Replayed::Reworded => self.reworded.push(seq),
            Replayed::Differs(difference) => self.differ.push(Other { seq, tool, difference }),
            Replayed::Missing(missing) => self.missing.entry(missing).or_default().push(seq),
        }
    }

    /// 0 all the same, 1 some are not, 2 some could not be decided again.
    pub fn exit(&self) -> u8 {
        match (self.differ.is_empty(), self.missing.is_empty()) {
            (false, _) => 1,
            (true, false) => 2,
            (true, true) => 0,
        }
    }

    pub fn json(&self) -> Value {
        let differ = self.differ.iter().map(|other| {
            json!({ "entry": other.seq, "tool": other.tool, "differs": other.difference.of,
                "recorded": other.difference.recorded, "again": other.difference.again })
        });
        let missing = self
            .missing
            .iter()
            .map(|(why, entries)| json!({ "why": why.name(), "text": why.to_string(), "entries": entries }));
        json!({
            "acts": self.acts, "same": self.same, "reworded": self.reworded,
            "sessions": self.sessions.len(), "releases": self.releases,
            "differ": differ.collect::<Vec<_>>(), "not_replayable": missing.collect::<Vec<_>>(),
        })
    }

    pub fn text(&self, colour: bool) -> String {
        let mut text = format!(
            "{} of {}, decided again under {} of their own time\n",
            many(self.acts, "act"),
            many(self.sessions.len(), "session"),
            many(self.releases, "release"),
        );
        let _ = match self.exit() {
            0 if self.acts == 0 => writeln!(text, "  nothing was decided there"),
            0 => writeln!(text, "  {}", paint(Colour::Green, "every decision is the same", colour)),
            _ => writeln!(text, "  the same: {}", super::count(self.same + self.reworded.len())),
        };
        if !self.reworded.is_empty() {
            let told = some(&self.reworded);
            let _ = writeln!(text, "  of them in other words (another version wrote them): {told}");
        }
        if !self.differ.is_empty() {
            let _ = writeln!(
                text,
                "  {}",
                paint(Colour::Red, &format!("different: {}", self.differ.len()), colour)
            );
            for other in self.differ.iter().take(NAMED_MAX * 4) {
                let Other { seq, tool, difference } = other;
                let _ = writeln!(text, "    #{seq} {tool}: another {}", difference.of.join(", another "));
                let _ = writeln!(text, "      recorded  {}", in_short(&difference.recorded));
                let _ = writeln!(text, "      again     {}", in_short(&difference.again));
            }
        }
        if !self.missing.is_empty() {
            let all: usize = self.missing.values().map(Vec::len).sum();
            let _ = writeln!(
                text,
                "  {}",
                paint(Colour::Yellow, &format!("not replayable: {}", super::count(all)), colour)
            );
            for (why, entries) in &self.missing {
                let _ = writeln!(text, "    {why}: {}", some(entries));
            }
        }
        text
    }
}
