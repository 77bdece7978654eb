//! Small values with units, as people write them: `15m`, `10MiB`, `49.90`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use crate::decimal::Decimal;

macro_rules! field {
    ($(#[doc = $doc:literal])* $name:ident, $schema:tt) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Value);

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

field!(
    /// A stretch of time: seconds, or a number with `s`, `m`, `h` or `d`.
    Duration,
    { "type": ["integer", "string"], "pattern": "^[0-9]+ ?(s|m|h|d)$", "minimum": 1 }
);
field!(
    /// A number of bytes, or a number with `B`, `KiB`, `MiB` or `GiB`.
    Size,
    { "type": ["integer", "string"], "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB)$", "minimum": 1 }
);
field!(
    /// An amount of money in whole units, with at most two decimals.
    Amount,
    { "type": ["number", "string"], "pattern": "^[0-9]+([.][0-9]{1,2})?$", "minimum": 0 }
);
field!(
    /// A share: `5%`, or a number from 0 on.
    Share,
    { "type": ["number", "string"], "pattern": "^[0-9]+([.][0-9]+)? ?%$", "minimum": 0 }
);
field!(
    /// A constant.
    Scalar,
    { "type": ["string", "number", "boolean"] }
);

impl Duration {
    /// In seconds; the error says what is wrong.
    pub fn seconds(&self) -> Result<u64, String> {
        let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
        scaled(&self.0, "s", &units)
            .filter(|s| *s > 0)
            .ok_or_else(|| "write a stretch of time as `30s`, `15m`, `1h` or `1d`".to_owned())
    }
}

impl Size {
    /// In bytes; the error says what is wrong.
    pub fn bytes(&self) -> Result<usize, String> {
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
        scaled(&self.0, "B", &units)
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n > 0)
            .ok_or_else(|| "write a size as `512KiB`, `10MiB` or `1GiB`".to_owned())
    }
}

impl Amount {
    /// In hundredths; the error says what is wrong.
    pub fn hundredths(&self) -> Result<i64, String> {
        Decimal::of(&self.0)
            .and_then(|d| d.hundredths())
            .filter(|n| *n >= 0)
            .ok_or_else(|| "write an amount with at most two decimals, for example `49.90`".to_owned())
    }
}

impl Share {
    /// In millionths, at most `most` of them; the error says what is wrong.
    pub fn millionths(&self, most: u32) -> Result<u32, String> {
        let (text, places) = match &self.0 {
            Value::Number(n) => (n.to_string(), 6),
            Value::String(s) => (s.strip_suffix('%').unwrap_or_default().trim_end().to_owned(), 4),
            _ => (String::new(), 0),
        };
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let fits = !whole.is_empty() && digits(whole) && digits(part) && part.len() <= places;
        let millionths = fits.then(|| format!("{whole}{part:0<places$}").parse::<u32>().ok()).flatten();
        millionths.filter(|n| *n <= most).ok_or_else(|| {
            let most = f64::from(most) / 1e4;
            format!("write a share as `5%` or 0.05, at most {most}%")
        })
    }
}

fn scaled(value: &Value, bare: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = match value {
        Value::Number(n) => format!("{n}{bare}"),
        Value::String(s) => s.clone(),
        _ => return None,
    };
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let scale = units.iter().find(|(name, _)| *name == unit.trim_start())?.1;
    number.parse::<u64>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn units() {
        let time = |v: Value| Duration(v).seconds().ok();
        assert_eq!(time(json!("15m")), Some(900));
        assert_eq!(time(json!(30)), Some(30));
        assert_eq!(time(json!("1 d")), Some(86_400));
        assert_eq!(time(json!("m")), None);
        assert_eq!(time(json!("0s")), None);
        assert_eq!(time(json!("1w")), None);
        let size = |v: Value| Size(v).bytes().ok();
        assert_eq!(size(json!("10MiB")), Some(10 << 20));
        assert_eq!(size(json!("99999999999GiB")), None);
        let share = |v: Value| Share(v).millionths(1_000_000).ok();
        assert_eq!(share(json!("5%")), Some(50_000));
        assert_eq!(share(json!("0.25 %")), Some(2_500));
        assert_eq!(share(json!(0.05)), Some(50_000));
        assert_eq!(share(json!(0)), Some(0));
        assert_eq!(share(json!(1)), Some(1_000_000));
        assert_eq!(share(json!(5)), None, "five wholes is no share: `5%` was meant");
        for none in [json!("5"), json!("101%"), json!(-0.1), json!("%"), json!("0.00001%"), json!(null)] {
            assert_eq!(share(none.clone()), None, "{none}");
        }
        let amount = |v: Value| Amount(v).hundredths().ok();
        assert_eq!(amount(json!(500)), Some(50_000));
        assert_eq!(amount(json!(49.9)), Some(4_990));
        assert_eq!(amount(json!("49.90")), Some(4_990));
        assert_eq!(amount(json!(0.001)), None);
        assert_eq!(amount(json!(-1)), None);
    }
}
