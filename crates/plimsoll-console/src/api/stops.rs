//! Kill switches.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use plimsoll_core::{Code, Stop};
use plimsoll_gateway::Operator;
use serde::{Deserialize, Serialize};

use crate::api::{ApiError, Told};
use crate::{Console, scope};

#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    stops: Vec<Stop>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Pulled {
    stop: Stop,
    /// It is pulled, but look again.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pull {
    scope: String,
    #[serde(default)]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lift {
    scope: String,
    #[serde(default)]
    name: String,
}

/// `GET /api/stops`
pub(crate) async fn list(State(console): State<Arc<Console>>) -> Json<Listed> {
    Json(Listed { stops: scope::in_force(&console.gateway) })
}

/// `POST /api/stops`
pub(crate) async fn pull(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Told(told): Told<Pull>,
) -> Result<Json<Pulled>, ApiError> {
    let scope = scope::read(&told.scope, &told.name).map_err(ApiError::malformed)?;
    if told.reason.trim().is_empty() {
        return Err(ApiError::malformed("a stop needs a reason: whoever is stopped will read it"));
    }
    let warning = scope::doubt(&console.gateway.bundle(), &scope);
    let pulled = console.gateway.stop(&operator, scope, told.reason.trim()).await;
    let stop = pulled.map_err(|why| ApiError::of(Code::RecordFailed, why))?;
    Ok(Json(Pulled { stop, warning }))
}

/// `POST` or `DELETE /api/stops/lift`
pub(crate) async fn lift(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Told(told): Told<Lift>,
) -> Result<Json<Listed>, ApiError> {
    let scope = scope::read(&told.scope, &told.name).map_err(ApiError::malformed)?;
    let lifted = console.gateway.resume(&operator, &scope).await;
    lifted.map_err(|why| {
        ApiError::of(Code::Stopped, why)
            .status(http::StatusCode::CONFLICT)
            .help("`plimsoll stop --list` shows what is in force")
    })?;
    Ok(Json(Listed { stops: scope::in_force(&console.gateway) }))
}
