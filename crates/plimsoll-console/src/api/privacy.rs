//! Erasure, holds, readings and break-glass.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use plimsoll_core::{Code, EntryBody, FieldClass, Opening};
use plimsoll_gateway::Operator;
use plimsoll_gateway::privacy::{Order, Whose};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Console;
use crate::api::{ApiError, Told};

fn failed(why: String) -> ApiError {
    ApiError::of(Code::RecordFailed, why).help("look at the gateway's log and at `plimsoll doctor`")
}

/// `POST /api/erasures`: destroys the keys of a session or subject.
pub(crate) async fn erase(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Told(order): Told<Order>,
) -> Result<Json<Value>, ApiError> {
    // In a task of its own: who hangs up half way does not stop it between destroying and recording.
    let erasing =
        tokio::spawn(async move { console.gateway.erase(&order, operator.person()).await.map_err(failed) });
    let erased = erasing.await.map_err(|error| failed(error.to_string()))??;
    Ok(Json(json!(erased)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holding {
    whose: Whose,
    on: bool,
    #[serde(default)]
    reason: String,
}

/// `POST /api/holds`
pub(crate) async fn hold(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Told(told): Told<Holding>,
) -> Result<Json<Value>, ApiError> {
    let reason = console.gateway.redactor().redact(&told.reason).into_owned();
    let held = console.gateway.custodian().hold(&told.whose, told.on, &reason, operator.person()).await;
    held.map(|hold| Json(json!(hold))).map_err(|why| ApiError::missing(why).help("`plimsoll hold --list`"))
}

/// `GET /api/holds`
pub(crate) async fn holds(State(console): State<Arc<Console>>) -> Result<Json<Value>, ApiError> {
    let holds = console.gateway.custodian().holds().map_err(failed)?;
    let holds: Vec<Value> = holds
        .into_iter()
        .map(|hold| {
            let reason = String::from_utf8_lossy(&hold.reason).into_owned();
            json!({ "of": hold.of, "about": hold.about, "by": hold.by, "at": hold.at, "reason": reason })
        })
        .collect();
    Ok(Json(json!({ "holds": holds })))
}

/// `POST /api/readings`: somebody with the files read what is sealed, and says so.
pub(crate) async fn reading(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Told(opening): Told<Opening>,
) -> Result<Json<Value>, ApiError> {
    // Who says it is who has the key.
    let opening = Opening {
        by: operator.person().to_owned(),
        through: "command".to_owned(),
        what: console.gateway.redactor().redact(&opening.what).into_owned(),
        reason: console.gateway.redactor().redact(&opening.reason).into_owned(),
        ..opening
    };
    let body = EntryBody::Read(Box::new(opening));
    let entry = console.gateway.custodian().record(operator.person(), body).await.map_err(failed)?;
    Ok(Json(json!({ "entry": entry })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asking {
    classes: BTreeSet<FieldClass>,
    reason: String,
    /// How long; an hour when nothing is said.
    #[serde(default = "an_hour")]
    seconds: u64,
}

const fn an_hour() -> u64 {
    3_600
}

/// `GET /api/glass`: who asked to read what their roles do not let them, and how it stands.
pub(crate) async fn glasses(State(console): State<Arc<Console>>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "requests": console.gateway.glasses().map_err(failed)? })))
}

/// `POST /api/glass`: asks for oneself.
pub(crate) async fn ask(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Told(told): Told<Asking>,
) -> Result<Json<Value>, ApiError> {
    let asked = console.gateway.ask_glass(operator.person(), &told.classes, told.seconds, &told.reason).await;
    asked.map(|glass| Json(json!(glass))).map_err(ApiError::malformed)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answering {
    grant: bool,
}

/// `POST /api/glass/{ticket}`: another person's answer.
pub(crate) async fn answer(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Path(ticket): Path<String>,
    Told(told): Told<Answering>,
) -> Result<Json<Value>, ApiError> {
    let answered = console.gateway.answer_glass(&ticket, told.grant, operator.person()).await;
    let help = "`GET /api/glass` says who asked for what, and how it stands";
    answered.map(|glass| Json(json!(glass))).map_err(|why| ApiError::of(Code::NotAllowed, why).help(help))
}
