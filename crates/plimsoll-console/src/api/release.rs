//! The release in force.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::Console;

/// `GET /api/release`
pub(crate) async fn show(State(console): State<Arc<Console>>) -> Json<Value> {
    let bundle = console.gateway.bundle();
    let workflows: Vec<Value> = bundle
        .workflows
        .values()
        .map(|workflow| {
            json!({ "workflow": workflow.name, "mode": workflow.mode, "purpose": workflow.purpose,
                    "owner": workflow.owner, "incident_owner": workflow.incident_owner })
        })
        .collect();
    Json(json!({ "release": bundle.id, "project": bundle.project.name,
                 "environment": bundle.project.environment, "workflows": workflows }))
}
