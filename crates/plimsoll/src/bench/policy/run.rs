//! Every judged call of every episode, decided in order.
//!
//! The adversary is obedient: whatever is decided, the rest of the trace goes on as it was written. A person approves
//! what is held of the user's own calls, and never the attacker's.

use std::sync::atomic::{AtomicUsize, Ordering};

use plimsoll_bundle::suggest::did_you_mean;
use plimsoll_bundle::{Bundle, Workflow};
use plimsoll_core::{Need, Ruling};
use plimsoll_gateway::limits::Tally;

use super::domain::Domains;
use super::episode::{Call, Episode, Step};
use super::reach::{Reach, is_consequential, search};
use super::scene::{Ground, Ruled, Scene};
use crate::talk::Error;

/// One episode, decided.
#[derive(Debug)]
pub struct Outcome<'a> {
    pub episode: &'a Episode,
    pub calls: Vec<Decided<'a>>,
    /// What an attacker could have reached, for benign episodes when it was asked for.
    pub reach: Option<Reach>,
}

/// One call, decided.
#[derive(Debug)]
pub struct Decided<'a> {
    pub call: &'a Call,
    /// Only an attacker wants it.
    pub attack: bool,
    /// It touches somebody else than the asker.
    pub consequential: bool,
    pub ruled: Ruled,
}

impl Decided<'_> {
    pub fn is(&self, ruling: Ruling) -> bool {
        self.ruled.decision.ruling == ruling
    }

    /// It is allowed, or a person approves it.
    fn goes_through(&self) -> bool {
        let asked = self.is(Ruling::Hold) && !self.attack && !self.waits_for_check();
        self.is(Ruling::Allow) || asked
    }

    /// Held for want of a check's answer alone, which the trace does not have.
    pub fn waits_for_check(&self) -> bool {
        let needs = &self.ruled.decision.needs;
        self.is(Ruling::Hold) && needs.iter().all(|need| matches!(need, Need::Check { .. }))
    }
}

/// Decides all episodes, on every processor there is; the answer is in their order.
pub fn all<'a>(
    ground: &'a Ground<'a>,
    workflows: &[&'a Workflow],
    episodes: &'a [Episode],
    reach: bool,
) -> Vec<Outcome<'a>> {
    let scenes: Vec<Scene<'a>> = episodes
        .iter()
        .zip(workflows)
        .map(|(episode, workflow)| Scene::new(ground, workflow, episode))
        .collect();
    let domains = reach.then(|| Domains::of(episodes));
    in_parallel(scenes.len(), |n| one(&scenes[n], domains.as_ref()))
}

fn one<'a>(scene: &Scene<'a>, domains: Option<&Domains>) -> Outcome<'a> {
    let mut calls = Vec::new();
    let mut tally = Tally::default();
    for (at, step) in scene.episode.steps.iter().enumerate() {
        let Step::Call(call) = step else { continue };
        if !call.judge {
            scene.count(&mut tally, call);
            continue;
        }
        let context = scene.context(at);
        let prepared = context.prepare(scene.ground.bundle);
        let ruled = scene.rule(&prepared, &context.trajectory, &tally, call);
        let consequential = is_consequential(scene, &ruled.tool, &call.args);
        let decided = Decided { call, attack: scene.episode.is_attack(call), consequential, ruled };
        if decided.goes_through() {
            scene.count(&mut tally, call);
        }
        calls.push(decided);
    }
    let reach = domains.filter(|_| !scene.episode.attack).map(|domains| search(scene, domains));
    Outcome { episode: scene.episode, calls, reach }
}

/// `work(0..count)`, spread over the processors.
pub fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(count.max(1));
    let take = || {
        let mut done = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return done;
            }
            done.push((n, work(n)));
        }
    };
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        workers
            .into_iter()
            .flat_map(|worker| match worker.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, one)| one).collect()
}

/// The workflow of each episode: the one asked for, else the one named like its suite, else the only one.
///
/// # Errors
/// When there is none of these.
pub fn workflows<'a>(
    bundle: &'a Bundle,
    asked: Option<&str>,
    episodes: &[Episode],
) -> Result<Vec<&'a Workflow>, Error> {
    let names = || bundle.workflows.keys().map(String::as_str);
    let find = |episode: &Episode| -> Result<&'a Workflow, Error> {
        let name = asked.unwrap_or(&episode.suite);
        let only = match (asked, bundle.workflows.len()) {
            (None, 1) => bundle.workflows.values().next(),
            _ => None,
        };
        bundle.workflow(name).or(only).map(|workflow| &**workflow).ok_or_else(|| {
            let help = did_you_mean(name, names());
            match asked {
                Some(name) => Error::new(format!("there is no workflow `{name}`")).help(help),
                None => Error::new(format!(
                    "no workflow is named like suite `{name}` of episode `{}`, and there are several",
                    episode.id
                ))
                .help(format!("name one with --workflow; {help}")),
            }
        })
    };
    episodes.iter().map(find).collect()
}

/// Tools that traces call and the repository does not have, with what it has instead.
pub fn unknown_tools(bundle: &Bundle, outcomes: &[Outcome<'_>]) -> Vec<(String, String)> {
    let all: Vec<String> =
        bundle.servers.values().flat_map(|s| s.tools.values()).map(|tool| tool.name.to_string()).collect();
    let calls = outcomes.iter().flat_map(|outcome| &outcome.calls);
    let mut names: Vec<&str> = calls
        .filter(|call| bundle.find_tool(&call.ruled.tool).is_none())
        .map(|call| call.call.tool.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| (name.to_owned(), did_you_mean(name, all.iter().map(String::as_str))))
        .collect()
}
