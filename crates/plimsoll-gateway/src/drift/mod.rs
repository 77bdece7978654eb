//! Drift at the running gateway: what was seen of the world, what it means for acts, and who is told.
//!
//! What traffic shows is looked at in passing: under which name and fingerprint a model answers, how a tool server
//! describes a tool, which system text is no released prompt. Everything else is looked at when somebody asks
//! ([`Gateway::look`]) or every so often, where the release says so. What was seen is kept over a restart, because a
//! drift that a restart forgets would be allowed again.

mod look;
mod probe;
mod task;

pub use look::{Look, Looked, digests};
pub use probe::QUESTIONS;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use plimsoll_bundle::Bundle;
use plimsoll_bundle::drift::{Drifting, World, compare};
use plimsoll_core::{
    Act, Digest, DriftKind, DriftPolicy, Drifted, EntryBody, Hypothesis, ToolName, Trajectory,
};

use crate::caller::Caller;
use crate::gateway::Gateway;
use crate::record::Header;

/// The file in the state directory that holds what was seen.
const FILE: &str = "drift.json";
/// Releases for which a comparison is kept ready: the one in force, and others that judge beside it.
const READY_MAX: usize = 4;

/// What was seen of the world.
#[derive(Debug, Default)]
pub struct Drifts {
    file: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    world: World,
    /// What drifted, as each release sees it; emptied when the world changes.
    ready: HashMap<Digest, Arc<Vec<Drifting>>>,
    /// What is on record as drifted.
    told: BTreeSet<(DriftKind, String, String)>,
}

impl Drifts {
    /// Takes up what was seen before this start. What can't be read is said and seen anew.
    pub(crate) fn open(state: &Path) -> Self {
        let file = state.join(FILE);
        let world = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::error!(%error, "{} can't be read: what drifted before is looked for anew", file.display());
                World::default()
            }),
            Err(_) => World::default(),
        };
        Self { file, inner: Mutex::new(Inner { world, ..Inner::default() }) }
    }

    /// What drifted, as a release sees it.
    pub fn found(&self, bundle: &Bundle) -> Arc<Vec<Drifting>> {
        let mut inner = self.lock();
        if let Some(ready) = inner.ready.get(&bundle.id) {
            return Arc::clone(ready);
        }
        if inner.ready.len() >= READY_MAX {
            inner.ready.clear();
        }
        let found = Arc::new(compare(bundle, &inner.world));
        inner.ready.insert(bundle.id, Arc::clone(&found));
        found
    }

    /// A copy of what was seen.
    pub fn world(&self) -> World {
        self.lock().world.clone()
    }

    /// Changes what was seen; `false` from the change says that it was nothing new. A new sight is on the disk before
    /// this returns, as far as the disk allows.
    fn see(&self, change: impl FnOnce(&mut World) -> bool) -> bool {
        let mut inner = self.lock();
        if !change(&mut inner.world) {
            return false;
        }
        inner.ready.clear();
        if !self.file.as_os_str().is_empty()
            && let Err(error) = write(&self.file, &inner.world)
        {
            tracing::error!(%error, "what was seen of the world can't be kept over a restart");
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(file: &Path, world: &World) -> std::io::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, serde_json::to_vec(world)?)?;
    std::fs::rename(new, file)
}

impl Gateway {
    /// What drifted, as the release in force sees it.
    pub fn drifting(&self) -> Arc<Vec<Drifting>> {
        self.drifts.found(&self.bundle())
    }

    /// What somebody should look at, a sentence each: of the record, and of the world. Empty when all is well.
    pub fn alarms(&self, now: jiff::Timestamp) -> Vec<String> {
        let mut alarms = self.checkpoints.alarms(now);
        alarms.extend(self.drift_alarms());
        alarms
    }

    /// Lines for the readiness probe: what, of whom, and what it leads to.
    fn drift_alarms(&self) -> Vec<String> {
        let bundle = self.bundle();
        let drifted = self.drifts.found(&bundle);
        let line = |drifting: &Drifting| {
            let policy = bundle.project.drift.policy(drifting.of);
            format!("{} of {} drifted ({})", drifting.of.name(), drifting.subject, policy.name())
        };
        let lines: BTreeSet<String> = drifted.iter().map(line).collect();
        lines.into_iter().collect()
    }

    /// The drifts that make the decision about an act stricter.
    pub(crate) fn touching(
        &self,
        caller: &Caller,
        act: &Act,
        trajectory: &Trajectory,
        hypothesis: &Hypothesis,
    ) -> Vec<Drifted> {
        let drifted = self.drifts.found(caller.bundle());
        let policies = &caller.bundle().project.drift;
        let mut found: Vec<Drifted> =
            drifted.iter().filter_map(|drifting| touches(drifting, caller, act, hypothesis)).collect();
        if trajectory.unreleased {
            let subject = &caller.workflow().name;
            let text = format!(
                "the context of this act holds system text that is no released prompt of `{subject}`"
            );
            let policy = policies.policy(DriftKind::Prompts);
            found.push(Drifted { of: DriftKind::Prompts, subject: subject.clone(), policy, text });
        }
        // Whether a model that drifted is still another one is found by asking it.
        found.retain(|drifted| !(caller.looks() && drifted.of == DriftKind::Models));
        found.retain(|drifted| drifted.policy > DriftPolicy::Alert);
        found
    }

