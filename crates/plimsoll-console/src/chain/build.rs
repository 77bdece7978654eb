//! Entries to chain.

use std::collections::BTreeMap;

use plimsoll_core::{
    ApprovalChange, ApprovalFact, Decision, Door, Entry, EntryBody, Hypothesis, Judged, Span, Tier, ToolName,
};
use plimsoll_store::EntryRow;
use serde_json::Value;

use super::{
    Act, Chain, Checked, Ids, Note, Outcome, Part, Proposed, Question, STEPS_MAX, Step, Ticket, Who,
    arguments, facts as found, shown,
};

/// Makes the chain of these entries, oldest first. Entries that can't be read say so in their place.
pub fn build(rows: &[EntryRow]) -> Chain {
    let mut builder = Builder::default();
    for row in rows {
        match serde_json::from_str::<Entry>(&row.body) {
            Ok(entry) => builder.add(row.seq, entry),
            Err(_) => builder.note(row, "this version of plimsoll can't read this entry"),
        }
    }
    builder.finish()
}

#[derive(Default)]
struct Builder {
    who: Who,
    steps: Vec<Step>,
    omitted: usize,
    /// Act id → its step.
    acts: BTreeMap<String, usize>,
    /// Proposals told so far: one may be called more than once, held first and allowed later.
    proposals: BTreeMap<String, Proposed>,
    /// Votes already told, by approval.
    votes: BTreeMap<String, usize>,
}

impl Builder {
    fn add(&mut self, seq: u64, entry: Entry) {
        self.meet(&entry);
        match entry.body {
            // Kept for replays, and told nowhere: what matters of it stands in the acts.
            EntryBody::Content(_) => {}
            EntryBody::Outcome(outcome) => self.outcome(seq, entry.at, *outcome),
            _ if self.steps.len() >= STEPS_MAX => self.omitted += 1,
            EntryBody::Intent(ref judged) => self.act(seq, &entry, judged, true),
            EntryBody::Decision(ref judged) => self.act(seq, &entry, judged, false),
            EntryBody::Approval(change) => self.question(seq, entry.at, *change),
            ref body => {
                let (kind, text) = words(body);
                self.steps.push(Step::Note(Note { seq, at: entry.at, kind: kind.to_owned(), text }));
            }
        }
    }

    fn note(&mut self, row: &EntryRow, text: &str) {
        self.steps.push(Step::Note(Note {
            seq: row.seq,
            at: row.at,
            kind: shown(&row.kind),
            text: text.to_owned(),
        }));
    }

    /// Who it is about: whoever the first entries name.
    fn meet(&mut self, entry: &Entry) {
        let who = &mut self.who;
        who.first_at = Some(who.first_at.map_or(entry.at, |at| at.min(entry.at)));
        who.last_at = Some(who.last_at.map_or(entry.at, |at| at.max(entry.at)));
        if who.session.is_empty() {
            who.session = shown(&entry.session);
        }
        if who.workflow.is_empty() {
            who.workflow = shown(&entry.workflow);
        }
        if !entry.release.is_empty() && !who.releases.contains(&entry.release) {
            who.releases.push(entry.release.clone());
        }
        if let (true, Some(principal)) = (who.principal.is_empty(), &entry.principal) {
            who.principal = shown(&principal.id);
            who.kind = principal.kind.name().to_owned();
            who.on_behalf_of = principal.on_behalf_of.as_deref().map(shown);
            who.tenant = shown(&principal.tenant);
            who.roles = principal.roles.iter().map(|role| shown(role)).collect();
        }
    }

