//! The question as a person answers it. Everything here comes from the bound act, nothing from the
//! agent's words about it; what strangers wrote is quoted and marked.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use plimsoll_core::{Approval, ApprovalState, Digest};
use serde::Deserialize;

use crate::Console;
use crate::api::ApiError;
use crate::api::approvals::{Says, find};
use crate::chain::{arguments, shown};
use crate::logins::Login;
use crate::pages::{Frame, Sealed, Sent, back, failed, html};
use crate::question::{View, origins, text, view};
use crate::words::{When, when};

/// Approvals on the list.
const LIST_MAX: usize = 100;

#[derive(Debug, Template)]
#[template(path = "approvals.html")]
struct List {
    frame: Frame,
    open: Vec<Line>,
    answered: Vec<Line>,
}

/// One approval in a list.
#[derive(Debug)]
pub(crate) struct Line {
    pub id: String,
    pub state: &'static str,
    pub tool: String,
    pub tier: String,
    /// The arguments that aim it, in short.
    pub aims: String,
    pub requester: String,
    pub workflow: String,
    pub opened: When,
    pub expires: When,
    pub votes: String,
}

/// One line of a list.
pub(crate) fn line(approval: &Approval, now: Timestamp) -> Line {
    let rows = arguments(&approval.page["arguments"], &origins(approval));
    let aims: Vec<String> = rows.iter().take(2).map(|row| format!("{} = {}", row.name, row.value)).collect();
    Line {
        id: approval.id.clone(),
        state: approval.settle(now).name(),
        tool: shown(&approval.tool),
        tier: text(&approval.page, "tier"),
        aims: plimsoll_inspect::preview(&aims.join(", "), 120),
        requester: shown(&approval.requester),
        workflow: shown(&approval.workflow),
        opened: when(approval.opened_at, now),
        expires: when(approval.expires_at, now),
        votes: votes(approval),
    }
}

fn votes(approval: &Approval) -> String {
    let yes = approval.votes.iter().filter(|vote| vote.yes).count();
    format!("{yes} of {}", approval.terms.quorum)
}

pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    Extension(login): Extension<Login>,
) -> Response {
    let now = Timestamp::now();
    let approvals = match console.gateway.store().approvals(None, LIST_MAX).await {
        Ok(approvals) => approvals,
        Err(error) => return failed(&ApiError::from(error), Some(&login)),
    };
    let (mut open, answered): (Vec<_>, Vec<_>) =
        approvals.iter().partition(|approval| approval.settle(now) == ApprovalState::Open);
    // What expires first is answered first.
    open.sort_by_key(|approval| approval.expires_at);
    html(&List {
        frame: Frame::of(&console, &login, "approvals", "Approvals").await,
        open: open.into_iter().map(|approval| line(approval, now)).collect(),
        answered: answered.into_iter().map(|approval| line(approval, now)).collect(),
    })
}

#[derive(Debug, Template)]
#[template(path = "approval.html")]
struct Page {
    frame: Frame,
    view: View,
    /// Why this person's answer would not count; empty when it would.
    barred: String,
    /// What went wrong with the answer just given.
    message: String,
}

/// Why this person's answer would not count. The gateway decides; this saves them the attempt.
fn barred(console: &Console, login: &Login, approval: &Approval) -> String {
    let person = login.operator.person();
    let bundle = console.gateway.bundle();
    let roles = bundle.people.roles_of(person);
    if person == approval.requester {
        return "You asked for this act; somebody else has to answer.".to_owned();
    }
    if approval.votes.iter().any(|vote| vote.person == person) {
        return "You have answered. It waits for others.".to_owned();
    }
    if !approval.terms.roles.iter().any(|role| roles.contains(role)) {
        return format!(
            "Only {} may answer; people.yaml gives you none of these roles.",
            approval.terms.roles.join(", ")
        );
    }
    String::new()
}

async fn render(console: &Console, login: &Login, id: &str, message: String) -> Response {
    let approval = match find(console, id).await {
        Ok(approval) => approval,
        Err(error) => return failed(&error, Some(login)),
    };
    let view = view(&approval, Timestamp::now());
    let title = format!("{} · {}", view.id, view.tool);
    html(&Page {
        frame: Frame::of(console, login, "approvals", &title).await,
        barred: barred(console, login, &approval),
        view,
        message,
    })
}

pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(login): Extension<Login>,
    Path(id): Path<String>,
) -> Response {
    render(&console, &login, &id, String::new()).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    csrf: String,
    answer: Says,
    shown: String,
    #[serde(default)]
    comment: String,
}

impl Sealed for Answer {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

pub(crate) async fn answer(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Sent { form, login }: Sent<Answer>,
) -> Response {
    let Some(digest) = Digest::parse(&form.shown) else {
        return failed(&ApiError::malformed("the form does not say which act it was about"), Some(&login));
    };
    let yes = form.answer == Says::Yes;
    match console.gateway.vote(&login.operator, &id, yes, form.comment.trim(), &digest).await {
        Ok(_) => back(&format!("/approvals/{id}")),
        Err(error) => {
            let error = ApiError::from(error);
            let page = render(&console, &login, &id, error.message.clone()).await;
            (error.status, page).into_response()
        }
    }
}
