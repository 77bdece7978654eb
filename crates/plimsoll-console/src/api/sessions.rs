//! Sessions and their chains.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use plimsoll_gateway::Operator;
use plimsoll_store::SessionSummary;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Console;
use crate::api::ApiError;
use crate::chain::{self, Chain, PART_ENTRIES, Window};

/// Sessions in one answer.
const LIST_MAX: usize = 200;

/// `GET /api/sessions`: by latest entry, newest first.
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
) -> Result<Json<Value>, ApiError> {
    let sessions = console.gateway.reading_for(operator.person()).session_summaries(LIST_MAX).await?;
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

/// Which part of a long session.
#[derive(Debug, Deserialize)]
pub(crate) struct Part {
    from: Option<u64>,
    #[serde(default)]
    newest: bool,
    entries: Option<usize>,
}

/// `GET /api/sessions/{id}`: the action chain, or a part of a long one.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Path(id): Path<String>,
    Query(asked): Query<Part>,
) -> Result<Json<Chain>, ApiError> {
    let window = Window {
        from: asked.from,
        newest_first: asked.newest,
        entries: asked.entries.unwrap_or(PART_ENTRIES),
    };
    let reading = console.gateway.reading_for(operator.person());
    let chain = chain::of_session_part(&reading, &id, window).await?;
    console.shown(&reading, operator.person(), "api", &format!("session {id}")).await?;
    chain.map(Json).ok_or_else(|| ApiError::missing(format!("there is no session `{id}` on record")))
}
