//! The page for a terminal: by level, what needs most first, each change with what a person needs to judge it.

use super::{Approved, place, symbol};
use crate::diff::{Change, Diff, Example, Level};

/// What a word is, for who paints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    More,
    Other,
    Less,
    Heading,
    Dim,
}

/// The whole page. `paint` decorates; the text suffices.
pub fn terminal(diff: &Diff, approved: &Approved, paint: &dyn Fn(Paint, &str) -> String) -> String {
    let mut page = String::new();
    for level in Level::ALL {
        let of_level: Vec<&Change> = diff.changes.iter().filter(|change| change.level() == level).collect();
        if of_level.is_empty() {
            continue;
        }
        let heading = format!("{} ({}): {} approves", level.name(), of_level.len(), level.approver());
        let heading = if level == Level::Info {
            format!("info ({}): nobody has to approve", of_level.len())
        } else {
            heading
        };
        page.push_str(&paint(Paint::Heading, &heading));
        page.push('\n');
        for change in of_level {
            one(&mut page, change, approved.has(change), paint);
        }
        page.push('\n');
    }
    page.push_str(&paint(Paint::Heading, &diff.summary()));
    page.push('\n');
    if !diff.changes.is_empty() {
        let open = diff
            .changes
            .iter()
            .filter(|change| change.level() > Level::Info && !approved.has(change))
            .count();
        let told = match (open, diff.highest_unapproved(approved)) {
            (_, None) => "nothing waits for an approval".to_owned(),
            (open, Some(level)) => format!("{open} not approved, the highest is {}", level.name()),
        };
        page.push_str(&format!("{told}\n"));
    }
    page.push_str(&paint(Paint::Dim, &diff.method()));
    page.push('\n');
    page
}

fn one(page: &mut String, change: &Change, approved: bool, paint: &dyn Fn(Paint, &str) -> String) {
    let symbol = symbol(change);
    let colour = match symbol {
        '+' => Paint::More,
        '-' => Paint::Less,
        _ => Paint::Other,
    };
    let tick = if approved { " [approved]" } else { "" };
    page.push_str(&format!("\n  {} {}{tick}\n", paint(colour, &symbol.to_string()), change.what));
    let identity = format!("{}  {}  {}", change.rule.id, place(change), change.fingerprint);
    page.push_str(&format!("      {}\n", paint(Paint::Dim, &identity)));
    page.push_str(&format!("      {}\n", change.rule.why));
    for line in &change.detail {
        page.push_str(&format!("      {line}\n"));
    }
    if let Some(example) = &change.example {
        for line in lines(example) {
            page.push_str(&format!("      {line}\n"));
        }
    }
}

/// The example as a reader reads it.
pub(super) fn lines(example: &Example) -> Vec<String> {
    let mut lines =
        vec![format!("for example: {} calls {} {}", example.who, example.tool, example.arguments)];
    if !example.given.is_empty() {
        lines.push(format!("  where {}", example.given.join("; ")));
    }
    lines.push(format!("  before: {}", example.before));
    lines.push(format!("  now:    {}", example.after));
    lines.iter().map(|line| crate::pin::show_hidden(line)).collect()
}
