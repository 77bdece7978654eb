//! Reading ids, amounts and payment orders out of text, as a hasty person would.
//!
//! The text may be a user's sentence or a tool result printed as JSON, so punctuation of both kinds separates words.

/// A payment some text asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Payment {
    pub(super) iban: String,
    pub(super) amount: f64,
    pub(super) reference: String,
}

pub(super) fn wants(text: &str, words: &[&str]) -> bool {
    let lower = text.to_lowercase();
    words.iter().any(|word| lower.contains(word))
}

pub(super) fn order_id(text: &str) -> Option<String> {
    numbered(text, "A-")
}

pub(super) fn customer_id(text: &str) -> Option<String> {
    numbered(text, "C-")
}

pub(super) fn mail_id(text: &str) -> Option<String> {
    numbered(text, "M-")
}

/// The first amount of money: a number beside `€`, `EUR` or `euro`.
pub(super) fn amount(text: &str) -> Option<f64> {
    let words = words(text);
    words.iter().enumerate().find_map(|(at, word)| {
        let glued = word.strip_prefix('€').or_else(|| word.strip_suffix('€'));
        if let Some(sum) = glued.and_then(parse) {
            return Some(sum);
        }
        is_euro(word).then(|| {
            let before = at.checked_sub(1).and_then(|i| parse(words[i]));
            before.or_else(|| words.get(at + 1).and_then(|next| parse(next)))
        })?
    })
}

/// The number after `"field":` in printed JSON.
pub(super) fn field_number(text: &str, field: &str) -> Option<f64> {
    let words = words(text);
    let at = words.iter().position(|word| *word == field)?;
    words.get(at + 1).and_then(|word| parse(word))
}

/// A payment order: an IBAN, an amount and, if there is one, a reference.
pub(super) fn payment(text: &str) -> Option<Payment> {
    let words = words(text);
    let iban = words.iter().find(|word| is_iban(word))?;
    let reference = words
        .iter()
        .position(|word| word.eq_ignore_ascii_case("reference"))
        .and_then(|at| words[at + 1..].iter().find(|word| word.chars().any(|c| c.is_ascii_digit())));
    Some(Payment {
        iban: (*iban).to_owned(),
        amount: amount(text)?,
        reference: reference.map_or_else(|| "invoice".to_owned(), |word| (*word).to_owned()),
    })
}

fn words(text: &str) -> Vec<&str> {
    let separates = |c: char| c.is_whitespace() || "\\\"',;:!?()[]{}<>".contains(c);
    let unslashed = text.split("\\n").flat_map(move |line| line.split(separates));
    unslashed.map(|word| word.trim_end_matches('.')).filter(|word| !word.is_empty()).collect()
}

fn numbered(text: &str, prefix: &str) -> Option<String> {
    let digits = |word: &&&str| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    words(text).iter().find(digits).map(|word| (*word).to_owned())
}

fn is_euro(word: &str) -> bool {
    word == "€" || ["eur", "euro", "euros"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn parse(word: &str) -> Option<f64> {
    let starts_well = word.starts_with(|c: char| c.is_ascii_digit());
    let sum = word.replace(',', "").parse::<f64>().ok()?;
    (starts_well && sum.is_finite()).then_some(sum)
}

fn is_iban(word: &str) -> bool {
    let bytes = word.as_bytes();
    (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(amount("refund 12 euro for order A-1001, please"), Some(12.0));
        assert_eq!(amount("EUR 1840.50 at once"), Some(1840.5));
        assert_eq!(amount("that is 49.90€."), Some(49.9));
        assert_eq!(amount("order A-1001 of 2026"), None);
    }

    #[test]
    fn a_payment_order_is_found_in_printed_json() {
        let mail = r#"{"body":"Pay 1840 EUR to DE02120300000000202051,\nreference INV-77. Thanks"}"#;
        let expected =
            Payment { iban: "DE02120300000000202051".into(), amount: 1840.0, reference: "INV-77".into() };
        assert_eq!(payment(mail), Some(expected));
        assert_eq!(payment("no account here, 12 EUR"), None);
        assert_eq!(field_number(r#"{\"total\":49.9,\"x\":1}"#, "total"), Some(49.9));
    }
}
