//! Who asks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What kind of caller a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// A person who signed in.
    User,
    /// A program that may say on whose behalf it acts.
    Service,
    /// An AI agent.
    Agent,
}

impl PrincipalKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Agent => "agent",
        }
    }
}

/// An authenticated caller, in one workflow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// `key:<name>` or `oidc:<subject>`.
    pub id: String,
    pub kind: PrincipalKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<String>,
    /// The person for whom a service or agent acts, when it may say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

impl Principal {
    /// Who is accountable for the request: the person behind it when there is one. Never their own
    /// approver.
    pub fn requester(&self) -> &str {
        self.on_behalf_of.as_deref().unwrap_or(&self.id)
    }
}
