//! Addresses on the web: what may differ between two spellings of one, and what may not.

use super::bounds::{left_ends, right_ends};

/// An address without scheme, `www.`, default port and trailing slash; the host in lower case and in
/// letters (not punycode).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    core: String,
    host: usize,
    /// It insists on plain HTTP.
    plain: bool,
}

impl Url {
    pub(super) fn of(url: &str) -> Self {
        let strip = |text: &mut &str, prefix: &str| {
            let found = text.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
            if found {
                *text = &text[prefix.len()..];
            }
            found
        };
        let mut rest = url;
        let secure = strip(&mut rest, "https://");
        let plain = !secure && strip(&mut rest, "http://");
        strip(&mut rest, "www.");
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (mut host, path) = rest.split_at(end);
        if let (true, Some(without)) = (secure, host.strip_suffix(":443")) {
            host = without;
        }
        let host = in_letters(&host.to_lowercase());
        Self { core: format!("{host}{path}"), host: host.len(), plain }
    }

    /// Its beginnings in texts: in letters, and the host in punycode.
    pub(super) fn needles(&self) -> Vec<String> {
        let mut needles = vec![self.core.clone()];
        if let Some(ascii) = self.in_ascii() {
            needles.push(ascii);
        }
        if self.core.contains('/') {
            needles.push(self.core.replace('/', "\\/"));
        }
        needles
    }

    fn in_ascii(&self) -> Option<String> {
        let (host, path) = self.core.split_at(self.host);
        let label = |label: &str| {
            if label.is_ascii() { Some(label.to_owned()) } else { Some(format!("xn--{}", encode(label)?)) }
        };
        let labels: Option<Vec<String>> = host.split('.').map(label).collect();
        (!host.is_ascii()).then(|| Some(format!("{}{path}", labels?.join(".")))).flatten()
    }

    /// Whether another spelling is this address.
    pub(super) fn is(&self, other: &str) -> bool {
        let other = Self::of(other);
        other.core == self.core && (!self.plain || other.plain)
    }

    /// Whether the address stands at `at` of a text as a whole.
    pub(super) fn stands_at(&self, exact: &str, folded: &[u8], at: usize) -> bool {
        let ascii = self.in_ascii();
        let spelt = |core: &str, host: usize| {
            let end = at + core.len();
            // Hosts are the same in any case; what follows is not.
            exact.get(at..end).is_some_and(|here| here.as_bytes()[host..] == core.as_bytes()[host..])
                && exact[at..at + host].to_lowercase() == core[..host]
                && self.is_bounded(exact, folded, at, end)
        };
        spelt(&self.core, self.host)
            || ascii.is_some_and(|core| spelt(&core, core.len() - (self.core.len() - self.host)))
    }

    fn is_bounded(&self, exact: &str, folded: &[u8], at: usize, end: usize) -> bool {
        let start = if folded[..at].ends_with(b"www.") { at - 4 } else { at };
        let before = &folded[..start];
        let mut secure = false;
        let left = if let Some(scheme) = before.strip_suffix(b"https://") {
            secure = true;
            !self.plain && left_ends(exact, scheme.len(), "-+.")
        } else if let Some(scheme) = before.strip_suffix(b"http://") {
            left_ends(exact, scheme.len(), "-+.")
        } else {
            left_ends(exact, start, "-._@/\\%+:~=&?#")
        };
        let bare_host = self.core.len() == self.host;
        let port = if secure && bare_host && folded[end..].starts_with(b":443") { 4 } else { 0 };
        let end = end + port;
        let end = end + usize::from(folded.get(end) == Some(&b'/'));
        left && right_ends(exact, end, "-_/\\@%+~=&#$,")
    }
}

pub(super) fn has_scheme(text: &str) -> bool {
    let starts = |p: &str| text.get(..p.len()).is_some_and(|s| s.eq_ignore_ascii_case(p));
    starts("http://") || starts("https://") || starts("www.")
}

