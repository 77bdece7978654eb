//! The finite abstraction: which facts are varied for one act, and over which values.
//!
//! Only facts that some policy of the act reads are varied. Truths take both values; a value that must be
//! proven takes every origin that rules can tell apart; numbers and words take those that the policies of
//! either side compare them with, and one beside them. The first value of each is the plain one.

use std::collections::BTreeSet;

use plimsoll_core::{Digest, Integrity, Mode, Payload, Principal, ToolName};
use serde_json::{Value, json};

use super::sample;
use super::situation::{Class, Situation};
use crate::cedar::{Part, Probe};

/// The name of the one fact that stands for all origins together.
pub(crate) const ORIGINS: &str = "origins";

/// One fact, and the values it takes.
#[derive(Debug)]
pub(crate) struct Dim {
    pub(crate) name: String,
    pub(crate) values: Vec<Choice>,
}

/// One value of a fact: how it is told, and what it makes of a situation.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) words: String,
    pub(crate) does: Does,
}

#[derive(Debug)]
pub(crate) enum Does {
    Nothing,
    Principal(Principal),
    Origins(Vec<(String, Class)>),
    NotAsked,
    NotKnown,
    Seen(Integrity),
    SeenClass(String),
    ForReaders,
    Payload(Payload),
    ToTheAsker(Vec<String>),
    ChecksFail,
    Amount(String, i64),
    Argument(String, Option<Value>),
    Mode(Mode),
    Environment(String),
    Deferred,
    Flag(String),
    Counter(String, i64),
    Spans(u32),
    SeenTool(ToolName),
}

impl Dim {
    /// Whether it decides a fact that the policy with this content reads.
    pub(crate) fn matters_to(&self, probe: &Probe<'_>, content: &Digest) -> bool {
        let touches = |group: &str| probe.policy_touches(content, group);
        let reads = |group: &str, name: &str| probe.policy_reads(content, group, name);
        match self.name.as_str() {
            "who asks" => {
                probe.policy_reads_principal(content) || reads("flow", "others") || touches("egress")
            }
            ORIGINS => touches("flow"),
            "the amount" => touches("amount") || touches("flow") || touches("args"),
            "asked" => touches("intent"),
            "proposed" => touches("hypothesis"),
            "checks" => touches("checks"),
            "reaches" => reads("flow", "others") || touches("egress"),
            "seen" => touches("trajectory") || touches("flow"),
            "seen classes" | "seen tools" | "spans" => touches("trajectory"),
            "readers" => touches("egress"),
            "text" => touches("payload"),
            "mode" => reads("", "mode"),
            "environment" => reads("", "environment"),
            "door" => reads("", "deferred"),
            "flags" => reads("", "flags"),
            name if name.starts_with("argument ") => touches("args"),
            counter => reads("counters", counter),
        }
    }
}

impl Does {
    /// What of a case it decides.
    fn parts(&self) -> &'static [Part] {
        match self {
            Self::Nothing => &[],
            Self::Principal(_) => &[Part::Principal],
            Self::Origins(origins) if origins.iter().any(|(_, class)| *class == Class::Absent) => {
                &[Part::Origins, Part::Arguments]
            }
            Self::Origins(_) => &[Part::Origins],
            Self::NotAsked => &[Part::Asked],
            Self::NotKnown => &[Part::Proposed],
            Self::Seen(_) => &[Part::Integrity],
            Self::SeenClass(_) => &[Part::Classes],
            Self::ForReaders => &[Part::Readers],
            Self::Payload(_) => &[Part::Payload],
            Self::ToTheAsker(_) | Self::Amount(..) | Self::Argument(..) => &[Part::Arguments],
            Self::ChecksFail => &[Part::Checks],
            Self::Mode(_) => &[Part::Mode],
            Self::Environment(_) => &[Part::Environment],
            Self::Deferred => &[Part::Door],
            Self::Flag(_) => &[Part::Flags],
            Self::Counter(..) => &[Part::Counters],
            Self::Spans(_) => &[Part::Spans],
            Self::SeenTool(_) => &[Part::UntrustedTools],
        }
    }
}

