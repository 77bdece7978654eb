//! The workflow repository: YAML, Cedar, pinned schemas, validation.
//!
//! It alone knows YAML and Cedar, and what a change of either makes possible (`diff`). It takes a tree of files in memory and gives a [`Bundle`], or every
//! diagnostic with file, line and the next move. It has never heard of requests.
#![forbid(unsafe_code)]

/// What unit tests and integration tests share names it as the latter do.
#[cfg(test)]
extern crate self as plimsoll_bundle;

pub mod cedar;
pub mod check;
pub mod decimal;
pub mod declared;
pub mod diagnostic;
pub mod diff;
pub mod disk;
pub mod drift;
pub mod drill;
pub mod env;
pub mod explain;
pub mod forms;
pub mod kept;
pub mod load;
mod lookup;
pub mod made_up;
pub mod model;
pub mod pin;
pub mod propose;
pub mod prove;
pub mod release;
pub mod render;
pub mod replay;
pub mod schema;
pub mod suggest;
pub mod tree;
pub mod trial;
mod ways;
pub mod yaml;

pub use check::{CheckError, CheckOutcome};
pub use diagnostic::{Diagnostic, Severity};
pub use env::Env;
pub use kept::Kept;
pub use load::{ModeOverride, Overrides, ToReview, load, to_review};
pub use model::*;
pub use tree::Tree;
