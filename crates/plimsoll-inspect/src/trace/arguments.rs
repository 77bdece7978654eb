//! Walking over arguments: leaves, their pointers, their roles, and what holds for a whole list.

use std::collections::BTreeMap;

use plimsoll_core::{ArgumentOrigin, ArgumentRole};
use serde_json::Value;

use super::spelling::suggested_role;

/// One value to trace.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    /// RFC 6901.
    pub(super) pointer: String,
    /// For what stands in a list: the list's pointer, or the pattern of a member of listed objects.
    pub(super) list: Option<String>,
    pub(super) role: ArgumentRole,
    pub(super) value: &'a Value,
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
    walk(arguments, &mut Place::default(), roles, &mut found);
    found
}

/// Where the walk is.
#[derive(Clone, Debug, Default)]
struct Place {
    pointer: String,
    /// The same with list positions as `*`.
    pattern: String,
    /// Pointers that contain this one, outermost first, each with its pattern.
    above: Vec<(String, String)>,
}

impl Place {
    fn inner(&self, name: &str, pattern: &str) -> Self {
        let mut above = self.above.clone();
        above.push((self.pointer.clone(), self.pattern.clone()));
        Self {
            pointer: format!("{}/{name}", self.pointer),
            pattern: format!("{}/{pattern}", self.pattern),
            above,
        }
    }

    fn role(&self, roles: &dyn Fn(&str) -> Option<ArgumentRole>) -> Option<ArgumentRole> {
        let own = roles(&self.pointer).or_else(|| roles(&self.pattern));
        own.or_else(|| {
            let above = self.above.iter().rev().filter(|(pointer, _)| !pointer.is_empty());
            above.clone().find_map(|(pointer, pattern)| roles(pointer).or_else(|| roles(pattern)))
        })
    }
}

fn walk<'a>(
    value: &'a Value,
    place: &mut Place,
    roles: &dyn Fn(&str) -> Option<ArgumentRole>,
    found: &mut Vec<Leaf<'a>>,
) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(member, &mut place.inner(&name, &name), roles, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &mut place.inner(&index.to_string(), "*"), roles, found);
            }
        }
        Value::Null | Value::Bool(_) => found.push(leaf(value, place, ArgumentRole::Choice)),
        Value::String(_) | Value::Number(_) => {
            let role = place.role(roles).unwrap_or_else(|| suggested_role(value));
            found.push(leaf(value, place, role));
        }
    }
}

fn leaf<'a>(value: &'a Value, place: &Place, role: ArgumentRole) -> Leaf<'a> {
    let in_list = place.pattern.split('/').any(|part| part == "*") && place.pattern != place.pointer;
    let list = in_list.then(|| place.pattern.strip_suffix("/*").unwrap_or(&place.pattern).to_owned());
    Leaf { pointer: place.pointer.clone(), list, role, value }
}

/// One origin for each list: the lowest integrity of its elements, all their sources. One bad
/// recipient makes a bad list.
pub(super) fn list_origins(leaves: &[Leaf<'_>], origins: &[ArgumentOrigin]) -> Vec<ArgumentOrigin> {
    let mut lists: BTreeMap<&str, ArgumentOrigin> = BTreeMap::new();
    for (leaf, origin) in leaves.iter().zip(origins) {
        let Some(list) = leaf.list.as_deref() else { continue };
        let whole = lists.entry(list).or_insert_with(|| ArgumentOrigin {
            argument: list.to_owned(),
            found: Vec::new(),
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
        for found in &origin.found {
            if !whole.found.contains(found) {
                whole.found.push(found.clone());
            }
        }
    }
    lists.into_values().collect()
}
