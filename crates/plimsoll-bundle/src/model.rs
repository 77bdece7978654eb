//! The workflow repository as the gateway uses it: resolved, validated, immutable.
//!
//! The YAML forms live beside this in `yaml`; `resolve` turns them into these types and collects every
//! diagnostic on the way. Nothing here knows where the files came from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plimsoll_core::{
    Account, ApprovalTerms, Digest, DriftKind, DriftPolicy, Effect, FieldClass, Integrity, Label, Meaning,
    Mode, PersonKey, Tier, ToolName, VerifierKey,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::drift::{ModelLock, Reached};

/// One validated state of a workflow repository.
#[derive(Debug)]
pub struct Bundle {
    /// Digest over the canonical manifest (path → SHA-256 of the file's bytes): the release.
    pub id: Digest,
    pub project: Project,
    pub workflows: BTreeMap<String, Arc<Workflow>>,
    pub servers: BTreeMap<String, Arc<Server>>,
    pub models: BTreeMap<String, Arc<Model>>,
    pub prompts: BTreeMap<String, Arc<Prompt>>,
    pub sources: BTreeMap<String, Arc<Source>>,
    pub people: People,
    /// The compiled policies, sliced by action.
    pub rules: crate::cedar::Engine,
    /// What it was made of, to make it again: recorded decisions name it.
    pub kept: Arc<crate::kept::Kept>,
}

/// `plimsoll.yaml`.
#[derive(Clone, Debug)]
pub struct Project {
    pub name: String,
    pub environment: String,
    /// Where the data listener binds; default `127.0.0.1:7300`.
    pub listen_data: String,
    /// Where the admin and console listener binds; default `127.0.0.1:7301`.
    pub listen_admin: String,
    /// Directory of ledger and database, relative to the repository; default `.plimsoll`.
    pub store: String,
    /// `Host` values accepted besides the listeners' own.
    pub hosts: Vec<String>,
    /// `Origin` values accepted; none by default.
    pub origins: Vec<String>,
    pub oidc: Vec<Oidc>,
    pub ledger: LedgerTerms,
    /// Who hears of the record while it is made.
    pub telemetry: Option<Otlp>,
    pub privacy: Privacy,
    pub drift: DriftTerms,
    pub bounds: Bounds,
    /// Environments that run signed releases only.
    pub environments: BTreeMap<String, Environment>,
    /// Kind of change (the first part of a rule's id in the behaviour diff, or `*`) → roles of which one person has to sign.
    pub changes: BTreeMap<String, Vec<String>>,
    pub flags: BTreeMap<String, Flag>,
}

impl Project {
    /// What releases need in the environment that this is; `None` where unsigned directories run too.
    pub fn here(&self) -> Option<&Environment> {
        self.environments.get(&self.environment)
    }
}

/// What a release needs to run in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// How many people besides the author have to sign.
    pub approvals: u32,
    /// Seconds after its creation in which a release may be put into force.
    pub expires_s: u64,
    /// The lowest sequence number that may run.
    pub minimum: u64,
    pub shadow: Option<Shadow>,
    pub canary: Option<Canary>,
    pub advance: Advance,
    pub watch: Watch,
    /// Acts of this tier and above are answered without being done.
    pub simulate: Option<Tier>,
    /// Values about people are replaced by made-up ones of the same form.
    pub mask: bool,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            approvals: 1,
            expires_s: 30 * 86_400,
            minimum: 0,
            shadow: None,
            canary: None,
            advance: Advance::default(),
            watch: Watch::default(),
            simulate: None,
            mask: false,
        }
    }
}

/// What a candidate has to show while it decides beside the live release and never acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shadow {
    pub decisions: u64,
    pub for_s: u64,
}

/// What a candidate has to show on a share of the sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Canary {
    pub share_millionths: u32,
    pub sessions: u64,
    pub for_s: u64,
}

/// Who takes a candidate to its next stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Advance {
    #[default]
    ByHand,
    ByItself,
}

