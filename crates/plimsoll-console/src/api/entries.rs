//! The record, as the projection has it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use jiff::Timestamp;
use plimsoll_gateway::Operator;
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

impl Which {
    /// What was asked for, for the record of the reading.
    fn words(&self) -> String {
        let asked = [
            ("workflow", &self.workflow),
            ("principal", &self.principal),
            ("tool", &self.tool),
            ("decision", &self.decision),
            ("kind", &self.kind),
        ];
        let asked = asked.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
        let asked: Vec<String> = asked.collect();
        if asked.is_empty() {
            "the latest entries".to_owned()
        } else {
            format!("entries of {}", asked.join(", "))
        }
    }
}

/// `GET /api/entries`: newest first; acts in doubt oldest first.
pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Asked(which): Asked<Which>,
) -> Result<Json<Value>, ApiError> {
    let limit = which.limit.unwrap_or(LIST_DEFAULT).min(LIST_MAX);
    let reading = console.gateway.reading_for(operator.person());
    let what = which.words();
    let rows = if which.in_doubt {
        reading.in_doubt(Timestamp::now(), limit).await?
    } else {
        let filter = EntryFilter {
            workflow: which.workflow,
            principal: which.principal,
            tool: which.tool,
            decision: which.decision,
            kind: which.kind,
            since: which.since,
            before: which.before,
            after: None,
        };
        reading.latest_entries(&filter, limit).await?
    };
    let behind = console.gateway.ledger().size().saturating_sub(reading.store().projected().await?);
    console.shown(&reading, operator.person(), "api", &what).await?;
    let entries: Vec<Value> = rows.iter().map(row).collect();
    Ok(Json(json!({ "entries": entries, "behind": behind })))
}

fn row(row: &EntryRow) -> Value {
    let entry = serde_json::from_str(&row.body).unwrap_or(Value::Null);
    json!({ "seq": row.seq, "kind": row.kind, "entry": entry })
}
