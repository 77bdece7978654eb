//! Checks: conditions between an act's arguments and what a system of record says.
//!
//! `amount <= result.total` is read once at load and evaluated as a function of two values. Numbers
//! are compared exactly, as decimals. A string counts as a number when it stands beside a number, or
//! is ordered against another string, and is plainly decimal itself; two strings that are asked for
//! equality are compared as strings. A value that is missing is an error, never a pass.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::decimal::Decimal;
use crate::model::{Check, Comparison, Condition, Given, Operand};

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOutcome {
    pub passed: bool,
    /// What was compared, in words: `amount 12 <= result.total 49.9`.
    pub detail: String,
}

/// Why a check could not be evaluated. The act stays refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    #[error("the act has no argument `{0}`")]
    NoArgument(String),
    #[error("the result has no `{0}`")]
    NoResult(String),
    #[error("`{condition}` compares things that have no order: {left} and {right}")]
    Incomparable { condition: String, left: String, right: String },
}

/// The longest value that a detail repeats.
const SHOWN_MAX: usize = 60;

impl Check {
    /// The arguments of the check's call, for an act with these arguments.
    ///
    /// # Errors
    /// When the act lacks an argument that the check hands on.
    pub fn arguments(&self, act: &Value) -> Result<Value, CheckError> {
        let mut arguments = Map::new();
        for (name, given) in &self.with {
            let value = match given {
                Given::Constant(value) => value,
                Given::Argument(at) => act.pointer(at).ok_or_else(|| CheckError::NoArgument(dotted(at)))?,
            };
            arguments.insert(name.clone(), value.clone());
        }
        Ok(Value::Object(arguments))
    }

    /// Evaluates every condition over the act's arguments and the structured result of the call.
    ///
    /// # Errors
    /// When a value is missing or two values can't be compared.
    pub fn evaluate(&self, arguments: &Value, result: &Value) -> Result<CheckOutcome, CheckError> {
        let mut passed = true;
        let mut details = Vec::with_capacity(self.require.len());
        for condition in &self.require {
            let (left, right) =
                (condition.left.find(arguments, result)?, condition.right.find(arguments, result)?);
            let holds = condition.holds(left, right)?;
            passed &= holds;
            let (left, right) = (condition.left.told(left), condition.right.told(right));
            let not = if holds { "" } else { "not " };
            details.push(format!("{not}{left} {} {right}", condition.op.sign()));
        }
        Ok(CheckOutcome { passed, detail: details.join("; ") })
    }
}

// === impl Condition ===

impl Condition {
    /// Reads `amount <= result.total`. The error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        const SIGNS: [(&str, Comparison); 6] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let words: Vec<&str> = words(text);
        let wrong = || format!("`{text}` is not of the form `amount <= result.total`");
        let [left, sign, right] = words[..] else { return Err(wrong()) };
        let op = SIGNS.iter().find(|(s, _)| *s == sign).map(|(_, op)| *op).ok_or_else(|| {
            if sign == "=" { format!("`{text}`: write `==` for equality") } else { wrong() }
        })?;
        Ok(Self { text: text.to_owned(), left: Operand::parse(left)?, op, right: Operand::parse(right)? })
    }

    fn holds(&self, left: &Value, right: &Value) -> Result<bool, CheckError> {
        let equality = matches!(self.op, Comparison::Equal | Comparison::NotEqual);
        let both_text = left.is_string() && right.is_string();
        let numbers = || Some(Decimal::of(left)?.cmp(&Decimal::of(right)?));
        let order = match (equality && both_text, numbers()) {
            (false, Some(order)) => Some(order),
            _ if equality => Some(if left == right { Ordering::Equal } else { Ordering::Less }),
            _ => None,
        };
        let order = order.ok_or_else(|| CheckError::Incomparable {
            condition: self.text.clone(),
            left: shown(left),
            right: shown(right),
        })?;
        Ok(match self.op {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        })
    }
}

/// Splits at white space outside of quotes, and around signs.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let first = rest.as_bytes()[0];
        let end = match first {
            b'"' => rest[1..].find('"').map_or(rest.len(), |i| i + 2),
            b'<' | b'>' | b'=' | b'!' => {
                rest.find(|c| !matches!(c, '<' | '>' | '=' | '!')).unwrap_or(rest.len())
            }
            _ => rest
                .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '=' | '!'))
                .unwrap_or(rest.len()),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

