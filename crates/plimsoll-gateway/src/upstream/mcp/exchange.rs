//! What comes back for one request, readdressed to who asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_wire::json::{Edit, Limits, OwnedDoc, parse};
use plimsoll_wire::jsonrpc::{self, Body, Frame, Id};
use plimsoll_wire::mcp::{Era, meta, translate};

use super::super::UpstreamError;
use super::http::Replies;
use super::link::{Link, reframed};

/// How often a stream that broke off is taken up again while one request runs.
pub const RESUMES_MAX: u32 = 8;

/// A message of a server.
#[derive(Debug)]
pub enum Coming {
    /// The end: an answer in the client's era, under the client's id.
    Answer(OwnedDoc),
    Notice(OwnedDoc),
    /// The server wants something from the client before it goes on (sessions era).
    Ask(OwnedDoc),
}

/// One request in flight.
#[derive(Debug)]
pub struct Exchange {
    link: Arc<Link>,
    replies: Replies,
    client_id: Id,
    /// What the server knows the request as.
    pub upstream_id: Id,
    era: Era,
    method: String,
    heard: bool,
    resumed: u32,
    answered: bool,
}

impl Exchange {
    pub(super) fn new(link: Arc<Link>, replies: Replies, ids: (Id, Id), era: Era, method: String) -> Self {
        let (client_id, upstream_id) = ids;
        Self { link, replies, client_id, upstream_id, era, method, heard: false, resumed: 0, answered: false }
    }

    /// The HTTP status that the answer came with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.replies.status
    }

    /// Whether the server answers with a stream.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        self.replies.is_stream()
    }

    #[must_use]
    pub const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The next message.
    ///
    /// # Errors
    /// When the server breaks off, stalls, or says something that can't be read. Nothing follows then.
    pub async fn next(&mut self) -> Result<Coming, UpstreamError> {
        let bounds = self.link.bounds;
        let seconds = if self.heard { bounds.idle_timeout_s } else { bounds.upstream_timeout_s };
        // A subscription is quiet for as long as nothing changes.
        let patience = (self.method != "subscriptions/listen").then(|| Duration::from_secs(seconds));
        let doc = loop {
            let ended = match self.replies.next(self.link.name(), &bounds, patience).await {
                Ok(Some(doc)) => break doc,
                Ok(None) => self.link.broken(),
                Err(error @ UpstreamError::Broken { .. }) => error,
                Err(error) => return Err(error),
            };
            let Some(mark) = self.replies.mark().filter(|_| self.resumed < RESUMES_MAX) else {
                return Err(ended);
            };
            self.resumed += 1;
            match Box::pin(self.link.resume(&mark)).await {
                Ok(Some(replies)) => self.replies = replies,
                Ok(None) | Err(_) => return Err(ended),
            }
        };
        self.heard = true;
        self.answered = Frame::read(doc.root()).is_ok_and(|frame| frame.is_answer());
        let garbage = |why: &dyn std::fmt::Display| UpstreamError::Garbage {
            name: self.link.name().to_owned(),
            why: why.to_string(),
        };
        let frame = Frame::read(doc.root()).map_err(|error| garbage(&error))?;
        match &frame.body {
            Body::Request { .. } => Ok(Coming::Ask(doc)),
            Body::Notification { method, params } => {
                self.link.heard(method);
                let subscription = params.and_then(|params| params.get("_meta")?.get(meta::SUBSCRIPTION_ID));
                match subscription.filter(|id| {
                    self.upstream_id != self.client_id && Id::read(*id).as_ref() == Some(&self.upstream_id)
                }) {
                    None => Ok(Coming::Notice(doc)),
                    Some(subscription) => {
                        let mut edit = Edit::new(doc.doc());
                        edit.replace(subscription, self.client_id.to_json());
                        own(edit.apply())
                            .map(Coming::Notice)
                            .ok_or_else(|| garbage(&"a notification that can't be readdressed"))
                    }
                }
            }
            Body::Result { id, .. } | Body::Error { id: Some(id), .. } if *id != self.upstream_id => {
                Err(garbage(&format!("an answer to {id}, which was not asked")))
            }
            Body::Error { id: None, error } => {
                let data = error.data.map(plimsoll_wire::json::Ref::raw_str);
                let text = jsonrpc::error(Some(&self.client_id), error.code, &error.message, data);
                own(text).map(Coming::Answer).ok_or_else(|| garbage(&"an error without an id"))
            }
            Body::Result { .. } | Body::Error { .. } => {
                let addressed = self.addressed(&frame);
                match addressed {
                    None => Ok(Coming::Answer(doc)),
                    Some(text) => own(text)
                        .map(Coming::Answer)
                        .ok_or_else(|| garbage(&"an answer that can't be readdressed")),
                }
            }
        }
    }

    /// The answer in the client's era and under its id; `None` where it is so already.
    fn addressed(&self, frame: &Frame<'_>) -> Option<Vec<u8>> {
        let translated = match (self.link.era(), self.era) {
            (Era::Sessions, Era::Stateless) => Some(translate::answer_to_stateless(frame, &self.method)),
            (Era::Stateless, Era::Sessions) => Some(translate::answer_to_session(frame)),
            _ => None,
        };
        if self.upstream_id == self.client_id {
            return translated;
        }
        match translated {
            None => Some(translate::with_id(frame, &self.client_id)),
            Some(text) => reframed(&text, |frame| translate::with_id(frame, &self.client_id)),
        }
    }
}

