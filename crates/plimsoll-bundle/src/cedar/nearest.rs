//! What was missing: the permits that could have spoken, each with the conditions that did not hold.
//!
//! For `plimsoll explain`, after a refusal; not on the path of a request.

use cedar_policy::{Decision, Effect, Entities, Policy, PolicySet, Request};
use plimsoll_core::{Assume, Case};
use serde_json::{Value, json};

use super::context::Facts;
use super::slice;
use super::{Engine, Rule};

/// A permit that did not apply, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    pub rule: String,
    /// The conditions that did not hold, in words where there are words, else in Cedar.
    pub missing: Vec<String>,
}

impl Engine {
    /// The permits of this act's slice that did not apply, the one that lacks least first.
    pub fn nearest(&self, case: &Case<'_>) -> Vec<Nearest> {
        let Some(slice) = self.slice(case.workflow, &case.act.tool) else { return Vec::new() };
        let assume = Assume::default();
        let request = Self::question(slice, case, &Facts::of(slice, case, &assume))
            .and_then(|asked| self.request(slice, case, &asked));
        let Ok(request) = request else { return Vec::new() };
        let Ok(entities) = slice::entities(slice, &slice.reads, case) else { return Vec::new() };
        let ids = slice.policies.policies().map(Policy::id);
        let permits = ids.filter_map(|id| self.rules.get(id)).filter(|r| r.policy.effect() == Effect::Permit);
        let mut nearest: Vec<(usize, Nearest)> = permits
            .map(|rule| {
                (
                    rule.rank,
                    Nearest { rule: rule.id.clone(), missing: self.missing(rule, &request, &entities) },
                )
            })
            .filter(|(_, near)| !near.missing.is_empty())
            .collect();
        nearest.sort_by_key(|(rank, near)| (near.missing.len(), *rank));
        nearest.into_iter().map(|(_, near)| near).collect()
    }

    /// Each conjunct by itself, as a policy of its own.
    fn missing(&self, rule: &Rule, request: &Request, entities: &Entities) -> Vec<String> {
        let Ok(json) = rule.policy.to_json() else { return Vec::new() };
        let holds = |part: &Policy| {
            let set = PolicySet::from_policies([part.clone()]);
            set.is_ok_and(|set| {
                self.authorizer.is_authorized(request, &set, entities).decision() == Decision::Allow
            })
        };
        let parts = conjuncts(&json).into_iter().filter_map(|part| Policy::from_json(None, part).ok());
        parts.filter(|part| !holds(part)).map(|part| words(&part)).collect()
    }
}

/// One policy for the scope, and one for each part that has to be true.
fn conjuncts(policy: &Value) -> Vec<Value> {
    let with = |scope: &Value, conditions: Value| {
        json!({
            "effect": "permit",
            "principal": scope["principal"], "action": scope["action"], "resource": scope["resource"],
            "conditions": conditions,
        })
    };
    let all = json!({"principal": {"op": "All"}, "action": {"op": "All"}, "resource": {"op": "All"}});
    let mut parts = vec![with(policy, json!([]))];
    for condition in policy["conditions"].as_array().into_iter().flatten() {
        let kind = &condition["kind"];
        let mut bodies = Vec::new();
        // `unless { a && b }` fails only as a whole.
        if kind == "when" {
            split(&condition["body"], &mut bodies)
        } else {
            bodies.push(condition["body"].clone())
        }
        parts.extend(bodies.into_iter().map(|body| with(&all, json!([{"kind": kind, "body": body}]))));
    }
    parts
}

fn split(body: &Value, parts: &mut Vec<Value>) {
    match body.get("&&") {
        Some(both) => {
            split(&both["left"], parts);
            split(&both["right"], parts);
        }
        None => parts.push(body.clone()),
    }
}

/// Words for the conditions that the shipped policies use.
const WORDS: &[(&str, &str)] = &[
    ("context.approval.granted", "an approval of this exact act"),
    ("context.checks.passed", "every declared check passed"),
    ("context.checks.declared >= 1", "a check against a system of record"),
    ("context.hypothesis.known", "a known model answer that proposed this call"),
    ("context.intent.asked", "the user's own words asking for this kind of act"),
    (
        "context.flow.chosen",
        "each value that must be proven named by the user, or lent by a record they named",
    ),
    ("context.flow.proven >= 1", "each value that must be proven taken from a trusted source"),
    ("context.flow.targets >= 1", "a value that can be proven"),
    ("context.flow.listed", "each value taken from a directory that the organisation keeps"),
    ("action in Action::\"shared\"", "a tool that changes what the house shares"),
    ("action in Action::\"read\"", "a tool that only looks"),
    ("context.flow.authored", "each value written by an author whom the user named"),
    (
        "(!(context.flow.targets < 1)) || (!context.trajectory.tainted)",
        "a value that can be proven, or a model that has seen nothing untrusted",
    ),
    ("context.flow.aimed >= 2", "whom or what it reaches named by the user"),
    ("context.flow.aimed >= 1", "whom or what it reaches taken from a trusted source"),
];

fn words(part: &Policy) -> String {
    let text = part.to_cedar().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let condition = condition(&text).map_or_else(|| text.clone(), at_least);
    let known = WORDS.iter().find(|(cedar, _)| *cedar == condition);
    known.map_or(condition, |(_, words)| (*words).to_owned())
}

/// What stands between `when {` and its brace.
fn condition(policy: &str) -> Option<&str> {
    let (_, rest) = policy.split_once(") when { ")?;
    let body = rest.strip_suffix(';')?.trim_end().strip_suffix('}')?.trim();
    Some(unwrapped(body))
}

/// Without the parentheses around all of it.
fn unwrapped(body: &str) -> &str {
    let inner = body.strip_prefix('(').and_then(|b| b.strip_suffix(')'));
    let balanced = |inner: &&str| {
        let mut open = 0_i32;
        inner.chars().all(|c| {
            open += i32::from(c == '(') - i32::from(c == ')');
            open >= 0
        })
    };
    inner.filter(balanced).unwrap_or(body)
}

/// Cedar keeps `a >= b` as `!(a < b)`.
fn at_least(condition: &str) -> String {
    let inside = condition.strip_prefix("!(").and_then(|c| c.strip_suffix(')'));
    match inside.filter(|c| !c.contains(['(', '&', '|'])).and_then(|c| c.split_once(" < ")) {
        Some((left, right)) => format!("{left} >= {right}"),
        None => condition.to_owned(),
    }
}
