//! Which conversation a request belongs to.
//!
//! Clients that say it are believed for grouping, never for trust. For the others the conversation's
//! beginning names it: system text and first user text stay while a conversation grows.

use hyper::header::HeaderMap;
use jiff::Timestamp;
use plimsoll_bundle::Workflow;
use plimsoll_core::{Digest, Principal};
use plimsoll_wire::llm::{Request, Role};

use crate::context::Scope;

/// Headers that name a session, in order of preference.
const HEADERS: [&str; 4] = ["x-plimsoll-session", "x-claude-code-session-id", "session_id", "session-id"];
/// Characters of a session id a client may choose.
const SESSION_CHARS: usize = 128;

/// `prompt`: the reference to a released prompt that the request has instead of its text. It names the conversation as
/// the text would, and stays when the text becomes another in the next release.
pub(super) fn scope(
    headers: &HeaderMap,
    principal: &Principal,
    workflow: &Workflow,
    request: &Request<'_>,
    prompt: Option<Digest>,
) -> Scope {
    let said = said(headers);
    let derived = said.is_none();
    let session = said.unwrap_or_else(|| self::derived(principal, request, prompt));
    Scope::of(principal, &workflow.name, session, derived, Timestamp::now())
}

/// Whether nothing was answered in this conversation yet.
pub(super) fn begins(request: &Request<'_>) -> bool {
    let is_said = |role: Role| matches!(role, Role::System | Role::Developer | Role::User);
    request.pieces.iter().all(|piece| is_said(piece.role)) && request.prior_calls.is_empty()
}

fn said(headers: &HeaderMap) -> Option<String> {
    HEADERS.iter().find_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        let is_token =
            value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
        (is_token && (1..=SESSION_CHARS).contains(&value.len())).then(|| value.to_owned())
    })
}

fn derived(principal: &Principal, request: &Request<'_>, prompt: Option<Digest>) -> String {
    let first = |roles: &[Role]| {
        let piece = request.pieces.iter().find(|piece| roles.contains(&piece.role))?;
        Some(Digest::of(piece.text.as_bytes()).short())
    };
    let system = prompt.map(|prompt| prompt.short()).or_else(|| first(&[Role::System, Role::Developer]));
    let system = system.unwrap_or_default();
    let user = first(&[Role::User]).unwrap_or_default();
    let name = format!("{}|{}|{system}|{user}", principal.id, principal.requester());
    format!("s-{}", Digest::of(name.as_bytes()).short())
}
