//! What was seen of the world.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::Digest;
use serde::{Deserialize, Serialize};

use super::{Reached, Seen};

/// The most names, and the most fingerprints, that are remembered of one model.
pub const NAMES_MAX: usize = 32;

/// What was seen, by the name of what it was seen of. What nobody looked at is not here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Server → tool → digest of its live description; `None` where there is none any more, or more than one.
    #[serde(default)]
    pub tools: BTreeMap<String, BTreeMap<String, Option<Digest>>>,
    #[serde(default)]
    pub models: BTreeMap<String, Seen>,
    /// Where models were reached.
    #[serde(default)]
    pub models_at: BTreeMap<String, Reached>,
    /// Where tool servers were reached.
    #[serde(default)]
    pub servers_at: BTreeMap<String, Reached>,
    /// The release that the repository holds, as somebody who looked at both said.
    #[serde(default)]
    pub repository: Option<Digest>,
    /// Workflows in which system text was seen that is no released prompt.
    #[serde(default)]
    pub unreleased: BTreeSet<String>,
}

impl Seen {
    /// Adds what one answer carried. True when it was not seen before.
    pub fn add(&mut self, name: Option<&str>, fingerprint: Option<&str>) -> bool {
        let add = |all: &mut BTreeSet<String>, one: Option<&str>| {
            let Some(one) = one.filter(|one| !one.is_empty() && !all.contains(*one)) else { return false };
            // What a provider makes up is bounded; the first ones beyond it are what is told.
            all.len() < NAMES_MAX && all.insert(one.to_owned())
        };
        let (name, fingerprint) = (add(&mut self.names, name), add(&mut self.fingerprints, fingerprint));
        name || fingerprint
    }
}

impl World {
    /// Takes over what somebody looked at just now: it stands in place of what was seen before.
    pub fn renew(&mut self, looked: World) {
        let World { tools, models, models_at, servers_at, repository, unreleased } = looked;
        self.tools.extend(tools);
        self.models.extend(models);
        self.models_at.extend(models_at);
        self.servers_at.extend(servers_at);
        self.repository = repository.or(self.repository.take());
        self.unreleased.extend(unreleased);
    }
}
