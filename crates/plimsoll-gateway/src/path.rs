//! The one path.
//!
//! Every act, whatever its door, is *identified, labelled, decided, checked, held if need be,
//! recorded, performed, recorded again*. [`Gateway::pass`] is that story; the steps have these names.
//! It is the only one that decides what then happens, and the only one that asks the ledger for a warrant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_bundle::declared;
use plimsoll_core::{
    Account, Act, ActId, ApprovalFact, Case, Code, Decision, Digest, Door, Drifted, Effect, Entry, EntryBody,
    Facts, Flow, Hypothesis, Judged, Mode, Need, Objection, PermitId, Span, Tier, ToolName, Trajectory,
    Verdict,
};
use plimsoll_ledger::{Rehearsal, Warrant};
use serde_json::Value;

use crate::caller::Caller;
use crate::content::Said;
use crate::context::Scope;
use crate::gateway::Gateway;
use crate::joins::JoinKey;
use crate::limits::Taken;
use crate::record::{Header, Report, Slip, SlipOf};
use crate::refusal::Refusal;

/// Something that wants to happen, as a door read it.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub act: Act,
    pub session: String,
    pub request: String,
    pub trace: Option<String>,
    /// What the door knows of the context and of where each argument came from.
    pub sight: Sight,
    /// Hard reasons against it that the door found.
    pub objections: Vec<Objection>,
    /// Where the door found the world other than the release says.
    pub drifts: Vec<Drifted>,
    /// The tool door will judge this act again before it moves anything.
    pub deferred: bool,
    /// Anything the door knows that people ask for later: prompt, model, tool-call id.
    pub detail: Value,
    /// Spans that the session's record does not have yet.
    pub fresh: Vec<Span>,
    /// What the client said, whole, where the door was the first to read it and its workflow records conversations.
    pub said: Option<Said>,
}

/// What a door has seen of the context.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one per act, and it is moved twice")]
pub enum Sight {
    /// The whole context: origins were traced in it.
    Context { trajectory: Trajectory, flow: Flow },
    /// Nothing: the tool door sees a call, and asks the joins where it came from.
    Call,
}

/// Performs one act. It gets the warrant by value and the duty to report.
pub trait Actor: Send + 'static {
    type Done: Send + 'static;

    fn act(self, warrant: Warrant, slip: Slip) -> impl Future<Output = Self::Done> + Send;

    /// Answers for an act that this environment only simulates. Without a warrant nothing can be moved.
    fn simulate(self, rehearsal: Rehearsal, slip: Slip) -> impl Future<Output = Self::Done> + Send;
}

/// An act with everything the decision looks at.
struct Labelled {
    act: Act,
    header: Header,
    tier: Tier,
    effect: Effect,
    account: Account,
    trajectory: Trajectory,
    flow: Flow,
    facts: Facts,
    detail: Value,
    fresh: Vec<Span>,
    /// The moment of its last decision.
    now: Timestamp,
}

impl Labelled {
    /// Whether performing it here may change the world.
    fn is_guarded(&self) -> bool {
        self.tier != Tier::Safe && !self.facts.deferred
    }

    /// Whether this environment decides such an act and does not perform it.
    fn is_simulated(&self, caller: &Caller) -> bool {
        let from = caller.bundle().project.here().and_then(|here| here.simulate);
        self.is_guarded() && from.is_some_and(|from| self.tier >= from)
    }

    /// Whether it changes nothing and uses nothing up.
    fn is_safe(&self) -> bool {
        self.tier == Tier::Safe && self.facts.approval.is_none()
    }
}

