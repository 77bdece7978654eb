//! What every request passes before its route, and every answer after it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use plimsoll_bundle::Project;
use plimsoll_core::Code;

use crate::Console;
use crate::api::ApiError;

/// Seconds one request may take from its head to its answer.
pub(crate) const REQUEST_TIMEOUT_S: u64 = 30;
/// Bytes of a request's body: forms and small JSON.
pub(crate) const BODY_BYTES: usize = 64 << 10;

/// Nothing but our own style sheet and forms. No page has a script, so none is allowed.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Around every route: who may ask at all, how long it may take, and what the browser is told.
pub(crate) async fn guard(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let project = &console.gateway.bundle().project;
    let mut response = match admit(project, &console.local.ip().to_string(), request.headers()) {
        Err(refused) => refused.into_response(),
        Ok(()) => {
            let answered = next.run(request);
            match tokio::time::timeout(Duration::from_secs(REQUEST_TIMEOUT_S), answered).await {
                Ok(response) => response,
                Err(_) => ApiError::of(
                    Code::Overloaded,
                    format!("the request took longer than {REQUEST_TIMEOUT_S} s"),
                )
                .into_response(),
            }
        }
    };
    harden(response.headers_mut());
    response
}

/// `Host` and `Origin` allow-lists: a page in somebody's browser must not reach a loopback listener.
/// Unlike the data listener this one has pages of its own, so its own origin is one of the allowed.
fn admit(project: &Project, own: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).unwrap_or_default();
    let name = host_name(host);
    let is_own = name == own || matches!(name, "localhost" | "127.0.0.1" | "::1");
    if !is_own && !project.hosts.iter().any(|allowed| allowed == name || allowed == host) {
        let message = format!("the host `{host}` is not served here");
        return Err(ApiError::of(Code::NotAllowed, message).help("add it to `hosts` in plimsoll.yaml"));
    }
    let Some(origin) = text(ORIGIN) else { return Ok(()) };
    let same = ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host));
    if same || project.origins.iter().any(|allowed| allowed == origin) {
        return Ok(());
    }
    let message = format!("the origin `{origin}` is not served here");
    Err(ApiError::of(Code::NotAllowed, message).help("add it to `origins` in plimsoll.yaml"))
}

/// The name in a `Host` header, without the port: `[::1]:7301` is `::1`.
fn host_name(host: &str) -> &str {
    let port = |rest: &str| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_digits);
    if let Some((name, rest)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        return if port(rest) { name } else { host };
    }
    host.rsplit_once(':').map_or(host, |(name, digits)| if is_digits(digits) { name } else { host })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn harden(headers: &mut HeaderMap) {
    // With `no-referrer` a browser sends `Origin: null` with our own forms, and the check above could
    // not tell them from a stranger's. `same-origin` tells strangers just as little.
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let referrer = if is_page { "same-origin" } else { "no-referrer" };
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, referrer),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_origins() {
        let project = || {
            let mut bundle = crate::tests::fixture::bundle();
            bundle.project.hosts = vec!["desk.example".into()];
            bundle.project.origins = vec!["https://portal.example".into()];
            bundle.project
        };
        let project = project();
        let check = |host: &'static str, origin: Option<&'static str>, served: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(admit(&project, "10.0.0.7", &headers).is_ok(), served, "{host} {origin:?}");
        };
        check("127.0.0.1:7301", None, true);
        check("localhost", None, true);
        check("[::1]:7301", None, true);
        check("10.0.0.7:7301", None, true);
        check("desk.example", None, true);
        check("desk.example:80", None, true);
        check("evil.example", None, false);
        check("", None, false);
        check("127.0.0.1.evil.example:7301", None, false);
        check("127.0.0.1:7301@evil.example", None, false);
        check("127.0.0.1:7301", Some("http://127.0.0.1:7301"), true);
        check("desk.example", Some("https://desk.example"), true);
        check("desk.example", Some("https://portal.example"), true);
        check("127.0.0.1:7301", Some("http://127.0.0.1:9999"), false);
        check("127.0.0.1:7301", Some("null"), false);
        check("127.0.0.1:7301", Some("https://evil.example"), false);
    }
}
