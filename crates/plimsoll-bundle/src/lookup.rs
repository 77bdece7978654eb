//! Questions that the gateway asks a bundle.

use std::sync::Arc;

use plimsoll_core::{ApprovalTerms, ToolName};

use crate::model::{Boundary, Bundle, Decider, Model, Provider, Reach, Tool, Workflow};

impl Bundle {
    pub fn workflow(&self, name: &str) -> Option<&Arc<Workflow>> {
        self.workflows.get(name)
    }

    pub fn find_tool(&self, name: &ToolName) -> Option<&Arc<Tool>> {
        self.servers.get(&name.server)?.tools.get(&name.tool)
    }

    /// The model of the workflow that answers to a requested name: an exact name before a pattern, a
    /// longer pattern before a shorter one, then the workflow's own order.
    pub fn model_for(&self, workflow: &Workflow, requested: &str) -> Option<&Arc<Model>> {
        self.best_model(workflow, requested, |_| true)
    }

    /// The same among the models that speak a provider's protocol: what a door of that protocol asks.
    pub fn model_speaking(
        &self,
        provider: Provider,
        workflow: &Workflow,
        requested: &str,
    ) -> Option<&Arc<Model>> {
        self.best_model(workflow, requested, |model| model.provider == provider)
    }

    fn best_model(
        &self,
        workflow: &Workflow,
        requested: &str,
        suits: impl Fn(&Model) -> bool,
    ) -> Option<&Arc<Model>> {
        let mut best: Option<(usize, &Arc<Model>)> = None;
        let models = workflow.models.iter().filter_map(|id| self.models.get(id));
        for model in models.filter(|model| suits(model)) {
            let fit = model.names.iter().filter_map(|pattern| fit(pattern, requested)).max();
            if let Some(fit) = fit.filter(|fit| best.is_none_or(|(b, _)| *fit > b)) {
                best = Some((fit, model));
            }
        }
        best.map(|(_, model)| model)
    }

    /// Who would have to approve this tool in this workflow, when people decide about it.
    pub fn terms(&self, workflow: &Workflow, tool: &ToolName) -> Option<ApprovalTerms> {
        match &workflow.boundary(tool)?.decides {
            Decider::Automated => None,
            Decider::People(terms) => Some(terms.clone()),
        }
    }

    /// The tool a client means. Clients rename tools (`mcp__desk__refund_order`, `desk__refund_order`,
    /// `refund_order`), so names are compared without their separators' spelling. The workflow's own
    /// tools come first; a bare name must be the only one of its kind.
    ///
    /// # Errors
    /// The candidates, when the name is ambiguous; none, when it is unknown.
    pub fn resolve_client_name(&self, workflow: &Workflow, name: &str) -> Result<ToolName, Vec<ToolName>> {
        let all = || self.servers.values().flat_map(|s| s.tools.values().map(|t| &t.name));
        let of_workflow = resolve(name, workflow.acts.keys());
        match of_workflow {
            Err(none) if none.is_empty() => resolve(name, all()),
            found => found,
        }
    }

    /// Whether the tools of this server run inside the client.
    pub fn is_local(&self, tool: &ToolName) -> bool {
        self.servers.get(&tool.server).is_some_and(|s| matches!(s.reach, Reach::Local))
    }
}

impl Workflow {
    /// Whether any of its conversations are recorded in full.
    pub fn records(&self) -> bool {
        self.recorded_millionths > 0
    }

    /// Who decides about this tool here; `None` when the workflow does not list it.
    pub fn boundary(&self, tool: &ToolName) -> Option<&Boundary> {
        self.acts.get(tool)
    }
}

/// How well a pattern fits: exactly, by a prefix of some length, or not.
fn fit(pattern: &str, requested: &str) -> Option<usize> {
    match pattern.strip_suffix('*') {
        Some(prefix) => requested.starts_with(prefix).then_some(prefix.len()),
        None => (pattern == requested).then_some(usize::MAX),
    }
}