    fn act(&mut self, seq: u64, entry: &Entry, judged: &Judged, permitted: bool) {
        self.who.environment.clone_from(&judged.environment);
        self.who.mode = Some(judged.mode);
        let mut act = step(seq, entry, judged, permitted, self.proposal_of(judged));
        // The proposal and the call are one thing that happened: it is told once, where it happened.
        if let Some(at) = act.proposed.as_ref().and_then(|proposed| self.acts.remove(&proposed.act)) {
            if let Step::Act(proposal) = &mut self.steps[at] {
                act.saw.append(&mut proposal.saw);
            }
            self.forget(at);
        }
        let id = act.ids.act.clone();
        if act.part == Part::Proposal {
            let (request, call) = (act.ids.request.clone(), act.ids.tool_call.clone());
            self.proposals.insert(id.clone(), Proposed { seq: Some(seq), act: id.clone(), request, call });
        }
        self.acts.insert(id, self.steps.len());
        self.steps.push(Step::Act(Box::new(act)));
    }

    fn proposal_of(&self, judged: &Judged) -> Option<Proposed> {
        let Hypothesis::Joined { act, .. } = &judged.facts.hypothesis else { return None };
        let act = act.to_string();
        let unseen = || Proposed { seq: None, act: act.clone(), request: String::new(), call: None };
        Some(self.proposals.get(&act).cloned().unwrap_or_else(unseen))
    }

    fn forget(&mut self, at: usize) {
        self.steps.remove(at);
        for place in self.acts.values_mut() {
            if *place > at {
                *place -= 1;
            }
        }
    }

    fn outcome(&mut self, seq: u64, at: jiff::Timestamp, outcome: plimsoll_core::Outcome) {
        let id = outcome.act.to_string();
        let told = Outcome {
            seq,
            at,
            status: outcome.status,
            code: outcome.code,
            detail: shown(&outcome.detail),
            took_ms: outcome.took_ms,
            downstream: outcome.downstream.iter().map(|id| shown(id)).collect(),
            result: outcome.result.map(visible),
            usage: outcome.usage,
            redacted: outcome.redacted,
        };
        match self.acts.get(&id).map(|at| &mut self.steps[*at]) {
            Some(Step::Act(act)) => act.outcome = Some(succeed(act.outcome.take(), told)),
            // The proposal it belongs to was told together with the call.
            _ if told.detail == "handed to the client" => {}
            _ => self.steps.push(Step::Note(Note {
                seq,
                at,
                kind: "outcome".to_owned(),
                text: format!("act {id}: {} {}", told.status.name(), told.detail),
            })),
        }
    }

    fn question(&mut self, seq: u64, at: jiff::Timestamp, change: ApprovalChange) {
        let ApprovalChange { state, by, approval } = change;
        let told = self.votes.entry(approval.id.clone()).or_default();
        let vote = approval.votes.get(*told..).and_then(<[_]>::last).cloned();
        *told = approval.votes.len();
        let vote = vote.map(|vote| plimsoll_core::Vote {
            person: shown(&vote.person),
            comment: shown(&vote.comment),
            ..vote
        });
        self.steps.push(Step::Question(Box::new(Question {
            seq,
            at,
            id: approval.id,
            state,
            by: shown(&by),
            tool: shown(&approval.tool),
            roles: approval.terms.roles,
            quorum: approval.terms.quorum,
            expires_at: approval.expires_at,
            vote,
        })));
    }

    fn finish(self) -> Chain {
        Chain { who: self.who, steps: self.steps, omitted: self.omitted, more: None }
    }
}

