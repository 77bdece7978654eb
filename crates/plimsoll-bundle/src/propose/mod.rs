//! The first draft of a workflow repository, from the tools somebody already has.
//!
//! Pure: tools in, texts of files out. Every proposal says why in a comment, is pessimistic where the
//! tool leaves room, and leaves to people what only people know; those places say `TODO`, and
//! `plimsoll check` finds them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::Provider;
use crate::pin;

pub mod clients;
mod judge;
mod output;
mod roles;
mod words;
mod write;

pub use judge::{Judged, judge};
pub use roles::{ProposedRole, roles};

/// How a tool server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposedReach {
    /// The name of the environment variable that holds its credential, when it wants one.
    Http { url: String, credential: Option<String> },
    /// Names of the environment it needs; their values never enter a repository.
    Stdio { command: Vec<String>, env: Vec<String> },
}

/// A tool server as it was found.
#[derive(Clone, Debug)]
pub struct FoundServer {
    pub name: String,
    pub reach: ProposedReach,
    /// MCP version spoken.
    pub protocol: String,
    /// As `tools/list` gives them.
    pub tools: Vec<Value>,
}

/// What is known besides the tools.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Name of the project.
    pub project: String,
    /// Name of the workflow.
    pub workflow: String,
    /// Who runs this, as they sign in to approve; `None`: to be filled in.
    pub person: Option<String>,
    /// Which models to prepare.
    pub providers: Vec<Provider>,
    /// For the lock files.
    pub today: String,
}

/// Files to write, and what to tell besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Path → text.
    pub files: BTreeMap<String, String>,
    /// The environment variables that the files name.
    pub environment: Vec<String>,
}

/// Proposes a whole repository.
pub fn repository(wishes: &Wishes, servers: &[FoundServer]) -> Proposal {
    let mut proposal = Proposal::default();
    let mut put = |path: String, text: String| proposal.files.insert(path, text);
    put("plimsoll.yaml".to_owned(), write::project(&wishes.project));
    put("people.yaml".to_owned(), write::people(wishes.person.as_deref()));
    put(format!("workflows/{}.yaml", wishes.workflow), write::workflow(wishes, servers));
    for provider in &wishes.providers {
        let (id, text) = write::model(*provider);
        put(format!("models/{id}.yaml"), text);
    }
    for found in servers {
        proposal.files.extend(server(found, &wishes.today).files);
    }
    proposal.environment = environment(&proposal.files);
    proposal
}

/// Proposes the two files of one tool server.
pub fn server(found: &FoundServer, today: &str) -> Proposal {
    let lock = pin::lock_file(&found.name, &found.protocol, today, "TODO", &found.tools);
    let files = BTreeMap::from([
        (format!("tools/{}.yaml", found.name), write::tools(found)),
        (format!("tools/{}.lock.json", found.name), lock),
    ]);
    let environment = environment(&files);
    Proposal { files, environment }
}

/// What to add to `tools/<server>.yaml` for tools that are new: one commented line each, to stand at
/// the end of its `tools`.
pub fn lines(tools: &[Value]) -> String {
    let mut text = String::new();
    for tool in tools {
        write::line(tool, tools, &mut text);
    }
    text
}

/// A name that a server may have: what clients and policies divide names by is replaced.
pub fn server_name(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        let c = if c.is_ascii_alphanumeric() {
            c
        } else if c == '_' {
            '_'
        } else {
            '-'
        };
        if c.is_ascii_alphanumeric() || !name.ends_with(['-', '_']) {
            name.push(c);
        }
    }
    let name = name.trim_matches(['-', '_']);
    match name {
        "" => "tools".to_owned(),
        "model" => "model-tools".to_owned(),
        name => name.to_owned(),
    }
}

/// Every `${NAME}` in the YAML files, in order.
fn environment(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for text in files.iter().filter(|(path, _)| path.ends_with(".yaml")).map(|(_, text)| text) {
        // `$${` is no name.
        for part in text.replace("$${", "").split("${").skip(1) {
            if let Some((name, _)) = part.split_once('}')
                && !names.iter().any(|n| n == name)
            {
                names.push(name.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests;
