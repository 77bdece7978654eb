//! Arguments as policies see them: typed by the tool's pinned JSON Schema.
//!
//! Strings, integers, booleans, numbers and lists of them are seen; anything else is left out, so
//! that a policy naming it does not load. JSON's `number` becomes Cedar's `decimal`, exact to four
//! places: a value it can't hold is an error and so a refusal, never a rounded comparison.
//! (Money has `context.amount.hundredths` besides, a whole number that is rounded up.)

use serde_json::{Map, Value};

use super::fact::Fact;

/// The longest string, in bytes, that a policy may read. A longer one is refused unread.
pub(super) const STRING_BYTES: usize = 1 << 20;

/// The longest list that a policy may read.
pub(super) const LIST_LENGTH: usize = 1_024;

/// The longest string, in bytes, that is looked at as a number.
const NUMBER_BYTES: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Text,
    Whole,
    Number,
    Truth,
}

/// One argument that policies may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arg {
    pub(super) name: String,
    scalar: Scalar,
    list: bool,
    nullable: bool,
    /// Whether the pinned schema requires it (and not as `null`).
    pub(super) required: bool,
}

/// The arguments of a tool, in the order of its schema.
pub(super) fn of_schema(schema: &Value) -> Vec<Arg> {
    let required = |name: &str| {
        let list = schema.get("required").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|item| item == name))
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let args = properties.into_iter().flatten().filter_map(|(name, property)| {
        let (kind, nullable) = kind_of(property)?;
        let (scalar, list) = match kind {
            "array" => match kind_of(property.get("items")?)? {
                (item, false) => (scalar(item)?, true),
                _ => return None,
            },
            kind => (scalar(kind)?, false),
        };
        Some(Arg { name: name.clone(), scalar, list, nullable, required: required(name) && !nullable })
    });
    args.collect()
}

/// The one JSON type of a property, and whether it may be `null`.
fn kind_of(property: &Value) -> Option<(&str, bool)> {
    match property.get("type") {
        Some(Value::String(kind)) => Some((kind, false)),
        Some(Value::Array(kinds)) => {
            let mut named = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            let kind = named.next()?;
            let nullable = kinds.iter().any(|kind| kind == "null");
            named.next().is_none().then_some((kind, nullable))
        }
        _ => {
            let values = property.get("enum")?.as_array()?;
            values.iter().all(Value::is_string).then_some(("string", false))
        }
    }
}

fn scalar(kind: &str) -> Option<Scalar> {
    match kind {
        "string" => Some(Scalar::Text),
        "integer" => Some(Scalar::Whole),
        "number" => Some(Scalar::Number),
        "boolean" => Some(Scalar::Truth),
        _ => None,
    }
}

impl Arg {
    /// Its Cedar type.
    pub(super) fn kind(&self) -> String {
        let kind = match self.scalar {
            Scalar::Text => "String",
            Scalar::Whole => "Long",
            Scalar::Number => "decimal",
            Scalar::Truth => "Bool",
        };
        if self.list { format!("Set<{kind}>") } else { kind.to_owned() }
    }

    /// Its value in one call; `None` when it is absent and may be.
    pub(super) fn value(&self, arguments: &Map<String, Value>) -> Result<Option<Fact>, String> {
        let value = match arguments.get(&self.name) {
            None | Some(Value::Null) if self.required => {
                return Err(format!("argument `{}` is required and absent", self.name));
            }
            None => return Ok(None),
            Some(Value::Null) if self.nullable => return Ok(None),
            Some(value) => value,
        };
        let given = if self.list { self.items(value) } else { self.scalar.value(value) };
        given.map(Some).map_err(|why| format!("argument `{}` {why}", self.name))
    }

    fn items(&self, value: &Value) -> Result<Fact, String> {
        let items = value.as_array().ok_or("is not a list")?;
        if items.len() > LIST_LENGTH {
            return Err(format!("has {} items, more than the {LIST_LENGTH} a rule may read", items.len()));
        }
        let items: Result<Vec<_>, _> = items.iter().map(|item| self.scalar.value(item)).collect();
        Ok(Fact::Set(items?))
    }
}