fn step(seq: u64, entry: &Entry, judged: &Judged, permitted: bool, proposed: Option<Proposed>) -> Act {
    let facts = &judged.facts;
    let part = match (&judged.act.tool.server, judged.act.door) {
        (server, _) if server == ToolName::MODEL => Part::Model,
        _ if judged.detail["check"] == true => Part::Check,
        (_, Door::Llm) => Part::Proposal,
        (_, Door::Tool) => Part::Call,
    };
    let text = |name: &str| judged.detail.get(name).and_then(Value::as_str).map(shown);
    Act {
        seq,
        at: entry.at,
        part,
        tool: shown(&judged.act.tool.to_string()),
        // A model's arguments are its whole request: the spans tell it better.
        arguments: match part {
            Part::Model => Vec::new(),
            _ => arguments(&judged.act.arguments, &judged.origins),
        },
        tier: judged.tier,
        effect: judged.effect,
        mode: judged.mode,
        title: judged.decision.code.map_or("", plimsoll_core::Code::title),
        decision: readable(&judged.decision),
        permitted,
        deferred: facts.deferred,
        saw: judged.spans.iter().cloned().map(visible).collect(),
        context: judged.trajectory.label.integrity.name().to_owned(),
        untrusted_tools: judged
            .trajectory
            .untrusted_tools
            .iter()
            .map(|tool| shown(&tool.to_string()))
            .collect(),
        // Looking something up needs no asking and carries nothing.
        facts: match judged.tier {
            Tier::Safe => Vec::new(),
            _ => found(&judged.intent, &judged.payload, &judged.trajectory, Some(judged.effect)),
        },
        checks: facts.checks.iter().map(checked).collect(),
        stops: facts.stops.clone(),
        approval: facts.approval.as_ref().map(ticket),
        outcome: None,
        ids: Ids {
            request: entry.request.clone(),
            release: entry.release.clone(),
            act: judged.act.id.to_string(),
            act_digest: judged.act_digest.to_string(),
            prompt: text("prompt"),
            // The model's own name for the call; a tool door's caller only numbers its messages.
            tool_call: proposed
                .as_ref()
                .and_then(|proposed| proposed.call.clone())
                .or_else(|| judged.act.call_id.as_deref().map(shown)),
            permit: judged.permit.map(|permit| permit.0.to_string()),
            schema: judged.act.schema.map(|schema| schema.to_string()),
            trace: entry.trace.as_deref().map(shown),
        },
        proposed,
    }
}

/// A settlement does not make the doubt unsaid.
fn succeed(before: Option<Outcome>, mut told: Outcome) -> Outcome {
    if let Some(before) = before {
        told.detail = format!("{}; before that {}: {}", told.detail, before.status.name(), before.detail);
        told.took_ms = told.took_ms.max(before.took_ms);
    }
    told
}

fn checked(fact: &plimsoll_core::CheckFact) -> Checked {
    Checked { fact: plimsoll_core::CheckFact { detail: shown(&fact.detail), ..fact.clone() } }
}

fn ticket(fact: &ApprovalFact) -> Ticket {
    Ticket {
        id: fact.id.clone(),
        granted: fact.granted,
        denied: fact.denied,
        approvers: fact.approvers.iter().map(|person| shown(person)).collect(),
    }
}

/// Reasons may quote values that strangers wrote.
fn readable(decision: &Decision) -> Decision {
    let mut decision = decision.clone();
    for reason in &mut decision.reasons {
        reason.text = shown(&reason.text);
        reason.rule = shown(&reason.rule);
    }
    decision
}

fn visible(span: Span) -> Span {
    Span {
        source: shown(&span.source),
        preview: span.preview.as_deref().map(shown),
        mark: span.mark.as_deref().map(shown),
        ..span
    }
}

