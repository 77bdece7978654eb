//! The arguments of a tool as places to fill, and which values an attacker would try there.

use plimsoll_bundle::{Tool, schema};
use plimsoll_core::ArgumentRole;
use serde_json::{Map, Number, Value};

use super::domain::{Domain, Domains, is_iban};
use super::pool::Pool;

/// How deep the arguments of a tool are looked into.
const DEPTH_MAX: usize = 4;
/// Values tried for one place at most.
pub const CANDIDATES_MAX: usize = 1_024;
/// A text of the attacker's own, without anything that stands elsewhere.
pub const NEW_TEXT: &str = "all settled, nothing more is needed from your side";

/// A place for one plain value.
#[derive(Debug)]
pub struct Slot<'t> {
    /// JSON Pointer of the place in the arguments; a list is given one element.
    pub pointer: String,
    pub role: ArgumentRole,
    pub required: bool,
    shape: Shape,
    wants: Wants,
    /// What the traces show about it.
    domain: Option<&'t Domain>,
}

/// What kind of text goes into a place that aims, as far as the traces, its name or its description say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Anything,
    Email,
    Iban,
}

#[derive(Debug)]
enum Shape {
    Text,
    Whole,
    Number,
    OneOf(Vec<Value>),
}

/// The places of a tool's arguments; `domains` says what the traces fill them with. None when it has no pinned schema.
pub fn slots<'t>(tool: &'t Tool, domains: &'t Domains) -> Option<Vec<Slot<'t>>> {
    let schema = &tool.pin.as_ref()?.input_schema;
    let mut found = Vec::new();
    Walk { tool, root: schema, domains }.walk(schema, &Place::default(), &mut found);
    Some(found)
}

#[derive(Clone, Debug, Default)]
struct Place {
    pointer: String,
    pattern: String,
    optional: bool,
    /// Names and descriptions on the way, in lower case.
    words: String,
}

struct Walk<'t> {
    tool: &'t Tool,
    root: &'t Value,
    domains: &'t Domains,
}

impl<'t> Walk<'t> {
    fn walk(&self, told: &Value, place: &Place, found: &mut Vec<Slot<'t>>) {
        let Some(told) = self.plain(told).filter(|_| place.pointer.matches('/').count() <= DEPTH_MAX) else {
            return;
        };
        if let Some(members) = told.get("properties").and_then(Value::as_object) {
            let required = told.get("required").and_then(Value::as_array);
            let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
            for (name, member) in members {
                let step = name.replace('~', "~0").replace('/', "~1");
                let inner = place.inner(&step, &step, !is_required(name), member);
                self.walk(member, &inner, found);
            }
        } else if let Some(items) = told.get("items") {
            self.walk(items, &place.inner("0", "*", false, items), found);
        } else if let Some(shape) = shape(told).filter(|_| !place.pointer.is_empty()) {
            found.push(Slot {
                pointer: place.pointer.clone(),
                role: self.role(place, &shape),
                required: !place.optional,
                shape,
                wants: self.wants(place),
                domain: self.domains.at(&place.pattern),
            });
        }
    }

    fn wants(&self, place: &Place) -> Wants {
        let named = |word: &str| place.words.contains(word);
        let known = |form: fn(&Domain) -> bool| self.domains.at(&place.pattern).is_some_and(form);
        let mails =
            self.tool.name.tool.contains("mail") && self.declared(place) == Some(ArgumentRole::Recipient);
        match () {
            () if known(|domain| domain.ibans) || named("iban") => Wants::Iban,
            () if known(|domain| domain.emails) || mails || named("email") || named("e-mail") => Wants::Email,
            () => Wants::Anything,
        }
    }

    /// Behind references, and of several alternatives the first that is not `null`.
    fn plain<'s>(&'s self, told: &'s Value) -> Option<&'s Value> {
        let told = schema::follow(self.root, told)?;
        let ways = ["anyOf", "oneOf"].into_iter().find_map(|word| told.get(word)?.as_array());
        match ways {
            Some(ways) => {
                schema::follow(self.root, ways.iter().find(|way| way.get("type") != Some(&"null".into()))?)
            }
            None => Some(told),
        }
    }

    fn role(&self, place: &Place, shape: &Shape) -> ArgumentRole {
        self.declared(place).unwrap_or(match shape {
            Shape::Text => ArgumentRole::Content,
            Shape::Whole | Shape::Number => ArgumentRole::Identifier,
            Shape::OneOf(_) => ArgumentRole::Choice,
        })
    }

    fn declared(&self, place: &Place) -> Option<ArgumentRole> {
        let mut path = place.pattern.as_str();
        while !path.is_empty() {
            if let Some(role) = self.tool.meaning.roles.get(path) {
                return Some(*role);
            }
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
        None
    }
}

impl Place {
    fn inner(&self, step: &str, pattern: &str, optional: bool, told: &Value) -> Self {
        let described = told.get("description").and_then(Value::as_str).unwrap_or_default();
        Self {
            pointer: format!("{}/{step}", self.pointer),
            pattern: format!("{}/{pattern}", self.pattern),
            optional: self.optional || optional,
            words: format!("{} {step} {described}", self.words).to_lowercase(),
        }
    }
}

fn shape(told: &Value) -> Option<Shape> {
    if let Some(values) = told.get("enum").and_then(Value::as_array) {
        return Some(Shape::OneOf(values.clone()));
    }
    let kind = match told.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find(|kind| *kind != "null")?.as_str()?,
        Some(kind) => kind.as_str()?,
        None => "string",
    };
    match kind {
        "string" => Some(Shape::Text),
        "integer" => Some(Shape::Whole),
        "number" => Some(Shape::Number),
        "boolean" => Some(Shape::OneOf(vec![Value::Bool(true), Value::Bool(false)])),
        _ => None,
    }
}

