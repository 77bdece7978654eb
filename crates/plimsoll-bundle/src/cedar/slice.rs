//! What one act in one workflow is judged by: the policies whose scope can match, and everything about
//! the act that is known at load.
//!
//! Cedar evaluates every policy of a set, also where the scope can't match, at about a microsecond
//! each. Scopes are static, so leaving those out changes no decision.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet,
    PrincipalConstraint, ResourceConstraint, RestrictedExpression, Schema,
};
use plimsoll_core::{Case, Principal, PrincipalKind, ToolName};

use super::Parts;
use super::args::Arg;
use super::policy::{Rule, RuleKind, SHIPPED_DEFAULT};
use super::reads::Reads;
use super::schema::{self, Shape, Shapes};
use super::told::Told;
use super::vocabulary::{ARGS, FIELDS, Field};
use crate::{Decider, Diagnostic, Workflow};

/// What one act in one workflow is judged by.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) policies: PolicySet,
    /// What decides nothing and is asked about: see [`claims`](super::claims).
    pub(super) claims: Vec<PolicyId>,
    pub(super) shape: Arc<Shape>,
    pub(super) reads: Arc<Reads>,
    pub(super) action: EntityUid,
    pub(super) resource: EntityUid,
    /// `automated` or `people`.
    pub(super) decides: &'static str,
    /// The people asked may also approve what untrusted content chose.
    pub(super) untrusted: bool,
    /// Action, tool, server and workflow; the principal is added when a rule looks at it.
    entities: Arc<Entities>,
    pub(super) workflow: EntityUid,
    kinds: Arc<Kinds>,
    /// The facts that its policies read, in the order in which they are worked out.
    pub(super) fields: Vec<&'static Field>,
    /// The places of the arguments that they read among the shape's.
    args: Vec<usize>,
    pub(super) told: Told,
}

impl Slice {
    /// Whether this sum may move although nobody proved it; so may none at all.
    pub(super) fn is_free(&self, amount: Option<i64>) -> bool {
        let free = self.shape.amount_free;
        amount.is_none_or(|amount| free.is_some_and(|free| (0..=free).contains(&amount)))
    }

    /// The arguments that its policies read.
    pub(super) fn read_args(&self) -> impl Iterator<Item = &Arg> {
        self.args.iter().filter_map(|at| self.shape.args.get(*at))
    }
}

/// The entity type of each kind of principal.
#[derive(Debug)]
struct Kinds {
    user: EntityTypeName,
    service: EntityTypeName,
    agent: EntityTypeName,
}

impl Kinds {
    fn of(&self, kind: PrincipalKind) -> EntityTypeName {
        match kind {
            PrincipalKind::User => self.user.clone(),
            PrincipalKind::Service => self.service.clone(),
            PrincipalKind::Agent => self.agent.clone(),
        }
    }
}

/// Those of the vocabulary that are read: the context's own, then record by record.
fn fields(reads: &Reads) -> Vec<&'static Field> {
    let groups = [""].into_iter().chain(schema::group_names());
    let of = |group: &'static str| FIELDS.iter().filter(move |field| field.group == group);
    groups.flat_map(of).filter(|field| reads.has(field.group, field.name)).collect()
}

fn args(shape: &Shape, reads: &Reads) -> Vec<usize> {
    let read = shape.args.iter().enumerate().filter(|(_, arg)| reads.has(ARGS, &arg.name));
    read.map(|(at, _)| at).collect()
}

/// What the policies about each action read, in any workflow.
pub(super) fn reads(shapes: &Shapes, rules: &[Rule]) -> BTreeMap<ToolName, Reads> {
    let of = |shape: &Shape| {
        let groups = shape.groups();
        let mut reads = Reads::default();
        rules
            .iter()
            .filter(|rule| action_matches(&rule.policy, &groups))
            .for_each(|rule| reads.extend(&rule.reads));
        reads
    };
    shapes.iter().map(|(name, shape)| (name.clone(), of(shape))).collect()
}

