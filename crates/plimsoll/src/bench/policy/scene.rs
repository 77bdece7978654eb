//! What the model had been shown at some point of an episode, and the decision about a call there.
//!
//! Contexts are built and calls decided by the gateway's own functions. What is not in a trace is assumed:
//! a known answer of the model proposed the call, nobody has approved anything yet, and a check has the answer that
//! the trace has for its call, or none. Limits count the episode's own calls, as if all of it happened within every window.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_bundle::{Bundle, Check, Workflow, declared};
use plimsoll_core::{
    Account, Act, ActId, Assume, Case, CheckFact, Decision, Door, Effect, Facts, Flow, Hypothesis, Judgement,
    Mode, Need, PermitId, Principal, PrincipalKind, Rules, Ruling, SpanKind, Tier, ToolName, Trajectory,
    decide,
};
use plimsoll_gateway::context::{
    Ahead, Called, Context, KnownResult, Ready, Results, Scope, Sessions, Shown, flow, flow_unseen, see_again,
};
use plimsoll_gateway::limits::Tally;
use plimsoll_inspect::Redactor;
use plimsoll_inspect::trace::Prepared;
use serde_json::Value;
use uuid::Uuid;

use super::episode::{Call, Episode, Step};

/// What all episodes are decided by.
#[derive(Debug)]
pub struct Ground<'a> {
    pub bundle: &'a Bundle,
    pub release: String,
    pub redactor: Redactor,
    pub now: Timestamp,
}

/// One episode with the workflow it belongs to.
#[derive(Debug)]
pub struct Scene<'a> {
    pub ground: &'a Ground<'a>,
    pub workflow: &'a Workflow,
    pub episode: &'a Episode,
    pub principal: Principal,
}

/// What has passed a door and what a session has seen.
#[derive(Debug, Default)]
pub struct Known {
    results: Results,
    ready: Ready,
    sessions: Sessions,
    scope: Scope,
}

/// A decided call.
#[derive(Debug)]
pub struct Ruled {
    pub tool: ToolName,
    pub tier: Tier,
    pub effect: Effect,
    pub flow: Flow,
    pub decision: Decision,
}

/// A context as the gateway has it when the answer comes.
#[derive(Debug)]
pub enum Read<'a> {
    Ahead(Ahead),
    Short(Context<'a>),
}

impl<'a> Read<'a> {
    pub fn context(&self) -> &Context<'a> {
        match self {
            Self::Ahead(ahead) => ahead.context(),
            Self::Short(context) => context,
        }
    }
}

impl<'a> Scene<'a> {
    pub fn new(ground: &'a Ground<'a>, workflow: &'a Workflow, episode: &'a Episode) -> Self {
        // A service that acts for the person who asks, in every role that the workflow may ask for.
        let principal = Principal {
            id: "key:bench".to_owned(),
            kind: PrincipalKind::Service,
            tenant: String::new(),
            roles: workflow.roles.iter().cloned().collect(),
            on_behalf_of: Some(episode.principal.clone()),
        };
        Self { ground, workflow, episode, principal }
    }

    /// The tool that a trace means by a name.
    pub fn tool(&self, name: &str) -> ToolName {
        let found = self.ground.bundle.resolve_client_name(self.workflow, name);
        found.unwrap_or_else(|_candidates| ToolName::new(ToolName::LOCAL, name))
    }

