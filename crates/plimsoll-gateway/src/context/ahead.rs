//! A long context, read while the model thinks: when the answer comes, its calls need only be traced and decided.

use std::borrow::Cow;
use std::sync::Arc;

use plimsoll_bundle::Bundle;
use plimsoll_core::Digest;
use plimsoll_inspect::trace::{Findings, Prepared};

use super::{CallOf, Context, Ready};

/// Bytes of a context from which on it is read ahead. A shorter one is read in the time that handing it on would take.
pub const AHEAD_MIN: usize = 16 << 10;

/// A context with what was found out about it.
#[derive(Debug)]
pub struct Ahead {
    context: Arc<Context<'static>>,
    /// The release by which it was read: what its results mean.
    release: Digest,
    findings: Findings,
}

impl Ahead {
    pub fn read(context: Arc<Context<'static>>, bundle: &Bundle, ready: &Ready) -> Self {
        ready.make(context.unready(bundle, ready));
        let findings = context.prepare_with(bundle, ready).settle();
        Self { context, release: bundle.id, findings }
    }

    pub fn context(&self) -> &Context<'static> {
        &self.context
    }

    /// Ready for tracing the answer's calls; `None` for another release than the one that it was read by.
    pub fn prepare<'b>(&'b self, bundle: &'b Bundle) -> Option<Prepared<'b>> {
        let same = bundle.id == self.release;
        same.then(|| Prepared::again(&self.context.traced(bundle), &self.findings))
    }
}

impl Context<'_> {
    /// Whether it takes long enough to be read ahead.
    pub fn is_long(&self) -> bool {
        self.texts.iter().map(|text| text.len()).sum::<usize>() >= AHEAD_MIN
    }

    /// The same with texts of its own.
    pub fn into_owned(self) -> Context<'static> {
        let text = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let call = |call: CallOf<'_>| match call {
            CallOf::Unknown => CallOf::Unknown,
            CallOf::Said(said) => CallOf::Said(text(said)),
            CallOf::Known(call) => CallOf::Known(Arc::clone(&call)),
        };
        Context {
            spans: self.spans,
            texts: self.texts.into_iter().map(text).collect(),
            trajectory: self.trajectory,
            calls: self.calls.into_iter().map(call).collect(),
            arguments: self.arguments,
        }
    }
}
