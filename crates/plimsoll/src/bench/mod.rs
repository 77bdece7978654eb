//! Measuring the gateway: in pairs, in alternation, as ratios.
//!
//! The clock of a shared machine is only an impression, so each round measures the floor (the least a
//! proxy can do) and Plimsoll with everything on, in random order, and what is told is the median of
//! the rounds' ratios. Every part runs as a process of its own: a mock upstream that answers from
//! memory, the floor, the gateway; this process is the load.

pub mod floor;
pub mod ledger;
mod load;
pub mod mock;
pub mod policy;
mod proc;
mod report;
mod rounds;
mod shapes;
mod stage;

pub use rounds::{Plan, run};
pub use shapes::NAMES;
