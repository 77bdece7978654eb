//! Sessions, and one session's chain from top to bottom.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use jiff::Timestamp;
use plimsoll_core::{ApprovalState, Integrity, OutcomeStatus, Span};
use plimsoll_store::SessionSummary;
use serde::Deserialize;

use crate::Console;
use crate::api::ApiError;
use crate::chain::{self, Act, Chain, Question, Step, Window, clock, date, short, shown, size};
use crate::logins::Login;
use crate::pages::overview::tone;
use crate::pages::{Frame, failed, html};
use crate::words::{When, when};

/// Sessions on the list.
const LIST_MAX: usize = 100;

/// Where a session's page is. Clients may choose session ids, so nothing in them is taken for a path.
pub(crate) fn href(session: &str) -> String {
    if session.is_empty() {
        return String::new();
    }
    let mut path = "/sessions/".to_owned();
    for byte in session.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => path.push(char::from(byte)),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

#[derive(Debug, Template)]
#[template(path = "sessions.html")]
struct List {
    frame: Frame,
    sessions: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    session: String,
    href: String,
    workflow: String,
    principal: String,
    last: When,
    acts: u64,
    holds: u64,
    refusals: u64,
    in_doubt: u64,
}

fn line(summary: &SessionSummary, now: Timestamp) -> Line {
    Line {
        session: plimsoll_inspect::preview(&summary.session, 40),
        href: href(&summary.session),
        workflow: shown(&summary.workflow),
        principal: shown(&summary.principal),
        last: when(summary.last_at, now),
        acts: summary.intents,
        holds: summary.holds,
        refusals: summary.refusals,
        in_doubt: summary.in_doubt,
    }
}

pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    Extension(login): Extension<Login>,
) -> Response {
    let now = Timestamp::now();
    match console.gateway.reading_for(login.operator.person()).session_summaries(LIST_MAX).await {
        Ok(sessions) => html(&List {
            frame: Frame::of(&console, &login, "sessions", "Sessions").await,
            sessions: sessions.iter().map(|summary| line(summary, now)).collect(),
        }),
        Err(error) => failed(&ApiError::from(error), Some(&login)),
    }
}

#[derive(Debug, Template)]
#[template(path = "session.html")]
struct Page {
    frame: Frame,
    chain: Chain,
    from: String,
    to: String,
    releases: String,
    /// Where the next part is.
    more: String,
}

/// Which part of a long session.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    from: Option<u64>,
    #[serde(default)]
    newest: bool,
}

pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(login): Extension<Login>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let window = Window { from: asked.from, newest_first: asked.newest, ..Window::default() };
    let person = login.operator.person();
    let reading = console.gateway.reading_for(person);
    let chain = match chain::of_session_part(&reading, &id, window).await {
        Ok(Some(chain)) => chain,
        Ok(None) => {
            let message = format!("there is no session `{}` on record", shown(&id));
            return failed(&ApiError::missing(message), Some(&login));
        }
        Err(error) => return failed(&ApiError::from(error), Some(&login)),
    };
    if let Err(error) = console.shown(&reading, person, "console", &format!("session {id}")).await {
        return failed(&error, Some(&login));
    }
    let releases: Vec<&str> = chain.who.releases.iter().map(|release| short(release)).collect();
    let order = if asked.newest { "&newest=true" } else { "" };
    let more = chain.more.map(|more| format!("{}?from={}{order}", href(&id), more.from)).unwrap_or_default();
    html(&Page {
        more,
        frame: Frame::of(&console, &login, "sessions", &format!("Session {}", chain.who.session)).await,
        from: chain.who.first_at.map(date).unwrap_or_default(),
        to: chain.who.last_at.map(clock).unwrap_or_default(),
        releases: releases.join(", then "),
        chain,
    })
}

// What the template asks of a chain's parts.

fn is_untrusted(span: &Span) -> bool {
    span.label.integrity == Integrity::Untrusted
}

fn outcome_tone(act: &Act) -> &'static str {
    match act.outcome.as_ref().map(|outcome| outcome.status) {
        Some(OutcomeStatus::Done) => "good",
        _ => "bad",
    }
}

fn question_tone(question: &Question) -> &'static str {
    match &question.vote {
        Some(vote) if vote.yes => "good",
        Some(_) => "bad",
        None if question.state == ApprovalState::Consumed => "",
        None => "warn",
    }
}