impl Gateway {
    /// The one path. `caller` is the proof of the first step: only `identify` makes one.
    ///
    /// # Errors
    /// The refusal or hold, already recorded, for the door to put into its protocol's words.
    pub async fn pass<A: Actor>(
        self: &Arc<Self>,
        caller: &Caller,
        proposal: Proposal,
        actor: A,
    ) -> Result<A::Done, Refusal> {
        let mut proposal = proposal;
        let said = proposal.said.take();
        let mut labelled = Box::new(self.label(caller, proposal).await);
        if let Some(said) = said {
            self.keep(&labelled.header, labelled.act.id, || said);
        }
        let taken = self.take(caller, &mut labelled).await;
        let mut verdict = self.decide(caller, &mut labelled);
        // What is done rarely is boxed, as is what is long to move: a request is moved as a whole before it begins.
        if wants_check(&verdict.decision) && !labelled.facts.deferred {
            Box::pin(self.check(caller, &mut labelled)).await;
            verdict = self.decide(caller, &mut labelled);
        }
        if wants_approval(&verdict.decision) && verdict.permit.is_none() {
            match Box::pin(self.hold(caller, &mut labelled, &verdict.decision)).await {
                Ok(Some(ticket)) => {
                    self.limits.give_back(&self.store, taken).await;
                    let recording = self.record_decision(caller, *labelled, verdict.decision, Some(ticket));
                    return Err(Box::pin(recording).await);
                }
                Ok(None) => verdict = self.decide(caller, &mut labelled),
                Err(refusal) => {
                    self.limits.give_back(&self.store, taken).await;
                    return Err(Box::pin(self.record_turn(&labelled.header, refusal)).await);
                }
            }
        }
        let Some(permit) = verdict.permit else {
            self.limits.give_back(&self.store, taken).await;
            let recording = self.record_decision(caller, *labelled, verdict.decision, None);
            return Err(Box::pin(recording).await);
        };
        if labelled.is_safe() {
            return self.go_safe(caller, labelled, verdict.decision, permit, taken, actor).await;
        }
        let header = labelled.is_guarded().then(|| labelled.header.clone());
        let going = Arc::clone(self).go(caller.clone(), labelled, verdict.decision, permit, taken, actor);
        match (detached(Box::pin(going)).await, header) {
            (Err(refusal), Some(header)) => Err(Box::pin(self.record_turn(&header, refusal)).await),
            (gone, _) => gone,
        }
    }

    /// Writes down that an act was turned away at the last step, by a twin or a failing store: it was decided, and
    /// its decision was not carried out.
    async fn record_turn(&self, header: &Header, refusal: Refusal) -> Refusal {
        if refusal.entry.is_some() {
            return refusal;
        }
        let detail = self.redactor.redact(&refusal.headline()).into_owned();
        let entry = header.entry(Timestamp::now(), EntryBody::Turned { code: refusal.code, detail });
        match self.record(entry).await {
            Ok(seq) => Refusal { entry: Some(seq.0), ..refusal },
            Err(error) => {
                tracing::error!(%error, "an act that was turned away could not be recorded");
                refusal
            }
        }
    }

    /// The second half of the path for a safe act: it runs while its intent is on the way to the disk. Nothing of what
    /// came of it is handed on before the intent is durable. A caller who leaves half way takes it back.
    async fn go_safe<A: Actor>(
        self: &Arc<Self>,
        caller: &Caller,
        labelled: Box<Labelled>,
        decision: Decision,
        permit: plimsoll_core::Permit,
        taken: Taken,
        actor: A,
    ) -> Result<A::Done, Refusal> {
        let (act, tool) = (labelled.act.id, labelled.act.tool.clone());
        let slip_of = self.slip_of(&labelled, &permit);
        let (header, intent) = self.intent(caller, *labelled, decision, &permit);
        let recorded = match self.enter_safe(permit, intent) {
            Ok((warrant, pending)) => {
                let slip = Slip::new(Arc::clone(self), header, slip_of, warrant.seq().0);
                let done = actor.act(warrant, slip).await;
                pending.await.map(|_| done)
            }
            Err(error) => Err(error),
        };
        match recorded {
            Ok(done) => Ok(done),
            Err(error) => {
                self.limits.give_back(&self.store, taken).await;
                Err(unrecorded(act, tool, &error))
            }
        }
    }

    /// The second half of the path for all others: nothing here may be cancelled half way.
    async fn go<A: Actor>(
        self: Arc<Self>,
        caller: Caller,
        labelled: Box<Labelled>,
        decision: Decision,
        permit: plimsoll_core::Permit,
        taken: Taken,
        actor: A,
    ) -> Result<A::Done, Refusal> {
        if labelled.is_guarded() && !self.still_serves(&caller) {
            self.limits.give_back(&self.store, taken).await;
            let text =
                "the release that judged this was taken back; ask again, and the one in force judges it";
            return Err(Refusal {
                tool: Some(labelled.act.tool),
                ..Refusal::plain(Code::NotPermitted, text)
            });
        }
        if let Err(twin) = self.begin(&labelled, &permit) {
            self.limits.give_back(&self.store, taken).await;
            return Err(twin);
        }
        let begun = labelled.is_guarded() && permit.mode() != Mode::Observe;
        let spent = self.spend_grounds(&caller, &labelled, permit.act_digest()).await;
        let digest = *permit.act_digest();
        let simulated = labelled.is_simulated(&caller);
        let recorded = match spent {
            Ok(()) => self.record_intent(&caller, *labelled, decision, permit).await,
            Err(refusal) => Err(refusal),
        };
        match recorded {
            Ok((warrant, slip)) if simulated => Ok(actor.simulate(warrant.rehearse(), slip).await),
            Ok((warrant, slip)) => Ok(actor.act(warrant, slip).await),
            Err(refusal) => {
                if begun {
                    self.doubts.end(&digest);
                }
                self.limits.give_back(&self.store, taken).await;
                Err(refusal)
            }
        }
    }

