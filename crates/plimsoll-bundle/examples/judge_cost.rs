//! What one judgement costs, with 10, 100 and 1,000 policies of a repository's own on top of the
//! shipped ones, over 40 tools and 17 workflows. Wall-clock figures of a shared machine are only an
//! impression; their ratios are worth more.
//!
//!     cargo run --release -p plimsoll-bundle --example judge_cost
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the gateway")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plimsoll_bundle::cedar::{Engine, Parts, PolicyFile, Shipped};
use plimsoll_bundle::{Boundary, Decider, HostedTools, Reach, Server, Tool, Workflow};
use plimsoll_core::{
    Account, Act, ArgumentOrigin, ArgumentRole, Assume, Case, Door, Effect, Facts, Hypothesis, Integrity,
    Meaning, Mode, Output, Principal, PrincipalKind, Rules, Tier, ToolName, Trajectory,
};
use serde_json::json;

const TOOLS: usize = 40;
const WORKFLOWS: usize = 17;
const ROUNDS: usize = 5_000;

fn main() {
    println!("{:>8} {:>8} {:>10} {:>6} {:>10} {:>10}", "policies", "load", "act", "slice", "p50", "p99");
    for count in [0, 10, 100, 1_000] {
        measure(count);
    }
}

fn measure(count: usize) {
    let (servers, workflows) = (servers(), workflows());
    let policies = [PolicyFile { path: "policies/own.cedar".into(), text: policies(count) }];
    let models = BTreeMap::new();
    let started = Instant::now();
    let shipped = Shipped::default();
    let parts = Parts {
        servers: &servers,
        workflows: &workflows,
        models: &models,
        policies: &policies,
        shipped: &shipped,
    };
    let engine = Engine::compile(parts).unwrap();
    let load = started.elapsed();
    for (number, tier) in [(0, "safe"), (1, "guarded"), (2, "dangerous")] {
        let tool = name(number);
        let (p50, p99) = quantiles(&engine, &servers, &tool);
        let slice = engine.slice_size("w0", &tool);
        println!("{count:>8} {load:>8.0?} {tier:>10} {slice:>6} {p50:>10.1?} {p99:>10.1?}");
    }
}

/// The allow path: known proposal, account named by the user, one approval.
fn quantiles(
    engine: &Engine,
    servers: &BTreeMap<String, Arc<Server>>,
    tool: &ToolName,
) -> (Duration, Duration) {
    let id = json!("00000000-0000-7000-8000-000000000007");
    let known = &servers[&tool.server].tools[&tool.tool];
    let act = Act {
        id: serde_json::from_value(id.clone()).unwrap(),
        door: Door::Tool,
        tool: tool.clone(),
        arguments: json!({"account": "DE1", "amount": 12.5, "memo": "x".repeat(1_000)}),
        schema: None,
        call_id: None,
    };
    let origin = |argument: &str, role| ArgumentOrigin {
        argument: argument.into(),
        role,
        integrity: Integrity::User,
        chosen: true,
        authored: false,
        listed: false,
        unknown: false,
        found: vec![],
        more: 0,
        preview: None,
    };
    let origins = vec![origin("/account", ArgumentRole::Account), origin("/amount", ArgumentRole::Amount)];
    let flow = plimsoll_core::Flow { origins, ..plimsoll_core::Flow::default() };
    let approval = plimsoll_core::ApprovalFact {
        id: "T".into(),
        granted: true,
        denied: false,
        approvers: vec!["bo".into()],
    };
    let facts = Facts { hypothesis: Hypothesis::Answer, approval: Some(approval), ..Facts::default() };
    let principal = Principal {
        id: "key:ada".into(),
        kind: PrincipalKind::Agent,
        tenant: "acme".into(),
        roles: BTreeSet::from(["clerk".into(), "support".into()]),
        on_behalf_of: Some("ada".into()),
    };
    let trajectory = Trajectory::default();
    let case = Case {
        principal: &principal,
        workflow: "w0",
        environment: "production",
        release: "r1",
        mode: Mode::Enforce,
        act: &act,
        tier: known.tier,
        effect: known.effect,
        account: known.account,
        trajectory: &trajectory,
        flow: &flow,
        facts: &facts,
        now: jiff::Timestamp::UNIX_EPOCH,
        permit: serde_json::from_value(id).unwrap(),
    };
    let assume = Assume::default();
    let judgement = engine.judge(&case, &assume);
    assert!(judgement.permitted, "{judgement:?}");
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            black_box(engine.judge(black_box(&case), &assume));
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[ROUNDS / 2], times[ROUNDS * 99 / 100])
}

