//! How a value may be spelt, by its type, and where a spelling is a value of its own.

use std::cell::OnceCell;

use memchr::memmem::Finder;
use plimsoll_core::ArgumentRole;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::bounds::{is_decimal, left_ends, right_ends};
use super::grams::{Asked, Grams};
use super::naming::{is_named_as_id, nouns};
use super::number::{Amount, NUMBER_MAX, date_spellings};
use super::text::fold;
use super::url::{Url, has_scheme};
use super::words::is_filler;
use crate::iban;

/// Identifiers shorter than this count only when they are written as one: `order 13`, `#13`.
pub(super) const SHORT_ID: usize = 5;

/// Words shorter than this are no parts of others.
const SHORT_TEXT: usize = 3;

/// A value to look for.
#[derive(Debug)]
pub(super) struct Spelling {
    kind: Kind,
    /// The value, composed and trimmed.
    value: String,
    /// What to search for in folded texts. A hit is then judged by kind.
    pub(super) needles: Vec<Needle>,
    /// What the argument's name says the value is of: `order` in `order_id`.
    nouns: Vec<String>,
    /// It stands for something only when it is quoted: it is made of words that stand in any text.
    filler: bool,
    /// Somebody will put another value in its place.
    template: bool,
}

/// Something to search for.
#[derive(Debug)]
pub(super) struct Needle {
    folded: Vec<u8>,
    /// What a text must have.
    pub(super) asked: Asked,
    finder: OnceCell<Finder<'static>>,
}

#[derive(Debug)]
enum Kind {
    Email,
    Url(Url),
    Path,
    Identifier {
        short: bool,
    },
    /// Letters and digits that may be written with separators between them.
    Spaced {
        compact: String,
        phone: bool,
    },
    Number(Amount),
    Date(Vec<String>),
    Text,
}

