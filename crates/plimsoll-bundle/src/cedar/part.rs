//! Of what parts a case is made, and which of them each fact looks at: cases that differ in other parts only have
//! the same fact. Each line follows from `context.rs`; a test of the behaviour diff compares the two.

/// One part of a case that can be varied by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Principal,
    Arguments,
    Origins,
    Asked,
    Proposed,
    Checks,
    /// The level of what the model has been shown.
    Integrity,
    /// Its data classes.
    Classes,
    /// Who may read it.
    Readers,
    Spans,
    UntrustedTools,
    Payload,
    Mode,
    Environment,
    Door,
    Flags,
    Counters,
}

impl Part {
    pub(super) const ALL: [Self; 17] = [
        Self::Principal,
        Self::Arguments,
        Self::Origins,
        Self::Asked,
        Self::Proposed,
        Self::Checks,
        Self::Integrity,
        Self::Classes,
        Self::Readers,
        Self::Spans,
        Self::UntrustedTools,
        Self::Payload,
        Self::Mode,
        Self::Environment,
        Self::Door,
        Self::Flags,
        Self::Counters,
    ];
}

/// What a fact of the vocabulary looks at, beside what is known of the act at load.
pub(super) fn of_fact(group: &str, name: &str) -> &'static [Part] {
    match (group, name) {
        ("", "workflow" | "release" | "decides" | "now") | ("approval", _) => &[],
        ("", "mode") => &[Part::Mode],
        ("", "environment") => &[Part::Environment],
        ("", "deferred") => &[Part::Door],
        ("", "flags") => &[Part::Flags],
        ("flow", "others") => &[Part::Arguments, Part::Principal],
        ("flow", "aimed" | "proven") => &[Part::Arguments, Part::Origins, Part::Integrity],
        ("flow", _) => &[Part::Arguments, Part::Origins],
        ("trajectory", "integrity" | "tainted") => &[Part::Integrity],
        ("trajectory", "lethal") => &[Part::Integrity, Part::Classes],
        ("trajectory", "classes") => &[Part::Classes],
        ("trajectory", "spans") => &[Part::Spans],
        ("trajectory", "untrusted_tools") => &[Part::UntrustedTools],
        ("intent", _) => &[Part::Asked],
        ("payload", _) => &[Part::Payload],
        ("egress", _) => &[Part::Readers, Part::Arguments, Part::Principal],
        ("checks", _) => &[Part::Checks],
        ("hypothesis", _) => &[Part::Proposed],
        ("amount" | "args", _) => &[Part::Arguments],
        ("counters", _) => &[Part::Counters],
        // A new one, of which nothing is said here yet.
        _ => &Part::ALL,
    }
}
