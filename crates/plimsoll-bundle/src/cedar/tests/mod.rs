//! Tests of the engine: a small desk of tools, and one way to describe a case of it.

mod attacks;
mod compile;
mod explain;
mod facts;
mod grid;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_core::{
    Account, Act, ApprovalFact, ApprovalTerms, ArgumentOrigin, ArgumentRole, Assume, Case, CheckFact,
    Decision, Digest, Door, Effect, Facts, Flow, Hypothesis, Integrity, Intent, Judgement, Label, Meaning,
    Mode, Origin, Output, Principal, PrincipalKind, Rules, Tier, ToolName, Trajectory, decide,
};
use serde_json::{Value, json};

use super::{DEFAULT_PATH, Engine, Parts, PolicyFile, Shipped};
use crate::{Boundary, Check, Decider, Diagnostic, HostedTools, Pin, Reach, Server, Tool, Workflow};

/// A repository with nine tools, one model and two workflows.
pub(super) struct Desk {
    pub(super) servers: BTreeMap<String, Arc<Server>>,
    pub(super) workflows: BTreeMap<String, Arc<Workflow>>,
    pub(super) models: BTreeMap<String, Arc<crate::Model>>,
}

impl Desk {
    pub(super) fn new() -> Self {
        use ArgumentRole as R;
        let tools = [
            tool("desk.read_order", Tier::Safe, Effect::Read, &[("/order", R::Identifier)]),
            tool(
                "desk.refund_order",
                Tier::Guarded,
                Effect::External,
                &[("/order", R::Identifier), ("/amount", R::Amount)],
            )
            .checked("within-order")
            .free(2_000),
            tool("desk.clear_cart", Tier::Guarded, Effect::Own, &[]),
            tool(
                "bank.pay",
                Tier::Guarded,
                Effect::External,
                &[("/iban", R::Account), ("/amount", R::Amount)],
            ),
            tool(
                "mail.send",
                Tier::Guarded,
                Effect::Egress,
                &[("/to/*", R::Recipient), ("/link", R::Url), ("/key", R::Credential), ("/body", R::Content)],
            ),
            tool(
                "crm.delete_customer",
                Tier::Dangerous,
                Effect::Destructive,
                &[("/customer", R::Identifier)],
            )
            .checked("is-closed"),
            tool("crm.expire_note", Tier::Safe, Effect::Destructive, &[]),
            tool(
                "diary.book",
                Tier::Guarded,
                Effect::Shared,
                &[("/to", R::Recipient), ("/note", R::Content)],
            ),
            tool("web.fetch", Tier::Guarded, Effect::Read, &[("/link", R::Url)]),
        ];
        let mut servers: BTreeMap<String, BTreeMap<String, Arc<Tool>>> = BTreeMap::new();
        for tool in tools {
            servers
                .entry(tool.name.server.clone())
                .or_default()
                .insert(tool.name.tool.clone(), Arc::new(tool));
        }
        let model = crate::Model {
            id: "gpt".into(),
            provider: crate::Provider::OpenAi,
            url: String::new(),
            credential: None,
            names: vec![],
            region: String::new(),
            processor: String::new(),
            data_classes: vec![],
            fallback: None,
            version: None,
            lock: None,
        };
        let names: Vec<ToolName> =
            servers.values().flat_map(|t| t.values().map(|t| t.name.clone())).collect();
        Self {
            servers: servers.into_iter().map(|(name, tools)| (name.clone(), server(name, tools))).collect(),
            workflows: BTreeMap::from([
                ("support".into(), Arc::new(workflow("support", names))),
                ("other".into(), Arc::new(workflow("other", vec![name("desk.read_order")]))),
            ]),
            models: BTreeMap::from([("gpt".into(), Arc::new(model))]),
        }
    }

    pub(super) fn compile(&self, files: &[(&str, &str)]) -> Result<Engine, Vec<Diagnostic>> {
        let policies: Vec<PolicyFile> = files
            .iter()
            .map(|(path, text)| PolicyFile { path: (*path).into(), text: (*text).into() })
            .collect();
        Engine::compile(Parts {
            servers: &self.servers,
            workflows: &self.workflows,
            models: &self.models,
            policies: &policies,
            shipped: &Shipped::default(),
        })
    }

    /// The engine with the shipped policies and one more file.
    pub(super) fn with(&self, more: &str) -> Engine {
        self.compile(&[("policies/own.cedar", more)]).unwrap()
    }

    pub(super) fn shipped(&self) -> Engine {
        self.compile(&[]).unwrap()
    }

    /// The engine with only these policies, and the invariants, which nobody can drop.
    pub(super) fn only(&self, text: &str) -> Engine {
        self.compile(&[(DEFAULT_PATH, text)]).unwrap()
    }

