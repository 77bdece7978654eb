//! Whether a release may run, by the rules of what runs now.
//!
//! [`Trust`] is made from the bundle that is *live*, never from the candidate: who may change the rules is ruled by the rules
//! in force, as a new root of TUF is signed by the old one. The very first comes from a file that people hand over.
//!
//! Nothing that a release says of itself lowers what it needs. The signed diff is what its approvers saw; what really changes
//! is found again by the gateway, and must have been shown to them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{Digest, PersonKey};
use serde::{Deserialize, Serialize};

use super::statement::{ChangeRecord, Predicate};
use super::{Release, unique};
use crate::diff::{Diff, Level};
use crate::model::{Bundle, Power};

/// How far the clock of whoever made a release may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Bytes of a trust file.
pub const TRUST_BYTES_MAX: usize = 1 << 20;
/// The kinds that `changes` does not name.
const ANY: &str = "*";

/// Whom to believe about releases in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Version of this form; 1.
    plimsoll_trust: u32,
    pub project: String,
    pub environment: String,
    /// How many people besides the author have to sign.
    pub approvals: u32,
    /// Seconds after its creation in which a release may be put into force, whatever it says itself.
    pub expires_s: u64,
    /// The lowest sequence number that may run.
    pub minimum: u64,
    /// Kind of change, or `*` → roles of which one person has to sign.
    #[serde(deserialize_with = "unique::map")]
    pub changes: BTreeMap<String, BTreeSet<String>>,
    #[serde(deserialize_with = "unique::map")]
    pub people: BTreeMap<String, Person>,
    /// What runs now; `None` before the first release.
    pub live: Option<Live>,
}

/// Somebody who can sign.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub keys: Vec<PersonKey>,
    pub roles: BTreeSet<String>,
    pub may: BTreeSet<Power>,
}

/// The release that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    pub id: Digest,
    pub sequence: u64,
}

/// Why bytes are no trust file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    #[error("a trust file has at most {TRUST_BYTES_MAX} bytes")]
    TooLarge,
    #[error("this is no trust file: {0}")]
    Form(String),
    #[error("the key {0} stands under two people: one key is one person's")]
    SharedKey(String),
}

/// That a release may run. Only this module makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Approved {
    pub id: Digest,
    pub sequence: u64,
    pub author: String,
    /// Who signed besides the author, and may.
    pub approvers: BTreeSet<String>,
}

/// Why a release does not run. What runs now stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is a release of `{has}`, and this is `{project}`")]
    OtherProject { project: String, has: String },
    #[error("it was signed for {}, not for `{environment}`", ticked(has))]
    NotForEnvironment { environment: String, has: BTreeSet<String> },
    #[error("release {sequence} runs already")]
    Replayed { sequence: u64 },
    #[error("it is number {sequence}, and number {live} runs")]
    Superseded { sequence: u64, live: u64 },
    #[error("it is number {sequence}, and nothing below {minimum} may run in `{environment}`")]
    BelowMinimum { sequence: u64, minimum: u64, environment: String },
    #[error("it was made at {created}, which is not yet")]
    NotYet { created: Timestamp },
    #[error("it could be put into force until {until}")]
    Expired { until: Timestamp },
    #[error("nobody here is called `{author}`, who is said to have made it")]
    UnknownAuthor { author: String },
    #[error("`{author}` made it and may not author releases")]
    AuthorMayNot { author: String },
    #[error("`{author}` is said to have made it, and has not signed it with a key that is known here")]
    NotSignedByAuthor { author: String },
    #[error("what is there under {keyid} of `{person}` is no signature of this release")]
    WrongSignature { person: String, keyid: String },
    #[error("{} of what changes here was not shown to those who signed it, first: {}", several(changes.len()), changes.first().map_or("", String::as_str))]
    NotShown { changes: Vec<String> },
    #[error("what changes here was not compared with what runs")]
    NotCompared,
    #[error("it is not signed enough: {}", words(missing, beside))]
    UnderSigned {
        missing: Vec<Missing>,
        /// Signatures that count for nothing, with the reason.
        beside: Vec<String>,
    },
}

/// A signature that is still to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// `one more approval`.
    pub what: String,
    /// Who could give it.
    pub who: Vec<String>,
}

