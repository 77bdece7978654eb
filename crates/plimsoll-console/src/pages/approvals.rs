//! The question as a person answers it. Everything here comes from the bound act, nothing from the
//! agent's words about it; what strangers wrote is quoted and marked.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use plimsoll_core::{
    Approval, ApprovalState, ArgumentOrigin, CheckFact, Digest, Hypothesis, Principal, Reason, Trajectory,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Console;
use crate::api::ApiError;
use crate::api::approvals::{Says, find};
use crate::chain::{Argument, arguments, short, shown};
use crate::logins::Login;
use crate::pages::words::{When, when};
use crate::pages::{Frame, Sealed, Sent, back, failed, html};

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

pub(crate) async fn list(State(console): State<Arc<Console>>, Extension(login): Extension<Login>) -> Response {
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

/// The bound act, ready to be shown.
#[derive(Debug)]
pub(crate) struct View {
    pub id: String,
    pub state: &'static str,
    pub tool: String,
    pub tier: String,
    pub effect: String,
    pub effect_means: &'static str,
    pub arguments: Vec<Argument>,
    pub untrusted: usize,
    pub reasons: Vec<Reason>,
    pub checks: Vec<CheckFact>,
    pub proposed: &'static str,
    pub seen: String,
    pub principal: String,
    pub requester: String,
    pub workflow: String,
    pub purpose: String,
    pub owner: String,
    pub incident_owner: String,
    pub on_failure: String,
    pub way_back: String,
    pub release: String,
    pub session: String,
    pub session_href: String,
    pub request: String,
    pub act: String,
    pub opened: When,
    pub expires: When,
    pub roles: String,
    pub quorum: u32,
    pub yes: usize,
    pub votes: Vec<VoteLine>,
    pub digest: String,
    pub digest_short: String,
}

#[derive(Debug)]
pub(crate) struct VoteLine {
    pub person: String,
    pub yes: bool,
    pub at: When,
    pub comment: String,
}

/// Makes the view of an approval.
pub(crate) fn view(approval: &Approval, now: Timestamp) -> View {
    let page = &approval.page;
    let arguments = arguments(&page["arguments"], &origins(approval));
    let trajectory: Trajectory = part(page, "trajectory").unwrap_or_default();
    let principal: Option<Principal> = part(page, "principal");
    let session = page["session"].as_str().unwrap_or_default();
    let effect = text(page, "effect");
    View {
        id: approval.id.clone(),
        state: approval.settle(now).name(),
        tool: shown(&approval.tool),
        tier: text(page, "tier"),
        effect_means: effect_means(&effect),
        effect,
        untrusted: arguments.iter().filter(|argument| argument.quoted && argument.aims).count(),
        arguments,
        reasons: part(page, "reasons").unwrap_or_default(),
        checks: part(page, "checks").unwrap_or_default(),
        proposed: match part::<Hypothesis>(page, "hypothesis") {
            Some(Hypothesis::Answer | Hypothesis::Joined { .. }) => "a model answer that passed the LLM door",
            _ => "nobody Plimsoll has seen: no known model answer asked for this call",
        },
        seen: seen(&trajectory),
        principal: principal.map(|principal| who(&principal)).unwrap_or_default(),
        requester: shown(&approval.requester),
        workflow: shown(&approval.workflow),
        purpose: text(page, "purpose"),
        owner: text(page, "owner"),
        incident_owner: text(page, "incident_owner"),
        on_failure: text(page, "on_failure"),
        way_back: text(page, "way_back"),
        release: short(&text(page, "release")).to_owned(),
        session: shown(session),
        session_href: super::sessions::href(session),
        request: text(page, "request"),
        act: text(page, "act"),
        opened: when(approval.opened_at, now),
        expires: when(approval.expires_at, now),
        roles: shown(&approval.terms.roles.join(", ")),
        quorum: approval.terms.quorum,
        yes: approval.votes.iter().filter(|vote| vote.yes).count(),
        votes: approval
            .votes
            .iter()
            .map(|vote| VoteLine {
                person: shown(&vote.person),
                yes: vote.yes,
                at: when(vote.at, now),
                comment: shown(&vote.comment),
            })
            .collect(),
        digest: approval.act_digest.to_string(),
        digest_short: approval.act_digest.short(),
    }
}

fn origins(approval: &Approval) -> Vec<ArgumentOrigin> {
    part(&approval.page, "origins").unwrap_or_default()
}

fn part<T: DeserializeOwned>(page: &Value, name: &str) -> Option<T> {
    serde_json::from_value(page[name].clone()).ok()
}

fn text(page: &Value, name: &str) -> String {
    page[name].as_str().map(shown).unwrap_or_default()
}

fn seen(trajectory: &Trajectory) -> String {
    let tools: Vec<String> = trajectory.untrusted_tools.iter().map(|tool| shown(&tool.to_string())).collect();
    match tools.as_slice() {
        [] if trajectory.label.integrity == plimsoll_core::Integrity::Untrusted => {
            "content of unknown origin".to_owned()
        }
        [] => String::new(),
        tools => format!("content that anybody may have written, from {}", tools.join(", ")),
    }
}

fn who(principal: &Principal) -> String {
    let who = crate::chain::Who {
        principal: shown(&principal.id),
        kind: principal.kind.name().to_owned(),
        on_behalf_of: principal.on_behalf_of.as_deref().map(shown),
        tenant: shown(&principal.tenant),
        roles: principal.roles.iter().map(|role| shown(role)).collect(),
        ..crate::chain::Who::default()
    };
    who.sentence()
}

fn effect_means(effect: &str) -> &'static str {
    match effect {
        "read" => "nothing changes",
        "own" => "only the asking user's own things change",
        "shared" => "things that others share change",
        "external" => "somebody outside is affected",
        "egress" => "data leaves",
        "destructive" => "something is gone afterwards",
        _ => "",
    }
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
        return format!("Only {} may answer; people.yaml gives you none of these roles.", approval.terms.roles.join(", "));
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
