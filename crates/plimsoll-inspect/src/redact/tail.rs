//! Tails: how far a secret reaches beyond the part that proved it.
//!
//! A private key is kilobytes long; no stream may be held back for that. So a recogniser commits after
//! a bounded head, the placeholder goes out, and the tail swallows what still belongs to the secret.

use super::known::Known;
use super::shape::{is_base64, is_base64url};

/// The longest private key that is swallowed whole.
pub(crate) const PEM_MAX: usize = 16 * 1024;

/// What may follow a head.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tail {
    /// The head was all.
    None,
    /// As long as bytes are of this class.
    Run(fn(u8) -> bool),
    /// Base64url segments joined by single dots.
    Segments,
    /// Key material up to and including the END line, or `left` bytes.
    Pem { left: usize },
    /// The rest of a known secret, from this byte of this form on.
    Known { form: usize, at: usize },
}

impl PartialEq for Tail {
    /// Comparing function pointers means nothing; tests compare lengths.
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Eq for Tail {}

/// What to do with the bytes behind a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swallowed {
    pub(crate) bytes: usize,
    /// Where to go on when more text arrives; `None` when the secret has ended. When the text is
    /// complete it has always ended.
    pub(crate) next: Option<Tail>,
}

impl Tail {
    /// How many of `bytes` belong to the secret. While the text is not `complete`, up to
    /// the length of an END line of undecided bytes may remain behind those swallowed.
    pub(crate) fn swallow(self, bytes: &[u8], complete: bool, known: &Known) -> Swallowed {
        let ended = |bytes| Swallowed { bytes, next: None };
        let open = |bytes, next| Swallowed { bytes, next: (!complete).then_some(next) };
        match self {
            Self::None => ended(0),
            Self::Run(class) => {
                let n = bytes.iter().take_while(|b| class(**b)).count();
                if n == bytes.len() { open(n, self) } else { ended(n) }
            }
            Self::Segments => {
                let mut n = 0;
                loop {
                    match &bytes[n..] {
                        // A dot belongs to the token only when a segment follows.
                        [] | [b'.'] => return open(n, self),
                        [b, ..] if is_base64url(*b) => n += 1,
                        [b'.', b, ..] if is_base64url(*b) => n += 2,
                        _ => return ended(n),
                    }
                }
            }
            Self::Pem { left } => pem(bytes, complete, left),
            Self::Known { form, at } => {
                let rest = known.form(form).get(at..).unwrap_or_default();
                let n = rest.iter().zip(bytes).take_while(|(a, b)| a == b).count();
                if n == rest.len() {
                    return ended(n);
                }
                if n == bytes.len() {
                    return open(n, Self::Known { form, at: at + n });
                }
                // A difference inside a character is a difference of the whole character.
                let back = (0..=n).rev().find(|&i| rest[i] & 0xC0 != 0x80).unwrap_or(0);
                ended(back)
            }
        }
    }
}

const PEM_END: &[u8] = b"-----END ";
fn pem(bytes: &[u8], complete: bool, left: usize) -> Swallowed {
    let mut n = 0;
    loop {
        let open = |n: usize| Swallowed {
            bytes: n,
            next: (!complete).then_some(Tail::Pem { left: left.saturating_sub(n) }),
        };
        if n >= left {
            return Swallowed { bytes: n, next: None };
        }
        match &bytes[n..] {
            [] | [b'\\'] => return open(n),
            // Only escapes of line breaks and slashes: an escaped quote ends the string around us.
            [b'\\', b'n' | b'r' | b't' | b'\\' | b'/', ..] => n += 2,
            rest @ [b'-', ..] => match end_line(rest, complete) {
                EndLine::Ends(len) => return Swallowed { bytes: n + len, next: None },
                EndLine::Undecided => return open(n),
                EndLine::Dash => n += 1,
                EndLine::Other => return Swallowed { bytes: n, next: None },
            },
            [b, ..] if is_base64(*b) || b.is_ascii_whitespace() || matches!(b, b'=' | b':' | b',') => n += 1,
            _ => return Swallowed { bytes: n, next: None },
        }
    }
}

enum EndLine {
    Ends(usize),
    Undecided,
    /// A dash within a header line.
    Dash,
    Other,
}

fn end_line(bytes: &[u8], complete: bool) -> EndLine {
    let n = bytes.len().min(PEM_END.len());
    if bytes[..n] != PEM_END[..n] {
        return if bytes.starts_with(b"--") { EndLine::Other } else { EndLine::Dash };
    }
    let label = bytes[n..].iter().take(40).take_while(|b| b.is_ascii_uppercase() || **b == b' ').count();
    let dashes = bytes[n + label..].iter().take(5).take_while(|b| **b == b'-').count();
    if n == PEM_END.len() && dashes == 5 {
        return EndLine::Ends(n + label + 5);
    }
    if n + label + dashes == bytes.len() && label < 40 {
        // A complete text that stops within its END line: all of it belongs to the key.
        return if complete { EndLine::Ends(bytes.len()) } else { EndLine::Undecided };
    }
    EndLine::Other
}
