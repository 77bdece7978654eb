//! The steps of a release in words, for the console, the log and the command line alike.

use plimsoll_core::{ReleaseMove, ReleaseStep};

use crate::chain::{Tone, shown};

/// One step, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub title: String,
    /// Why, and on which figures.
    pub lines: Vec<String>,
    pub tone: Tone,
}

/// A step in words.
pub fn step(step: &ReleaseStep) -> Step {
    let name = format!("{} ({})", shown(&step.name), step.of.short());
    let by = if step.by == "gateway" { "the gateway".to_owned() } else { shown(&step.by) };
    let other = || step.other.map_or_else(|| "the release before".to_owned(), |other| other.short());
    let (title, tone) = match step.step {
        ReleaseMove::Installed => (format!("{by} installed {name}"), Tone::Plain),
        ReleaseMove::Shadow => {
            (format!("{name} decides beside the live release and serves nobody, by {by}"), Tone::Plain)
        }
        ReleaseMove::Canary => {
            let share = f64::from(step.share.unwrap_or_default()) / 1e4;
            (format!("{name} serves {share}% of the sessions that begin, by {by}"), Tone::Plain)
        }
        ReleaseMove::Full => (format!("{name} is live, by {by}"), Tone::Good),
        ReleaseMove::Held => (format!("{name} stays where it is"), Tone::Warn),
        ReleaseMove::RolledBack => {
            let cut = if step.security { ", and its conversations were cut over" } else { "" };
            (format!("{by} took {name} back; {} is live{cut}", other()), Tone::Bad)
        }
        ReleaseMove::Refused => (format!("{name} was not taken"), Tone::Bad),
    };
    let mut lines = Vec::new();
    if !step.reason.is_empty() {
        lines.push(shown(&step.reason));
    }
    if !step.signed_by.is_empty() {
        lines.push(format!("signed by {}", shown(&step.signed_by.join(", "))));
    }
    lines.extend(step.figures.iter().map(|figure| shown(&figure.words())));
    Step { title, lines, tone }
}
