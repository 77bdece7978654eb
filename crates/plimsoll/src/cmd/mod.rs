//! The verbs, one file each.

pub mod bench;
pub mod check;
pub mod demo;
pub mod doctor;
pub mod init;
pub mod key;
pub mod mcp;
pub mod mock;
pub mod up;
