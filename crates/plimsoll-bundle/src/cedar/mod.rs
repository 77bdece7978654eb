//! The policy engine: Cedar, strict, sliced by action, every error a refusal.

/// The compiled policies of one bundle.
#[derive(Debug, Default)]
pub struct Engine {}