impl Comparison {
    const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

// === impl Operand ===

impl Operand {
    fn parse(word: &str) -> Result<Self, String> {
        if let Some(text) = word.strip_prefix('"') {
            let text = text.strip_suffix('"').ok_or_else(|| format!("the quote in `{word}` never ends"))?;
            return Ok(Self::Constant(Value::String(text.to_owned())));
        }
        if let Ok(value) = serde_json::from_str::<Value>(word) {
            return Ok(Self::Constant(value));
        }
        let word = word.strip_prefix('$').unwrap_or(word);
        let is_path = word.split('.').all(|step| {
            !step.is_empty() && step.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        });
        if !is_path {
            return Err(format!("`{word}` is no argument, no `result.field` and no constant"));
        }
        match word.strip_prefix("result.") {
            Some(path) => Ok(Self::Result(pointed(path))),
            None => Ok(Self::Argument(pointed(word))),
        }
    }

    fn find<'v>(&'v self, arguments: &'v Value, result: &'v Value) -> Result<&'v Value, CheckError> {
        match self {
            Self::Constant(value) => Ok(value),
            Self::Argument(at) => arguments
                .pointer(at)
                .filter(|v| !v.is_null())
                .ok_or_else(|| CheckError::NoArgument(dotted(at))),
            Self::Result(at) => {
                result.pointer(at).filter(|v| !v.is_null()).ok_or_else(|| CheckError::NoResult(dotted(at)))
            }
        }
    }

    fn told(&self, value: &Value) -> String {
        match self {
            Self::Constant(_) => shown(value),
            Self::Argument(at) => format!("{} {}", dotted(at), shown(value)),
            Self::Result(at) => format!("result.{} {}", dotted(at), shown(value)),
        }
    }
}

/// `/order/total` from `order.total`.
pub(crate) fn pointed(path: &str) -> String {
    crate::yaml::pointer(path.split('.'))
}

/// `order.total` from `/order/total`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    let start: String = text.chars().take(SHOWN_MAX).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(condition: &str, arguments: Value, result: Value) -> String {
        let require = vec![Condition::parse(condition).unwrap()];
        let check = Check {
            name: "c".into(),
            call: plimsoll_core::ToolName::new("desk", "get_order"),
            with: [("order_id".to_owned(), Given::Argument("/order_id".into()))].into(),
            require,
        };
        match check.evaluate(&arguments, &result) {
            Ok(outcome) => format!("{}: {}", outcome.passed, outcome.detail),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn conditions() {
        let order =
            || json!({"total": 49.9, "currency": "EUR", "open": true, "paid": "12.00", "lines": [{"n": 2}]});
        let table = [
            ("amount <= result.total", json!({"amount": 12})),
            ("amount <= result.total", json!({"amount": 49.90})),
            ("amount<=result.total", json!({"amount": 49.91})),
            ("amount <= result.total", json!({"amount": "12.5"})),
            ("amount <= result.total", json!({"amount": "twelve"})),
            ("amount <= result.total", json!({"amount": [1]})),
            ("amount <= result.total", json!({})),
            ("amount <= result.sum", json!({"amount": 1})),
            ("amount == result.paid", json!({"amount": 12})),
            ("amount == result.paid", json!({"amount": "12"})),
            ("amount <= result.paid", json!({"amount": "12"})),
            ("currency == result.currency", json!({"currency": "EUR"})),
            ("currency != \"EUR O\"", json!({"currency": "EUR"})),
            ("result.open == true", json!({})),
            ("result.open == 1", json!({})),
            ("result.lines.0.n > 1", json!({})),
            ("$amount > 0", json!({"amount": -0.0})),
            ("amount <= 0.3", json!({"amount": 0.30000000000000004})),
        ];
        let lines: Vec<String> = table
            .into_iter()
            .map(|(condition, arguments)| {
                format!("{condition}  {arguments}\n    {}", check(condition, arguments.clone(), order()))
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn what_is_no_condition() {
        for text in ["", "amount", "amount = 3", "amount <= ", "a <= b <= c", "a ~ b", "a <= \"b", "a..b < 1"]
        {
            assert!(Condition::parse(text).is_err(), "{text}");
        }
        assert!(Condition::parse("a = 3").unwrap_err().contains("write `==`"));
    }

    #[test]
    fn the_call_gets_its_arguments() {
        let check = Check {
            name: "c".into(),
            call: plimsoll_core::ToolName::new("desk", "get_order"),
            with: [
                ("order_id".to_owned(), Given::Argument("/order_id".into())),
                ("full".to_owned(), Given::Constant(json!(true))),
            ]
            .into(),
            require: vec![],
        };
        assert_eq!(
            check.arguments(&json!({"order_id": "O-1"})),
            Ok(json!({"full": true, "order_id": "O-1"}))
        );
        assert_eq!(check.arguments(&json!({})), Err(CheckError::NoArgument("order_id".into())));
    }
}
