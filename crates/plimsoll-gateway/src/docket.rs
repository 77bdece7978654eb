//! The docket: questions put to people, bound to exact acts.
//!
//! The state machine is [`plimsoll_core::approval`]; the store keeps it by compare-and-set; every step
//! is an entry. What the approver sees is made here from the bound act, never from the agent's words.

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{
    Act, Approval, ApprovalChange, ApprovalState, Code, Decision, Digest, Effect, EntryBody, Facts, Flow,
    Tier, Trajectory, Vote,
};
use serde_json::json;
use uuid::Uuid;

use crate::caller::Caller;
use crate::gateway::Gateway;
use crate::record::Header;
use crate::refusal::Refusal;

/// Open questions at most, over all requesters. Beyond it acts are refused, not queued.
pub const OPEN_MAX: usize = 1_000;

/// How a question stands.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub id: String,
    pub granted: bool,
    pub denied: bool,
    pub approvers: Vec<String>,
}

/// What is asked.
pub(crate) struct Question<'a> {
    pub digest: Digest,
    pub act: &'a Act,
    pub flow: &'a Flow,
    pub trajectory: &'a Trajectory,
    pub tier: Tier,
    pub effect: Effect,
    pub facts: &'a Facts,
    pub decision: &'a Decision,
    pub header: &'a Header,
}

/// Why a person's answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("there is no approval {0}")]
    Unknown(String),
    #[error(transparent)]
    Vote(#[from] plimsoll_core::approval::VoteError),
    #[error("somebody else answered at the same moment; look again")]
    Raced,
    #[error("the answer could not be recorded: {0}")]
    Record(String),
}

impl Gateway {
    /// Finds the standing question for this exact act, or opens one. Durable before anyone is told.
    pub(crate) async fn ask(&self, caller: &Caller, question: Question<'_>) -> Result<Ticket, Refusal> {
        let requester = caller.principal().requester();
        let now = Timestamp::now();
        let found = self.store.approval_for(requester, &question.digest).await.map_err(|e| broken(&e))?;
        if let Some(approval) = found {
            match approval.settle(now) {
                ApprovalState::Expired
                    if matches!(approval.state, ApprovalState::Open | ApprovalState::Granted) =>
                {
                    self.expire(&approval, question.header).await;
                }
                ApprovalState::Open | ApprovalState::Granted | ApprovalState::Denied => {
                    return Ok(ticket(&approval));
                }
                ApprovalState::Expired | ApprovalState::Consumed => {}
            }
        }
        let approval = self.draw_up(caller, &question, now)?;
        let opened = match self.store.open_approval(&approval, OPEN_MAX).await {
            // A twin of this call asked in the same moment: its question is ours.
            Err(plimsoll_store::StoreError::Conflict(_)) => {
                let twin =
                    self.store.approval_for(requester, &question.digest).await.map_err(|e| broken(&e))?;
                return twin.map(|twin| ticket(&twin)).ok_or_else(|| {
                    Refusal::plain(Code::Overloaded, "an identical call is asking right now; repeat it")
                });
            }
            opened => opened.map_err(|e| broken(&e))?,
        };
        if !opened {
            let text = format!("{OPEN_MAX} approvals are open already; somebody has to answer some first");
            return Err(Refusal::plain(Code::Overloaded, text));
        }
        self.record_change(question.header, ApprovalState::Open, requester, &approval).await?;
        Ok(ticket(&approval))
    }

    fn draw_up(&self, caller: &Caller, question: &Question<'_>, now: Timestamp) -> Result<Approval, Refusal> {
        let terms = question.facts.terms.clone().ok_or_else(|| {
            Refusal::plain(Code::NotPermitted, "the workflow names nobody who could approve this act")
        })?;
        let life = i64::try_from(terms.expires_after_s).unwrap_or(i64::MAX / 2);
        let expires_at = now.checked_add(SignedDuration::from_secs(life)).unwrap_or(Timestamp::MAX);
        let boundary = caller.workflow().boundary(&question.act.tool);
        let page = json!({
            "act": question.act.id,
            "tool": question.act.tool,
            "arguments": self.redactor.redact_json(&question.act.arguments),
            "origins": question.flow.origins,
            "intent": question.flow.intent,
            "payload": question.flow.payload,
            "trajectory": question.trajectory,
            "tier": question.tier,
            "effect": question.effect,
            "reasons": question.decision.reasons,
            "checks": question.facts.checks,
            "hypothesis": question.facts.hypothesis,
            "principal": caller.principal(),
            "workflow": caller.workflow().name,
            "purpose": caller.workflow().purpose,
            "owner": caller.workflow().owner,
            "incident_owner": caller.workflow().incident_owner,
            "on_failure": boundary.map(|b| b.on_failure.clone()),
            "way_back": boundary.map(|b| b.way_back.clone()),
            "release": caller.release(),
            "session": question.header.session,
            "request": question.header.request,
        });
        Ok(Approval {
            id: ticket_id(),
            state: ApprovalState::Open,
            act_digest: question.digest,
            terms,
            workflow: caller.workflow().name.clone(),
            tool: question.act.tool.to_string(),
            requester: caller.principal().requester().to_owned(),
            opened_at: now,
            expires_at,
            votes: Vec::new(),
            page,
        })
    }