/// A host with its punycode undone, where that can be written back as the same.
fn in_letters(host: &str) -> String {
    let label = |label: &str| {
        let decoded = label.strip_prefix("xn--").and_then(decode);
        decoded
            .filter(|plain| encode(plain).is_some_and(|code| label[4..] == code))
            .unwrap_or_else(|| label.to_owned())
    };
    host.split('.').map(label).collect::<Vec<_>>().join(".")
}

// Punycode, RFC 3492.
const BASE: u32 = 36;
const SMALLEST: u32 = 1;
const LARGEST: u32 = 26;
const FIRST: u32 = 0x80;
/// Longer labels can't stand in a host.
const LABEL_MAX: usize = 63;

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > ((BASE - SMALLEST) * LARGEST) / 2 {
        delta /= BASE - SMALLEST;
        k += BASE;
    }
    k + (BASE - SMALLEST + 1) * delta / (delta + 38)
}

/// Section 6.1: how large a digit may be before the number goes on.
fn threshold(k: u32, bias: u32) -> u32 {
    k.saturating_sub(bias).clamp(SMALLEST, LARGEST)
}

fn encode(label: &str) -> Option<String> {
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    let mut done = basic;
    if basic > 0 {
        out.push('-');
    }
    let (mut next, mut delta, mut bias) = (FIRST, 0_u32, 72);
    while (done as usize) < points.len() && points.len() <= LABEL_MAX {
        let least = *points.iter().filter(|point| **point >= next).min()?;
        delta = delta.checked_add((least - next).checked_mul(done + 1)?)?;
        next = least;
        for point in &points {
            if *point < next {
                delta = delta.checked_add(1)?;
            }
            if *point == next {
                let mut rest = delta;
                let mut k = BASE;
                loop {
                    let limit = threshold(k, bias);
                    if rest < limit {
                        break;
                    }
                    out.push(digit(limit + (rest - limit) % (BASE - limit)));
                    rest = (rest - limit) / (BASE - limit);
                    k += BASE;
                }
                out.push(digit(rest));
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta += 1;
        next += 1;
    }
    (done as usize == points.len()).then_some(out)
}

fn digit(value: u32) -> char {
    char::from_digit(value, BASE).map_or('a', |_| {
        let value = value as u8;
        char::from(if value < 26 { b'a' + value } else { b'0' + value - 26 })
    })
}

fn decode(code: &str) -> Option<String> {
    let (basic, rest) = code.rsplit_once('-').unwrap_or(("", code));
    let mut out: Vec<char> = basic.chars().collect();
    let (mut next, mut index, mut bias) = (FIRST, 0_u32, 72);
    let mut digits = rest.bytes();
    while digits.len() > 0 && out.len() <= LABEL_MAX {
        let (before, mut weight, mut k) = (index, 1_u32, BASE);
        loop {
            let value = match digits.next()? {
                b @ b'a'..=b'z' => u32::from(b - b'a'),
                b @ b'0'..=b'9' => u32::from(b - b'0') + 26,
                _ => return None,
            };
            index = index.checked_add(value.checked_mul(weight)?)?;
            let limit = threshold(k, bias);
            if value < limit {
                break;
            }
            weight = weight.checked_mul(BASE - limit)?;
            k += BASE;
        }
        let length = u32::try_from(out.len()).ok()? + 1;
        bias = adapt(index - before, length, before == 0);
        next = next.checked_add(index / length)?;
        index %= length;
        out.insert(index as usize, char::from_u32(next)?);
        index += 1;
    }
    (digits.len() == 0).then(|| out.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        for (plain, code) in
            [("bücher", "bcher-kva"), ("münchen", "mnchen-3ya"), ("例え", "r8jz45g"), ("ü", "tda")]
        {
            assert_eq!(encode(plain).as_deref(), Some(code));
            assert_eq!(decode(code).as_deref(), Some(plain));
        }
        assert_eq!(decode("ls8h="), None);
        assert_eq!(decode("99999999"), None);
    }
}
