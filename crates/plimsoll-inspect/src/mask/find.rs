//! Where personal data stands in a text, by its form.

use std::ops::Range;

use crate::iban;

/// What a value is, by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Email,
    Iban,
    Card,
    Phone,
}

/// Digits of an international telephone number (E.164): at most, and at least here.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 14..=19;

/// Everything that is found, in order, none inside another.
pub(super) fn all(text: &str) -> Vec<(Kind, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found: Vec<(Kind, Range<usize>)> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let from = found.last().map_or(0, |(_, range)| range.end);
        let begins = at == 0 || !bytes[at - 1].is_ascii_alphanumeric() || is_escape(text, at);
        let hit = match bytes[at] {
            b'@' => email(text, at, from).map(|range| (Kind::Email, range)),
            b'+' => phone(bytes, at).map(|range| (Kind::Phone, range)),
            b'0'..=b'9' if begins => card(bytes, at).map(|range| (Kind::Card, range)),
            b'A'..=b'Z' | b'a'..=b'z' if begins => account(bytes, at).map(|range| (Kind::Iban, range)),
            _ => None,
        };
        match hit {
            Some((kind, range)) => {
                at = range.end.max(at + 1);
                found.push((kind, range));
            }
            None => at += 1,
        }
    }
    found
}

/// Whether what stands before is the letter of an escape, as in a JSON text inside a text: `\nDE89 …`.
fn is_escape(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    before.len() >= 2
        && before[before.len() - 2] == b'\\'
        && matches!(before[before.len() - 1], b'n' | b't' | b'r' | b'b' | b'f')
}

/// An address around an `@`, not before `from`.
fn email(text: &str, at: usize, from: usize) -> Option<Range<usize>> {
    let is_local = |c: char| c.is_alphanumeric() || "._%+-'&/=!#$*?^`{|}~".contains(c);
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let mut start = text[from..at].rfind(|c| !is_local(c)).map_or(from, |before| {
        let before = from + before;
        before + text[before..].chars().next().map_or(1, char::len_utf8)
    });
    // In a JSON text inside a text, the first letter belongs to an escape.
    if start > 0 && text.as_bytes()[start - 1] == b'\\' {
        let skip = if text[start..].starts_with('u') { 5 } else { 1 };
        start = (start + skip).min(at);
    }
    let start = start
        + text
            .get(start..at)?
            .chars()
            .take_while(|c| !c.is_alphanumeric())
            .map(char::len_utf8)
            .sum::<usize>();
    let host = &text[at + 1..];
    let host = &host[..host.find(|c| !is_host(c)).unwrap_or(host.len())];
    let host = host.trim_end_matches(['.', '-']);
    let (name, top) = host.rsplit_once('.')?;
    let whole =
        start < at && !name.is_empty() && top.chars().count() >= 2 && top.chars().all(char::is_alphabetic);
    whole.then(|| start..at + 1 + host.len())
}

/// A number that begins with its country: `+49 (30) 555-0100`.
fn phone(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if at > 0 && bytes[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let (end, digits) = run(bytes, at + 1, *PHONE_DIGITS.end(), b" -./()");
    (PHONE_DIGITS.contains(&digits) && ends(bytes, end)).then_some(at..end)
}

fn card(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    // As banks begin them; other long numbers are not all dates of birth.
    if !matches!(bytes[at], b'2'..=b'6' | b'9') {
        return None;
    }
    let (end, digits) = run(bytes, at, *CARD_DIGITS.end(), b" -");
    let plain: Vec<u8> = bytes[at..end].iter().copied().filter(u8::is_ascii_digit).collect();
    (CARD_DIGITS.contains(&digits) && ends(bytes, end) && luhn(&plain)).then_some(at..end)
}

/// An account number (IBAN), with or without spaces, in capitals or not.
fn account(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let head = bytes.get(at..at + 4)?;
    if !head[..2].iter().all(u8::is_ascii_alphabetic) || !head[2..].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length = iban::length(&head[..2].to_ascii_uppercase())?;
    let mut compact = Vec::with_capacity(length);
    let mut end = at;
    for (i, byte) in bytes.iter().enumerate().skip(at).take(iban::SPACED_MAX) {
        match byte {
            b' ' if !compact.is_empty() => {}
            byte if byte.is_ascii_alphanumeric() => compact.push(byte.to_ascii_uppercase()),
            _ => break,
        }
        if compact.len() == length {
            end = i + 1;
            break;
        }
    }
    (iban::is_iban(&compact) && ends(bytes, end)).then_some(at..end)
}

/// Digits from `at`, with at most one separator (or a bracket and a blank) between two of them.
fn run(bytes: &[u8], at: usize, most: usize, separators: &[u8]) -> (usize, usize) {
    let (mut end, mut digits, mut between) = (at, 0, 0);
    for (i, byte) in bytes.iter().enumerate().skip(at) {
        match byte {
            b'0'..=b'9' if digits < most => (end, digits, between) = (i + 1, digits + 1, 0),
            b'0'..=b'9' => return (i + 1, digits + 1),
            byte if separators.contains(byte) && between < 2 => between += 1,
            _ => break,
        }
    }
    (end, digits)
}

fn ends(bytes: &[u8], end: usize) -> bool {
    bytes.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

/// The check digit of card numbers (ISO/IEC 7812-1).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| {
            let digit = u32::from(digit - b'0');
            match i % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}