/// One in ten forbids for a whole tier; the others permit one tool in one workflow.
fn policies(count: usize) -> String {
    let mut text = String::new();
    for i in 0..count {
        let _ = match i % 10 {
            0 => writeln!(
                text,
                "@id(\"own-{i}\") forbid (principal, action in Action::\"{}\", resource) \
                 when {{ context.amount.hundredths > {} && principal.tenant == \"t{i}\" }};",
                ["guarded", "dangerous"][(i / 10) % 2],
                1_000_000 + i
            ),
            _ => writeln!(
                text,
                "@id(\"own-{i}\") permit (principal in Workflow::\"w{}\", action == Action::\"{}\", resource) \
                 when {{ context.mode == \"enforce\" && principal.roles.contains(\"r{i}\") && context.flow.aimed >= 2 }};",
                i % WORKFLOWS,
                name(i % TOOLS)
            ),
        };
    }
    text
}

fn name(number: usize) -> ToolName {
    ToolName::new(format!("s{}", number / 10), format!("tool_{number}"))
}

fn servers() -> BTreeMap<String, Arc<Server>> {
    let mut servers: BTreeMap<String, BTreeMap<String, Arc<Tool>>> = BTreeMap::new();
    for number in 0..TOOLS {
        let name = name(number);
        let tool = Tool {
            tier: [Tier::Safe, Tier::Guarded, Tier::Dangerous][number % 3],
            effect: Effect::External,
            account: Account::Execute,
            meaning: Meaning {
                tool: name.clone(),
                effect: Effect::External,
                roles: BTreeMap::from([
                    ("/account".into(), ArgumentRole::Account),
                    ("/amount".into(), ArgumentRole::Amount),
                ]),
                verbs: vec![],
                output: Output::default(),
            },
            checks: vec![],
            draft: None,
            amount_free: None,
            pin: None,
            name: name.clone(),
        };
        servers.entry(name.server).or_default().insert(name.tool, Arc::new(tool));
    }
    let server = |name: String, tools| Server {
        name,
        reach: Reach::Local,
        accounts: BTreeMap::new(),
        tools,
        lock: None,
        reached: None,
        believed: false,
    };
    servers.into_iter().map(|(name, tools)| (name.clone(), Arc::new(server(name, tools)))).collect()
}

fn workflows() -> BTreeMap<String, Arc<Workflow>> {
    let boundary = || Boundary {
        decides: Decider::Automated,
        untrusted: false,
        on_failure: String::new(),
        way_back: String::new(),
    };
    let workflow = |name: &str| Workflow {
        name: name.into(),
        purpose: String::new(),
        owner: String::new(),
        incident_owner: String::new(),
        mode: Mode::Enforce,
        roles: vec![],
        models: vec![],
        prompts: vec![],
        sources: vec![],
        acts: (0..TOOLS).map(|number| (self::name(number), boundary())).collect(),
        authoriser: None,
        hosted_tools: HostedTools::Refuse,
        media: false,
        writes_ifc: false,
        recorded_millionths: 0,
        limits: vec![],
        risks: vec![],
    };
    (0..WORKFLOWS).map(|i| format!("w{i}")).map(|name| (name.clone(), Arc::new(workflow(&name)))).collect()
}
