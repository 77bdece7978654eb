//! The words Plimsoll speaks, and the one judgement it makes.
//!
//! *Ada's assistant proposes to pay Bob; Bob's account came from an e-mail.* The nouns and verbs of
//! that sentence are the types of this crate: [`Principal`], [`Act`], [`Origin`], [`Label`],
//! [`Decision`], [`Permit`]. [`decide`] turns a [`Case`] into a [`Verdict`]; it is a function of
//! values, so every recorded decision can be derived again.
//!
//! It alone knows: the words, the label lattice, how a decision follows from rules and facts, what
//! binds an approval to an act, and the table of [`codes`](code::Code::ALL).
//! It has never heard of: protocol dialects, policy languages, files, sockets, clocks, randomness.
//! Time and fresh ids come in as arguments.
#![forbid(unsafe_code)]

pub mod act;
pub mod approval;
mod canonical;
pub mod case;
pub mod code;
pub mod decide;
pub mod digest;
pub mod drift;
pub mod entry;
pub mod flow;
pub mod label;
pub mod permit;
pub mod person_key;
pub mod principal;
pub mod release;
pub mod remedy;
pub mod sensitive;
pub mod span;
pub mod verifier_key;

pub use act::{Account, Act, ActId, ArgumentRole, Door, Effect, Mode, Tier, ToolName};
pub use approval::{Approval, ApprovalState, ApprovalTerms, Vote};
pub use case::{
    ApprovalFact, Assume, Case, CheckFact, Facts, Hypothesis, Judgement, Objection, RuleHit, Rules, Stop,
    StopScope,
};
pub use code::Code;
pub use decide::{Decision, Need, Reason, Ruling, Verdict, decide, would_run};
pub use digest::{Digest, canonical};
pub use drift::{DriftKind, DriftPolicy, Drifted};
pub use entry::{
    ApprovalChange, Content, ContentOf, Entry, EntryBody, Erasure, ErasureOf, Grant, GrantState, Hold,
    Judged, Opening, Outcome, OutcomeStatus,
};
pub use flow::{Flow, Intent, Meaning, Output, Payload};
pub use label::{Integrity, Label, Readers};
pub use permit::{Basis, Permit, PermitId};
pub use person_key::{PersonKey, PersonKeyError};
pub use principal::{Principal, PrincipalKind};
pub use release::{ReleaseFigure, ReleaseMove, ReleaseStep};
pub use remedy::Remedy;
pub use sensitive::{FieldClass, Seal};
pub use span::{ArgumentOrigin, Origin, Span, SpanKind, Trajectory};
pub use verifier_key::{KeyKind, VerifierKey, VerifierKeyError};
