//! Releases: which is live, which is on its way and how it does, and what happened to them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::Response;
use jiff::Timestamp;
use plimsoll_bundle::Power;
use plimsoll_gateway::standing::{Promotion, Rollback, Told};
use serde::Deserialize;

use crate::Console;
use crate::api::ApiError;
use crate::api::releases::{failed as refused, reason};
use crate::chain::shown;
use crate::logins::Login;
use crate::pages::{Frame, Sealed, Sent, back, failed, overview, shown_to};
use crate::release_words::{Step, step};
use crate::words::{When, when};

/// Steps that the page shows, the latest first.
const STEPS_SHOWN: usize = 50;

#[derive(Debug, Template)]
#[template(path = "releases.html")]
struct Page {
    frame: Frame,
    directory: bool,
    live: Line,
    moving: Vec<Line>,
    word: String,
    differences: Vec<Difference>,
    installed: Vec<Line>,
    previous: Vec<Line>,
    steps: Vec<Happened>,
    may_promote: bool,
    may_roll_back: bool,
}

#[derive(Debug)]
struct Line {
    name: String,
    short: String,
    stage: &'static str,
    since: When,
    by: String,
    author: String,
    signed_by: String,
    expires: String,
    changes: Vec<(String, String, String)>,
    figures: Vec<(String, String)>,
}

#[derive(Debug)]
struct Difference {
    seq: u64,
    tool: String,
    change: String,
    rule: String,
}

#[derive(Debug)]
struct Happened {
    seq: u64,
    at: When,
    step: Step,
    tone: &'static str,
}

pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(login): Extension<Login>,
) -> Response {
    shown_to(&login, page(&console, &login).await)
}

async fn page(console: &Console, login: &Login) -> Result<Page, ApiError> {
    let now = Timestamp::now();
    let gateway = &console.gateway;
    let status = gateway.release_status().await;
    let log = gateway.release_log().await;
    let log = log.map_err(|why| ApiError::of(plimsoll_core::Code::RecordFailed, why))?;
    let tell = |told: &Told, stage| line(told, stage, now);
    let stages = [(&status.canary, "canary"), (&status.shadow, "shadow")];
    let moving = stages.iter().filter_map(|(told, stage)| Some(tell(told.as_ref()?, stage))).collect();
    let happened = |(seq, at, taken): &(u64, Timestamp, _)| {
        let step = step(taken);
        Happened { seq: *seq, at: when(*at, now), tone: overview::tone(step.tone), step }
    };
    let live = gateway.bundle();
    let may = |power| live.people.may(login.operator.person(), power);
    Ok(Page {
        frame: Frame::of(console, login, "releases", "Releases").await,
        directory: status.directory,
        live: tell(&status.live, "live"),
        moving,
        word: shown(&status.word),
        differences: status
            .differences
            .iter()
            .map(|found| Difference {
                seq: found.seq,
                tool: shown(&found.tool),
                change: found.change.clone(),
                rule: shown(&found.rule),
            })
            .collect(),
        installed: status.installed.iter().map(|told| tell(told, "installed")).collect(),
        previous: status.previous.iter().map(|told| tell(told, "was live")).collect(),
        steps: log.iter().rev().take(STEPS_SHOWN).map(happened).collect(),
        may_promote: may(Power::Promote),
        may_roll_back: may(Power::RollBack),
    })
}

fn line(told: &Told, stage: &'static str, now: Timestamp) -> Line {
    let known = &told.known;
    let text = |(level, rule, what): &(String, String, String)| (level.clone(), rule.clone(), shown(what));
    let figure = |figure: &plimsoll_core::ReleaseFigure| (figure.verdict.clone(), shown(&figure.words()));
    Line {
        name: shown(&known.name),
        short: known.release.short(),
        stage,
        since: when(known.since, now),
        by: shown(&known.by),
        author: shown(&told.author),
        signed_by: shown(&known.signed_by.join(", ")),
        expires: told.expires.map(|at| when(at, now).near).unwrap_or_default(),
        changes: told.changes.iter().map(text).collect(),
        figures: told.figures.iter().map(figure).collect(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Promote {
    csrf: String,
    release: String,
    reason: String,
}

impl Sealed for Promote {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

pub(crate) async fn promote(
    State(console): State<Arc<Console>>,
    Sent { form, login }: Sent<Promote>,
) -> Response {
    let asked = reason(&form.reason).map(|reason| Promotion {
        release: form.release.clone(),
        to: None,
        reason,
        anyway: false,
    });
    let done = match asked {
        Ok(asked) => console.gateway.promote(&login.operator, &asked).await.map(drop).map_err(refused),
        Err(error) => Err(error),
    };
    answer(done, &login)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Back {
    csrf: String,
    release: String,
    reason: String,
    #[serde(default)]
    security: Option<String>,
}

impl Sealed for Back {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

pub(crate) async fn roll_back(
    State(console): State<Arc<Console>>,
    Sent { form, login }: Sent<Back>,
) -> Response {
    let asked = reason(&form.reason).map(|reason| Rollback {
        release: form.release.clone(),
        to: String::new(),
        reason,
        security: form.security.is_some(),
    });
    let done = match asked {
        Ok(asked) => console.gateway.roll_back(&login.operator, &asked).await.map(drop).map_err(refused),
        Err(error) => Err(error),
    };
    answer(done, &login)
}

fn answer(done: Result<(), ApiError>, login: &Login) -> Response {
    match done {
        Ok(()) => back("/releases"),
        Err(error) => failed(&error, Some(login)),
    }
}
