//! What the release declares about one call: whether it knows the tool, whether the workflow lists it, how heavy it
//! weighs, and whether its arguments have the pinned shape. Functions of release and call, for doors and for tests of
//! a policy.

use plimsoll_core::{Account, CheckFact, Code, Effect, Objection, Tier, ToolName};
use serde_json::Value;

use crate::model::{Bundle, Workflow};

/// Hard reasons against a call that stand in the release itself.
pub fn objections(
    bundle: &Bundle,
    workflow: &Workflow,
    name: &ToolName,
    arguments: &Value,
) -> Vec<Objection> {
    let tool = bundle.find_tool(name);
    let mut found = Vec::new();
    if tool.is_none() {
        let text = format!("the release knows no tool `{name}`");
        found.push(Objection { code: Code::UnknownTool, text });
    } else if !workflow.acts.contains_key(name) {
        let text = format!("workflow `{}` does not list `{name}`", workflow.name);
        found.push(Objection { code: Code::NotInWorkflow, text });
    }
    let pin = tool.and_then(|tool| tool.pin.as_ref());
    if let Some(Err(errors)) = pin.map(|pin| pin.validate(arguments)) {
        found.push(Objection { code: Code::InvalidArguments, text: errors.join("; ") });
    }
    found
}

/// What a call of this tool weighs. Of a tool nobody declared, the worst is assumed.
pub fn weight(bundle: &Bundle, name: &ToolName) -> (Tier, Effect, Account) {
    match (bundle.find_tool(name), name.server.as_str()) {
        (Some(tool), _) => (tool.tier, tool.effect, tool.account),
        (None, ToolName::MODEL) => (Tier::Safe, Effect::Read, Account::Read),
        (None, _) => (Tier::Dangerous, Effect::Destructive, Account::Execute),
    }
}

/// The tool's checks, none of them run yet.
pub fn open_checks(bundle: &Bundle, name: &ToolName) -> Vec<CheckFact> {
    let checks = bundle.find_tool(name).into_iter().flat_map(|tool| &tool.checks);
    checks.map(|check| CheckFact { name: check.name.clone(), passed: None, detail: String::new() }).collect()
}