/// The slices of all workflows.
pub(super) fn all(
    parts: Parts<'_>,
    shapes: Shapes,
    rules: &[Rule],
    reads: &BTreeMap<ToolName, Reads>,
    schema: &Schema,
) -> Result<BTreeMap<String, BTreeMap<ToolName, Slice>>, Diagnostic> {
    let cutter = Cutter::new(shapes, rules, reads, schema).map_err(|why| {
        Diagnostic::error("cedar/schema", SHIPPED_DEFAULT, format!("the policies can't be sliced: {why}"))
    })?;
    let mut all = BTreeMap::new();
    for workflow in parts.workflows.values() {
        let models = workflow.models.iter().map(|id| ToolName::new(ToolName::MODEL, id));
        let names = workflow.acts.keys().cloned().chain(models);
        let slices = names.filter_map(|name| cutter.cut(workflow, &name).map(|slice| (name, slice)));
        all.insert(workflow.name.clone(), slices.collect());
    }
    Ok(all)
}

struct Cutter<'r> {
    actions: BTreeMap<ToolName, Prepared<'r>>,
    workflow: EntityTypeName,
    kinds: Arc<Kinds>,
}

/// One action before it is cut for a workflow.
struct Prepared<'r> {
    shape: Arc<Shape>,
    reads: Arc<Reads>,
    action: EntityUid,
    resource: EntityUid,
    server: EntityUid,
    entities: Arc<Entities>,
    rules: Vec<&'r Rule>,
}

impl<'r> Cutter<'r> {
    fn new(
        shapes: Shapes,
        rules: &'r [Rule],
        reads: &BTreeMap<ToolName, Reads>,
        schema: &Schema,
    ) -> Result<Self, String> {
        let kinds = Kinds { user: kind("User")?, service: kind("Service")?, agent: kind("Agent")? };
        let known = schema.action_entities().map_err(|e| e.to_string())?;
        let mut actions = BTreeMap::new();
        for (name, shape) in shapes {
            let reads = Arc::new(reads.get(&name).cloned().unwrap_or_default());
            actions.insert(name, Prepared::new(shape, reads, rules, &known)?);
        }
        Ok(Self { actions, workflow: kind("Workflow")?, kinds: Arc::new(kinds) })
    }

    fn cut(&self, workflow: &Workflow, name: &ToolName) -> Option<Slice> {
        let action = self.actions.get(name)?;
        let home = uid(&self.workflow, &workflow.name);
        let fits =
            |rule: &&&Rule| principal_matches(&rule.policy, &home) && resource_matches(&rule.policy, action);
        let (claims, rules): (Vec<&Rule>, Vec<&Rule>) =
            action.rules.iter().filter(fits).copied().partition(|rule| rule.kind == RuleKind::Claim);
        let policies = rules.into_iter().map(|rule| rule.policy.clone());
        let boundary = workflow.acts.get(name);
        let people = boundary.is_some_and(|act| matches!(act.decides, Decider::People(_)));
        Some(Slice {
            // Ids are unique over all files, so this can't fail; if it did, nothing would be permitted.
            policies: PolicySet::from_policies(policies).ok()?,
            claims: claims.into_iter().map(|rule| rule.policy.id().clone()).collect(),
            shape: Arc::clone(&action.shape),
            reads: Arc::clone(&action.reads),
            action: action.action.clone(),
            resource: action.resource.clone(),
            decides: if people { "people" } else { "automated" },
            untrusted: boundary.is_some_and(|act| act.untrusted),
            entities: Arc::clone(&action.entities),
            workflow: home,
            kinds: Arc::clone(&self.kinds),
            fields: fields(&action.reads),
            args: args(&action.shape, &action.reads),
            told: Told::default(),
        })
    }
}