impl Refused {
    /// The next move.
    pub fn next(&self) -> String {
        match self {
            Self::OtherProject { .. } => {
                "install it at its own gateway; a project that is called otherwise begins with a trust of its own".to_owned()
            }
            Self::NotForEnvironment { environment, .. } => {
                format!("make a release for it: `plimsoll release create --environment {environment}`")
            }
            Self::Replayed { .. } => "nothing has to be done".to_owned(),
            Self::Superseded { .. } => {
                "make a new release from what you want; to go back to the one before, `plimsoll release rollback`".to_owned()
            }
            Self::BelowMinimum { .. } => "make a new release; only one with a lower `minimum` could bring older ones back".to_owned(),
            Self::NotYet { .. } => "put the clocks right, or wait".to_owned(),
            Self::Expired { .. } => "make it again with `plimsoll release create`, so that its results are those of today".to_owned(),
            Self::UnknownAuthor { .. } | Self::AuthorMayNot { .. } => {
                "let somebody make it who may author releases by people.yaml of the release that runs".to_owned()
            }
            Self::NotSignedByAuthor { author } => {
                format!("`{author}` signs with a key that people.yaml of the release that runs names")
            }
            Self::WrongSignature { .. } => "fetch the file again from whoever made it: this one was damaged or forged".to_owned(),
            Self::NotShown { .. } | Self::NotCompared => {
                "make it again against what runs: `plimsoll release create --base RELEASE-FILE`".to_owned()
            }
            Self::UnderSigned { missing, .. } if missing.iter().all(|missing| missing.who.is_empty()) => {
                "nobody who could sign is left: give somebody a key and a role, in a release of its own".to_owned()
            }
            Self::UnderSigned { .. } => "`plimsoll release approve FILE`, by one of those named".to_owned(),
        }
    }
}

impl Trust {
    /// The trust that a bundle gives for one environment; `None` when it asks nothing there.
    pub fn of(bundle: &Bundle, environment: &str, live: Option<Live>) -> Option<Self> {
        let terms = bundle.project.environments.get(environment)?;
        let people = bundle.people.keys.iter().map(|(person, keys)| {
            let may = Power::ALL.into_iter().filter(|power| bundle.people.may(person, *power));
            let roles = bundle.people.roles_of(person).iter().cloned().collect();
            (person.clone(), Person { keys: keys.clone(), roles, may: may.collect() })
        });
        let changes = bundle.project.changes.iter();
        Some(Self {
            plimsoll_trust: 1,
            project: bundle.project.name.clone(),
            environment: environment.to_owned(),
            approvals: terms.approvals,
            expires_s: terms.expires_s,
            minimum: terms.minimum,
            changes: changes.map(|(class, roles)| (class.clone(), roles.iter().cloned().collect())).collect(),
            people: people.collect(),
            live,
        })
    }

    /// Reads a trust file.
    ///
    /// # Errors
    /// When it is none, or one key stands for two people.
    pub fn parse(text: &[u8]) -> Result<Self, TrustError> {
        if text.len() > TRUST_BYTES_MAX {
            return Err(TrustError::TooLarge);
        }
        let trust: Self = serde_json::from_slice(text).map_err(|e| TrustError::Form(e.to_string()))?;
        if trust.plimsoll_trust != 1 {
            return Err(TrustError::Form(format!("its form is version {}, not 1", trust.plimsoll_trust)));
        }
        let mut seen = BTreeSet::new();
        let mut keys = trust.people.values().flat_map(|person| &person.keys);
        match keys.find(|key| !seen.insert(key.public())) {
            Some(twice) => Err(TrustError::SharedKey(twice.fingerprint())),
            None => Ok(trust),
        }
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Whether a release may be put into force now. `seen` is what really changes, from the live release to this one;
    /// `None` when nothing is live.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, release: &Release, seen: Option<&Diff>, now: Timestamp) -> Result<Approved, Refused> {
        let predicate = release.predicate();
        self.is_for_here(predicate)?;
        self.is_next(release)?;
        self.is_fresh(predicate, now)?;
        let signed = self.signed(release)?;
        let compared = match (seen, self.live) {
            (None, None) => true,
            (Some(diff), Some(live)) => diff.base == live.id && diff.head == release.id(),
            _ => false,
        };
        if !compared {
            return Err(Refused::NotCompared);
        }
        let changes: Vec<ChangeRecord> =
            seen.into_iter().flat_map(|diff| &diff.changes).map(ChangeRecord::of).collect();
        self.is_shown(predicate, &changes)?;
        self.is_enough(predicate, &changes, &signed)?;
        Ok(signed.approved(release))
    }

    /// Whether a release that runs is signed as this trust asks: after a restart, by the trust that let it run. It may be
    /// older than the live one and past its expiry, never below the minimum.
    ///
    /// # Errors
    /// Why not.
    pub fn recheck(&self, release: &Release) -> Result<Approved, Refused> {
        let predicate = release.predicate();
        self.is_for_here(predicate)?;
        self.is_above_minimum(predicate)?;
        let signed = self.signed(release)?;
        self.is_enough(predicate, &[], &signed)?;
        Ok(signed.approved(release))
    }

