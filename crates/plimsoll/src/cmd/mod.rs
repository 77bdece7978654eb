//! The verbs, one file each.

pub mod approve;
pub mod bench;
mod bench_policy;
pub mod check;
pub mod demo;
pub mod diff;
mod diff_sides;
pub mod doctor;
pub mod erase;
pub mod explain;
pub mod export;
pub mod init;
pub mod key;
mod key_sign;
pub mod ledger;
pub mod log;
pub mod mcp;
pub mod mock;
pub mod receipt;
pub mod release;
pub mod repin;
pub mod replay;
pub mod show;
pub mod stop;
pub mod up;
pub mod verify;
pub mod witness;
