//! JWTs of trusted issuers (OpenID Connect): issuer, audience, time and signature are checked against
//! the issuer's published keys; roles, tenant and the person behind come from declared claims.

mod ring_provider;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use plimsoll_bundle::{Bundle, Oidc, WorkflowFrom};
use plimsoll_core::Principal;
use serde_json::Value;
use tokio::sync::Notify;

use crate::gateway::Gateway;
use crate::upstream::UpstreamError;
use crate::upstream::http::collect;

/// Seconds between two looks at an issuer's keys.
pub const JWKS_REFRESH_S: u64 = 300;
/// Seconds that must pass before a token with an unknown key id makes us look again.
pub const JWKS_RETRY_S: u64 = 30;
/// Seconds of clock difference that are forgiven.
pub const LEEWAY_S: u64 = 30;
/// Bytes of a published key set.
pub const JWKS_BYTES: usize = 1 << 20;

/// Signatures we accept. Shared secrets (HS256) and `none` are not among them.
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The keys of each trusted issuer.
#[derive(Debug)]
pub struct Tokens {
    sets: RwLock<HashMap<String, Arc<JwkSet>>>,
    wanted: Notify,
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}

impl Tokens {
    pub fn new() -> Self {
        ring_provider::install();
        Self { sets: RwLock::default(), wanted: Notify::new() }
    }

    /// The principal a token speaks for, and the workflows it may use. `None` for any doubt at all.
    pub fn principal(
        &self,
        bundle: &Bundle,
        token: &str,
        now: Timestamp,
    ) -> Option<(Principal, Vec<String>)> {
        let header = decode_header(token).ok()?;
        if !ALGORITHMS.contains(&header.alg) {
            return None;
        }
        bundle.project.oidc.iter().find_map(|oidc| {
            let claims = self.claims(oidc, token, header.alg, header.kid.as_deref(), now)?;
            principal(oidc, &claims)
        })
    }

    fn claims(
        &self,
        oidc: &Oidc,
        token: &str,
        alg: Algorithm,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Option<Value> {
        let set = self.set(oidc)?;
        let named = |jwk: &&jsonwebtoken::jwk::Jwk| kid.is_none() || jwk.common.key_id.as_deref() == kid;
        let mut keys = set.keys.iter().filter(named).peekable();
        if keys.peek().is_none() {
            self.wanted.notify_one();
        }
        let mut validation = Validation::new(alg);
        validation.set_issuer(&[&oidc.issuer]);
        validation.set_audience(&[&oidc.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_S;
        let _now_is_the_library_s = now;
        keys.find_map(|jwk| {
            let key = ring_provider::key(jwk)?;
            decode::<Value>(token, &key, &validation).ok().map(|data| data.claims)
        })
    }

    fn set(&self, oidc: &Oidc) -> Option<Arc<JwkSet>> {
        if let Some(set) = self.sets.read().ok()?.get(&oidc.jwks) {
            return Some(Arc::clone(set));
        }
        if is_url(&oidc.jwks) {
            self.wanted.notify_one();
            return None;
        }
        let set: Arc<JwkSet> = Arc::new(serde_json::from_str(&oidc.jwks).ok()?);
        self.keep(&oidc.jwks, Arc::clone(&set));
        Some(set)
    }

    fn knows(&self, from: &str) -> bool {
        self.sets.read().is_ok_and(|sets| sets.contains_key(from))
    }

    fn keep(&self, from: &str, set: Arc<JwkSet>) {
        if let Ok(mut sets) = self.sets.write() {
            sets.insert(from.to_owned(), set);
        }
    }
}

impl Gateway {
    /// Keeps the issuers' keys fresh. A set that can't be had leaves the last good one in force.
    pub async fn follow_issuers(self: Arc<Self>) {
        loop {
            let bundle = self.bundle();
            for oidc in bundle.project.oidc.iter().filter(|oidc| is_url(&oidc.jwks)) {
                self.refresh_issuer(oidc).await;
            }
            tokio::time::sleep(Duration::from_secs(JWKS_RETRY_S)).await;
            let regular = Duration::from_secs(JWKS_REFRESH_S - JWKS_RETRY_S);
            let _either = tokio::time::timeout(regular, self.tokens.wanted.notified()).await;
        }
    }

    /// Gets the keys of issuers that no release before this one trusted, so that it can identify whoever comes the
    /// moment it serves. What can't be had is tried again by [`follow_issuers`](Self::follow_issuers).
    pub(crate) async fn fetch_issuers(&self, bundle: &Bundle) {
        for oidc in bundle.project.oidc.iter().filter(|oidc| is_url(&oidc.jwks)) {
            if !self.tokens.knows(&oidc.jwks) {
                self.refresh_issuer(oidc).await;
            }
        }
    }

    async fn refresh_issuer(&self, oidc: &Oidc) {
        match self.fetch_jwks(&oidc.jwks).await {
            Ok(set) => self.tokens.keep(&oidc.jwks, Arc::new(set)),
            Err(error) => tracing::warn!(issuer = oidc.issuer, %error, "the issuer's keys can't be had"),
        }
    }

    async fn fetch_jwks(&self, url: &str) -> Result<JwkSet, UpstreamError> {
        let garbage = |why: String| UpstreamError::Garbage { name: url.to_owned(), why };
        let request =
            hyper::Request::get(url).body(Full::new(Bytes::new())).map_err(|e| garbage(e.to_string()))?;
        let response = self.http.send(url, request, 10).await?;
        if !response.status().is_success() {
            return Err(garbage(format!("status {}", response.status())));
        }
        let body = collect(url, response.into_body(), JWKS_BYTES, 10).await?;
        serde_json::from_slice(&body).map_err(|e| garbage(e.to_string()))
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

fn principal(oidc: &Oidc, claims: &Value) -> Option<(Principal, Vec<String>)> {
    let text = |name: &str| claims.pointer(&pointer(name)).and_then(Value::as_str).map(str::to_owned);
    let list = |name: &str| match claims.pointer(&pointer(name)) {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let workflows = match &oidc.workflow {
        WorkflowFrom::Fixed(name) => vec![name.clone()],
        WorkflowFrom::Claim(claim) => list(claim),
    };
    let principal = Principal {
        id: format!("oidc:{}", text("sub")?),
        kind: oidc.kind,
        tenant: oidc.tenant_claim.as_deref().and_then(text).unwrap_or_default(),
        roles: oidc.roles_claim.as_deref().map(list).unwrap_or_default().into_iter().collect(),
        on_behalf_of: oidc.on_behalf_of_claim.as_deref().and_then(text),
    };
    Some((principal, workflows))
}

/// `realm_access.roles` → `/realm_access/roles`.
fn pointer(claim: &str) -> String {
    if claim.starts_with('/') { claim.to_owned() } else { format!("/{}", claim.replace('.', "/")) }
}
