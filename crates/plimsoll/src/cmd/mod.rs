//! The verbs, one file each.

pub mod check;
pub mod key;
pub mod mock;
pub mod up;
