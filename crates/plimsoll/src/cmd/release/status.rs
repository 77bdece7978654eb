//! `plimsoll release status`: which release is live, who approved it, what changed since; on one screen.

use std::process::ExitCode;

use jiff::Timestamp;
use plimsoll_console::chain::{date, shown};
use plimsoll_core::{Digest, ReleaseFigure};
use serde::Deserialize;
use serde_json::Value;

use crate::admin_client::Admin;
use crate::talk::{self, Colour, Done, paint};

/// Changes and differences that fit a screen; the console has all of them.
const LINES: usize = 8;

/// Which release is live, who approved it, what changed since, and how the next one does
#[derive(Debug, clap::Args)]
pub struct Status {
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Debug, Deserialize)]
struct Stands {
    project: String,
    environment: String,
    directory: bool,
    live: Told,
    canary: Option<Told>,
    shadow: Option<Told>,
    installed: Vec<Told>,
    previous: Vec<Told>,
    leaving: Vec<(Digest, Timestamp)>,
    word: String,
    differences: Vec<Difference>,
}

#[derive(Debug, Deserialize)]
struct Told {
    release: Digest,
    name: String,
    since: Timestamp,
    by: String,
    #[serde(default)]
    signed_by: Vec<String>,
    #[serde(default)]
    share: Option<u32>,
    author: String,
    expires: Option<Timestamp>,
    changes: Vec<(String, String, String)>,
    figures: Vec<ReleaseFigure>,
}

#[derive(Debug, Deserialize)]
struct Difference {
    seq: u64,
    tool: String,
    change: String,
    rule: String,
}

impl Status {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let status: Value = self.admin.client()?.get("/api/releases").await?;
            if self.json {
                talk::data(status.to_string());
            } else {
                let stands: Stands = serde_json::from_value(status)?;
                lines(&stands, talk::colour()).iter().for_each(talk::data);
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// The screen.
fn lines(stands: &Stands, colour: bool) -> Vec<String> {
    let bold = |text: &str| paint(Colour::Bold, text, colour);
    let mut out = vec![format!("{} · {}", bold(&shown(&stands.project)), shown(&stands.environment))];
    if stands.directory {
        out.push(format!("a directory is run, release {}; nobody signed it", stands.live.release.short()));
        return out;
    }
    out.push(format!("{}     {}", bold("live"), told(&stands.live)));
    out.extend(changes(&stands.live));
    for (stage, on_its_way) in [("canary", &stands.canary), ("shadow", &stands.shadow)] {
        let Some(on_its_way) = on_its_way else { continue };
        let share = on_its_way.share.map(|share| format!(", {}% of new sessions", f64::from(share) / 1e4));
        out.push(format!("{}   {}{}", bold(stage), told(on_its_way), share.unwrap_or_default()));
        out.extend(changes(on_its_way));
        out.extend(on_its_way.figures.iter().map(|figure| {
            let line = format!("           {}", shown(&figure.words()));
            if figure.verdict == "worse" { paint(Colour::Red, &line, colour) } else { line }
        }));
    }
    if !stands.word.is_empty() {
        out.push(format!("         {}", shown(&stands.word)));
    }
    for found in stands.differences.iter().take(LINES) {
        out.push(format!(
            "         entry {}: {} {}, by {}",
            found.seq,
            shown(&found.tool),
            shown(&found.change),
            shown(&found.rule)
        ));
    }
    if stands.differences.len() > LINES {
        out.push(format!("         and {} more; the console has them", stands.differences.len() - LINES));
    }
    out.extend(stands.installed.iter().map(|one| format!("installed {}", told(one))));
    if let Some(before) = stands.previous.first() {
        let (name, release) = (shown(&before.name), before.release.short());
        out.push(format!("before   {name} ({release}); `plimsoll release rollback` goes back to it"));
    }
    for (release, until) in &stands.leaving {
        let until = date(*until);
        out.push(format!("leaving  {} serves its running conversations until {until}", release.short()));
    }
    out
}

fn told(told: &Told) -> String {
    let mut text = format!(
        "{} ({}) since {} by {}",
        shown(&told.name),
        told.release.short(),
        date(told.since),
        shown(&told.by)
    );
    if !told.author.is_empty() {
        let others: Vec<&str> =
            told.signed_by.iter().map(String::as_str).filter(|person| *person != told.author).collect();
        let approved = if others.is_empty() { "nobody else".to_owned() } else { others.join(", ") };
        text.push_str(&format!("; made by {}, approved by {}", shown(&told.author), shown(&approved)));
    }
    if let Some(expires) = told.expires.filter(|expires| *expires < Timestamp::now()) {
        text.push_str(&format!("; expired {}", date(expires)));
    }
    text
}

fn changes(told: &Told) -> Vec<String> {
    let line = |(level, rule, what): &(String, String, String)| {
        format!("           {} {}: {}", shown(level), shown(rule), shown(what))
    };
    let mut lines: Vec<String> = told.changes.iter().take(LINES).map(line).collect();
    if told.changes.len() > LINES {
        lines.push(format!("           and {} more; the console has them", told.changes.len() - LINES));
    }
    lines
}
