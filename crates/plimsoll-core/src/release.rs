//! The steps of a release on its way into force and out of it, as entries say them.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What happened to a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseMove {
    /// It was found good, and is kept here. It serves nobody.
    Installed,
    /// It decides beside the live one, and serves nobody.
    Shadow,
    /// It serves a share of the sessions that begin.
    Canary,
    /// It is the live one.
    Full,
    /// It stays where it is, and this says why it did not go on.
    Held,
    /// It serves no new sessions any more.
    RolledBack,
    /// It was not taken; what was in force stayed.
    Refused,
}

impl ReleaseMove {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Full => "full",
            Self::Held => "held",
            Self::RolledBack => "rolled back",
            Self::Refused => "refused",
        }
    }
}

/// One step, with who, why, and what it stands on. It is on record before it takes hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseStep {
    pub step: ReleaseMove,
    /// The release.
    pub of: Digest,
    /// Under what name people know it: project and sequence number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default)]
    pub sequence: u64,
    /// The release that was live before, or is live again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Digest>,
    /// The share of sessions that it gets, in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u32>,
    /// Conversations that were going on under it are cut over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub security: bool,
    /// Who did it; the gateway itself for what it does by itself.
    pub by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Whose signatures it bears.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<ReleaseFigure>,
}

/// One figure that a step stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFigure {
    /// `refused`, `mix`, `decisions`, `sessions`, `newly allowed`, …
    pub signal: String,
    /// `worse`, `fine` or `open`; empty for a mere count.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub verdict: String,
    /// Of the release: how many, and of how many.
    pub count: u64,
    #[serde(default)]
    pub of: u64,
    /// The same of the live release, where it is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<(u64, u64)>,
    /// Measured, and what is acceptable, in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptable: Option<u32>,
}

impl ReleaseFigure {
    /// A mere count.
    pub fn count(signal: impl Into<String>, count: u64, of: u64) -> Self {
        Self {
            signal: signal.into(),
            verdict: String::new(),
            count,
            of,
            live: None,
            measured: None,
            acceptable: None,
        }
    }

    /// In words: `refused 12 of 200 (live 31 of 3,800), worse`.
    pub fn words(&self) -> String {
        let per_cent = |millionths: u32| format!("{:.1}%", f64::from(millionths) / 1e4);
        let mut text = match (self.measured, self.of) {
            (Some(measured), of) => format!("{} {} over {of}", self.signal, per_cent(measured)),
            (None, 0) => format!("{} {}", self.signal, self.count),
            (None, of) => format!("{} {} of {of}", self.signal, self.count),
        };
        match (self.live, self.measured) {
            (Some((count, 0)), None) => text.push_str(&format!(" (live {count})")),
            (Some((bad, of)), None) => text.push_str(&format!(" (live {bad} of {of})")),
            _ => {}
        }
        if let (Some(acceptable), true) = (self.acceptable, self.verdict == "worse") {
            text.push_str(&format!(", acceptable {}", per_cent(acceptable)));
        }
        if !self.verdict.is_empty() {
            text.push_str(&format!(", {}", self.verdict));
        }
        text
    }
}
