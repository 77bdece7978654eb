//! How a value may be spelt, by its type, and where a spelling is a value of its own.

use memchr::memmem::Finder;
use plimsoll_core::ArgumentRole;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::bounds::{is_decimal, left_ends, right_ends};
use super::naming::{is_named_as_id, nouns};
use super::number::{Decimal, date_spellings};
use super::text::fold;
use crate::iban;

/// Identifiers shorter than this count only when they are written as one: `order 13`, `#13`.
pub(super) const SHORT_ID: usize = 5;

/// A value to look for.
#[derive(Debug)]
pub(super) struct Spelling {
    kind: Kind,
    /// The value, composed and trimmed.
    value: String,
    /// What to search for in folded texts. A hit is then judged by kind.
    pub(super) needles: Vec<Finder<'static>>,
    /// What the argument's name says the value is of: `order` in `order_id`.
    nouns: Vec<String>,
}

#[derive(Debug)]
enum Kind {
    Email,
    /// Without scheme, `www.` and trailing slash; the host in lower case.
    Url {
        core: String,
        host: usize,
        plain_http: bool,
    },
    Path,
    Identifier {
        short: bool,
    },
    /// Letters and digits that may be written with separators between them.
    Spaced {
        compact: String,
        phone: bool,
    },
    Number(Decimal),
    Date(Vec<String>),
    Text,
}

impl Spelling {
    pub(super) fn of(text: &str, role: ArgumentRole, pointer: &str) -> Self {
        let value: String = text.trim().nfc().collect();
        let kind = Kind::of(&value, role);
        let mut needles = match &kind {
            Kind::Url { core, .. } => vec![core.clone()],
            Kind::Spaced { compact, phone } => {
                vec![compact.chars().take(if *phone { 3 } else { 4 }).collect()]
            }
            Kind::Number(number) => number.needles(),
            Kind::Date(spellings) => spellings.clone(),
            Kind::Path => vec![value.trim_end_matches('/').to_owned()],
            Kind::Text => with_escapes(&value.split_whitespace().collect::<Vec<_>>().join(" ")),
            Kind::Email | Kind::Identifier { .. } => with_escapes(&value),
        };
        needles.retain(|needle| !needle.is_empty());
        let needles = needles.iter().map(|n| Finder::new(&fold(n.as_bytes())).into_owned()).collect();
        let name = pointer.rsplit('/').find(|part| !part.is_empty() && part.parse::<u32>().is_err());
        Self { kind, value, needles, nouns: nouns(name.unwrap_or_default()) }
    }

    /// Whether the hit at `at` of a free text is the whole value: `None` when it is not even a part.
    pub(super) fn stands_at(&self, exact: &str, folded: &[u8], at: usize) -> Option<bool> {
        match &self.kind {
            Kind::Number(number) => number.stands_at(exact, at),
            Kind::Spaced { compact, phone } => spaced_at(exact, at, compact, *phone),
            Kind::Url { core, host, plain_http } => Some(url_at(exact, folded, at, core, *host, *plain_http)),
            Kind::Date(spellings) => {
                let whole = |s: &String| {
                    folded[at..].starts_with(s.as_bytes())
                        && left_ends(exact, at, "-./_:")
                        && right_ends(exact, at + s.len(), "-_/:")
                };
                Some(spellings.iter().any(whole))
            }
            Kind::Email => Some(self.bounded(exact, folded, at, "._%+-@", "-_@")),
            Kind::Path => Some(self.bounded(exact, folded, at, "/\\._-~@%:", "-_/\\@%+~,")),
            Kind::Identifier { short } => {
                let whole = self.bounded(exact, folded, at, "-_./\\@%+~", "-_/\\@%+~=")
                    && !is_decimal(&exact[at..], self.value.len());
                Some(whole && (!short || is_named_as_id(&exact[..at], Some(&self.nouns))))
            }
            Kind::Text => Some(self.bounded(exact, folded, at, "_-@", "_-@")),
        }
    }

