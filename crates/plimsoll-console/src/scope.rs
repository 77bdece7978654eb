//! Kill switches in words: what people and programs write for a scope, and what is in force.

use plimsoll_bundle::Bundle;
use plimsoll_core::{Stop, StopScope};
use plimsoll_gateway::Gateway;

/// Reads a scope; the name may be left out for `all` alone.
pub(crate) fn read(scope: &str, name: &str) -> Result<StopScope, String> {
    let named = |of: fn(String) -> StopScope| match name.trim() {
        "" => Err(format!("a stop of scope `{scope}` needs a name")),
        name => Ok(of(name.to_owned())),
    };
    match scope {
        "all" if name.trim().is_empty() => Ok(StopScope::All),
        "all" => Err("a stop of scope `all` has no name; say `workflow`, `tool` or `principal`".to_owned()),
        "workflow" => named(StopScope::Workflow),
        "tool" => named(StopScope::Tool),
        "principal" => named(StopScope::Principal),
        _ => Err(format!("the scope `{scope}` is not one of: all, workflow, tool, principal")),
    }
}

/// `everything`, `workflow support`, `tool desk.*`.
pub(crate) fn words(scope: &StopScope) -> String {
    match scope {
        StopScope::All => "everything".to_owned(),
        StopScope::Workflow(name) => format!("workflow {name}"),
        StopScope::Tool(name) => format!("tool {name}"),
        StopScope::Principal(name) => format!("principal {name}"),
    }
}

/// The two fields of a form or of JSON.
pub(crate) fn fields(scope: &StopScope) -> (&'static str, &str) {
    match scope {
        StopScope::All => ("all", ""),
        StopScope::Workflow(name) => ("workflow", name),
        StopScope::Tool(name) => ("tool", name),
        StopScope::Principal(name) => ("principal", name),
    }
}

/// What to say about a stop that covers nothing the release knows: it is pulled all the same, but
/// somebody who mistyped must not believe that they stopped something.
pub(crate) fn doubt(bundle: &Bundle, scope: &StopScope) -> Option<String> {
    let known = match scope {
        StopScope::All | StopScope::Principal(_) => true,
        StopScope::Workflow(name) => bundle.workflows.contains_key(name),
        StopScope::Tool(name) => match name.strip_suffix(".*") {
            Some(server) => bundle.servers.contains_key(server),
            None => name.parse().is_ok_and(|name| bundle.find_tool(&name).is_some()),
        },
    };
    (!known).then(|| format!("the release has no {}: this stop covers nothing it knows", words(scope)))
}

/// What is stopped, newest first. A stop pulled here is known twice, in memory and in the store: once is
/// enough for people.
pub(crate) fn in_force(gateway: &Gateway) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::new();
    for stop in gateway.stops().all() {
        if !stops.iter().any(|known| known.scope == stop.scope && known.by == stop.by) {
            stops.push(stop);
        }
    }
    stops.sort_by_key(|stop| std::cmp::Reverse(stop.at));
    stops
}
