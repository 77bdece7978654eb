//! How far the memory of results and sessions goes, and where it has a hole.
//!
//! Both are written behind the requests. A machine that dies takes their last moments with it; the ledger still has
//! the acts of those moments, so the next start can tell whose results it does not know.

use jiff::Timestamp;

use crate::Answer;

/// That results may have been returned to somebody of which nothing is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapse {
    /// Who asked; empty for everybody.
    pub requester: String,
    pub workflow: String,
    /// When it was found.
    pub at: Timestamp,
}

/// Whose memories to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of the sessions with this name.
    Session(String),
    /// Those of a principal with this id, and of everybody who asked in this one's name.
    Person(String),
}

/// How far the memory goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// Up to which entry of the ledger everything that was returned and shown is remembered.
    pub known_to: u64,
    /// Which running of the machine that was; empty when nobody knows. In the same running nothing that was written
    /// to a file is lost, whether it was synced or not.
    pub boot: String,
}

/// The memory's edge.
pub trait Memory {
    fn edge(&self) -> Answer<Edge>;

    fn move_edge(&self, edge: Edge) -> Answer<()>;

    /// Notes lapses; a later one of the same requester and workflow replaces an earlier.
    fn note_lapses(&self, lapses: Vec<Lapse>) -> Answer<()>;

    fn lapses(&self) -> Answer<Vec<Lapse>>;

    /// Erases what is remembered of somebody: results, sessions, proposals. Returns how many rows went. What was
    /// returned to them is not recognised any more, so whoever calls this notes a lapse.
    fn forget(&self, whose: &Whose) -> Answer<u64>;
}