    fn bounded(&self, exact: &str, folded: &[u8], at: usize, left: &str, right: &str) -> bool {
        let Some(needle) = self.needles.first().map(Finder::needle) else { return false };
        let end = at + needle.len();
        let cased = matches!(self.kind, Kind::Path | Kind::Identifier { .. });
        folded[at..].starts_with(needle)
            && (!cased || exact.as_bytes().get(at..end) == self.value.as_bytes().get(..needle.len()))
            && left_ends(exact, at, left)
            && right_ends(exact, end, right)
    }

    /// Whether a field, all of it, is the value.
    pub(super) fn equals(&self, field: &str) -> bool {
        // No longer field can be this value, however it is spaced.
        if field.len() > self.value.len() * 4 + 64 {
            return false;
        }
        let field = field.trim();
        match &self.kind {
            Kind::Email => field.eq_ignore_ascii_case(&self.value),
            Kind::Url { core, plain_http, .. } => {
                let (other, _, other_plain) = url_core(field);
                other == *core && (!*plain_http || other_plain)
            }
            Kind::Path => field.trim_end_matches('/') == self.value.trim_end_matches('/'),
            Kind::Identifier { .. } => field == self.value,
            Kind::Spaced { compact, phone } => compacted(field, *phone).eq_ignore_ascii_case(compact),
            Kind::Number(number) => number.equals(field),
            Kind::Date(spellings) => spellings.contains(&field.to_ascii_lowercase()),
            Kind::Text => {
                let mut ours = self.value.split_whitespace();
                let mut theirs = field.split_whitespace();
                std::iter::from_fn(|| match (ours.next(), theirs.next()) {
                    (None, None) => None,
                    (a, b) => Some(a.zip(b).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))),
                })
                .all(|same| same)
            }
        }
    }

    /// Event 13 is not file 13: for a short identifier the field's name, or for a bare `id` the tool's,
    /// must name the same kind of thing as the argument does.
    pub(super) fn is_typed(&self, field: &str, source: &str) -> bool {
        if !matches!(self.kind, Kind::Identifier { short: true }) || self.nouns.is_empty() {
            return true;
        }
        let of = nouns(field);
        let of = if of.is_empty() { nouns(source) } else { of };
        self.nouns.iter().any(|noun| of.contains(noun))
    }

    /// Whether the whole value stands in a text that is not one of the spans.
    pub(super) fn stands_in(&self, text: &str) -> bool {
        let folded = fold(text.as_bytes());
        let mut hits = self.needles.iter().flat_map(|needle| needle.find_iter(&folded));
        hits.any(|at| self.stands_at(text, &folded, at) == Some(true))
    }
}

impl Kind {
    fn of(value: &str, role: ArgumentRole) -> Self {
        use ArgumentRole as Role;
        if role == Role::Amount
            && let Some(number) = Decimal::parse(value)
        {
            return Self::Number(number);
        }
        if let Some(spellings) = date_spellings(value) {
            return Self::Date(spellings);
        }
        if is_email(value) {
            return Self::Email;
        }
        if role == Role::Url || has_scheme(value) {
            let (core, host, plain_http) = url_core(value);
            return Self::Url { core, host, plain_http };
        }
        let account = compacted(value, false).to_ascii_uppercase();
        if iban::is_iban(account.as_bytes()) {
            return Self::Spaced { compact: account, phone: false };
        }
        let phone = compacted(value, true);
        if value.starts_with('+') && phone.len() >= 8 && phone[1..].bytes().all(|b| b.is_ascii_digit()) {
            return Self::Spaced { compact: phone, phone: true };
        }
        match role {
            Role::Path => Self::Path,
            Role::Identifier | Role::Account => Self::Identifier { short: value.chars().count() < SHORT_ID },
            Role::Credential => Self::Identifier { short: false },
            _ => Self::Text,
        }
    }
}

