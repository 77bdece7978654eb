//! `people.yaml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Who may answer what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeopleForm {
    /// Person → what they may answer for.
    #[serde(default)]
    pub people: BTreeMap<String, PersonForm>,
    /// Roles that exist. When this is given, nobody can have another.
    #[serde(default)]
    pub roles: BTreeMap<String, Option<RoleTermsForm>>,
}

/// One person.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonForm {
    /// Their roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// How to reach them. Kept, not interpreted.
    pub contact: Option<String>,
}

/// What holds for every question put to a role, unless the act says otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleTermsForm {
    /// What the role is for.
    #[serde(default)]
    pub purpose: String,
    /// How many different people must say yes. Default 1.
    #[schemars(range(min = 1))]
    pub quorum: Option<u32>,
}
