//! Proposals: calls that the LLM door let pass, so that the tool door recognises them.

use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_core::{ActId, Digest, Flow, ToolName, Trajectory};

use crate::Answer;

/// What makes two calls the same proposal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProposalKey {
    pub principal: String,
    pub workflow: String,
    pub tool: ToolName,
    /// Digest of the canonical arguments.
    pub arguments: Digest,
}

/// What the LLM door knew about a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    pub session: String,
    pub act: ActId,
    pub flow: Flow,
    pub trajectory: Trajectory,
    /// The release it was made under.
    pub release: Option<Digest>,
    pub at: Timestamp,
}

/// The memory of proposals.
pub trait Proposals {
    /// Remembers proposals, in order; a newer one with the same key replaces an older one.
    fn remember_proposals(&self, proposals: Vec<(Arc<ProposalKey>, Arc<Proposal>)>) -> Answer<()>;

    /// The latest proposal with this key, made at or after `since`.
    fn proposal(&self, key: &ProposalKey, since: Timestamp) -> Answer<Option<Proposal>>;

    /// The newest proposals made at or after `since`, at most `limit`, oldest first.
    fn proposals(&self, since: Timestamp, limit: usize) -> Answer<Vec<(ProposalKey, Proposal)>>;
}
