//! Numbers that every reader takes alike (RFC 8259 section 6, RFC 7493 section 2.2).

use super::ErrorKind;

/// Where the number that begins at `start` ends.
pub(super) fn scan(text: &[u8], start: usize) -> Result<usize, (ErrorKind, usize)> {
    let negative = text[start] == b'-';
    let whole = start + usize::from(negative);
    let whole_end = digits(text, whole)?;
    if text[whole] == b'0' && whole_end > whole + 1 {
        return Err((ErrorKind::BadNumber, whole));
    }
    let mut end = whole_end;
    if text.get(end) == Some(&b'.') {
        end = digits(text, end + 1)?;
    }
    let mut has_exponent = false;
    if let Some(b'e' | b'E') = text.get(end) {
        has_exponent = true;
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        end = digits(text, end + 1 + sign)?;
    }
    let fault = match end == whole_end {
        true => judge_integer(&text[whole..end], negative),
        false => judge_decimal(&text[whole..end], negative, has_exponent),
    };
    fault.map_or(Ok(end), |kind| Err((kind, start)))
}

fn digits(text: &[u8], start: usize) -> Result<usize, (ErrorKind, usize)> {
    let count = text[start.min(text.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (count, start < text.len()) {
        (0, false) => Err((ErrorKind::Truncated, text.len())),
        (0, true) => Err((ErrorKind::BadNumber, start)),
        _ => Ok(start + count),
    }
}

fn judge_integer(digits: &[u8], negative: bool) -> Option<ErrorKind> {
    if digits == b"0" && negative {
        return Some(ErrorKind::NegativeZero);
    }
    let fits = digits.len() < 16 || (digits.len() == 16 && digits <= b"9007199254740991".as_slice());
    (!fits).then_some(ErrorKind::IntegerOutOfRange)
}

/// Without an exponent and with few digits nothing can overflow, so the costly conversion is for the others.
fn judge_decimal(literal: &[u8], negative: bool, has_exponent: bool) -> Option<ErrorKind> {
    let significand = literal.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or(literal);
    let is_zero = !significand.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    if is_zero {
        return negative.then_some(ErrorKind::NegativeZero);
    }
    if !has_exponent && literal.len() < 300 {
        return None;
    }
    match to_f64(literal) {
        Some(value) if value.is_infinite() => Some(ErrorKind::NumberTooLarge),
        Some(0.0) => Some(ErrorKind::NumberTooSmall),
        Some(_) => None,
        None => Some(ErrorKind::BadNumber),
    }
}

pub(super) fn to_f64(literal: &[u8]) -> Option<f64> {
    std::str::from_utf8(literal).ok()?.parse().ok()
}

/// The value of a literal written without fraction and exponent.
pub(super) fn to_i64(literal: &[u8]) -> Option<i64> {
    std::str::from_utf8(literal).ok()?.parse().ok()
}
