//! What holds of every request that the engine builds, as a policy: a proof need not reckon with a level of
//! 17, nor with an approval of a workflow that is not this one.
//!
//! Each line follows from `context.rs` and `flow.rs`; a test compares it with requests that they built. Only
//! facts that the question reads are assumed about.

use std::fmt::Write as _;

use cedar_policy::{Policy, PolicyId};
use plimsoll_core::ArgumentRole;

use super::reads::Reads;
use super::slice::Slice;

const ID: &str = "what-requests-are";

/// A policy that forbids what is no request about this act.
pub(super) fn policy(slice: &Slice, reads: &Reads) -> Result<Option<Policy>, String> {
    let lines = lines(slice, reads);
    if lines.is_empty() {
        return Ok(None);
    }
    let mut text = "forbid (principal, action, resource) unless { true".to_owned();
    for line in lines {
        let _ = write!(text, " && ({line})");
    }
    text.push_str(" };");
    Policy::parse(Some(PolicyId::new(ID)), text).map(Some).map_err(|e| e.to_string())
}

fn lines(slice: &Slice, reads: &Reads) -> Vec<String> {
    let mut lines = vec![format!("resource == {}", slice.resource)];
    let shape = &slice.shape;
    let quote = |text: &str| format!("\"{}\"", text.escape_debug());
    let constants =
        [("tier", shape.tier.name()), ("effect", shape.effect.name()), ("account", shape.account.name())];
    lines.extend(constants.map(|(name, value)| format!("resource.{name} == {}", quote(value))));
    if reads.principal {
        lines.push(format!("principal in {}", slice.workflow));
    }
    let mut tell = |group: &str, name: &str, line: String| {
        if reads.has(group, name) {
            lines.push(line);
        }
    };
    tell("", "mode", "[\"observe\", \"suggest\", \"enforce\"].contains(context.mode)".to_owned());
    tell("", "workflow", format!("context.workflow == {}", quote(slice.workflow.id().unescaped())));
    tell("", "decides", format!("context.decides == {}", quote(slice.decides)));
    tell("approval", "untrusted", format!("context.approval.untrusted == {}", slice.untrusted));
    tell("checks", "declared", format!("context.checks.declared >= {}", shape.checks.len()));
    for name in ["calls_per_minute", "calls_per_hour", "calls_per_day"] {
        tell("counters", name, format!("context.counters.{name} >= 0"));
    }
    tell("trajectory", "integrity", level("context.trajectory.integrity"));
    tell("trajectory", "spans", "context.trajectory.spans >= 0".to_owned());
    tell("flow", "aimed", level("context.flow.aimed"));
    tell("flow", "proven", level("context.flow.proven"));
    tell("flow", "targets", "context.flow.targets >= 0".to_owned());
    for role in ArgumentRole::ALL {
        tell("flow", role.name(), one_role(slice, reads, role));
    }
    amounts(slice, reads, &mut lines);
    together(reads, &mut lines);
    lines
}

/// Levels run from 0 to 3.
fn level(path: &str) -> String {
    format!("0 <= {path} && {path} <= 3")
}

/// The level of a role, where the act has it; what must be proven is never proven better than its lowest.
fn one_role(slice: &Slice, reads: &Reads, role: ArgumentRole) -> String {
    let name = role.name();
    if slice.shape.roles.iter().all(|(_, has)| *has != role) {
        return format!("!(context.flow has {name})");
    }
    let path = format!("context.flow.{name}");
    let mut is = level(&path);
    if role.must_be_proven() && role != ArgumentRole::Amount {
        if reads.has("flow", "proven") {
            let _ = write!(is, " && context.flow.proven <= {path}");
        }
        if reads.has("flow", "targets") {
            is.push_str(" && context.flow.targets >= 1");
        }
    }
    if role.aims() && reads.has("flow", "aimed") {
        let _ = write!(is, " && context.flow.aimed <= {path}");
    }
    format!("if context.flow has {name} then ({is}) else true")
}

/// What is within the free amount.
fn amounts(slice: &Slice, reads: &Reads, lines: &mut Vec<String>) {
    if !(reads.has("amount", "hundredths") && reads.has("amount", "within_free")) {
        return;
    }
    let sum = "context.amount.hundredths";
    lines.push(match slice.shape.amount_free {
        Some(free) => format!("context.amount.within_free == (0 <= {sum} && {sum} <= {free})"),
        None => format!("!context.amount.within_free || {sum} == 0"),
    });
}

/// Facts that go together.
fn together(reads: &Reads, lines: &mut Vec<String>) {
    let both = |a: (&str, &str), b: (&str, &str)| reads.has(a.0, a.1) && reads.has(b.0, b.1);
    let (integrity, tainted) = (("trajectory", "integrity"), ("trajectory", "tainted"));
    let (lethal, targets) = (("trajectory", "lethal"), ("flow", "targets"));
    if both(integrity, tainted) {
        lines.push("context.trajectory.tainted == (context.trajectory.integrity == 0)".to_owned());
    }
    if both(lethal, tainted) {
        lines.push("!context.trajectory.lethal || context.trajectory.tainted".to_owned());
    }
    if both(lethal, integrity) {
        lines.push("!context.trajectory.lethal || context.trajectory.integrity == 0".to_owned());
    }
    for all in ["chosen", "authored", "listed"] {
        if both(("flow", all), targets) {
            lines.push(format!("context.flow.targets >= 1 || context.flow.{all}"));
        }
    }
}
