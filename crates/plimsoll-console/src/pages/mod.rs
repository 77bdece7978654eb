//! The pages: server-rendered, plain forms, no script.

pub(crate) mod approvals;
pub(crate) mod login;
pub(crate) mod overview;
pub(crate) mod releases;
pub(crate) mod sessions;

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Form, FromRequest, Request};
use axum::response::{Html, IntoResponse, Redirect, Response};
use plimsoll_core::{ApprovalState, Code};
use serde::de::DeserializeOwned;

use crate::Console;
use crate::api::{ApiError, bounded};
use crate::logins::Login;

/// What every page has around it.
#[derive(Debug)]
pub(crate) struct Frame {
    pub title: String,
    /// Which entry of the menu this is.
    pub here: &'static str,
    pub style: String,
    /// Empty when nobody is logged in.
    pub person: String,
    pub csrf: String,
    pub open: usize,
    pub stops: Vec<crate::words::StopLine>,
    pub place: String,
}

impl Frame {
    pub(crate) async fn of(console: &Console, login: &Login, here: &'static str, title: &str) -> Self {
        let now = jiff::Timestamp::now();
        let open =
            console.gateway.store().approvals(Some(ApprovalState::Open), 200).await.unwrap_or_default();
        let bundle = console.gateway.bundle();
        Self {
            title: title.to_owned(),
            here,
            style: crate::style::href(),
            person: login.operator.person().to_owned(),
            csrf: login.csrf.clone(),
            open: open.iter().filter(|approval| approval.settle(now) == ApprovalState::Open).count(),
            stops: crate::scope::in_force(&console.gateway)
                .iter()
                .map(|stop| crate::words::stop(stop, now))
                .collect(),
            place: format!("{} · {}", bundle.project.name, bundle.project.environment),
        }
    }

    pub(crate) fn bare(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            here: "",
            style: crate::style::href(),
            person: String::new(),
            csrf: String::new(),
            open: 0,
            stops: Vec::new(),
            place: String::new(),
        }
    }
}

/// A page as an answer.
pub(crate) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page can't be rendered");
            ApiError::of(Code::Overloaded, "the page can't be rendered").into_response()
        }
    }
}

/// A page for somebody who is logged in, or why there is none.
pub(crate) fn shown_to(login: &Login, page: Result<impl Template, ApiError>) -> Response {
    match page {
        Ok(page) => html(&page),
        Err(error) => failed(&error, Some(login)),
    }
}

#[derive(Debug, Template)]
#[template(path = "failed.html")]
struct Failed<'a> {
    frame: Frame,
    error: &'a ApiError,
}

/// An error as a page.
pub(crate) fn failed(error: &ApiError, login: Option<&Login>) -> Response {
    let mut frame = Frame::bare("That did not work");
    if let Some(login) = login {
        frame.person = login.operator.person().to_owned();
        frame.csrf.clone_from(&login.csrf);
    }
    (error.status, html(&Failed { frame, error })).into_response()
}

/// Back to a page after a form was taken.
pub(crate) fn back(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A form that carries its person's secret.
pub(crate) trait Sealed {
    fn csrf(&self) -> &str;
}

/// A form of one of our own pages, sent by the person it was made for. There is no other way to read one.
#[derive(Debug)]
pub(crate) struct Sent<T> {
    pub form: T,
    pub login: Login,
}

impl<T: DeserializeOwned + Sealed> FromRequest<Arc<Console>> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &Arc<Console>) -> Result<Self, Response> {
        let Some(login) = request.extensions().get::<Login>().cloned() else {
            return Err(ApiError::of(Code::Unauthenticated, "nobody is logged in").into_response());
        };
        let form: T = read(request).await.map_err(|error| failed(&error, Some(&login)))?;
        if login.owns(form.csrf()) {
            return Ok(Self { form, login });
        }
        let error = ApiError::of(Code::NotAllowed, "this form belongs to another log-in")
            .help("go back, load the page again and repeat");
        Err(failed(&error, Some(&login)))
    }
}

/// Any form, within bounds.
pub(crate) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    let (parts, body) = request.into_parts();
    let body = bounded(body).await?;
    let read = Form::<T>::from_request(Request::from_parts(parts, Body::from(body)), &()).await;
    read.map(|form| form.0).map_err(|error| ApiError::malformed(error.body_text()))
}