    /// Marks a guarded or dangerous act as begun. An identical one that is open keeps it from beginning.
    /// A workflow that only observes stops nothing: there it is on record as an objection, no more.
    fn begin(&self, labelled: &Labelled, permit: &plimsoll_core::Permit) -> Result<(), Refusal> {
        let begun = match labelled.is_guarded() {
            true => self.doubts.begin(*permit.act_digest(), labelled.act.id),
            false => Ok(()),
        };
        if permit.mode() == Mode::Observe {
            return Ok(());
        }
        begun.map_err(|twin| {
            let text = format!("an identical act ({twin}) is in flight");
            Refusal { tool: Some(labelled.act.tool.clone()), ..Refusal::plain(Code::InDoubt, text) }
        })
    }

    /// Puts labels on the act: its tier and effect, where its arguments came from, what the context
    /// has seen, and the facts that may stand against it.
    async fn label(&self, caller: &Caller, proposal: Proposal) -> Labelled {
        let Proposal {
            act, session, request, trace, sight, objections, drifts, deferred, detail, fresh, ..
        } = proposal;
        let tool = caller.bundle().find_tool(&act.tool);
        let (tier, effect, account) = declared::weight(caller.bundle(), &act.tool);
        let (session, hypothesis, trajectory, flow) = match sight {
            Sight::Context { trajectory, flow } => (session, Hypothesis::Answer, trajectory, flow),
            Sight::Call => self.join(caller, &act, session, tool.map(|tool| &**tool)).await,
        };
        let principal = caller.principal();
        let mut drifts = drifts;
        drifts.extend(self.touching(caller, &act, &trajectory, &hypothesis));
        let facts = Facts {
            stops: Vec::new(),
            objections,
            drifts,
            hypothesis,
            terms: caller.bundle().terms(caller.workflow(), &act.tool),
            approval: None,
            checks: declared::open_checks(caller.bundle(), &act.tool),
            deferred,
            counters: self.counters(caller, &act),
            flags: self.flags(caller, &session),
        };
        let header = Header {
            request,
            session,
            workflow: caller.workflow().name.clone(),
            release: caller.release().to_owned(),
            trace,
            principal: Some(principal.clone()),
        };
        let now = Timestamp::now();
        Labelled { act, header, tier, effect, account, trajectory, flow, facts, detail, fresh, now }
    }

    /// The feature flags that are on for a session: those that were when it began. A request that belongs to none has those
    /// of the moment.
    fn flags(&self, caller: &Caller, session: &str) -> BTreeSet<String> {
        if session.is_empty() {
            return caller.flags(session);
        }
        let workflow = &caller.workflow().name;
        let key = Scope::key_of(caller.principal(), workflow, session);
        self.sessions.flags(&key, &caller.bundle().id, || caller.flags(session))
    }

    /// The counters that rules may read. Model calls have none, so that their judgement can be remembered.
    fn counters(&self, caller: &Caller, act: &Act) -> BTreeMap<String, i64> {
        if act.tool.server == ToolName::MODEL {
            return BTreeMap::new();
        }
        self.limits.counters(caller.principal(), act, Timestamp::now())
    }

