//! How foreign text is shown to people: redacted, on one line, bounded, and with nothing invisible.

use std::fmt::Write as _;

use crate::redact::{PLAIN, Redactor, STREAM_HOLD_MAX};

/// The first `max` characters of a text, without secrets of known form. To take out the gateway's own
/// secrets too, use [`Redactor::preview`].
pub fn preview(text: &str, max: usize) -> String {
    PLAIN.preview(text, max)
}

impl Redactor {
    /// The first `max` characters of a text, fit for a page or a ledger: secrets are replaced, white
    /// space is one space, and characters that can't be seen or that change the direction of writing
    /// are shown as `\u{202e}`. A text that was cut ends in `…`. An escape counts as its characters.
    pub fn preview(&self, text: &str, max: usize) -> String {
        // A secret that begins within what is shown is recognised within the next `STREAM_HOLD_MAX`.
        let window = floor_char(text, max.saturating_mul(4).saturating_add(2 * STREAM_HOLD_MAX));
        let clean = self.redact(&text[..window]);
        let mut shown = String::with_capacity(max.min(clean.len()) + "…".len());
        let mut left = max;
        let mut space = true;
        for c in clean.chars() {
            if c.is_ascii_graphic() && left > 0 {
                space = false;
                left -= 1;
                shown.push(c);
                continue;
            }
            if c.is_whitespace() {
                if std::mem::replace(&mut space, true) {
                    continue;
                }
            } else {
                space = false;
            }
            let length = shown_chars(c);
            if length > left {
                return cut(shown);
            }
            left -= length;
            push(&mut shown, c);
        }
        if window < text.len() { cut(shown) } else { shown.trim_end().to_owned() }
    }
}

fn cut(mut shown: String) -> String {
    shown.truncate(shown.trim_end().len());
    shown.push('…');
    shown
}

/// How many characters one character is shown as.
fn shown_chars(c: char) -> usize {
    match !c.is_whitespace() && is_invisible(c) {
        true => "\\u{}".len() + (u32::BITS - u32::from(c).leading_zeros()).div_ceil(4).max(1) as usize,
        false => 1,
    }
}

/// Appends one character as it is shown.
fn push(shown: &mut String, c: char) {
    if c.is_whitespace() {
        shown.push(' ');
    } else if is_invisible(c) {
        let _a_string_takes_it = write!(shown, "\\u{{{:x}}}", u32::from(c));
    } else {
        shown.push(c);
    }
}

/// Control and format characters, fillers, private use, tags and variation selectors: what people can't
/// see and machines read.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F
            | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0xE000..=0xF8FF | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF | 0xF0000..=0x10_FFFF)
}

fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_see() {
        let check = |text: &str, max, expected: &str| assert_eq!(preview(text, max), expected, "{text:?}");
        check("  two\n\twords  ", 40, "two words");
        check("abcdef", 6, "abcdef");
        check("abcdef", 5, "abcde…");
        check("a\u{202e}b\u{200b}c\u{7}", 40, "a\\u{202e}b\\u{200b}c\\u{7}");
        check("card 4111 1111 1111 1111", 40, "card [redacted:payment-card]");
        check("", 10, "");
        check("a", 0, "…");
    }

    proptest! {
        #[test]
        fn bounded_and_visible(text in "\\PC{0,40}|[\\s\\S]{0,80}", max in 0_usize..40) {
            let shown = preview(&text, max);
            prop_assert!(shown.chars().count() <= max + 1);
            prop_assert!(!shown.chars().any(is_invisible));
            prop_assert!(!shown.contains('\n'));
        }

        #[test]
        fn a_secret_never_begins_to_show(lead in "[a-z ]{0,60}", max in 0_usize..80) {
            let secret = crate::key::mint([9; 32], crate::key::KeyKind::User).secret;
            let shown = preview(&format!("{lead} {secret}"), max);
            prop_assert!(!shown.contains("plk_"));
        }
    }
}
