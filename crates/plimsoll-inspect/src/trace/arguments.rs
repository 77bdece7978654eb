//! Walking over arguments: leaves, their pointers, their roles, and what holds for a whole list.

use std::borrow::Cow;
use std::collections::BTreeMap;

use plimsoll_core::{ArgumentOrigin, ArgumentRole};
use serde_json::Value;

use super::spelling::suggested_role;

/// Longer strings are not opened for JSON in them.
const OPENED_MAX: usize = 64 * 1024;
/// Places that are told of a whole list; each element tells its own.
const LIST_FOUND_MAX: usize = 32;
/// JSON in JSON in JSON is followed so far.
const OPENED_DEEP: usize = 4;

/// One value to trace.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    /// RFC 6901; it goes on into JSON that stands in a string, and into the parts of a string that lists
    /// addresses.
    pub(super) pointer: String,
    /// For what stands in a list: the list's pointer, or the pattern of a member of listed objects.
    pub(super) list: Option<String>,
    pub(super) role: ArgumentRole,
    pub(super) value: Cow<'a, Value>,
}

impl Leaf<'_> {
    /// The argument's own name: the last one on its path.
    pub(super) fn name(&self) -> &str {
        let is_name = |part: &&str| !part.is_empty() && part.parse::<u32>().is_err();
        self.pointer.rsplit('/').find(is_name).unwrap_or_default()
    }
}

pub(super) fn leaves<'a>(
    arguments: &'a Value,
    roles: &dyn Fn(&str) -> Option<ArgumentRole>,
) -> Vec<Leaf<'a>> {
    let mut found = Vec::new();
    walk(Cow::Borrowed(arguments), &Place::default(), roles, &mut found);
    found
}

/// Where the walk is.
#[derive(Clone, Debug, Default)]
struct Place<'p> {
    pointer: String,
    /// The same with list positions as `*`.
    pattern: String,
    /// What this one is in.
    outer: Option<&'p Place<'p>>,
    /// How many strings were opened on the way.
    opened: usize,
}

impl Place<'_> {
    fn inner<'i>(&'i self, name: &str, pattern: &str) -> Place<'i> {
        Place {
            pointer: format!("{}/{name}", self.pointer),
            pattern: format!("{}/{pattern}", self.pattern),
            outer: Some(self),
            opened: self.opened,
        }
    }

    fn role(&self, roles: &dyn Fn(&str) -> Option<ArgumentRole>) -> Option<ArgumentRole> {
        let own = |place: &Place<'_>| roles(&place.pointer).or_else(|| roles(&place.pattern));
        let outer = std::iter::successors(self.outer, |place| place.outer);
        own(self).or_else(|| outer.filter(|place| !place.pointer.is_empty()).find_map(own))
    }
}

fn walk<'a>(
    value: Cow<'a, Value>,
    place: &Place<'_>,
    roles: &dyn Fn(&str) -> Option<ArgumentRole>,
    found: &mut Vec<Leaf<'a>>,
) {
    match &*value {
        Value::Object(members) => {
            for name in members.keys() {
                let Some(member) = member(&value, |value| value.get(name)) else { continue };
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(member, &place.inner(&name, &name), roles, found);
            }
        }
        Value::Array(items) => {
            for index in 0..items.len() {
                let Some(item) = member(&value, |value| value.get(index)) else { continue };
                walk(item, &place.inner(&index.to_string(), "*"), roles, found);
            }
        }
        Value::Null | Value::Bool(_) => found.push(leaf(value.clone(), place, ArgumentRole::Choice)),
        Value::Number(_) => {
            let role = place.role(roles).unwrap_or_else(|| suggested_role(&value));
            found.push(leaf(value, place, role));
        }
        Value::String(text) => {
            let role = place.role(roles).unwrap_or_else(|| suggested_role(&value));
            if let Some(inner) = parts(text, role).or_else(|| opened(text, place)) {
                let mut inside = place.clone();
                inside.opened += 1;
                walk(Cow::Owned(inner), &inside, roles, found);
            }
            if parts(text, role).is_none() {
                found.push(leaf(value.clone(), place, role));
            }
        }
    }
}

fn member<'a>(
    value: &Cow<'a, Value>,
    get: impl for<'v> Fn(&'v Value) -> Option<&'v Value>,
) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => get(value).map(Cow::Borrowed),
        Cow::Owned(value) => get(value).cloned().map(Cow::Owned),
    }
}

/// The addresses of a string that lists several: each must be good on its own.
fn parts(text: &str, role: ArgumentRole) -> Option<Value> {
    let parts: Vec<&str> = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let all = parts.len() > 1 && parts.iter().all(|part| part.contains('@'));
    (role == ArgumentRole::Recipient && all).then(|| parts.into_iter().map(Value::from).collect())
}

/// The JSON that stands in a string.
fn opened(text: &str, place: &Place<'_>) -> Option<Value> {
    let text = text.trim();
    let structured = text.starts_with(['{', '[']) && text.len() <= OPENED_MAX && place.opened < OPENED_DEEP;
    structured.then(|| serde_json::from_str(text).ok()).flatten()
}

fn leaf<'a>(value: Cow<'a, Value>, place: &Place<'_>, role: ArgumentRole) -> Leaf<'a> {
    let in_list = place.pattern.split('/').any(|part| part == "*") && place.pattern != place.pointer;
    let list = in_list.then(|| place.pattern.strip_suffix("/*").unwrap_or(&place.pattern).to_owned());
    Leaf { pointer: place.pointer.clone(), list, role, value }
}

/// One origin for each list: the lowest integrity of its elements, and their sources. One bad
/// recipient makes a bad list.
pub(super) fn list_origins(leaves: &[Leaf<'_>], origins: &[ArgumentOrigin]) -> Vec<ArgumentOrigin> {
    let mut lists: BTreeMap<&str, ArgumentOrigin> = BTreeMap::new();
    for (leaf, origin) in leaves.iter().zip(origins) {
        let Some(list) = leaf.list.as_deref() else { continue };
        let whole = lists.entry(list).or_insert_with(|| ArgumentOrigin {
            argument: list.to_owned(),
            found: Vec::new(),
            more: 0,
            ..origin.clone()
        });
        // The value to show is the one that lowers the list.
        if origin.integrity < whole.integrity || (origin.unknown && !whole.unknown) {
            whole.preview.clone_from(&origin.preview);
        }
        whole.integrity = whole.integrity.min(origin.integrity);
        whole.authored = (whole.chosen || whole.authored) && (origin.chosen || origin.authored);
        whole.chosen &= origin.chosen;
        whole.authored &= !whole.chosen;
        whole.listed &= origin.listed;
        whole.unknown |= origin.unknown;
        whole.more = whole.more.saturating_add(origin.more);
        for found in &origin.found {
            if whole.found.contains(found) {
                continue;
            }
            match whole.found.len() < LIST_FOUND_MAX {
                true => whole.found.push(found.clone()),
                false => whole.more = whole.more.saturating_add(1),
            }
        }
    }
    lists.into_values().collect()
}
