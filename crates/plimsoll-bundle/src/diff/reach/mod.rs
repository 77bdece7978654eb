//! What acts may do: every abstract case of every act, under the rules of both sides.
//!
//! An act whose policies, shape and deciders are the same on both sides is judged the same, so it needs no
//! trying. The others are tried case by case over the space that `space` lays out. This is enumeration:
//! the report says how many cases there were, and never that something is proved.

mod facts;
mod mode;
mod sample;
mod sheet;
mod situation;
mod space;
mod tell;

pub(crate) use self::facts::Builder;
pub(crate) use self::sheet::Sheet;
pub(crate) use self::situation::SideAct;
pub(crate) use self::space::{Dim, Space};
pub(crate) use self::tell::told_case;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use plimsoll_core::{Digest, ToolName};

use self::sheet::Judge;
use self::situation::Situation;
use super::Diffing;
use crate::cedar::{Book, Engine, Memo, Reach};
use crate::model::Bundle;

/// The most cases of one act that are tried. Where all combinations are more, every combination of the facts
/// that the changed policies read is tried with as few departures in the others as fit: two, one, none.
const CASES_MAX: usize = 20_000;

/// Facts that are never varied: policies that read them are told as such when they change.
const NOT_VARIED: [(&str, &str); 2] = [("", "now"), ("", "release")];

/// Which policies changed, and what of them could not be tried.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// What a changed policy says → its name, and whether it is BASE's.
    pub(super) names: BTreeMap<Digest, (String, bool)>,
    /// What it says → the facts it reads that are not varied.
    pub(super) blind: BTreeMap<Digest, BTreeSet<String>>,
    /// Acts that are judged otherwise, by workflow, and whether BASE lists them too.
    pub(super) acts: BTreeMap<(String, ToolName), bool>,
}

impl Diffing<'_> {
    pub(super) fn acts(&mut self) -> Touched {
        let (base, head) = (self.base, self.head);
        let books = [base.rules.book(), head.rules.book()];
        let mut memo = (Memo::default(), Shared::new());
        let mut touched = Touched::default();
        let workflows: BTreeSet<&String> = base.workflows.keys().chain(head.workflows.keys()).collect();
        for workflow in workflows {
            let acts: BTreeSet<ToolName> =
                [base, head].into_iter().flat_map(|bundle| names(bundle, workflow)).collect();
            for name in &acts {
                let was = side(base, &books[0], workflow, name);
                let is = side(head, &books[1], workflow, name);
                self.act(&mut memo, &mut touched, workflow, name, was.as_ref(), is.as_ref());
            }
        }
        touched
    }

    fn act(
        &mut self,
        (memo, shared): &mut (Memo, Shared),
        touched: &mut Touched,
        workflow: &str,
        name: &ToolName,
        was: Option<&SideAct<'_>>,
        is: Option<&SideAct<'_>>,
    ) {
        self.compared.acts += 1;
        if let (Some(was), Some(is)) = (was, is)
            && was.is_judged_as(is)
        {
            return;
        }
        let Some(is) = is else {
            // A model that a workflow no longer lists is told there.
            if name.server != ToolName::MODEL {
                self.act_removed(workflow, name);
            }
            return;
        };
        touched.acts.insert((workflow.to_owned(), name.clone()), was.is_some());
        let environments = [self.base.project.environment.as_str(), self.head.project.environment.as_str()];
        let build = || Builder::new(was.into_iter().chain([is]).collect(), environments).build();
        let alike = alike(was, is);
        let before = alike.as_ref().and_then(|alike| shared.get(alike).cloned());
        let known = before.is_some();
        let both = before.unwrap_or_else(|| {
            let space = build();
            let tried = Tried::all(memo, &space, was, is);
            Rc::new((space, tried))
        });
        if let Some(alike) = alike {
            shared.insert(alike, Rc::clone(&both));
        }
        let (space, tried) = &*both;
        if let Some(was) = was {
            note_changed(touched, space, was, is);
        }
        self.compared.tried += 1;
        self.compared.cases += if known { 0 } else { tried.cases };
        if let Some(cut) = &tried.cut {
            self.compared.cut.entry(cut.clone()).or_default().push(format!("{name} in {workflow}"));
        }
        self.tell_act(space, tried, was, is);
    }
}

/// What came of acts that several workflows list and judge alike: tried once, told for each.
type Shared = HashMap<String, Rc<(Space, Tried)>>;

/// Equal for two workflows in which an act is judged alike on both sides.
fn alike(was: Option<&SideAct<'_>>, is: &SideAct<'_>) -> Option<String> {
    let one =
        |side: &SideAct<'_>| Some(format!("{} {}", side.probe.in_any_workflow()?, side.terms.is_some()));
    let before = match was {
        Some(was) => one(was)?,
        None => "not listed".to_owned(),
    };
    Some(format!("{} {before} {}", is.name, one(is)?))
}