impl Scalar {
    fn value(self, value: &Value) -> Result<Fact, String> {
        match (self, value) {
            (Self::Text, Value::String(text)) if text.len() > STRING_BYTES => {
                Err(format!("has {} bytes, more than the {STRING_BYTES} a rule may read", text.len()))
            }
            (Self::Text, Value::String(text)) => Ok(Fact::Text(text.clone())),
            (Self::Truth, Value::Bool(truth)) => Ok(Fact::Truth(*truth)),
            (Self::Whole, Value::Number(_)) => {
                let whole = Decimal::of(value).and_then(|d| d.scaled(0)).filter(|(_, exact)| *exact);
                let (whole, _) = whole.ok_or("is no whole number of 64 bits")?;
                Ok(Fact::Number(whole))
            }
            (Self::Number, Value::Number(_)) => {
                let number = Decimal::of(value).ok_or("is not a number")?;
                let exact = number.scaled(4).is_some_and(|(_, exact)| exact);
                if !exact {
                    return Err("does not fit a decimal of four places".to_owned());
                }
                Ok(Fact::Decimal(number.text()))
            }
            _ => Err("is not of the type its pinned schema declares".to_owned()),
        }
    }
}

/// A number as its digits, without binary rounding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Decimal {
    /// Of a JSON number, or of a string that is plainly one: `12`, `-3.50`.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) if text.len() <= NUMBER_BYTES => Self::parse(text.trim()),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Self::parse(&whole.to_string()),
                // `Display` gives the shortest digits that read back the same, never an exponent.
                (None, Some(float)) => Self::parse(&float.to_string()),
                _ => None,
            },
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        (plain(whole) && plain(fraction)).then(|| Self {
            negative,
            whole: whole.to_owned(),
            fraction: fraction.trim_end_matches('0').to_owned(),
        })
    }

    /// The number times 10^`places`, rounded away from zero, and whether nothing was rounded.
    pub(super) fn scaled(&self, places: usize) -> Option<(i64, bool)> {
        let kept: String = self.fraction.chars().chain("0000".chars()).take(places).collect();
        let exact = self.fraction.len() <= places;
        let size: i64 = format!("{}{kept}", self.whole).parse().ok()?;
        let size = if exact { size } else { size.checked_add(1)? };
        Some((if self.negative { -size } else { size }, exact))
    }

    fn text(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let fraction = if self.fraction.is_empty() { "0" } else { &self.fraction };
        format!("{sign}{}.{fraction}", self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hundredths_are_rounded_away_from_zero() {
        let check = |value: Value, expected: Option<i64>| {
            assert_eq!(Decimal::of(&value).and_then(|d| d.scaled(2)).map(|(h, _)| h), expected, "{value}");
        };
        check(json!(12), Some(1200));
        check(json!(12.5), Some(1250));
        check(json!(49.9), Some(4990));
        check(json!(0.001), Some(1));
        check(json!(-0.001), Some(-1));
        check(json!("12.50"), Some(1250));
        check(json!("12 EUR"), None);
        check(json!(""), None);
        check(json!("-"), None);
        check(json!("1.5.0"), None);
        check(json!(1e300), None);
        check(json!(i64::MAX), None);
        check(json!(u64::MAX), None);
        check(json!(null), None);
    }

    #[test]
    fn only_plain_types_are_seen() {
        let schema = json!({"type": "object", "required": ["a", "g"], "properties": {
            "a": {"type": "string"}, "b": {"type": ["integer", "null"]}, "c": {"type": ["integer", "string"]},
            "d": {"type": "array", "items": {"type": "string"}}, "e": {"type": "object"},
            "f": {"enum": ["x", "y"]}, "g": {"type": ["boolean", "null"]}, "h": {"$ref": "#/x"},
            "i": {"type": "array", "items": {"type": "array"}}, "j": {"type": "number"}}});
        let seen: Vec<String> = of_schema(&schema)
            .iter()
            .map(|a| format!("{}{}: {}", a.name, if a.required { "" } else { "?" }, a.kind()))
            .collect();
        assert_eq!(
            seen,
            ["a: String", "b?: Long", "d?: Set<String>", "f?: String", "g?: Bool", "j?: decimal"]
        );
    }
}
