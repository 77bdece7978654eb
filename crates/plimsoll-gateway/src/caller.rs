//! Step one of the path: who asks, and in which workflow.
//!
//! A [`Caller`] is the proof of identification: only [`Gateway::identify`] makes one of a request, and everything
//! behind it asks for one. The gateway's own questions to models have theirs from `for_drift`.

use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_bundle::{Bundle, Flag, Workflow};
use plimsoll_core::{Code, Digest, Principal, PrincipalKind};

use crate::context::Scope;
use crate::gateway::Gateway;
use crate::joins::JoinKey;
use crate::refusal::Refusal;
use crate::standing::is_among;

/// What a client sent to say who it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The API key or JWT, from `Authorization: Bearer`, `x-api-key` or the URL.
    pub secret: Option<&'a str>,
    /// `x-plimsoll-on-behalf-of`: only a service may say it.
    pub on_behalf_of: Option<&'a str>,
    /// `x-plimsoll-workflow`: which workflow, for a credential that has several.
    pub workflow: Option<&'a str>,
}

/// Principals of a recorded conversation, by a secret made for the moment.
pub(crate) type Guests = std::collections::HashMap<String, (Principal, Vec<String>)>;

/// An identified caller, with the bundle its request is judged by from beginning to end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Identified>);

#[derive(Debug)]
struct Identified {
    principal: Principal,
    workflow: Arc<Workflow>,
    bundle: Arc<Bundle>,
    release: String,
    /// The gateway itself asks, to see what a model answers now.
    looks: bool,
}

impl Caller {
    /// A principal in a workflow of a release.
    ///
    /// # Errors
    /// When the release does not have the workflow, or the principal lacks the roles it asks for.
    fn under(bundle: Arc<Bundle>, principal: Principal, name: &str) -> Result<Self, Refusal> {
        let workflow = bundle.workflow(name).cloned().ok_or_else(|| {
            Refusal::plain(Code::NotAllowed, format!("the release has no workflow `{name}`"))
        })?;
        if !workflow.roles.is_empty() && !workflow.roles.iter().any(|role| principal.roles.contains(role)) {
            let message =
                format!("workflow `{name}` asks for one of the roles: {}", workflow.roles.join(", "));
            return Err(Refusal::plain(Code::NotAllowed, message));
        }
        let release = bundle.id.to_string();
        Ok(Self(Arc::new(Identified { principal, workflow, bundle, release, looks: false })))
    }

    /// The same caller under another release.
    ///
    /// # Errors
    /// As [`under`](Self::under).
    pub(crate) fn moved(self, bundle: &Arc<Bundle>) -> Result<Self, Refusal> {
        match self.bundle().id == bundle.id {
            true => Ok(self),
            false => Self::under(Arc::clone(bundle), self.principal().clone(), &self.workflow().name),
        }
    }

    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    pub fn workflow(&self) -> &Arc<Workflow> {
        &self.0.workflow
    }

    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.0.bundle
    }

    /// The gateway itself, which looks whether a model is the one that was reviewed; `by` is the person who wants to know.
    pub(crate) fn for_drift(bundle: &Arc<Bundle>, workflow: &Arc<Workflow>, by: &str) -> Self {
        let principal = Principal {
            id: crate::drift::GATEWAY.to_owned(),
            kind: PrincipalKind::Service,
            tenant: String::new(),
            roles: std::collections::BTreeSet::new(),
            on_behalf_of: (by != crate::drift::GATEWAY).then(|| by.to_owned()),
        };
        let (workflow, bundle, release) = (Arc::clone(workflow), Arc::clone(bundle), bundle.id.to_string());
        Self(Arc::new(Identified { principal, workflow, bundle, release, looks: true }))
    }

    /// Whether it only looks: then that the model drifted is no reason not to ask it.
    pub(crate) fn looks(&self) -> bool {
        self.0.looks
    }

    /// The feature flags that would be on for a session of this caller if it began now.
    pub(crate) fn flags(&self, session: &str) -> std::collections::BTreeSet<String> {
        let flags = &self.bundle().project.flags;
        let on = |(_, flag): &(&String, &Flag)| self.has(flag, session);
        flags.iter().filter(on).map(|(name, _)| name.clone()).collect()
    }

    /// The share is taken by the names of both, so that a session whose flags were forgotten finds the same again.
    fn has(&self, flag: &Flag, session: &str) -> bool {
        let principal = self.principal();
        let workflow = &self.workflow().name;
        if flag.workflow.as_ref().is_some_and(|only| only != workflow) {
            return false;
        }
        let named =
            flag.principals.contains(&principal.id) || flag.principals.contains(principal.requester());
        let by_role = principal.roles.iter().any(|role| flag.roles.contains(role));
        let share = || {
            let whose = format!("{}|{workflow}|{session}", principal.requester());
            is_among(flag.share_millionths, &Digest::of(whose.as_bytes()))
        };
        named || by_role || share()
    }

    /// The bundle's digest as entries write it.
    pub fn release(&self) -> &str {
        &self.0.release
    }
}

