//! From where an act's arguments come, as numbers; and how much money they move.
//!
//! Strict to grant: an argument that has a role but no recorded origin counts as found nowhere, and an
//! amount that is not plainly a number is an error.

use plimsoll_core::{ArgumentOrigin, ArgumentRole, Assume, Case, Integrity};
use serde_json::Value;

use super::args::Decimal;
use super::schema::Shape;

/// The lowest level of each role.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    roles: [Option<i64>; ArgumentRole::ALL.len()],
    pub(super) unknown: bool,
}

impl Flow {
    pub(super) fn of(shape: &Shape, case: &Case<'_>, assume: &Assume) -> Self {
        let mut flow = Self::default();
        for origin in &case.flow.origins {
            let named = assume.named.contains(&origin.argument);
            flow.lower(origin.role, level(origin, named), origin.unknown && !named);
        }
        for (path, role) in &shape.roles {
            for (pointer, _) in values_at(&case.act.arguments, path) {
                if !case.flow.origins.iter().any(|o| o.role == *role && covers(&o.argument, &pointer)) {
                    let named = assume.named.contains(&pointer);
                    let level = if named { Integrity::User } else { Integrity::Untrusted };
                    flow.lower(*role, level.level(), !named);
                }
            }
        }
        flow
    }

    pub(super) fn role(&self, role: ArgumentRole) -> Option<i64> {
        self.roles[role as usize]
    }

    /// The lowest over the roles that aim; an act that aims at nothing is worth what the model has seen.
    pub(super) fn aimed(&self, case: &Case<'_>) -> i64 {
        let aims = ArgumentRole::ALL.into_iter().filter(|role| role.aims());
        let lowest = aims.filter_map(|role| self.role(role)).min();
        lowest.unwrap_or_else(|| case.trajectory.label.integrity.level())
    }

    fn lower(&mut self, role: ArgumentRole, level: i64, unknown: bool) {
        let slot = &mut self.roles[role as usize];
        *slot = Some(slot.map_or(level, |before| before.min(level)));
        self.unknown |= unknown && role.aims();
    }
}

fn level(origin: &ArgumentOrigin, named: bool) -> i64 {
    let found = if origin.unknown { Integrity::Untrusted } else { origin.integrity };
    if named { found.max(Integrity::User).level() } else { found.level() }
}

/// Whether an origin speaks about this place: itself, a part of it, or the list it stands in.
fn covers(origin: &str, pointer: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(origin, pointer) || within(pointer, origin)
}

/// The sum of the arguments with the role `amount`, in hundredths; `None` when there are none.
pub(super) fn hundredths(shape: &Shape, arguments: &Value) -> Result<Option<i64>, String> {
    let amounts = shape.roles.iter().filter(|(_, role)| *role == ArgumentRole::Amount);
    let mut sum = None;
    for (pointer, value) in amounts.flat_map(|(path, _)| values_at(arguments, path)) {
        let amount = Decimal::of(value).and_then(|number| number.scaled(2)).map(|(amount, _)| amount);
        let amount = amount.ok_or_else(|| format!("the amount `{pointer}` is not plainly a number"))?;
        let total = i64::checked_add(sum.unwrap_or(0), amount);
        sum = Some(total.ok_or_else(|| "the sum of the amounts is too large".to_owned())?);
    }
    Ok(sum)
}

/// The values at a path of `tools/*.yaml` (`/to`, `/items/*/sku`), `null`s left out, with the JSON
/// Pointer of each.
fn values_at<'v>(arguments: &'v Value, path: &str) -> Vec<(String, &'v Value)> {
    let mut found = vec![(String::new(), arguments)];
    for step in path.split('/').skip(1) {
        found = found.into_iter().flat_map(|(at, value)| children(&at, value, step)).collect();
    }
    found.retain(|(_, value)| !value.is_null());
    found
}

fn children<'v>(at: &str, value: &'v Value, step: &str) -> Vec<(String, &'v Value)> {
    match (value, step) {
        (Value::Array(items), "*") => {
            items.iter().enumerate().map(|(i, item)| (format!("{at}/{i}"), item)).collect()
        }
        (Value::Object(members), "*") => {
            members.iter().map(|(name, item)| (format!("{at}/{}", escaped(name)), item)).collect()
        }
        (value, step) => {
            let child = value.pointer(&format!("/{step}"));
            child.map(|child| (format!("{at}/{step}"), child)).into_iter().collect()
        }
    }
}

/// RFC 6901, section 3.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