impl Choice {
    pub(crate) fn apply(&self, situation: &mut Situation) {
        match &self.does {
            Does::Nothing => {}
            Does::Principal(principal) => situation.principal = principal.clone(),
            Does::Origins(origins) => {
                for (path, _) in origins.iter().filter(|(_, class)| *class == Class::Absent) {
                    sample::remove(&mut situation.arguments, path);
                }
                situation.origins.clone_from(origins);
            }
            Does::NotAsked => situation.asked = false,
            Does::NotKnown => situation.known = false,
            Does::Seen(integrity) => situation.label.integrity = *integrity,
            Does::SeenClass(class) => {
                situation.label.classes.insert(class.clone());
            }
            Does::ForReaders => situation.for_readers(),
            Does::Payload(payload) => situation.payload = payload.clone(),
            Does::ToTheAsker(paths) => {
                for path in paths {
                    if !is_there(&situation.arguments, path) {
                        continue;
                    }
                    let asker =
                        situation.principal.requester().rsplit(':').next().unwrap_or_default().to_owned();
                    let steps: Vec<&str> = path.split('/').skip(1).collect();
                    let is_list =
                        situation.arguments.pointer(&path.replace('*', "0")).is_some_and(Value::is_array);
                    let value = if is_list { json!([asker]) } else { json!(asker) };
                    sample::put(&mut situation.arguments, &steps, value);
                }
            }
            Does::ChecksFail => situation.checks_failed = true,
            Does::Amount(path, hundredths) if is_there(&situation.arguments, path) => {
                let steps: Vec<&str> = path.split('/').skip(1).collect();
                let text = format!("{}.{:02}", hundredths / 100, (hundredths % 100).abs());
                let whole = (hundredths % 100 == 0).then(|| json!(hundredths / 100));
                let value = whole.or_else(|| serde_json::from_str(&text).ok()).unwrap_or(json!(text));
                sample::put(&mut situation.arguments, &steps, value);
            }
            Does::Amount(..) => {}
            Does::Argument(name, Some(value)) => {
                sample::put(&mut situation.arguments, &[name.as_str()], value.clone());
            }
            Does::Argument(name, None) => sample::remove(&mut situation.arguments, &format!("/{name}")),
            Does::Mode(mode) => situation.mode = *mode,
            Does::Environment(name) => situation.environment.clone_from(name),
            Does::Deferred => situation.deferred = true,
            Does::Flag(flag) => drop(situation.flags.insert(flag.clone())),
            Does::Counter(name, count) => {
                situation.counters.insert(name.clone(), *count);
            }
            Does::Spans(spans) => situation.spans = *spans,
            Does::SeenTool(tool) => situation.untrusted_tools = vec![tool.clone()],
        }
    }
}

fn is_there(arguments: &Value, path: &str) -> bool {
    arguments.pointer(&path.replace('*', "0")).is_some()
}

/// Every fact that is varied for an act.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) plain: Situation,
    pub(crate) dims: Vec<Dim>,
    /// The arguments of which more than one value is tried.
    pub(crate) args: BTreeSet<String>,
}

impl Space {
    /// The dimensions that decide these parts of a case, by their places.
    pub(super) fn deciding(&self, parts: &[Part]) -> Vec<usize> {
        let does = |dim: &Dim, is: &dyn Fn(&Does) -> bool| dim.values.iter().any(|value| is(&value.does));
        // What is addressed to the asker holds the asker's name.
        let named = parts.contains(&Part::Arguments)
            && self.dims.iter().any(|dim| does(dim, &|does| matches!(does, Does::ToTheAsker(_))));
        let counts = |part: &Part| parts.contains(part) || (named && *part == Part::Principal);
        let decides = |dim: &Dim| does(dim, &|does| does.parts().iter().any(counts));
        (0..self.dims.len()).filter(|at| decides(&self.dims[*at])).collect()
    }
}