    /// Looks up whether the LLM door let this very call pass. What no known answer proposed is of
    /// unknown origin.
    async fn join(
        &self,
        caller: &Caller,
        act: &Act,
        session: String,
        tool: Option<&plimsoll_bundle::Tool>,
    ) -> (String, Hypothesis, Trajectory, Flow) {
        let key = join_key(caller, act);
        let found = self.joins.find(&self.store, &key, Timestamp::now()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "proposals can't be looked up");
            None
        });
        match found {
            Some(join) => {
                let joined = Hypothesis::Joined { session: join.session.clone(), act: join.act };
                (join.session, joined, join.trajectory, join.flow)
            }
            None => {
                let flow = crate::context::flow_unseen(&act.arguments, tool, &self.redactor.now());
                let mut trajectory = Trajectory::default();
                trajectory.label.integrity = plimsoll_core::Integrity::Untrusted;
                (session, Hypothesis::Unknown, trajectory, flow)
            }
        }
    }

    /// Takes from rate limits and budgets, and asks whether a twin of this act is still open.
    async fn take(&self, caller: &Caller, labelled: &mut Labelled) -> Taken {
        if labelled.facts.deferred {
            return Taken::default();
        }
        if labelled.tier != Tier::Safe {
            if let Some(twin) = self.blind_twin(caller, labelled) {
                let text = format!(
                    "an act of this tool by this requester ({twin}) is in doubt, and its record can't be read, so nobody \
                     can tell whether it is this one; settle it with `plimsoll show {twin} --settle`"
                );
                labelled.facts.objections.push(Objection { code: Code::InDoubt, text });
            }
            let digest = self.digest(caller, labelled);
            if let Some(twin) = self.doubts.twin(&digest) {
                let text =
                    format!("an identical act ({twin}) was begun and nobody knows yet whether it happened");
                labelled.facts.objections.push(Objection { code: Code::InDoubt, text });
            }
        }
        let now = Timestamp::now();
        let (workflow, principal) = (caller.workflow(), caller.principal());
        let taken = self
            .limits
            .take(&self.store, workflow, principal, &labelled.act, &labelled.flow.origins, now)
            .await;
        match taken {
            Ok(taken) => taken,
            Err(objection) => {
                labelled.facts.objections.push(objection);
                Taken::default()
            }
        }
    }

    /// An act in doubt of before this start that may be this very one, for all that its record still says.
    fn blind_twin(&self, caller: &Caller, labelled: &Labelled) -> Option<ActId> {
        if !self.doubts.has_blind() {
            return None;
        }
        let principal = self.vault.known_pseudonym(&caller.principal().id).ok().flatten()?;
        self.doubts.blind_twin(&principal, &caller.workflow().name, &labelled.act.tool.to_string())
    }

    /// Decides by the facts of this moment: a kill switch pulled during a check still counts.
    fn decide(&self, caller: &Caller, labelled: &mut Labelled) -> Verdict {
        labelled.facts.stops =
            self.stops.covering(&caller.workflow().name, &labelled.act, caller.principal());
        labelled.now = Timestamp::now();
        let labelled = &*labelled;
        let case = case(caller, labelled);
        caller.bundle().decide(caller.workflow(), &caller.bundle().rules, &case)
    }

    fn digest(&self, caller: &Caller, labelled: &Labelled) -> Digest {
        case(caller, labelled).act_digest()
    }

    /// Tests the hypothesis against the system of record. Each check is a safe act of its own that goes
    /// the same path.
    async fn check(self: &Arc<Self>, caller: &Caller, labelled: &mut Labelled) {
        let Some(tool) = caller.bundle().find_tool(&labelled.act.tool) else { return };
        let mut facts = Vec::with_capacity(tool.checks.len());
        for check in &tool.checks {
            facts.push(Box::pin(self.run_check(caller, &labelled.header, check, &labelled.act)).await);
        }
        labelled.facts.checks = facts;
    }

    /// Finds or opens the question to people. `None` when it is already answered with yes: the fact is
    /// in place then, and the act is decided again.
    async fn hold(
        self: &Arc<Self>,
        caller: &Caller,
        labelled: &mut Labelled,
        decision: &Decision,
    ) -> Result<Option<crate::docket::Ticket>, Refusal> {
        let digest = self.digest(caller, labelled);
        let question = crate::docket::Question {
            digest,
            act: &labelled.act,
            flow: &labelled.flow,
            trajectory: &labelled.trajectory,
            tier: labelled.tier,
            effect: labelled.effect,
            facts: &labelled.facts,
            decision,
            header: &labelled.header,
        };
        let standing = self.ask(caller, question).await?;
        labelled.facts.approval = Some(ApprovalFact {
            id: standing.id.clone(),
            granted: standing.granted,
            denied: standing.denied,
            approvers: standing.approvers.clone(),
        });
        Ok((!standing.granted && !standing.denied).then_some(standing))
    }

    /// Spends what this act stands on and may stand on only once: the model's proposal, the approval.
    async fn spend_grounds(
        &self,
        caller: &Caller,
        labelled: &Labelled,
        digest: &Digest,
    ) -> Result<(), Refusal> {
        if labelled.is_guarded() && matches!(labelled.facts.hypothesis, Hypothesis::Joined { .. }) {
            let key = join_key(caller, &labelled.act);
            match self.joins.spend(&self.store, &key, Timestamp::now()).await {
                Ok(true) => {}
                Ok(false) => {
                    let text = "the model's proposal that this call stands on was carried out already";
                    return Err(Refusal::plain(Code::InDoubt, text));
                }
                Err(error) => {
                    let text = format!("the proposal can't be spent: {error}");
                    return Err(Refusal::plain(Code::RecordFailed, text));
                }
            }
        }
        self.spend_approval(labelled, digest).await
    }

    /// Spends the approval this act stands on, once and for all. Before the intent: a crash in between
    /// costs an approval, never a second act.
    async fn spend_approval(&self, labelled: &Labelled, digest: &Digest) -> Result<(), Refusal> {
        let Some(approval) = labelled.facts.approval.as_ref().filter(|approval| approval.granted) else {
            return Ok(());
        };
        self.spend(&approval.id, digest, &labelled.header).await
    }

    /// Writes the intent and waits until it is durable. Only this makes a warrant of the permit.
    async fn record_intent(
        self: &Arc<Self>,
        caller: &Caller,
        labelled: Labelled,
        decision: Decision,
        permit: plimsoll_core::Permit,
    ) -> Result<(Warrant, Slip), Refusal> {
        let (act, tool) = (labelled.act.id, labelled.act.tool.clone());
        let slip_of = self.slip_of(&labelled, &permit);
        let (header, intent) = self.intent(caller, labelled, decision, &permit);
        match self.enter(permit, intent).await {
            Ok(warrant) => {
                let slip = Slip::new(Arc::clone(self), header, slip_of, warrant.seq().0);
                Ok((warrant, slip))
            }
            Err(error) => Err(unrecorded(act, tool, &error)),
        }
    }

    fn slip_of(&self, labelled: &Labelled, permit: &plimsoll_core::Permit) -> SlipOf {
        let tier = if labelled.is_guarded() { labelled.tier } else { Tier::Safe };
        SlipOf { act: labelled.act.id, act_digest: *permit.act_digest(), tier }
    }

    /// The intent as it is written, and the header that its outcome will have too. What is written is counted.
    fn intent(
        &self,
        caller: &Caller,
        mut labelled: Labelled,
        decision: Decision,
        permit: &plimsoll_core::Permit,
    ) -> (Header, Entry) {
        self.metrics.decided(&labelled.act.tool, labelled.tier, &decision);
        self.count_stage(caller);
        if labelled.is_guarded() {
            self.limits.count(caller.principal(), &labelled.act, &labelled.flow.origins, Timestamp::now());
        }
        let header = std::mem::take(&mut labelled.header);
        let judged = self.judged(caller, labelled, decision, *permit.act_digest(), Some(permit.id()));
        let intent = header.entry(Timestamp::now(), EntryBody::Intent(Box::new(judged)));
        (header, intent)
    }

    /// Writes a refusal or hold and turns it into what the caller is told.
    async fn record_decision(
        &self,
        caller: &Caller,
        labelled: Labelled,
        decision: Decision,
        ticket: Option<crate::docket::Ticket>,
    ) -> Refusal {
        self.metrics.decided(&labelled.act.tool, labelled.tier, &decision);
        self.count_stage(caller);
        let digest = self.digest(caller, &labelled);
        let (header, act, tool) = (labelled.header.clone(), labelled.act.id, labelled.act.tool.clone());
        let judged = self.judged(caller, labelled, decision.clone(), digest, None);
        let entry = header.entry(Timestamp::now(), EntryBody::Decision(Box::new(judged)));
        let recorded = self.record(entry).await;
        let (code, detail) = match &recorded {
            Ok(_) => (decision.code.unwrap_or(Code::NotPermitted), String::new()),
            Err(error) => (Code::RecordFailed, format!("and the refusal could not be recorded: {error}")),
        };
        Refusal {
            code,
            tool: Some(tool),
            act: Some(act),
            decision: Some(decision),
            detail,
            page: ticket.as_ref().map(|ticket| self.approval_page(&ticket.id)),
            ticket: ticket.map(|ticket| ticket.id),
            entry: recorded.ok().map(|seq| seq.0),
        }
    }

    /// Counts by the stage of the caller's release, where there is more than one.
    fn count_stage(&self, caller: &Caller) {
        let standing = self.standing.load();
        if !standing.is_single() {
            self.metrics.staged(standing.stage(&caller.bundle().id));
        }
    }

    fn judged(
        &self,
        caller: &Caller,
        mut labelled: Labelled,
        decision: Decision,
        act_digest: Digest,
        permit: Option<PermitId>,
    ) -> Judged {
        let marks = [
            ("simulated", permit.is_some() && labelled.is_simulated(caller)),
            ("masked", Self::masks(caller)),
        ];
        let mut detail = std::mem::take(&mut labelled.detail);
        for (mark, _) in marks.iter().filter(|(_, on)| *on) {
            match &mut detail {
                Value::Object(members) => drop(members.insert((*mark).to_owned(), Value::Bool(true))),
                other => *other = serde_json::json!({ *mark: true }),
            }
        }
        let mut act = labelled.act;
        let redacted = self.redactor.clean_json(&mut act.arguments);
        Judged {
            act,
            act_digest,
            tier: labelled.tier,
            effect: labelled.effect,
            mode: caller.workflow().mode,
            environment: caller.bundle().project.environment.clone(),
            account: Some(labelled.account),
            now: Some(labelled.now),
            ground: Some(caller.bundle().kept.digest),
            redacted,
            shortened: false,
            decision,
            permit,
            origins: labelled.flow.origins,
            intent: labelled.flow.intent,
            payload: labelled.flow.payload,
            trajectory: labelled.trajectory,
            facts: labelled.facts,
            spans: labelled.fresh,
            detail,
        }
    }
}

