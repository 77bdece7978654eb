//! `workflows/<name>.yaml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::{Amount, Duration};

/// One AI use case: its purpose and owners, what it may use, and who decides about each act.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowForm {
    /// Name of the workflow; the same as the file's name.
    pub workflow: String,
    /// What it is for, in a sentence.
    pub purpose: String,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// Who is called when it misbehaves. Default: the owner.
    pub incident_owner: Option<String>,
    /// What decisions do: `observe` records and never stops, `suggest` never executes guarded or
    /// dangerous acts, `enforce` does what the decision says. `PLIMSOLL_MODE` overrides it. Default `enforce`.
    #[serde(default)]
    pub mode: ModeForm,
    /// Roles of which a principal needs one. Default: any key or token of this workflow.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Ids of `models/*.yaml` it may use, preferred first.
    #[serde(default)]
    pub models: Vec<String>,
    /// Ids of `prompts/*.md` it may use as system text.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// Ids of `sources/*.yaml` it may look things up in.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Id of a model that may say whether the user asked for an act, where the user's words alone do not show
    /// it. It sees those words and the tool, never a tool's text, and can't make any value trusted. Default: none.
    pub authoriser: Option<String>,
    /// What happens to tools that the model provider would run itself. Default `refuse`.
    #[serde(default)]
    pub hosted_tools: HostedToolsForm,
    /// Whether images, sound and files may pass unread. Default false.
    #[serde(default)]
    pub media: bool,
    /// `write`: each result that it gets from a tool carries its label, as `_meta.ifc`, for clients that follow labels
    /// themselves. Default: what the server wrote there, as it came.
    pub ifc: Option<WriteIfcForm>,
    /// Which tools it may use, as `server.tool` or `server.*`, and who decides about each. The more
    /// specific name wins.
    #[serde(default)]
    pub acts: BTreeMap<String, Option<ActForm>>,
    /// Rate limits and budgets.
    #[serde(default)]
    pub limits: Vec<LimitForm>,
    /// What is recorded beyond decisions and outcomes. Default: nothing.
    #[serde(default)]
    pub record: RecordForm,
    /// Ids of `risks/*.yaml` that this workflow carries.
    #[serde(default)]
    pub risks: Vec<String>,
}

/// What is done with labels on results.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriteIfcForm {
    Write,
}

/// What is recorded beyond decisions and outcomes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordForm {
    /// The share of sessions, from 0 to 1, whose conversation is recorded in full (what was asked, what models and tools
    /// answered), without secrets: what `plimsoll replay --cassette` needs. Which sessions is decided by their ids alone.
    /// Default 0.
    #[serde(default)]
    pub content: f64,
}

/// What decisions do.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModeForm {
    Observe,
    Suggest,
    #[default]
    Enforce,
}

/// What happens to tools that the model provider would run itself.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HostedToolsForm {
    #[default]
    Refuse,
    Strip,
    Approve,
}

/// The decision boundary of one act: `automated`, or in full.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ActForm {
    Short(Automated),
    Full(BoundaryForm),
}

/// Nobody has to be asked.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Automated {
    Automated,
}

/// Who decides about one act, what happens when it fails, and the way back.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundaryForm {
    /// `automated`, or the people who must agree. Default `automated`; a dangerous act needs people.
    pub decides: Option<DecidesForm>,
    /// What happens, and who notices, when it goes wrong. Needed for guarded and dangerous acts.
    #[serde(default)]
    pub on_failure: String,
    /// How it is undone. Needed for guarded and dangerous acts; say so when there is no way back.
    #[serde(default)]
    pub way_back: String,
}

/// Who decides.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DecidesForm {
    Automated(Automated),
    People(DecidersForm),
}

/// The people who must agree.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecidersForm {
    /// Roles of `people.yaml`; a person in any of them counts.
    #[schemars(length(min = 1))]
    pub people: Vec<String>,
    /// How many different people must say yes. Default: the first role's quorum in `people.yaml`, or 1.
    #[schemars(range(min = 1))]
    pub quorum: Option<u32>,
    /// How long the question stays open; no answer is a no. Default `15m`.
    pub expires: Option<Duration>,
    /// They may also approve a recipient, account, URL or credential that untrusted content chose.
    /// Default `false`: that is refused, and the user names the value instead.
    #[serde(default)]
    pub untrusted: bool,
}

/// A rate limit (`calls`) or a budget (`amount`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitForm {
    /// The tool it counts. Default: every tool of the workflow together.
    pub tool: Option<String>,
    /// Whose uses are counted together. Default `workflow`.
    #[serde(default)]
    pub per: PerForm,
    /// The window of time; windows are fixed, one begins where another ends.
    pub window: Duration,
    /// At most this many calls. Either this or `amount`.
    #[schemars(range(min = 1))]
    pub calls: Option<i64>,
    /// At most this sum of the arguments with the role `amount`. Either this or `calls`.
    pub amount: Option<Amount>,
}

/// Whose uses are counted together.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PerForm {
    #[default]
    Workflow,
    Principal,
    Requester,
}
