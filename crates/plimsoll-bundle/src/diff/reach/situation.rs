//! One abstract case: everything that a decision may look at, chosen rather than found. Made into a
//! [`Case`] for either side, because roles, checks and deciders may differ between them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plimsoll_core::{
    Account, Act, ActId, ApprovalTerms, ArgumentOrigin, ArgumentRole, Case, CheckFact, Door, Effect, Facts,
    Flow, Hypothesis, Integrity, Intent, Label, Mode, Origin, Payload, PermitId, Principal, Readers, Tier,
    ToolName, Trajectory,
};
use serde_json::Value;

use crate::cedar::Probe;
use crate::model::Tool;

/// Where a value comes from, as far as rules can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    User,
    Absent,
    Operator,
    Lent,
    Trusted,
    Listed,
    Told,
    Written,
    Untrusted,
    Unknown,
}

impl Class {
    /// After "the account …".
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::User => "was named by the user",
            Self::Absent => "is left out",
            Self::Operator => "stands in a released prompt",
            Self::Lent => "is lent by a record that the user named",
            Self::Trusted => "stands in the organisation's own records",
            Self::Listed => "stands in a directory that the organisation keeps",
            Self::Told => "stands in a text of an author whom the user named",
            Self::Written => "stands in a text of a member of the house",
            Self::Untrusted => "comes from untrusted content",
            Self::Unknown => "was found nowhere",
        }
    }

    fn origin(self, argument: &str, role: ArgumentRole) -> Option<ArgumentOrigin> {
        let integrity = match self {
            Self::Absent => return None,
            Self::Operator => Integrity::Operator,
            Self::User => Integrity::User,
            Self::Lent | Self::Trusted | Self::Listed => Integrity::Trusted,
            Self::Told | Self::Written | Self::Untrusted | Self::Unknown => Integrity::Untrusted,
        };
        let lent_by = (self == Self::Told).then(|| "author".to_owned());
        let found = Origin {
            span: 1,
            source: "tool:other".to_owned(),
            integrity,
            whole: true,
            field: None,
            lent_by,
            of: None,
        };
        Some(ArgumentOrigin {
            argument: argument.to_owned(),
            role,
            integrity,
            chosen: matches!(self, Self::User | Self::Operator | Self::Lent),
            authored: matches!(self, Self::Told | Self::Written),
            listed: self == Self::Listed,
            unknown: self == Self::Unknown,
            found: if self == Self::Unknown { Vec::new() } else { vec![found] },
            more: 0,
            preview: None,
        })
    }
}

/// A case before it belongs to a side.
#[derive(Clone, Debug)]
pub(crate) struct Situation {
    pub(crate) principal: Principal,
    pub(crate) arguments: Value,
    /// Path of the declaration (`/items/*/sku`), and where its value comes from.
    pub(crate) origins: Vec<(String, Class)>,
    pub(crate) asked: bool,
    pub(crate) known: bool,
    pub(crate) label: Label,
    pub(crate) spans: u32,
    pub(crate) untrusted_tools: Vec<ToolName>,
    pub(crate) payload: Payload,
    pub(crate) checks_failed: bool,
    pub(crate) mode: Mode,
    pub(crate) environment: String,
    pub(crate) deferred: bool,
    pub(crate) counters: BTreeMap<String, i64>,
    pub(crate) flags: BTreeSet<String>,
}

/// Placeholder for what only an outsider would be.
pub(crate) const OTHER_READER: &str = "role:somebody-else";

impl Situation {
    pub(crate) fn plain(principal: Principal, arguments: Value, environment: &str) -> Self {
        Self {
            principal,
            arguments,
            origins: Vec::new(),
            asked: true,
            known: true,
            label: Label::of(Integrity::User),
            spans: 3,
            untrusted_tools: Vec::new(),
            payload: Payload::default(),
            checks_failed: false,
            mode: Mode::Enforce,
            environment: environment.to_owned(),
            deferred: false,
            counters: ["calls_per_minute", "calls_per_hour", "calls_per_day", "amount_per_day"]
                .map(|name| (name.to_owned(), 0))
                .into(),
            flags: BTreeSet::new(),
        }
    }