    /// Whether a release that ran before may run again. Its signatures were judged when it was put into force; by today's people
    /// they may no longer count, and the way back must not hang on that.
    ///
    /// # Errors
    /// Why not.
    pub fn may_return(&self, release: &Release) -> Result<(), Refused> {
        self.is_for_here(release.predicate())?;
        self.is_above_minimum(release.predicate())
    }

    /// What [`Trust::judge`] would say if the signed diff is what really changes: for people who look at a release far from
    /// the gateway. It proves nothing, so it gives no [`Approved`].
    ///
    /// # Errors
    /// Why not.
    pub fn foresee(&self, release: &Release, now: Timestamp) -> Result<(), Refused> {
        let predicate = release.predicate();
        self.is_for_here(predicate)?;
        self.is_next(release)?;
        self.is_fresh(predicate, now)?;
        let signed = self.signed(release)?;
        self.is_enough(predicate, &[], &signed)
    }

    /// Who has signed what counts: the author, and those who agree.
    ///
    /// # Errors
    /// When a signature under a known key is not one, or the author's is missing.
    pub fn who_signed(&self, release: &Release) -> Result<Approved, Refused> {
        Ok(self.signed(release)?.approved(release))
    }

    /// Whose key this is.
    pub fn owner_of(&self, key: &PersonKey) -> Option<&str> {
        let owner = self.people.iter().find(|(_, person)| person.keys.contains(key));
        owner.map(|(name, _)| name.as_str())
    }

    pub fn may(&self, person: &str, power: Power) -> bool {
        self.people.get(person).is_some_and(|person| person.may.contains(&power))
    }
}

// === the steps of the judgement ===

impl Trust {
    fn is_for_here(&self, predicate: &Predicate) -> Result<(), Refused> {
        if predicate.project != self.project {
            return Err(Refused::OtherProject {
                project: self.project.clone(),
                has: predicate.project.clone(),
            });
        }
        if predicate.environments.contains(&self.environment) {
            return Ok(());
        }
        let environment = self.environment.clone();
        Err(Refused::NotForEnvironment { environment, has: predicate.environments.clone() })
    }

    fn is_above_minimum(&self, predicate: &Predicate) -> Result<(), Refused> {
        let (sequence, minimum) = (predicate.sequence, self.minimum);
        if sequence >= minimum {
            return Ok(());
        }
        Err(Refused::BelowMinimum { sequence, minimum, environment: self.environment.clone() })
    }

    fn is_next(&self, release: &Release) -> Result<(), Refused> {
        let sequence = release.predicate().sequence;
        self.is_above_minimum(release.predicate())?;
        match self.live {
            Some(live) if sequence <= live.sequence && release.id() == live.id => {
                Err(Refused::Replayed { sequence })
            }
            Some(live) if sequence <= live.sequence => {
                Err(Refused::Superseded { sequence, live: live.sequence })
            }
            _ => Ok(()),
        }
    }

    fn is_fresh(&self, predicate: &Predicate, now: Timestamp) -> Result<(), Refused> {
        let created = predicate.created;
        if now.checked_add(AHEAD).is_ok_and(|latest| created > latest) {
            return Err(Refused::NotYet { created });
        }
        let life = SignedDuration::from_secs(i64::try_from(self.expires_s).unwrap_or(i64::MAX));
        let until = created.checked_add(life).map_or(predicate.expires, |until| until.min(predicate.expires));
        if now >= until { Err(Refused::Expired { until }) } else { Ok(()) }
    }

    fn signed(&self, release: &Release) -> Result<Signed, Refused> {
        let author = &release.predicate().author;
        let Some(made_by) = self.people.get(author) else {
            return Err(Refused::UnknownAuthor { author: author.clone() });
        };
        if !made_by.may.contains(&Power::Author) {
            return Err(Refused::AuthorMayNot { author: author.clone() });
        }
        let mut signed = Signed { author: author.clone(), ..Signed::default() };
        let mut made = 0;
        for signature in release.signatures() {
            let keyid = &signature.keyid;
            let Some((name, person, key)) = self.holder(keyid) else {
                signed.beside.push(format!("{keyid} is nobody's here"));
                continue;
            };
            if !release.is_signed_by(key, signature) {
                return Err(Refused::WrongSignature { person: name.clone(), keyid: keyid.clone() });
            }
            if name == author {
                made += 1;
            } else if person.may.contains(&Power::Approve) {
                signed.approvers.insert(name.clone());
            } else {
                signed.beside.push(format!("`{name}` signed and may not approve"));
            }
        }
        match made {
            0 => return Err(Refused::NotSignedByAuthor { author: author.clone() }),
            1 => {}
            _ => signed.beside.push(format!("`{author}` made it, so no signature of theirs approves it")),
        }
        Ok(signed)
    }

