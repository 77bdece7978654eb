//! Drift: the world is other than the release that was reviewed says.
//!
//! What drifted is a fact of a case, recorded with it, so that a decision that it made stricter comes out again in a
//! replay. Drift only ever makes stricter: no policy of it turns a refusal into anything else.

use serde::{Deserialize, Serialize};

/// What of the world is held against the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftKind {
    /// What a tool server says of its tools.
    Tools,
    /// What a model answers as, and how.
    Models,
    /// System text that is no released prompt.
    Prompts,
    /// Where models and tool servers are reached.
    Endpoints,
    /// By which keys they prove who they are.
    Certificates,
    /// What the gateway runs by, against what the repository says.
    Configuration,
}

impl DriftKind {
    pub const ALL: [Self; 6] =
        [Self::Tools, Self::Models, Self::Prompts, Self::Endpoints, Self::Certificates, Self::Configuration];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Models => "models",
            Self::Prompts => "prompts",
            Self::Endpoints => "endpoints",
            Self::Certificates => "certificates",
            Self::Configuration => "configuration",
        }
    }

    /// What happens while nobody has said anything.
    pub const fn policy(self) -> DriftPolicy {
        match self {
            Self::Tools => DriftPolicy::Refuse,
            Self::Endpoints => DriftPolicy::Hold,
            Self::Models | Self::Prompts | Self::Certificates | Self::Configuration => DriftPolicy::Alert,
        }
    }
}

/// What a drift does, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftPolicy {
    /// It is told: an entry, a metric, a line on the readiness probe.
    Alert,
    /// And guarded and dangerous acts that it touches wait for people.
    Hold,
    /// And acts of what drifted are refused.
    Refuse,
}

impl DriftPolicy {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }
}

/// A drift that touches an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drifted {
    pub of: DriftKind,
    /// The server, model or workflow.
    pub subject: String,
    /// What it does to this act.
    pub policy: DriftPolicy,
    /// What was found, in words.
    pub text: String,
}

impl Drifted {
    /// `drift:models`.
    pub fn rule(&self) -> String {
        format!("drift:{}", self.of.name())
    }
}
