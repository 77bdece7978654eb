//! The content addresses of a request's texts. A conversation shows again what it has shown before, and comparing a long
//! text takes a fraction of hashing it.

use plimsoll_core::Digest;

use super::last::{Kept, Last};

/// Bytes of a text whose address is kept for its conversation's next request.
pub const LONG_MIN: usize = 1_024;
/// Bytes of such texts that are kept at most, of all conversations together; then all of them are forgotten.
pub const LONG_BYTES: usize = 8 << 20;

/// Long texts that conversations were shown last, with their addresses, in their order.
#[derive(Debug)]
pub(super) struct Long(Last<Vec<(Box<str>, Digest)>>);

impl Kept for Vec<(Box<str>, Digest)> {
    fn bytes(&self) -> usize {
        self.iter().map(|(text, _)| text.len()).sum()
    }
}

impl Default for Long {
    fn default() -> Self {
        Self(Last::new(LONG_BYTES))
    }
}

impl Long {
    /// The content address of each text.
    pub(super) fn addresses<'t>(&self, session: &str, texts: impl Iterator<Item = &'t str>) -> Vec<Digest> {
        let mut before = self.0.take(session).into_iter();
        let mut now = Vec::new();
        let address = |text: &str| {
            if !(LONG_MIN..=LONG_BYTES / 8).contains(&text.len()) {
                return Digest::of(text.as_bytes());
            }
            let kept = match before.next() {
                Some((same, address)) if *same == *text => (same, address),
                _ => (Box::from(text), Digest::of(text.as_bytes())),
            };
            let address = kept.1;
            now.push(kept);
            address
        };
        let addresses = texts.map(address).collect();
        if !now.is_empty() {
            self.0.keep(session, now);
        }
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_hashed_once_and_never_taken_for_another() {
        let long = Long::default();
        let text = |first: char| first.to_string() + &"x".repeat(LONG_MIN);
        let check = |session: &str, texts: &[&str]| {
            let found = long.addresses(session, texts.iter().copied());
            let hashed: Vec<Digest> = texts.iter().map(|text| Digest::of(text.as_bytes())).collect();
            assert_eq!(found, hashed);
        };
        let (a, b, c) = (text('a'), text('b'), text('c'));
        for texts in
            [&[&*a][..], &[&a, "short", &b], &[&a, &b, &c], &[&b, &c], &[&c, &b, &a], &[], &["short"]]
        {
            check("k", texts);
            check("other", &[&b]);
        }
        assert_eq!(long.0.bytes(), b.len());
        let much: Vec<String> =
            (0..9).map(|n| char::from(b'a' + n).to_string().repeat(LONG_BYTES / 8)).collect();
        let much: Vec<&str> = much.iter().map(String::as_str).collect();
        check("k", &much);
        assert_eq!(long.0.bytes(), 0, "there is no room for so much");
        check("k", &much[..2]);
    }
}
