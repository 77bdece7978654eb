//! What a release states: an in-toto statement (version 1) with a predicate of ours.
//!
//! Everything in it is signed. It holds what people looked at when they signed, so that later nobody has to remember it: the
//! diff line by line, and what checks, invariants, drills and replays found and how.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plimsoll_core::Digest;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::unique;
use crate::diff::{Change, Diff, Level};

const KIND: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "urn:plimsoll:release:v1";
/// Sequence numbers are exact in every reader of JSON.
pub const SEQUENCE_MAX: u64 = (1 << 53) - 1;
/// Characters of a name in a statement.
const NAME_MAX: usize = 200;
/// Environments that one release is for.
const ENVIRONMENTS_MAX: usize = 32;

/// The whole statement.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    pub predicate: Predicate,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    #[serde(deserialize_with = "unique::map")]
    digest: BTreeMap<String, String>,
}

/// What we say about a release.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    pub project: String,
    /// One more than the parent's: a release never comes after a later one.
    pub sequence: u64,
    /// The release that this one follows.
    pub parent: Option<Digest>,
    /// Where it may run.
    pub environments: BTreeSet<String>,
    pub created: Timestamp,
    pub expires: Timestamp,
    /// Whose signature says "I made it".
    pub author: String,
    /// The version of Plimsoll that made it.
    pub plimsoll: String,
    /// Path → SHA-256 of the file.
    #[serde(deserialize_with = "unique::map")]
    pub manifest: BTreeMap<String, Digest>,
    pub diff: DiffRecord,
    pub checks: Finding,
    pub invariants: Finding,
    pub drills: Finding,
    pub replays: Finding,
}

/// What the change makes possible, as it was shown to those who signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DiffRecord {
    /// The release it was compared with; `None` for a first one.
    pub base: Option<Digest>,
    /// How: `enumeration`, and how much of it.
    pub how: String,
    pub changes: Vec<ChangeRecord>,
}

/// One line of the diff.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRecord {
    pub rule: String,
    #[serde(deserialize_with = "level")]
    pub level: Level,
    pub class: String,
    pub fingerprint: String,
    pub what: String,
}

/// What was tried before the release was signed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub found: Found,
    /// How it was found, or why nothing was tried.
    pub how: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique::map")]
    pub figures: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How a trial ended. What was not run says nothing good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    Passed,
    Failed,
    NotRun,
}

impl Found {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotRun => "not run",
        }
    }
}

impl Finding {
    pub fn new(found: Found, how: impl Into<String>) -> Self {
        Self { found, how: how.into(), figures: BTreeMap::new(), notes: Vec::new() }
    }

    #[must_use]
    pub fn figure(mut self, name: &str, figure: usize) -> Self {
        self.figures.insert(name.to_owned(), u64::try_from(figure).unwrap_or(u64::MAX).min(SEQUENCE_MAX));
        self
    }

    #[must_use]
    pub fn notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

impl DiffRecord {
    pub fn of(diff: &Diff) -> Self {
        let compared = &diff.compared;
        let cut = match compared.cut.values().map(Vec::len).sum::<usize>() {
            0 => String::new(),
            n => format!("; of {n} acts a part was tried"),
        };
        Self {
            base: Some(diff.base),
            how: format!(
                "enumeration: {} acts, {} of them tried in {} cases{cut}",
                compared.acts, compared.tried, compared.cases
            ),
            changes: diff.changes.iter().map(ChangeRecord::of).collect(),
        }
    }
}

impl ChangeRecord {
    pub fn of(change: &Change) -> Self {
        Self {
            rule: change.rule.id.to_owned(),
            level: change.level(),
            class: change.rule.class().to_owned(),
            fingerprint: change.fingerprint.clone(),
            what: change.what.clone(),
        }
    }
}

fn level<'de, D: Deserializer<'de>>(from: D) -> Result<Level, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// A statement about files with this digest.
pub fn statement_of(predicate: Predicate, id: Digest) -> Statement {
    let digest = BTreeMap::from([("sha256".to_owned(), id.hex())]);
    let subject = vec![Subject { name: predicate.project.clone(), digest }];
    Statement { kind: KIND.to_owned(), subject, predicate_type: PREDICATE.to_owned(), predicate }
}

impl Statement {
    /// Reads the signed bytes.
    pub(super) fn read(payload: &[u8]) -> Result<Self, String> {
        let statement: Self = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        statement.holds()?;
        Ok(statement)
    }

    /// The digest that the statement is about.
    pub fn subject_id(&self) -> Option<Digest> {
        let hex = self.subject.first()?.digest.get("sha256")?;
        Digest::parse(hex).filter(|id| id.hex() == *hex)
    }

    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn holds(&self) -> Result<(), String> {
        let predicate = &self.predicate;
        let named = |what: &str, name: &str| match name {
            "" => Err(format!("{what} is empty")),
            name if name.chars().count() > NAME_MAX || name.contains(char::is_control) => {
                Err(format!("{what} can't be a name"))
            }
            _ => Ok(()),
        };
        if self.kind != KIND || self.predicate_type != PREDICATE {
            return Err(format!(
                "it is a `{}` about `{}`, not a `{KIND}` about `{PREDICATE}`",
                self.kind, self.predicate_type
            ));
        }
        named("the project", &predicate.project)?;
        named("the author", &predicate.author)?;
        let [subject] = &self.subject[..] else { return Err("it is not about one thing".to_owned()) };
        if subject.name != predicate.project || subject.digest.len() != 1 {
            return Err("its subject is not the project's files, by SHA-256".to_owned());
        }
        if predicate.sequence == 0 || predicate.sequence > SEQUENCE_MAX {
            return Err(format!("its number is {}, and the first is 1", predicate.sequence));
        }
        if predicate.environments.is_empty() || predicate.environments.len() > ENVIRONMENTS_MAX {
            return Err(format!("it is for {} environments", predicate.environments.len()));
        }
        for environment in &predicate.environments {
            named("an environment", environment)?;
        }
        if predicate.expires <= predicate.created {
            return Err("it expires before it was made".to_owned());
        }
        for change in &predicate.diff.changes {
            if change.rule.split('/').next() != Some(change.class.as_str()) {
                return Err(format!("a change by `{}` is not of the kind `{}`", change.rule, change.class));
            }
        }
        Ok(())
    }
}
