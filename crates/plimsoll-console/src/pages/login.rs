//! Logging in with an admin key, and out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderValue, ORIGIN, SET_COOKIE};
use jiff::Timestamp;
use plimsoll_inspect::key;
use serde::Deserialize;

use crate::Console;
use crate::api::ApiError;
use crate::logins::{COOKIE_NAME, LIFE, Login};
use crate::pages::{Frame, Sealed, Sent, back, failed, html, read};

#[derive(Debug, Template)]
#[template(path = "login.html")]
struct Page {
    frame: Frame,
    /// Where to go afterwards; empty when nowhere in particular.
    next: String,
    message: String,
}

/// The log-in page.
pub(crate) fn page(next: Option<&str>, message: &str) -> Response {
    let next = next.filter(|path| is_ours(path)).unwrap_or_default().to_owned();
    html(&Page { frame: Frame::bare("Log in"), next, message: message.to_owned() })
}

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    next: String,
}

pub(crate) async fn form(Query(asked): Query<Asked>) -> Response {
    page(Some(&asked.next), "")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enter {
    key: String,
    #[serde(default)]
    next: String,
}

/// The key comes once and is forgotten; the cookie is a number that means nothing elsewhere.
pub(crate) async fn enter(State(console): State<Arc<Console>>, request: Request) -> Response {
    let is_tls = request.headers().get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https:"));
    let sent: Enter = match read(request).await {
        Ok(sent) => sent,
        Err(error) => return failed(&error, None),
    };
    let secret = sent.key.trim();
    let operator = match console.gateway.identify_operator(secret).await {
        Ok(operator) => operator,
        Err(refusal) => {
            let error = ApiError::from(refusal);
            let message = match error.status {
                StatusCode::UNAUTHORIZED => "This is not a live admin key.",
                _ => "Keys can't be looked up right now.",
            };
            return (error.status, page(Some(&sent.next), message)).into_response();
        }
    };
    let Some(key) = key::parse(secret) else { return page(None, "This is not a live admin key.") };
    let cookie = match console.logins.begin(operator, key.digest, Timestamp::now()) {
        Ok(cookie) => cookie,
        Err(error) => return failed(&error, None),
    };
    let mut response = back(if is_ours(&sent.next) { &sent.next } else { "/" });
    let secure = if is_tls { "; Secure" } else { "" };
    let life = LIFE.as_secs();
    put(
        &mut response,
        &format!("{COOKIE_NAME}={cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age={life}{secure}"),
    );
    response
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Leave {
    csrf: String,
}

impl Sealed for Leave {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

pub(crate) async fn leave(
    State(console): State<Arc<Console>>,
    Extension(login): Extension<Login>,
    _ours: Sent<Leave>,
) -> Response {
    console.logins.end(&login);
    let mut response = back("/login");
    put(&mut response, &format!("{COOKIE_NAME}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"));
    response
}

fn put(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}

/// A path of this listener, and nothing a browser could take for another site.
fn is_ours(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/login")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_our_own_paths() {
        for (path, ours) in [
            ("/approvals/T-1", true),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("https://evil.example", false),
            ("/a\nb", false),
            ("", false),
        ] {
            assert_eq!(is_ours(path), ours, "{path:?}");
        }
    }
}
