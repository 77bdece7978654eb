//! Which conversation a request belongs to.
//!
//! Clients that say it are believed for grouping, never for trust. For the others the conversation's
//! beginning names it: system text and first user text stay while a conversation grows.

use hyper::header::HeaderMap;
use jiff::Timestamp;
use plimsoll_bundle::Workflow;
use plimsoll_core::{Digest, Principal, SpanKind};

use crate::context::{Scope, Shown};

/// Headers that name a session, in order of preference.
const HEADERS: [&str; 4] = ["x-plimsoll-session", "x-claude-code-session-id", "session_id", "session-id"];
/// Characters of a session id a client may choose.
const SESSION_CHARS: usize = 128;

pub(super) fn scope(
    headers: &HeaderMap,
    principal: &Principal,
    workflow: &Workflow,
    shown: &[Shown<'_>],
) -> Scope {
    let said = said(headers);
    let derived = said.is_none();
    let session = said.unwrap_or_else(|| self::derived(principal, shown));
    Scope::of(principal, &workflow.name, session, derived, Timestamp::now())
}

fn said(headers: &HeaderMap) -> Option<String> {
    HEADERS.iter().find_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        let is_token =
            value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
        (is_token && (1..=SESSION_CHARS).contains(&value.len())).then(|| value.to_owned())
    })
}

fn derived(principal: &Principal, shown: &[Shown<'_>]) -> String {
    let first = |kind: SpanKind| {
        let piece = shown.iter().find(|piece| piece.kind == kind)?;
        Some(Digest::of(piece.text.as_bytes()).short())
    };
    let system = first(SpanKind::System).unwrap_or_default();
    let user = first(SpanKind::User).unwrap_or_default();
    let name = format!("{}|{}|{system}|{user}", principal.id, principal.requester());
    format!("s-{}", Digest::of(name.as_bytes()).short())
}