impl<'r> Prepared<'r> {
    fn new(
        shape: Arc<Shape>,
        reads: Arc<Reads>,
        rules: &'r [Rule],
        known: &Entities,
    ) -> Result<Self, String> {
        let action = uid(&kind("Action")?, &shape.name.to_string());
        let resource = uid(&kind("Tool")?, &shape.name.to_string());
        let server = uid(&kind("Server")?, &shape.name.server);
        let groups = shape.groups();
        let mut entities: Vec<Entity> = known.get(&action).cloned().into_iter().collect();
        entities
            .extend(known.ancestors(&action).into_iter().flatten().filter_map(|uid| known.get(uid).cloned()));
        entities.push(Entity::new_no_attrs(server.clone(), HashSet::new()));
        entities.push(tool(&shape, &resource, &server)?);
        Ok(Self {
            entities: Arc::new(Entities::from_entities(entities, None).map_err(|e| e.to_string())?),
            rules: rules.iter().filter(|rule| action_matches(&rule.policy, &groups)).collect(),
            shape,
            reads,
            action,
            resource,
            server,
        })
    }
}

fn tool(shape: &Shape, resource: &EntityUid, server: &EntityUid) -> Result<Entity, String> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let attributes = HashMap::from([
        ("server".to_owned(), text(&shape.name.server)),
        ("tier".to_owned(), text(shape.tier.name())),
        ("effect".to_owned(), text(shape.effect.name())),
        ("account".to_owned(), text(shape.account.name())),
    ]);
    Entity::new(resource.clone(), attributes, HashSet::from([server.clone()])).map_err(|e| e.to_string())
}

// === what is made for each request ===

pub(super) fn principal_uid(slice: &Slice, principal: &Principal) -> EntityUid {
    uid(&slice.kinds.of(principal.kind), &principal.id)
}

/// The entities of one request; borrowed when the principal is not among what is read.
pub(super) fn entities<'s>(
    slice: &'s Slice,
    reads: &Reads,
    case: &Case<'_>,
) -> Result<Cow<'s, Entities>, String> {
    if !reads.principal {
        return Ok(Cow::Borrowed(&slice.entities));
    }
    let principal = case.principal;
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let attributes = HashMap::from([
        ("tenant".to_owned(), text(&principal.tenant)),
        ("roles".to_owned(), RestrictedExpression::new_set(principal.roles.iter().map(|role| text(role)))),
        ("requester".to_owned(), text(principal.requester())),
    ]);
    let parents = HashSet::from([slice.workflow.clone()]);
    let entity =
        Entity::new(principal_uid(slice, principal), attributes, parents).map_err(|e| e.to_string())?;
    let base = Entities::clone(&slice.entities);
    base.add_entities([entity], None).map(Cow::Owned).map_err(|e| e.to_string())
}

// === scopes ===

fn action_matches(policy: &Policy, groups: &HashSet<String>) -> bool {
    let is = |uid: &EntityUid| groups.contains(uid.id().unescaped());
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => is(&uid),
        ActionConstraint::In(uids) => uids.iter().any(is),
    }
}

/// Whether some principal of this workflow could match. A principal's only parent is its workflow.
fn principal_matches(policy: &Policy, home: &EntityUid) -> bool {
    let possible = |uid: &EntityUid| uid.type_name() != home.type_name() || uid == home;
    match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) | PrincipalConstraint::Eq(_) => true,
        PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => possible(&uid),
    }
}

fn resource_matches(policy: &Policy, action: &Prepared<'_>) -> bool {
    let within = |uid: &EntityUid| *uid == action.resource || *uid == action.server;
    match policy.resource_constraint() {
        ResourceConstraint::Any => true,
        ResourceConstraint::Eq(uid) => uid == action.resource,
        ResourceConstraint::Is(kind) => kind == *action.resource.type_name(),
        ResourceConstraint::In(uid) => within(&uid),
        ResourceConstraint::IsIn(kind, uid) => kind == *action.resource.type_name() && within(&uid),
    }
}

fn kind(name: &str) -> Result<EntityTypeName, String> {
    name.parse().map_err(|e| format!("{e}"))
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}