    fn tool(&self, name: &ToolName) -> Option<&Tool> {
        self.servers.get(&name.server)?.tools.get(&name.tool).map(Arc::as_ref)
    }
}

/// What a case is made of; the rest is worked out.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) tool: ToolName,
    pub(super) args: Value,
    pub(super) flow: Flow,
    pub(super) seen: Integrity,
    /// Readers and classes of what the model has seen.
    pub(super) label: Label,
    pub(super) principal: Principal,
    pub(super) workflow: &'static str,
    pub(super) mode: Mode,
    pub(super) facts: Facts,
    pub(super) tier: Option<Tier>,
}

/// A call proposed by a known model answer, in enforce mode, nothing approved or checked.
pub(super) fn given(tool: &str, args: Value) -> Given {
    Given {
        tool: name(tool),
        args,
        flow: Flow { intent: Intent { asked: true, ..Intent::default() }, ..Flow::default() },
        seen: Integrity::Untrusted,
        label: Label::default(),
        principal: Principal {
            id: "key:ada".into(),
            kind: PrincipalKind::User,
            tenant: "acme".into(),
            roles: BTreeSet::from(["clerk".into()]),
            on_behalf_of: None,
        },
        workflow: "support",
        mode: Mode::Enforce,
        facts: Facts { hypothesis: Hypothesis::Answer, terms: Some(terms()), ..Facts::default() },
        tier: None,
    }
}

impl Given {
    pub(super) fn from(mut self, argument: &str, role: ArgumentRole, integrity: Integrity) -> Self {
        self.flow.origins.push(ArgumentOrigin {
            argument: argument.into(),
            role,
            integrity,
            chosen: integrity >= Integrity::User,
            authored: false,
            listed: false,
            unknown: false,
            found: vec![],
            more: 0,
            preview: None,
        });
        self
    }

    /// The value of a trusted field, lent by a record that the user named.
    pub(super) fn lent(mut self, argument: &str, role: ArgumentRole) -> Self {
        self = self.from(argument, role, Integrity::Trusted);
        self.flow.origins.iter_mut().filter(|o| o.argument == argument).for_each(|o| o.chosen = true);
        self
    }

    /// An entry of a directory, which the user did not name.
    pub(super) fn listed(mut self, argument: &str, role: ArgumentRole) -> Self {
        self = self.from(argument, role, Integrity::Trusted);
        self.flow.origins.iter_mut().filter(|o| o.argument == argument).for_each(|o| o.listed = true);
        self
    }

    /// Found in what a known author wrote: one whom the user named, or just a member of the house.
    pub(super) fn written(mut self, argument: &str, role: ArgumentRole, named: bool) -> Self {
        self = self.from(argument, role, Integrity::Untrusted);
        let found = Origin {
            span: 1,
            source: "tool:chat.read".into(),
            integrity: Integrity::Untrusted,
            whole: true,
            field: Some("body".into()),
            lent_by: named.then(|| "sender".into()),
            of: None,
        };
        for origin in self.flow.origins.iter_mut().filter(|o| o.argument == argument) {
            origin.authored = true;
            origin.found.push(found.clone());
        }
        self
    }

    /// Traced, and found nowhere.
    pub(super) fn nowhere(mut self, argument: &str, role: ArgumentRole) -> Self {
        self = self.from(argument, role, Integrity::Untrusted);
        self.flow.origins.iter_mut().filter(|o| o.argument == argument).for_each(|o| o.unknown = true);
        self
    }

    pub(super) fn checked(mut self, name: &str, passed: Option<bool>) -> Self {
        self.facts.checks.push(CheckFact { name: name.into(), passed, detail: String::new() });
        self
    }

    pub(super) fn approved(mut self) -> Self {
        let approvers = vec!["bo".into()];
        self.facts.approval =
            Some(ApprovalFact { id: "T-1".into(), granted: true, denied: false, approvers });
        self
    }

    pub(super) fn unknown(mut self) -> Self {
        self.facts.hypothesis = Hypothesis::Unknown;
        self
    }

