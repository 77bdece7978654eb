//! What the free text of an act carries.
//!
//! *The recipient was named by the user, and the text sends Eve's link and the user's passport number.*
//! Origins say whom an act reaches; this says what it takes along: links, addresses and account numbers
//! that no trusted text holds ([`links`]), values of sensitive fields ([`sensitive`]), and other words
//! than those the user dictated ([`dictation`]).
//!
//! These are facts for rules that lower a risk. They are no boundary: a paraphrase, a picture or a cipher
//! passes them.

mod dictation;
mod links;
mod sensitive;
mod template;
#[cfg(test)]
mod tests;

pub(crate) use self::sensitive::Sensitive;
use plimsoll_core::{ArgumentOrigin, ArgumentRole, Integrity, Meaning, Payload};
use serde_json::Value;

use crate::intent::Asking;
use crate::redact::Redactor;
use crate::trace::{PREVIEW_MAX, Prepared};

/// Links, addresses and numbers that are looked for in one act; any further one is foreign.
const FOREIGN_MAX: usize = 128;

/// One text among the arguments.
#[derive(Debug)]
pub(crate) struct FreeText<'a> {
    /// The last name of its pointer.
    name: &'a str,
    role: ArgumentRole,
    text: &'a str,
    /// It stands whole in what the user, the operator or a trusted system wrote.
    known: bool,
}

/// What the free texts among these arguments carry. The origins are those of the same arguments.
pub(crate) fn payload(
    prepared: &Prepared<'_>,
    arguments: &Value,
    origins: &[ArgumentOrigin],
    meaning: Option<&Meaning>,
    redactor: &Redactor,
) -> Payload {
    let texts: Vec<FreeText<'_>> = origins.iter().filter_map(|origin| free_text(arguments, origin)).collect();
    let classes = sensitive::classes(prepared.sensitive(), texts.iter().map(|text| text.text));
    let undictated = meaning.is_some_and(|meaning| {
        let asking = || Asking::of(meaning);
        dictation::is_undictated(prepared, &texts, asking)
    });
    Payload { foreign: foreign(prepared, &texts, redactor), classes, undictated }
}

fn free_text<'a>(arguments: &'a Value, origin: &'a ArgumentOrigin) -> Option<FreeText<'a>> {
    use ArgumentRole as Role;
    if !matches!(origin.role, Role::Content | Role::Query | Role::Code | Role::Url) {
        return None;
    }
    let text = arguments.pointer(&origin.argument)?.as_str()?;
    let named = |part: &&str| !part.is_empty() && part.parse::<u32>().is_err();
    let name = origin.argument.rsplit('/').find(named).unwrap_or_default();
    Some(FreeText { name, role: origin.role, text, known: origin.integrity >= Integrity::Trusted })
}

/// What no trusted text holds, redacted.
fn foreign(prepared: &Prepared<'_>, texts: &[FreeText<'_>], redactor: &Redactor) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let free = texts.iter().filter(|text| text.role != ArgumentRole::Url && !text.known);
    for (index, (value, role)) in free.flat_map(|text| links::reaching(text.text)).enumerate() {
        let known = index < FOREIGN_MAX
            && (prepared.is_trusted(value, role) || is_users_domain(prepared, value, role));
        let shown = if known { continue } else { redactor.preview(value, PREVIEW_MAX) };
        if !found.contains(&shown) {
            found.push(shown);
        }
        if index >= FOREIGN_MAX {
            break;
        }
    }
    found
}

/// The domain alone of an address that the user wrote.
fn is_users_domain(prepared: &Prepared<'_>, link: &str, role: ArgumentRole) -> bool {
    let domain = format!("@{}", link.strip_prefix("www.").unwrap_or(link).to_ascii_lowercase());
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '.');
    role == ArgumentRole::Url
        && prepared.user_texts().any(|(_, text)| {
            let text = text.to_ascii_lowercase();
            text.match_indices(&domain).any(|(at, _)| {
                let rest = &text[at + domain.len()..];
                ends(rest)
                    || rest.strip_prefix('.').is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
            })
        })
}
