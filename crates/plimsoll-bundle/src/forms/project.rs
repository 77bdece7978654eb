//! `plimsoll.yaml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::drift::DriftForm;
use super::fields::{Duration, Size};
use super::release::{EnvironmentForm, FlagForm};

/// The project: where the gateway listens and stores, whom it trusts to identify people, its bounds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectForm {
    /// Version of these files' forms; 1.
    #[schemars(range(min = 1, max = 1))]
    pub plimsoll: u32,
    /// Name of the project, as shown on pages and in the ledger.
    pub project: String,
    /// Which environment this is, for policies and the ledger. `PLIMSOLL_ENVIRONMENT` overrides it. Default `development`.
    pub environment: Option<String>,
    /// Where the two listeners bind.
    #[serde(default)]
    pub listen: ListenForm,
    /// Directory of ledger and database, relative to the repository. Default `.plimsoll`.
    pub store: Option<String>,
    /// `Host` header values accepted besides the listeners' own addresses.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// `Origin` header values accepted from browsers; none by default.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Who vouches for callers besides API keys.
    #[serde(default)]
    pub identity: IdentityForm,
    /// By what name the ledger is known, and who witnesses it.
    #[serde(default)]
    pub ledger: LedgerForm,
    /// Who hears of the record while it is made. Nobody by default.
    #[serde(default)]
    pub telemetry: TelemetryForm,
    /// How what an entry says about people is sealed, and how long it can be opened.
    #[serde(default)]
    pub privacy: PrivacyForm,
    /// What happens when the world is other than the release says.
    #[serde(default)]
    pub drift: DriftForm,
    /// Named bounds; each has a default.
    #[serde(default)]
    pub bounds: BoundsForm,
    /// Environments that run signed releases only, each with what a release needs there.
    #[serde(default)]
    pub environments: BTreeMap<String, Option<EnvironmentForm>>,
    /// Kind of change, as `plimsoll diff` names it (`act`, `approval`, `prompt`, …; `*` for the others) → roles of which
    /// one person who is not the author has to sign a release with such a change at level owner.
    #[serde(default)]
    pub changes: BTreeMap<String, Vec<String>>,
    /// Things that are on for some sessions only, for policies to ask.
    #[serde(default)]
    pub flags: BTreeMap<String, Option<FlagForm>>,
}

/// Who hears of the record while it is made.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TelemetryForm {
    /// An OpenTelemetry collector, by OTLP over HTTP in JSON.
    pub otlp: Option<OtlpForm>,
}

/// An OpenTelemetry collector.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OtlpForm {
    /// Where it listens, without `/v1/traces`: `https://collector.example:4318`.
    pub endpoint: String,
    /// Headers of each request: `{authorization: ${OTLP_TOKEN}}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What goes out besides ids, names of tools and rules, levels, counts and times. Default: nothing.
    #[serde(default)]
    pub include: Vec<IncludeForm>,
}

/// Sensitive fields that a collector gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncludeForm {
    Identity,
    Arguments,
    Content,
}

/// By what name the ledger is known, and who witnesses it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerForm {
    /// The name under which the ledger signs its checkpoints: best an address of yours without `https://`, like
    /// `example.com/plimsoll/desk`. The first start fixes it. Default: project, environment and part of the key.
    pub origin: Option<String>,
    /// Who is asked to cosign each checkpoint (`plimsoll witness`). None by default.
    #[serde(default)]
    pub witnesses: Vec<WitnessForm>,
    /// How many of the witnesses have to cosign a checkpoint for it to be believed. Default: all of them.
    pub quorum: Option<usize>,
    /// How old the last checkpoint with enough cosignatures may be before the gateway raises the alarm. Default `10m`.
    pub witness_within: Option<Duration>,
}

/// One witness.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WitnessForm {
    /// What you call it.
    pub name: String,
    /// Its verifier key, as `plimsoll witness` says when it starts.
    pub key: String,
    /// Where it listens, without `/add-checkpoint`.
    pub url: String,
}

/// How what an entry says about people is sealed, and how long it can be opened.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyForm {
    /// Where the root key is that everything in `keys.db` is wrapped with. Default: a file `keys.root` beside it.
    #[serde(default)]
    pub keys: KeysForm,
    /// Seal to this audit key (`plimsoll key audit` makes a pair): then the gateway can't read its own past.
    pub audit_key: Option<String>,
    /// How long each class of sealed fields can be opened. What is not said is kept.
    #[serde(default)]
    pub retention: RetentionForm,
}

/// Where the root key is: a file or a command.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeysForm {
    /// A file with 64 hexadecimal digits, readable by the gateway alone; made when it is missing. A path that does not
    /// begin with `/` is relative to the directory of ledger and database.
    pub file: Option<String>,
    /// A program and its arguments that print the 64 digits: `[age, -d, -i, /etc/plimsoll/id.txt, root.age]`.
    pub command: Option<Vec<String>>,
}

/// How long each class of sealed fields can be opened.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionForm {
    /// Who may read what, and who asked, as far as it is sealed and no pseudonym.
    pub identity: Option<Duration>,
    /// Arguments of acts, reasons that repeat them, questions to people.
    pub arguments: Option<Duration>,
    /// What was said and shown.
    pub content: Option<Duration>,
}

/// Where the two listeners bind.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenForm {
    /// Address of the data listener (models and tools). Default `127.0.0.1:7300`.
    pub data: Option<String>,
    /// Address of the admin and console listener. Default `127.0.0.1:7301`.
    pub admin: Option<String>,
}

/// Who vouches for callers besides API keys.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityForm {
    /// Trusted issuers of JWTs (OpenID Connect).
    #[serde(default)]
    pub oidc: Vec<OidcForm>,
}

/// One trusted issuer of JWTs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcForm {
    /// The `iss` claim, exactly.
    pub issuer: String,
    /// The `aud` claim that tokens for this gateway carry.
    pub audience: String,
    /// Where the issuer's keys are: a file of this repository, or an `https://` URL.
    pub jwks: String,
    /// The workflow these tokens may use. Either this or `workflow_claim`.
    pub workflow: Option<String>,
    /// The claim that names the workflow. Either this or `workflow`.
    pub workflow_claim: Option<String>,
    /// The claim that lists the principal's roles.
    pub roles_claim: Option<String>,
    /// The claim that names the tenant.
    pub tenant_claim: Option<String>,
    /// The claim that names the person for whom a service or agent acts.
    pub on_behalf_of_claim: Option<String>,
    /// What kind of principal these tokens stand for. Default `user`.
    #[serde(default)]
    pub kind: KindForm,
}

/// What kind of caller.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KindForm {
    #[default]
    User,
    Service,
    Agent,
}

/// Named bounds.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundsForm {
    /// The largest request body. Default `10MiB`.
    pub request_bytes: Option<Size>,
    /// The largest upstream answer held in memory. Default `16MiB`.
    pub response_bytes: Option<Size>,
    /// The deepest nesting of JSON. Default 64.
    #[schemars(range(min = 8, max = 512))]
    pub json_depth: Option<usize>,
    /// How long to wait for an upstream's first byte. Default `120s`.
    pub upstream_timeout: Option<Duration>,
    /// The longest pause between two bytes of a stream. Default `120s`.
    pub idle_timeout: Option<Duration>,
    /// How long a client may take to send its request. Default `30s`.
    pub request_timeout: Option<Duration>,
    /// The most requests in flight. Default 4096.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub in_flight: Option<usize>,
    /// The size of one segment file of the ledger, from `128KiB` to `1GiB`. Default `64MiB`.
    pub segment_bytes: Option<Size>,
}
