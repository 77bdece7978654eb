//! Recognisers: does a secret of this form begin right here?
//!
//! Each looks at the bytes from one position on and says *no*, *yes, this much*, or *the text ends
//! too early to tell*. The last answer exists only while more text may come: it is what makes the
//! stream and the batch agree by construction.

use serde_json::Value;

use super::tail::Tail;

/// What a recogniser says of one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    No,
    /// The text ends before it can be told. Never said when the text is complete.
    More,
    /// After `keep` bytes that may be shown, everything up to `head` is a secret for certain; what
    /// follows belongs to it as long as `tail` says so.
    Hit {
        keep: usize,
        head: usize,
        tail: Tail,
    },
}

impl Verdict {
    pub(crate) const fn whole(head: usize) -> Self {
        Self::Hit { keep: 0, head, tail: Tail::None }
    }

    pub(crate) const fn begun(head: usize, tail: Tail) -> Self {
        Self::Hit { keep: 0, head, tail }
    }
}

/// The bytes from a candidate position on, and whether anything may follow them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) complete: bool,
}

impl Ahead<'_> {
    /// What to say when the bytes ran out before the answer was known.
    pub(crate) fn ran_out(self) -> Verdict {
        if self.complete { Verdict::No } else { Verdict::More }
    }

    /// How many bytes from `from` on are of this class, at most `max`.
    pub(crate) fn run(self, from: usize, max: usize, class: fn(u8) -> bool) -> usize {
        self.bytes.iter().skip(from).take(max).take_while(|b| class(**b)).count()
    }

    pub(crate) fn at_end(self, at: usize) -> bool {
        at >= self.bytes.len()
    }
}

/// The literal beginning: `None` when it stands here, else the verdict.
fn literal(ahead: Ahead<'_>, prefix: &[u8]) -> Option<Verdict> {
    let n = ahead.bytes.len().min(prefix.len());
    if ahead.bytes[..n] != prefix[..n] {
        return Some(Verdict::No);
    }
    (n < prefix.len()).then(|| ahead.ran_out())
}

/// A prefix, exactly `len` bytes of a class, then something else.
pub(crate) fn exactly(
    ahead: Ahead<'_>,
    prefix: &[u8],
    class: fn(u8) -> bool,
    len: usize,
    check: fn(&[u8]) -> bool,
) -> Verdict {
    if let Some(verdict) = literal(ahead, prefix) {
        return verdict;
    }
    let end = prefix.len() + len;
    let run = ahead.run(prefix.len(), len + 1, class);
    if run > len || (run < len && !ahead.at_end(prefix.len() + run)) {
        return Verdict::No;
    }
    if run < len || (ahead.at_end(end) && !ahead.complete) {
        return ahead.ran_out();
    }
    if check(&ahead.bytes[..end]) { Verdict::whole(end) } else { Verdict::No }
}

/// A prefix, then `min` or more bytes of a class; `check` sees the prefix and the first `min`.
pub(crate) fn at_least(
    ahead: Ahead<'_>,
    prefix: &[u8],
    class: fn(u8) -> bool,
    min: usize,
    check: fn(&[u8]) -> bool,
) -> Verdict {
    if let Some(verdict) = literal(ahead, prefix) {
        return verdict;
    }
    let end = prefix.len() + min;
    let run = ahead.run(prefix.len(), min, class);
    if run < min {
        return if ahead.at_end(prefix.len() + run) { ahead.ran_out() } else { Verdict::No };
    }
    if check(&ahead.bytes[..end]) { Verdict::begun(end, Tail::Run(class)) } else { Verdict::No }
}

/// The same, and the rest may have dots within.
pub(crate) fn at_least_dotted(
    ahead: Ahead<'_>,
    prefix: &[u8],
    min: usize,
    check: fn(&[u8]) -> bool,
) -> Verdict {
    match at_least(ahead, prefix, is_base64url, min, check) {
        Verdict::Hit { head, .. } => Verdict::begun(head, Tail::Segments),
        other => other,
    }
}

/// How much of a JWT's header is looked at; 144 bytes of JSON.
const JWT_HEADER_MAX: usize = 192;

/// `eyJ…` whose header decodes to JSON with `alg`, a dot, and the beginning of a payload. A header
/// longer than [`JWT_HEADER_MAX`] is believed when `"alg"` stands in what was read of it.
pub(crate) fn jwt(ahead: Ahead<'_>) -> Verdict {
    if let Some(verdict) = literal(ahead, b"eyJ") {
        return verdict;
    }
    let header = ahead.run(0, JWT_HEADER_MAX + 1, is_base64url);
    if header > JWT_HEADER_MAX {
        let json = base64_decode(&ahead.bytes[..JWT_HEADER_MAX]);
        let named = memchr::memmem::find(&json, b"\"alg\"").is_some() && std::str::from_utf8(&json).is_ok();
        return if named { Verdict::begun(JWT_HEADER_MAX, Tail::Segments) } else { Verdict::No };
    }
    match ahead.bytes.get(header..).unwrap_or_default() {
        [] | [b'.'] => ahead.ran_out(),
        [b'.', payload, ..] if is_base64url(*payload) => {
            let json = base64_decode(&ahead.bytes[..header]);
            match serde_json::from_slice::<Value>(&json) {
                Ok(Value::Object(header)) if header.contains_key("alg") => {}
                _ => return Verdict::No,
            }
            Verdict::begun(header + 2, Tail::Segments)
        }
        _ => Verdict::No,
    }
}

