//! Releases: what is in force, what happened to them, and taking them on and back.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use plimsoll_bundle::release::RELEASE_BYTES_MAX;
use plimsoll_core::Code;
use plimsoll_gateway::Operator;
use plimsoll_gateway::standing::{HelmError, Promotion, Rollback, Stand};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Console;
use crate::api::{ApiError, Told};
use crate::release_words::{Step, step};

/// Steps that a listing has at most, the latest.
const STEPS_MAX: usize = 500;

/// `GET /api/releases`: which release is live, who approved it, what changed since.
pub(crate) async fn status(State(console): State<Arc<Console>>) -> Json<Value> {
    Json(json!(console.gateway.release_status().await))
}

/// `GET /api/releases/log`: every step on record, oldest first, in words too.
pub(crate) async fn log(State(console): State<Arc<Console>>) -> Result<Json<Value>, ApiError> {
    let steps = console.gateway.release_log().await.map_err(|why| ApiError::of(Code::RecordFailed, why))?;
    let latest = steps.len().saturating_sub(STEPS_MAX);
    let steps: Vec<Value> = steps[latest..]
        .iter()
        .map(|(seq, at, taken)| {
            let Step { title, lines, .. } = step(taken);
            json!({ "entry": seq, "at": at, "step": taken, "title": title, "lines": lines })
        })
        .collect();
    Ok(Json(json!({ "steps": steps })))
}

/// `POST /api/releases`: the body is a release file.
pub(crate) async fn install(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    body: Body,
) -> Result<Response, ApiError> {
    let too_large =
        |_| ApiError::of(Code::TooLarge, format!("a release has at most {RELEASE_BYTES_MAX} bytes"));
    let file = to_bytes(body, RELEASE_BYTES_MAX).await.map_err(too_large)?;
    let installed = console.gateway.install(&operator, &file, "").await.map_err(failed)?;
    Ok((StatusCode::CREATED, Json(json!(installed))).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Promote {
    #[serde(default)]
    release: String,
    #[serde(default)]
    to: Option<To>,
    reason: String,
    #[serde(default)]
    anyway: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum To {
    Shadow,
    Canary,
    Full,
}

impl From<To> for Stand {
    fn from(to: To) -> Self {
        match to {
            To::Shadow => Self::Shadow,
            To::Canary => Self::Canary,
            To::Full => Self::Full,
        }
    }
}

/// `POST /api/releases/promote`
pub(crate) async fn promote(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Told(told): Told<Promote>,
) -> Result<Json<Value>, ApiError> {
    let asked = Promotion {
        release: told.release,
        to: told.to.map(Stand::from),
        reason: reason(&told.reason)?,
        anyway: told.anyway,
    };
    let promoted = console.gateway.promote(&operator, &asked).await.map_err(failed)?;
    Ok(Json(json!(promoted)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Back {
    #[serde(default)]
    release: String,
    #[serde(default)]
    to: String,
    reason: String,
    #[serde(default)]
    security: bool,
}

/// `POST /api/releases/rollback`
pub(crate) async fn roll_back(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Told(told): Told<Back>,
) -> Result<Json<Value>, ApiError> {
    let asked = Rollback {
        release: told.release,
        to: told.to,
        reason: reason(&told.reason)?,
        security: told.security,
    };
    let taken = console.gateway.roll_back(&operator, &asked).await.map_err(failed)?;
    Ok(Json(json!({ "step": taken, "title": step(&taken).title })))
}

/// A step without a reason explains nothing to whoever was asleep.
pub(crate) fn reason(text: &str) -> Result<String, ApiError> {
    match text.trim() {
        "" => Err(ApiError::malformed("a step of a release needs a reason: somebody will read it tomorrow")),
        reason => Ok(reason.to_owned()),
    }
}

pub(crate) fn failed(error: HelmError) -> ApiError {
    let message = error.to_string();
    match error {
        HelmError::Powerless { .. } => ApiError::of(Code::NotAllowed, message)
            .help("`may` of a role in people.yaml gives it: promote, roll_back"),
        HelmError::Refused(_) => ApiError::malformed(message).help("what was in force stays"),
        HelmError::Unknown(_) => ApiError::missing(message).help("`plimsoll release status` lists them"),
        HelmError::Directory | HelmError::NotNow(_) => {
            ApiError::malformed(message).status(StatusCode::CONFLICT).help("nothing was changed")
        }
        HelmError::Record(_) | HelmError::Unrecorded(_) => ApiError::of(Code::RecordFailed, message),
    }
}