    /// Runs `then` on the case.
    pub(super) fn case<T>(&self, desk: &Desk, then: impl FnOnce(&Case<'_>) -> T) -> T {
        let tool = desk.tool(&self.tool);
        let act = Act {
            id: id(),
            door: Door::Llm,
            tool: self.tool.clone(),
            arguments: self.args.clone(),
            schema: None,
            call_id: None,
        };
        let trajectory = Trajectory {
            label: Label { integrity: self.seen, ..self.label.clone() },
            spans: 3,
            untrusted_tools: vec![],
            unreleased: false,
        };
        then(&Case {
            principal: &self.principal,
            workflow: self.workflow,
            environment: "test",
            release: "r1",
            mode: self.mode,
            act: &act,
            tier: self.tier.or(tool.map(|t| t.tier)).unwrap_or(Tier::Safe),
            effect: tool.map_or(Effect::Read, |t| t.effect),
            account: tool.map_or(Account::Read, |t| t.account),
            trajectory: &trajectory,
            flow: &self.flow,
            facts: &self.facts,
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            permit: id(),
        })
    }

    pub(super) fn decided(&self, desk: &Desk, engine: &Engine) -> Decision {
        self.case(desk, |case| decide(engine, case).decision)
    }

    pub(super) fn judged(&self, desk: &Desk, engine: &Engine) -> Judgement {
        self.case(desk, |case| engine.judge(case, &Assume::default()))
    }
}

pub(super) fn name(text: &str) -> ToolName {
    text.parse().unwrap()
}

/// Compares with a file beside the tests that people read; `BLESS=1` writes it.
pub(super) fn picture(file: &str, drawn: &str) {
    let path = format!("{}/src/cedar/tests/{file}", env!("CARGO_MANIFEST_DIR"));
    let drawn = format!("{}\n", drawn.trim_end());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &drawn).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(drawn.lines()).enumerate().find(|(_, (kept, drawn))| kept != drawn);
    assert!(kept == drawn, "{file} has moved, first at {differs:?}; look at it with BLESS=1 and git diff");
}

/// `allow`, `hold needs-approval`, `refuse untrusted-account`: ruling, then rules.
pub(super) fn told(decision: &Decision) -> String {
    let rules: Vec<&str> = decision.reasons.iter().map(|r| r.rule.as_str()).collect();
    format!("{} {}", decision.ruling.name(), rules.join(" "))
}

fn terms() -> ApprovalTerms {
    ApprovalTerms { roles: vec!["reviewer".into()], quorum: 1, expires_after_s: 600 }
}

/// The same act and permit every time.
fn id<T: serde::de::DeserializeOwned>() -> T {
    serde_json::from_value(json!("00000000-0000-7000-8000-000000000007")).unwrap()
}

fn server(name: String, tools: BTreeMap<String, Arc<Tool>>) -> Arc<Server> {
    Arc::new(Server {
        name,
        reach: Reach::Local,
        accounts: BTreeMap::new(),
        tools,
        lock: None,
        reached: None,
        believed: false,
    })
}

fn workflow(name: &str, tools: Vec<ToolName>) -> Workflow {
    let boundary = || Boundary {
        decides: Decider::Automated,
        untrusted: false,
        on_failure: String::new(),
        way_back: String::new(),
    };
    Workflow {
        name: name.into(),
        purpose: String::new(),
        owner: String::new(),
        incident_owner: String::new(),
        mode: Mode::Enforce,
        roles: vec![],
        models: vec!["gpt".into()],
        prompts: vec![],
        sources: vec![],
        acts: tools.into_iter().map(|tool| (tool, boundary())).collect(),
        authoriser: None,
        hosted_tools: HostedTools::Refuse,
        media: false,
        writes_ifc: false,
        recorded_millionths: 0,
        limits: vec![],
        risks: vec![],
    }
}

/// The pinned schema of every tool here: each kind of argument once.
fn schema() -> Value {
    json!({"type": "object", "required": ["amount"], "properties": {
        "amount": {"type": "number"}, "count": {"type": "integer"}, "note": {"type": "string"},
        "to": {"type": "array", "items": {"type": "string"}}, "urgent": {"type": ["boolean", "null"]},
        "strange \"name\"\n": {"type": "string"}, "nested": {"type": "object"}}})
}

fn tool(full: &str, tier: Tier, effect: Effect, roles: &[(&str, ArgumentRole)]) -> Tool {
    let input_schema = schema();
    Tool {
        name: name(full),
        tier,
        effect,
        account: if tier == Tier::Safe { Account::Read } else { Account::Execute },
        meaning: Meaning {
            tool: name(full),
            effect,
            roles: roles.iter().map(|(path, role)| ((*path).into(), *role)).collect(),
            verbs: vec![],
            output: Output::default(),
        },
        checks: vec![],
        draft: None,
        amount_free: None,
        pin: Some(Pin {
            digest: Digest::of(full.as_bytes()),
            validator: jsonschema::validator_for(&input_schema).unwrap(),
            input_schema,
            tool: Value::Null,
            reviewed_by: "ada".into(),
        }),
    }
}

impl Tool {
    fn checked(mut self, name: &str) -> Self {
        let call = ToolName::new("desk", "read_order");
        self.checks.push(Check { name: name.into(), call, with: BTreeMap::new(), require: vec![] });
        self
    }

    fn free(mut self, hundredths: i64) -> Self {
        self.amount_free = Some(hundredths);
        self
    }
}
