//! The world against the release: what drifted, and a look by somebody who wants to know.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use plimsoll_bundle::drift::Drifting;
use plimsoll_gateway::Operator;
use plimsoll_gateway::drift::{Look, Looked};
use serde::Serialize;

use crate::Console;
use crate::api::Told;

#[derive(Debug, Serialize)]
pub(crate) struct DriftNow {
    release: plimsoll_core::Digest,
    drift: Vec<plimsoll_core::Drifted>,
    #[serde(flatten)]
    looked: Looked,
}

fn drift_now(console: &Console, failed: Vec<String>) -> Json<DriftNow> {
    let bundle = console.gateway.bundle();
    let drift = console.gateway.drifting();
    let drift = drift.iter().map(|drifting: &Drifting| drifting.as_fact(&bundle)).collect();
    Json(DriftNow { release: bundle.id, drift, looked: Looked { failed, ..console.gateway.looked() } })
}

/// `GET /api/drift`
pub(crate) async fn show(State(console): State<Arc<Console>>) -> Json<DriftNow> {
    drift_now(&console, Vec::new())
}

/// `POST /api/drift`
pub(crate) async fn look(
    State(console): State<Arc<Console>>,
    Extension(operator): Extension<Operator>,
    Told(look): Told<Look>,
) -> Json<DriftNow> {
    let failed = console.gateway.look_for(&operator, look).await;
    drift_now(&console, failed)
}