/// An entry that is no part of an act, in words.
pub(super) fn words(body: &EntryBody) -> (&'static str, String) {
    match body {
        EntryBody::Stop { on: true, stop } => (
            "stop",
            format!(
                "{} stopped {}: {}",
                shown(&stop.by),
                crate::scope::words(&stop.scope),
                shown(&stop.reason)
            ),
        ),
        EntryBody::Stop { on: false, stop } => {
            ("stop", format!("{} lifted the stop of {}", shown(&stop.by), crate::scope::words(&stop.scope)))
        }
        EntryBody::Config { release, accepted: true, detail } => {
            ("config", format!("release {} came into force {}", super::short(release), shown(detail)))
        }
        EntryBody::Config { release, detail, .. } => {
            ("config", format!("release {} was not accepted: {}", super::short(release), shown(detail)))
        }
        EntryBody::Key { name, detail } => ("key", format!("key {}: {}", shown(name), shown(detail))),
        EntryBody::Gateway { event, detail } => {
            ("gateway", format!("the gateway {} {}", shown(event), shown(detail)).trim_end().to_owned())
        }
        EntryBody::Erasure(erasure) => ("erasure", erasure_words(erasure)),
        EntryBody::Hold(hold) => {
            let verb = if hold.on { "put on" } else { "lifted from" };
            let reason =
                if hold.reason.is_empty() { String::new() } else { format!(": {}", shown(&hold.reason)) };
            let about = shown(&hold.about.join(", "));
            (
                "hold",
                format!("a legal hold was {verb} {} {about} by {}{reason}", hold.of.name(), shown(&hold.by)),
            )
        }
        EntryBody::Read(opening) => {
            let classes: Vec<&str> = opening.classes.iter().map(|class| class.name()).collect();
            let reason = if opening.reason.is_empty() {
                String::new()
            } else {
                format!(" ({})", shown(&opening.reason))
            };
            (
                "read",
                format!(
                    "{} read {} of {} entries, {} through the {}{reason}",
                    shown(&opening.by),
                    classes.join(", "),
                    opening.entries,
                    shown(&opening.what),
                    shown(&opening.through)
                ),
            )
        }
        EntryBody::Drift { on, drift, by } => {
            let (of, subject) = (drift.of.name(), shown(&drift.subject));
            let text = match on {
                true => {
                    format!("{of} of {subject} drifted ({}): {}", drift.policy.name(), shown(&drift.text))
                }
                false => format!("{of} of {subject} are as reviewed again, found by {}", shown(by)),
            };
            ("drift", text)
        }
        EntryBody::Grant(grant) => {
            let classes: Vec<&str> = grant.classes.iter().map(|class| class.name()).collect();
            let (classes, person, by) = (classes.join(", "), shown(&grant.person), shown(&grant.by));
            let text = match grant.state {
                plimsoll_core::GrantState::Asked => {
                    format!("{person} asks to read {classes}: {}", shown(&grant.reason))
                }
                plimsoll_core::GrantState::Granted => {
                    format!("{by} lets {person} read {classes} until {}", super::date(grant.until))
                }
                plimsoll_core::GrantState::Denied => format!("{by} does not let {person} read {classes}"),
            };
            ("grant", text)
        }
        EntryBody::Release(step) => {
            let told = crate::release_words::step(step);
            let lines: String = told.lines.iter().map(|line| format!("; {line}")).collect();
            ("release", format!("{}{lines}", told.title))
        }
        EntryBody::Turned { code, detail } => {
            ("turned", format!("{code} {}: {}", code.title(), shown(detail)))
        }
        EntryBody::Content(content) => (
            "content",
            format!("{:?} in full, piece {} of {}", content.of, content.piece + 1, content.pieces)
                .to_lowercase(),
        ),
        EntryBody::Approval(change) => (
            "approval",
            format!("{} is {} by {}", change.approval.id, change.state.name(), shown(&change.by)),
        ),
        EntryBody::Outcome(outcome) => {
            ("outcome", format!("act {}  {}", outcome.act, shown(&outcome.detail)).trim_end().to_owned())
        }
        EntryBody::Intent(judged) => {
            ("intent", format!("{} was allowed", shown(&judged.act.tool.to_string())))
        }
        EntryBody::Decision(judged) => (
            "decision",
            format!("{} was {}", shown(&judged.act.tool.to_string()), judged.decision.ruling.name()),
        ),
    }
}

fn erasure_words(erasure: &plimsoll_core::Erasure) -> String {
    let classes: Vec<&str> = erasure.classes.iter().map(|class| class.name()).collect();
    let held =
        if erasure.held == 0 { String::new() } else { format!("; a legal hold keeps {}", erasure.held) };
    let reason =
        if erasure.reason.is_empty() { String::new() } else { format!(": {}", shown(&erasure.reason)) };
    let keys = match erasure.keys {
        1 => "the one key".to_owned(),
        keys => format!("{keys} keys"),
    };
    let were = if erasure.keys == 1 { "was" } else { "were" };
    format!(
        "{keys} of {} {} ({}) {were} destroyed by {}{held}{reason}",
        erasure.of.name(),
        shown(&erasure.about.join(", ")),
        classes.join(", "),
        shown(&erasure.by)
    )
}
