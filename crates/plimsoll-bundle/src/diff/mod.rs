//! The behaviour diff: what a change of the repository makes possible, not which lines it touches.
//!
//! [`diff`] is a function of two loaded bundles. It compares what they *mean*: who decides, what is
//! believed, what is reached, and, act by act, how far each abstract case gets under the rules of each.
//! Reordering, comments, equal defaults and equivalent policies leave no line.
//!
//! What acts may do is found by *enumeration* over a finite abstraction of the context (see `reach`), with
//! the real engine. It is not a proof: a case that the abstraction does not hold is not compared, and
//! policies that read such facts are told as `policy/not-compared`.

mod change;
pub(crate) mod contract;
mod drift;
mod evidence;
mod invariants;
mod models;
mod place;
mod policies;
mod project;
mod prompts;
pub(crate) mod reach;
mod release;
pub mod render;
pub(crate) mod rules;
mod sources;
mod tools;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::Digest;

pub use self::change::{Change, Example};
pub use self::place::Place;
pub(crate) use self::place::Places;
pub use self::rules::{Level, RULES, Rule, Tally};
use crate::Diagnostic;
use crate::env::Env;
use crate::load::{Overrides, load};
use crate::model::Bundle;
use crate::prove::Solver;
use crate::tree::Tree;

/// One of the two states that are compared.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    pub bundle: &'a Bundle,
    pub tree: &'a Tree,
}

/// What differs, and how much was looked at.
#[derive(Clone, Debug)]
pub struct Diff {
    /// The releases compared.
    pub base: Digest,
    pub head: Digest,
    /// What needs most first.
    pub changes: Vec<Change>,
    pub compared: Compared,
}

/// How the acts were compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Acts of workflows, those included whose policies are the same on both sides and which therefore
    /// needed no trying.
    pub acts: usize,
    /// Acts that were tried case by case.
    pub tried: usize,
    /// Abstract cases tried on both sides.
    pub cases: usize,
    /// Which cases were tried of acts that have too many to try all → those acts.
    pub cut: BTreeMap<String, Vec<String>>,
}

/// Loads a tree for comparing: `${NAMES}` stand for themselves, so that another name is another meaning
/// and no secret is needed; nothing from outside the repository changes it.
///
/// # Errors
/// Every diagnostic, when it does not load.
pub fn load_for_diff(tree: &Tree) -> Result<Bundle, Vec<Diagnostic>> {
    load_unfilled(tree).map(|(bundle, _)| bundle)
}

/// The same, with what else somebody should look at.
///
/// # Errors
/// Every diagnostic, when it does not load.
pub fn load_unfilled(tree: &Tree) -> Result<(Bundle, Vec<Diagnostic>), Vec<Diagnostic>> {
    let var = |name: &str| Some(format!("${{{name}}}"));
    let env = Env { var: &var, file: &|path| Ok(format!("file:{path}")) };
    let overrides = Overrides { allow_unset: true, ..Overrides::default() };
    load(tree, env, &overrides)
}

/// What behaves otherwise in `head` than in `base`: a pure function of both, the same on every machine, so that
/// who checks a signed diff finds the same changes.
pub fn diff(base: Side<'_>, head: Side<'_>) -> Diff {
    diff_with(base, head, None)
}

/// The same for a reader, with a solver for what was said to hold always: an invariant that is proved to hold in
/// other words is then told as such.
pub fn diff_with(base: Side<'_>, head: Side<'_>, solver: Option<&dyn Solver>) -> Diff {
    let mut diffing = Diffing {
        base: base.bundle,
        head: head.bundle,
        at_base: Places::new(base.tree, true),
        at_head: Places::new(head.tree, false),
        base_tree: base.tree,
        head_tree: head.tree,
        changes: Vec::new(),
        compared: Compared::default(),
        solver,
    };
    diffing.workflows();
    diffing.servers();
    diffing.models();
    diffing.prompts();
    diffing.sources();
    diffing.people();
    diffing.reads();
    diffing.project();
    diffing.collector();
    diffing.releases();
    diffing.drift();
    diffing.evidence();
    diffing.other_settings();
    let touched = diffing.acts();
    diffing.policies(&touched);
    let Diffing { mut changes, compared, .. } = diffing;
    changes.sort_by(|a, b| a.rank().cmp(&b.rank()));
    changes.dedup_by(|a, b| a.fingerprint == b.fingerprint);
    Diff { base: base.bundle.id, head: head.bundle.id, changes, compared }
}

struct Diffing<'a> {
    base: &'a Bundle,
    head: &'a Bundle,
    at_base: Places<'a>,
    at_head: Places<'a>,
    base_tree: &'a Tree,
    head_tree: &'a Tree,
    changes: Vec<Change>,
    compared: Compared,
    solver: Option<&'a dyn Solver>,
}

impl Diffing<'_> {
    fn tell(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// The place in HEAD, or in BASE when the file is gone.
    fn at(&self, file: &str, pointer: &str) -> Place {
        let places = if self.head_tree.contains(file) { &self.at_head } else { &self.at_base };
        places.key(file, pointer)
    }

    /// The place in BASE: of what is gone although its file is not.
    fn was_at(&self, file: &str, pointer: &str) -> Place {
        self.at_base.key(file, pointer)
    }
}

// === what the comparisons share ===

/// Both sides of each key.
fn both<'m, K: Ord, V>(
    base: &'m BTreeMap<K, V>,
    head: &'m BTreeMap<K, V>,
) -> impl Iterator<Item = (&'m K, Option<&'m V>, Option<&'m V>)> {
    let keys: BTreeSet<&K> = base.keys().chain(head.keys()).collect();
    keys.into_iter().map(|key| (key, base.get(key), head.get(key)))
}

/// What is only in the second.
fn added<T: Ord + Clone>(base: impl IntoIterator<Item = T>, head: impl IntoIterator<Item = T>) -> Vec<T> {
    let base: BTreeSet<T> = base.into_iter().collect();
    let head: BTreeSet<T> = head.into_iter().collect();
    head.difference(&base).cloned().collect()
}

/// `` `a`, `b` ``.
fn ticked<T: std::fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// `12.50`.
pub(crate) fn money(hundredths: i64) -> String {
    match hundredths % 100 {
        0 => (hundredths / 100).to_string(),
        rest => format!("{}.{:02}", hundredths / 100, rest.abs()),
    }
}

/// `15m`, `1h`, `90s`.
fn time(seconds: u64) -> String {
    match seconds {
        s if s.is_multiple_of(86_400) => format!("{}d", s / 86_400),
        s if s.is_multiple_of(3_600) => format!("{}h", s / 3_600),
        s if s.is_multiple_of(60) => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}
