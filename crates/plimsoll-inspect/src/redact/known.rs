//! Known secrets: the gateway's own credentials, and the spellings in which they travel.

use super::shape::{Ahead, Verdict};
use super::tail::Tail;

/// Shorter values are not looked for: they would turn up by chance.
pub const KNOWN_SECRET_MIN: usize = 8;

/// How much of a known secret proves it; the rest is swallowed as far as it agrees.
const HEAD_MAX: usize = 128;

/// One spelling of one known secret.
#[derive(Clone)]
struct Form {
    bytes: Vec<u8>,
    head: usize,
    /// Which secret this is a spelling of.
    secret: usize,
}

/// The spellings of all known secrets, longest first, findable by first byte.
#[derive(Clone, Default)]
pub(crate) struct Known {
    ids: Vec<String>,
    forms: Vec<Form>,
    by_first: Vec<Vec<usize>>,
}

impl std::fmt::Debug for Known {
    /// Names only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("ids", &self.ids).finish_non_exhaustive()
    }
}

impl Known {
    pub(crate) fn new(secrets: &[(&str, &str)]) -> Self {
        let mut known = Self { by_first: vec![Vec::new(); 256], ..Self::default() };
        for (name, secret) in secrets {
            if secret.len() < KNOWN_SECRET_MIN {
                continue;
            }
            let index = known.ids.len();
            known.ids.push(format!("secret:{}", plain(name)));
            for bytes in spellings(secret) {
                if !known.forms.iter().any(|form| form.bytes == bytes) {
                    let head = head_of(&bytes);
                    known.forms.push(Form { bytes, head, secret: index });
                }
            }
        }
        known.forms.sort_by_key(|form| std::cmp::Reverse(form.bytes.len()));
        for (index, form) in known.forms.iter().enumerate() {
            known.by_first[usize::from(form.bytes[0])].push(index);
        }
        known
    }

    pub(crate) fn id(&self, secret: usize) -> &str {
        &self.ids[secret]
    }

    pub(crate) fn form(&self, form: usize) -> &[u8] {
        &self.forms[form].bytes
    }

    /// The beginnings by which the prefilter finds the forms.
    pub(crate) fn heads(&self) -> impl Iterator<Item = &[u8]> {
        self.forms.iter().map(|form| &form.bytes[..form.head.min(KNOWN_SECRET_MIN)])
    }

    pub(crate) fn starts(&self) -> impl Iterator<Item = u8> {
        self.forms.iter().map(|form| form.bytes[0])
    }

    /// Whether a known secret begins here, and which.
    pub(crate) fn recognise(&self, ahead: Ahead<'_>) -> Option<(usize, Verdict)> {
        let first = ahead.bytes.first()?;
        for &index in self.by_first.get(usize::from(*first))? {
            let form = &self.forms[index];
            let n = form.head.min(ahead.bytes.len());
            if form.bytes[..n] != ahead.bytes[..n] {
                continue;
            }
            if n == form.head {
                let tail = Tail::Known { form: index, at: n };
                return Some((form.secret, Verdict::begun(n, tail)));
            }
            if !ahead.complete {
                return Some((form.secret, Verdict::More));
            }
        }
        None
    }
}

/// The part of a form that must agree, ending at a character.
fn head_of(bytes: &[u8]) -> usize {
    if bytes.len() <= HEAD_MAX {
        return bytes.len();
    }
    (0..=HEAD_MAX).rev().find(|&i| bytes[i] & 0xC0 != 0x80).unwrap_or(HEAD_MAX)
}

/// A name that can stand in a placeholder within JSON.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
}

/// The value itself, as JSON escapes it, percent-encoded, and as it looks within base 64.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.as_bytes().to_vec()];
    if let Ok(json) = serde_json::to_string(secret) {
        let inner = json[1..json.len() - 1].to_owned();
        forms.push(inner.replace('/', "\\/").into_bytes());
        forms.push(inner.into_bytes());
    }
    for (upper, slash) in [(true, true), (false, true), (true, false)] {
        forms.push(percent(secret, upper, slash));
    }
    for url_safe in [false, true] {
        forms.extend((0..3).map(|offset| base64_core(secret.as_bytes(), offset, url_safe)));
    }
    forms.retain(|form| form.len() >= KNOWN_SECRET_MIN);
    forms
}

/// RFC 3986 percent-encoding of everything but unreserved characters.
fn percent(secret: &str, upper: bool, slash: bool) -> Vec<u8> {
    let hex: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut out = Vec::with_capacity(secret.len() * 3);
    for b in secret.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) || (b == b'/' && !slash) {
            out.push(b);
        } else {
            out.extend([b'%', hex[usize::from(b >> 4)], hex[usize::from(b & 15)]]);
        }
    }
    out
}

/// The characters of a base-64 text that depend on the secret alone, when `offset` other bytes stand
/// before it: `user:secret` in a basic `Authorization` header, say.
fn base64_core(secret: &[u8], offset: usize, url_safe: bool) -> Vec<u8> {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let alphabet = if url_safe { URL_SAFE } else { STANDARD };
    let mut padded = vec![0; offset];
    padded.extend_from_slice(secret);
    let whole_digits = padded.len() * 8 / 6;
    let first_own_digit = (offset * 8).div_ceil(6);
    let bit = |i: usize| padded[i / 8] >> (7 - i % 8) & 1;
    (first_own_digit..whole_digits)
        .map(|digit| (digit * 6..digit * 6 + 6).fold(0, |n, i| n << 1 | bit(i)))
        .map(|value| alphabet[usize::from(value)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_survives_any_neighbour() {
        // printf 'xx:hunter2-hunter2!!' | base64
        let text = "eHg6aHVudGVyMi1odW50ZXIyISE=";
        let found = (0..3).any(|offset| {
            let core = base64_core(b"hunter2-hunter2", offset, false);
            text.contains(std::str::from_utf8(&core).unwrap())
        });
        assert!(found);
    }

    #[test]
    fn short_secrets_are_not_looked_for() {
        assert_eq!(Known::new(&[("pin", "1234567")]).heads().count(), 0);
        assert!(format!("{:?}", Known::new(&[("key", "0123456789")])).contains("secret:key"));
    }
}
