//! `drift` in `plimsoll.yaml`, `models/<id>.lock.json`, and where a tool server was reached when it was pinned.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fields::Duration;

/// What happens when the world is other than the release says.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DriftForm {
    /// A tool server describes a tool differently than its lock file. Default `refuse`.
    pub tools: Option<DriftPolicyForm>,
    /// A model answers under another name, fingerprint or token count than its lock file says. Default `alert`.
    pub models: Option<DriftPolicyForm>,
    /// System text is no released prompt of the workflow. Default `alert`.
    pub prompts: Option<DriftPolicyForm>,
    /// A model or tool server is reached at another address, or redirects. Default `hold`.
    pub endpoints: Option<DriftPolicyForm>,
    /// A model or tool server proves itself with another key or another issuer. Default `alert`.
    pub certificates: Option<DriftPolicyForm>,
    /// The gateway runs another release than the repository holds. Default `alert`.
    pub configuration: Option<DriftPolicyForm>,
    /// How often the gateway looks by itself at what traffic does not show: tools, addresses, certificates, and models
    /// by a few short questions that cost tokens. Default: never, only when somebody asks (`plimsoll drift`).
    pub every: Option<Duration>,
}

/// What a drift does, the mildest first: `alert` tells it; with `hold` the guarded and dangerous acts that it touches
/// wait for people, too; with `refuse` acts of what drifted are refused.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DriftPolicyForm {
    Alert,
    Hold,
    Refuse,
}

/// What a model was known by when somebody last accepted it. `plimsoll drift --accept` writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelLockForm {
    /// Id of the model; the same as the file's name.
    pub model: String,
    /// When it was measured.
    #[serde(default)]
    pub measured_at: String,
    /// Who read and accepted it.
    #[serde(default)]
    pub reviewed_by: String,
    #[serde(flatten)]
    pub seen: Seen,
    /// Where it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<ReachedForm>,
}

/// How a model answers: what it is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// The names under which it answers (`model` of an answer).
    #[serde(default)]
    pub names: BTreeSet<String>,
    /// The fingerprints that its answers carry (`system_fingerprint`).
    #[serde(default)]
    pub fingerprints: BTreeSet<String>,
    /// Tokens that it counted for each fixed question.
    #[serde(default)]
    pub tokens: BTreeMap<String, u64>,
    /// SHA-256 of its answer to each fixed question, at temperature 0.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
}

/// Where something was reached, and how it proved itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReachedForm {
    /// The address, names of the environment filled in; of a server on standard input and output its program.
    pub endpoint: String,
    /// Where the address sends its clients on to, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// How it proved itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateForm>,
}

/// How a server proved itself over TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateForm {
    /// Who issued its certificate.
    pub issuer: String,
    /// SHA-256 of its public key (SubjectPublicKeyInfo), as `sha256:…`.
    pub key: String,
}
