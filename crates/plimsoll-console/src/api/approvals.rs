//! Questions put to people.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use jiff::Timestamp;
use plimsoll_core::{Approval, ApprovalState, Digest};
use plimsoll_gateway::Operator;
use serde::{Deserialize, Serialize};

use crate::Console;
use crate::api::{ApiError, Asked, Told};

/// Approvals in one answer.
const LIST_MAX: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    state: Option<ApprovalState>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    approvals: Vec<Approval>,
}

/// `GET /api/approvals?state=open`
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    Asked(which): Asked<Which>,
) -> Result<Json<Listed>, ApiError> {
    let now = Timestamp::now();
    // What is over is not open, whether or not somebody has noticed yet.
    let asked = which.state.filter(|state| *state != ApprovalState::Expired);
    let mut approvals = console.gateway.store().approvals(asked, LIST_MAX).await?;
    for approval in &mut approvals {
        approval.state = approval.settle(now);
    }
    approvals.retain(|approval| which.state.is_none_or(|state| state == approval.state));
    Ok(Json(Listed { approvals }))
}

/// `GET /api/approvals/{id}`
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
) -> Result<Json<Approval>, ApiError> {
    find(&console, &id).await.map(Json)
}

/// One approval, as it stands now.
pub(crate) async fn find(console: &Console, id: &str) -> Result<Approval, ApiError> {
    let found = console.gateway.store().approval(id).await?;
    let mut approval = found.ok_or_else(|| ApiError::missing(format!("there is no approval `{id}`")))?;
    approval.state = approval.settle(Timestamp::now());
    Ok(approval)
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Says {
    Yes,
    No,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    answer: Says,
    /// The digest of the act the person was shown. Required: an answer is to something.
    shown: Digest,
    #[serde(default)]
    comment: String,
}

/// `POST /api/approvals/{id}`
pub(crate) async fn answer(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Path(id): Path<String>,
    Told(told): Told<Answer>,
) -> Result<Json<Approval>, ApiError> {
    let yes = told.answer == Says::Yes;
    Ok(Json(console.gateway.vote(&operator, &id, yes, &told.comment, &told.shown).await?))
}
