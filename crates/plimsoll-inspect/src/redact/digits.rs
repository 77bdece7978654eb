//! Numbers that are secrets, or could be: payment cards, and bank accounts when asked for.

use super::shape::{Ahead, Verdict};
use crate::iban;

const CARD_DIGITS_MAX: usize = 19;

/// A payment card: an issuer's prefix, that issuer's length, Luhn's check; in one run, or in the
/// groups printed on cards with one kind of separator. Thirteen-digit Visa numbers are left out: they
/// went out of use, and every thirteenth bar code would be one.
pub(crate) fn card(ahead: Ahead<'_>) -> Verdict {
    let run = ahead.run(0, CARD_DIGITS_MAX + 1, |b| b.is_ascii_digit());
    if run < 4 {
        return if run > 0 && ahead.at_end(run) { ahead.ran_out() } else { Verdict::No };
    }
    let Some(lengths) = issuer(ahead.bytes) else { return Verdict::No };
    match ahead.bytes.get(run) {
        None if !ahead.complete && run <= CARD_DIGITS_MAX => Verdict::More,
        Some(b' ' | b'-') if run == 4 => grouped(ahead, lengths),
        _ if lengths.contains(&run) && luhn(ahead.bytes[..run].iter().copied()) => followed(ahead, run),
        _ => Verdict::No,
    }
}

/// The lengths the issuer of this prefix uses. Four digits decide.
pub(super) fn issuer(digits: &[u8]) -> Option<&'static [usize]> {
    let prefix = digits.get(..4)?;
    if !prefix.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let prefix = prefix.iter().fold(0_u32, |n, d| n * 10 + u32::from(d - b'0'));
    Some(match prefix {
        4000..=4999 | 6011 | 6440..=6599 => &[16, 19],
        2221..=2720 | 5100..=5599 => &[16],
        3400..=3499 | 3700..=3799 => &[15],
        3000..=3059 | 3600..=3699 | 3800..=3999 => &[14],
        3528..=3589 | 6200..=6299 => &[16, 17, 18, 19],
        _ => return None,
    })
}

fn grouped(ahead: Ahead<'_>, lengths: &[usize]) -> Verdict {
    let groups: &[usize] = match lengths.first() {
        Some(15) => &[4, 6, 5],
        Some(14) => &[4, 6, 4],
        _ => &[4, 4, 4, 4],
    };
    let separator = ahead.bytes[4];
    let mut at = 0;
    for (i, group) in groups.iter().enumerate() {
        if i > 0 {
            match ahead.bytes.get(at) {
                None => return ahead.ran_out(),
                Some(b) if *b == separator => at += 1,
                Some(_) => return Verdict::No,
            }
        }
        let run = ahead.run(at, *group, |b| b.is_ascii_digit());
        if run < *group {
            return if ahead.at_end(at + run) { ahead.ran_out() } else { Verdict::No };
        }
        at += group;
    }
    let digits = ahead.bytes[..at].iter().copied().filter(u8::is_ascii_digit);
    if luhn(digits) { followed(ahead, at) } else { Verdict::No }
}

/// What stands behind must not make it part of a longer number, a decimal or an identifier.
fn followed(ahead: Ahead<'_>, end: usize) -> Verdict {
    match ahead.bytes.get(end..).unwrap_or_default() {
        [] | [b'.' | b'-'] if !ahead.complete => Verdict::More,
        [b, ..] if b.is_ascii_alphanumeric() || *b == b'_' => Verdict::No,
        [b'.', b, ..] if b.is_ascii_digit() => Verdict::No,
        [b'-', b, ..] if b.is_ascii_alphanumeric() => Verdict::No,
        _ => Verdict::whole(end),
    }
}

fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(i, digit)| {
            let digit = u32::from(digit - b'0');
            if i % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// An IBAN in one run or in groups of four.
pub(crate) fn iban(ahead: Ahead<'_>) -> Verdict {
    let Some(country) = ahead.bytes.get(..2) else { return ahead.ran_out() };
    let Some(length) = iban::length(country) else { return Verdict::No };
    let mut compact = Vec::with_capacity(length);
    let mut at = 0;
    while compact.len() < length {
        match ahead.bytes.get(at) {
            None => return ahead.ran_out(),
            Some(b) if b.is_ascii_uppercase() || b.is_ascii_digit() => compact.push(*b),
            Some(b' ') if compact.len() % 4 == 0 => {}
            Some(_) => return Verdict::No,
        }
        at += 1;
        if at > iban::SPACED_MAX {
            return Verdict::No;
        }
    }
    match ahead.bytes.get(at) {
        None if !ahead.complete => Verdict::More,
        Some(b) if b.is_ascii_alphanumeric() => Verdict::No,
        _ if iban::is_iban(&compact) => Verdict::whole(at),
        _ => Verdict::No,
    }
}