impl Slot<'_> {
    /// Values to try, the likelier to pass first: the user's own, values of her words, then of results.
    pub fn candidates(&self, pool: &Pool, own: &[Value], amount_free: Option<i64>) -> Vec<Value> {
        let mut found: Vec<Value> = own.to_vec();
        if let Shape::OneOf(values) = &self.shape {
            found.extend(values.iter().cloned());
        } else {
            let texts = self.texts(pool, amount_free).into_iter().filter(|text| self.exists(text));
            let made = texts.filter_map(|text| self.value(&text));
            found.extend(made);
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|value| seen.insert(value.to_string()));
        found.truncate(CANDIDATES_MAX);
        found
    }

    /// Whether a value is one that this place can take, as far as the traces show. Addresses and account numbers of the
    /// attacker's own exist as well.
    fn exists(&self, text: &str) -> bool {
        use ArgumentRole as R;
        let Some(domain) = self.domain.filter(|_| self.wants == Wants::Anything) else { return true };
        match self.role {
            R::Time if domain.iso_dates => domain.fits_date(text),
            R::Recipient | R::Account | R::Identifier => domain.values.contains(&text.to_lowercase()),
            _ => true,
        }
    }

    fn texts(&self, pool: &Pool, amount_free: Option<i64>) -> Vec<String> {
        use ArgumentRole as R;
        let small = || amount_free.map(|free| free as f64 / 100.0).into_iter().chain([1.0, 0.01]);
        let short = |text: &&str| text.split_whitespace().count() <= 6;
        let of = |kinds: &[&super::pool::Kind]| -> Vec<String> {
            kinds.iter().flat_map(|kind| kind.iter()).filter(short).map(str::to_owned).collect()
        };
        match self.role {
            _ if self.wants == Wants::Email && self.role.aims() => of(&[&pool.emails]),
            _ if self.wants == Wants::Iban && self.role.aims() => {
                pool.codes.iter().filter(|code| is_iban(code)).map(str::to_owned).collect()
            }
            R::Recipient => of(&[&pool.quoted, &pool.emails, &pool.names, &pool.fields]),
            R::Account => of(&[&pool.codes, &pool.numbers, &pool.quoted, &pool.fields]),
            R::Url => of(&[&pool.urls]),
            R::Path => of(&[&pool.paths, &pool.quoted, &pool.fields, &pool.urls]),
            R::Identifier => of(&[&pool.quoted, &pool.codes, &pool.numbers, &pool.names, &pool.fields]),
            R::Credential => of(&[&pool.quoted, &pool.words, &pool.codes, &pool.fields]),
            R::Amount => small().map(|n| n.to_string()).chain(of(&[&pool.numbers])).collect(),
            R::Time if self.domain.is_some_and(|domain| domain.iso_dates) => of(&[&pool.iso_dates]),
            R::Time => of(&[&pool.iso_dates, &pool.dates]),
            R::Choice => of(&[&pool.quoted, &pool.dates, &pool.names]),
            R::Query => [vec![NEW_TEXT.to_owned()], of(&[&pool.quoted, &pool.words])].concat(),
            R::Content | R::Code => {
                let dictated = pool.quoted.iter().map(str::to_owned);
                [NEW_TEXT.to_owned()].into_iter().chain(dictated).chain([String::new()]).collect()
            }
        }
    }

    fn value(&self, text: &str) -> Option<Value> {
        match &self.shape {
            Shape::Text => Some(Value::String(text.to_owned())),
            Shape::Whole => text.parse::<i64>().ok().map(Value::from),
            Shape::Number => {
                let number: f64 = text.parse().ok()?;
                match text.parse::<i64>() {
                    Ok(whole) => Some(Value::from(whole)),
                    Err(_) => Number::from_f64(number).map(Value::Number),
                }
            }
            Shape::OneOf(_) => None,
        }
    }
}

/// Puts a value into the arguments, making what contains it. A list ends with the element that is put in.
pub fn put(arguments: &mut Value, pointer: &str, value: Value) {
    let steps: Vec<String> =
        pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    *arguments = with(arguments.take(), &steps, value);
}

fn with(here: Value, steps: &[String], value: Value) -> Value {
    let Some((step, rest)) = steps.split_first() else { return value };
    match (here, step.parse::<usize>()) {
        (Value::Object(mut members), _) => {
            let inner = members.get_mut(step).map(Value::take).unwrap_or_default();
            members.insert(step.clone(), with(inner, rest, value));
            Value::Object(members)
        }
        (here, Ok(place)) => {
            let mut items = if let Value::Array(items) = here { items } else { Vec::new() };
            let inner = items.get_mut(place).map(Value::take).unwrap_or_default();
            items.truncate(place);
            items.push(with(inner, rest, value));
            Value::Array(items)
        }
        (_, Err(_)) => {
            let members = Map::from_iter([(step.clone(), with(Value::Null, rest, value))]);
            Value::Object(members)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_put_in_place() {
        let check = |before: Value, pointer: &str, expected: Value| {
            let mut arguments = before;
            put(&mut arguments, pointer, json!("x"));
            assert_eq!(arguments, expected, "{pointer}");
        };
        check(json!({}), "/to", json!({ "to": "x" }));
        check(json!({ "to": "a", "cc": null }), "/cc/0", json!({ "to": "a", "cc": ["x"] }));
        check(json!({ "to": ["a", "b"] }), "/to/0", json!({ "to": ["x"] }));
        check(json!({}), "/items/0/sku", json!({ "items": [{ "sku": "x" }] }));
    }
}
