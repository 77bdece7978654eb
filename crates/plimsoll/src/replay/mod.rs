//! Replaying what is on record: which entries, under which releases, and what comes of it.
//!
//! Deciding again happens in `plimsoll_bundle::replay`, which has never heard of a network. Here entries are read, in
//! batches and on every processor, and what comes of them is counted.
//!
//! Whole conversations, where they were recorded in full, are played again ([`cassette`]), with the models of today
//! ([`live`]), or written down as drills ([`drill`]).

pub mod cassette;
mod changes;
pub mod drill;
mod grounds;
pub mod live;
mod observed;
mod same;
mod scan;

pub use changes::{Changes, FailOn};
pub use grounds::Grounds;
pub use observed::Observed;
pub use same::Sameness;
pub use scan::{Asked, open};

/// Entries told by name in a text at most, in each group. `--json` has them all.
pub const NAMED_MAX: usize = 5;

/// `1,234`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut told = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

/// `1 act`, `2,000 acts`.
pub fn many(n: usize, what: &str) -> String {
    match (n, what.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']))) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{} {stem}ies", count(n)),
        (_, None) => format!("{} {what}s", count(n)),
    }
}

/// `#4, #9 and 12 more`.
pub fn some(seqs: &[u64]) -> String {
    let named: Vec<String> = seqs.iter().take(NAMED_MAX).map(|seq| format!("#{seq}")).collect();
    match seqs.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {} more", named.join(", "), count(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        let check = |n, expected: &str| assert_eq!(count(n), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
        assert_eq!((many(1, "act"), many(2, "act")), ("1 act".to_owned(), "2 acts".to_owned()));
        assert_eq!((many(1, "entry"), many(0, "entry")), ("1 entry".to_owned(), "0 entries".to_owned()));
        assert_eq!(many(2, "key"), "2 keys");
        assert_eq!(some(&[1, 2]), "#1, #2");
        assert_eq!(some(&[1, 2, 3, 4, 5, 6, 7]), "#1, #2, #3, #4, #5 and 2 more");
    }
}
