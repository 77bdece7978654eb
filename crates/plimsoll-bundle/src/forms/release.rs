//! `environments`, `changes` and `flags` of `plimsoll.yaml`: how a release gets into force.

use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::{Duration, Share};

/// One environment: what a release needs to run there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentForm {
    /// How many people besides the author have to sign a release. Default 1.
    #[schemars(range(max = 16))]
    pub approvals: Option<u32>,
    /// How long after its creation a release may be put into force. Default `30d`.
    pub expires: Option<Duration>,
    /// The lowest sequence number that may run: an older release never comes back below it. Default 0.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    pub minimum: Option<u64>,
    /// What has to be seen beside the live release before a candidate acts. Default: nothing has to be.
    pub shadow: Option<ShadowForm>,
    /// What has to be seen on a share of the sessions before a candidate gets them all. Default: nothing has to be.
    pub canary: Option<CanaryForm>,
    /// Whether a candidate goes on by itself once its conditions hold. Default `by-hand`.
    #[serde(default)]
    pub advance: AdvanceForm,
    /// How much worse each signal may become before a candidate is taken back.
    #[serde(default)]
    pub watch: WatchForm,
    /// Acts that are answered here without being done: `dangerous`, or `guarded` for those too. Default: none.
    pub simulate: Option<SimulateForm>,
    /// Whether values about people are replaced by made-up ones of the same form. Default false.
    #[serde(default)]
    pub mask: bool,
}

/// What a candidate has to show while it only decides beside the live release.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShadowForm {
    /// How many acts it has to have decided. Default 0.
    #[serde(default)]
    pub decisions: u64,
    /// For how long. Default: no time.
    #[serde(rename = "for")]
    pub lasts: Option<Duration>,
}

/// What a candidate has to show on a share of the sessions.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanaryForm {
    /// The share of new sessions that it gets: `5%`.
    pub share: Share,
    /// How many sessions it has to have had. Default 0.
    #[serde(default)]
    pub sessions: u64,
    /// For how long. Default: no time.
    #[serde(rename = "for")]
    pub lasts: Option<Duration>,
}

/// Who takes a candidate to its next stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdvanceForm {
    /// A person, with `plimsoll release promote`.
    #[default]
    ByHand,
    /// The gateway, once the conditions of the stage hold and no signal is worse.
    ByItself,
}

/// How much worse each signal may become: a share of acts more than before, unless it is said otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchForm {
    /// Acts that are refused. Default `5%`.
    pub refused: Option<Share>,
    /// Acts that wait for people. Default `5%`.
    pub held: Option<Share>,
    /// Questions that people answer with no. Default `5%`.
    pub rejected: Option<Share>,
    /// Acts that fail. Default `3%`.
    pub failed: Option<Share>,
    /// How much longer a decision and its act take, in parts of what they took. Default `50%`.
    pub slower: Option<Share>,
    /// How far the mix of tools may move, as Jensen-Shannon divergence from 0 (the same) to 1 (nothing in common).
    /// Default 0.1.
    pub mix: Option<Share>,
}

/// From which tier on acts are not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SimulateForm {
    /// Guarded and dangerous acts.
    Guarded,
    /// Dangerous acts alone.
    Dangerous,
}

/// Something that is on for some sessions: policies read it as `context.flags`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlagForm {
    /// What it is for.
    #[serde(default)]
    pub purpose: String,
    /// The workflow whose sessions can have it. Default: every workflow.
    pub workflow: Option<String>,
    /// The share of sessions that have it: `10%`. Default: none.
    pub share: Option<Share>,
    /// Principals whose sessions have it.
    #[serde(default)]
    pub principals: Vec<String>,
    /// Roles whose principals' sessions have it.
    #[serde(default)]
    pub roles: Vec<String>,
}