impl Spelling {
    pub(super) fn of(text: &str, role: ArgumentRole, pointer: &str) -> Self {
        let value = address(text.trim(), role);
        let value: String = if value.is_ascii() { value.to_owned() } else { value.nfc().collect() };
        let kind = Kind::of(&value, role);
        let mut needles = match &kind {
            Kind::Url(url) => url.needles(),
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
        let needles = needles.iter().map(|needle| kind.needle(&value, fold(needle.as_bytes()))).collect();
        let name = pointer.rsplit('/').find(|part| !part.is_empty() && part.parse::<u32>().is_err());
        let filler = matches!(kind, Kind::Text) && role.aims() && is_filler(&value);
        let template = TEMPLATES.iter().any(|mark| value.contains(mark));
        Self { kind, value, needles, nouns: nouns(name.unwrap_or_default()), filler, template }
    }

    /// Whether a hit can be more than a stroke of luck: `12` is no part of `2012`, `a1` none of `data17` and `r` none of
    /// `read`. Such short values would be found in every text.
    pub(super) fn may_stand(&self, folded: &[u8], at: usize, len: usize) -> bool {
        let mut before = folded.get(..at).unwrap_or_default().iter().rev();
        let after = folded.get(at + len);
        match &self.kind {
            Kind::Number(number) => {
                let more = |b: &u8| b.is_ascii_digit() && !(number.has_fraction() && *b == b'0');
                let mut digits = before.take(NUMBER_MAX).take_while(|b| b.is_ascii_digit());
                digits.all(|b| *b == b'0') && !after.is_some_and(more)
            }
            _ if self.kind.is_short(&self.value) => {
                let joined = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
                !joined(before.next()) && !joined(after)
            }
            _ => true,
        }
    }

    /// Whether the hit at `at` of a free text is the whole value: `None` when it is not even a part.
    pub(super) fn stands_at(&self, exact: &str, folded: &[u8], at: usize) -> Option<bool> {
        let whole = self.judge(exact, folded, at)?;
        let quoted = || is_quoted(exact, at, self.needles.first().map_or(0, Needle::len));
        Some(whole && !self.template && (!self.filler || quoted()))
    }

    fn judge(&self, exact: &str, folded: &[u8], at: usize) -> Option<bool> {
        match &self.kind {
            Kind::Number(number) => number.stands_at(exact, at),
            Kind::Spaced { compact, phone } => spaced_at(exact, at, compact, *phone),
            Kind::Url(url) => Some(url.stands_at(exact, folded, at)),
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
        let Some(needle) = self.needles.first().map(|needle| &*needle.folded) else { return false };
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
        if field.len() > self.value.len() * 4 + 64 || self.template {
            return false;
        }
        let field = field.trim();
        if field == self.value {
            return true;
        }
        match &self.kind {
            Kind::Email => address(field, ArgumentRole::Recipient).eq_ignore_ascii_case(&self.value),
            Kind::Url(url) => url.is(field),
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

    /// Whether a text may hold the whole value.
    pub(super) fn may_be_in(&self, text: &Grams) -> bool {
        self.needles.iter().any(|needle| needle.asked.may_be_in(text.bits()))
    }

    /// Whether the whole value stands in a text that is not one of the spans.
    pub(super) fn stands_in(&self, text: &str) -> bool {
        let folded = fold(text.as_bytes());
        let mut hits = self.needles.iter().flat_map(|needle| needle.finder().find_iter(&folded));
        hits.any(|at| self.stands_at(text, &folded, at) == Some(true))
    }
}

impl Needle {
    pub(super) fn len(&self) -> usize {
        self.folded.len()
    }

    pub(super) fn is_at(&self, folded: &[u8], at: usize) -> bool {
        folded.get(at..).is_some_and(|here| here.starts_with(&self.folded))
    }

    /// Tells each place; what `keep` does not take may overlap with the next one.
    pub(super) fn search(&self, folded: &[u8], mut keep: impl FnMut(usize) -> bool) {
        let mut from = 0;
        while let Some(found) = self.finder().find(&folded[from..]) {
            let at = from + found;
            from = at + if keep(at) { self.len() } else { 1 };
        }
    }

    /// Made when the first text may have it: most names stand nowhere.
    pub(super) fn finder(&self) -> &Finder<'static> {
        self.finder.get_or_init(|| Finder::new(&self.folded).into_owned())
    }
}

impl Kind {
    /// So short that it stands in nearly every text as a part of something.
    fn is_short(&self, value: &str) -> bool {
        match self {
            Self::Identifier { short } => *short,
            Self::Text => value.len() < SHORT_TEXT,
            _ => false,
        }
    }

    /// What [`Spelling::may_stand`] lets pass, a text must have.
    fn needle(&self, value: &str, folded: Vec<u8>) -> Needle {
        let asked = match self {
            Self::Number(number) => Asked::as_number(&folded, number.has_fraction()),
            _ if self.is_short(value) => Asked::as_word(&folded),
            _ => Asked::anywhere(&folded),
        };
        Needle { folded, asked, finder: OnceCell::new() }
    }

    fn of(value: &str, role: ArgumentRole) -> Self {
        use ArgumentRole as Role;
        if role == Role::Amount
            && let Some(number) = Amount::parse(value)
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
            return Self::Url(Url::of(value));
        }
        if let Some(account) = iban(value) {
            return Self::Spaced { compact: account, phone: false };
        }
        if let Some(phone) = phone(value) {
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

/// Marks of something that is filled in later, by whoever reads the value next.
const TEMPLATES: [&str; 5] = ["{{", "}}", "${", "{%", "<%"];

/// The address in `Bob <bob@example.com>` and `mailto:bob@example.com`: it alone decides where mail goes.
fn address(text: &str, role: ArgumentRole) -> &str {
    if !matches!(role, ArgumentRole::Recipient | ArgumentRole::Content) {
        return text;
    }
    let inner = text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')).map(|(_, inner)| inner);
    let inner = inner.or_else(|| text.strip_prefix("mailto:"));
    inner.map(str::trim).filter(|inner| is_email(inner)).unwrap_or(text)
}

/// Whether what stands at a place of a text stands in quotes.
pub(super) fn is_quoted(text: &str, at: usize, len: usize) -> bool {
    const QUOTES: [&str; 7] =
        ["''", "\"\"", "``", "\u{201c}\u{201d}", "\u{2018}\u{2019}", "\u{ab}\u{bb}", "\u{201e}\u{201c}"];
    let (Some(before), Some(after)) = (text.get(..at), text.get(at + len..)) else { return false };
    let marks = before.chars().next_back().zip(after.chars().next());
    marks.is_some_and(|(open, close)| QUOTES.iter().any(|pair| pair.chars().eq([open, close])))
}

/// The role a value without a declared one is given, by its shape.
pub(super) fn suggested_role(value: &Value) -> ArgumentRole {
    let Value::String(text) = value else { return ArgumentRole::Amount };
    let text = text.trim();
    if is_email(text) {
        ArgumentRole::Recipient
    } else if has_scheme(text) {
        ArgumentRole::Url
    } else if iban(text).is_some() {
        ArgumentRole::Account
    } else {
        ArgumentRole::Content
    }
}

/// The value, and as JSON texts may write it.
fn with_escapes(value: &str) -> Vec<String> {
    let mut spellings = vec![value.to_owned()];
    if value.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\')) {
        return spellings;
    }
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

/// The account number that a value is, without what stands between its parts.
fn iban(value: &str) -> Option<String> {
    let account = || compacted(value, false).to_ascii_uppercase();
    (value.len() >= iban::SHORTEST).then(account).filter(|account| iban::is_iban(account.as_bytes()))
}

fn phone(value: &str) -> Option<String> {
    let phone = value.starts_with('+').then(|| compacted(value, true))?;
    (phone.len() >= 8 && phone[1..].bytes().all(|b| b.is_ascii_digit())).then_some(phone)
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
