//! Deciding again under a candidate: what would change.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use plimsoll_bundle::Bundle;
use plimsoll_bundle::replay::{Candidate, Changed, Compared, Unanswerable};
use plimsoll_core::{Digest, Judged, ToolName};
use plimsoll_gateway::Lens;
use serde_json::{Value, json};

use super::scan::{Asked, Opened, scan};
use super::{Grounds, many, some};
use crate::talk::{Colour, Error, paint};

/// Which changes make the command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// An act is newly allowed
    Allowed,
    /// Any decision changes
    Any,
    /// None
    Never,
}

/// The kinds of change in the order they are told, what opens most first.
pub(super) const KINDS: [&str; 4] = ["newly allowed", "newly refused", "newly held", "for another reason"];

/// What a candidate would change about recorded decisions.
#[derive(Debug, Default)]
pub struct Changes {
    acts: usize,
    answered: usize,
    /// Kind → (tool, rule) → entries.
    changes: BTreeMap<&'static str, BTreeMap<(String, String), Vec<u64>>>,
    unanswerable: BTreeMap<Unanswerable, Vec<u64>>,
    changed: Changed,
}

/// One act on record, as it was decided and as a candidate would.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) session: String,
    pub(super) tool: String,
    pub(super) compared: Result<Compared, Unanswerable>,
    first_sees: Option<ToolName>,
}

/// The candidate beside each release that recorded acts were decided by.
#[derive(Debug)]
struct Beside<'g> {
    grounds: &'g Grounds,
    candidate: Arc<Bundle>,
    known: Mutex<HashMap<Digest, Arc<Candidate>>>,
}

impl Beside<'_> {
    fn of(&self, judged: &Judged) -> Result<Arc<Candidate>, Unanswerable> {
        let recorded = self.grounds.bundle(judged).map_err(Unanswerable::Missing)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let ground = recorded.kept.digest;
        let made = || Arc::new(Candidate::new(recorded, Arc::clone(&self.candidate)));
        Ok(Arc::clone(known.entry(ground).or_insert_with(made)))
    }

    fn compare(&self, opened: &Opened, judged: &Judged, passed: bool) -> Line {
        let beside = self.of(judged);
        let first_sees = beside.as_ref().ok().and_then(|candidate| candidate.first_sees(judged).cloned());
        Line {
            seq: opened.seq,
            session: opened.entry.session.clone(),
            tool: judged.act.tool.to_string(),
            compared: beside.and_then(|candidate| candidate.decide(&opened.entry, judged, passed)),
            first_sees,
        }
    }

    /// Everything that the candidate changes beside some release.
    fn changed(&self) -> Changed {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Changed::default();
        for candidate in known.values() {
            all.extend(candidate.changed());
        }
        all
    }
}

/// Every act on record under a candidate, in order; then what the candidate changes beside any release.
pub(super) fn each(
    ledger: &std::path::Path,
    lens: &Lens,
    asked: &Asked,
    grounds: &Grounds,
    candidate: Bundle,
    mut one: impl FnMut(Line),
) -> Result<Changed, Error> {
    let beside = Beside { grounds, candidate: Arc::new(candidate), known: Mutex::default() };
    let mut seen: HashMap<String, ToolName> = HashMap::new();
    let work = |opened: &Opened, judged: &Judged, passed: bool| beside.compare(opened, judged, passed);
    scan(ledger, lens, asked, work, |mut line| {
        // What a conversation has seen, it has seen from then on.
        if let Some(tool) = line.first_sees.take() {
            seen.entry(line.session.clone()).or_insert(tool);
        }
        if let (Ok(_), Some(tool)) = (&line.compared, seen.get(&line.session)) {
            line.compared = Err(Unanswerable::Output(tool.clone()));
        }
        one(line);
    })?;
    Ok(beside.changed())
}

impl Changes {
    /// # Errors
    /// When the ledger can't be read.
    pub fn of(
        ledger: &std::path::Path,
        lens: &Lens,
        asked: &Asked,
        grounds: &Grounds,
        candidate: Bundle,
    ) -> Result<Self, Error> {
        let mut all = Self::default();
        let changed = each(ledger, lens, asked, grounds, candidate, |line| all.add(line))?;
        Ok(Self { changed, ..all })
    }