impl Drop for Exchange {
    /// Whoever stops waiting tells the server, where there is a way to. Over HTTP in the stateless era, closing the
    /// stream says it.
    fn drop(&mut self) {
        self.link.forget(&self.upstream_id);
        let has_words = self.link.is_child() || self.link.era() == Era::Sessions;
        let Some(runtime) =
            tokio::runtime::Handle::try_current().ok().filter(|_| has_words && !self.answered)
        else {
            return;
        };
        let params = format!(
            r#"{{"requestId":{},"reason":"nobody waits for it any more"}}"#,
            self.upstream_id.to_json()
        );
        let text = jsonrpc::notification("notifications/cancelled", Some(&params));
        let link = Arc::clone(&self.link);
        runtime.spawn(async move {
            if let Err(error) = link.tell(text).await {
                tracing::debug!(server = link.name(), %error, "a server could not be told that nobody waits");
            }
        });
    }
}

fn own(text: Vec<u8>) -> Option<OwnedDoc> {
    parse(Bytes::from(text), &Limits { bytes: usize::MAX, ..Limits::DEFAULT }).ok()
}

/// The stream of what belongs to no request.
#[derive(Debug)]
pub struct Listening {
    link: Arc<Link>,
    replies: Replies,
}

impl Listening {
    pub(super) const fn new(link: Arc<Link>, replies: Replies) -> Self {
        Self { link, replies }
    }

    #[must_use]
    pub const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The next message; `None` when the stream is over.
    pub async fn next(&mut self) -> Option<Coming> {
        loop {
            let doc = match self.replies.next(self.link.name(), &self.link.bounds, None).await {
                Ok(Some(doc)) => doc,
                Ok(None) => return None,
                Err(error) => {
                    tracing::debug!(server = self.link.name(), %error, "a server's stream broke");
                    return None;
                }
            };
            let (ask, method) = match Frame::read(doc.root()).map(|frame| frame.body) {
                Ok(Body::Request { .. }) => (true, String::new()),
                Ok(Body::Notification { method, .. }) => (false, method.into_owned()),
                // Answers have no place here.
                Ok(Body::Result { .. } | Body::Error { .. }) | Err(_) => continue,
            };
            if ask {
                return Some(Coming::Ask(doc));
            }
            self.link.heard(&method);
            return Some(Coming::Notice(doc));
        }
    }
}

impl Link {
    /// Takes note of what changes our own picture of the server.
    fn heard(&self, method: &str) {
        if method == "notifications/tools/list_changed" {
            self.changed.store(true, Ordering::Release);
        }
    }
}
