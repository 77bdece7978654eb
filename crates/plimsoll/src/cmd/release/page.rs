//! A release as people read it before they sign.

use std::fmt::Write as _;

use plimsoll_bundle::diff::render::{self, Approved};
use plimsoll_bundle::diff::{Diff, Level};
use plimsoll_bundle::pin::show_hidden;
use plimsoll_bundle::release::{DiffRecord, Finding, Release};

/// The whole page. With a diff that was made here, that one is shown; else what the release says of it.
pub fn release(release: &Release, found: Option<&Diff>) -> String {
    let predicate = release.predicate();
    let mut page = String::new();
    let _ = writeln!(
        page,
        "release {} of {}  {}",
        predicate.sequence,
        show_hidden(&predicate.project),
        release.id()
    );
    let environments: Vec<&str> = predicate.environments.iter().map(String::as_str).collect();
    let _ = writeln!(
        page,
        "for {}, made by {} with Plimsoll {}",
        environments.join(", "),
        predicate.author,
        predicate.plimsoll
    );
    let _ =
        writeln!(page, "created {}, may be put into force until {}", predicate.created, predicate.expires);
    if let Some(parent) = predicate.parent {
        let _ = writeln!(page, "follows {parent}");
    }
    page.push('\n');
    match found {
        Some(diff) => {
            page.push_str(&render::terminal(diff, &Approved::default(), &|_, text| text.to_owned()))
        }
        None => changes(&mut page, &predicate.diff),
    }
    page.push('\n');
    for (name, finding) in findings(release) {
        one(&mut page, name, finding);
    }
    page
}

/// Each kind of finding with its name.
pub fn findings(release: &Release) -> [(&'static str, &Finding); 4] {
    let predicate = release.predicate();
    [
        ("check", &predicate.checks),
        ("invariants", &predicate.invariants),
        ("drills", &predicate.drills),
        ("replay", &predicate.replays),
    ]
}

/// The diff as the release records it.
fn changes(page: &mut String, diff: &DiffRecord) {
    for level in Level::ALL {
        let of_level: Vec<_> = diff.changes.iter().filter(|change| change.level == level).collect();
        if of_level.is_empty() {
            continue;
        }
        let _ = writeln!(page, "{} ({})", level.name(), of_level.len());
        for change in of_level {
            let _ = writeln!(
                page,
                "  {}\n      {}  {}",
                show_hidden(&change.what),
                show_hidden(&change.rule),
                show_hidden(&change.fingerprint)
            );
        }
    }
    if diff.changes.is_empty() && diff.base.is_some() {
        page.push_str("no change of behaviour\n");
    }
    let by = if diff.base.is_some() { "compared by " } else { "" };
    let _ = writeln!(page, "{by}{}", show_hidden(&diff.how));
}

fn one(page: &mut String, name: &str, finding: &Finding) {
    let _ = write!(page, "{name}: {}: {}", finding.found.name(), show_hidden(&finding.how));
    let figures: Vec<String> =
        finding.figures.iter().map(|(name, n)| format!("{} {n}", show_hidden(name))).collect();
    if !figures.is_empty() {
        let _ = write!(page, " ({})", figures.join(", "));
    }
    page.push('\n');
    for note in &finding.notes {
        let _ = writeln!(page, "    {}", show_hidden(note));
    }
}
