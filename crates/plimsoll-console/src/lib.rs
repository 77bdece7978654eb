//! The console: HTML for people, and the admin API for programs.
//!
//! It alone knows: pages, forms, browser log-ins, and the routes of the admin listener. It has never
//! heard of: models, tool servers, or how anything is decided. Every deed here is a verb of the
//! [`Gateway`], done by a named [`Operator`](plimsoll_gateway::Operator).
//!
//! What the pages show was written by strangers: prompts, mails, tool results. So there is no script at
//! all, the templates escape everything, characters that can't be seen are spelled out, and the
//! security policy of each answer allows nothing but our own style sheet and our own forms.
//!
//! [`chain`] is how one session, act or request reads from top to bottom. The command line uses it too.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

mod api;
pub mod chain;
mod edge;
mod listener;
mod logins;
mod pages;
pub mod question;
pub mod release_words;
mod routes;
mod scope;
mod style;
pub mod words;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use plimsoll_gateway::{Gateway, Reading};

pub use listener::{DRAIN_S, HEAD_TIMEOUT_S, serve};
pub use routes::{Auth, Needs, ROUTES, Route};

use logins::Logins;

/// What every page and every route can reach.
#[derive(Debug)]
pub(crate) struct Console {
    pub gateway: Arc<Gateway>,
    pub logins: Logins,
    /// Where this listener is bound: one of the names it is served by.
    pub local: SocketAddr,
}

impl Console {
    /// Writes down what somebody is about to be shown of what is sealed. Nothing is shown that is not on record.
    pub(crate) async fn shown(
        &self,
        reading: &Reading,
        person: &str,
        through: &str,
        what: &str,
    ) -> Result<(), api::ApiError> {
        let recorded = self.gateway.record_reading(reading, person, through, what, "").await;
        recorded.map_err(|error| {
            let message = format!("this reading can't be recorded, so nothing is shown: {error}");
            api::ApiError::of(plimsoll_core::Code::RecordFailed, message)
        })
    }
}