    pub(crate) fn for_readers(&mut self) {
        self.label.readers = Readers::Only(BTreeSet::from([OTHER_READER.to_owned()]));
    }
}

/// One act of one workflow on one side.
#[derive(Debug)]
pub(crate) struct SideAct<'a> {
    pub(crate) probe: Probe<'a>,
    pub(crate) workflow: &'a str,
    pub(crate) name: &'a ToolName,
    /// `None` for a model.
    pub(crate) tool: Option<&'a Tool>,
    pub(crate) terms: Option<ApprovalTerms>,
}

impl SideAct<'_> {
    /// The situation as this side sees it.
    pub(crate) fn with<T>(&self, situation: &Situation, then: impl FnOnce(&Case<'_>) -> T) -> T {
        let tool = self.tool;
        let role = |path: &String| tool.and_then(|tool| tool.meaning.roles.get(path)).copied();
        let origins = situation.origins.iter().filter_map(|(path, class)| {
            // Samples have one element in each list.
            class.origin(&path.replace('*', "0"), role(path)?)
        });
        let searched = tool.is_some_and(carries_text);
        let flow = Flow {
            origins: origins.collect(),
            intent: Intent { asked: situation.asked, ..Intent::default() },
            payload: if searched { situation.payload.clone() } else { Payload::default() },
        };
        let trajectory = Trajectory {
            label: situation.label.clone(),
            spans: situation.spans,
            untrusted_tools: situation.untrusted_tools.clone(),
            unreleased: false,
        };
        let passed = situation.checks_failed.then_some(false);
        let checks = tool.into_iter().flat_map(|tool| &tool.checks);
        let facts = Facts {
            hypothesis: if situation.known { Hypothesis::Answer } else { Hypothesis::Unknown },
            terms: self.terms.clone(),
            checks: checks
                .map(|check| CheckFact { name: check.name.clone(), passed, detail: String::new() })
                .collect(),
            deferred: situation.deferred,
            counters: situation.counters.clone(),
            flags: situation.flags.clone(),
            ..Facts::default()
        };
        let act = Act {
            id: ActId(uuid::Uuid::nil()),
            door: Door::Tool,
            tool: self.name.clone(),
            arguments: situation.arguments.clone(),
            schema: tool.and_then(|tool| tool.pin.as_ref()).map(|pin| pin.digest),
            call_id: None,
        };
        then(&Case {
            principal: &situation.principal,
            workflow: self.workflow,
            environment: &situation.environment,
            release: "compared",
            mode: situation.mode,
            act: &act,
            tier: tool.map_or(Tier::Safe, |tool| tool.tier),
            effect: tool.map_or(Effect::Read, |tool| tool.effect),
            account: tool.map_or(Account::Read, |tool| tool.account),
            trajectory: &trajectory,
            flow: &flow,
            facts: &facts,
            now: Timestamp::UNIX_EPOCH,
            permit: PermitId(uuid::Uuid::nil()),
        })
    }

    /// Whether another side judges it alike, whatever the case.
    pub(super) fn is_judged_as(&self, other: &SideAct<'_>) -> bool {
        self.terms.is_some() == other.terms.is_some() && self.probe.same_as(&other.probe)
    }

    /// Whether every case has the same numbers on another side.
    pub(super) fn is_numbered_as(&self, other: &SideAct<'_>) -> bool {
        self.terms.is_some() == other.terms.is_some() && self.probe.is_numbered_as(&other.probe)
    }

    /// The schema that its arguments are pinned to.
    pub(crate) fn schema(&self) -> Option<&Value> {
        self.tool.and_then(|tool| tool.pin.as_ref()).map(|pin| &pin.input_schema)
    }
}

/// Whether an act has text in which something can be carried.
pub(crate) fn carries_text(tool: &Tool) -> bool {
    tool.meaning.roles.values().any(|role| matches!(role, ArgumentRole::Content | ArgumentRole::Query))
}