/// The worst acceptable worsening of each signal, in millionths: of all acts, for `slower` of what they took before, for
/// `mix` of the largest Jensen-Shannon divergence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    pub refused: u32,
    pub held: u32,
    pub rejected: u32,
    pub failed: u32,
    pub slower: u32,
    pub mix: u32,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            refused: 50_000,
            held: 50_000,
            rejected: 50_000,
            failed: 30_000,
            slower: 500_000,
            mix: 100_000,
        }
    }
}

impl Watch {
    /// Each signal by its name in `plimsoll.yaml`.
    pub fn signals(&self) -> [(&'static str, u32); 6] {
        let Self { refused, held, rejected, failed, slower, mix } = *self;
        [
            ("refused", refused),
            ("held", held),
            ("rejected", rejected),
            ("failed", failed),
            ("slower", slower),
            ("mix", mix),
        ]
    }
}

/// Something that is on for some sessions: for those of the workflow whose principal is named, or has a role that is, or
/// that fall into the share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flag {
    /// `None`: of every workflow.
    pub workflow: Option<String>,
    pub share_millionths: u32,
    pub principals: BTreeSet<String>,
    pub roles: BTreeSet<String>,
}

/// What happens when the world is other than the release says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriftTerms {
    /// What was said; the rest is as [`DriftKind::policy`] has it.
    pub policies: BTreeMap<DriftKind, DriftPolicy>,
    /// Seconds between two looks that the gateway takes by itself. `None`: never.
    pub every_s: Option<u64>,
}

impl DriftTerms {
    pub fn policy(&self, kind: DriftKind) -> DriftPolicy {
        self.policies.get(&kind).copied().unwrap_or(kind.policy())
    }
}

/// An OpenTelemetry collector.
#[derive(Clone, Debug)]
pub struct Otlp {
    /// Without `/v1/traces` and the slash before it.
    pub endpoint: String,
    pub headers: BTreeMap<String, Secret>,
    /// Which sensitive fields it gets.
    pub identity: bool,
    pub arguments: bool,
    pub content: bool,
}

/// By what name the ledger is known, and who witnesses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerTerms {
    /// The name it signs with; none takes one of its own at the first start.
    pub origin: Option<String>,
    pub witnesses: Vec<Witness>,
    /// How many witnesses have to cosign.
    pub quorum: usize,
    /// Seconds that the last checkpoint with enough cosignatures may be old. Default 600.
    pub witness_within_s: u64,
}

/// One who cosigns checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    pub name: String,
    pub key: VerifierKey,
    /// Without `/add-checkpoint` and the slash before it.
    pub url: String,
}

impl Default for LedgerTerms {
    fn default() -> Self {
        Self { origin: None, witnesses: Vec::new(), quorum: 0, witness_within_s: 600 }
    }
}

/// How what an entry says about people is sealed, and how long it can be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    pub root: RootKey,
    /// The public half of an audit key, as text.
    pub audit_key: Option<String>,
    /// Seconds that each class can be opened; a class that is not here is kept.
    pub retention_s: BTreeMap<FieldClass, u64>,
}

/// Where the root key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootKey {
    /// A file, relative to the directory of ledger and database.
    File(String),
    /// What a command prints.
    Command(Vec<String>),
}

impl Default for RootKey {
    fn default() -> Self {
        Self::File("keys.root".to_owned())
    }
}

/// Named bounds with their defaults. Each is documented in the manual under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a request body. Default 10 MiB.
    pub request_bytes: usize,
    /// Bytes of an upstream's answer held in memory. Default 16 MiB.
    pub response_bytes: usize,
    /// Nesting of JSON. Default 64.
    pub json_depth: usize,
    /// Seconds to wait for an upstream's first byte. Default 120.
    pub upstream_timeout_s: u64,
    /// Seconds between two bytes of a stream. Default 120.
    pub idle_timeout_s: u64,
    /// Seconds a client may take to send its request. Default 30.
    pub request_timeout_s: u64,
    /// Requests in flight. Default 4,096.
    pub in_flight: usize,
    /// Bytes of one segment file of the ledger. Default 64 MiB.
    pub segment_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            request_bytes: 10 << 20,
            response_bytes: 16 << 20,
            json_depth: 64,
            upstream_timeout_s: 120,
            idle_timeout_s: 120,
            request_timeout_s: 30,
            in_flight: 4096,
            segment_bytes: 64 << 20,
        }
    }
}

