//! Acts in doubt.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use plimsoll_core::Code;
use plimsoll_gateway::Operator;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Console;
use crate::api::{ApiError, Told};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settle {
    done: bool,
}

/// `POST /api/acts/{id}/settle`: a person looked it up in the system of record.
pub(crate) async fn settle(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Path(id): Path<String>,
    Told(told): Told<Settle>,
) -> Result<Json<Value>, ApiError> {
    let settled = console.gateway.settle_act(&operator, &id, told.done).await;
    settled.map_err(|why| {
        ApiError::of(Code::InDoubt, why).help("`plimsoll log --in-doubt` lists what is open")
    })?;
    Ok(Json(json!({ "act": id, "status": if told.done { "done" } else { "failed" } })))
}