const PEM_BEGIN: &[u8] = b"-----BEGIN ";
const PEM_LABEL_MAX: usize = 40;
const PEM_GAP_MAX: usize = 16;
/// Key material that must follow the BEGIN line: prose about keys has none.
const PEM_BODY_MIN: usize = 24;

/// What may stand before it instead.
const PEM_HEADERS: [&[u8]; 3] = [b"Proc-Type: ", b"Version: ", b"Comment: "];

/// `-----BEGIN … PRIVATE KEY-----` (or `… KEY BLOCK-----`), a line break (also one written `\n`), and
/// the beginning of key material or of an old-style header.
pub(crate) fn pem(ahead: Ahead<'_>) -> Verdict {
    if let Some(verdict) = literal(ahead, PEM_BEGIN) {
        return verdict;
    }
    let label = ahead.run(PEM_BEGIN.len(), PEM_LABEL_MAX, |b| b.is_ascii_uppercase() || b == b' ');
    let dashes = PEM_BEGIN.len() + label;
    let label = &ahead.bytes[PEM_BEGIN.len()..dashes];
    let run = ahead.run(dashes, 5, |b| b == b'-');
    if run < 5 {
        return if ahead.at_end(dashes + run) && label.len() < PEM_LABEL_MAX {
            ahead.ran_out()
        } else {
            Verdict::No
        };
    }
    if !(label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK")) {
        return Verdict::No;
    }
    let mut at = dashes + 5;
    let gap_end = at + PEM_GAP_MAX;
    while at < gap_end {
        match ahead.bytes.get(at..).unwrap_or_default() {
            [] | [b'\\'] => return ahead.ran_out(),
            [b'\\', b'n' | b'r' | b't', ..] => at += 2,
            [b'\\', b'\\', ..] => at += 1,
            [b, ..] if b.is_ascii_whitespace() => at += 1,
            _ => break,
        }
    }
    let rest = Ahead { bytes: ahead.bytes.get(at..).unwrap_or_default(), ..ahead };
    let mut perhaps = false;
    for header in PEM_HEADERS {
        match literal(rest, header) {
            None => return Verdict::begun(at + header.len(), Tail::Pem { left: super::tail::PEM_MAX }),
            Some(verdict) => perhaps |= verdict == Verdict::More,
        }
    }
    let body = rest.run(0, PEM_BODY_MIN, |b| is_base64(b) || b == b'=');
    if body == PEM_BODY_MIN {
        return Verdict::begun(at + body, Tail::Pem { left: super::tail::PEM_MAX });
    }
    if perhaps || rest.at_end(body) { ahead.ran_out() } else { Verdict::No }
}

/// OpenAI's first form: `sk-`, 20 characters, the marker `T3BlbkFJ`, 20 characters.
pub(crate) fn openai_legacy(ahead: Ahead<'_>) -> Verdict {
    exactly(ahead, b"sk-", |b| b.is_ascii_alphanumeric(), 48, |key| &key[23..31] == b"T3BlbkFJ")
}

/// Forty base-64 characters that are the other half of an AWS key pair. Only asked just behind an
/// access key id.
pub(crate) fn aws_secret_value(ahead: Ahead<'_>) -> Verdict {
    exactly(ahead, b"", is_base64, 40, is_mixed)
}

/// A secret access key behind its usual name.
pub(crate) fn aws_secret_named(ahead: Ahead<'_>, name: &[u8]) -> Verdict {
    const GLUE_MAX: usize = 12;
    if let Some(verdict) = literal(ahead, name) {
        return verdict;
    }
    let glue = |b| matches!(b, b'"' | b'\'' | b'\\' | b' ' | b'=' | b':' | b'>' | b'\t');
    let at = name.len() + ahead.run(name.len(), GLUE_MAX, glue);
    if ahead.at_end(at) {
        return ahead.ran_out();
    }
    if at == name.len() {
        return Verdict::No;
    }
    match aws_secret_value(Ahead { bytes: &ahead.bytes[at..], ..ahead }) {
        Verdict::Hit { head, tail, .. } => Verdict::Hit { keep: at, head: at + head, tail },
        other => other,
    }
}

/// Lower case, upper case and a digit: generated, not a word or a placeholder.
pub(crate) fn is_mixed(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_lowercase)
        && bytes.iter().any(u8::is_ascii_uppercase)
        && bytes.iter().any(u8::is_ascii_digit)
}

pub(crate) fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')
}

pub(crate) fn is_base64url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
}

/// Decodes either base-64 alphabet; stops at the first byte of neither. Trailing bits are dropped.
pub(crate) fn base64_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for &b in text {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    out
}
