//! Undoing disguises, to taint. What is found here never grants.

use unicode_normalization::UnicodeNormalization;

use super::text::fold;
use crate::preview::is_invisible;
use crate::redact::{base64_decode, is_base64, is_base64url};

/// Shorter words are not worth decoding: eight characters of base 64 are six letters.
const WORD_MIN: usize = 16;

/// Long words read as base 64, as hex and with percent-escapes undone, folded; nothing when there are
/// none. Words are found by looking at every sixteenth byte, which a long word can't avoid.
pub(crate) fn decoded_words(text: &str) -> String {
    let bytes = text.as_bytes();
    let wordy = |b: &u8| is_base64(*b) || is_base64url(*b) || *b == b'%' || *b == b'.';
    let mut out = Vec::new();
    let mut at = WORD_MIN - 1;
    while let Some(b) = bytes.get(at) {
        if wordy(b) {
            let start = at - bytes[..at].iter().rev().take_while(|b| wordy(b)).count();
            let end = at + bytes[at..].iter().take_while(|b| wordy(b)).count();
            if end - start >= WORD_MIN {
                decode(&bytes[start..end], &mut out);
            }
            at = at.max(end);
        }
        at += WORD_MIN;
    }
    String::from_utf8_lossy(&fold(&out)).into_owned()
}

fn decode(word: &[u8], out: &mut Vec<u8>) {
    let mut keep = |decoded: Vec<u8>| {
        let visible = decoded.iter().filter(|b| b.is_ascii_graphic() || **b == b' ').count();
        if visible * 10 >= decoded.len() * 9 && !decoded.is_empty() {
            out.push(b'\n');
            out.extend(decoded);
        }
    };
    if word.contains(&b'%') {
        keep(percent_decode(word));
    }
    if word.iter().all(u8::is_ascii_hexdigit) {
        let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
        keep(word.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect());
    }
    for part in word.split(|b| *b == b'.' || *b == b'%') {
        if part.len() >= 8 {
            keep(base64_decode(part));
        }
    }
}

fn percent_decode(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    out
}

/// The text without invisible characters and with compatible characters (full width, mathematical
/// letters) made plain, folded; nothing when it has none of them.
pub(crate) fn without_disguise(text: &str) -> String {
    let disguise = |c: char| {
        is_invisible(c) && !c.is_control()
            || matches!(u32::from(c), 0x2100..=0x214F | 0x2460..=0x24FF | 0xFF00..=0xFFEF | 0x1D400..=0x1D7FF)
    };
    if !text.chars().any(disguise) {
        return String::new();
    }
    let plain: String = text.chars().filter(|c| !is_invisible(*c) || c.is_whitespace()).nfkc().collect();
    format!("\n{}", plain.to_lowercase())
}