    /// A person answers. Roles come from the release's `people.yaml`, never from the request.
    ///
    /// # Errors
    /// When the answer does not count, lost a race, or could not be recorded.
    pub async fn answer(&self, id: &str, vote: Vote, shown: &Digest) -> Result<Approval, AnswerError> {
        let _one_at_a_time = self.answers.lock().await;
        let unreachable = |e: plimsoll_store::StoreError| AnswerError::Record(e.to_string());
        let before = self.store.approval(id).await.map_err(unreachable)?;
        let before = before.ok_or_else(|| AnswerError::Unknown(id.to_owned()))?;
        let bundle = self.bundle();
        let person = vote.person.clone();
        let after = before.vote(vote, bundle.people.roles_of(&person), shown)?;
        // The record comes first: a yes that is not on record must not let anything pass.
        let header = header_of(&after);
        self.record_change(&header, after.state, &person, &after)
            .await
            .map_err(|refusal| AnswerError::Record(refusal.headline()))?;
        if !self.store.change_approval(&before, &after).await.map_err(unreachable)? {
            return Err(AnswerError::Raced);
        }
        Ok(after)
    }

    /// Spends a granted approval on the one act it is bound to.
    pub(crate) async fn spend(&self, id: &str, digest: &Digest, header: &Header) -> Result<(), Refusal> {
        let now = Timestamp::now();
        let spent = self.store.consume_approval(id, digest, now).await.map_err(|e| broken(&e))?;
        if !spent {
            let text = format!("approval {id} was already used, has expired, or is bound to another act");
            return Err(Refusal::plain(Code::ApprovalSpent, text));
        }
        if let Ok(Some(approval)) = self.store.approval(id).await {
            self.record_change(header, ApprovalState::Consumed, "gateway", &approval).await?;
        }
        Ok(())
    }

    async fn expire(&self, approval: &Approval, header: &Header) {
        let mut after = approval.clone();
        after.state = ApprovalState::Expired;
        if matches!(self.store.change_approval(approval, &after).await, Ok(true)) {
            let _recorded = self.record_change(header, ApprovalState::Expired, "gateway", &after).await;
        }
    }

    /// Writes down that nobody answered in time.
    pub(crate) async fn record_expired(&self, approval: &Approval) {
        let header = header_of(approval);
        if let Err(refusal) = self.record_change(&header, ApprovalState::Expired, "gateway", approval).await {
            tracing::error!(why = refusal.headline(), "an expired approval is not on record");
        }
    }

    async fn record_change(
        &self,
        header: &Header,
        state: ApprovalState,
        by: &str,
        approval: &Approval,
    ) -> Result<(), Refusal> {
        let change = ApprovalChange { state, by: by.to_owned(), approval: approval.clone() };
        let entry = header.entry(Timestamp::now(), EntryBody::Approval(Box::new(change)));
        match self.record(entry).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Refusal::plain(
                Code::RecordFailed,
                format!("the approval could not be recorded: {error}"),
            )),
        }
    }

    /// Where a person opens this ticket.
    pub(crate) fn approval_page(&self, id: &str) -> String {
        format!("{}/approvals/{id}", self.admin_url)
    }
}

fn ticket(approval: &Approval) -> Ticket {
    Ticket {
        id: approval.id.clone(),
        granted: approval.state == ApprovalState::Granted,
        denied: approval.state == ApprovalState::Denied,
        approvers: approval.votes.iter().filter(|v| v.yes).map(|v| v.person.clone()).collect(),
    }
}

/// A later step of a question belongs to the session and request that asked it.
fn header_of(approval: &Approval) -> Header {
    let text = |name: &str| approval.page[name].as_str().unwrap_or_default().to_owned();
    Header {
        workflow: approval.workflow.clone(),
        session: text("session"),
        request: text("request"),
        release: text("release"),
        // It is about the one who asked, and goes when that one is forgotten.
        principal: serde_json::from_value(approval.page["principal"].clone()).ok(),
        ..Header::default()
    }
}

/// `T-` and eight characters that can be read aloud.
fn ticket_id() -> String {
    fresh_ticket("T-")
}

/// A fresh ticket that begins like this.
pub(crate) fn fresh_ticket(prefix: &str) -> String {
    const LETTERS: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz-";
    let random = Uuid::new_v4();
    let letters = random.as_bytes()[..8].iter().map(|byte| LETTERS[usize::from(byte % 31)] as char);
    format!("{prefix}{}", letters.collect::<String>())
}

fn broken(error: &plimsoll_store::StoreError) -> Refusal {
    tracing::error!(%error, "the store failed");
    Refusal::plain(Code::RecordFailed, "approvals can't be looked up right now")
}
