//! Strings: where they end, what they mean, how to write them (RFC 8259 section 7).

use std::borrow::Cow;

use super::ErrorKind;

/// The end of the string whose content begins at `start` (just after its quote), and whether it holds an escape.
/// The offset returned is that of the closing quote.
pub(super) fn scan(text: &[u8], start: usize) -> Result<(usize, bool), (ErrorKind, usize)> {
    let mut at = start;
    let mut escaped = false;
    loop {
        at = skip_plain(text, at);
        match text.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = scan_escape(text, at)?;
            }
            Some(_) => return Err((ErrorKind::ControlCharacter, at)),
            None => return Err((ErrorKind::Truncated, text.len())),
        }
    }
}

const STRIDE: usize = 32;
const WORD: usize = 8;

/// The next byte that is a quote, a backslash or a control character. A word first, as many strings are short; then
/// whole strides, written so that the compiler can look at all their bytes at once; then words again to find the place.
fn skip_plain(text: &[u8], mut at: usize) -> usize {
    match special_in_word(text, at) {
        Some(WORD) => at += WORD,
        Some(place) => return at + place,
        None => return skip_bytes(text, at),
    }
    while let Some(stride) = text.get(at..).and_then(|rest| rest.first_chunk::<STRIDE>()) {
        let mut special = 0u8;
        for &byte in stride {
            special |= u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
        }
        if special != 0 {
            break;
        }
        at += STRIDE;
    }
    loop {
        match special_in_word(text, at) {
            Some(WORD) => at += WORD,
            Some(place) => return at + place,
            None => return skip_bytes(text, at),
        }
    }
}

fn skip_bytes(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

/// Which of the eight bytes from `at` is the first special one; [`WORD`] if none is, `None` if there are fewer.
///
/// The old trick: `(x - 1) & !x & 0x80` marks a zero byte. A borrow can spoil only marks above the lowest one, and the
/// lowest is the first byte of the text.
fn special_in_word(text: &[u8], at: usize) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; WORD]);
    const HIGH: u64 = ONES << 7;
    let word = u64::from_le_bytes(*text.get(at..)?.first_chunk::<WORD>()?);
    let less_than = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH;
    let is = |byte: u8| less_than(word ^ (ONES * u64::from(byte)), 1);
    let special = less_than(word, 0x20) | is(b'"') | is(b'\\');
    Some(special.trailing_zeros() as usize / 8)
}

/// Checks the escape at the backslash `at`; gives the offset after it.
fn scan_escape(text: &[u8], at: usize) -> Result<usize, (ErrorKind, usize)> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match unit(text, at)? {
            0xDC00..=0xDFFF => Err((ErrorKind::LoneSurrogate, at)),
            0xD800..=0xDBFF => match text.get(at + 6..at + 8) {
                Some(b"\\u") if matches!(unit(text, at + 6)?, 0xDC00..=0xDFFF) => Ok(at + 12),
                _ => Err((ErrorKind::LoneSurrogate, at)),
            },
            _ => Ok(at + 6),
        },
        Some(_) => Err((ErrorKind::BadEscape, at)),
        None => Err((ErrorKind::Truncated, text.len())),
    }
}

/// The code unit of the `\uXXXX` that begins at `at`.
fn unit(text: &[u8], at: usize) -> Result<u32, (ErrorKind, usize)> {
    let digits = text.get(at + 2..at + 6).ok_or((ErrorKind::Truncated, text.len()))?;
    hex(digits).ok_or((ErrorKind::BadEscape, at))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
}

/// The meaning of a string's content that [`scan`] has passed.
pub(super) fn decode(content: &[u8], escaped: bool) -> Cow<'_, str> {
    let text = std::str::from_utf8(content).unwrap_or_default();
    match escaped {
        false => Cow::Borrowed(text),
        true => Cow::Owned(unescape(text)),
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(backslash) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..backslash]);
        let (meaning, length) = meaning(&rest.as_bytes()[backslash..]);
        out.push(meaning);
        rest = rest.get(backslash + length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// What an escape stands for, and how long it is. Escapes have been checked, so the fallbacks are never reached.
fn meaning(escape: &[u8]) -> (char, usize) {
    match escape.get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => {
            let unit_at = |start: usize| escape.get(start..start + 4).and_then(hex).unwrap_or(0xFFFD);
            match unit_at(2) {
                high @ 0xD800..=0xDBFF => {
                    let low = unit_at(8).wrapping_sub(0xDC00) & 0x3FF;
                    let code = 0x1_0000 + ((high - 0xD800) << 10) + low;
                    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
                }
                code => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            }
        }
        Some(&other) => (char::from(other), 2),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// `text` as a JSON string, with its quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    escape_into(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

/// Writes `text` as a JSON string, with its quotes.
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    let mut from = 0;
    out.push(b'"');
    loop {
        let at = skip_plain(bytes, from);
        out.extend_from_slice(&bytes[from..at]);
        let Some(&byte) = bytes.get(at) else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
        from = at + 1;
    }
    out.push(b'"');
}
