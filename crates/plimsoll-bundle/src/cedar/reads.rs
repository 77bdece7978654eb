//! Which facts a policy reads.
//!
//! Found in Cedar's own JSON form of the policy, and loose on purpose: whatever is not plainly the
//! access of one field counts as reading everything below.

use std::collections::BTreeSet;

use cedar_policy::Policy;
use serde_json::Value;

/// The facts read by one policy or by many together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// `flow.aimed` as `["flow", "aimed"]`; a shorter path stands for all below it.
    paths: BTreeSet<Vec<String>>,
    /// The principal's attributes or parents.
    pub(super) principal: bool,
}

impl Reads {
    pub(super) fn of(policy: &Policy) -> Self {
        let mut reads = Self::default();
        match policy.to_json() {
            Ok(json) => {
                reads.principal = json.pointer("/principal/op").is_none_or(|op| op != "All");
                reads.walk(json.get("conditions").unwrap_or(&Value::Null));
            }
            Err(_) => reads.everything(),
        }
        reads
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.paths.extend(other.paths.iter().cloned());
        self.principal |= other.principal;
    }

    /// Whether `group.name` is read; an empty group is the context itself.
    pub(super) fn has(&self, group: &str, name: &str) -> bool {
        let whole: &[&str] = if group.is_empty() { &[name] } else { &[group, name] };
        self.paths.iter().any(|path| path.len() <= whole.len() && path.iter().zip(whole).all(|(a, b)| a == b))
    }

    /// Whether anything of a record is read, or the record as such.
    pub(super) fn touches(&self, group: &str) -> bool {
        self.paths.iter().any(|path| path.first().is_none_or(|first| first == group))
    }

    fn everything(&mut self) {
        self.paths.insert(Vec::new());
        self.principal = true;
    }

    fn walk(&mut self, node: &Value) {
        match node {
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Object(members) => {
                if let Some(path) = path_of(node) {
                    self.paths.insert(path);
                    return;
                }
                self.principal |= members.get("Var").is_some_and(|name| name == "principal");
                members.values().for_each(|value| self.walk(value));
            }
            _ => {}
        }
    }
}

/// `context.a.b` or `context.a has b` as `[a, b]`; `context` alone as `[]`.
pub(super) fn path_of(node: &Value) -> Option<Vec<String>> {
    if node.get("Var").is_some_and(|name| name == "context") {
        return Some(Vec::new());
    }
    let access = node.get(".").or_else(|| node.get("has"))?;
    let mut path = path_of(access.get("left")?)?;
    match access.get("attr") {
        Some(Value::String(name)) => path.push(name.clone()),
        Some(Value::Array(names)) => path.extend(names.iter().map_while(Value::as_str).map(str::to_owned)),
        _ => {}
    }
    // Below the fields of the table there are only extension values and sets.
    path.truncate(2);
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(condition: &str) -> Reads {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        Reads::of(&Policy::parse(None, text).unwrap())
    }

    #[test]
    fn only_what_is_named() {
        let r = reads("context.flow has account && context.flow.account < 1 && context.mode == \"x\"");
        assert!(r.has("flow", "account") && r.has("", "mode"));
        assert!(!r.has("flow", "aimed") && !r.has("", "release") && !r.has("args", "x") && !r.principal);
        assert!(reads("context has flow.account").has("flow", "account"));
        assert!(reads("context[\"args\"][\"a b\"] == 1").has("args", "a b"));
    }

    #[test]
    fn what_is_not_plain_reads_everything_below() {
        assert!(reads("context.flow == {aimed: 1}").has("flow", "account"));
        assert!(reads("(if true then context else context).mode == \"x\"").has("amount", "hundredths"));
        assert!(reads("context has flow").has("flow", "aimed"));
        assert!(reads("principal.roles.contains(\"x\")").principal);
        assert!(
            Reads::of(&Policy::parse(None, "permit(principal is User, action, resource);").unwrap())
                .principal
        );
    }
}
