//! `drills/<name>.yaml`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A conversation that is decided at release, and what has to come of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillForm {
    /// The file's name.
    pub drill: String,
    /// What happens, for people.
    pub scenario: String,
    /// The workflow it happens in. Default: the only one, or the only one that lists every expected act.
    pub workflow: Option<String>,
    /// Who asks. Default `somebody`.
    pub principal: Option<String>,
    /// Their roles. Default: every role that the workflow may ask for.
    pub roles: Option<Vec<String>>,
    /// What was said, called and answered, in order.
    pub steps: Vec<StepForm>,
    /// What has to be decided.
    pub expect: Vec<ExpectForm>,
    /// Where it comes from, for example the session it was made of. Kept, not interpreted.
    pub origin: Option<String>,
}

/// One step: exactly one of `system`, `user`, `assistant` and `call`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepForm {
    /// A system text.
    pub system: Option<String>,
    /// What the user writes.
    pub user: Option<String>,
    /// What the model writes.
    pub assistant: Option<String>,
    /// The tool that the model calls, as `server.tool`.
    pub call: Option<String>,
    /// Of a call: its arguments.
    pub args: Option<Map<String, Value>>,
    /// Of a call: a name for it, unique in the drill.
    pub id: Option<String>,
    /// Of a call: what the tool answers. Left out when nothing came back.
    #[serde(default, deserialize_with = "some")]
    #[schemars(with = "Value")]
    pub result: Option<Value>,
}

/// What has to be decided about calls of one act.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectForm {
    /// The act, as `server.tool`. Every call of it, unless `call` names one.
    pub act: String,
    /// Only the call with this `id`.
    pub call: Option<String>,
    /// What is decided.
    pub decision: RulingForm,
    /// A rule that has to be among the reasons.
    pub rule: Option<String>,
    /// The code that has to be said, for example `PLM-0205`.
    pub code: Option<String>,
}

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RulingForm {
    /// It runs by itself, its checks included.
    Allow,
    /// It waits for people, or for a check that the drill has no answer of.
    Hold,
    /// It is refused.
    Refuse,
}

/// A result may be `null`, which is not none.
fn some<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}
