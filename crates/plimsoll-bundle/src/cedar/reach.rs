//! Whom an act reaches: somebody other than the asker, and somebody who may read what the model has seen.

use plimsoll_core::{ArgumentRole, Case, Effect, Principal, Readers};
use serde_json::Value;

use super::flow::values_at;
use super::schema::Shape;

/// Whether the act touches somebody other than the asker. A change to shared things that names nobody
/// is the asker's own.
pub(super) fn touches_others(shape: &Shape, case: &Case<'_>) -> bool {
    use ArgumentRole as R;
    matches!(shape.effect, Effect::External | Effect::Egress | Effect::Destructive)
        || named(shape, &case.act.arguments, &[R::Account, R::Url]).next().is_some()
        || named(shape, &case.act.arguments, &[R::Recipient]).any(|to| !is_asker(case.principal, to))
}

/// Whether data would reach somebody whom the labels of what the model has seen do not list as a reader.
/// What only reads sends nothing on; what sends data off without saying to whom may reach anyone.
pub(super) fn is_outside(shape: &Shape, case: &Case<'_>) -> bool {
    use ArgumentRole as R;
    let Readers::Only(readers) = &case.trajectory.label.readers else { return false };
    if shape.effect == Effect::Read {
        return false;
    }
    let mut reached = named(shape, &case.act.arguments, &[R::Recipient, R::Account, R::Url]).peekable();
    if reached.peek().is_none() {
        return shape.effect == Effect::Egress;
    }
    reached.any(|to| !is_asker(case.principal, to) && !readers.iter().any(|reader| covers(reader, to)))
}

/// The values with one of these roles.
fn named<'v>(
    shape: &'v Shape,
    arguments: &'v Value,
    roles: &'v [ArgumentRole],
) -> impl Iterator<Item = &'v Value> {
    let paths = shape.roles.iter().filter(move |(_, role)| roles.contains(role));
    paths.flat_map(move |(path, _)| values_at(arguments, path)).flat_map(|(_, value)| leaves(value))
}

/// The values inside lists and objects; what is empty names nobody.
fn leaves(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(members) => members.values().flat_map(leaves).collect(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        leaf => vec![leaf],
    }
}

fn is_asker(principal: &Principal, to: &Value) -> bool {
    let Some(to) = to.as_str().map(str::trim) else { return false };
    let is = |name: &str| {
        name.eq_ignore_ascii_case(to)
            || name.split_once(':').is_some_and(|(_, name)| name.eq_ignore_ascii_case(to))
    };
    match &principal.on_behalf_of {
        Some(person) => is(person),
        None => is(&principal.id),
    }
}

/// Whether a declared reader is this one: `ada@acme.example`, `*@acme.example`, `user:ada`. Who has a role
/// or is of a tenant can't be seen from an address.
fn covers(reader: &str, to: &Value) -> bool {
    let Some(to) = to.as_str().map(str::trim) else { return false };
    if let Some(domain) = reader.strip_prefix("*@") {
        let plain = !to.contains(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"'));
        let parts: Vec<&str> = to.split('@').collect();
        return plain
            && matches!(parts[..], [person, house] if !person.is_empty() && house.eq_ignore_ascii_case(domain));
    }
    let person = match reader.split_once(':') {
        Some(("role" | "tenant", _)) => None,
        Some((_, name)) => Some(name),
        None => Some(reader),
    };
    person.is_some_and(|person| person.eq_ignore_ascii_case(to))
}
