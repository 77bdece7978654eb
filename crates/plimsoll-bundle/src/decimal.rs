//! Numbers compared as they are written, not as floats that lie.
//!
//! A JSON number is read back from its shortest decimal spelling, so `0.1` is one tenth. A string
//! counts as a number only when all of it is a plain decimal (`49.90`, `-3`): systems of record often
//! keep money that way.

use std::cmp::Ordering;

use serde_json::Value;

/// An exact decimal: `±digits × 10^exponent`, without leading or trailing noughts in `digits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Most significant first; empty for nought.
    digits: Vec<u8>,
    /// The power of ten of the last digit.
    exponent: i64,
}

/// The most digits a numeric string may have; longer ones are text.
const MAX_DIGITS: usize = 64;

impl Decimal {
    /// The number that a JSON number or a plainly decimal string stands for.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(n) => Self::read(&n.to_string(), true),
            Value::String(s) if s.len() <= MAX_DIGITS => Self::read(s, false),
            _ => None,
        }
    }

    /// Reads `-12.50` and, where JSON's own spelling is meant, `1.5e-7`.
    fn read(text: &str, scientific: bool) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((m, p)) if scientific => (m, p.parse::<i64>().ok()?),
            Some(_) => return None,
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || (mantissa.contains('.') && fraction.is_empty()) {
            return None;
        }
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut exponent = power.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent = exponent.checked_add(1)?;
        }
        let first = digits.iter().position(|d| *d != b'0').unwrap_or(digits.len());
        digits.drain(..first);
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        Some(Self { negative, digits, exponent })
    }

    /// In hundredths, when that is exact and fits.
    pub fn hundredths(&self) -> Option<i64> {
        let shift = u32::try_from(self.exponent.checked_add(2)?).ok()?;
        let mut number: i64 = 0;
        for digit in &self.digits {
            number = number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
        }
        let number = number.checked_mul(10_i64.checked_pow(shift)?)?;
        Some(if self.negative { -number } else { number })
    }

    /// Where the first digit stands: the power of ten above it.
    fn height(&self) -> i64 {
        self.exponent.saturating_add(i64::try_from(self.digits.len()).unwrap_or(i64::MAX))
    }

    fn compare_sizes(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Equal heights: digit strings without trailing noughts compare like fractions.
            (false, false) => self.height().cmp(&other.height()).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.compare_sizes(other),
            (true, true) => other.compare_sizes(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compare(a: Value, b: Value) -> Option<Ordering> {
        Some(Decimal::of(&a)?.cmp(&Decimal::of(&b)?))
    }

    #[test]
    fn order() {
        use Ordering::{Equal, Greater, Less};
        let table = [
            (json!(12), json!(49.9), Less),
            (json!(0.1), json!("0.10"), Equal),
            (json!(1e2), json!(100), Equal),
            (json!(-1), json!(0), Less),
            (json!(-2), json!(-1.5), Less),
            (json!(0), json!(-0.0), Equal),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64), Greater),
            (json!("100000000000000000000.01"), json!("100000000000000000000.02"), Less),
            (json!(1e300), json!(1e-300), Greater),
            (json!("009"), json!(9), Equal),
            (json!(101), json!(11), Greater),
        ];
        for (a, b, expected) in table {
            assert_eq!(compare(a.clone(), b.clone()), Some(expected), "{a} ? {b}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", "-", "1.", ".5", "1e5", "+1", " 1", "1 ", "1,000", "٣", "0x10", "NaN"] {
            assert_eq!(Decimal::of(&json!(text)), None, "{text}");
        }
        assert_eq!(Decimal::of(&json!(true)), None);
    }

    #[test]
    fn in_hundredths() {
        let check = |v: Value| Decimal::of(&v).and_then(|d| d.hundredths());
        assert_eq!(check(json!(12.5)), Some(1_250));
        assert_eq!(check(json!(-0.01)), Some(-1));
        assert_eq!(check(json!(0)), Some(0));
        assert_eq!(check(json!(0.005)), None);
        assert_eq!(check(json!(1e30)), None);
    }
}
