//! Upstreams: the model providers and tool servers behind the gateway. Nothing here moves without a
//! warrant.

pub mod http;
pub mod mcp;
pub mod model;
pub mod pool;
pub mod reached;
pub mod tools;

use plimsoll_core::{Basis, Code};
use plimsoll_ledger::Warrant;

/// Uses a warrant up. One whose act was left to another door moves nothing here.
pub(crate) fn spend(warrant: Warrant, name: &str) -> Result<(), UpstreamError> {
    if warrant.basis() == Basis::Deferred {
        let why = "this act was left to another door".to_owned();
        return Err(UpstreamError::Unreachable { name: name.to_owned(), why });
    }
    drop(warrant);
    Ok(())
}

/// What went wrong on the other side.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It was never sent: it certainly did not happen.
    #[error("the upstream {name} could not be reached: {why}")]
    Unreachable { name: String, why: String },
    /// It was sent, and no answer came in time.
    #[error("the upstream {name} did not answer within {after_s} s")]
    Timeout { name: String, after_s: u64 },
    /// It was sent, and the connection broke.
    #[error("the connection to the upstream {name} broke: {why}")]
    Broken { name: String, why: String },
    /// It answered, in a form nobody can read.
    #[error("the upstream {name} answered nonsense: {why}")]
    Garbage { name: String, why: String },
    /// It answered with more than the bound.
    #[error("the upstream {name} answered more than {bound} bytes (`bounds.response_bytes`)")]
    TooLarge { name: String, bound: usize },
    /// It said no in its own protocol.
    #[error("the upstream {name} answered with an error: {why}")]
    Refused { name: String, why: String },
}

impl UpstreamError {
    /// Whether the act may have happened all the same. Then its outcome is `ambiguous`.
    pub const fn may_have_happened(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. } | Self::Broken { .. } | Self::Garbage { .. } | Self::TooLarge { .. }
        )
    }

    pub const fn code(&self) -> Code {
        match self {
            Self::Timeout { .. } => Code::UpstreamTimeout,
            Self::Garbage { .. } | Self::TooLarge { .. } => Code::UpstreamGarbage,
            _ => Code::UpstreamFailed,
        }
    }
}
