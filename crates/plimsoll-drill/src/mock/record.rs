//! What the mock remembers of the requests it saw, so that a test can ask.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use serde_json::Value;

use crate::net::header_text;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    /// Every header, in order, names in lower case; values that aren't text are left out.
    pub headers: Vec<(String, String)>,
    pub authorization: Option<String>,
    pub api_key: Option<String>,
    /// The body as bytes, for tests that compare them.
    pub bytes: Bytes,
}

impl Seen {
    pub(crate) fn of(parts: &Parts, bytes: Bytes) -> Self {
        let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            value.to_str().ok().map(|value| (name.as_str().to_owned(), value.to_owned()))
        };
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: parts.headers.iter().filter_map(text).collect(),
            authorization: header_text(&parts.headers, "authorization").map(str::to_owned),
            api_key: header_text(&parts.headers, "x-api-key").map(str::to_owned),
            bytes,
        }
    }

    /// The body as JSON, or null.
    #[must_use]
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// The last requests, and how many there were in all.
#[derive(Debug)]
pub(crate) struct Record {
    keep: usize,
    kept: Mutex<VecDeque<Seen>>,
    count: AtomicU64,
}

impl Record {
    pub(crate) fn keeping(keep: usize) -> Self {
        Self { keep, kept: Mutex::default(), count: AtomicU64::new(0) }
    }

    pub(crate) fn add(&self, seen: impl FnOnce() -> Seen) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if self.keep == 0 {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == self.keep {
            kept.pop_front();
        }
        kept.push_back(seen());
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn kept(&self) -> Vec<Seen> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