/// One trusted issuer of JWTs (OpenID Connect).
#[derive(Clone, Debug)]
pub struct Oidc {
    pub issuer: String,
    pub audience: String,
    /// The text of the repository's key file, or an `https://` URL.
    pub jwks: String,
    /// Which workflow a token may use: a fixed name, or the claim that names it.
    pub workflow: WorkflowFrom,
    pub roles_claim: Option<String>,
    pub tenant_claim: Option<String>,
    pub on_behalf_of_claim: Option<String>,
    pub kind: plimsoll_core::PrincipalKind,
}

#[derive(Clone, Debug)]
pub enum WorkflowFrom {
    Fixed(String),
    Claim(String),
}

/// `workflows/<name>.yaml`.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub name: String,
    pub purpose: String,
    pub owner: String,
    pub incident_owner: String,
    pub mode: Mode,
    /// Roles of which a principal needs one; empty: any key of this workflow.
    pub roles: Vec<String>,
    /// Ids of `models/*.yaml`.
    pub models: Vec<String>,
    /// Ids of `prompts/*.md`.
    pub prompts: Vec<String>,
    /// Ids of `sources/*.yaml`. No door asks them yet.
    pub sources: Vec<String>,
    /// Which tools, and the decision boundary of each.
    pub acts: BTreeMap<ToolName, Boundary>,
    pub hosted_tools: HostedTools,
    /// Id of the model that may say, from a clean context, whether the user asked for an act. Default: none.
    pub authoriser: Option<String>,
    /// Whether images, sound and files may pass unread. Default: refused.
    pub media: bool,
    /// Results carry their labels, as `_meta.ifc`.
    pub writes_ifc: bool,
    pub limits: Vec<Limit>,
    /// The share of sessions whose conversation is recorded in full, in millionths.
    pub recorded_millionths: u32,
    /// Ids of `risks/*.yaml`. Kept, not interpreted here.
    pub risks: Vec<String>,
}

/// What happens to provider-hosted tools in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostedTools {
    #[default]
    Refuse,
    Strip,
    /// Force the provider to ask before each call, where its protocol can (Responses `mcp`).
    Approve,
}

