//! `models/<id>.yaml`, and the front matter of `prompts/<id>.md`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::Scalar;

/// One model upstream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelForm {
    /// Id of the model; the same as the file's name.
    pub model: String,
    /// Whose protocol it speaks.
    pub provider: ProviderForm,
    /// Base URL without the version path, for example `https://api.openai.com`.
    pub url: String,
    /// The gateway's credential: `${NAME}` or `file:path`. Absent: none is sent.
    pub credential: Option<String>,
    /// Model names that clients may ask for; `*` at the end matches any rest.
    #[schemars(length(min = 1))]
    pub names: Vec<String>,
    /// Where it runs, for records and routing.
    #[serde(default)]
    pub region: String,
    /// Who processes the data.
    #[serde(default)]
    pub processor: String,
    /// Data classes it may be sent. Empty: no data class is excluded.
    #[serde(default)]
    pub data_classes: Vec<String>,
    /// Id of the model to use when this one fails.
    pub fallback: Option<String>,
    /// The pinned version, as the provider names it.
    pub version: Option<String>,
    /// What is known about its training, for the inventory. Kept, not interpreted.
    #[serde(default)]
    pub lineage: BTreeMap<String, Scalar>,
}

/// Whose protocol a model speaks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderForm {
    OpenAi,
    Anthropic,
}

/// The front matter of a prompt; its text follows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptForm {
    /// Id of the prompt; the same as the file's name.
    pub id: String,
    /// Version, in quotes: `"3"`.
    pub version: String,
    /// The message role it is used in. Default `system`.
    #[serde(default)]
    pub role: PromptRoleForm,
    /// Variables in the text, written `{{name}}`, and who stands behind their values.
    #[serde(default)]
    pub variables: BTreeMap<String, TrustForm>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
}

/// The message role a prompt is used in.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PromptRoleForm {
    #[default]
    System,
    Developer,
    User,
}

/// Who stands behind a value.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TrustForm {
    Operator,
    User,
    Trusted,
    Untrusted,
}
