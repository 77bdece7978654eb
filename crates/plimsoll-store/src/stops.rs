//! Kill switches.

use plimsoll_core::{Stop, StopScope};

use crate::Answer;

/// What is stopped.
pub trait Stops {
    /// Pulls the switch for a scope. Pulling it again replaces reason, person and time.
    fn set_stop(&self, stop: &Stop) -> Answer<()>;

    /// Lifts it. False when it was not pulled.
    fn lift_stop(&self, scope: &StopScope) -> Answer<bool>;

    /// Everything stopped, oldest first.
    fn stops(&self) -> Answer<Vec<Stop>>;
}
