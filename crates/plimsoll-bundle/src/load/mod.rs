//! From a tree of files to a bundle, or to everything that is wrong with it.
//!
//! [`load`] tells the story: read each file into its form, resolve the forms into the gateway's types,
//! compare them with each other, compile the policies. No step stops at its first mistake; a file that
//! can't be read is remembered, so that what refers to it is not called unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::cedar::{Engine, Parts, PolicyFile};
use crate::diagnostic::{Diagnostic, Severity};
use crate::env::{self, Env};
use crate::forms::shape::shape;
use crate::kept::{Kept, Uses};
use crate::model::{Bundle, Model, Project, Prompt, Server, Source, Workflow};
use crate::suggest::did_you_mean;
use crate::tree::Tree;
use crate::yaml::{self, Document};

mod acts;
mod convenience;
mod drift;
mod ledger;
mod model;
mod output;
mod overrides;
mod people;
mod project;
mod prompt;
mod release;
mod server;
mod source;
mod telemetry;
mod tool;
mod workflow;

pub use drift::EVERY_MIN_S;
pub use overrides::{ModeOverride, Overrides};
use people::Roster;

/// Loads a workflow repository.
///
/// # Errors
/// Every diagnostic, warnings too, when at least one is an error.
pub fn load(
    tree: &Tree,
    env: Env<'_>,
    overrides: &Overrides,
) -> Result<(Bundle, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut loading = Loading::new(tree, env, overrides);
    let project = loading.project();
    let roster = loading.people();
    let models = loading.folder("models", ".yaml", Loading::model);
    let prompts = loading.folder("prompts", ".md", Loading::prompt);
    let servers = loading.folder("tools", ".yaml", Loading::server);
    let sources = loading.folder("sources", ".yaml", Loading::source);
    loading.compare_tools(&servers);
    loading.compare_models(&models);
    loading.idle_locks(&models);
    let known =
        Known { roster: &roster, models: &models, prompts: &prompts, sources: &sources, servers: &servers };
    let workflows =
        loading.folder("workflows", ".yaml", |loading, path, name| loading.workflow(path, name, &known));
    loading.whole(&workflows, project.as_ref(), &roster);
    let policies = loading.policies();
    let shipped = overrides.shipped.clone().unwrap_or_default();
    let parts = Parts {
        servers: &servers,
        workflows: &workflows,
        models: &models,
        policies: &policies,
        shipped: &shipped,
    };
    let rules = loading.compile(parts);
    let kept = Kept::of(tree, overrides, &shipped, &loading.uses);
    let found = loading.finish();
    match (project, rules) {
        (Some(project), Some(rules)) if !found.iter().any(Diagnostic::is_error) => {
            let people = roster.people;
            let id = tree.id();
            Ok((
                Bundle {
                    id,
                    project,
                    workflows,
                    servers,
                    models,
                    prompts,
                    sources,
                    people,
                    rules,
                    kept: kept.into(),
                },
                found,
            ))
        }
        _ => Err(found),
    }
}

/// What `plimsoll tools review` needs: it works, and is needed most, while pins are missing or wrong.
#[derive(Debug)]
pub struct ToReview {
    pub servers: BTreeMap<String, Arc<Server>>,
    pub people: crate::model::People,
    /// Files that could not be read, and settings that are not set.
    pub found: Vec<Diagnostic>,
}

/// The servers of a workflow repository, whatever else may be wrong with it.
pub fn to_review(tree: &Tree, env: Env<'_>) -> ToReview {
    let overrides = Overrides::default();
    let mut loading = Loading::new(tree, env, &overrides);
    let people = loading.people().people;
    let servers = loading.folder("tools", ".yaml", Loading::server);
    let found = loading.finish().into_iter().filter(|found| !found.id.starts_with("pin/"));
    ToReview { servers, people, found: found.filter(Diagnostic::is_error).collect() }
}

/// What a workflow may refer to.
#[derive(Clone, Copy)]
struct Known<'a> {
    roster: &'a Roster,
    models: &'a BTreeMap<String, Arc<Model>>,
    prompts: &'a BTreeMap<String, Arc<Prompt>>,
    sources: &'a BTreeMap<String, Arc<Source>>,
    servers: &'a BTreeMap<String, Arc<Server>>,
}

/// A load on its way: where the files are, and what was found so far.
struct Loading<'a> {
    tree: &'a Tree,
    env: Env<'a>,
    overrides: &'a Overrides,
    found: Vec<Diagnostic>,
    docs: BTreeMap<String, Document>,
    /// Paths of files that exist and could not be read.
    broken: BTreeSet<String>,
    /// What the environment gave, and to what.
    uses: Uses,
}

impl<'a> Loading<'a> {
    fn new(tree: &'a Tree, env: Env<'a>, overrides: &'a Overrides) -> Self {
        Self {
            tree,
            env,
            overrides,
            found: Vec::new(),
            docs: BTreeMap::new(),
            broken: BTreeSet::new(),
            uses: Uses::default(),
        }
    }

