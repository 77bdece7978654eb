//! The first page: what waits, what is stopped, what is in doubt, what happened last.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use jiff::Timestamp;
use plimsoll_core::{ApprovalState, Code};
use plimsoll_store::{EntryFilter, EntryRow};
use serde::Deserialize;

use crate::api::ApiError;
use crate::chain::{Tone, log_tone, shown};
use crate::logins::Login;
use crate::pages::approvals::{Line, line};
use crate::pages::{Frame, Sealed, Sent, back, failed, sessions, shown_to};
use crate::words::{When, when};
use crate::{Console, scope};

/// Rows of each list.
const LIST_MAX: usize = 20;

#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    open: Vec<Line>,
    doubts: Vec<Doubt>,
    latest: Vec<EntryLine>,
    behind: u64,
    recording: bool,
    alarms: Vec<String>,
    workflows: Vec<(String, &'static str)>,
    release: String,
}

#[derive(Debug)]
struct Doubt {
    seq: u64,
    act: String,
    tool: String,
    principal: String,
    at: When,
    href: String,
}

#[derive(Debug)]
pub(crate) struct EntryLine {
    pub seq: u64,
    pub kind: String,
    pub verdict: String,
    pub tool: String,
    pub principal: String,
    pub at: When,
    pub href: String,
    pub tone: &'static str,
}

pub(crate) fn entry_line(row: &EntryRow, now: Timestamp) -> EntryLine {
    EntryLine {
        seq: row.seq,
        kind: shown(&row.kind),
        verdict: shown(if row.decision.is_empty() { &row.status } else { &row.decision }),
        tool: shown(&row.tool),
        principal: shown(&row.principal),
        at: when(row.at, now),
        href: if row.session.is_empty() { String::new() } else { sessions::href(&row.session) },
        tone: tone(log_tone(row)),
    }
}

/// The class a tone has in the style sheet.
pub(crate) fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
        Tone::Plain | Tone::Title | Tone::Quiet => "",
    }
}

pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(login): Extension<Login>,
) -> Response {
    shown_to(&login, page(&console, &login).await)
}

async fn page(console: &Console, login: &Login) -> Result<Page, ApiError> {
    let now = Timestamp::now();
    let store = console.gateway.store();
    let mut open = store.approvals(Some(ApprovalState::Open), LIST_MAX).await?;
    open.retain(|approval| approval.settle(now) == ApprovalState::Open);
    open.sort_by_key(|approval| approval.expires_at);
    // What began this moment is not in doubt yet: it is on its way.
    let settled = now.checked_sub(jiff::SignedDuration::from_secs(10)).unwrap_or(now);
    // Names and columns alone: this page shows nothing of an entry that is sealed.
    let reading = console.gateway.reading_names(login.operator.person());
    let doubts = reading.in_doubt(settled, LIST_MAX).await?;
    let latest = reading.latest_entries(&EntryFilter::default(), LIST_MAX).await?;
    let behind = console.gateway.ledger().size().saturating_sub(store.projected().await?);
    let bundle = console.gateway.bundle();
    Ok(Page {
        frame: Frame::of(console, login, "overview", "Overview").await,
        open: open.iter().map(|approval| line(approval, now)).collect(),
        doubts: doubts
            .iter()
            .map(|row| Doubt {
                seq: row.seq,
                act: row.act.clone(),
                tool: shown(&row.tool),
                principal: shown(&row.principal),
                at: when(row.at, now),
                href: if row.session.is_empty() { String::new() } else { sessions::href(&row.session) },
            })
            .collect(),
        latest: latest.iter().map(|row| entry_line(row, now)).collect(),
        behind,
        recording: console.gateway.ledger().health().is_ready(),
        alarms: console.gateway.alarms(now).iter().map(|alarm| shown(alarm)).collect(),
        workflows: bundle.workflows.values().map(|w| (w.name.clone(), w.mode.name())).collect(),
        release: bundle.id.short(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pull {
    csrf: String,
    scope: String,
    #[serde(default)]
    name: String,
    reason: String,
}

impl Sealed for Pull {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

pub(crate) async fn pull(State(console): State<Arc<Console>>, Sent { form, login }: Sent<Pull>) -> Response {
    let scope = match scope::read(&form.scope, &form.name) {
        Ok(scope) => scope,
        Err(why) => return failed(&ApiError::malformed(why), Some(&login)),
    };
    let reason = form.reason.trim();
    if reason.is_empty() {
        return failed(
            &ApiError::malformed("a stop needs a reason: whoever is stopped will read it"),
            Some(&login),
        );
    }
    let doubt = scope::doubt(&console.gateway.bundle(), &scope);
    match (console.gateway.stop(&login.operator, scope, reason).await, doubt) {
        (Err(why), _) => failed(&ApiError::of(Code::RecordFailed, why), Some(&login)),
        (Ok(_), Some(doubt)) => failed(
            &ApiError::malformed(doubt).help("it is pulled all the same; lift it if it was a slip"),
            Some(&login),
        ),
        (Ok(_), None) => back("/"),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lift {
    csrf: String,
    scope: String,
    #[serde(default)]
    name: String,
}

impl Sealed for Lift {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

pub(crate) async fn lift(State(console): State<Arc<Console>>, Sent { form, login }: Sent<Lift>) -> Response {
    let lifted = match scope::read(&form.scope, &form.name) {
        Ok(scope) => console.gateway.resume(&login.operator, &scope).await,
        Err(why) => Err(why),
    };
    match lifted {
        Ok(()) => back("/"),
        Err(why) => failed(&ApiError::of(Code::Stopped, why), Some(&login)),
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Came {
    Done,
    Failed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settle {
    csrf: String,
    came: Came,
}

impl Sealed for Settle {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

pub(crate) async fn settle(
    State(console): State<Arc<Console>>,
    Path(act): Path<String>,
    Sent { form, login }: Sent<Settle>,
) -> Response {
    match console.gateway.settle_act(&login.operator, &act, form.came == Came::Done).await {
        Ok(()) => back("/"),
        Err(why) => failed(&ApiError::of(Code::InDoubt, why), Some(&login)),
    }
}
