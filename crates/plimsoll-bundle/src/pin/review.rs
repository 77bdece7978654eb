//! A server's tools as they are held against their pins: what a reviewer has to read before they pin them again.
//!
//! What changed about a tool is told in the words of the behaviour diff, by the same code, so that a reviewer reads
//! one sentence at the terminal and in the pull request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Lock, digest, show_hidden};
use crate::diff::contract::{canonical, compared, hides};
use crate::diff::{Level, Rule, rules};
use crate::model::Server;

/// How a live tool stands to its pin.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its name now; of what is gone, the name it had.
    pub tool: String,
    pub stands: Stands,
    pub said: Vec<Said>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// The server has it, the lock file does not.
    New,
    /// The lock file has it, the server does not.
    Gone,
    /// The lock file has it under this name, with the same schema.
    Renamed(String),
    Changed,
    /// The server describes it more than once, and differently: nothing that could be pinned.
    Twice,
}

/// One sentence, and the rule of the behaviour diff that says it.
#[derive(Clone, Debug)]
pub struct Said {
    pub rule: &'static Rule,
    pub what: String,
}

impl Finding {
    /// What needs most.
    pub fn level(&self) -> Level {
        self.said.iter().map(|said| said.rule.level).max().unwrap_or(Level::Info)
    }

    /// Whether a person may pin it as it is.
    pub fn can_be_accepted(&self) -> bool {
        self.stands != Stands::Twice
    }
}

/// Compares what a server describes now with its lock file; tools that are as pinned are left out. `others` are
/// the tools of the other servers, by server.
pub fn review(
    server: &Server,
    lock: &Lock,
    live: &[Value],
    others: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<Finding> {
    let (live, twice) = by_name(live);
    let mut gone: BTreeSet<&str> =
        lock.tools().map(|(name, _)| name).filter(|name| !live.contains_key(name)).collect();
    let mut findings = Vec::new();
    for (name, tool) in &live {
        let full = format!("{}.{}", server.name, show_hidden(name));
        let mut said = match (twice.contains(name), lock.tool(name)) {
            (true, _) => {
                let what = format!("the server describes `{full}` more than once, and differently");
                findings.push(finding(name, Stands::Twice, vec![says(&rules::SHAPE, what)]));
                continue;
            }
            (_, Some(pin)) => {
                let declared = server.tools.get(*name).map(|tool| &**tool);
                let said = words(compared(&full, declared, pin, tool));
                // Another spelling of the same schema says nothing, and is another digest all the same.
                let said = match said.is_empty() && digest(pin) != digest(tool) {
                    true => vec![says(&rules::SHAPE, format!("the schema of `{full}` is written otherwise"))],
                    false => said,
                };
                if !said.is_empty() {
                    findings.push(finding(name, Stands::Changed, said));
                }
                continue;
            }
            (_, None) => new_tool(&full, tool),
        };
        said.extend(shadows(server, name, others));
        match old_name(tool, &gone, lock) {
            Some(old) => {
                gone.remove(old);
                let what = format!("`{}.{}` is now called `{full}`", server.name, show_hidden(old));
                said.insert(0, says(&rules::TOOL_REMOVED, what));
                let pin = lock.tool(old).unwrap_or(&Value::Null);
                let declared = server.tools.get(old).map(|tool| &**tool);
                said.extend(
                    words(compared(&full, declared, pin, tool))
                        .into_iter()
                        .filter(|said| said.rule.id != rules::SHAPE.id),
                );
                findings.push(finding(name, Stands::Renamed(old.to_owned()), said));
            }
            None => findings.push(finding(name, Stands::New, said)),
        }
    }
    for name in gone {
        let what = format!("`{}.{}` is gone", server.name, show_hidden(name));
        findings.push(finding(name, Stands::Gone, vec![says(&rules::TOOL_REMOVED, what)]));
    }
    findings.sort_by(|a, b| {
        (std::cmp::Reverse(a.level()), &a.tool).cmp(&(std::cmp::Reverse(b.level()), &b.tool))
    });
    findings
}

/// Names that a model or a hurried reader takes for one another: case and dividers aside.
pub fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn by_name(live: &[Value]) -> (BTreeMap<&str, &Value>, BTreeSet<&str>) {
    let (mut tools, mut twice) = (BTreeMap::<&str, &Value>::new(), BTreeSet::new());
    for tool in live {
        let Some(name) = tool.get("name").and_then(Value::as_str) else { continue };
        if tools.insert(name, tool).is_some_and(|other| digest(other) != digest(tool)) {
            twice.insert(name);
        }
    }
    (tools, twice)
}

/// The pinned tool that this one was: gone, with the same schemas, and, where a schema says nothing, the same
/// description. Of several, the one that also says the same of itself.
fn old_name<'g>(tool: &Value, gone: &BTreeSet<&'g str>, lock: &Lock) -> Option<&'g str> {
    let schemas = |tool: &Value| [canonical(&tool["inputSchema"]), canonical(&tool["outputSchema"])];
    let says_something = tool["inputSchema"]["properties"].as_object().is_some_and(|p| !p.is_empty());
    let candidates = gone.iter().copied().filter_map(|name| {
        let pin = lock.tool(name)?;
        let same_words = pin.get("description") == tool.get("description");
        (schemas(pin) == schemas(tool) && (says_something || same_words)).then_some((same_words, name))
    });
    candidates.min_by_key(|(same_words, name)| (!same_words, *name)).map(|(_, name)| name)
}

fn new_tool(full: &str, tool: &Value) -> Vec<Said> {
    let description = tool.get("description").and_then(Value::as_str).unwrap_or_default();
    let what = format!("`{full}` is new and says of itself: \"{}\"", show_hidden(description));
    let mut said = vec![says(&rules::TOOL_ADDED, what)];
    if hides(tool) {
        let what = format!("`{full}` is described with characters that a reader can't see");
        said.push(says(&rules::HIDDEN, what));
    }
    said
}

fn shadows<'o>(
    server: &'o Server,
    name: &'o str,
    others: &'o BTreeMap<String, BTreeSet<String>>,
) -> impl Iterator<Item = Said> + 'o {
    let others = others.iter().filter(|(other, _)| **other != server.name);
    others.flat_map(move |(other, tools)| {
        tools.iter().filter(move |tool| folded(tool) == folded(name)).map(move |tool| {
            let (mine, theirs) = (show_hidden(name), show_hidden(tool));
            let what = format!("`{}.{mine}` is named like `{other}.{theirs}`", server.name);
            says(&rules::TOOL_SHADOWS, what)
        })
    })
}

fn finding(tool: &str, stands: Stands, said: Vec<Said>) -> Finding {
    Finding { tool: tool.to_owned(), stands, said }
}

fn says(rule: &'static Rule, what: String) -> Said {
    Said { rule, what: show_hidden(&what.replace(['\n', '\r'], " ")) }
}

fn words(found: Vec<crate::diff::contract::Found>) -> Vec<Said> {
    found.into_iter().map(|(rule, what, _, _)| says(rule, what)).collect()
}

#[cfg(test)]
mod tests;
