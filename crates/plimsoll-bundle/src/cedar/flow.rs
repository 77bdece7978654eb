//! From where an act's arguments come, as numbers; and how much money they move.
//!
//! Strict to grant: an argument that has a role but no recorded origin counts as found nowhere, and an
//! amount that is not plainly a number is an error.

use plimsoll_core::{ArgumentOrigin, ArgumentRole, Assume, Case, Integrity};
use serde_json::Value;

use super::args::Decimal;
use super::schema::Shape;

/// The lowest level of each role, and what holds for all values that must be proven.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    roles: [Option<i64>; ArgumentRole::ALL.len()],
    pub(super) unknown: bool,
    proven: Option<i64>,
    pub(super) targets: i64,
    pub(super) chosen: bool,
    pub(super) authored: bool,
    pub(super) listed: bool,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            roles: Default::default(),
            unknown: false,
            proven: None,
            targets: 0,
            chosen: true,
            authored: true,
            listed: true,
        }
    }
}

/// The values of an act that have a role, and what is known of each: the same whatever is supposed.
#[derive(Debug)]
pub(super) struct Values(Vec<Traced>);

#[derive(Debug)]
struct Traced {
    pointer: String,
    known: Known,
    /// The same had the user named it.
    named: Known,
}

/// What is known of one value.
#[derive(Debug)]
struct Known {
    role: ArgumentRole,
    level: i64,
    unknown: bool,
    chosen: bool,
    authored: bool,
    listed: bool,
}

impl Values {
    pub(super) fn of(shape: &Shape, case: &Case<'_>) -> Self {
        let (arguments, origins) = (&case.act.arguments, &case.flow.origins);
        let mut values = Vec::new();
        for origin in origins {
            let nobody = arguments.pointer(&origin.argument).is_some_and(|v| is_nobody(v, origin.role));
            if !nobody && !origin.sums_up(origins) {
                let [known, named] = [false, true].map(|named| Known::of(origin, named));
                values.push(Traced { pointer: origin.argument.clone(), known, named });
            }
        }
        for (path, role) in &shape.roles {
            for (pointer, value) in values_at(arguments, path) {
                let traced = |o: &ArgumentOrigin| o.role == *role && covers(&o.argument, &pointer);
                if !is_nobody(value, *role) && !origins.iter().any(traced) {
                    let [known, named] = [false, true].map(|named| Known::nowhere(*role, named));
                    values.push(Traced { pointer, known, named });
                }
            }
        }
        Self(values)
    }
}

impl Flow {
    /// `free`: the amount is within what the tool may move freely, and needs nobody behind it.
    pub(super) fn of(values: &Values, assume: &Assume, free: bool) -> Self {
        let mut flow = Self::default();
        for Traced { pointer, known, named } in &values.0 {
            flow.add(if is_named(assume, pointer) { named } else { known }, free);
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

    /// The lowest over the values that must be proven; without any, what the model has seen.
    pub(super) fn proven(&self, case: &Case<'_>) -> i64 {
        self.proven.unwrap_or_else(|| case.trajectory.label.integrity.level())
    }

    fn add(&mut self, value: &Known, free: bool) {
        let least = |before: Option<i64>| Some(before.map_or(value.level, |before| before.min(value.level)));
        let slot = &mut self.roles[value.role as usize];
        *slot = least(*slot);
        self.unknown |= value.unknown && value.role.aims();
        if value.role.must_be_proven() && !(free && value.role == ArgumentRole::Amount) {
            self.proven = least(self.proven);
            self.targets += 1;
            self.chosen &= value.chosen;
            let sound = value.chosen && value.level >= Integrity::Trusted.level();
            self.authored &= value.authored || sound;
            self.listed &= value.listed || sound;
        }
    }
}

impl Known {
    fn of(origin: &ArgumentOrigin, named: bool) -> Self {
        use ArgumentRole as R;
        let written =
            origin.authored && matches!(origin.role, R::Recipient | R::Url | R::Identifier | R::Time);
        // An author whom the user named lends what they wrote; a mere member of the house does not.
        let lent = written && origin.found.iter().any(|found| found.lent_by.is_some());
        Self {
            role: origin.role,
            level: level(origin, named),
            unknown: origin.unknown && !named,
            chosen: named || (!origin.unknown && (origin.chosen || lent)),
            authored: written && !origin.unknown,
            listed: origin.listed && !origin.unknown,
        }
    }

    /// It has a role and was traced nowhere.
    fn nowhere(role: ArgumentRole, named: bool) -> Self {
        let level = if named { Integrity::User } else { Integrity::Untrusted };
        Self { role, level: level.level(), unknown: !named, chosen: named, authored: false, listed: false }
    }
}

/// Whether the user is supposed to have named this value, or the list it stands in.
fn is_named(assume: &Assume, pointer: &str) -> bool {
    assume.named.iter().any(|named| {
        pointer.strip_prefix(named.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// An empty list, or an empty name where people are named: nobody and nothing is reached by it.
fn is_nobody(value: &Value, role: ArgumentRole) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.trim().is_empty() && role == ArgumentRole::Recipient,
        _ => false,
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
pub(super) fn values_at<'v>(arguments: &'v Value, path: &str) -> Vec<(String, &'v Value)> {
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
