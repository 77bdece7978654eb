//! The Cedar schema, generated from the pinned tools: one action for each tool and model, in the
//! groups of its tier, its effect and its server.
//!
//! A pinned schema that changes changes the Cedar schema, so a policy that relied on what is gone no
//! longer loads. The text is also what `plimsoll check --schema` prints, so it is written to be read.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use cedar_policy::Schema;
use plimsoll_core::{Account, ArgumentRole, Effect, Tier, ToolName};

use super::Parts;
use super::args::{self, Arg};
use super::reads::Reads;
use super::vocabulary::{self, ARGS, EFFECTS, FIELDS, Field, TIERS};
use crate::Diagnostic;

/// What the engine needs to know about one action.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: ToolName,
    pub(super) tier: Tier,
    pub(super) effect: Effect,
    pub(super) account: Account,
    pub(super) roles: Vec<(String, ArgumentRole)>,
    pub(super) checks: Vec<String>,
    pub(super) amount_free: Option<i64>,
    pub(super) args: Vec<Arg>,
}

pub(super) type Shapes = BTreeMap<ToolName, Arc<Shape>>;

/// The shapes of all tools and models.
pub(super) fn shapes(parts: Parts<'_>) -> (Shapes, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut shapes = Shapes::new();
    for server in parts.servers.values() {
        if vocabulary::is_group(&server.name) || server.name == ToolName::MODEL {
            diagnostics.push(reserved(&server.name));
        }
        for tool in server.tools.values() {
            let shape = Shape {
                name: tool.name.clone(),
                tier: tool.tier,
                effect: tool.effect,
                account: tool.account,
                roles: tool.meaning.roles.iter().map(|(path, role)| (path.clone(), *role)).collect(),
                checks: tool.checks.iter().map(|check| check.name.clone()).collect(),
                amount_free: tool.amount_free,
                args: tool.pin.as_ref().map_or_else(Vec::new, |pin| args::of_schema(&pin.input_schema)),
            };
            shapes.insert(tool.name.clone(), Arc::new(shape));
        }
    }
    for id in parts.models.keys() {
        let name = ToolName::new(ToolName::MODEL, id);
        shapes.insert(name.clone(), Arc::new(Shape::model(name)));
    }
    (shapes, diagnostics)
}

fn reserved(server: &str) -> Diagnostic {
    let message = format!("`{server}` can't name a server: policies know a group of acts by that name");
    Diagnostic::error("cedar/reserved-server", format!("tools/{server}.yaml"), message)
        .help(format!("rename it, for example to `{server}-server`"))
}

impl Shape {
    /// The action and every group it is in.
    pub(super) fn groups(&self) -> HashSet<String> {
        let own = self.name.to_string();
        HashSet::from([own, self.tier.name().into(), self.effect.name().into(), self.name.server.clone()])
    }

    /// The same in one order.
    pub(super) fn groups_in_order(&self) -> [&str; 3] {
        [self.tier.name(), self.effect.name(), self.account.name()]
    }

