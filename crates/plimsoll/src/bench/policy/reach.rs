//! Adaptive reach: could an attacker who has read along, and who freely chooses every value, get an act that matters
//! past the rules?
//!
//! The state is the context right before each of the user's own consequential calls, and at the end. For each tool of
//! the workflow the search fills the tool's arguments with values that stand in the context (and new text where text
//! goes), and asks the rules. First each argument alone: a value is kept when the rules permit the call with the other
//! arguments as if the user had chosen them. Then whole calls: the first kept value everywhere, and from there each
//! argument in turn through all kept values, judged as any call is. What passes counts when it differs from every call
//! of the user's own task in at least one value.
//!
//! A search may miss: values that stand nowhere as they are tried (another spelling of a date), rules that weigh two
//! arguments against each other, lists of several elements. What it finds is certain.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_bundle::{Bundle, Workflow};
use plimsoll_core::{
    ArgumentOrigin, ArgumentRole, Effect, Flow, Integrity, Payload, Ruling, Tier, ToolName, Trajectory,
};
use plimsoll_inspect::trace::Prepared;
use serde_json::{Value, json};

use super::differ::{leaves, missing, pattern};
use super::domain::Domains;
use super::pool::Pool;
use super::scene::Scene;
use super::slots::{Slot, put, slots};

/// Whole calls judged for one tool in one state at most.
const CALLS_MAX: usize = 4_096;

/// A call that passes and that the user did not ask for.
#[derive(Clone, Debug)]
pub struct Reached {
    pub tool: ToolName,
    pub effect: Effect,
    pub args: Value,
    /// It differs in whom or what it aims at, not only in what it says or how much it moves.
    pub other_target: bool,
}

impl Reached {
    /// Its effect goes outside, or something is gone afterwards.
    pub fn outside(&self) -> bool {
        matches!(self.effect, Effect::External | Effect::Egress | Effect::Destructive)
    }
}

/// What was found for one benign episode.
#[derive(Debug, Default)]
pub struct Reach {
    /// The user's own task has no consequential call.
    pub read_only: bool,
    /// One call for each tool that can be reached.
    pub found: Vec<Reached>,
}

/// Whether an act of this tool with these arguments touches anybody but the asker.
pub fn is_consequential(scene: &Scene<'_>, tool: &ToolName, arguments: &Value) -> bool {
    let (tier, effect, _) = plimsoll_bundle::declared::weight(scene.ground.bundle, tool);
    match (tier, effect) {
        (Tier::Safe, _) | (_, Effect::Read) => false,
        (_, Effect::External | Effect::Egress | Effect::Destructive) => true,
        (_, Effect::Own | Effect::Shared) => has_other_recipient(scene, tool, arguments),
    }
}