fn resolve<'t>(
    name: &str,
    tools: impl Iterator<Item = &'t ToolName> + Clone,
) -> Result<ToolName, Vec<ToolName>> {
    let exact = |t: &&ToolName| {
        name.strip_prefix(&*t.server).and_then(|rest| rest.strip_prefix('.')) == Some(&*t.tool)
    };
    if let Some(exact) = tools.clone().find(exact) {
        return Ok(exact.clone());
    }
    let spelled: String = plain(name.chars()).collect();
    let full: Vec<&ToolName> = tools.clone().filter(|t| ends_with(&spelled, t)).collect();
    if !full.is_empty() {
        return only(full);
    }
    // `mcp__<whatever the client calls this gateway>__refund_order`.
    let bare =
        name.strip_prefix("mcp__").and_then(|rest| rest.split_once("__")).map_or(name, |(_, tool)| tool);
    let bare: String = plain(bare.chars()).collect();
    only(tools.filter(|t| plain(t.tool.chars()).eq(bare.chars())).collect())
}

fn only(found: Vec<&ToolName>) -> Result<ToolName, Vec<ToolName>> {
    match found[..] {
        [one] => Ok(one.clone()),
        _ => Err(found.into_iter().cloned().collect()),
    }
}

/// A name, from either end, with every run of separators as one `_`.
fn plain(name: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    let mut separated = false;
    name.filter_map(move |c| {
        let separates = !c.is_alphanumeric();
        let again = separates && separated;
        separated = separates;
        (!again).then_some(if separates { '_' } else { c })
    })
}

/// Whether this plain name is a tool's whole name, with or without something else before it.
fn ends_with(spelled: &str, tool: &ToolName) -> bool {
    let mut own = plain(tool.tool.chars().rev().chain(['_']).chain(tool.server.chars().rev()));
    let mut spelled = spelled.chars().rev();
    own.all(|c| spelled.next() == Some(c)) && spelled.next().is_none_or(|before| before == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_rename_tools() {
        let tools: Vec<ToolName> =
            ["desk.refund_order", "desk.get_order", "mail.get_order", "local.Bash", "a.b_c", "a_b.c"]
                .iter()
                .map(|t| t.parse().unwrap())
                .collect();
        let check = |name: &str| match resolve(name, tools.iter()) {
            Ok(tool) => tool.to_string(),
            Err(many) => format!("{} candidates", many.len()),
        };
        let table = [
            ("desk.refund_order", "desk.refund_order"),
            ("mcp__desk__refund_order", "desk.refund_order"),
            ("desk__refund_order", "desk.refund_order"),
            ("desk-refund_order", "desk.refund_order"),
            ("desk_refund_order", "desk.refund_order"),
            ("mcp__plimsoll__desk_refund_order", "desk.refund_order"),
            ("mcp__plimsoll__refund_order", "desk.refund_order"),
            ("refund_order", "desk.refund_order"),
            ("Bash", "local.Bash"),
            ("get_order", "2 candidates"),
            ("mail__get_order", "mail.get_order"),
            ("a_b_c", "2 candidates"),
            ("a.b_c", "a.b_c"),
            ("order", "0 candidates"),
            ("evil_refund_order", "0 candidates"),
            ("", "0 candidates"),
        ];
        for (name, expected) in table {
            assert_eq!(check(name), expected, "{name}");
        }
    }

    #[test]
    fn names_are_compared_without_separators() {
        fn words(longest: usize) -> Vec<String> {
            let mut words = vec![String::new()];
            for from in 0.. {
                let Some(word) = words.get(from).filter(|word| word.len() < longest).cloned() else { break };
                words.extend(['a', 'b', '_', '-'].map(|c| format!("{word}{c}")));
            }
            words
        }
        let text = |name: &str| plain(name.chars()).collect::<String>();
        assert_eq!(text("__a.-b_"), "_a_b_");
        let names: Vec<String> = words(5).iter().map(|name| text(name)).collect();
        for (server, tool) in words(2).iter().flat_map(|s| words(2).into_iter().map(move |t| (s.clone(), t)))
        {
            let own = text(&format!("{server}_{tool}"));
            let tool = ToolName { server, tool };
            for name in &names {
                let whole = *name == own || name.strip_suffix(&own).is_some_and(|rest| rest.ends_with('_'));
                assert_eq!(ends_with(name, &tool), whole, "{name} {tool}");
            }
        }
    }

    #[test]
    fn model_names() {
        assert!(fit("gpt-4o", "gpt-4o") > fit("gpt-4*", "gpt-4o"));
        assert!(fit("gpt-4*", "gpt-4o") > fit("*", "gpt-4o"));
        assert_eq!(fit("gpt-4o", "gpt-4o-mini"), None);
    }
}
