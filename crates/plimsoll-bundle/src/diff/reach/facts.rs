//! Which facts of an act are varied, and over which values: read off the policies of both sides.

use std::collections::BTreeSet;

use plimsoll_core::{ArgumentRole, Integrity, Mode, Payload, Principal, PrincipalKind, ToolName};
use serde_json::{Value, json};

use super::sample;
use super::situation::{Class, SideAct, Situation, carries_text};
use super::space::{Choice, Dim, Does, ORIGINS, Space};
use crate::cedar::{Literal, Literals};
use crate::model::Tool;

/// Full combination of origins up to this many; beyond, one value departs from the user's word at a time, or
/// all do alike.
const ORIGINS_MAX: usize = 100;

/// Builds the space of an act from what either side's policies read.
pub(crate) struct Builder<'a> {
    sides: Vec<&'a SideAct<'a>>,
    literals: Literals,
    environments: [&'a str; 2],
    dims: Vec<Dim>,
    args: BTreeSet<String>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(sides: Vec<&'a SideAct<'a>>, environments: [&'a str; 2]) -> Self {
        let mut literals = Literals::new();
        sides.iter().for_each(|side| side.probe.literals(&mut literals));
        Self { sides, literals, environments, dims: Vec::new(), args: BTreeSet::new() }
    }

    pub(crate) fn build(mut self) -> Space {
        let tools: Vec<&Tool> = self.sides.iter().filter_map(|side| side.tool).collect();
        let plain =
            Situation::plain(principal(PrincipalKind::User), sample::arguments(&tools), self.environments[1]);
        self.principals();
        self.origins(&tools);
        self.amounts(&tools);
        self.truths(&tools);
        self.seen();
        self.payload(&tools);
        self.place();
        self.counters();
        self.arguments();
        Space { plain, dims: self.dims, args: self.args }
    }

    fn reads(&self, group: &str, name: &str) -> bool {
        self.sides.iter().any(|side| side.probe.reads(group, name))
    }

    fn dim(&mut self, name: &str, values: Vec<(String, Does)>) {
        if values.len() > 1 {
            let values = values.into_iter().map(|(words, does)| Choice { words, does }).collect();
            self.dims.push(Dim { name: name.to_owned(), values });
        }
    }

    fn two(&mut self, name: &str, plain: &str, other: &str, does: Does) {
        self.dim(name, vec![(plain.to_owned(), Does::Nothing), (other.to_owned(), does)]);
    }

    fn texts(&self, path: &str) -> Vec<String> {
        let literals = self.literals.get(path).into_iter().flatten();
        literals.filter_map(|l| if let Literal::Text(text) = l { Some(text.clone()) } else { None }).collect()
    }

    fn numbers(&self, path: &str) -> Vec<i64> {
        let literals = self.literals.get(path).into_iter().flatten();
        literals.filter_map(|l| if let Literal::Number(n) = l { Some(*n) } else { None }).collect()
    }

    /// Who asks: each kind, with each role, tenant or name that a policy compares with.
    fn principals(&mut self) {
        if !self.sides.iter().any(|side| side.probe.reads_principal()) {
            return;
        }
        let mut values = Vec::new();
        for kind in [PrincipalKind::User, PrincipalKind::Service, PrincipalKind::Agent] {
            let plain = principal(kind);
            let with = |roles: Vec<String>, tenant: &str| Principal {
                roles: roles.into_iter().collect(),
                tenant: tenant.to_owned(),
                ..plain.clone()
            };
            let roles = self.texts("principal.roles");
            let tenants = self.texts("principal.tenant");
            let who = kind.name();
            let a = if kind == PrincipalKind::Agent { "an" } else { "a" };
            values.push((format!("asked by {a} {who}"), Does::Principal(plain.clone())));
            for role in &roles {
                values.push((
                    format!("asked by {a} {who} with the role {role}"),
                    Does::Principal(with(vec![role.clone()], "")),
                ));
            }
            if roles.len() > 1 {
                values.push((
                    format!("asked by {a} {who} with the roles {}", roles.join(", ")),
                    Does::Principal(with(roles.clone(), "")),
                ));
            }
            for tenant in &tenants {
                values.push((
                    format!("asked by {a} {who} of {tenant}"),
                    Does::Principal(with(Vec::new(), tenant)),
                ));
                for role in &roles {
                    let does = Does::Principal(with(vec![role.clone()], tenant));
                    values.push((format!("asked by {a} {who} of {tenant} with the role {role}"), does));
                }
            }
            for person in self.texts("principal.requester") {
                let does = Does::Principal(Principal { on_behalf_of: Some(person.clone()), ..plain.clone() });
                values.push((format!("asked by {a} {who} for {person}"), does));
            }
            for literal in self.literals.get("principal").into_iter().flatten() {
                if let Literal::Entity(entity, id) = literal
                    && entity.eq_ignore_ascii_case(who)
                {
                    let does = Does::Principal(Principal { id: id.clone(), ..plain.clone() });
                    values.push((format!("asked by the {who} {id}"), does));
                }
            }
        }
        self.dim("who asks", values);
    }

    /// From where each value that somebody must stand behind comes.
    fn origins(&mut self, tools: &[&Tool]) {
        let flow = ["aimed", "unknown", "targets", "proven", "chosen", "authored", "listed"];
        let by_role = |role: &ArgumentRole| self.reads("flow", role.name());
        let any = flow.iter().any(|name| self.reads("flow", name));
        let traced = |role: &ArgumentRole| by_role(role) || (any && role.must_be_proven());
        let paths: BTreeSet<&String> = tools
            .iter()
            .flat_map(|tool| tool.meaning.roles.iter().filter(|(_, role)| traced(role)).map(|(path, _)| path))
            .collect();
        if paths.is_empty() {
            return;
        }
        let mut classes = vec![Class::User, Class::Lent, Class::Trusted, Class::Untrusted];
        let more = [
            ("listed", &[Class::Listed][..]),
            ("authored", &[Class::Told, Class::Written]),
            ("unknown", &[Class::Unknown]),
        ];
        for (fact, more) in more {
            if self.reads("flow", fact) {
                classes.extend(more);
            }
        }
        let highest = self.literals.iter().filter(|(path, _)| path.starts_with("flow.")).flat_map(|(_, l)| l);
        if highest.into_iter().any(|l| matches!(l, Literal::Number(n) if *n >= Integrity::Operator.level())) {
            classes.push(Class::Operator);
        }
        let of = |path: &String| -> Vec<Class> {
            let optional = self.sides.iter().all(|side| is_optional(side, path));
            let absent = optional.then_some(Class::Absent);
            classes.iter().copied().chain(absent).collect()
        };
        let choices: Vec<(&String, Vec<Class>)> = paths.into_iter().map(|path| (path, of(path))).collect();
        let combined = combine(&choices);
        let values = combined.into_iter().map(|origins| (told(&origins), Does::Origins(origins))).collect();
        self.dim(ORIGINS, values);
    }

    /// How much money: beside each amount that is free or that a policy compares with.
    fn amounts(&mut self, tools: &[&Tool]) {
        let Some(path) = tools.iter().find_map(|tool| amount_path(tool)) else { return };
        let read = ["hundredths", "within_free"].iter().any(|name| self.reads("amount", name))
            || ["proven", "targets", "chosen"].iter().any(|name| self.reads("flow", name));
        if !read {
            return;
        }
        // What is free is free inclusively, so the next hundredth is compared too.
        let free = tools.iter().filter_map(|tool| tool.amount_free).flat_map(|free| [free, free + 1]);
        let argument = format!("args{}", path.replace('/', "."));
        let of_args = self.literals.get(&argument).into_iter().flatten().filter_map(hundredths);
        let constants = free.chain(self.numbers("amount.hundredths")).chain(of_args).collect();
        let mut amounts = told_apart(constants);
        amounts.retain(|n| *n > 0);
        amounts.insert(100);
        self.args.insert(path.trim_start_matches('/').to_owned());
        let words = |n: i64| format!("the amount is {}", super::super::money(n));
        self.dim(
            "the amount",
            amounts.into_iter().map(|n| (words(n), Does::Amount(path.clone(), n))).collect(),
        );
    }

    fn truths(&mut self, tools: &[&Tool]) {
        if self.reads("intent", "asked") {
            self.two(
                "asked",
                "the user asked for this kind of act",
                "the user did not ask for it",
                Does::NotAsked,
            );
        }
        if self.reads("hypothesis", "known") {
            let other = "no model answer that was seen proposed it";
            self.two("proposed", "a known model answer proposed it", other, Does::NotKnown);
        }
        if tools.iter().any(|tool| !tool.checks.is_empty()) {
            self.two("checks", "its checks can still be run", "its checks have failed", Does::ChecksFail);
        }
        let to = |tool: &&&Tool| -> Vec<String> {
            let people = tool.meaning.roles.iter().filter(|(_, role)| **role == ArgumentRole::Recipient);
            people.map(|(path, _)| path.clone()).collect()
        };
        let people: BTreeSet<String> = tools.iter().flat_map(|tool| to(&tool)).collect();
        if !people.is_empty() && (self.reads("flow", "others") || self.reads("egress", "outside")) {
            let does = Does::ToTheAsker(people.into_iter().collect());
            self.two("reaches", "it reaches somebody else", "it reaches only the asker", does);
        }
    }

    /// What the model has been shown.
    fn seen(&mut self) {
        let level = ["integrity", "tainted", "lethal"].iter().any(|name| self.reads("trajectory", name))
            || ["aimed", "proven"].iter().any(|name| self.reads("flow", name));
        if level {
            let mut values = vec![
                ("the model has seen nothing untrusted".to_owned(), Does::Seen(Integrity::User)),
                ("the model has seen untrusted content".to_owned(), Does::Seen(Integrity::Untrusted)),
            ];
            if !self.numbers("trajectory.integrity").is_empty() {
                values.push((
                    "the model has seen the organisation's records".to_owned(),
                    Does::Seen(Integrity::Trusted),
                ));
            }
            self.dim("seen", values);
        }
        if self.reads("trajectory", "classes") || self.reads("trajectory", "lethal") {
            let mut classes = self.texts("trajectory.classes");
            if classes.is_empty() {
                classes.push("sensitive".to_owned());
            }
            let mut values = vec![("the model has seen no sensitive data".to_owned(), Does::Nothing)];
            values.extend(
                classes
                    .into_iter()
                    .map(|class| (format!("the model has seen {class} data"), Does::SeenClass(class))),
            );
            self.dim("seen classes", values);
        }
        if self.reads("egress", "outside") {
            let other = "the model has seen data that only others may read";
            self.two("readers", "anybody may read what the model has seen", other, Does::ForReaders);
        }
        let tools = self.texts("trajectory.untrusted_tools");
        if self.reads("trajectory", "untrusted_tools") {
            let mut values = vec![("no untrusted tool has spoken".to_owned(), Does::Nothing)];
            let parsed = tools.into_iter().filter_map(|name| name.parse::<ToolName>().ok());
            values.extend(parsed.map(|tool| {
                (format!("the model has seen untrusted results of {tool}"), Does::SeenTool(tool))
            }));
            self.dim("seen tools", values);
        }
        let spans = self.numbers("trajectory.spans");
        if self.reads("trajectory", "spans") {
            let near: BTreeSet<u32> = spans
                .iter()
                .flat_map(|n| [n - 1, *n, n + 1])
                .chain([3])
                .filter_map(|n| u32::try_from(n).ok())
                .collect();
            self.dim(
                "spans",
                near.into_iter()
                    .map(|n| (format!("the model has seen {n} pieces of text"), Does::Spans(n)))
                    .collect(),
            );
        }
    }

    fn payload(&mut self, tools: &[&Tool]) {
        if !tools.iter().any(|tool| carries_text(tool)) {
            return;
        }
        let mut values =
            vec![("its text carries nothing in particular".to_owned(), Does::Payload(Payload::default()))];
        if self.reads("payload", "foreign") {
            let payload =
                Payload { foreign: vec!["https://elsewhere.example/".to_owned()], ..Payload::default() };
            values.push((
                "its text holds a link or address that nobody trusted wrote".to_owned(),
                Does::Payload(payload),
            ));
        }
        if self.reads("payload", "classes") {
            let mut classes = self.texts("payload.classes");
            if classes.is_empty() {
                classes.push("sensitive".to_owned());
            }
            for class in classes {
                let payload = Payload { classes: [class.clone()].into(), ..Payload::default() };
                values.push((format!("its text holds {class} data"), Does::Payload(payload)));
            }
        }
        if self.reads("payload", "undictated") {
            let payload = Payload { undictated: true, ..Payload::default() };
            values
                .push(("its text is not the one that the user dictated".to_owned(), Does::Payload(payload)));
        }
        self.dim("text", values);
    }

    /// Mode, environment, door.
    fn place(&mut self) {
        if self.reads("", "mode") {
            let modes = [Mode::Enforce, Mode::Suggest, Mode::Observe];
            self.dim("mode", modes.map(|mode| (format!("in {} mode", mode.name()), Does::Mode(mode))).into());
        }
        if self.reads("", "flags") {
            let mut values = vec![("no feature flag is on".to_owned(), Does::Nothing)];
            values.extend(
                self.texts("flags")
                    .into_iter()
                    .map(|flag| (format!("the feature flag {flag} is on"), Does::Flag(flag))),
            );
            self.dim("flags", values);
        }
        if self.reads("", "environment") {
            let mut names =
                vec![self.environments[1].to_owned(), self.environments[0].to_owned(), "another".to_owned()];
            names.extend(self.texts("environment"));
            let mut seen = BTreeSet::new();
            names.retain(|name| seen.insert(name.clone()));
            self.dim(
                "environment",
                names
                    .into_iter()
                    .map(|name| (format!("in the environment {name}"), Does::Environment(name)))
                    .collect(),
            );
        }
        if self.reads("", "deferred") {
            self.two(
                "door",
                "at the door that moves it",
                "at a door before the one that moves it",
                Does::Deferred,
            );
        }
    }

    fn counters(&mut self) {
        for name in ["calls_per_minute", "calls_per_hour", "calls_per_day", "amount_per_day"] {
            if self.reads("counters", name) {
                let compared = self.numbers(&format!("counters.{name}"));
                let mut near = told_apart(compared.into_iter().collect());
                near.retain(|n| *n >= 0);
                near.insert(0);
                let words = |n: i64| format!("{} is {n}", name.replace('_', " "));
                self.dim(
                    name,
                    near.into_iter().map(|n| (words(n), Does::Counter(name.to_owned(), n))).collect(),
                );
            }
        }
    }

    /// Arguments that policies name, other than the amount.
    fn arguments(&mut self) {
        let mut names = BTreeSet::new();
        for side in &self.sides {
            let properties =
                side.schema().and_then(|schema| schema.get("properties")).and_then(Value::as_object);
            names.extend(
                properties
                    .into_iter()
                    .flat_map(|p| p.keys().cloned())
                    .filter(|name| side.probe.reads("args", name)),
            );
        }
        names.retain(|name| !self.args.contains(name));
        for name in names {
            let property = self
                .sides
                .iter()
                .rev()
                .find_map(|side| side.schema()?.get("properties")?.get(&name))
                .cloned()
                .unwrap_or_default();
            let mut values: Vec<Value> = Vec::new();
            for side in &self.sides {
                let list = side
                    .schema()
                    .map(|schema| &schema["properties"][&name]["enum"])
                    .and_then(Value::as_array);
                values.extend(list.into_iter().flatten().cloned());
            }
            let kind = property.get("type").and_then(Value::as_str).unwrap_or("string");
            for literal in self.literals.get(&format!("args.{name}")).into_iter().flatten() {
                values.extend(beside(literal, kind));
            }
            match kind {
                "boolean" => values.extend([json!(false), json!(true)]),
                "array" => values.push(json!([])),
                _ => {}
            }
            let mut seen = BTreeSet::new();
            values.retain(|value| seen.insert(value.to_string()));
            if values.is_empty() {
                continue;
            }
            self.args.insert(name.clone());
            let mut choices: Vec<(String, Does)> = vec![(format!("{name} is another"), Does::Nothing)];
            choices.extend(
                values
                    .into_iter()
                    .map(|value| (format!("{name} is {value}"), Does::Argument(name.clone(), Some(value)))),
            );
            if self.sides.iter().all(|side| is_optional(side, &format!("/{name}"))) {
                choices.push((format!("{name} is left out"), Does::Argument(name.clone(), None)));
            }
            self.dim(&format!("argument {name}"), choices);
        }
    }
}

fn principal(kind: PrincipalKind) -> Principal {
    let person = (kind != PrincipalKind::User).then(|| "somebody".to_owned());
    let id = format!("key:a-{}", kind.name());
    Principal { id, kind, tenant: String::new(), roles: BTreeSet::new(), on_behalf_of: person }
}

fn is_optional(side: &SideAct<'_>, path: &str) -> bool {
    let name = path.split('/').nth(1).unwrap_or_default();
    let required = side.schema().and_then(|schema| schema.get("required")).and_then(Value::as_array);
    side.schema().is_some() && !required.is_some_and(|list| list.iter().any(|item| item == name))
}

fn amount_path(tool: &Tool) -> Option<String> {
    tool.meaning.roles.iter().find(|(_, role)| **role == ArgumentRole::Amount).map(|(path, _)| path.clone())
}

/// All combinations where they are few; else one departs at a time, or all alike.
fn combine(choices: &[(&String, Vec<Class>)]) -> Vec<Vec<(String, Class)>> {
    let total = choices.iter().try_fold(1_usize, |n, (_, classes)| n.checked_mul(classes.len()));
    let plain: Vec<(String, Class)> =
        choices.iter().map(|(path, _)| ((*path).clone(), Class::User)).collect();
    if total.is_some_and(|total| total <= ORIGINS_MAX) {
        let mut all = vec![Vec::new()];
        for (path, classes) in choices {
            all = all
                .into_iter()
                .flat_map(|some: Vec<(String, Class)>| {
                    classes.iter().map(move |class| {
                        let mut some = some.clone();
                        some.push(((*path).clone(), *class));
                        some
                    })
                })
                .collect();
        }
        return all;
    }
    let mut all = vec![plain.clone()];
    for (at, (_, classes)) in choices.iter().enumerate() {
        for class in classes.iter().filter(|class| **class != Class::User) {
            let mut one = plain.clone();
            one[at].1 = *class;
            all.push(one);
        }
    }
    let alike: BTreeSet<Class> = choices.iter().flat_map(|(_, classes)| classes.iter().copied()).collect();
    for class in alike.into_iter().filter(|class| *class != Class::User) {
        let each = choices.iter().map(|(path, classes)| {
            ((*path).clone(), if classes.contains(&class) { class } else { Class::User })
        });
        all.push(each.collect());
    }
    let mut seen = BTreeSet::new();
    all.retain(|origins| seen.insert(origins.clone()));
    all
}

fn told(origins: &[(String, Class)]) -> String {
    let odd: Vec<String> = origins
        .iter()
        .filter(|(_, class)| *class != Class::User)
        .map(|(path, class)| format!("{} {}", path.trim_start_matches('/'), class.words()))
        .collect();
    if odd.is_empty() { "the user named every value".to_owned() } else { odd.join(", ") }
}

/// One value in each stretch that comparisons with these constants can tell apart, and the constants.
fn told_apart(constants: BTreeSet<i64>) -> BTreeSet<i64> {
    let below = constants.first().map(|first| first.saturating_sub(1));
    let above = constants.iter().map(|constant| constant.saturating_add(1));
    below.into_iter().chain(constants.iter().copied()).chain(above).collect()
}

fn hundredths(literal: &Literal) -> Option<i64> {
    match literal {
        Literal::Number(n) => n.checked_mul(100),
        Literal::Decimal(digits) => crate::decimal::Decimal::of(&json!(digits))?.hundredths(),
        _ => None,
    }
}

/// The constant itself, and for numbers its neighbours, as the argument's type has them.
fn beside(literal: &Literal, kind: &str) -> Vec<Value> {
    let plain = match literal {
        Literal::Text(text) => vec![json!(text)],
        Literal::Number(n) => vec![json!(n.saturating_sub(1)), json!(n), json!(n.saturating_add(1))],
        Literal::Decimal(digits) => {
            let near = |d: f64| serde_json::from_str::<Value>(&format!("{d:.4}")).unwrap_or(Value::Null);
            let Ok(number) = digits.parse::<f64>() else { return Vec::new() };
            vec![near(number - 0.01), near(number), near(number + 0.01)]
        }
        Literal::Entity(..) => Vec::new(),
    };
    if kind == "array" { plain.into_iter().map(|value| json!([value])).collect() } else { plain }
}
