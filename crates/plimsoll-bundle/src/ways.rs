//! Other ways on than those of the same act: its draft twin, or the same act with less. Pure: each is
//! made into a case of its own and tried on the rules; what would not run is not offered.

use plimsoll_core::{
    Act, ArgumentOrigin, ArgumentRole, Case, CheckFact, Facts, Flow, Integrity, Remedy, Rules, Ruling,
    Verdict, would_run,
};
use serde_json::{Number, Value};

use crate::declared;
use crate::model::{Bundle, Tool, Workflow};

/// Lists that are narrowed at most.
const LISTS_MAX: usize = 4;

impl Bundle {
    /// Decides one case, and adds the ways around an act that is held or refused. The one path and every replay
    /// decide by this.
    pub fn decide(&self, workflow: &Workflow, rules: &dyn Rules, case: &Case<'_>) -> Verdict {
        let mut verdict = plimsoll_core::decide(rules, case);
        if verdict.decision.ruling != Ruling::Allow {
            verdict.decision.remedies.extend(self.other_ways(workflow, rules, case));
        }
        verdict
    }

    /// The ways around an act that is held or refused, in the order of what they keep of it.
    pub fn other_ways(&self, workflow: &Workflow, rules: &dyn Rules, case: &Case<'_>) -> Vec<Remedy> {
        let Some(tool) = self.find_tool(&case.act.tool) else { return Vec::new() };
        let mut ways = shorter_lists(tool, rules, case);
        ways.extend(smaller_amount(tool, rules, case));
        ways.extend(self.draft(tool, workflow, rules, case));
        ways
    }

    /// The tool's draft twin, with the same arguments.
    fn draft(&self, tool: &Tool, workflow: &Workflow, rules: &dyn Rules, case: &Case<'_>) -> Option<Remedy> {
        let name = tool.draft.as_ref().filter(|draft| workflow.acts.contains_key(draft))?;
        let draft = self.find_tool(name)?;
        let act = Act { tool: name.clone(), ..case.act.clone() };
        if draft.pin.as_ref().is_some_and(|pin| pin.validate(&act.arguments).is_err()) {
            return None;
        }
        let facts = Facts {
            terms: self.terms(workflow, name),
            approval: None,
            checks: declared::open_checks(self, name),
            objections: Vec::new(),
            ..case.facts.clone()
        };
        let twin = Case {
            act: &act,
            tier: draft.tier,
            effect: draft.effect,
            account: draft.account,
            facts: &facts,
            ..*case
        };
        would_run(rules, &twin).then(|| Remedy::UseTool { tool: name.to_string() })
    }
}

/// The same act without the elements of a list that nobody stands behind.
fn shorter_lists(tool: &Tool, rules: &dyn Rules, case: &Case<'_>) -> Vec<Remedy> {
    let origins = &case.flow.origins;
    let lists = origins.iter().filter(|origin| {
        let list = case.act.arguments.pointer(&origin.argument).and_then(Value::as_array);
        origin.role.must_be_proven() && list.is_some_and(|list| list.len() > 1)
    });
    let ways = lists.take(LISTS_MAX).filter_map(|list| {
        let (kept, flow) = without_unproven(case, &list.argument)?;
        let mut arguments = case.act.arguments.clone();
        let elements = arguments.pointer_mut(&list.argument)?.as_array_mut()?;
        let mut at = 0;
        elements.retain(|_| {
            at += 1;
            kept.iter().any(|(index, _)| *index == at - 1)
        });
        let to: Vec<&str> = kept.iter().map(|(_, preview)| preview.as_str()).collect();
        let to = to.join(", ");
        let fits = run_with(tool, rules, case, arguments, &flow);
        fits.then(|| Remedy::Narrow { argument: list.argument.clone(), to })
    });
    ways.collect()
}

/// The elements that are proven and chosen, with their place, and the flow without the others.
fn without_unproven(case: &Case<'_>, list: &str) -> Option<(Vec<(usize, String)>, Flow)> {
    let length = case.act.arguments.pointer(list)?.as_array()?.len();
    let element = |index: usize| {
        let pointer = format!("{list}/{index}");
        case.flow.origins.iter().find(|origin| origin.argument == pointer)
    };
    let sound =
        |origin: &&ArgumentOrigin| origin.chosen && !origin.unknown && origin.integrity >= Integrity::Trusted;
    let kept: Vec<(usize, &ArgumentOrigin)> =
        (0..length).filter_map(|index| Some((index, element(index).filter(sound)?))).collect();
    if kept.is_empty() || kept.len() == length {
        return None;
    }
    let mut flow = case.flow.clone();
    let inside = format!("{list}/");
    flow.origins.retain(|origin| origin.argument != list && !origin.argument.starts_with(&inside));
    for (index, (_, origin)) in kept.iter().enumerate() {
        flow.origins.push(ArgumentOrigin { argument: format!("{list}/{index}"), ..(*origin).clone() });
    }
    let preview =
        |origin: &ArgumentOrigin| origin.preview.clone().unwrap_or_else(|| "what was named".to_owned());
    Some((kept.into_iter().map(|(index, origin)| (index, preview(origin))).collect(), flow))
}

/// The same act with no more money than the tool may move freely.
fn smaller_amount(tool: &Tool, rules: &dyn Rules, case: &Case<'_>) -> Option<Remedy> {
    let failed = case.facts.checks.iter().any(|check| check.passed == Some(false));
    let free = tool.amount_free.filter(|free| *free > 0 && !failed)?;
    let mut amounts = tool.meaning.roles.iter().filter(|(_, role)| **role == ArgumentRole::Amount);
    let (path, None) = (amounts.next()?.0, amounts.next()) else { return None };
    let amount = case.act.arguments.pointer(path)?.as_number()?.as_f64()?;
    let limit = hundredths(free);
    let number: Number = serde_json::from_str(&limit).ok()?;
    if number.as_f64().is_none_or(|limit| amount <= limit) {
        return None;
    }
    let mut arguments = case.act.arguments.clone();
    *arguments.pointer_mut(path)? = Value::Number(number);
    let to = format!("at most {limit}");
    run_with(tool, rules, case, arguments, case.flow).then(|| Remedy::Narrow { argument: path.clone(), to })
}

/// Whether the act would run with these arguments. Its checks are open again: they were of another act.
fn run_with(tool: &Tool, rules: &dyn Rules, case: &Case<'_>, arguments: Value, flow: &Flow) -> bool {
    if tool.pin.as_ref().is_some_and(|pin| pin.validate(&arguments).is_err()) {
        return false;
    }
    let act = Act { arguments, ..case.act.clone() };
    let facts = Facts { approval: None, checks: open_checks(tool), ..case.facts.clone() };
    would_run(rules, &Case { act: &act, flow, facts: &facts, ..*case })
}

fn open_checks(tool: &Tool) -> Vec<CheckFact> {
    let open = |name: &str| CheckFact { name: name.to_owned(), passed: None, detail: String::new() };
    tool.checks.iter().map(|check| open(&check.name)).collect()
}

/// `49.90` from 4990.
fn hundredths(amount: i64) -> String {
    match amount % 100 {
        0 => (amount / 100).to_string(),
        rest => format!("{}.{rest:02}", amount / 100),
    }
}