    /// What the model had been shown before this step.
    pub fn context(&self, until: usize) -> Context<'a> {
        let known = Known::default();
        let shown = self.before(until, Vec::new(), &known);
        self.see(&known, shown)
    }

    /// The texts before this step, after some that were there already. They come one after the other: what a user
    /// wrote before a tool repeated it is the user's.
    pub fn before(&self, until: usize, first: Vec<Shown<'a>>, known: &Known) -> Vec<Shown<'a>> {
        let mut shown = first;
        for step in self.episode.steps.iter().take(until) {
            if matches!(step, Step::Result { .. }) && shown.last().is_some_and(|s| s.kind != SpanKind::Result)
            {
                drop(self.see(known, shown.clone()));
            }
            shown.extend(self.piece(step, &known.results));
        }
        shown
    }

    /// Labels these texts.
    pub fn see(&self, known: &Known, shown: Vec<Shown<'a>>) -> Context<'a> {
        let Known { results, sessions, scope, .. } = known;
        see_again(self.ground.bundle, self.workflow, results, sessions, scope, shown)
    }

    /// Labels these texts and, where they are long, reads them, as the gateway does while the model thinks.
    pub fn read(&self, known: &Known, shown: Vec<Shown<'a>>) -> Read<'a> {
        let context = self.see(known, shown);
        match context.is_long() {
            true => {
                Read::Ahead(Ahead::read(Arc::new(context.into_owned()), self.ground.bundle, &known.ready))
            }
            false => Read::Short(context),
        }
    }

    /// Makes it ready for tracing, as the gateway does when the answer is there.
    pub fn prepare<'c>(&self, read: &'c Read<'_>, known: &Known) -> Prepared<'c>
    where
        'a: 'c,
    {
        let bundle = self.ground.bundle;
        let ahead = if let Read::Ahead(ahead) = read { ahead.prepare(bundle) } else { None };
        ahead.unwrap_or_else(|| read.context().prepare_with(bundle, &known.ready))
    }

    /// All results of the episode.
    pub fn results(&self, known: &Known) -> Vec<Shown<'a>> {
        let results = self.episode.steps.iter().filter(|step| matches!(step, Step::Result { .. }));
        results.filter_map(|step| self.piece(step, &known.results)).collect()
    }

    /// The text of a step. Results of servers that have a door pass it, and so become known.
    fn piece(&self, step: &'a Step, results: &Results) -> Option<Shown<'a>> {
        let piece = |kind, text: &'a str| {
            Some(Shown { kind, text: Cow::Borrowed(text), tool: None, call: None, filled: None })
        };
        match step {
            Step::System(text) => piece(SpanKind::System, text),
            Step::User(text) => piece(SpanKind::User, text),
            Step::Assistant(text) => piece(SpanKind::Assistant, text),
            Step::Call(_) => None,
            Step::Result { call, value } => {
                let call = self.episode.call(*call);
                let tool = call.map(|call| self.tool(&call.tool));
                let text = as_text(value);
                if let (Some(name), Some(call)) = (&tool, call) {
                    self.pass_door(results, name, &call.args, &text);
                }
                let call = call.map(|call| Cow::Owned(call.args.to_string()));
                Some(Shown { kind: SpanKind::Result, text, tool, call, filled: None })
            }
        }
    }

    fn pass_door(&self, results: &Results, name: &ToolName, call: &Value, text: &str) {
        let bundle = self.ground.bundle;
        if let Some(tool) = bundle.find_tool(name).filter(|_| !bundle.is_local(name)) {
            let label = tool.meaning.output.label();
            results.remember(
                text,
                KnownResult { label, tool: name.clone(), call: Some(Called::With(Arc::new(call.clone()))) },
            );
        }
    }

    /// Traces and decides one call of the trace, and finds the ways on where it does not run.
    pub fn rule(
        &self,
        prepared: &Prepared<'_>,
        trajectory: &Trajectory,
        tally: &Tally,
        call: &Call,
    ) -> Ruled {
        let tool = self.tool(&call.tool);
        let flow = self.flow(prepared, &tool, &call.args);
        let mut posed = self.pose(tool, call.args.clone(), flow, tally);
        let mut decision = self.settle(&mut posed, trajectory);
        if decision.ruling != Ruling::Allow {
            let (bundle, case) = (self.ground.bundle, self.case(&posed, trajectory));
            decision.remedies.extend(bundle.other_ways(self.workflow, &bundle.rules, &case));
        }
        posed.ruled(decision)
    }

    /// Counts a call that goes through.
    pub fn count(&self, tally: &mut Tally, call: &Call) {
        let tool = self.tool(&call.tool);
        let bundle = self.ground.bundle;
        let found = bundle.find_tool(&tool).map(|tool| &**tool);
        let flow = flow_unseen(&call.args, found, &self.ground.redactor);
        let posed = self.pose(tool, call.args.clone(), flow, tally);
        tally.count(&posed.act, &posed.flow.origins);
    }

    pub fn flow(&self, prepared: &Prepared<'_>, tool: &ToolName, arguments: &Value) -> Flow {
        let tool = self.ground.bundle.find_tool(tool).map(|tool| &**tool);
        flow(prepared, arguments, tool, &self.ground.redactor)
    }

    /// Decides, runs the checks that the decision asks for, and decides again: as the path does. Nothing was used up.
    pub fn decide(&self, tool: ToolName, arguments: Value, flow: Flow, trajectory: &Trajectory) -> Ruled {
        let mut posed = self.pose(tool, arguments, flow, &Tally::default());
        let decision = self.settle(&mut posed, trajectory);
        posed.ruled(decision)
    }

    fn settle(&self, posed: &mut Posed, trajectory: &Trajectory) -> Decision {
        let rules = &self.ground.bundle.rules;
        let decision = decide(rules, &self.case(posed, trajectory)).decision;
        if !decision.needs.iter().any(|need| matches!(need, Need::Check { .. })) {
            return decision;
        }
        posed.facts.checks = self.run_checks(&posed.act);
        decide(rules, &self.case(posed, trajectory)).decision
    }

    /// Asks the rules alone, as if every check had passed and the user had named these arguments.
    pub fn judge(
        &self,
        tool: &ToolName,
        arguments: &Value,
        flow: Flow,
        named: Vec<String>,
        trajectory: &Trajectory,
    ) -> Judgement {
        let posed = self.pose(tool.clone(), arguments.clone(), flow, &Tally::default());
        let assume = Assume { checks: true, named, ..Assume::default() };
        self.ground.bundle.rules.judge(&self.case(&posed, trajectory), &assume)
    }

    fn pose(&self, tool: ToolName, arguments: Value, flow: Flow, tally: &Tally) -> Posed {
        let bundle = self.ground.bundle;
        let (tier, effect, account) = declared::weight(bundle, &tool);
        let mut facts = Facts {
            objections: declared::objections(bundle, self.workflow, &tool, &arguments),
            hypothesis: Hypothesis::Answer,
            terms: bundle.terms(self.workflow, &tool),
            checks: declared::open_checks(bundle, &tool),
            counters: tally.counters(&tool),
            ..Facts::default()
        };
        let schema = bundle.find_tool(&tool).and_then(|tool| tool.pin.as_ref()).map(|pin| pin.digest);
        let act = Act { id: ActId(Uuid::nil()), door: Door::Llm, tool, arguments, schema, call_id: None };
        facts.objections.extend(tally.objection(self.workflow, &act, &flow.origins));
        Posed { act, tier, effect, account, flow, facts }
    }

    fn case<'c>(&'c self, posed: &'c Posed, trajectory: &'c Trajectory) -> Case<'c> {
        Case {
            principal: &self.principal,
            workflow: &self.workflow.name,
            environment: &self.ground.bundle.project.environment,
            release: &self.ground.release,
            mode: Mode::Enforce,
            act: &posed.act,
            tier: posed.tier,
            effect: posed.effect,
            account: posed.account,
            trajectory,
            flow: &posed.flow,
            facts: &posed.facts,
            now: self.ground.now,
            permit: PermitId(Uuid::nil()),
        }
    }

    fn run_checks(&self, act: &Act) -> Vec<CheckFact> {
        let tool = self.ground.bundle.find_tool(&act.tool);
        tool.into_iter().flat_map(|tool| &tool.checks).map(|check| self.run_check(check, act)).collect()
    }

    /// A check passes or fails by what the trace says its call returns; it stays open when the trace does not say.
    fn run_check(&self, check: &Check, act: &Act) -> CheckFact {
        let outcome = check.arguments(&act.arguments).map(|asked| {
            let answer = self.answer(&check.call, &asked)?;
            Some(check.evaluate(&act.arguments, answer).map_err(|error| error.to_string()))
        });
        let (passed, detail) = match outcome {
            Err(error) => (Some(false), error.to_string()),
            Ok(None) => (None, "the trace has no result of its call".to_owned()),
            Ok(Some(Err(error))) => (Some(false), error),
            Ok(Some(Ok(outcome))) => (Some(outcome.passed), outcome.detail),
        };
        CheckFact { name: check.name.clone(), passed, detail }
    }

    /// What the trace says this call returns, wherever it stands: a system of record answers at any time.
    fn answer(&self, tool: &ToolName, arguments: &Value) -> Option<&'a Value> {
        self.episode.steps.iter().rev().find_map(|step| match step {
            Step::Result { call, value } => {
                let call = self.episode.call(*call)?;
                (self.tool(&call.tool) == *tool && call.args == *arguments).then_some(value)
            }
            _ => None,
        })
    }
}

/// An act with what stands about it in the release.
struct Posed {
    act: Act,
    tier: Tier,
    effect: Effect,
    account: Account,
    flow: Flow,
    facts: Facts,
}

impl Posed {
    fn ruled(self, decision: Decision) -> Ruled {
        Ruled { tool: self.act.tool, tier: self.tier, effect: self.effect, flow: self.flow, decision }
    }
}

/// A result as a tool server writes it: text as it is, anything else as JSON.
fn as_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
