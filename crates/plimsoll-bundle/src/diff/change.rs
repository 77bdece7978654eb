//! One line of a behaviour diff.

use plimsoll_core::Digest;
use serde::Serialize;
use serde_json::{Value, json};

use super::place::Place;
use super::rules::{Level, Rule};
use crate::pin::show_hidden;

/// Something that behaves otherwise in HEAD than in BASE.
#[derive(Clone, Debug)]
pub struct Change {
    pub rule: &'static Rule,
    /// What it is about, the widest first: `support`, `desk.refund_order`.
    pub subject: Vec<String>,
    /// Where it stands in HEAD, or in BASE when it is gone.
    pub place: Place,
    /// Lower case, one line, no full stop.
    pub what: String,
    /// What a reader needs besides: a rendered diff, the facts an act needs, counts.
    pub detail: Vec<String>,
    /// A concrete request that shows it.
    pub example: Option<Example>,
    /// Twelve hex digits over rule, subject and what it means before and after; no line or file order
    /// goes in, so an approval of it survives a rebase and dies when the change becomes another.
    pub fingerprint: String,
    sense: Value,
}

/// A request, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Who asks, in which workflow: `an agent in support`.
    pub who: String,
    pub tool: String,
    pub arguments: Value,
    /// What has to be so, a phrase each.
    pub given: Vec<String>,
    pub before: String,
    pub after: String,
}

impl Change {
    /// `before` and `after` are what it means, not how it is written.
    pub(super) fn new(
        rule: &'static Rule,
        subject: &[&str],
        place: Place,
        what: impl Into<String>,
        before: Value,
        after: Value,
    ) -> Self {
        let subject: Vec<String> = subject.iter().map(|part| (*part).to_owned()).collect();
        let sense = json!({ "rule": rule.id, "subject": subject, "before": before, "after": after });
        let fingerprint = Digest::of_json(&sense).hex()[..12].to_owned();
        Self {
            rule,
            subject,
            place,
            what: shown(&what.into()),
            detail: Vec::new(),
            example: None,
            fingerprint,
            sense,
        }
    }

    pub(super) fn detail(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.detail.extend(lines.into_iter().map(|line| show_hidden(&line)));
        self
    }

    pub(super) fn example(mut self, example: Example) -> Self {
        self.example = Some(example);
        self
    }

    pub fn level(&self) -> Level {
        self.rule.level
    }

    /// What the fingerprint is taken over, for those who want to check it.
    pub fn sense(&self) -> &Value {
        &self.sense
    }

    /// The order in which a person reads: what needs most first, then by subject.
    pub(super) fn rank(&self) -> (std::cmp::Reverse<Level>, &[String], &'static str, &str) {
        (std::cmp::Reverse(self.level()), &self.subject, self.rule.id, &self.what)
    }
}

/// On one line, with nothing that draws or hides on a terminal or page.
fn shown(text: &str) -> String {
    show_hidden(&text.replace(['\n', '\r'], " "))
}
