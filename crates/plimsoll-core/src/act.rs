//! Acts: proposed effects on the world.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::digest::Digest;

/// The identity of one proposed act, time-ordered (UUID version 7), shown as `act-…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActId(pub Uuid);

impl fmt::Display for ActId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `server.tool`, as policies, YAML, ledger and console write it. Tools that run in the client have
/// the server `local`; a model call is the tool `model.<model id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ToolName {
    pub server: String,
    pub tool: String,
}

impl ToolName {
    /// A call may come without a name. It gets one, so that every name that was written can be read.
    pub fn new(server: impl Into<String>, tool: impl Into<String>) -> Self {
        let tool = tool.into();
        Self { server: server.into(), tool: if tool.is_empty() { Self::UNNAMED.to_owned() } else { tool } }
    }

    /// What a call without a name is called. No pinned tool can have this name.
    pub const UNNAMED: &'static str = "(unnamed)";

    pub const LOCAL: &'static str = "local";
    pub const MODEL: &'static str = "model";
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.server, self.tool)
    }
}

impl FromStr for ToolName {
    type Err = String;

    /// The server's name holds no dot, so the first dot divides.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('.') {
            Some((server, tool)) if !server.is_empty() && !tool.is_empty() => Ok(Self::new(server, tool)),
            _ => Err(format!("`{text}` is not of the form server.tool")),
        }
    }
}

impl From<ToolName> for String {
    fn from(name: ToolName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for ToolName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// How deep an act may be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Automated.
    Safe,
    /// Automated under conditions, or with an approval.
    Guarded,
    /// Always a person.
    Dangerous,
}

impl Tier {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Guarded => "guarded",
            Self::Dangerous => "dangerous",
        }
    }
}

/// What a workflow does with a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Decide and record, never stop. A kill switch still stops.
    Observe,
    /// Never execute guarded or dangerous acts; return the proposal.
    Suggest,
    Enforce,
}

impl Mode {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Suggest => "suggest",
            Self::Enforce => "enforce",
        }
    }
}

/// What kind of change a tool makes when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nothing changes.
    Read,
    /// Only the asking user's own things change.
    Own,
    /// Things that others in the organisation share change.
    Shared,
    /// Somebody outside is affected.
    External,
    /// Data leaves.
    Egress,
    /// Something is gone afterwards.
    Destructive,
}

impl Effect {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Own => "own",
            Self::Shared => "shared",
            Self::External => "external",
            Self::Egress => "egress",
            Self::Destructive => "destructive",
        }
    }
}

/// Which of the credentials held for a server an act may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    Read,
    Draft,
    Execute,
}

impl Account {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Draft => "draft",
            Self::Execute => "execute",
        }
    }
}

/// Why an argument matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentRole {
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

impl ArgumentRole {
    pub const ALL: [Self; 12] = [
        Self::Recipient,
        Self::Account,
        Self::Amount,
        Self::Url,
        Self::Path,
        Self::Identifier,
        Self::Query,
        Self::Content,
        Self::Code,
        Self::Credential,
        Self::Time,
        Self::Choice,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::Account => "account",
            Self::Amount => "amount",
            Self::Url => "url",
            Self::Path => "path",
            Self::Identifier => "identifier",
            Self::Query => "query",
            Self::Content => "content",
            Self::Code => "code",
            Self::Credential => "credential",
            Self::Time => "time",
            Self::Choice => "choice",
        }
    }

    /// Roles whose value decides *whom or what* the act reaches. Untrusted content must not choose it.
    pub const fn aims(self) -> bool {
        matches!(
            self,
            Self::Recipient | Self::Account | Self::Url | Self::Path | Self::Identifier | Self::Credential
        )
    }

    /// Roles whose value somebody trusted has to stand behind before a guarded act runs by itself: those
    /// that aim, and how much and when.
    pub const fn must_be_proven(self) -> bool {
        self.aims() || matches!(self, Self::Amount | Self::Time)
    }
}

/// Which door an act came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// OpenAI and Anthropic dialects.
    Llm,
    /// MCP.
    Tool,
}

/// One proposed effect on the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    pub id: ActId,
    pub door: Door,
    pub tool: ToolName,
    pub arguments: Value,
    /// Digest of the pinned schema the arguments were validated against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Digest>,
    /// The caller's own name for this call (`call_…`, `toolu_…`, a JSON-RPC id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
}

impl Act {
    /// Digest of the arguments alone: what joins a proposal at the LLM door to a call at the tool door.
    pub fn arguments_digest(&self) -> Digest {
        Digest::of_json(&self.arguments)
    }
}
