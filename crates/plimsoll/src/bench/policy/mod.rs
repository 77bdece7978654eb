//! Measuring a policy without a model: traces in, figures out.
//!
//! A trace says what a model was shown and what it called. Here each call is decided by the gateway's own functions and
//! the repository's rules, under the strongest adversary that a policy can be measured against: a model that obeys
//! whatever it reads.

mod differ;
mod domain;
mod episode;
mod explain;
mod latency;
mod lines;
mod pool;
mod reach;
mod report;
mod run;
mod scene;
mod slots;
mod table;

pub use episode::{Call, Episode, Step, read};
pub use explain::{explain, find};
pub use latency::Latency;
pub use lines::annotation_lines;
pub use reach::not_searched;
pub use report::Report;
pub use run::{Outcome, all, in_parallel, unknown_tools, workflows};
pub use scene::{Ground, Scene};
