//! Whole repositories: the example of the demo, and what is said about every way of breaking it.

#[path = "it/breaks.rs"]
mod breaks;
#[path = "it/example.rs"]
mod example;
