//! Amounts: `12`, `12.00`, `12,00 €` and `€12` are one number; `1.200` may be two.

use super::naming::{is_named_as_id, word_after, word_before};

/// How far a number is followed to each side; what is longer is no amount.
pub(super) const NUMBER_MAX: usize = 40;

/// An amount, of a currency when it says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    number: Decimal,
    currency: Option<&'static str>,
}

/// How the currencies that people write in more than one way are written.
const CURRENCIES: [(&str, &[&str]); 8] = [
    ("eur", &["€", "eur", "euro", "euros"]),
    ("usd", &["$", "us$", "usd", "dollar", "dollars"]),
    ("gbp", &["£", "gbp", "pound", "pounds"]),
    ("jpy", &["¥", "jpy", "yen"]),
    ("chf", &["chf", "fr.", "francs"]),
    ("cny", &["cny", "rmb", "yuan"]),
    ("inr", &["₹", "inr", "rupees"]),
    ("sek", &["sek", "kr"]),
];

fn currency(word: &str) -> Option<&'static str> {
    let word = word.trim().to_lowercase();
    CURRENCIES.iter().find(|(_, spellings)| spellings.contains(&word.as_str())).map(|(code, _)| *code)
}

impl Amount {
    /// `12`, `12.00`, `12.00 EUR`, `€12`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(number) = Decimal::parse(text) {
            return Some(Self { number, currency: None });
        }
        let digit = |c: char| c.is_ascii_digit() || c == '-';
        let (start, end) = (text.find(digit)?, text.rfind(|c: char| c.is_ascii_digit())? + 1);
        let said = text.get(start..end)?;
        let words = [&text[..start], &text[end..]].map(str::trim);
        let [word] = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Self { number: Decimal::parse(said)?, currency: Some(currency(word)?) })
    }

    pub(super) fn needles(&self) -> Vec<String> {
        self.number.needles()
    }

    /// Whether digits stand behind its point.
    pub(super) fn has_fraction(&self) -> bool {
        self.number.scale > 0
    }

    /// Whether the number that covers `at` is this one, and is not of another currency.
    pub(super) fn stands_at(&self, text: &str, at: usize) -> Option<bool> {
        let (whole, before, after) = self.number.stands_at(text, at)?;
        let beside = |word: &str| currency(word);
        let marked = before.chars().next_back().and_then(|c| beside(c.encode_utf8(&mut [0; 4])));
        let next = after.trim_start();
        let sign = next.chars().next().and_then(|c| beside(c.encode_utf8(&mut [0; 4])));
        let said =
            marked.or(sign).or_else(|| beside(word_after(after))).or_else(|| beside(word_before(before)));
        Some(whole && (self.currency.is_none() || said.is_none() || said == self.currency))
    }

    /// Whether a whole field is this amount.
    pub(super) fn equals(&self, field: &str) -> bool {
        let agrees = |other: &Self| {
            other.number == self.number
                && (self.currency.is_none() || other.currency.is_none() || other.currency == self.currency)
        };
        Self::parse(field)
            .map_or_else(|| self.currency.is_none() && self.number.equals(field), |o| agrees(&o))
    }
}

/// A decimal number in its shortest form: sign, digits, and how many of them stand behind the point.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    scale: usize,
}

impl Decimal {
    fn new(negative: bool, whole: &str, fraction: &str) -> Option<Self> {
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0').to_owned();
        Some(Self { negative: negative && !digits.is_empty(), digits, scale: fraction.len() })
    }