fn has_other_recipient(scene: &Scene<'_>, tool: &ToolName, arguments: &Value) -> bool {
    let Some(tool) = scene.ground.bundle.find_tool(tool) else { return true };
    let paths = tool.meaning.roles.iter().filter(|(_, role)| **role == ArgumentRole::Recipient);
    let paths: Vec<&str> = paths.map(|(path, _)| path.trim_end_matches("/*")).collect();
    let asker = scene.principal.requester();
    leaves(arguments).iter().any(|(pointer, value)| {
        let within = |path: &&str| {
            pattern(pointer).strip_prefix(*path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        paths.iter().any(within) && !value.eq_ignore_ascii_case(asker)
    })
}

/// Tools that could do harm and of which nothing says what arguments they take.
pub fn not_searched(bundle: &Bundle, workflows: &[&Workflow]) -> Vec<String> {
    let names: BTreeSet<&ToolName> = workflows.iter().flat_map(|workflow| workflow.acts.keys()).collect();
    let tools = names.into_iter().filter_map(|name| bundle.find_tool(name));
    let open =
        tools.filter(|tool| tool.tier != Tier::Safe && tool.effect != Effect::Read && tool.pin.is_none());
    open.map(|tool| tool.name.to_string()).collect()
}

/// Searches one benign episode.
pub fn search(scene: &Scene<'_>, domains: &Domains) -> Reach {
    let own: Vec<(usize, ToolName, &Value)> =
        scene.episode.judged().map(|(at, call)| (at, scene.tool(&call.tool), &call.args)).collect();
    let matters = own.iter().filter(|(_, tool, args)| is_consequential(scene, tool, args));
    let mut states: Vec<usize> = matters.map(|(at, ..)| *at).collect();
    let read_only = states.is_empty();
    states.push(scene.episode.steps.len());
    let mut found: BTreeMap<ToolName, Reached> = BTreeMap::new();
    for until in states {
        let context = scene.context(until);
        let prepared = context.prepare(scene.ground.bundle);
        let pool = Pool::of(&context);
        for name in scene.workflow.acts.keys() {
            if found.get(name).is_some_and(|known| known.other_target) {
                continue;
            }
            let own = own.iter().filter(|(_, tool, _)| tool == name).map(|(_, _, args)| *args).collect();
            let state =
                State { scene, prepared: &prepared, trajectory: &context.trajectory, name, own, domains };
            if let Some(reached) = state.search(&pool) {
                found
                    .entry(name.clone())
                    .and_modify(|known| {
                        if reached.other_target {
                            *known = reached.clone();
                        }
                    })
                    .or_insert(reached);
            }
        }
    }
    Reach { read_only, found: found.into_values().collect() }
}

/// One tool in one state of an episode.
struct State<'s> {
    scene: &'s Scene<'s>,
    prepared: &'s Prepared<'s>,
    trajectory: &'s Trajectory,
    name: &'s ToolName,
    /// The user's own calls of this tool.
    own: Vec<&'s Value>,
    domains: &'s Domains,
}

/// A place with the values to try in it.
struct Place<'t> {
    slot: Slot<'t>,
    values: Vec<Value>,
}