/// The role a value without a declared one is given, by its shape.
pub(super) fn suggested_role(value: &Value) -> ArgumentRole {
    let Value::String(text) = value else { return ArgumentRole::Amount };
    let text = text.trim();
    if is_email(text) {
        ArgumentRole::Recipient
    } else if has_scheme(text) {
        ArgumentRole::Url
    } else if iban::is_iban(compacted(text, false).to_ascii_uppercase().as_bytes()) {
        ArgumentRole::Account
    } else {
        ArgumentRole::Content
    }
}

/// The value, and as JSON texts may write it.
fn with_escapes(value: &str) -> Vec<String> {
    let mut spellings = vec![value.to_owned()];
    let json = Value::from(value).to_string();
    let json = json[1..json.len() - 1].to_owned();
    if !json.is_ascii() {
        let units =
            |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect::<String>();
        let ascii = json.chars().map(|c| if c.is_ascii() { c.to_string() } else { units(c) });
        spellings.push(ascii.collect());
    }
    if json != value {
        spellings.push(json);
    }
    spellings
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |s: &str, also: &str| s.chars().all(|c| c.is_alphanumeric() || also.contains(c));
    !local.is_empty()
        && domain.contains('.')
        && plain(local, "._%+-'")
        && plain(domain, ".-")
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

fn has_scheme(text: &str) -> bool {
    let starts = |p: &str| text.get(..p.len()).is_some_and(|s| s.eq_ignore_ascii_case(p));
    starts("http://") || starts("https://") || starts("www.")
}

/// A URL without what may differ, the length of its host, and whether it insists on plain HTTP.
fn url_core(url: &str) -> (String, usize, bool) {
    let strip = |text: &mut &str, prefix: &str| {
        let found = text.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
        if found {
            *text = &text[prefix.len()..];
        }
        found
    };
    let mut rest = url;
    let plain_http = !strip(&mut rest, "https://") && strip(&mut rest, "http://");
    strip(&mut rest, "www.");
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    (format!("{}{}", rest[..host].to_ascii_lowercase(), &rest[host..]), host, plain_http)
}

fn url_at(exact: &str, folded: &[u8], at: usize, core: &str, host: usize, plain_http: bool) -> bool {
    let end = at + core.len();
    // Hosts are the same in any case; what follows is not.
    if exact.as_bytes().get(at + host..end) != Some(&core.as_bytes()[host..]) {
        return false;
    }
    let start = if folded[..at].ends_with(b"www.") { at - 4 } else { at };
    let before = &folded[..start];
    let left = if let Some(secure) = before.strip_suffix(b"https://") {
        !plain_http && left_ends(exact, secure.len(), "-+.")
    } else if let Some(plain) = before.strip_suffix(b"http://") {
        left_ends(exact, plain.len(), "-+.")
    } else {
        left_ends(exact, start, "-._@/\\%+:~=&?#")
    };
    let end = end + usize::from(folded.get(end) == Some(&b'/'));
    left && right_ends(exact, end, "-_/\\@%+~=&#$,")
}

fn compacted(text: &str, phone: bool) -> String {
    text.chars().filter(|c| !is_separator(*c, phone)).collect()
}

fn is_separator(c: char, phone: bool) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '-') || (phone && matches!(c, '(' | ')' | '.' | '/'))
}

/// Follows the value through separators.
fn spaced_at(exact: &str, at: usize, compact: &str, phone: bool) -> Option<bool> {
    let mut wanted = compact.chars().peekable();
    let mut end = at;
    for c in exact[at..].chars() {
        match wanted.peek() {
            None => break,
            Some(next) if next.eq_ignore_ascii_case(&c) => {
                wanted.next();
            }
            Some(_) if is_separator(c, phone) => {}
            Some(_) => return None,
        }
        end += c.len_utf8();
    }
    if wanted.next().is_some() {
        return None;
    }
    let mut after = exact[end..].chars();
    let next = after.next();
    let goes_on = phone
        && next.is_some_and(|c| is_separator(c, phone))
        && after.next().is_some_and(|c| c.is_ascii_digit());
    Some(left_ends(exact, at, "+-_") && right_ends(exact, end, "-_") && !goes_on)
}
