//! Telling the record to an OpenTelemetry collector while it is made: OTLP over HTTP, in JSON.
//!
//! What waits to be sent waits in the ledger, where it is anyway: the sender follows it at its own pace, and no act
//! ever waits for a collector. One that falls behind by more than [`TELEMETRY_LAG_MAX`] entries passes over the oldest,
//! and says so in `/metrics`. Sending begins with what is recorded after the start; `plimsoll export --otlp` has the
//! rest.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use plimsoll_bundle::Otlp;
use plimsoll_export::otel::Batch;
use plimsoll_export::{Acts, Include, Numbered, Source};
use plimsoll_ledger::Seq;
use serde_json::Value;
use tokio::sync::watch;

use crate::gateway::Gateway;
use crate::upstream::http::{chain, collect};

/// Entries that may wait for a collector; the oldest beyond it are not sent.
pub const TELEMETRY_LAG_MAX: u64 = 100_000;
/// Entries in one request.
pub const TELEMETRY_BATCH: usize = 512;
/// Milliseconds that entries are left to gather before they are sent.
pub const TELEMETRY_WAIT_MS: u64 = 1_000;
/// Seconds that a collector gets to answer.
pub const TELEMETRY_TIMEOUT_S: u64 = 10;
/// Seconds before a request is sent again: doubled each time, up to this.
pub const TELEMETRY_RETRY_MAX_S: u64 = 30;
/// Bytes of a collector's answer that are read.
pub const TELEMETRY_ANSWER_BYTES: usize = 64 << 10;

/// How a request went.
enum Sent {
    Taken,
    /// It may be taken later.
    NotNow(String),
    /// It never will be.
    Never(String),
}

/// The sender.
struct Sender {
    gateway: Arc<Gateway>,
    otlp: Otlp,
    source: Source,
    acts: Acts,
    next: u64,
    failing: bool,
}

impl Gateway {
    /// Sends what is recorded from now on to the collector that the live release names, until `stop` changes. When
    /// another release is live, it goes on with what that one names.
    pub async fn keep_telemetry(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let mut changed = self.changed.subscribe();
        loop {
            let live = self.bundle();
            let (over, ended) = watch::channel(false);
            let sending = tokio::spawn(Arc::clone(&self).send_telemetry(Arc::clone(&live), ended));
            let mut stopping = stop.clone();
            let stopped = loop {
                tokio::select! {
                    _ = stopping.changed() => break true,
                    moved = changed.changed() => match moved {
                        Ok(()) if self.bundle().id == live.id => {}
                        Ok(()) => break false,
                        Err(_) => break true,
                    },
                }
            };
            let _nobody_sends = over.send(true);
            if sending.await.is_err() || stopped {
                return;
            }
        }
    }

    /// Sends to the collector of one release. Returns at once where it names none.
    async fn send_telemetry(
        self: Arc<Self>,
        bundle: Arc<plimsoll_bundle::Bundle>,
        stop: watch::Receiver<bool>,
    ) {
        let Some(otlp) = bundle.project.telemetry.clone() else { return };
        let include = Include { identity: otlp.identity, arguments: otlp.arguments, content: otlp.content };
        let source = Source {
            instance: bundle.project.name.clone(),
            environment: bundle.project.environment.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            include,
        };
        let next = self.ledger.size();
        let sender = Sender { gateway: self, otlp, source, acts: Acts::default(), next, failing: false };
        sender.follow(stop).await;
    }
}