/// The acts and models of a workflow.
fn names(bundle: &Bundle, workflow: &str) -> Vec<ToolName> {
    let Some(workflow) = bundle.workflows.get(workflow) else { return Vec::new() };
    let models = workflow.models.iter().map(|id| ToolName::new(ToolName::MODEL, id));
    workflow.acts.keys().cloned().chain(models).collect()
}

fn side<'a>(
    bundle: &'a Bundle,
    book: &'a Book,
    workflow: &'a str,
    name: &'a ToolName,
) -> Option<SideAct<'a>> {
    side_of(bundle, &bundle.rules, book, workflow, name)
}

/// The same under other rules than the bundle's own.
pub(crate) fn side_of<'a>(
    bundle: &'a Bundle,
    rules: &'a Engine,
    book: &'a Book,
    workflow: &'a str,
    name: &'a ToolName,
) -> Option<SideAct<'a>> {
    let flow = bundle.workflows.get(workflow)?;
    let probe = rules.probe(book, workflow, name)?;
    let tool = bundle.find_tool(name).map(AsRef::as_ref);
    Some(SideAct { probe, workflow, name, tool, terms: bundle.terms(flow, name) })
}

/// Notes the policies that are on one side only, and what they read that no case varies.
fn note_changed(touched: &mut Touched, space: &Space, was: &SideAct<'_>, is: &SideAct<'_>) {
    let (before, after) = (was.probe.contents(), is.probe.contents());
    for (side, mine, other, in_base) in [(was, &before, &after, true), (is, &after, &before, false)] {
        for (content, id) in mine.iter().filter(|(content, _)| !other.contains_key(*content)) {
            touched.names.insert(*content, ((*id).to_owned(), in_base));
            let reads = |group: &str, name: &str| side.probe.policy_reads(content, group, name);
            let fixed = NOT_VARIED.iter().filter(|(group, name)| reads(group, name));
            let fixed = fixed.map(|(_, name)| format!("context.{name}"));
            let properties = side.schema().and_then(|schema| schema.get("properties")?.as_object());
            let args = properties.into_iter().flat_map(|p| p.keys());
            let args = args.filter(|name| reads("args", name) && !space.args.contains(*name));
            let blind: BTreeSet<String> =
                fixed.chain(args.map(|name| format!("context.args.{name}"))).collect();
            if !blind.is_empty() {
                touched.blind.entry(*content).or_default().extend(blind);
            }
        }
    }
}

/// One case, as the number of each fact's value.
pub(crate) type Key = Vec<u16>;

/// What came of trying an act.
#[derive(Debug, Default)]
struct Tried {
    cases: usize,
    /// Which cases were tried, when not all.
    cut: Option<String>,
    /// From → to → the cases in which it went so.
    moved: BTreeMap<(Reach, Reach), Vec<Key>>,
    /// How often each reach occurs in HEAD.
    reached: BTreeMap<Reach, usize>,
}

impl Tried {
    fn all(memo: &mut Memo, space: &Space, was: Option<&SideAct<'_>>, is: &SideAct<'_>) -> Self {
        let plan = Plan::of(space, was, is);
        let mut sheet = Sheet::new(memo, space, is);
        // Mostly one sheet serves both sides.
        let other = was.filter(|was| !was.is_numbered_as(is));
        let mut other = other.map(|was| Sheet::new(memo, space, was));
        let (mut was, mut is) = (was.map(Judge::new), Judge::new(is));
        let mut tried = Self { cut: plan.cut(), ..Self::default() };
        plan.each(&mut |key: &[u16]| {
            let after = is.reach(memo, &mut sheet, key);
            let before = was
                .as_mut()
                .map_or(Reach::Refused, |was| was.reach(memo, other.as_mut().unwrap_or(&mut sheet), key));
            tried.cases += 1;
            *tried.reached.entry(after).or_default() += 1;
            if before != after {
                tried.moved.entry((before, after)).or_default().push(key.to_vec());
            }
        });
        tried
    }
}

/// Which cases are tried.
#[derive(Debug)]
pub(crate) struct Plan {
    sizes: Vec<usize>,
    /// The facts that are combined in full.
    full: Vec<usize>,
    /// The others, of which at most `departures` depart from the plain case at a time.
    rest: Vec<usize>,
    departures: usize,
}

