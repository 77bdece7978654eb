//! The docket: questions put to people. The rules are [`plimsoll_core::approval`]; here they are kept.

use jiff::Timestamp;
use plimsoll_core::{Approval, ApprovalState, Digest};

use crate::Answer;

/// The docket.
pub trait Approvals {
    /// Opens a question, unless `most` are open already: then false. Of one requester and one act
    /// there is only one question open or granted at a time; a second is a
    /// [`Conflict`](crate::StoreError::Conflict).
    fn open_approval(&self, approval: &Approval, most: usize) -> Answer<bool>;

    fn approval(&self, id: &str) -> Answer<Option<Approval>>;

    /// What this requester last asked about this exact act; what still stands comes first.
    fn approval_for(&self, requester: &str, act_digest: &Digest) -> Answer<Option<Approval>>;

    /// Questions in this state (or any), newest first.
    fn approvals(&self, state: Option<ApprovalState>, limit: usize) -> Answer<Vec<Approval>>;

    /// Compare and set: takes over the state and the new votes of `after`, unless the docket no
    /// longer says what `before` says: then false. Each person votes once, the requester never, and
    /// nothing leaves an end state; the database enforces these three too. Spending is not a change:
    /// use [`consume_approval`](Self::consume_approval).
    fn change_approval(&self, before: &Approval, after: &Approval) -> Answer<bool>;

    /// Spends a granted, unexpired approval on the act it is bound to. True exactly once.
    fn consume_approval(&self, id: &str, act_digest: &Digest, now: Timestamp) -> Answer<bool>;

    /// Marks what is open or granted and over as expired, and returns it.
    fn expire_approvals(&self, now: Timestamp) -> Answer<Vec<Approval>>;
}
