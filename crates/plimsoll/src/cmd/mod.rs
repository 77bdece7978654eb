//! The verbs, one file each.

pub mod check;
pub mod demo;
pub mod key;
pub mod mock;
pub mod up;
pub mod doctor;
pub mod init;
