//! Browser log-ins: a random cookie stands for a person, for a while.
//!
//! The admin key itself is never kept. Its digest is, so that a revoked key ends its log-ins at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{COOKIE, HeaderMap};
use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{Code, Digest};
use plimsoll_gateway::Operator;
use subtle::ConstantTimeEq;

use crate::Console;
use crate::api::ApiError;
use crate::pages;

/// The cookie's name.
pub(crate) const COOKIE_NAME: &str = "plimsoll_login";
/// A log-in ends after this time, used or not: one shift.
pub(crate) const LIFE: SignedDuration = SignedDuration::from_hours(8);
/// A log-in that nobody uses ends after this time.
pub(crate) const IDLE: SignedDuration = SignedDuration::from_mins(60);
/// Log-ins at most; the one unused for longest goes.
pub(crate) const LOGINS_MAX: usize = 256;

/// Who is logged in, by the digest of their cookie.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    open: Mutex<HashMap<Digest, Entry>>,
}

#[derive(Debug)]
struct Entry {
    operator: Operator,
    key: Digest,
    csrf: String,
    began: Timestamp,
    seen: Timestamp,
}

/// A request's log-in.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub operator: Operator,
    /// What every form of this person's pages carries.
    pub csrf: String,
    key: Digest,
    cookie: Digest,
}

// === impl Logins ===

impl Logins {
    /// Begins a log-in; gives the cookie's value.
    pub(crate) fn begin(&self, operator: Operator, key: Digest, now: Timestamp) -> Result<String, ApiError> {
        let (cookie, csrf) = (random()?, random()?);
        let mut open = self.lock();
        open.retain(|_, entry| entry.is_live(now));
        if open.len() >= LOGINS_MAX
            && let Some(idle) = open.iter().min_by_key(|(_, entry)| entry.seen).map(|(cookie, _)| *cookie)
        {
            open.remove(&idle);
        }
        open.insert(Digest::of(cookie.as_bytes()), Entry { operator, key, csrf, began: now, seen: now });
        Ok(cookie)
    }

    fn find(&self, headers: &HeaderMap, now: Timestamp) -> Option<Login> {
        let cookie = Digest::of(cookie(headers)?.as_bytes());
        let mut open = self.lock();
        let entry = open.get_mut(&cookie).filter(|entry| entry.is_live(now))?;
        entry.seen = now;
        let (operator, csrf, key) = (entry.operator.clone(), entry.csrf.clone(), entry.key);
        Some(Login { operator, csrf, key, cookie })
    }

    pub(crate) fn end(&self, login: &Login) {
        self.lock().remove(&login.cookie);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_live(&self, now: Timestamp) -> bool {
        now.duration_since(self.began) < LIFE && now.duration_since(self.seen) < IDLE
    }
}

// === impl Login ===

impl Login {
    /// Whether a form is one of our own pages'.
    pub(crate) fn owns(&self, csrf: &str) -> bool {
        self.csrf.as_bytes().ct_eq(csrf.as_bytes()).into()
    }
}

/// Lets logged-in people pass; everybody else gets the log-in page, as 401, and comes back after it.
pub(crate) async fn by_login(
    State(console): State<Arc<Console>>,
    mut request: Request,
    next: Next,
) -> Response {
    let now = Timestamp::now();
    let Some(login) = console.logins.find(request.headers(), now) else {
        let back = (request.method() == http::Method::GET).then(|| request.uri().to_string());
        return (StatusCode::UNAUTHORIZED, pages::login::page(back.as_deref(), "")).into_response();
    };
    match console.gateway.store().find_admin_key(login.key.as_bytes()).await {
        Ok(Some(key)) if key.is_live(now) => {}
        Ok(_) => {
            console.logins.end(&login);
            let message = "the admin key of this log-in was revoked or has expired";
            return (StatusCode::UNAUTHORIZED, pages::login::page(None, message)).into_response();
        }
        Err(error) => return pages::failed(&ApiError::from(error), Some(&login)),
    }
    request.extensions_mut().insert(login);
    next.run(request).await
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME && value.len() == 64).then_some(value)
    })
}

/// 256 random bits in hex.
fn random() -> Result<String, ApiError> {
    let mut bytes = [0; 32];
    let drawn = getrandom::fill(&mut bytes);
    drawn.map_err(|_| ApiError::of(Code::Overloaded, "the system gives no randomness"))?;
    Ok(Digest::from_bytes(bytes).hex())
}