    fn holder(&self, keyid: &str) -> Option<(&String, &Person, &PersonKey)> {
        self.people.iter().find_map(|(name, person)| {
            let key = person.keys.iter().find(|key| key.fingerprint() == keyid)?;
            Some((name, person, key))
        })
    }

    /// Where people have to agree, each change must be one that they were shown.
    fn is_shown(&self, predicate: &Predicate, changes: &[ChangeRecord]) -> Result<(), Refused> {
        if self.approvals == 0 {
            return Ok(());
        }
        let shown: BTreeSet<(&str, &str)> =
            predicate.diff.changes.iter().map(|change| (&*change.rule, &*change.fingerprint)).collect();
        let hidden = changes
            .iter()
            .filter(|change| change.level > Level::Info)
            .filter(|change| !shown.contains(&(&*change.rule, &*change.fingerprint)));
        let changes: Vec<String> = hidden.map(|change| change.what.clone()).collect();
        if changes.is_empty() { Ok(()) } else { Err(Refused::NotShown { changes }) }
    }

    /// Enough different people, and for each kind of change that its owner answers for one of those.
    fn is_enough(
        &self,
        predicate: &Predicate,
        changes: &[ChangeRecord],
        signed: &Signed,
    ) -> Result<(), Refused> {
        if self.approvals == 0 {
            return Ok(());
        }
        let mut missing = Vec::new();
        let (has, asked) = (signed.approvers.len(), usize::try_from(self.approvals).unwrap_or(usize::MAX));
        if has < asked {
            let what = match asked - has {
                1 => "one more approval".to_owned(),
                n => format!("{n} more approvals"),
            };
            missing.push(Missing { what, who: self.could_sign(signed, None) });
        }
        for (class, roles) in self.classes(predicate, changes) {
            let signs = |person: &String| {
                self.people.get(person).is_some_and(|person| !person.roles.is_disjoint(roles))
            };
            if !signed.approvers.iter().any(signs) {
                let of = if class == ANY {
                    "what changes".to_owned()
                } else {
                    format!("changes of the kind `{class}`")
                };
                let what = format!("somebody who is {} for {of}", ticked(roles).replace(", ", " or "));
                missing.push(Missing { what, who: self.could_sign(signed, Some(roles)) });
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(Refused::UnderSigned { missing, beside: signed.beside.clone() })
    }

    /// The kinds of change at level owner, by what is shown and by what was found, with the roles that sign for them. A first
    /// release is all new, so it needs who signs for the rest.
    fn classes<'a>(
        &'a self,
        predicate: &'a Predicate,
        changes: &'a [ChangeRecord],
    ) -> BTreeMap<&'a str, &'a BTreeSet<String>> {
        let all = predicate.diff.changes.iter().chain(changes);
        let named = all.filter(|change| change.level == Level::Owner).map(|change| change.class.as_str());
        let first = (predicate.diff.base.is_none() || self.live.is_none()).then_some(ANY);
        let roles = |class: &'a str| match self.changes.get(class) {
            Some(roles) => Some((class, roles)),
            None => self.changes.get(ANY).map(|roles| (ANY, roles)),
        };
        named.chain(first).filter_map(roles).collect()
    }

    fn could_sign(&self, signed: &Signed, roles: Option<&BTreeSet<String>>) -> Vec<String> {
        let may = |name: &String, person: &Person| {
            person.may.contains(&Power::Approve)
                && !person.keys.is_empty()
                && *name != signed.author
                && !signed.approvers.contains(name)
                && roles.is_none_or(|roles| !person.roles.is_disjoint(roles))
        };
        self.people.iter().filter(|(name, person)| may(name, person)).map(|(name, _)| name.clone()).collect()
    }
}

/// Who signed.
#[derive(Clone, Debug, Default)]
struct Signed {
    author: String,
    /// People, so two keys of one are one.
    approvers: BTreeSet<String>,
    beside: Vec<String>,
}

impl Signed {
    fn approved(self, release: &Release) -> Approved {
        let Self { author, approvers, .. } = self;
        Approved { id: release.id(), sequence: release.predicate().sequence, author, approvers }
    }
}

// === words ===

fn ticked(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn several(n: usize) -> String {
    if n == 1 { "one".to_owned() } else { n.to_string() }
}

fn words(missing: &[Missing], beside: &[String]) -> String {
    let missing = missing.iter().map(|missing| match missing.who.len() {
        0 => format!("{} (and nobody could)", missing.what),
        1 => format!("{} (`{}` could)", missing.what, missing.who[0]),
        _ => format!("{} ({} could)", missing.what, missing.who.join(" or ")),
    });
    let missing = missing.collect::<Vec<_>>().join(", and ");
    if beside.is_empty() { missing } else { format!("{missing}; {}", beside.join("; ")) }
}