    /// A number as JSON and programs write it. No exponents.
    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        Self::new(negative, whole, fraction)
    }

    /// The beginnings by which it can be found in a text.
    fn needles(&self) -> Vec<String> {
        let whole = match self.digits.len().checked_sub(self.scale) {
            Some(0) | None => "0",
            Some(n) => &self.digits[..n],
        };
        // `12.5` and `12,5`: nearly every text has a `12`.
        let mut needles = match &self.digits[self.digits.len().saturating_sub(self.scale)..] {
            _ if self.scale == 0 => vec![whole.to_owned()],
            end => ['.', ','].map(|mark| format!("{whole}{mark}{end:0>width$}", width = self.scale)).into(),
        };
        if whole.len() > 3 {
            let split = whole.len() - 3 * ((whole.len() - 1) / 3);
            needles.extend(
                [',', '.', '\''].map(|mark| format!("{}{mark}{}", &whole[..split], &whole[split..split + 3])),
            );
        }
        needles
    }

    /// Whether the number that covers `at` is this one, and stands as an amount: not as part of a
    /// date, a time, a percentage, a name or a numbered thing.
    fn stands_at<'t>(&self, text: &'t str, at: usize) -> Option<(bool, &'t str, &'t str)> {
        let bytes = text.as_bytes();
        let numeric = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'\'');
        let mut start = at - bytes[..at].iter().rev().take(NUMBER_MAX).take_while(|b| numeric(b)).count();
        let mut end = at + bytes[at..].iter().take(NUMBER_MAX).take_while(|b| numeric(b)).count();
        if at - start == NUMBER_MAX || end - at == NUMBER_MAX {
            return None;
        }
        while start < end && !bytes[start].is_ascii_digit() {
            start += 1;
        }
        while end > start && !bytes[end - 1].is_ascii_digit() {
            end -= 1;
        }
        let (before, token, after) = (&text[..start], &text[start..end], &text[end..]);
        let mut behind = before.chars().rev();
        let last = behind.next();
        let negative = last == Some('-');
        let left = if negative { behind.next() } else { last };
        if !readings(token, negative).contains(self) {
            return None;
        }
        let mut following = after.chars();
        let next = following.next();
        let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let glued = |c: Option<char>| matches!(c, Some(':' | '/' | '-'));
        let part = joined(left)
            || joined(next)
            || matches!(left, Some('#' | '/' | '@'))
            || matches!(next, Some('%' | '@'))
            || (glued(next) && joined(following.next()))
            || (matches!(last, Some(':')) && joined(behind.next()));
        let dated = is_month(word_before(before)) || is_month(word_after(after));
        Some((!part && !dated && !is_named_as_id(before, None), before, after))
    }

    /// Whether a whole field is this number.
    fn equals(&self, field: &str) -> bool {
        let field = field.trim_matches(|c: char| c.is_whitespace() || "€$£¥".contains(c));
        let (negative, digits) = field.strip_prefix('-').map_or((false, field), |rest| (true, rest));
        readings(digits, negative).contains(self)
    }
}

/// What a number with marks can mean. `1,200` and `1.200` are read both ways: whoever wrote it meant
/// one of them.
fn readings(token: &str, negative: bool) -> Vec<Decimal> {
    let marks: Vec<(usize, char)> = token.char_indices().filter(|(_, c)| !c.is_ascii_digit()).collect();
    let mut found = Vec::new();
    let Some((last, mark)) = marks.last().copied() else {
        found.extend(Decimal::new(negative, token, ""));
        return found;
    };
    let alone = marks.iter().filter(|(_, c)| *c == mark).count() == 1;
    if alone && mark != '\'' {
        let (whole, part) = (&token[..last], &token[last + mark.len_utf8()..]);
        found.extend(ungrouped(whole).and_then(|w| Decimal::new(negative, &w, part)));
    }
    if marks.iter().all(|(_, c)| *c == mark) {
        found.extend(ungrouped(token).and_then(|whole| Decimal::new(negative, &whole, "")));
    }
    found
}

/// Digits without the marks between groups of three.
fn ungrouped(token: &str) -> Option<String> {
    let mut groups = token.split(|c: char| !c.is_ascii_digit());
    let first = groups.next()?;
    let mut whole = first.to_owned();
    for group in groups {
        if group.len() != 3 || !(1..=3).contains(&first.len()) {
            return None;
        }
        whole.push_str(group);
    }
    Some(whole)
}

pub(super) const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn is_month(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.len() >= 3 && MONTHS.iter().any(|month| month.starts_with(&word))
}

/// Other spellings of a date written `2026-06-13`.
pub(super) fn date_spellings(date: &str) -> Option<Vec<String>> {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |s: &str, n| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    let name = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let short = &name[..3];
    let d = day.trim_start_matches('0');
    let m = month.trim_start_matches('0');
    Some(vec![
        date.to_owned(),
        format!("{day}.{month}.{year}"),
        format!("{d}.{m}.{year}"),
        format!("{d} {name} {year}"),
        format!("{d} {short} {year}"),
        format!("{name} {d}, {year}"),
        format!("{name} {d} {year}"),
        format!("{short} {d}, {year}"),
    ])
}
