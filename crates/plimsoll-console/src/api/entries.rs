//! The record, as the projection has it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use plimsoll_store::{EntryFilter, EntryRow};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Console;
use crate::api::{ApiError, Asked};

/// Entries in one answer unless asked otherwise.
const LIST_DEFAULT: usize = 100;
/// Entries in one answer at most.
const LIST_MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    workflow: Option<String>,
    principal: Option<String>,
    tool: Option<String>,
    decision: Option<String>,
    kind: Option<String>,
    since: Option<Timestamp>,
    before: Option<u64>,
    limit: Option<usize>,
    #[serde(default)]
    in_doubt: bool,
}

/// `GET /api/entries`: newest first; acts in doubt oldest first.
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    Asked(which): Asked<Which>,
) -> Result<Json<Value>, ApiError> {
    let limit = which.limit.unwrap_or(LIST_DEFAULT).min(LIST_MAX);
    let store = console.gateway.store();
    let rows = if which.in_doubt {
        store.in_doubt(Timestamp::now(), limit).await?
    } else {
        let filter = EntryFilter {
            workflow: which.workflow,
            principal: which.principal,
            tool: which.tool,
            decision: which.decision,
            kind: which.kind,
            since: which.since,
            before: which.before,
        };
        store.latest_entries(&filter, limit).await?
    };
    let behind = console.gateway.ledger().size().saturating_sub(store.projected().await?);
    let entries: Vec<Value> = rows.iter().map(row).collect();
    Ok(Json(json!({ "entries": entries, "behind": behind })))
}

fn row(row: &EntryRow) -> Value {
    let entry = serde_json::from_str(&row.body).unwrap_or(Value::Null);
    json!({ "seq": row.seq, "kind": row.kind, "entry": entry })
}