    fn add(&mut self, line: Line) {
        self.acts += 1;
        match line.compared {
            Err(why) => self.unanswerable.entry(why).or_default().push(line.seq),
            Ok(compared) => {
                self.answered += 1;
                if let Some(kind) = compared.change() {
                    let by = (line.tool, compared.rule());
                    self.changes.entry(kind).or_default().entry(by).or_default().push(line.seq);
                }
            }
        }
    }

    fn number(&self, kind: &str) -> usize {
        self.changes.get(kind).map_or(0, |by| by.values().map(Vec::len).sum())
    }

    /// 1 when what was asked to fail on is there, else 0.
    pub fn exit(&self, fail_on: FailOn) -> u8 {
        let fails = match fail_on {
            FailOn::Allowed => self.number("newly allowed") > 0,
            FailOn::Any => !self.changes.is_empty(),
            FailOn::Never => false,
        };
        u8::from(fails)
    }

    /// What was counted, by name.
    pub fn figures(&self) -> Vec<(&'static str, usize)> {
        let left = self.unanswerable.values().map(Vec::len).sum();
        let mut figures = vec![("acts", self.acts), ("decided", self.answered), ("not replayable", left)];
        figures.extend(KINDS.iter().map(|kind| (*kind, self.number(kind))));
        figures
    }

    pub fn json(&self) -> Value {
        let changes = KINDS.iter().filter_map(|kind| {
            let by = self.changes.get(kind)?.iter().map(|((tool, rule), entries)| {
                json!({ "tool": tool, "rule": rule, "count": entries.len(), "entries": entries })
            });
            Some((kind.replace(' ', "_"), json!(by.collect::<Vec<_>>())))
        });
        let unanswerable = self
            .unanswerable
            .iter()
            .map(|(why, entries)| json!({ "why": why.name(), "text": why.to_string(), "entries": entries }));
        json!({
            "acts": self.acts,
            "decided": self.answered,
            "changes": changes.collect::<serde_json::Map<_, _>>(),
            "not_replayable": unanswerable.collect::<Vec<_>>(),
            "notes": self.notes(),
        })
    }

    /// What the candidate changes that acts on record can't show.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (workflow, (from, to)) in &self.changed.modes {
            notes.push(format!(
                "the mode of workflow `{workflow}` goes from {} to {}",
                from.name(),
                to.name()
            ));
        }
        for workflow in &self.changed.limits {
            notes.push(format!(
                "the limits of workflow `{workflow}` differ: what was counted is on record, what would have been is not"
            ));
        }
        for prompt in &self.changed.prompts {
            notes.push(format!("prompt `{prompt}` differs: what a model says to it no record can tell"));
        }
        notes
    }

    pub fn text(&self, colour: bool) -> String {
        let told: Vec<String> = KINDS
            .iter()
            .filter(|kind| self.number(kind) > 0)
            .map(|kind| {
                let text = format!("{} {kind}", super::count(self.number(kind)));
                if *kind == "newly allowed" { paint(Colour::Red, &text, colour) } else { text }
            })
            .collect();
        let mut text = format!("{} decided again under the candidate: ", many(self.answered, "act"));
        let _ = match told.is_empty() {
            true => writeln!(text, "nothing changes"),
            false => writeln!(text, "{}", told.join(", ")),
        };
        for kind in KINDS {
            let Some(by) = self.changes.get(kind) else { continue };
            let tone = if kind == "newly allowed" { Colour::Red } else { Colour::Bold };
            let _ = writeln!(text, "\n{}", paint(tone, kind, colour));
            let mut by: Vec<_> = by.iter().collect();
            by.sort_by_key(|(_, entries)| std::cmp::Reverse(entries.len()));
            for ((tool, rule), entries) in by {
                let rule = if rule.is_empty() { String::new() } else { format!(" by {rule}") };
                let _ =
                    writeln!(text, "  {:>7}  {tool}{rule}: {}", super::count(entries.len()), some(entries));
            }
        }
        if !self.unanswerable.is_empty() {
            let all: usize = self.unanswerable.values().map(Vec::len).sum();
            let head = format!("not replayable: {}", super::count(all));
            let _ = writeln!(text, "\n{}", paint(Colour::Yellow, &head, colour));
            for (why, entries) in &self.unanswerable {
                let _ = writeln!(text, "  {why}: {}", some(entries));
            }
        }
        for note in self.notes() {
            let _ = writeln!(text, "note: {note}");
        }
        text
    }
}