impl Gateway {
    /// Identifies a caller: a known key or a valid token, a workflow it is for, the roles that workflow
    /// asks for.
    ///
    /// # Errors
    /// A refusal that does not tell which part was wrong.
    pub async fn identify(&self, credentials: Credentials<'_>) -> Result<Caller, Refusal> {
        let secret = credentials.secret.ok_or_else(unknown)?;
        let bundle = self.bundle();
        let (mut principal, scopes) = match plimsoll_inspect::key::parse(secret) {
            _ if self.guests.get().is_some() => self.by_guest(secret).ok_or_else(unknown)?,
            Some(key) => self.by_key(&key).await?,
            None => self.tokens.principal(&bundle, secret, Timestamp::now()).ok_or_else(unknown)?,
        };
        if let Some(person) = credentials.on_behalf_of {
            if principal.kind != PrincipalKind::Service {
                return Err(Refusal::plain(
                    Code::NotAllowed,
                    "only a service principal may say on whose behalf it acts",
                ));
            }
            principal.on_behalf_of = Some(person.to_owned());
        }
        let name = match (credentials.workflow, scopes.as_slice()) {
            (Some(asked), _) if scopes.iter().any(|scope| scope == asked) => asked,
            (None, [only]) => only,
            (None, [_, _, ..]) => {
                let message = format!("say which workflow with `x-plimsoll-workflow`: {}", scopes.join(", "));
                return Err(Refusal::plain(Code::NotAllowed, message));
            }
            _ => return Err(Refusal::plain(Code::NotAllowed, "this credential is not for that workflow")),
        };
        Caller::under(bundle, principal, name)
    }

    /// The caller under the release that serves their session. Here the release of a request is fixed: whatever comes
    /// into force afterwards, it is judged by this one to its end.
    ///
    /// # Errors
    /// When that release does not have the workflow, or asks for other roles.
    pub(crate) fn aboard(&self, caller: Caller, scope: &mut Scope, begins: bool) -> Result<Caller, Refusal> {
        let standing = self.standing.load();
        let release = self.sessions.berth(scope, begins, |began| standing.berth(&scope.key, began).id);
        scope.release = Some(release);
        caller.moved(standing.serving(&release).unwrap_or(&standing.live))
    }

    /// Whether the release of a request still serves anybody: one that was taken back for security does not.
    pub(crate) fn still_serves(&self, caller: &Caller) -> bool {
        self.standing.load().serving(&caller.bundle().id).is_some()
    }

    /// The caller under the release that a call's proposal was made under; where nobody made it or that release serves
    /// nobody any more, under `otherwise`.
    pub(crate) async fn aboard_of(&self, caller: &Caller, key: &JoinKey) -> Option<Arc<Bundle>> {
        let standing = self.standing.load_full();
        if standing.is_single() && caller.bundle().id == standing.live.id {
            return None;
        }
        let found = self.joins.find(&self.store, key, Timestamp::now()).await.ok().flatten()?;
        let release = found.release?;
        Some(Arc::clone(standing.serving(&release).unwrap_or(&standing.live)))
    }

    /// A secret by which a recorded principal comes in again, where a conversation is played.
    pub(crate) fn guest(&self, principal: &Principal, workflow: &str) -> String {
        let secret = format!("guest-{}", crate::ids::fresh());
        if let Some(guests) = self.guests.get() {
            let guest = (principal.clone(), vec![workflow.to_owned()]);
            guests.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(secret.clone(), guest);
        }
        secret
    }

    fn by_guest(&self, secret: &str) -> Option<(Principal, Vec<String>)> {
        let guests = self.guests.get()?.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        guests.get(secret).cloned()
    }

    async fn by_key(&self, key: &plimsoll_inspect::key::Key) -> Result<(Principal, Vec<String>), Refusal> {
        let found = self.keys.find(&self.store, key, Timestamp::now()).await.map_err(|error| {
            tracing::error!(%error, "keys can't be looked up");
            Refusal::plain(Code::RecordFailed, "keys can't be looked up right now")
        })?;
        let row = found.ok_or_else(unknown)?;
        let principal = Principal {
            id: format!("key:{}", row.name),
            kind: row.kind,
            tenant: row.tenant.clone(),
            roles: row.roles.iter().cloned().collect(),
            on_behalf_of: None,
        };
        Ok((principal, vec![row.workflow.clone()]))
    }
}

fn unknown() -> Refusal {
    Refusal::plain(Code::Unauthenticated, "no valid key or token came with the request")
}
