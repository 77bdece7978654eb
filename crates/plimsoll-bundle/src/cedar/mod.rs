//! The policy engine: Cedar, strict, sliced by action, every error a refusal.
//!
//! *A fact that no rule reads is not computed; a fact that a rule reads and that can't be given is an
//! error, and an error is a refusal.* Cedar itself skips a policy that errs, so a `forbid` that
//! overflows would fall away and its act would pass. Here it does not: see [`Engine::judge`].
//!
//! At load, [`Engine::compile`] makes a schema of the pinned tools, parses and validates every policy
//! against it, and lays out one slice for each workflow and action: the policies whose scope can match,
//! the entities they may walk, the facts they read. A judgement touches one slice.

mod args;
mod assume;
mod claims;
mod context;
mod fact;
mod flow;
mod literals;
mod nearest;
mod part;
mod policy;
mod probe;
mod reach;
mod reads;
mod schema;
mod slice;
#[cfg(test)]
mod tests;
mod told;
mod vocabulary;
mod votes;

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use cedar_policy::{Authorizer, Decision, PolicyId, Request, Response, Schema};
use plimsoll_core::{Assume, Case, Judgement, RuleHit, Rules, ToolName};

use self::claims::Claims;
pub(crate) use self::claims::{Ask, Facts, Invariant};
use self::context::Settled;
pub(crate) use self::literals::{Literal, Literals};
pub use self::nearest::Nearest;
pub(crate) use self::part::Part;
use self::policy::Rule;
pub(crate) use self::probe::{Book, Memo, Probe, contents};
pub(crate) use self::schema::group_names;
use self::slice::Slice;
use self::told::Question;
pub use self::told::{TOLD_MAX, TOLD_TEXT_BYTES};
pub(crate) use self::votes::{Assumed, Reach, Under};
use crate::{Diagnostic, Model, Server, Workflow};

/// The policies used unless the repository has a `policies/default.cedar` of its own.
pub const DEFAULT_POLICIES: &str = include_str!("../../policies/default.cedar");

/// What always holds; no repository can drop it.
pub const INVARIANTS: &str = include_str!("../../policies/invariants.cedar");

/// Where the default policies stand in a repository that replaces them.
pub const DEFAULT_PATH: &str = "policies/default.cedar";

/// What the engine is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub servers: &'a BTreeMap<String, Arc<Server>>,
    pub workflows: &'a BTreeMap<String, Arc<Workflow>>,
    pub models: &'a BTreeMap<String, Arc<Model>>,
    /// Every `policies/**/*.cedar` of the repository.
    pub policies: &'a [PolicyFile],
    /// The policies that come with Plimsoll.
    pub shipped: &'a Shipped,
}

/// The policies that come with Plimsoll: they are no part of a repository, and decide all the same.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shipped {
    pub default: String,
    pub invariants: String,
}

impl Default for Shipped {
    /// Those of this program.
    fn default() -> Self {
        Self { default: DEFAULT_POLICIES.to_owned(), invariants: INVARIANTS.to_owned() }
    }
}

/// One file of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// Path inside the repository, with `/`.
    pub path: String,
    pub text: String,
}

/// The compiled policies of one bundle. The default engine has none, and so permits nothing.
#[derive(Debug, Default)]
pub struct Engine {
    authorizer: Authorizer,
    /// Workflow → tool → what to ask.
    slices: BTreeMap<String, BTreeMap<ToolName, Slice>>,
    /// The schema narrowed to what the policies read: each request is validated against it.
    narrowed: Option<Schema>,
    rules: BTreeMap<PolicyId, Rule>,
    schema_text: String,
    warnings: Vec<Diagnostic>,
    /// Claims that mean nothing in this repository, and why.
    unasked: Vec<(String, String)>,
    /// What it was compiled with.
    shipped: Shipped,
}

impl Engine {
    /// Compiles the policies of a repository, with the invariants and, unless it has its own, the
    /// default policies.
    ///
    /// # Errors
    /// Everything that is wrong with the policies, with file and place. Nothing loads then.
    pub fn compile(parts: Parts<'_>) -> Result<Self, Vec<Diagnostic>> {
        Self::compile_with(parts, Claims::none())
    }

