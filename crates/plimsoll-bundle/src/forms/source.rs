//! `sources/<id>.yaml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::{Duration, Scalar};
use super::tools::WorthForm;

/// Documents that a workflow may look things up in: which, for whom, and what they are worth.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceForm {
    /// Id of the source; the same as the file's name.
    pub source: String,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// The collection of documents, as the index that holds it names it.
    pub collection: String,
    /// The most passages that one question returns. Default 5.
    #[schemars(range(min = 1, max = 100))]
    pub k: Option<u32>,
    /// Which passages somebody gets. Default: everybody gets all of them.
    #[serde(default)]
    pub filter: FilterForm,
    /// What its passages are worth: `trusted` only when nobody outside can write them, or in full. Default `untrusted`.
    #[serde(default)]
    pub label: LabelForm,
    /// Who may read the passages: `kind:name`, an address, or a domain as `*@acme.example`. Default: anyone.
    #[serde(default)]
    pub readers: Vec<String>,
    /// How long a passage may be kept once it was returned. Default: this source sets no end to it.
    pub retention: Option<Duration>,
}

/// Which passages somebody gets. Every condition has to hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterForm {
    /// The field of a passage that has to be the tenant of whoever asks.
    pub tenant: Option<String>,
    /// Roles of which whoever asks needs one; without it they get nothing. Default: no role is needed.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Field of a passage → the value that it has to have.
    #[serde(default)]
    pub equals: BTreeMap<String, Scalar>,
}

/// What passages are worth: in a word, or in full.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LabelForm {
    Whole(WorthForm),
    Parts(LabelPartsForm),
}

impl Default for LabelForm {
    fn default() -> Self {
        Self::Whole(WorthForm::Untrusted)
    }
}

/// What passages are worth, and what kind of data they hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelPartsForm {
    /// Who may have written them. Default `untrusted`.
    #[serde(default)]
    pub integrity: WorthForm,
    /// Classes of data that they hold, for example `personal`.
    #[serde(default)]
    pub data_classes: Vec<String>,
}
