//! The gateway in process: a model that says what it is told to say, a desk that counts what was really done,
//! and clients that look at every byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod authoriser;
mod bad_input;
mod behaviour;
mod client;
mod closed;
mod drift;
mod environment;
mod flow;
mod identity;
mod oidc;
mod path;
mod pitfalls;
mod releases;
mod shapes;
mod strict;
mod witnesses;
mod world;
