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
    /// The public key with which they sign releases, one line as OpenSSH writes it: `ssh-ed25519 AAAA… name`.
    /// `plimsoll key sign` makes one.
    pub key: Option<String>,
    /// The same for somebody who has several.
    #[serde(default)]
    pub keys: Vec<String>,
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
    /// Which sealed fields of the record the role may read. Once any role says it, nobody reads what no role of theirs
    /// names; until then everybody with an admin key reads `identity` and `arguments`.
    pub reads: Option<Vec<FieldClassForm>>,
    /// What the role may do to releases. Once any role says it, nobody may what no role of theirs names; until then
    /// whoever has a signing key may author and approve, and everybody with an admin key may promote and roll back.
    pub may: Option<Vec<PowerForm>>,
    /// How many different people must say yes. Default 1.
    #[schemars(range(min = 1))]
    pub quorum: Option<u32>,
}

/// Something that a person may do to releases.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerForm {
    /// Make a release, and sign it as its author.
    Author,
    /// Sign a release that somebody else made.
    Approve,
    /// Install a release, and take it to the next stage.
    Promote,
    /// Take a release back.
    RollBack,
}

impl From<PowerForm> for crate::model::Power {
    fn from(form: PowerForm) -> Self {
        match form {
            PowerForm::Author => Self::Author,
            PowerForm::Approve => Self::Approve,
            PowerForm::Promote => Self::Promote,
            PowerForm::RollBack => Self::RollBack,
        }
    }
}

/// A class of sealed fields.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FieldClassForm {
    /// Who: names, and who may read what.
    Identity,
    /// What was to be done: arguments, and reasons that repeat them.
    Arguments,
    /// What was said and shown.
    Content,
}

impl From<FieldClassForm> for plimsoll_core::FieldClass {
    fn from(form: FieldClassForm) -> Self {
        match form {
            FieldClassForm::Identity => Self::Identity,
            FieldClassForm::Arguments => Self::Arguments,
            FieldClassForm::Content => Self::Content,
        }
    }
}