impl Plan {
    /// All cases where they are at most so many; else every combination of the facts that matter, with as few
    /// departures in the others as fit.
    pub(crate) fn about(space: &Space, most: usize, matters: impl Fn(usize, &Dim) -> bool) -> Self {
        let sizes: Vec<usize> = space.dims.iter().map(|dim| dim.values.len()).collect();
        let all: Vec<usize> = (0..sizes.len()).collect();
        let everything = Self { sizes: sizes.clone(), full: all.clone(), rest: Vec::new(), departures: 0 };
        if everything.cases() <= most {
            return everything;
        }
        let (full, rest): (Vec<usize>, Vec<usize>) =
            all.iter().partition(|at| matters(**at, &space.dims[**at]));
        let plans = [2, 1, 0].map(|departures| Self {
            sizes: sizes.clone(),
            full: full.clone(),
            rest: rest.clone(),
            departures,
        });
        let fits = plans.into_iter().find(|plan| !plan.full.is_empty() && plan.cases() <= most);
        fits.unwrap_or(Self { sizes, full: Vec::new(), rest: all, departures: 2 })
    }

    fn of(space: &Space, was: Option<&SideAct<'_>>, is: &SideAct<'_>) -> Self {
        let matters = changed_facts(space, was, is);
        Self::about(space, CASES_MAX, |at, _| matters.contains(&at))
    }

    /// What is left out, in words.
    pub(crate) fn cut(&self) -> Option<String> {
        match (self.rest.is_empty(), self.full.is_empty()) {
            (true, _) => None,
            (_, true) => Some("cases that depart from the plain one in at most two facts".to_owned()),
            _ => Some(format!(
                "every combination of the {} facts that matter, with at most {} departures in the {} others",
                self.full.len(),
                self.departures,
                self.rest.len()
            )),
        }
    }

    fn cases(&self) -> usize {
        let full = self.full.iter().fold(1_usize, |n, at| n.saturating_mul(self.sizes[*at]));
        let others: Vec<usize> = self.rest.iter().map(|at| self.sizes[*at] - 1).collect();
        let one: usize = others.iter().sum();
        let two: usize = (one * one - others.iter().map(|n| n * n).sum::<usize>()) / 2;
        full.saturating_mul(1 + [0, one, one + two][self.departures.min(2)])
    }

    pub(crate) fn each(&self, one: &mut impl FnMut(&[u16])) {
        let sizes: Vec<usize> = self.full.iter().map(|at| self.sizes[*at]).collect();
        let mut key = vec![0_u16; self.sizes.len()];
        every(&sizes, &mut |values| {
            for (at, value) in self.full.iter().zip(values) {
                key[*at] = *value;
            }
            departing(&self.sizes, &self.rest, self.departures, &mut key, one);
        });
    }
}

/// The facts that decide what changed policies say. When the act itself changed (its tier, roles, checks or
/// deciders), that can be any policy, and none is told apart.
fn changed_facts(space: &Space, was: Option<&SideAct<'_>>, is: &SideAct<'_>) -> BTreeSet<usize> {
    let Some(was) = was.filter(|was| was.probe.same_act_as(&is.probe)) else { return BTreeSet::new() };
    let (before, after) = (was.probe.contents(), is.probe.contents());
    let gone = before.keys().filter(|content| !after.contains_key(*content)).map(|content| (was, content));
    let new = after.keys().filter(|content| !before.contains_key(*content)).map(|content| (is, content));
    let changed: Vec<(&SideAct<'_>, &Digest)> = gone.chain(new).collect();
    let matters =
        |at: &usize| changed.iter().any(|(side, content)| space.dims[*at].matters_to(&side.probe, content));
    (0..space.dims.len()).filter(matters).collect()
}

fn every(sizes: &[usize], one: &mut impl FnMut(&[u16])) {
    let mut key = vec![0_u16; sizes.len()];
    loop {
        one(&key);
        let mut at = 0;
        loop {
            let Some(size) = sizes.get(at) else { return };
            key[at] += 1;
            if usize::from(key[at]) < *size {
                break;
            }
            key[at] = 0;
            at += 1;
        }
    }
}

/// The key as it is, and with at most so many of the other facts departing from their plain value.
fn departing(
    sizes: &[usize],
    rest: &[usize],
    departures: usize,
    key: &mut [u16],
    one: &mut impl FnMut(&[u16]),
) {
    one(key);
    if departures == 0 {
        return;
    }
    for (place, at) in rest.iter().enumerate() {
        for value in (1..sizes[*at]).filter_map(|value| u16::try_from(value).ok()) {
            key[*at] = value;
            departing(sizes, &rest[place + 1..], departures - 1, key, one);
        }
        key[*at] = 0;
    }
}

impl Space {
    /// The situation of one case.
    pub(crate) fn at(&self, key: &[u16]) -> Situation {
        let mut situation = self.plain.clone();
        for (dim, value) in self.dims.iter().zip(key) {
            dim.values[usize::from(*value)].apply(&mut situation);
        }
        situation
    }
}

#[cfg(test)]
mod tests;