/// Who decides about one act, what happens when it fails, and the way back.
#[derive(Clone, Debug)]
pub struct Boundary {
    pub decides: Decider,
    /// The people who decide may also approve a recipient, account, URL or credential that untrusted
    /// content chose. Otherwise such an act is refused, and the user names the value instead.
    pub untrusted: bool,
    pub on_failure: String,
    pub way_back: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decider {
    Automated,
    /// These people, on these terms.
    People(ApprovalTerms),
}

/// A rate limit or budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// `None`: every tool of the workflow together.
    pub tool: Option<ToolName>,
    pub per: LimitPer,
    pub window_s: u64,
    pub measure: LimitMeasure,
    /// Calls, or amount in hundredths.
    pub at_most: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitPer {
    Workflow,
    Principal,
    /// The person behind the request.
    Requester,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitMeasure {
    Calls,
    /// The sum of arguments with the role `amount`, in hundredths.
    Amount,
}

/// `tools/<server>.yaml` with its lock file.
#[derive(Clone, Debug)]
pub struct Server {
    pub name: String,
    pub reach: Reach,
    pub accounts: BTreeMap<Account, Secret>,
    pub tools: BTreeMap<String, Arc<Tool>>,
    /// Digest over the lock file.
    pub lock: Option<Digest>,
    /// Where it was reached when somebody accepted that.
    pub reached: Option<Reached>,
    /// The labels that it puts on its own results may raise what its tools are declared to return.
    pub believed: bool,
}

/// How to reach a tool server.
#[derive(Clone, Debug)]
pub enum Reach {
    /// MCP over streamable HTTP.
    Http { url: String },
    /// MCP over stdio. Only ever from this repository, never from a request.
    Stdio { command: Vec<String>, env: BTreeMap<String, Secret> },
    /// Tools that run inside the client: judged on the model's answer only.
    Local,
}

/// A credential, held by the gateway. Never printed: its `Debug` says where it came from.
#[derive(Clone)]
pub struct Secret {
    /// `${DESK_READ}` or `file:…`, for messages.
    pub from: String,
    value: Arc<str>,
}

impl Secret {
    pub fn new(from: impl Into<String>, value: impl Into<Arc<str>>) -> Self {
        Self { from: from.into(), value: value.into() }
    }

    /// The secret itself, for the one line that puts it on the wire.
    pub fn reveal(&self) -> &str {
        &self.value
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.from)
    }
}

/// One tool: what its arguments and results mean.
#[derive(Debug)]
pub struct Tool {
    pub name: ToolName,
    pub tier: Tier,
    pub effect: Effect,
    pub account: Account,
    /// What its arguments and results mean.
    pub meaning: Meaning,
    pub checks: Vec<Check>,
    /// The tool to offer instead when this one is refused.
    pub draft: Option<ToolName>,
    /// Amounts up to this many hundredths need no proven origin.
    pub amount_free: Option<i64>,
    /// The pinned description; absent for `local` tools that were never pinned.
    pub pin: Option<Pin>,
}

/// What a reviewer saw when they agreed to this tool.
#[derive(Debug)]
pub struct Pin {
    /// SHA-256 over canonical JSON of name, title, description, inputSchema, outputSchema, annotations.
    pub digest: Digest,
    pub input_schema: Value,
    /// The whole tool as it was pinned: what `tools/list` shows.
    pub tool: Value,
    /// Compiled once at load.
    pub validator: jsonschema::Validator,
    pub reviewed_by: String,
}

/// A deterministic test against a system of record: call a safe tool, require conditions of its result.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: String,
    pub call: ToolName,
    /// Argument of `call` → where its value comes from.
    pub with: BTreeMap<String, Given>,
    pub require: Vec<Condition>,
}

/// Where an argument of a check's call comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// JSON Pointer into the act's arguments; written `$order_id`.
    Argument(String),
    Constant(Value),
}

