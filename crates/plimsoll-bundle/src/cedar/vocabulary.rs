//! The words a policy may use about a case: one table, from which the schema, its documentation and
//! the narrowing to what is read are made. `context.rs` fills them in.

use plimsoll_core::{ArgumentRole, Effect, Tier};

/// One fact of the context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// The record it stands in; empty for the context itself.
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    /// Its Cedar type.
    pub(super) kind: &'static str,
    pub(super) optional: bool,
    pub(super) meaning: &'static str,
}

const fn field(group: &'static str, name: &'static str, kind: &'static str, meaning: &'static str) -> Field {
    Field { group, name, kind, optional: false, meaning }
}

const fn role(role: ArgumentRole) -> Field {
    Field {
        group: "flow",
        name: role.name(),
        kind: "Long",
        optional: true,
        meaning: "the lowest level over the arguments with this role; absent when there are none",
    }
}

/// Every fact but `args`, whose fields come from each tool's pinned schema.
pub(super) const FIELDS: &[Field] = &[
    field("", "mode", "String", "observe, suggest or enforce"),
    field("", "environment", "String", "as `plimsoll.yaml` names it"),
    field("", "workflow", "String", "its name"),
    field("", "release", "String", "the digest of the bundle in force"),
    field("", "deferred", "Bool", "another door will judge this act before it moves anything"),
    field("", "decides", "String", "who decides by the workflow's boundary: automated or people"),
    field("", "flags", "Set<String>", "the feature flags that are on for this session"),
    field("", "now", "datetime", "the time of the decision, in whole seconds"),
    field(
        "flow",
        "aimed",
        "Long",
        "the lowest level over recipient, account, url, path, identifier and credential; \
        for an act that aims at nothing, the trajectory's integrity",
    ),
    field("flow", "unknown", "Bool", "an aiming argument was found nowhere in what the model was shown"),
    field(
        "flow",
        "targets",
        "Long",
        "how many values it has that must be proven: recipient, account, url, path, identifier, credential, \
        time, and amount unless it is within what is free",
    ),
    field(
        "flow",
        "proven",
        "Long",
        "the lowest level over those values; the trajectory's integrity without any",
    ),
    field("flow", "chosen", "Bool", "the user named each of those values, or the record that lends it"),
    field(
        "flow",
        "authored",
        "Bool",
        "each of those values that is not both trusted and chosen is a recipient, url, identifier or time \
        that stands in what a known author wrote",
    ),
    field(
        "flow",
        "listed",
        "Bool",
        "each of those values that is not both trusted and chosen stands in a directory that the organisation keeps",
    ),
    field(
        "flow",
        "others",
        "Bool",
        "it touches somebody other than the asker: by its effect, or by a recipient, account or url",
    ),
    role(ArgumentRole::Recipient),
    role(ArgumentRole::Account),
    role(ArgumentRole::Amount),
    role(ArgumentRole::Url),
    role(ArgumentRole::Path),
    role(ArgumentRole::Identifier),
    role(ArgumentRole::Query),
    role(ArgumentRole::Content),
    role(ArgumentRole::Code),
    role(ArgumentRole::Credential),
    role(ArgumentRole::Time),
    role(ArgumentRole::Choice),
    field("intent", "asked", "Bool", "the user's own words ask for this kind of act"),
    field(
        "payload",
        "foreign",
        "Bool",
        "its text holds a link, an address or an account that no trusted text holds",
    ),
    field("payload", "classes", "Set<String>", "data classes of sensitive values in its text, also encoded"),
    field("payload", "undictated", "Bool", "the user dictated its text, and some of it is another text"),
    field("egress", "outside", "Bool", "it reaches somebody who may not read what the model has been shown"),
    field("trajectory", "integrity", "Long", "the lowest level of anything the model has been shown"),
    field("trajectory", "tainted", "Bool", "the model has been shown something untrusted"),
    field(
        "trajectory",
        "lethal",
        "Bool",
        "the model has been shown something untrusted and something of a data class",
    ),
    field("trajectory", "spans", "Long", "how many pieces of text it has been shown"),
    field("trajectory", "classes", "Set<String>", "their data classes"),
    field("trajectory", "untrusted_tools", "Set<String>", "tools whose untrusted results it has seen"),
    field("approval", "granted", "Bool", "people in the named roles approved this exact act"),
    field(
        "approval",
        "untrusted",
        "Bool",
        "by the workflow's boundary these people may also approve what untrusted content chose",
    ),
    field("checks", "declared", "Long", "how many checks the tool declares"),
    field("checks", "passed", "Bool", "every declared check has passed; true when there are none"),
    field("hypothesis", "known", "Bool", "a known model answer proposed this call"),
    field("amount", "hundredths", "Long", "the sum of the amounts, rounded up; 0 when there are none"),
    field("amount", "within_free", "Bool", "between 0 and the tool's `amount_free`, or no amount at all"),
    field("counters", "calls_per_minute", "Long", "calls in this minute"),
    field("counters", "calls_per_hour", "Long", "calls in this hour"),
    field("counters", "calls_per_day", "Long", "calls on this day"),
    field("counters", "amount_per_day", "Long", "hundredths on this day"),
];

/// The record of the act's own arguments.
pub(super) const ARGS: &str = "args";

pub(super) const TIERS: [Tier; 3] = [Tier::Safe, Tier::Guarded, Tier::Dangerous];

pub(super) const EFFECTS: [Effect; 6] =
    [Effect::Read, Effect::Own, Effect::Shared, Effect::External, Effect::Egress, Effect::Destructive];

/// Whether a server of this name would be taken for a group of acts.
pub(super) fn is_group(name: &str) -> bool {
    TIERS.iter().any(|t| t.name() == name) || EFFECTS.iter().any(|e| e.name() == name)
}
