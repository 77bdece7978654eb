//! Where a value of its own ends: strict, because only such a value grants.

/// Whether no word and none of these characters goes on to the left.
pub(super) fn left_ends(text: &str, at: usize, joiners: &str) -> bool {
    text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !joiners.contains(c))
}

/// Whether no word goes on to the right: neither directly, nor over one of the joiners, nor over a
/// point or colon, unless that ends a sentence (a capital and a small letter, or the text, follow).
pub(super) fn right_ends(text: &str, at: usize, joiners: &str) -> bool {
    let Some(rest) = text.get(at..) else { return false };
    let mut chars = rest.chars();
    let Some(first) = chars.next() else { return true };
    // A comma that may join (in addresses and paths) is one that ends nothing.
    let comma = first == ',' && joiners.contains(first);
    if first.is_alphanumeric() || (joiners.contains(first) && !comma) {
        return false;
    }
    if !comma && !matches!(first, '.' | ':' | '?' | '\'') {
        return true;
    }
    match (chars.next(), chars.next()) {
        (Some(a), b) if a.is_alphanumeric() => {
            first == '.' && a.is_uppercase() && b.is_none_or(|b| b.is_lowercase() || b == ' ')
        }
        (Some(a), _) => !joiners.contains(a) || a == first,
        (None, _) => true,
    }
}

/// `12345,67`: digits that go on behind a decimal comma.
pub(super) fn is_decimal(text: &str, len: usize) -> bool {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    len > 0
        && digit(len - 1)
        && bytes.get(len) == Some(&b',')
        && digit(len + 1)
        && digit(len + 2)
        && !digit(len + 3)
}