/// `left op right`, for example `amount <= result.total`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub text: String,
    pub left: Operand,
    pub op: Comparison,
    pub right: Operand,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// JSON Pointer into the act's arguments.
    Argument(String),
    /// JSON Pointer into the structured result of the check's call.
    Result(String),
    Constant(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// `models/<id>.yaml`.
#[derive(Clone, Debug)]
pub struct Model {
    pub id: String,
    pub provider: Provider,
    /// Base URL without the version path, for example `https://api.openai.com`.
    pub url: String,
    pub credential: Option<Secret>,
    /// Model names that clients may ask for; `*` at the end matches any rest.
    pub names: Vec<String>,
    pub region: String,
    pub processor: String,
    /// Data classes it may be sent; empty: none is excluded.
    pub data_classes: Vec<String>,
    /// Id of the model to use when this one fails.
    pub fallback: Option<String>,
    /// The pinned version, as the provider names it.
    pub version: Option<String>,
    /// What it was accepted as.
    pub lock: Option<ModelLock>,
}

impl Model {
    /// The one name under which the gateway itself asks it: its pinned version, else the first name without a `*`.
    pub fn exact_name(&self) -> Option<&str> {
        let named = || self.names.iter().map(String::as_str).find(|name| !name.contains('*'));
        self.version.as_deref().or_else(named)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    OpenAi,
    Anthropic,
}

/// `prompts/<id>.md`.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub id: String,
    pub version: String,
    /// The message role it is used in.
    pub role: PromptRole,
    /// Variables in the text, written `{{name}}`, and who stands behind their values.
    pub variables: BTreeMap<String, Integrity>,
    pub owner: String,
    /// Digest of the text: how the LLM door recognises it.
    pub digest: Digest,
    /// Without the front matter and without white space around it.
    pub text: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PromptRole {
    #[default]
    System,
    Developer,
    User,
}

/// `sources/<id>.yaml`: documents to look things up in. No door asks it yet.
#[derive(Clone, Debug)]
pub struct Source {
    pub id: String,
    pub owner: String,
    pub collection: String,
    /// The most passages that one question returns.
    pub k: u32,
    pub filter: Filter,
    /// What each passage is worth, who may read it, and what data it holds.
    pub label: Label,
    /// Seconds that a passage may be kept once it was returned. `None`: the source sets no end to it.
    pub retention_s: Option<u64>,
}

/// Which passages somebody gets: those for which every condition holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// The field of a passage that has to be the tenant of whoever asks.
    pub tenant: Option<String>,
    /// Roles of which whoever asks needs one; empty: none.
    pub roles: BTreeSet<String>,
    /// Field of a passage → the value that it has to have.
    pub equals: BTreeMap<String, Value>,
}

/// `people.yaml`: who may answer what.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// Person → roles.
    pub roles: BTreeMap<String, Vec<String>>,
    /// Role → what it may read. Empty when no role says anything about reading.
    pub reads: BTreeMap<String, BTreeSet<FieldClass>>,
    /// Role → what it may do to releases. Empty when no role says anything about it.
    pub may: BTreeMap<String, BTreeSet<Power>>,
    /// Person → the public keys with which they sign releases.
    pub keys: BTreeMap<String, Vec<PersonKey>>,
}

/// Something that a person may do to releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Make one, and sign it as its author.
    Author,
    /// Sign one that somebody else made.
    Approve,
    /// Install one, and take it to the next stage.
    Promote,
    /// Take one back.
    RollBack,
}

impl Power {
    pub const ALL: [Self; 4] = [Self::Author, Self::Approve, Self::Promote, Self::RollBack];

    /// As `people.yaml` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Approve => "approve",
            Self::Promote => "promote",
            Self::RollBack => "roll_back",
        }
    }

    /// What has the power while no role says anything about it: a signing key for signing, an admin key for the rest.
    pub const fn is_signing(self) -> bool {
        matches!(self, Self::Author | Self::Approve)
    }
}

/// What everybody with an admin key reads while `people.yaml` says nothing about reading: enough to answer a question
/// and to follow an incident, not what people and documents said.
pub const READS_DEFAULT: [FieldClass; 2] = [FieldClass::Identity, FieldClass::Arguments];

impl People {
    pub fn roles_of(&self, person: &str) -> &[String] {
        self.roles.get(person).map_or(&[], Vec::as_slice)
    }

    /// Which classes of sealed fields a person may read.
    pub fn reads_of(&self, person: &str) -> BTreeSet<FieldClass> {
        if self.reads.is_empty() {
            return BTreeSet::from(READS_DEFAULT);
        }
        let roles = self.roles_of(person).iter();
        roles.filter_map(|role| self.reads.get(role)).flatten().copied().collect()
    }

    /// Whether a person may do this to releases. Whoever asks has an admin key of that name, or a signature.
    pub fn may(&self, person: &str, power: Power) -> bool {
        if self.may.is_empty() {
            return !power.is_signing() || self.keys.contains_key(person);
        }
        self.roles_of(person).iter().any(|role| self.may.get(role).is_some_and(|has| has.contains(&power)))
    }

    /// Who can sign a release with this power: those who have it, and a key.
    pub fn signers(&self, power: Power) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str).filter(move |person| self.may(person, power))
    }
}
