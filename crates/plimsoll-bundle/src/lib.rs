//! The workflow repository: YAML, Cedar, pinned schemas, validation.
//!
//! It alone knows YAML and Cedar. It takes a tree of files in memory and gives a [`Bundle`], or every
//! diagnostic with file, line and the next move. It has never heard of requests.
#![forbid(unsafe_code)]

pub mod cedar;
pub mod diagnostic;
pub mod model;

pub use diagnostic::{Diagnostic, Severity};
pub use model::*;
