//! What texts hold: secrets that must not be shown, and where a value came from.
//!
//! *Bob's account number came from an e-mail; the e-mail also held somebody's access key.* The first
//! half is [`mod@trace`], the second [`redact`]. `intent` reads whether the user asked for such an act,
//! `payload` what its free text carries; [`key`] is the one secret whose form we choose ourselves, and
//! [`preview`](preview()) is how any foreign text is shown to people.
//!
//! It alone knows: the forms secrets take, how a value is spelt in prose and in JSON, and which
//! spelling is good enough to carry authority. It has never heard of: decisions, rules, files,
//! sockets, clocks, randomness. Everything here is a function from values to values.
#![forbid(unsafe_code)]

pub(crate) mod iban;
mod intent;
pub mod key;
pub mod mask;
mod payload;
pub mod preview;
pub mod redact;
pub mod trace;

pub use mask::Masker;
pub use preview::preview;
pub use redact::{Channels, Hit, Redactor, StreamRedactor};
pub use trace::{Prepared, PreparedText, TracedSpan, trace, trajectory};
