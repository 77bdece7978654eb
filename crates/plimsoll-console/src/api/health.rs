//! Whether it lives, whether it is ready, and what it counted.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::Console;

pub(crate) async fn live() -> &'static str {
    "live\n"
}

/// Ready means: guarded acts could be recorded, and people's answers kept.
pub(crate) async fn ready(State(console): State<Arc<Console>>) -> (StatusCode, String) {
    if let Some(why) = console.gateway.ledger().health().error() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("every act is refused: {why}\n"));
    }
    match console.gateway.store().check().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".to_owned()),
    }
}

pub(crate) async fn metrics(State(console): State<Arc<Console>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], console.gateway.metrics().render()).into_response()
}
