//! The mock model: a server that speaks the protocols of real model providers and answers by rule.
//!
//! The model's *name* chooses the behaviour (see [`Personality`]), so that any client can be steered from where it
//! already names a model. Nothing is random: the same conversation gets the same answer, apart from ids. It asks for
//! no key, but records the credential it was shown, so a test can assert which one arrived.
//!
//! Usage numbers are computed from the text: a token is four bytes of UTF-8, rounded up. The prompt counts every turn
//! and every offered tool's declaration; the completion counts the answer's text and the arguments of its calls.

mod answer;
mod brain;
mod chat;
mod conversation;
mod delivery;
mod dialect;
mod directive;
mod embeddings;
mod messages;
mod personality;
mod record;
mod responses;
mod server;
mod support;
mod support_text;

pub use personality::{PERSONALITIES, Personality};
pub use record::Seen;
pub use server::{MockHandle, MockOptions, serve, spawn};
