//! Approvals: a person's yes, bound to one exact act.
//!
//! The state machine is pure: [`Approval::vote`] and [`Approval::settle`] take the time and return the
//! next state; the store persists it by compare-and-set. `open → granted → consumed`, or
//! `open → denied | expired`. Nothing leaves an end state.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Who must agree, and how long the question stays open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalTerms {
    /// Roles of `people.yaml`; a person in any of them counts.
    pub roles: Vec<String>,
    /// How many different people must say yes; at least 1.
    pub quorum: u32,
    /// Seconds until an unanswered question counts as no.
    pub expires_after_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalState {
    Open,
    Granted,
    Denied,
    Expired,
    /// Spent on the one act it was bound to.
    Consumed,
}

impl ApprovalState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Consumed => "consumed",
        }
    }
}

/// One person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    pub person: String,
    pub yes: bool,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// One question put to people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// The ticket, short enough to read aloud.
    pub id: String,
    pub state: ApprovalState,
    /// [`Case::act_digest`](crate::Case::act_digest) of the act this is bound to.
    pub act_digest: Digest,
    pub terms: ApprovalTerms,
    pub workflow: String,
    pub tool: String,
    /// Whose request it is; may not vote.
    pub requester: String,
    pub opened_at: Timestamp,
    pub expires_at: Timestamp,
    pub votes: Vec<Vote>,
    /// What the approver is shown: act, origins, reasons, release, session. Rendered by us from the
    /// bound act, redacted; never the agent's words about it.
    pub page: serde_json::Value,
}

/// Why a vote does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoteError {
    #[error("this approval is {}, no longer open", .0.name())]
    NotOpen(ApprovalState),
    #[error("it expired at {0}")]
    Expired(Timestamp),
    #[error("{0} asked for this act and can't approve it")]
    OwnRequest(String),
    #[error("{person} has none of the roles that may answer: {}", roles.join(", "))]
    NoRole { person: String, roles: Vec<String> },
    #[error("{0} has already answered")]
    Twice(String),
    #[error("the act shown ({shown:?}) is not the act this approval is bound to ({bound:?})")]
    OtherAct { shown: Digest, bound: Digest },
}

impl Approval {
    /// Adds one person's answer. `shown` is the digest of the act on the page they answered from.
    ///
    /// # Errors
    /// When the vote does not count; the approval is unchanged then.
    pub fn vote(&self, vote: Vote, voter_roles: &[String], shown: &Digest) -> Result<Self, VoteError> {
        if self.state != ApprovalState::Open {
            return Err(VoteError::NotOpen(self.state));
        }
        if vote.at >= self.expires_at {
            return Err(VoteError::Expired(self.expires_at));
        }
        if *shown != self.act_digest {
            return Err(VoteError::OtherAct { shown: *shown, bound: self.act_digest });
        }
        if self.is_own_request(&vote.person) {
            return Err(VoteError::OwnRequest(vote.person));
        }
        if !self.terms.roles.iter().any(|role| voter_roles.contains(role)) {
            return Err(VoteError::NoRole { person: vote.person, roles: self.terms.roles.clone() });
        }
        if self.votes.iter().any(|v| v.person == vote.person) {
            return Err(VoteError::Twice(vote.person));
        }
        let mut next = self.clone();
        next.votes.push(vote);
        next.state = next.tally();
        Ok(next)
    }

    /// Whether this person asked: by name, or with a key or token of that name.
    fn is_own_request(&self, person: &str) -> bool {
        let (kind, name) = self.requester.split_once(':').unwrap_or(("", &self.requester));
        self.requester.eq_ignore_ascii_case(person)
            || (matches!(kind, "key" | "oidc") && name.eq_ignore_ascii_case(person))
    }

    /// The state at `now`: an answer, or the lack of one, holds until its time is over; then the same
    /// act may be asked about again.
    pub fn settle(&self, now: Timestamp) -> ApprovalState {
        match self.state {
            ApprovalState::Open | ApprovalState::Granted | ApprovalState::Denied
                if now >= self.expires_at =>
            {
                ApprovalState::Expired
            }
            state => state,
        }
    }

    /// One no is a no; a quorum of different people is a yes.
    fn tally(&self) -> ApprovalState {
        if self.votes.iter().any(|v| !v.yes) {
            return ApprovalState::Denied;
        }
        let mut people = BTreeMap::new();
        for vote in &self.votes {
            people.insert(&vote.person, ());
        }
        // A quorum of nought would be met by nobody: never less than one.
        let quorum = usize::try_from(self.terms.quorum.max(1)).unwrap_or(usize::MAX);
        if people.len() >= quorum { ApprovalState::Granted } else { ApprovalState::Open }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(quorum: u32) -> Approval {
        Approval {
            id: "T-1".into(),
            state: ApprovalState::Open,
            act_digest: Digest::of(b"act"),
            terms: ApprovalTerms { roles: vec!["reviewer".into()], quorum, expires_after_s: 60 },
            workflow: "support".into(),
            tool: "crm.delete_customer".into(),
            requester: "ada".into(),
            opened_at: at(0),
            expires_at: at(60),
            votes: vec![],
            page: serde_json::Value::Null,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn vote(person: &str, yes: bool, second: i64) -> Vote {
        Vote { person: person.into(), yes, at: at(second), comment: String::new() }
    }

    #[test]
    fn who_may_answer() {
        let reviewer = ["reviewer".to_owned()];
        let act = Digest::of(b"act");
        let check = |a: &Approval, v, roles: &[String], shown: &Digest| {
            a.vote(v, roles, shown).map(|a| a.state).map_err(|e| e.to_string())
        };
        let a = approval(1);
        assert_eq!(check(&a, vote("bo", true, 1), &reviewer, &act), Ok(ApprovalState::Granted));
        assert_eq!(check(&a, vote("bo", false, 1), &reviewer, &act), Ok(ApprovalState::Denied));
        assert!(check(&a, vote("ada", true, 1), &reviewer, &act).unwrap_err().contains("can't approve"));
        let by_key = Approval { requester: "key:Ada".into(), ..approval(1) };
        assert!(check(&by_key, vote("ada", true, 1), &reviewer, &act).unwrap_err().contains("can't approve"));
        assert!(check(&a, vote("bo", true, 1), &[], &act).unwrap_err().contains("none of the roles"));
        assert!(check(&a, vote("bo", true, 60), &reviewer, &act).unwrap_err().contains("expired"));
        assert!(
            check(&a, vote("bo", true, 1), &reviewer, &Digest::of(b"other"))
                .unwrap_err()
                .contains("not the act")
        );
        assert_eq!(check(&approval(0), vote("bo", true, 1), &reviewer, &act), Ok(ApprovalState::Granted));
    }

    #[test]
    fn a_quorum_is_of_different_people() {
        let reviewer = ["reviewer".to_owned()];
        let act = Digest::of(b"act");
        let one = approval(2).vote(vote("bo", true, 1), &reviewer, &act).unwrap();
        assert_eq!(one.state, ApprovalState::Open);
        assert_eq!(one.vote(vote("bo", true, 2), &reviewer, &act), Err(VoteError::Twice("bo".into())));
        let two = one.vote(vote("cy", true, 2), &reviewer, &act).unwrap();
        assert_eq!(two.state, ApprovalState::Granted);
        assert_eq!(two.settle(at(59)), ApprovalState::Granted);
        assert_eq!(two.settle(at(60)), ApprovalState::Expired);
    }
}
