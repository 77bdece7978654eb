//! The comment for a pull request: the summary, a table, and each change folded below it.

use super::{Approved, place, symbol};
use crate::diff::{Change, Diff, Level};

/// A forge cuts or refuses longer comments (GitHub: 65,536 characters).
const BYTES_MAX: usize = 60_000;

/// The comment. Everything that comes from the repository is quoted, so that it can't draw anything else.
pub fn markdown(diff: &Diff, approved: &Approved) -> String {
    let mut page = format!("### Behaviour diff: {}\n\n", text(&diff.summary()));
    if diff.changes.is_empty() {
        page.push_str(&format!("{}\n", diff.method()));
        return page;
    }
    if let Some(level) = diff.highest_unapproved(approved) {
        page.push_str(&format!(
            "**Not approved yet; the highest level is `{}`: {} approves.**\n\n",
            level.name(),
            level.approver()
        ));
    } else {
        page.push_str("Nothing waits for an approval.\n\n");
    }
    page.push_str("| | level | change | where | fingerprint |\n|---|---|---|---|---|\n");
    for change in &diff.changes {
        let tick = if approved.has(change) { "✓ " } else { "" };
        page.push_str(&format!(
            "| `{}` | {tick}{} | {} | `{}` | `{}` |\n",
            symbol(change),
            change.level().name(),
            text(&change.what),
            place(change).replace(['`', '|'], " "),
            change.fingerprint
        ));
    }
    page.push('\n');
    let mut left = 0;
    for change in diff.changes.iter().filter(|change| change.level() > Level::Info) {
        let folded = folded(change);
        if page.len() + folded.len() > BYTES_MAX {
            left += 1;
        } else {
            page.push_str(&folded);
        }
    }
    if left > 0 {
        page.push_str(&format!("{left} more are told in full by `plimsoll diff`.\n\n"));
    }
    page.push_str(&format!("<sub>{}</sub>\n", text(&diff.method())));
    page
}

fn folded(change: &Change) -> String {
    let mut lines = change.detail.clone();
    lines.extend(change.example.as_ref().map(super::terminal::lines).unwrap_or_default());
    let fence = fence(&lines);
    let body = if lines.is_empty() {
        String::new()
    } else {
        format!("\n{fence}diff\n{}\n{fence}\n", lines.join("\n"))
    };
    format!(
        "<details><summary><code>{}</code> {}</summary>\n\n{}: {}\n{body}\n</details>\n\n",
        change.rule.id,
        html(&change.what),
        text(change.rule.title),
        text(change.rule.why)
    )
}

/// Longer than any run of backquotes inside.
fn fence(lines: &[String]) -> String {
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// A cell of a table: one line, in which nothing draws but code between backquotes.
fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '|' => out.push_str("\\|"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '*' | '_' | '[' | ']' | '!' | '#' | '~' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out
}

fn html(plain: &str) -> String {
    plain
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('`', "")
        .replace('@', "&#64;")
}
