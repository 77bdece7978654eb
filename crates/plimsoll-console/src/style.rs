//! The one style sheet, under a name that changes with its content.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use std::sync::LazyLock;

use plimsoll_core::Digest;

const SHEET: &str = include_str!("../assets/console.css");

/// The route; pages link to [`href`].
pub(crate) const PATH: &str = "/assets/{file}";

static FILE: LazyLock<String> =
    LazyLock::new(|| format!("console-{}.css", Digest::of(SHEET.as_bytes()).short()));

/// Where the style sheet of this build is.
pub(crate) fn href() -> String {
    format!("/assets/{}", *FILE)
}

pub(crate) async fn sheet(Path(file): Path<String>) -> Response {
    if file != *FILE {
        return StatusCode::NOT_FOUND.into_response();
    }
    let forever = "public, max-age=31536000, immutable";
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, forever)], SHEET).into_response()
}
