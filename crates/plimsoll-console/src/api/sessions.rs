//! Sessions and their chains.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use plimsoll_store::SessionSummary;
use serde_json::{Value, json};

use crate::Console;
use crate::api::ApiError;
use crate::chain::{self, Chain};

/// Sessions in one answer.
const LIST_MAX: usize = 200;

/// `GET /api/sessions`: by latest entry, newest first.
pub(crate) async fn list(State(console): State<Arc<Console>>) -> Result<Json<Value>, ApiError> {
    let sessions = console.gateway.store().session_summaries(LIST_MAX).await?;
    Ok(Json(json!({ "sessions": sessions.iter().map(line).collect::<Vec<_>>() })))
}

fn line(session: &SessionSummary) -> Value {
    json!({
        "session": session.session,
        "workflow": session.workflow,
        "principal": session.principal,
        "first_at": session.first_at,
        "last_at": session.last_at,
        "entries": session.entries,
        "intents": session.intents,
        "holds": session.holds,
        "refusals": session.refusals,
        "in_doubt": session.in_doubt,
    })
}

/// `GET /api/sessions/{id}`: the action chain.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
) -> Result<Json<Chain>, ApiError> {
    let chain = chain::of_session(console.gateway.store(), &id).await?;
    chain.map(Json).ok_or_else(|| ApiError::missing(format!("there is no session `{id}` on record")))
}
