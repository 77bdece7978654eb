//! The facts of a case as Cedar values, built from types, not from JSON, and only those that a rule of
//! the slice reads.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use cedar_policy::{Context, RestrictedExpression};
use plimsoll_core::{ArgumentRole, Assume, Case, Hypothesis, Integrity};
use serde_json::Map;

use super::args::Arg;
use super::fact::Fact;
use super::flow::{self, Flow, Values};
use super::reach;
use super::reads::Reads;
use super::schema;
use super::slice::Slice;
use super::vocabulary::{ARGS, Field};

type Given = Result<Option<Fact>, String>;
type Pairs = Vec<(String, RestrictedExpression)>;

/// Each fact that the policies of a slice read, by record and name; what is optional and absent is left out.
pub(super) type Known = Vec<((&'static str, Cow<'static, str>), Fact)>;

/// What the policies of a slice read about a case.
pub(super) fn known(facts: &Facts<'_>) -> Result<Known, String> {
    let slice = facts.slice;
    if slice.reads.touches("amount") {
        facts.amount()?;
    }
    let mut known = Known::with_capacity(slice.fields.len());
    for field in &slice.fields {
        known.extend(facts.field(field)?.map(|fact| ((field.group, Cow::Borrowed(field.name)), fact)));
    }
    for arg in slice.read_args() {
        known.extend(facts.arg(arg)?.map(|fact| ((ARGS, Cow::Owned(arg.name.clone())), fact)));
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
        place.map_or(&mut pairs, |(_, record)| record).push((name.into_owned(), fact.cedar()));
    }
    for (group, members) in records {
        let record = RestrictedExpression::new_record(members).map_err(|e| e.to_string())?;
        pairs.push((group.to_owned(), record));
    }
    Context::from_pairs(pairs).map_err(|e| e.to_string())
}

/// What is the same in every question about one case, worked out with the first that needs it.
#[derive(Debug, Default)]
pub(super) struct Settled {
    values: OnceCell<Values>,
    amount: OnceCell<Result<Option<i64>, String>>,
}

/// What the facts are worked out from; what several of them share is worked out with the first.
pub(super) struct Facts<'c> {
    slice: &'c Slice,
    case: &'c Case<'c>,
    assume: &'c Assume,
    settled: Rc<Settled>,
    flow: OnceCell<Flow>,
}

impl<'c> Facts<'c> {
    pub(super) fn of(slice: &'c Slice, case: &'c Case<'c>, assume: &'c Assume) -> Self {
        Self::with(slice, case, assume, &Rc::default())
    }

    /// `settled` is of the same case in the same slice.
    pub(super) fn with(
        slice: &'c Slice,
        case: &'c Case<'c>,
        assume: &'c Assume,
        settled: &Rc<Settled>,
    ) -> Self {
        Self { slice, case, assume, settled: Rc::clone(settled), flow: OnceCell::new() }
    }

    /// The value of a field; `None` when it is optional and absent.
    pub(super) fn field(&self, field: &Field) -> Given {
        match self.fact(field)? {
            None if !field.optional => Err(format!("`context.{}` is not known", path(field))),
            fact => Ok(fact),
        }
    }

    /// The value of an argument; `None` when it is absent and may be.
    pub(super) fn arg(&self, arg: &Arg) -> Given {
        match self.case.act.arguments.as_object() {
            Some(arguments) => arg.value(arguments),
            None => arg.value(&Map::new()),
        }
    }

    fn amount(&self) -> Result<Option<i64>, String> {
        let read = || flow::hundredths(&self.slice.shape, &self.case.act.arguments);
        self.settled.amount.get_or_init(read).clone()
    }

    fn flow(&self) -> &Flow {
        // Only a rule about money has to know how much; for the others, what can't be read is not free.
        let free = || self.amount().is_ok_and(|amount| self.slice.is_free(amount));
        let values = || self.settled.values.get_or_init(|| Values::of(&self.slice.shape, self.case));
        self.flow.get_or_init(|| Flow::of(values(), self.assume, free()))
    }

    /// One fact of the vocabulary; [`part`](super::part) says what of a case each looks at. `None`: not known here.
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
            ("flow", "aimed") => number(self.flow().aimed(case)),
            ("flow", "unknown") => truth(self.flow().unknown),
            ("flow", "targets") => number(self.flow().targets),
            ("flow", "proven") => number(self.flow().proven(case)),
            ("flow", "chosen") => truth(self.flow().chosen),
            ("flow", "authored") => truth(self.flow().authored),
            ("flow", "listed") => truth(self.flow().listed),
            ("flow", "others") => truth(reach::touches_others(&self.slice.shape, case)),
            ("flow", role) => return Ok(role_of(role).and_then(|role| self.flow().role(role)).map(number)),
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
            ("amount", "hundredths") => number(self.amount()?.unwrap_or(0)),
            ("amount", "within_free") => truth(self.slice.is_free(self.amount()?)),
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