/// Runs in a task of its own, so that a client that hangs up can't cancel an act between its record and
/// its end.
async fn detached<T: Send + 'static>(
    going: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::spawn(going).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "an act was torn down");
            Err(Refusal::plain(
                Code::InDoubt,
                "the gateway lost sight of the act; its record says `ambiguous`",
            ))
        }
    }
}

/// What the caller is told of an act whose record could not be made durable.
fn unrecorded(act: ActId, tool: ToolName, error: &plimsoll_ledger::LedgerError) -> Refusal {
    tracing::error!(%error, "an intent could not be made durable");
    let detail = format!("the record could not be made durable: {error}");
    Refusal { act: Some(act), tool: Some(tool), ..Refusal::plain(Code::RecordFailed, detail) }
}

fn join_key(caller: &Caller, act: &Act) -> JoinKey {
    JoinKey {
        principal: caller.principal().requester().to_owned(),
        workflow: caller.workflow().name.clone(),
        tool: act.tool.clone(),
        arguments: act.arguments_digest(),
    }
}

fn case<'a>(caller: &'a Caller, labelled: &'a Labelled) -> Case<'a> {
    Case {
        principal: caller.principal(),
        workflow: &caller.workflow().name,
        environment: &caller.bundle().project.environment,
        release: caller.release(),
        mode: caller.workflow().mode,
        act: &labelled.act,
        tier: labelled.tier,
        effect: labelled.effect,
        account: labelled.account,
        trajectory: &labelled.trajectory,
        flow: &labelled.flow,
        facts: &labelled.facts,
        now: labelled.now,
        permit: PermitId(crate::ids::fresh()),
    }
}

fn wants_check(decision: &Decision) -> bool {
    decision.needs.iter().any(|need| matches!(need, Need::Check { .. }))
}

fn wants_approval(decision: &Decision) -> bool {
    decision.needs.iter().any(|need| matches!(need, Need::Approval(_)))
}

/// A fresh act.
pub fn act(door: Door, tool: ToolName, arguments: Value) -> Act {
    Act { id: ActId(crate::ids::fresh()), door, tool, arguments, schema: None, call_id: None }
}

/// What the gateway itself answers when it has no words of its own: kept here so that no door invents one.
pub fn report_of(error: &crate::upstream::UpstreamError) -> Report {
    if error.may_have_happened() {
        Report::ambiguous(error.code(), error.to_string())
    } else {
        Report::failed(error.code(), error.to_string())
    }
}
