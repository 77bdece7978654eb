//! `drift` of `plimsoll.yaml`, and `models/<id>.lock.json`.

use std::collections::BTreeMap;

use plimsoll_core::{DriftKind, DriftPolicy};

use super::Loading;
use crate::diagnostic::Diagnostic;
use crate::forms::Duration;
use crate::forms::drift::{DriftForm, DriftPolicyForm, ModelLockForm};
use crate::forms::shape::shape;
use crate::model::{DriftTerms, Model};
use crate::yaml::{self, Document};

/// The least time between two looks at the world.
pub const EVERY_MIN_S: u64 = 60;

impl Loading<'_> {
    pub(super) fn drift(&mut self, doc: &Document, form: &DriftForm) -> DriftTerms {
        let said = [
            (DriftKind::Tools, form.tools),
            (DriftKind::Models, form.models),
            (DriftKind::Prompts, form.prompts),
            (DriftKind::Endpoints, form.endpoints),
            (DriftKind::Certificates, form.certificates),
            (DriftKind::Configuration, form.configuration),
        ];
        let policies: BTreeMap<_, _> =
            said.into_iter().filter_map(|(kind, policy)| Some((kind, policy_of(policy?)))).collect();
        let every_s = match form.every.as_ref().map(Duration::seconds) {
            None => None,
            Some(Ok(seconds)) if seconds >= EVERY_MIN_S => Some(seconds),
            Some(given) => {
                let help = given.err().unwrap_or_else(|| format!("write at least `{EVERY_MIN_S}s`"));
                self.tell(doc.error("drift/every", "/drift/every", "`every` is no such time").help(help));
                None
            }
        };
        DriftTerms { policies, every_s }
    }

    /// What a model was accepted as, if somebody did.
    pub(super) fn model_lock(&mut self, id: &str) -> Option<ModelLockForm> {
        let path = format!("models/{id}.lock.json");
        let bytes = self.tree.0.get(&path)?;
        let lock: Option<ModelLockForm> = match serde_json::from_slice(bytes) {
            Ok(value) => shape(&Document::without_places(&path, value), &mut self.found),
            Err(e) => {
                let text = String::from_utf8_lossy(bytes);
                let at = yaml::offset(&text, e.line() as u64, e.column() as u64);
                let said = e.to_string();
                let said = said.split(" at line ").next().unwrap_or_default();
                let found = Diagnostic::error("model/lock", &*path, format!("this is not JSON: {said}"));
                self.tell(found.at(at..at));
                None
            }
        };
        let lock = lock?;
        if lock.model != id {
            let message = format!("this lock file is of the model `{}`", lock.model);
            self.tell(Diagnostic::error("file/name", &*path, message));
        }
        Some(lock)
    }

    /// A lock file without its model would be believed to pin something.
    pub(super) fn idle_locks(&mut self, models: &BTreeMap<String, std::sync::Arc<Model>>) {
        let tree = self.tree;
        for (path, id) in tree.in_folder("models", ".lock.json") {
            if !models.contains_key(id) && !tree.contains(&format!("models/{id}.yaml")) {
                let message = format!("there is no models/{id}.yaml that this is the lock file of");
                self.tell(Diagnostic::warning("model/lock-idle", path, message).help("take it out"));
            }
        }
    }
}

fn policy_of(form: DriftPolicyForm) -> DriftPolicy {
    match form {
        DriftPolicyForm::Alert => DriftPolicy::Alert,
        DriftPolicyForm::Hold => DriftPolicy::Hold,
        DriftPolicyForm::Refuse => DriftPolicy::Refuse,
    }
}
