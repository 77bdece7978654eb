//! Whole repositories: the example of the demo, and what is said about every way of breaking it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "integration tests are test code, which clippy.toml means to exempt"
)]

#[path = "it/breaks.rs"]
mod breaks;
#[path = "it/diff.rs"]
mod diff;
#[path = "it/example.rs"]
mod example;
#[path = "it/meaning.rs"]
mod meaning;
#[path = "it/seeded.rs"]
mod seeded;
#[path = "it/seeds.rs"]
mod seeds;
#[path = "it/ways.rs"]
mod ways;
