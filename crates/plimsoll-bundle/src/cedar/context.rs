//! The facts of a case as Cedar values, built from types, not from JSON, and only those that a rule of
//! the slice reads.

use cedar_policy::{Context, RestrictedExpression};
use plimsoll_core::{ArgumentRole, Assume, Case, Hypothesis, Integrity};
use serde_json::Map;

use super::fact::Fact;
use super::flow::{self, Flow};
use super::reach;
use super::reads::Reads;
use super::schema;
use super::slice::Slice;
use super::vocabulary::{ARGS, Field};

type Given = Result<Option<Fact>, String>;
type Pairs = Vec<(String, RestrictedExpression)>;

/// Each fact that the policies of a slice read, by record and name; what is optional and absent is left out.
pub(super) type Known = Vec<((&'static str, String), Fact)>;

/// What the policies of a slice read about a case.
pub(super) fn known(slice: &Slice, case: &Case<'_>, assume: &Assume) -> Result<Known, String> {
    let facts = Facts::of(slice, case, assume)?;
    let mut known = Known::new();
    for field in &slice.fields {
        match facts.fact(field)? {
            Some(fact) => known.push(((field.group, field.name.to_owned()), fact)),
            None if field.optional => {}
            None => return Err(format!("`context.{}` is not known", path(field))),
        }
    }
    if slice.reads.touches(ARGS) {
        facts.args(&mut known)?;
    }
    Ok(known)
}

/// The context that says these facts, in the records that `reads` touches.
pub(super) fn of_facts(reads: &Reads, known: Known) -> Result<Context, String> {
    let mut pairs = Pairs::new();
    let groups = schema::group_names().chain([ARGS]).filter(|group| reads.touches(group));
    let mut records: Vec<(&str, Pairs)> = groups.map(|group| (group, Pairs::new())).collect();
    for ((group, name), fact) in known {
        let place = records.iter_mut().find(|(record, _)| *record == group);
        place.map_or(&mut pairs, |(_, record)| record).push((name, fact.cedar()));
    }
    for (group, members) in records {
        let record = RestrictedExpression::new_record(members).map_err(|e| e.to_string())?;
        pairs.push((group.to_owned(), record));
    }
    Context::from_pairs(pairs).map_err(|e| e.to_string())
}

/// What the facts are worked out from, and what several of them share.
struct Facts<'c> {
    slice: &'c Slice,
    case: &'c Case<'c>,
    assume: &'c Assume,
    flow: Flow,
    amount: Option<i64>,
}

impl<'c> Facts<'c> {
    fn of(slice: &'c Slice, case: &'c Case<'c>, assume: &'c Assume) -> Result<Self, String> {
        let reads = |group: &str| slice.reads.touches(group);
        let amount = match reads("amount") || reads("flow") {
            true => flow::hundredths(&slice.shape, &case.act.arguments),
            false => Ok(None),
        };
        // Only a rule about money has to know how much; for the others, what can't be read is not free.
        let free = amount.as_ref().is_ok_and(|amount| slice.is_free(*amount));
        let flow = if reads("flow") { Flow::of(&slice.shape, case, assume, free) } else { Flow::default() };
        let amount = if reads("amount") { amount? } else { None };
        Ok(Self { slice, case, assume, flow, amount })
    }

    fn args(&self, known: &mut Known) -> Result<(), String> {
        let none = Map::new();
        let arguments = self.case.act.arguments.as_object().unwrap_or(&none);
        for arg in self.slice.shape.args.iter().filter(|arg| self.slice.reads.has(ARGS, &arg.name)) {
            if let Some(fact) = arg.value(arguments)? {
                known.push(((ARGS, arg.name.clone()), fact));
            }
        }
        Ok(())
    }

    /// One fact of the vocabulary. `None`: not known here.
    fn fact(&self, field: &Field) -> Given {
        let case = self.case;
        Ok(Some(match (field.group, field.name) {
            ("", "mode") => text(case.mode.name()),
            ("", "environment") => text(case.environment),
            ("", "workflow") => text(case.workflow),
            ("", "release") => text(case.release),
            ("", "deferred") => truth(case.facts.deferred),
            ("", "decides") => text(self.slice.decides),
            ("", "flags") => Fact::texts(case.facts.flags.iter().cloned()),
            ("", "now") => Fact::Time(case.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            ("flow", "aimed") => number(self.flow.aimed(case)),
            ("flow", "unknown") => truth(self.flow.unknown),
            ("flow", "targets") => number(self.flow.targets),
            ("flow", "proven") => number(self.flow.proven(case)),
            ("flow", "chosen") => truth(self.flow.chosen),
            ("flow", "authored") => truth(self.flow.authored),
            ("flow", "listed") => truth(self.flow.listed),
            ("flow", "others") => truth(reach::touches_others(&self.slice.shape, case)),
            ("flow", role) => return Ok(role_of(role).and_then(|role| self.flow.role(role)).map(number)),
            ("trajectory", "integrity") => number(case.trajectory.label.integrity.level()),
            ("trajectory", "spans") => number(i64::from(case.trajectory.spans)),
            ("trajectory", "classes") => Fact::texts(case.trajectory.label.classes.iter().cloned()),
            ("trajectory", "untrusted_tools") => {
                Fact::texts(case.trajectory.untrusted_tools.iter().map(ToString::to_string))
            }
            ("trajectory", "tainted") => truth(case.trajectory.label.integrity == Integrity::Untrusted),
            ("trajectory", "lethal") => truth(self.lethal()),
            ("intent", "asked") => truth(case.flow.intent.asked || self.assume.asked),
            ("payload", "foreign") => truth(!case.flow.payload.foreign.is_empty()),
            ("payload", "classes") => Fact::texts(case.flow.payload.classes.iter().cloned()),
            ("payload", "undictated") => truth(case.flow.payload.undictated),
            ("egress", "outside") => truth(reach::is_outside(&self.slice.shape, case)),
            ("approval", "granted") => truth(self.approved()),
            ("approval", "untrusted") => truth(self.slice.untrusted),
            ("checks", "declared") => number(self.declared()),
            ("checks", "passed") => truth(self.passed()),
            ("hypothesis", "known") => truth(case.facts.hypothesis != Hypothesis::Unknown),
            ("amount", "hundredths") => number(self.amount.unwrap_or(0)),
            ("amount", "within_free") => truth(self.slice.is_free(self.amount)),
            ("counters", name) => return Ok(case.facts.counters.get(name).copied().map(number)),
            _ => return Ok(None),
        }))
    }

    fn approved(&self) -> bool {
        self.assume.approval || self.case.facts.approval.as_ref().is_some_and(|a| a.granted && !a.denied)
    }

    fn declared(&self) -> i64 {
        let declared = self.slice.shape.checks.len().max(self.case.facts.checks.len());
        i64::try_from(declared).unwrap_or(i64::MAX)
    }

    /// Every check of the release has passed, and every check that was handed in besides.
    fn passed(&self) -> bool {
        let facts = &self.case.facts.checks;
        let known = |name: &String| facts.iter().any(|fact| fact.name == *name);
        self.assume.checks
            || (facts.iter().all(|fact| fact.passed == Some(true))
                && self.slice.shape.checks.iter().all(known))
    }

    /// Untrusted content and something of a data class in one context: what it takes to leak, but for a
    /// way out.
    fn lethal(&self) -> bool {
        let label = &self.case.trajectory.label;
        label.integrity == Integrity::Untrusted && !label.classes.is_empty()
    }
}

fn role_of(name: &str) -> Option<ArgumentRole> {
    ArgumentRole::ALL.into_iter().find(|role| role.name() == name)
}

fn path(field: &Field) -> String {
    if field.group.is_empty() { field.name.to_owned() } else { format!("{}.{}", field.group, field.name) }
}

fn text(text: &str) -> Fact {
    Fact::Text(text.to_owned())
}

fn number(number: i64) -> Fact {
    Fact::Number(number)
}

fn truth(truth: bool) -> Fact {
    Fact::Truth(truth)
}