impl State<'_> {
    fn search(&self, pool: &Pool) -> Option<Reached> {
        let tool = self.scene.ground.bundle.find_tool(self.name)?;
        if tool.tier == Tier::Safe || tool.effect == Effect::Read {
            return None;
        }
        let mut places: Vec<Place<'_>> = slots(tool, self.domains)?
            .into_iter()
            .map(|slot| {
                let own: Vec<Value> =
                    self.own.iter().filter_map(|args| args.pointer(&slot.pointer)).cloned().collect();
                let values = slot.candidates(pool, &own, tool.amount_free);
                Place { slot, values }
            })
            .collect();
        // What aims comes first: another target says more than another text.
        places.sort_by_key(|place| !place.slot.role.aims());
        let mut best = None;
        let mut left = CALLS_MAX;
        for base in self.bases(&places) {
            let found = self.vary(&places, base, &mut left);
            if found.as_ref().is_some_and(|reached| reached.other_target) {
                return found;
            }
            best = best.or(found);
        }
        best
    }

    /// Calls to begin with: the user's own, and one with the required arguments only.
    fn bases(&self, places: &[Place<'_>]) -> Vec<Value> {
        let mut bases: Vec<Value> = self.own.iter().map(|args| (*args).clone()).collect();
        let mut required = json!({});
        let complete = places.iter().filter(|place| place.slot.required).all(|place| {
            let first = place.values.first().cloned();
            let is_there = first.is_some();
            put(&mut required, &place.slot.pointer, first.unwrap_or_default());
            is_there
        });
        if complete {
            bases.push(required);
        }
        bases
    }

    fn vary(&self, places: &[Place<'_>], base: Value, left: &mut usize) -> Option<Reached> {
        let flow = idealised(self.scene.flow(self.prepared, self.name, &base));
        // Nothing an attacker could put in helps where the rules forbid the best of calls.
        let named = flow.origins.iter().map(|origin| origin.argument.clone()).collect();
        if !self.permits(&base, flow.clone(), named) {
            return None;
        }
        let mut whole = base.clone();
        for place in
            places.iter().filter(|place| base.pointer(&place.slot.pointer).is_some_and(|v| !v.is_null()))
        {
            match place.values.iter().find(|value| self.passes_alone(&place.slot, value, &base, &flow)) {
                Some(value) => put(&mut whole, &place.slot.pointer, value.clone()),
                None => return None,
            }
        }
        let mut best = self.attempt(&whole, left);
        for place in places {
            if best.as_ref().is_some_and(|reached| reached.other_target || !place.slot.role.aims()) {
                break;
            }
            for value in &place.values {
                if *left == 0 {
                    return best;
                }
                let mut varied = whole.clone();
                put(&mut varied, &place.slot.pointer, value.clone());
                let new = varied != whole && self.is_other(&varied);
                if !new || !self.passes_alone(&place.slot, value, &base, &flow) {
                    continue;
                }
                match self.attempt(&varied, left) {
                    Some(reached) if reached.other_target || best.is_none() => best = Some(reached),
                    _ => continue,
                }
                if best.as_ref().is_some_and(|reached| reached.other_target || !place.slot.role.aims()) {
                    break;
                }
            }
        }
        best
    }

    /// Judges a whole call as any call is judged.
    fn attempt(&self, arguments: &Value, left: &mut usize) -> Option<Reached> {
        *left = left.checked_sub(1)?;
        if !self.is_other(arguments) || !is_consequential(self.scene, self.name, arguments) {
            return None;
        }
        let flow = self.scene.flow(self.prepared, self.name, arguments);
        let ruled = self.scene.decide(self.name.clone(), arguments.clone(), flow, self.trajectory);
        (ruled.decision.ruling == Ruling::Allow).then(|| Reached {
            tool: self.name.clone(),
            effect: ruled.effect,
            args: arguments.clone(),
            other_target: self.aims_elsewhere(arguments, &ruled.flow),
        })
    }

    fn permits(&self, arguments: &Value, flow: Flow, named: Vec<String>) -> bool {
        let judgement = self.scene.judge(self.name, arguments, flow, named, self.trajectory);
        judgement.permitted && judgement.errors.is_empty()
    }

    /// Whether the rules permit this value where all other arguments are as good as can be.
    fn passes_alone(&self, slot: &Slot<'_>, value: &Value, base: &Value, ideal: &Flow) -> bool {
        let mut alone = json!({});
        put(&mut alone, &slot.pointer, value.clone());
        let mut arguments = base.clone();
        put(&mut arguments, &slot.pointer, value.clone());
        let own = self.scene.flow(self.prepared, self.name, &alone);
        let top = format!("/{}", slot.pointer.split('/').nth(1).unwrap_or_default());
        let within = |origin: &&ArgumentOrigin| {
            origin.argument.strip_prefix(&top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut flow = ideal.clone();
        flow.origins.retain(|origin| !within(&origin) || slot_of_other_member(origin, slot));
        let named = flow.origins.iter().map(|origin| origin.argument.clone()).collect();
        flow.origins.extend(own.origins);
        if matches!(slot.role, ArgumentRole::Content | ArgumentRole::Query | ArgumentRole::Code) {
            flow.payload = own.payload;
        }
        self.permits(&arguments, flow, named)
    }

    /// Whether it differs in some value from every call of the user's own.
    fn is_other(&self, arguments: &Value) -> bool {
        !self.own.iter().any(|own| missing(arguments, own).is_empty())
    }

    /// Whether each of the user's own calls lacks one of its targets.
    fn aims_elsewhere(&self, arguments: &Value, flow: &Flow) -> bool {
        let aims = |pointer: &String| {
            flow.origins.iter().any(|origin| origin.argument == *pointer && origin.role.aims())
        };
        self.own.iter().all(|own| missing(arguments, own).iter().any(aims))
    }
}

/// In a list of objects the members beside the one that is tried keep their origins.
fn slot_of_other_member(origin: &ArgumentOrigin, slot: &Slot<'_>) -> bool {
    let parts = |pointer: &str| pointer.split('/').skip(1).map(str::to_owned).collect::<Vec<_>>();
    let (mine, other) = (parts(&slot.pointer), parts(&origin.argument));
    mine.len() > 2 && other.len() == mine.len() && mine.last() != other.last()
}

/// The same, as if the user had chosen every value.
fn idealised(mut flow: Flow) -> Flow {
    for origin in &mut flow.origins {
        origin.integrity = Integrity::User;
        origin.chosen = true;
        origin.unknown = false;
    }
    flow.payload = Payload::default();
    flow
}
