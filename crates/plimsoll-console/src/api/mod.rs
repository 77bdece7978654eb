//! The admin API: JSON for programs, `plimsoll approve` and `plimsoll stop` among them.

pub(crate) mod acts;
pub(crate) mod approvals;
pub(crate) mod drift;
pub(crate) mod entries;
pub(crate) mod health;
pub(crate) mod privacy;
pub(crate) mod release;
pub(crate) mod releases;
pub(crate) mod sessions;
pub(crate) mod stops;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http_body_util::LengthLimitError;
use plimsoll_core::Code;
use plimsoll_gateway::{AnswerError, Refusal};
use plimsoll_store::StoreError;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::Console;
use crate::edge::BODY_BYTES;

/// Identifies the operator by their admin key, or answers 401. A data key is no admin key.
pub(crate) async fn by_key(
    State(console): State<Arc<Console>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(secret) = bearer(request.headers()) else {
        return ApiError::of(Code::Unauthenticated, "no admin key came with the request")
            .help("send `Authorization: Bearer pla_…`; make one with `plimsoll key create --admin --name <person>`")
            .into_response();
    };
    match console.gateway.identify_operator(secret).await {
        Ok(operator) => {
            request.extensions_mut().insert(operator);
            next.run(request).await
        }
        Err(refusal) => ApiError::from(refusal).into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
}

/// An error for programs and their people: `{"error": {"code", "message", "help"}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub status: StatusCode,
    pub code: Code,
    pub message: String,
    pub help: String,
}

impl ApiError {
    /// The status and help follow from the code.
    pub(crate) fn of(code: Code, message: impl Into<String>) -> Self {
        let help = code.row().next.to_owned();
        Self { status: status(code), code, message: message.into(), help }
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::of(Code::Malformed, message)
    }

    /// There is no such thing.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::of(Code::UnknownEndpoint, message).help("look at the list it should be in")
    }
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::NotAllowed => StatusCode::FORBIDDEN,
        Code::UnknownEndpoint => StatusCode::NOT_FOUND,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::ApprovalSpent | Code::InDoubt => StatusCode::CONFLICT,
        Code::RecordFailed | Code::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message, "help": self.help } });
        let mut response = (self.status, axum::Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::of(refusal.code, if refusal.detail.is_empty() { refusal.headline() } else { refusal.detail })
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::of(Code::RecordFailed, "the database does not answer right now")
            .help("look at the gateway's log and at `plimsoll doctor`")
    }
}

impl From<AnswerError> for ApiError {
    fn from(error: AnswerError) -> Self {
        use plimsoll_core::approval::VoteError;
        let message = error.to_string();
        match error {
            AnswerError::Unknown(_) => Self::missing(message),
            AnswerError::Vote(VoteError::OwnRequest(_)) => {
                Self::of(Code::NotAllowed, message).help("somebody else has to answer")
            }
            AnswerError::Vote(VoteError::NoRole { .. }) => {
                Self::of(Code::NotAllowed, message).help("roles are given in people.yaml")
            }
            AnswerError::Vote(_) | AnswerError::Raced => {
                Self::of(Code::ApprovalSpent, message).help("look at the approval again")
            }
            AnswerError::Record(_) => Self::of(Code::RecordFailed, message),
        }
    }
}

/// A JSON body of ours: bounded, known members only, each once.
#[derive(Debug)]
pub(crate) struct Told<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Told<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // A form of another site can't send this type without asking first.
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return Err(ApiError::malformed("the body must be JSON: `Content-Type: application/json`")
                .status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = bounded(body).await?;
        let read = serde_json::from_slice(&bytes);
        read.map(Self).map_err(|error| ApiError::malformed(format!("the body can't be read: {error}")))
    }
}

/// The whole body, if it is within [`BODY_BYTES`].
pub(crate) async fn bounded(body: Body) -> Result<axum::body::Bytes, ApiError> {
    to_bytes(body, BODY_BYTES).await.map_err(|error| {
        let too_long = std::error::Error::source(&error).is_some_and(|e| e.is::<LengthLimitError>());
        match too_long {
            true => ApiError::of(Code::TooLarge, format!("the body is larger than {BODY_BYTES} bytes")),
            false => ApiError::malformed("the body broke off"),
        }
    })
}

/// The query of a URL: known names only.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, ApiError> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0)).map_err(|error| ApiError::malformed(error.body_text()))
    }
}

/// The framework's own short answers (wrong method, unreadable path) in the form of ours.
pub(crate) async fn in_our_words(request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    let response = next.run(request).await;
    let status = response.status();
    let ours = response.headers().contains_key(CONTENT_TYPE)
        && response.headers()[CONTENT_TYPE] != "text/plain; charset=utf-8";
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            let error = ApiError::of(Code::UnknownEndpoint, format!("{what}: no such method here"));
            error.status(status).into_response()
        }
        StatusCode::SERVICE_UNAVAILABLE => response,
        _ => {
            ApiError::malformed(format!("{what}: this request can't be read")).status(status).into_response()
        }
    }
}
