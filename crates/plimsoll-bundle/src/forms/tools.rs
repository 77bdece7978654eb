//! `tools/<server>.yaml` and `tools/<server>.lock.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::drift::ReachedForm;
use super::fields::{Amount, Scalar};

/// One tool server: how to reach it, with which accounts, and what each tool's arguments mean.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolsForm {
    /// Name of the server; the same as the file's name. Tools are called `server.tool` everywhere.
    pub server: String,
    /// Reach it as MCP over streamable HTTP at this URL. One of `http`, `stdio`, `local`.
    pub http: Option<String>,
    /// Start it as a child process and speak MCP over stdio: the command and its arguments. One of `http`, `stdio`, `local`.
    #[schemars(length(min = 1))]
    pub stdio: Option<Vec<String>>,
    /// Its tools run inside the client, so they are judged on the model's answer only. One of `http`, `stdio`, `local`.
    #[serde(default)]
    pub local: bool,
    /// Environment of a stdio server.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// One credential for every account: `${NAME}` or `file:path`. Either this or `accounts`.
    pub credential: Option<String>,
    /// Credentials held by the gateway, from the weakest to the strongest: `${NAME}` or `file:path`.
    #[serde(default)]
    pub accounts: AccountsForm,
    /// `believe`: the labels that the server puts on its own results (`_meta.ifc`) may raise what a tool's `output` says.
    /// Without it they can only lower it.
    pub ifc: Option<IfcForm>,
    /// What each tool means. Every tool here is pinned in the lock file, and the other way round.
    #[serde(default)]
    pub tools: BTreeMap<String, ToolForm>,
}

/// What a server's own labels are worth.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfcForm {
    Believe,
}

/// Credentials by what they may do.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountsForm {
    /// May look.
    pub read: Option<String>,
    /// May prepare what a person then carries out.
    pub draft: Option<String>,
    /// May act.
    pub execute: Option<String>,
}

/// One tool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolForm {
    /// `safe` (automated), `guarded` (automated under conditions, or approval), `dangerous` (always a person).
    pub tier: TierForm,
    /// What kind of change it makes.
    pub effect: EffectForm,
    /// Which credential it uses. Default: `read` for the effect `read`, else `execute`.
    pub account: Option<AccountForm>,
    /// Argument → its role. Nested ones as `items/*/sku`.
    #[serde(default)]
    pub args: BTreeMap<String, RoleForm>,
    /// Words by which a user asks for this kind of act: `[send, write, reply]`. Default: what its name says.
    #[serde(default)]
    pub verbs: Vec<String>,
    /// What its results are worth: `trusted` only when nobody outside can write them, or field by field.
    /// Default `untrusted`.
    #[serde(default)]
    pub output: OutputForm,
    /// Tests against a system of record before it runs.
    #[serde(default)]
    pub check: Vec<CheckForm>,
    /// The tool to offer instead when this one is refused, as `server.tool`.
    pub draft: Option<String>,
    /// Amounts up to this need no proven origin.
    pub amount_free: Option<Amount>,
}

/// How deep an act may be loaded.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TierForm {
    Safe,
    Guarded,
    Dangerous,
}

/// What kind of change a tool makes when it runs.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EffectForm {
    Read,
    Own,
    Shared,
    External,
    Egress,
    Destructive,
}

/// Which of the server's credentials.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountForm {
    Read,
    Draft,
    Execute,
}

/// Why an argument matters.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleForm {
    Recipient,
    Account,
    Amount,
    Url,
    Path,
    Identifier,
    Query,
    Content,
    Code,
    Credential,
    Time,
    Choice,
}

/// What results are worth: as a whole, or field by field.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OutputForm {
    Whole(WorthForm),
    Fields(FieldsForm),
}

impl Default for OutputForm {
    fn default() -> Self {
        Self::Whole(WorthForm::Untrusted)
    }
}

/// Who may have written something: only the organisation and its users, or anybody.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorthForm {
    Trusted,
    #[default]
    Untrusted,
}

/// What results are worth, field by field. A field is the last name on its path (`email`), or more of the
/// path's end (`sender/email`); in a list without names it is `*`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldsForm {
    /// The text as a whole, and every field that nothing else is said about. Default `untrusted`.
    #[serde(default)]
    pub integrity: WorthForm,
    /// Fields that only the organisation or its own server writes: ids, states, dates of entry.
    #[serde(default)]
    pub trusted: Vec<String>,
    /// Fields of a directory that the organisation keeps. Who is named by any of them may be reached by all.
    #[serde(default)]
    pub directory: Vec<String>,
    /// Fields by which a user names a record: a file's name, an event's title.
    #[serde(default)]
    pub named_by: Vec<String>,
    /// Field → the argument that a record named by the user lends it to (`id: file_id`), or `recipient`
    /// for the people of a record.
    #[serde(default)]
    pub lends: BTreeMap<String, String>,
    /// The field that says who wrote the record's text. The server itself must write it.
    pub author: Option<String>,
    /// Field → data class, for values that are not for everybody.
    #[serde(default)]
    pub sensitive: BTreeMap<String, String>,
    /// Who may read the results: `kind:name`, an address, or a domain as `*@acme.example`. Default: anyone.
    #[serde(default)]
    pub readers: Vec<String>,
}

/// A test against a system of record: call a safe tool, require conditions of its result.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckForm {
    /// Name of the check, for decisions and the ledger.
    pub name: String,
    /// The safe tool to call, as `server.tool`.
    pub call: String,
    /// Its arguments: constants, or `$argument` of the act.
    #[serde(default)]
    pub with: BTreeMap<String, Scalar>,
    /// Conditions such as `amount <= result.total`; all must hold.
    #[schemars(length(min = 1))]
    pub require: Vec<String>,
}

/// What a reviewer saw when they agreed to a server's tools. Written by `plimsoll init`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockForm {
    /// Name of the server.
    pub server: String,
    /// MCP protocol version spoken when the tools were pinned.
    #[serde(default)]
    pub protocol: String,
    /// When they were pinned.
    #[serde(default)]
    pub pinned_at: String,
    /// Where the server was reached when somebody accepted it (`plimsoll drift --accept`).
    pub reached: Option<ReachedForm>,
    /// The pinned tools.
    pub tools: BTreeMap<String, PinForm>,
}

/// One pinned tool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinForm {
    /// SHA-256 over canonical JSON of the tool's name, title, description, schemas and annotations.
    pub digest: String,
    /// Who read and accepted it.
    #[serde(default)]
    pub reviewed_by: String,
    /// The tool as the server described it.
    pub tool: Value,
}