    /// The same with claims beside the policies: they decide nothing, and can be asked about.
    fn compile_with(parts: Parts<'_>, claims: Claims<'_>) -> Result<Self, Vec<Diagnostic>> {
        let (shapes, mut diagnostics) = schema::shapes(parts);
        let schema_text = schema::text(&shapes, None);
        let schema = schema::parse(&schema_text).map_err(|d| vec![d])?;
        let inhabited: HashSet<String> = shapes.values().flat_map(|shape| shape.groups()).collect();
        let (mut rules, found) =
            policy::load(&files(parts.policies, parts.shipped), &schema, inhabited.clone());
        diagnostics.extend(found);
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(diagnostics);
        }
        let unasked = claims.join(&mut rules, &schema, inhabited);
        let reads = slice::reads(&shapes, &rules);
        let narrowed = schema::parse(&schema::text(&shapes, Some(&reads))).map_err(|d| vec![d])?;
        let slices = slice::all(parts, shapes, &rules, &reads, &schema).map_err(|d| vec![d])?;
        Ok(Self {
            authorizer: Authorizer::new(),
            slices,
            narrowed: Some(narrowed),
            rules: rules.into_iter().map(|rule| (rule.policy.id().clone(), rule)).collect(),
            schema_text,
            warnings: diagnostics,
            unasked,
            shipped: parts.shipped.clone(),
        })
    }

    /// The generated schema, for `plimsoll check --schema` and for editors.
    pub fn schema(&self) -> &str {
        &self.schema_text
    }

    /// The policies that came with the Plimsoll it was compiled by.
    pub(crate) fn shipped(&self) -> &Shipped {
        &self.shipped
    }

    /// What somebody should look at, though it loads.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// How many policies could speak about this act; the cost of a judgement follows it.
    pub fn slice_size(&self, workflow: &str, tool: &ToolName) -> usize {
        self.slice(workflow, tool).map_or(0, |slice| slice.policies.num_of_policies())
    }

    fn slice(&self, workflow: &str, tool: &ToolName) -> Option<&Slice> {
        self.slices.get(workflow)?.get(tool)
    }

    /// What is asked about one case, or why that can't be said.
    fn question(slice: &Slice, case: &Case<'_>, facts: &context::Facts<'_>) -> Result<Question, String> {
        if case.tier != slice.shape.tier {
            let (said, is) = (case.tier.name(), slice.shape.tier.name());
            return Err(format!("the case says tier `{said}`, the release says `{is}`"));
        }
        Ok(Question::new(slice, case, context::known(facts)?))
    }

    /// Builds the request for one case, or says why it can't be built.
    fn request(&self, slice: &Slice, case: &Case<'_>, question: &Question) -> Result<Request, String> {
        let context = context::of_facts(&slice.reads, question.known().clone())?;
        let principal = slice::principal_uid(slice, case.principal);
        let (action, resource) = (slice.action.clone(), slice.resource.clone());
        Request::new(principal, action, resource, context, self.narrowed.as_ref()).map_err(|e| e.to_string())
    }

    fn answer(&self, slice: &Slice, case: &Case<'_>, question: &Question) -> Result<Response, String> {
        let request = self.request(slice, case, question)?;
        let entities = slice::entities(slice, &slice.reads, case)?;
        Ok(self.authorizer.is_authorized(&request, &slice.policies, &entities))
    }

    fn judged(&self, slice: &Slice, case: &Case<'_>, assume: &Assume, settled: &Rc<Settled>) -> Judgement {
        let question = match Self::question(slice, case, &context::Facts::with(slice, case, assume, settled))
        {
            Ok(question) => question,
            Err(error) => return Judgement { errors: vec![error], ..Judgement::default() },
        };
        if let Some(told) = slice.told.find(&question) {
            return told;
        }
        let judgement = match self.answer(slice, case, &question) {
            Ok(response) => self.heard(&response),
            Err(error) => Judgement { errors: vec![error], ..Judgement::default() },
        };
        slice.told.keep(question, &judgement);
        judgement
    }

    /// The first of these rules that is an invariant.
    pub(crate) fn invariant_among<'h>(&self, hits: &'h [RuleHit]) -> Option<&'h RuleHit> {
        let is_one =
            |hit: &&RuleHit| self.rules.get(&PolicyId::new(&hit.id)).is_some_and(|rule| rule.invariant);
        hits.iter().find(is_one)
    }

    fn heard(&self, response: &Response) -> Judgement {
        let mut errors: Vec<String> = response.diagnostics().errors().map(ToString::to_string).collect();
        errors.sort();
        Judgement {
            // Cedar skips what errs; whatever it decided without the erring policy does not count.
            permitted: response.decision() == Decision::Allow && errors.is_empty(),
            rules: self.hits(response.diagnostics().reason()),
            errors,
        }
    }

    /// The rules in the order of their files, so that the same case always gives the same bytes.
    fn hits<'r>(&self, ids: impl Iterator<Item = &'r PolicyId>) -> Vec<RuleHit> {
        let mut rules: Vec<&Rule> = ids.filter_map(|id| self.rules.get(id)).collect();
        rules.sort_by_key(|rule| rule.rank);
        rules.iter().map(|rule| RuleHit { id: rule.id.clone(), reason: rule.reason.clone() }).collect()
    }
}

impl Rules for Engine {
    fn judge(&self, case: &Case<'_>, assume: &Assume) -> Judgement {
        self.about(case)(assume)
    }

    fn about<'c>(&'c self, case: &'c Case<'c>) -> Box<dyn Fn(&Assume) -> Judgement + 'c> {
        let settled = Rc::default();
        let slice = self.slice(case.workflow, &case.act.tool);
        Box::new(move |assume| {
            slice.map_or_else(Judgement::default, |slice| self.judged(slice, case, assume, &settled))
        })
    }
}

/// The invariants first, then the default policies or their replacement, then the rest in path order.
fn files(repository: &[PolicyFile], shipped: &Shipped) -> Vec<PolicyFile> {
    let from = |path: &str, text: &str| PolicyFile { path: path.to_owned(), text: text.to_owned() };
    let mut files = vec![from(policy::SHIPPED_INVARIANTS, &shipped.invariants)];
    if !repository.iter().any(|file| file.path == DEFAULT_PATH) {
        files.push(from(policy::SHIPPED_DEFAULT, &shipped.default));
    }
    let mut own = repository.to_vec();
    own.sort_by(|a, b| (a.path != DEFAULT_PATH, &a.path).cmp(&(b.path != DEFAULT_PATH, &b.path)));
    files.extend(own);
    files
}
