//! The program as its users run it: child processes, real sockets, real files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod bench_policy;
mod crash;
mod diff;
mod docs;
mod drift;
mod export;
mod following;
mod one_processor;
mod pipes;
mod privacy;
mod process;
mod proofs;
mod prove;
mod readings;
mod release;
mod replay;
mod restart;
mod sampling;
mod tools;