    fn tell(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Resolves every file of a folder. The file's bare name is the thing's name.
    fn folder<T>(
        &mut self,
        folder: &str,
        extension: &str,
        mut one: impl FnMut(&mut Self, &str, &str) -> Option<T>,
    ) -> BTreeMap<String, Arc<T>> {
        let tree = self.tree;
        let mut things = BTreeMap::new();
        for (path, name) in tree.in_folder(folder, extension) {
            match one(self, path, name) {
                Some(thing) => {
                    things.insert(name.to_owned(), Arc::new(thing));
                }
                None => {
                    self.broken.insert(path.to_owned());
                }
            }
        }
        things
    }

    /// The text of a file, or a diagnostic that it is none.
    fn text(&mut self, path: &str) -> Option<&'a str> {
        let bytes = self.tree.0.get(path)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(e) => {
                let at = e.valid_up_to();
                self.tell(Diagnostic::error("file/not-utf8", path, "this file is not UTF-8 text").at(at..at));
                None
            }
        }
    }

    /// Reads a YAML file into its form, environment filled in.
    fn form<T: DeserializeOwned + JsonSchema>(&mut self, path: &str) -> Option<(T, Document)> {
        let text = self.text(path)?;
        let doc = match yaml::read(path, text, 0) {
            Ok(doc) => doc,
            Err(diagnostic) => {
                self.tell(diagnostic);
                return None;
            }
        };
        self.fill(doc)
    }

    /// Fills the environment in and gives the document its shape.
    fn fill<T: DeserializeOwned + JsonSchema>(&mut self, mut doc: Document) -> Option<(T, Document)> {
        let unset = if self.overrides.allow_unset { Severity::Warning } else { Severity::Error };
        env::expand(&mut doc, self.env, unset, &mut self.found, &mut self.uses);
        let form = shape(&doc, &mut self.found)?;
        self.docs.insert(doc.file.clone(), doc.clone());
        Some((form, doc))
    }

    /// Where secrets and addresses are not known, a `${NAME}` may stand for itself.
    fn is_open_name(&self, text: &str) -> bool {
        self.overrides.allow_unset && text.contains("${")
    }

    /// The name inside a file is the file's name: what a diff shows is what is loaded.
    fn named(&mut self, doc: &Document, key: &str, inside: &str, name: &str) {
        if inside != name {
            let message = format!("this file is called `{name}`, but says `{key}: {inside}`");
            self.tell(
                doc.error("file/name", &format!("/{key}"), message)
                    .help(format!("write `{key}: {name}`, or rename the file")),
            );
        }
    }

    /// A reference to something that does not exist, unless its file is there and broken.
    fn unknown<'n>(
        &mut self,
        diagnostic: Diagnostic,
        word: &str,
        file: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        if !self.broken.contains(file) {
            self.tell(diagnostic.help(did_you_mean(word, known)));
        }
    }

    /// What is wrong with the whole rather than with one file.
    fn whole(
        &mut self,
        workflows: &BTreeMap<String, Arc<Workflow>>,
        project: Option<&Project>,
        roster: &Roster,
    ) {
        let broken = self.broken.iter().any(|path| path.starts_with("workflows/"));
        if workflows.is_empty() && !broken {
            self.tell(
                Diagnostic::error("workflow/none", "workflows", "there is no workflow yet")
                    .help("write workflows/<name>.yaml, or let `plimsoll init` write the first one"),
            );
        }
        if let (Some(project), Some(doc)) = (project, self.docs.get("plimsoll.yaml").cloned()) {
            self.compare_issuers(&doc, project, workflows);
            self.compare_releases(&doc, project, roster, workflows);
        }
        self.compare_overrides(workflows);
        for folder in ["risks", "drills"] {
            self.only_syntax(folder);
        }
    }

    /// Files that later parts of Plimsoll read: kept, and YAML all the same.
    fn only_syntax(&mut self, folder: &str) {
        let tree = self.tree;
        for (path, _) in tree.in_folder(folder, ".yaml") {
            if let Some(Err(diagnostic)) = self.text(path).map(|text| yaml::read(path, text, 0)) {
                self.tell(diagnostic);
            }
        }
    }

    fn policies(&mut self) -> Vec<PolicyFile> {
        let paths: Vec<&String> =
            self.tree.0.keys().filter(|p| p.starts_with("policies/") && p.ends_with(".cedar")).collect();
        let files = paths
            .into_iter()
            .filter_map(|path| Some(PolicyFile { path: path.clone(), text: self.text(path)?.to_owned() }));
        files.collect()
    }

    fn compile(&mut self, parts: Parts<'_>) -> Option<Engine> {
        match Engine::compile(parts) {
            Ok(engine) => {
                self.found.extend(engine.warnings().iter().cloned());
                Some(engine)
            }
            Err(diagnostics) => {
                // With a server missing, policies that name its tools do not type-check: say the cause only.
                if self.broken.is_empty() || !self.found.iter().any(Diagnostic::is_error) {
                    self.found.extend(diagnostics);
                }
                None
            }
        }
    }

    /// Everything found, by file and place.
    fn finish(self) -> Vec<Diagnostic> {
        let mut found = self.found;
        let place = |d: &Diagnostic| d.range.as_ref().map_or(0, |r| r.start);
        found.sort_by(|a, b| {
            (&a.file, place(a), a.severity, a.id).cmp(&(&b.file, place(b), b.severity, b.id))
        });
        found.dedup();
        // What has no right form needs no second complaint about its meaning.
        let misshapen: BTreeSet<(String, usize)> =
            found.iter().filter(|d| d.id == "yaml/value").map(|d| (d.file.clone(), place(d))).collect();
        found.retain(|d| d.id == "yaml/value" || !misshapen.contains(&(d.file.clone(), place(d))));
        found
    }
}

/// Whether somebody still has to write this.
fn is_open(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("todo"))
}

#[cfg(test)]
mod tests;
