//! What the place of running may change about a repository: very little.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_core::Mode;

use super::Loading;
use crate::cedar::Shipped;
use crate::diagnostic::Diagnostic;
use crate::env::Env;
use crate::model::Workflow;
use crate::suggest::did_you_mean;

/// Settings from outside the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `PLIMSOLL_ENVIRONMENT`.
    pub environment: Option<String>,
    /// `PLIMSOLL_MODE`.
    pub mode: ModeOverride,
    /// Unset `${NAMES}` are warnings: for `plimsoll check` where the secrets are not.
    pub allow_unset: bool,
    /// The policies that came with the Plimsoll of that time, to decide again as it did. `None`: this one's.
    pub shipped: Option<Shipped>,
}

/// `PLIMSOLL_MODE=observe` for every workflow, `support=observe,billing=suggest` for some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModeOverride {
    pub all: Option<Mode>,
    pub of: BTreeMap<String, Mode>,
}

impl Overrides {
    /// Reads `PLIMSOLL_ENVIRONMENT` and `PLIMSOLL_MODE`.
    ///
    /// # Errors
    /// In words, when `PLIMSOLL_MODE` can't be understood: a typing error must not loosen anything.
    pub fn from_env(env: Env<'_>) -> Result<Self, String> {
        let set = |name: &str| (env.var)(name).filter(|v| !v.trim().is_empty());
        let mode = set("PLIMSOLL_MODE").map(|text| text.parse::<ModeOverride>()).transpose();
        let mode = mode.map_err(|error| format!("PLIMSOLL_MODE: {error}"))?.unwrap_or_default();
        Ok(Self { environment: set("PLIMSOLL_ENVIRONMENT"), mode, ..Self::default() })
    }
}

impl std::str::FromStr for ModeOverride {
    type Err = String;

    /// `observe`, or `support=observe,billing=suggest`, or both.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut modes = Self::default();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            match part.split_once('=') {
                Some((workflow, word)) => {
                    modes.of.insert(workflow.trim().to_owned(), mode(word.trim())?);
                }
                None => modes.all = Some(mode(part)?),
            }
        }
        Ok(modes)
    }
}

impl ModeOverride {
    pub fn for_workflow(&self, name: &str) -> Option<Mode> {
        self.of.get(name).copied().or(self.all)
    }
}

fn mode(word: &str) -> Result<Mode, String> {
    let modes = [Mode::Observe, Mode::Suggest, Mode::Enforce];
    modes
        .into_iter()
        .find(|m| m.name() == word)
        .ok_or_else(|| format!("`{word}` is no mode ({})", did_you_mean(word, modes.map(Mode::name))))
}

impl Loading<'_> {
    /// An override that names no workflow is a typing error somebody relies on.
    pub(super) fn compare_overrides(&mut self, workflows: &BTreeMap<String, Arc<Workflow>>) {
        let named: Vec<String> = self.overrides.mode.of.keys().cloned().collect();
        for name in named.iter().filter(|name| !workflows.contains_key(*name)) {
            let file = format!("workflows/{name}.yaml");
            let message = format!("PLIMSOLL_MODE names the workflow `{name}`, which does not exist");
            let diagnostic = Diagnostic::error("override/unknown-workflow", &*file, message);
            self.unknown(diagnostic, name, &file, workflows.keys().map(String::as_str));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_for_all_and_for_some() {
        let modes = "suggest, support=observe".parse::<ModeOverride>().unwrap();
        assert_eq!(modes.for_workflow("support"), Some(Mode::Observe));
        assert_eq!(modes.for_workflow("billing"), Some(Mode::Suggest));
        assert!("support=obsrve".parse::<ModeOverride>().unwrap_err().contains("did you mean `observe`"));
    }
}