impl Sender {
    async fn follow(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let stopping = tokio::select! {
                _ = self.gateway.ledger.grown_beyond(self.next) => false,
                _ = stop.changed() => true,
            };
            if stopping {
                return self.end().await;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(TELEMETRY_WAIT_MS)) => {}
                _ = stop.changed() => return self.end().await,
            }
            self.skip();
            let Some((batch, entries)) = self.batch().await else { continue };
            let mut wait = 1;
            while !self.send(&batch, entries).await {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_secs(wait)) => {}
                    _ = stop.changed() => {
                        let _tried_once_more = self.send(&batch, entries).await;
                        return self.end().await;
                    }
                }
                wait = (wait * 2).min(TELEMETRY_RETRY_MAX_S);
            }
        }
    }

    /// Sends what is left, once.
    async fn end(&mut self) {
        while self.next < self.gateway.ledger.size() {
            let Some((batch, entries)) = self.batch().await else { break };
            if !self.send(&batch, entries).await {
                let left = self.gateway.ledger.size() - self.next + entries;
                self.gateway.metrics.telemetry_dropped.inc_by(left);
                return;
            }
        }
        let mut batch = Batch::default();
        self.acts.rest().iter().for_each(|told| batch.add(told, &self.source));
        if !batch.is_empty() {
            let _last_words = self.send(&batch, 0).await;
        }
    }

    /// Passes over what has waited too long.
    fn skip(&mut self) {
        let behind = self.gateway.ledger.size().saturating_sub(self.next);
        let over = behind.saturating_sub(TELEMETRY_LAG_MAX);
        if over > 0 {
            tracing::warn!(entries = over, "the collector is too slow; entries are not sent to it");
            self.gateway.metrics.telemetry_dropped.inc_by(over);
            self.next += over;
        }
    }

    /// The next entries, as what is told of them, and how many they are.
    async fn batch(&mut self) -> Option<(Batch, u64)> {
        let (reader, next) = (self.gateway.ledger.reader(), self.next);
        // Opened whole: what goes out of it is said by `include`, and the names of models are among what always does.
        let vault = self.gateway.vault.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut entries = Vec::new();
            for record in reader.iter_from(Seq(next)).take(TELEMETRY_BATCH) {
                let record = record?;
                let entry = vault.open_all(&record).ok().map(|opening| opening.entry);
                entries.push((record.seq.0, entry));
            }
            Ok::<_, plimsoll_ledger::LedgerError>(entries)
        });
        let entries = match read.await {
            Ok(Ok(entries)) => entries,
            Ok(Err(error)) => {
                tracing::error!(%error, "the ledger can't be read for the collector");
                tokio::time::sleep(Duration::from_secs(1)).await;
                return None;
            }
            Err(_) => return None,
        };
        let count = entries.len() as u64;
        let mut batch = Batch::default();
        for (seq, entry) in entries {
            self.next = seq + 1;
            // One that this version can't read says nothing to others either.
            let Some(entry) = entry else { continue };
            for told in self.acts.push(Numbered { seq, entry }) {
                batch.add(&told, &self.source);
            }
        }
        (count > 0).then_some((batch, count))
    }

    /// Whether a batch need not be sent again.
    async fn send(&mut self, batch: &Batch, entries: u64) -> bool {
        let gateway = Arc::clone(&self.gateway);
        let requests = [("/v1/traces", batch.traces(&self.source)), ("/v1/logs", batch.logs(&self.source))];
        for (path, request) in requests {
            let Some(request) = request else { continue };
            match self.post(path, &request).await {
                Sent::Taken => {}
                Sent::NotNow(why) => {
                    if !self.failing {
                        tracing::warn!(
                            why,
                            endpoint = self.otlp.endpoint,
                            "the collector takes nothing; it is tried again"
                        );
                        self.failing = true;
                    }
                    return false;
                }
                Sent::Never(why) => {
                    tracing::error!(
                        why,
                        endpoint = self.otlp.endpoint,
                        "the collector refuses what it is sent"
                    );
                    gateway.metrics.telemetry_dropped.inc_by(entries);
                    return true;
                }
            }
        }
        self.failing = false;
        gateway.metrics.telemetry_sent.inc_by(entries);
        true
    }

    async fn post(&self, path: &str, body: &Value) -> Sent {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.otlp.endpoint))
            .header("content-type", "application/json");
        for (name, value) in &self.otlp.headers {
            request = request.header(name, value.reveal());
        }
        let request = match request.body(Full::new(Bytes::from(body.to_string()))) {
            Ok(request) => request,
            Err(error) => return Sent::Never(error.to_string()),
        };
        let answer = match self.gateway.http.send("collector", request, TELEMETRY_TIMEOUT_S).await {
            Ok(answer) => answer,
            Err(error) => return Sent::NotNow(chain(&error)),
        };
        let status = answer.status();
        let read = collect("collector", answer.into_body(), TELEMETRY_ANSWER_BYTES, TELEMETRY_TIMEOUT_S);
        let _only_to_keep_the_connection = read.await;
        match status.as_u16() {
            200..=299 => Sent::Taken,
            // OTLP/HTTP, "Failures": these may be tried again.
            429 | 502..=504 => Sent::NotNow(format!("status {status}")),
            _ => Sent::Never(format!("status {status}")),
        }
    }
}
