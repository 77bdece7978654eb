//! Every route of the admin listener, in one table. The router is built from it, so a route that is not
//! here does not exist, and none is without its door-keeper; a test walks all of it uninvited.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use plimsoll_bundle::Power;
use plimsoll_core::Code;

use crate::api::{self, ApiError};
use crate::{Console, edge, logins, pages, style};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Anybody who reaches the listener.
    Nobody,
    /// A program or person with an admin key, `Authorization: Bearer pla_…`. Never a cookie, so that no
    /// other page can make a browser use it.
    Key,
    /// A person who logged in with their browser.
    Login,
}

/// What somebody must be allowed, beyond being who they are. It is asked of the live release's `people.yaml` each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing more.
    Nothing,
    /// A power over releases.
    Power(Power),
    /// A role that the question names, which whoever asked for the act does not make up for.
    Vote,
    /// What their roles read of what is sealed; the rest stays closed.
    Reads,
    /// Another person's yes.
    Another,
}

/// One row.
#[derive(Clone, Copy)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub auth: Auth,
    pub needs: Needs,
    serves: fn() -> MethodRouter<Arc<Console>>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?} {:?}", self.method, self.path, self.auth, self.needs)
    }
}

const fn route(
    method: &'static str,
    path: &'static str,
    auth: Auth,
    needs: Needs,
    serves: fn() -> MethodRouter<Arc<Console>>,
) -> Route {
    Route { method, path, auth, needs, serves }
}

/// The table.
pub const ROUTES: &[Route] = &[
    route("GET", "/health/live", Auth::Nobody, Needs::Nothing, || get(api::health::live)),
    route("GET", "/health/ready", Auth::Nobody, Needs::Nothing, || get(api::health::ready)),
    // Scrapers rarely hold credentials, and the counters name servers, tiers and codes: no content, no
    // person. Whoever reaches this listener may count.
    route("GET", "/metrics", Auth::Nobody, Needs::Nothing, || get(api::health::metrics)),
    route("GET", style::PATH, Auth::Nobody, Needs::Nothing, || get(style::sheet)),
    route("GET", "/api/approvals", Auth::Key, Needs::Reads, || get(api::approvals::list)),
    route("GET", "/api/approvals/{id}", Auth::Key, Needs::Reads, || get(api::approvals::show)),
    route("POST", "/api/approvals/{id}", Auth::Key, Needs::Vote, || post(api::approvals::answer)),
    route("GET", "/api/stops", Auth::Key, Needs::Nothing, || get(api::stops::list)),
    route("POST", "/api/stops", Auth::Key, Needs::Nothing, || post(api::stops::pull)),
    route("POST", "/api/stops/lift", Auth::Key, Needs::Nothing, || post(api::stops::lift)),
    route("DELETE", "/api/stops/lift", Auth::Key, Needs::Nothing, || axum::routing::delete(api::stops::lift)),
    route("POST", "/api/acts/{id}/settle", Auth::Key, Needs::Nothing, || post(api::acts::settle)),
    route("GET", "/api/entries", Auth::Key, Needs::Reads, || get(api::entries::list)),
    route("GET", "/api/sessions", Auth::Key, Needs::Reads, || get(api::sessions::list)),
    route("GET", "/api/sessions/{id}", Auth::Key, Needs::Reads, || get(api::sessions::show)),
    route("GET", "/api/release", Auth::Key, Needs::Nothing, || get(api::release::show)),
    route("GET", "/api/releases", Auth::Key, Needs::Nothing, || get(api::releases::status)),
    route("GET", "/api/releases/log", Auth::Key, Needs::Nothing, || get(api::releases::log)),
    route("POST", "/api/releases", Auth::Key, Needs::Power(Power::Promote), || post(api::releases::install)),
    route("POST", "/api/releases/promote", Auth::Key, Needs::Power(Power::Promote), || {
        post(api::releases::promote)
    }),
    route("POST", "/api/releases/rollback", Auth::Key, Needs::Power(Power::RollBack), || {
        post(api::releases::roll_back)
    }),
    route("GET", "/api/drift", Auth::Key, Needs::Reads, || get(api::drift::show)),
    route("POST", "/api/drift", Auth::Key, Needs::Nothing, || post(api::drift::look)),
    route("POST", "/api/erasures", Auth::Key, Needs::Nothing, || post(api::privacy::erase)),
    route("GET", "/api/holds", Auth::Key, Needs::Nothing, || get(api::privacy::holds)),
    route("POST", "/api/holds", Auth::Key, Needs::Nothing, || post(api::privacy::hold)),
    route("POST", "/api/readings", Auth::Key, Needs::Nothing, || post(api::privacy::reading)),
    route("GET", "/api/glass", Auth::Key, Needs::Nothing, || get(api::privacy::glasses)),
    route("POST", "/api/glass", Auth::Key, Needs::Nothing, || post(api::privacy::ask)),
    route("POST", "/api/glass/{ticket}", Auth::Key, Needs::Another, || post(api::privacy::answer)),
    route("GET", "/login", Auth::Nobody, Needs::Nothing, || get(pages::login::form)),
    route("POST", "/login", Auth::Nobody, Needs::Nothing, || post(pages::login::enter)),
    route("POST", "/logout", Auth::Login, Needs::Nothing, || post(pages::login::leave)),
    route("GET", "/", Auth::Login, Needs::Nothing, || get(pages::overview::show)),
    route("GET", "/approvals", Auth::Login, Needs::Reads, || get(pages::approvals::list)),
    route("GET", "/approvals/{id}", Auth::Login, Needs::Reads, || get(pages::approvals::show)),
    route("POST", "/approvals/{id}", Auth::Login, Needs::Vote, || post(pages::approvals::answer)),
    route("GET", "/sessions", Auth::Login, Needs::Reads, || get(pages::sessions::list)),
    route("GET", "/sessions/{id}", Auth::Login, Needs::Reads, || get(pages::sessions::show)),
    route("GET", "/releases", Auth::Login, Needs::Nothing, || get(pages::releases::show)),
    route("POST", "/releases/promote", Auth::Login, Needs::Power(Power::Promote), || {
        post(pages::releases::promote)
    }),
    route("POST", "/releases/rollback", Auth::Login, Needs::Power(Power::RollBack), || {
        post(pages::releases::roll_back)
    }),
    route("POST", "/stops", Auth::Login, Needs::Nothing, || post(pages::overview::pull)),
    route("POST", "/stops/lift", Auth::Login, Needs::Nothing, || post(pages::overview::lift)),
    route("POST", "/acts/{id}/settle", Auth::Login, Needs::Nothing, || post(pages::overview::settle)),
];

/// The router over the whole table.
pub(crate) fn router(console: &Arc<Console>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let serves = (route.serves)();
        let guarded = match route.auth {
            Auth::Nobody => serves,
            Auth::Key => serves.layer(from_fn_with_state(Arc::clone(console), api::by_key)),
            Auth::Login => serves.layer(from_fn_with_state(Arc::clone(console), logins::by_login)),
        };
        router = router.route(route.path, guarded);
    }
    router
        .fallback(unknown)
        .layer(from_fn(api::in_our_words))
        .layer(from_fn_with_state(Arc::clone(console), edge::guard))
        .with_state(Arc::clone(console))
}

async fn unknown(request: axum::extract::Request) -> axum::response::Response {
    let message = format!("the endpoint {} {} is unknown here", request.method(), request.uri().path());
    ApiError::of(Code::UnknownEndpoint, message)
        .help("the admin API lives under /api, the console at /")
        .into_response()
}
