//! How a diff looks: a page for a terminal, a comment for a pull request, SARIF, JSON.

mod json;
mod markdown;
mod sarif;
mod terminal;

use std::collections::{BTreeMap, BTreeSet};

pub use self::json::json;
pub use self::markdown::markdown;
pub use self::sarif::sarif;
pub use self::terminal::{Paint, terminal};
use super::{Change, Diff, Level, Tally};

/// The fingerprints that somebody approved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved(BTreeSet<String>);

impl Approved {
    /// Reads a file of approvals: a fingerprint a line, anything after it and after `#` is a note.
    ///
    /// # Errors
    /// The line that holds something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut approved = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            let plain = line.split('#').next().unwrap_or_default();
            let Some(word) = plain.split_whitespace().next() else { continue };
            if word.len() != 12 || !word.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(format!("line {}: `{word}` is no fingerprint of twelve hex digits", number + 1));
            }
            approved.insert(word.to_ascii_lowercase());
        }
        Ok(Self(approved))
    }

    pub fn has(&self, change: &Change) -> bool {
        self.0.contains(&change.fingerprint)
    }

    /// Approvals of changes that this diff does not hold: they approve nothing.
    pub fn idle<'a>(&'a self, diff: &'a Diff) -> impl Iterator<Item = &'a str> {
        let found: BTreeSet<&str> = diff.changes.iter().map(|change| change.fingerprint.as_str()).collect();
        self.0.iter().map(String::as_str).filter(move |fingerprint| !found.contains(fingerprint))
    }
}

impl Diff {
    /// The highest level that nobody has approved; `None` when nothing above `info` is left.
    pub fn highest_unapproved(&self, approved: &Approved) -> Option<Level> {
        let open = self.changes.iter().filter(|change| !approved.has(change)).map(Change::level);
        open.filter(|level| *level > Level::Info).max()
    }

    /// `2 acts became possible, 1 asks less of approvers, 1 is stricter`.
    pub fn summary(&self) -> String {
        let mut counts: BTreeMap<Tally, usize> = BTreeMap::new();
        for change in &self.changes {
            *counts.entry(change.rule.tally).or_default() += 1;
        }
        if counts.is_empty() {
            return "no change of behaviour".to_owned();
        }
        let line = |(tally, count): (&Tally, &usize)| {
            let (one, many) = tally.words();
            format!("{count} {}", if *count == 1 { one } else { many })
        };
        let all: Vec<String> = counts.iter().map(line).collect();
        all.join(", ")
    }

    /// What was compared, in words that promise no more than was done.
    pub fn method(&self) -> String {
        let compared = &self.compared;
        let mut said = format!(
            "Acts were compared by enumeration, not by proof: {} acts, {} of them differ in what they are judged by and were tried in {} cases.",
            compared.acts, compared.tried, compared.cases
        );
        for (cases, acts) in &compared.cut {
            said.push_str(&format!(" Of {} these were tried: {cases}.", acts.join(", ")));
        }
        said
    }
}

/// `+` for more, `~` for other, `-` for less.
fn symbol(change: &Change) -> char {
    match (change.level(), change.rule.tally) {
        (Level::Info, _) => '-',
        (_, Tally::Evidence) => '-',
        (Level::Owner, _) | (_, Tally::Possible) => '+',
        _ => '~',
    }
}

/// `tools/desk.yaml:12`, and that it is a line of BASE when it is gone.
fn place(change: &Change) -> String {
    let gone = if change.place.in_base { " (before)" } else { "" };
    format!("{}:{}{gone}", crate::pin::show_hidden(&change.place.file), change.place.line)
}
