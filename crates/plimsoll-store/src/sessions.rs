//! Sessions: one run or conversation, and whose it is.

use jiff::Timestamp;

use crate::Answer;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    pub id: String,
    pub workflow: String,
    /// The principal's id.
    pub principal: String,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
}

/// The sessions seen.
pub trait Sessions {
    /// Notes that a session was seen, starting it when it is new. False when the id belongs to
    /// another principal or workflow: nothing is changed then, and nothing of it may be shared.
    fn touch_session(&self, session: &SessionRow) -> Answer<bool>;

    fn session(&self, id: &str) -> Answer<Option<SessionRow>>;

    /// Sessions by when they were seen, latest first.
    fn sessions(&self, limit: usize) -> Answer<Vec<SessionRow>>;
}