    /// A model answered: under which name, with which fingerprint.
    pub(crate) fn saw_answer(
        &self,
        caller: &Caller,
        model: &str,
        name: Option<&str>,
        fingerprint: Option<&str>,
    ) {
        let new = self.drifts.see(|world| match world.models.get_mut(model) {
            Some(seen) => seen.add(name, fingerprint),
            None => world.models.entry(model.to_owned()).or_default().add(name, fingerprint),
        });
        if new {
            self.tell_drift(caller.bundle(), GATEWAY);
        }
    }

    /// A tool server was asked what it says of one tool: `None` when it says nothing, or twice something else.
    pub(crate) fn saw_tool(&self, caller: &Caller, tool: &ToolName, digest: Option<Digest>) {
        let new = self.drifts.see(|world| {
            let tools = world.tools.entry(tool.server.clone()).or_default();
            tools.insert(tool.tool.clone(), digest) != Some(digest)
        });
        if new {
            self.tell_drift(caller.bundle(), GATEWAY);
        }
    }

    /// System text was seen that is no released prompt.
    pub(crate) fn saw_unreleased(&self, caller: &Caller) {
        let workflow = &caller.workflow().name;
        let new = self
            .drifts
            .see(|world| !world.unreleased.contains(workflow) && world.unreleased.insert(workflow.clone()));
        if new {
            self.tell_drift(caller.bundle(), GATEWAY);
        }
    }

    /// Puts on record what drifted since the last time, and what no longer does.
    fn tell_drift(&self, bundle: &Bundle, by: &str) {
        let drifted = self.drifts.found(bundle);
        self.metrics.drifted(&drifted);
        let key = |d: &Drifting| (d.of, d.subject.clone(), d.text.clone());
        let now: BTreeSet<_> = drifted.iter().map(key).collect();
        let (new, over) = {
            let mut inner = self.drifts.lock();
            let new: Vec<_> = now.difference(&inner.told).cloned().collect();
            let over: Vec<_> = inner.told.difference(&now).cloned().collect();
            inner.told = now;
            (new, over)
        };
        let header = Header { release: bundle.id.to_string(), ..Header::default() };
        for (on, (of, subject, text)) in
            new.into_iter().map(|d| (true, d)).chain(over.into_iter().map(|d| (false, d)))
        {
            let policy = bundle.project.drift.policy(of);
            if on {
                tracing::warn!(of = of.name(), subject, policy = policy.name(), text, "the world drifted");
            }
            let text = self.redactor.redact(&text).into_owned();
            let body =
                EntryBody::Drift { on, drift: Drifted { of, subject, policy, text }, by: by.to_owned() };
            if let Err(error) = self.note(header.entry(Timestamp::now(), body)) {
                tracing::error!(%error, "a drift is not on record");
            }
        }
    }
}

/// Who looks in passing.
pub(crate) const GATEWAY: &str = "gateway";

/// What a drift does to an act. What drifted has its policy in full; of the acts of a workflow that uses a model, the
/// model proposes them: they wait where it is refused.
fn touches(drifting: &Drifting, caller: &Caller, act: &Act, hypothesis: &Hypothesis) -> Option<Drifted> {
    let fact = drifting.as_fact(caller.bundle());
    let is_model = act.tool.server == ToolName::MODEL;
    let workflow = caller.workflow();
    match drifting.of {
        // The door looks at each tool itself, as it is called.
        DriftKind::Tools => None,
        DriftKind::Configuration => Some(fact),
        // A call of which the context is not known may come from any.
        DriftKind::Prompts => {
            (!is_model && *hypothesis == Hypothesis::Unknown && drifting.subject == workflow.name)
                .then_some(fact)
        }
        DriftKind::Models | DriftKind::Endpoints | DriftKind::Certificates => {
            let is_of_model = caller.bundle().models.contains_key(&drifting.subject);
            let itself = match is_model {
                true => is_of_model && act.tool.tool == drifting.subject,
                false => act.tool.server == drifting.subject,
            };
            let used = is_of_model && !is_model && workflow.models.contains(&drifting.subject);
            match (itself, used) {
                (true, _) => Some(fact),
                (false, true) => Some(Drifted { policy: fact.policy.min(DriftPolicy::Hold), ..fact }),
                (false, false) => None,
            }
        }
    }
}