    /// A model call is an act too: safe, it reads.
    fn model(name: ToolName) -> Self {
        Self {
            name,
            tier: Tier::Safe,
            effect: Effect::Read,
            account: Account::Read,
            roles: Vec::new(),
            checks: Vec::new(),
            amount_free: None,
            args: Vec::new(),
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Schema, Diagnostic> {
    let parsed = Schema::from_cedarschema_str(text).map(|(schema, _)| schema);
    parsed.map_err(|error| {
        Diagnostic::error("cedar/schema", "tools", format!("the generated schema does not load: {error}"))
            .help("this is a defect of Plimsoll, please report it with `plimsoll check --schema`")
    })
}

/// The schema's text; with `reads`, only the facts that each action's policies read.
pub(super) fn text(shapes: &Shapes, reads: Option<&BTreeMap<ToolName, Reads>>) -> String {
    let mut out = String::new();
    out.push_str(ENTITIES);
    if reads.is_none() {
        groups(&mut out);
    }
    let mut names: Vec<&str> =
        TIERS.iter().map(|t| t.name()).chain(EFFECTS.iter().map(|e| e.name())).collect();
    names.push(ToolName::MODEL);
    let mut servers: Vec<&str> = shapes.keys().map(|name| name.server.as_str()).collect();
    servers.dedup();
    names.extend(servers.into_iter().filter(|name| *name != ToolName::MODEL && !vocabulary::is_group(name)));
    for name in names {
        let _ = writeln!(out, "action {};", quoted(name));
    }
    for shape in shapes.values() {
        action(&mut out, shape, reads.map(|reads| reads.get(&shape.name)));
    }
    out
}

const ENTITIES: &str = "\
// Who asks. A principal is in the workflow it asks in.
entity Workflow;
entity User, Service, Agent in [Workflow] {
  tenant: String,
  roles: Set<String>,
  // The person behind the request, or the principal itself.
  requester: String,
};

// What is asked for.
entity Server;
entity Tool in [Server] { server: String, tier: String, effect: String, account: String };

";

/// The records that all actions share, with what each fact means.
fn groups(out: &mut String) {
    out.push_str("// Beside these records, `context` has:\n");
    for field in FIELDS.iter().filter(|field| field.group.is_empty()) {
        let _ = writeln!(out, "//   {:<12} {}", field.name, field.meaning);
    }
    let _ = writeln!(out, "//   {ARGS:<12} the act's own arguments, as its pinned schema declares them");
    out.push_str("//\n// Levels: 0 untrusted, 1 trusted, 2 user, 3 operator.\n");
    let (mut group, mut meaning) = ("", "");
    for field in FIELDS.iter().filter(|field| !field.group.is_empty()) {
        if field.group != group {
            out.push_str(if group.is_empty() { "" } else { "};\n" });
            let _ = writeln!(out, "type {} = {{", type_name(field.group));
            group = field.group;
        }
        if field.meaning != meaning {
            let _ = writeln!(out, "  // {}", field.meaning);
            meaning = field.meaning;
        }
        let _ = writeln!(out, "  {},", member(field));
    }
    out.push_str("};\n\n");
}

fn action(out: &mut String, shape: &Shape, reads: Option<Option<&Reads>>) {
    let groups = [shape.tier.name(), shape.effect.name(), &shape.name.server].map(quoted).join(", ");
    let _ = writeln!(
        out,
        "action {} in [{groups}] appliesTo {{\n  principal: [User, Service, Agent],\n  resource: [Tool],\n  context: {{",
        quoted(&shape.name.to_string())
    );
    match reads {
        None => whole_context(out, shape),
        Some(Some(reads)) => read_context(out, shape, reads),
        Some(None) => {}
    }
    out.push_str("  },\n};\n");
}

fn whole_context(out: &mut String, shape: &Shape) {
    let plain: Vec<String> = FIELDS.iter().filter(|field| field.group.is_empty()).map(member).collect();
    let records: Vec<String> = group_names().map(|group| format!("{group}: {}", type_name(group))).collect();
    let args: Vec<String> = shape.args.iter().map(arg_member).collect();
    let args = if args.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", args.join(", ")) };
    let _ = writeln!(out, "    {},\n    {},\n    {ARGS}: {args},", plain.join(", "), records.join(", "));
}

fn read_context(out: &mut String, shape: &Shape, reads: &Reads) {
    let in_group = |group: &str| -> Vec<String> {
        FIELDS.iter().filter(|f| f.group == group && reads.has(group, f.name)).map(member).collect()
    };
    for member in in_group("") {
        let _ = writeln!(out, "    {member},");
    }
    for group in group_names().filter(|group| reads.touches(group)) {
        let _ = writeln!(out, "    {group}: {{ {} }},", in_group(group).join(", "));
    }
    if reads.touches(ARGS) {
        let args: Vec<String> =
            shape.args.iter().filter(|a| reads.has(ARGS, &a.name)).map(arg_member).collect();
        let _ = writeln!(out, "    {ARGS}: {{ {} }},", args.join(", "));
    }
}

/// The records of the context, each once, in the table's order.
pub(crate) fn group_names() -> impl Iterator<Item = &'static str> {
    let starts = FIELDS.windows(2).filter(|w| w.len() == 2 && w[0].group != w[1].group);
    starts.map(|w| w[1].group)
}

fn member(field: &Field) -> String {
    format!("{}{}: {}", field.name, if field.optional { "?" } else { "" }, field.kind)
}

fn arg_member(arg: &Arg) -> String {
    format!("{}{}: {}", quoted(&arg.name), if arg.required { "" } else { "?" }, arg.kind())
}

/// `flow` → `Flow`.
fn type_name(group: &str) -> String {
    let mut letters = group.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A Cedar string literal.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}
