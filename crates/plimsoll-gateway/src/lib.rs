//! The gateway: doors, the one path, upstreams, credentials, limits.
//!
//! Doors translate protocols and never decide. [`path`] tells the story of every act in order:
//! *identified, labelled, decided, checked, held if need be, recorded, performed, recorded again*. An
//! upstream moves only for a [`Warrant`](plimsoll_ledger::Warrant), which only the ledger makes, from a
//! permit that only the decision makes.
//!
//! It alone knows: sockets, child processes, credentials, timers. It has never heard of HTML.
#![forbid(unsafe_code)]

pub mod authoriser;
mod bodies;
pub mod caller;
pub mod cassette;
pub mod checkpoints;
mod checks;
pub mod content;
pub mod context;
pub mod docket;
pub mod doubts;
pub mod drift;
pub mod follow;
pub mod gateway;
mod ids;
pub mod joins;
pub mod keys;
mod lens;
pub mod limits;
mod llm_door;
mod mask;
pub mod memory;
pub mod metrics;
pub mod operate;
pub mod path;
pub mod privacy;
pub mod reading;
pub mod record;
pub mod redaction;
pub mod refusal;
pub mod releases;
pub mod server;
pub mod standing;
pub mod stops;
pub mod telemetry;
pub mod tokens;
mod tool_door;
pub mod upstream;
pub mod vault;
mod witnesses;

pub use bodies::FromLedger;
pub use caller::{Caller, Credentials};
pub use docket::AnswerError;
pub use gateway::{Gateway, GatewayOptions, Source, StartError};
pub use lens::Lens;
pub use operate::Operator;
pub use path::{Actor, Proposal};
pub use reading::Reading;
pub use record::{Report, Slip};
pub use redaction::Redaction;
pub use refusal::Refusal;
pub use vault::Vault;
