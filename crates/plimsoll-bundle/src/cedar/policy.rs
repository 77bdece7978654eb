//! From files of policies to rules: parsed, named, strictly validated. Every complaint is a
//! [`Diagnostic`] at its place in its file.
//!
//! A rule has a name, because a refusal says it and the ledger keeps it: `@id("…")`, unique over all
//! files. `@reason("…")` is the sentence a refused caller reads.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode,
    ValidationWarning, Validator,
};
use miette::Diagnostic as Complaint;

use super::PolicyFile;
use super::reads::Reads;
use crate::Diagnostic;

/// How messages name the policies that come with Plimsoll.
pub(super) const SHIPPED_INVARIANTS: &str = "(shipped) policies/invariants.cedar";
pub(super) const SHIPPED_DEFAULT: &str = "(shipped) policies/default.cedar";

/// One policy, named.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) policy: Policy,
    pub(super) id: String,
    pub(super) reason: Option<String>,
    /// Its place among all rules.
    pub(super) rank: usize,
    pub(super) reads: Reads,
    /// It says what must always hold.
    pub(super) invariant: bool,
    pub(super) kind: RuleKind,
}

/// What a rule is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleKind {
    /// It decides.
    Policy,
    /// It decides too, and the others must not need it: an invariant of the repository.
    Net,
    /// It decides nothing: what the others must imply, asked at release.
    Claim,
}

impl RuleKind {
    pub(super) const fn decides(self) -> bool {
        !matches!(self, Self::Claim)
    }
}

/// The folder of a repository's own invariants.
pub(crate) const INVARIANTS_FOLDER: &str = "policies/invariants/";

/// Parses and validates all files. The rules count only when there is no error among the diagnostics.
pub(super) fn load(
    files: &[PolicyFile],
    schema: &Schema,
    inhabited: HashSet<String>,
) -> (Vec<Rule>, Vec<Diagnostic>) {
    let mut loading = Loading::new(schema, inhabited);
    for file in files {
        loading.file(file);
    }
    (loading.rules, loading.diagnostics)
}

struct Loading {
    validator: Validator,
    rules: Vec<Rule>,
    diagnostics: Vec<Diagnostic>,
    /// Id → where it stands.
    named: BTreeMap<String, String>,
    /// Every act, and every group that some act is in.
    inhabited: HashSet<String>,
}

impl Loading {
    fn new(schema: &Schema, inhabited: HashSet<String>) -> Self {
        Self {
            validator: Validator::new(schema.clone()),
            inhabited,
            rules: Vec::new(),
            diagnostics: Vec::new(),
            named: BTreeMap::new(),
        }
    }

    fn file(&mut self, file: &PolicyFile) {
        let set: PolicySet = match file.text.parse() {
            Ok(set) => set,
            Err(errors) => {
                let errors: cedar_policy::ParseErrors = errors;
                self.diagnostics
                    .extend(errors.iter().map(|error| complaint("cedar/parse", file, error, None)));
                return;
            }
        };
        let places = Places::of(file, &set);
        for template in set.templates() {
            let message = "a policy with slots (`?principal`, `?resource`) is never applied here";
            let found = Diagnostic::error("cedar/template", &file.path, message);
            self.diagnostics.push(
                places.at(template.id(), found).help("write the policy out for each principal or resource"),
            );
        }
        for policy in in_order(&set) {
            self.name(file, &places, policy);
        }
        self.validate(file, &places, &set);
    }

    /// Takes a policy's `@id` as its name.
    fn name(&mut self, file: &PolicyFile, places: &Places, policy: &Policy) {
        let id = policy.annotation("id").unwrap_or_default().trim().to_owned();
        if id.is_empty() {
            let found = Diagnostic::error("cedar/no-id", &file.path, "this policy has no name")
                .help("write `@id(\"a-short-name\")` above it: refusals and the ledger name the rule");
            self.diagnostics.push(places.at(policy.id(), found));
            return;
        }
        let here = format!("{}:{}", file.path, places.line(policy.id()));
        if let Some(first) = self.named.get(&id) {
            let message = format!("the name `{id}` is already taken by {first}");
            let found = Diagnostic::error("cedar/duplicate-id", &file.path, message)
                .help("give this policy another `@id`");
            self.diagnostics.push(places.at(policy.id(), found));
            return;
        }
        let net = file.path.starts_with(INVARIANTS_FOLDER);
        if net && policy.effect() == Effect::Permit {
            let message = format!("the invariant `{id}` permits, and an invariant only forbids");
            let found = Diagnostic::error("cedar/invariant-permits", &file.path, message).help(
                "say what must never happen, as `forbid (…) unless { … }`; a rule that grants belongs into \
                 another file of `policies/`",
            );
            self.diagnostics.push(places.at(policy.id(), found));
            return;
        }
        self.named.insert(id.clone(), here);
        self.rules.push(Rule {
            policy: policy.new_id(PolicyId::new(&id)),
            reason: policy.annotation("reason").map(str::trim).filter(|r| !r.is_empty()).map(str::to_owned),
            rank: self.rules.len(),
            reads: Reads::of(policy),
            invariant: file.path == SHIPPED_INVARIANTS || net,
            kind: if net { RuleKind::Net } else { RuleKind::Policy },
            id,
        });
    }

    fn validate(&mut self, file: &PolicyFile, places: &Places, set: &PolicySet) {
        let result = self.validator.validate(set, ValidationMode::Strict);
        let mut found: Vec<Diagnostic> = Vec::new();
        let mut wrong: BTreeSet<usize> = BTreeSet::new();
        for error in result.validation_errors() {
            wrong.insert(number(error.policy_id()));
            found.push(complaint(error_kind(error), file, error, places.get(error.policy_id())));
        }
        // A policy that has no meaning can't apply either: that would only be said twice.
        let rest = result.validation_warnings().filter(|w| !wrong.contains(&number(w.policy_id())));
        for warning in rest {
            let policy = set.policy(warning.policy_id());
            found.extend(self.warned(file, warning, policy, places.get(warning.policy_id())));
        }
        self.diagnostics.extend(once_each(found));
    }

    /// A policy that can never apply protects nothing, though its author thinks it does. Only when its
    /// scope is a group that has no member yet is that no mistake.
    fn warned(
        &self,
        file: &PolicyFile,
        warning: &ValidationWarning,
        policy: Option<&Policy>,
        place: Option<Range<usize>>,
    ) -> Option<Diagnostic> {
        use ValidationWarning as W;
        let shipped = file.path == SHIPPED_DEFAULT || file.path == SHIPPED_INVARIANTS;
        let never = matches!(warning, W::ImpossiblePolicy(_) | W::InvalidActionApplication(_));
        let found = match never {
            true if shipped => return None,
            true if policy.is_some_and(|policy| self.no_member_yet(policy)) => {
                let message = "no act of this repository is in the scope of this policy";
                Diagnostic::warning("cedar/empty-scope", &file.path, message)
                    .help("nothing to do if such acts are still to come")
            }
            true => {
                let message = "this policy can never apply";
                Diagnostic::error("cedar/never-applies", &file.path, message).help(
                    "its scope or its conditions exclude each other, or name what no act in its scope has; \
                     compare it with `plimsoll check --schema`",
                )
            }
            false => Diagnostic {
                severity: crate::Severity::Warning,
                ..complaint("cedar/confusable", file, warning, None)
            },
        };
        Some(Diagnostic { range: found.range.clone().or(place), ..found })
    }

    /// Whether the policy is about groups of acts, and no act is in any of them.
    fn no_member_yet(&self, policy: &Policy) -> bool {
        let has_member = |group: &EntityUid| self.inhabited.contains(group.id().unescaped());
        match policy.action_constraint() {
            ActionConstraint::Any => self.inhabited.is_empty(),
            ActionConstraint::Eq(_) => false,
            ActionConstraint::In(groups) => !groups.iter().any(has_member),
        }
    }
}

/// Cedar finds the same mistake once for each action and kind of principal, in the order of a hash
/// map. People read a file from its top, and want each mistake once.
fn once_each(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by_key(|d| (d.range.as_ref().map(|r| r.start), d.id, d.message.clone()));
    found.dedup_by(|next, kept| next.id == kept.id && next.range == kept.range);
    found
}

fn error_kind(error: &cedar_policy::ValidationError) -> &'static str {
    use cedar_policy::ValidationError as E;
    match error {
        E::UnrecognizedActionId(_) => "cedar/unknown-action",
        E::UnrecognizedEntityType(_) => "cedar/unknown-type",
        E::UnsafeAttributeAccess(_) => "cedar/unknown-fact",
        E::UnsafeOptionalAttributeAccess(_) => "cedar/optional-fact",
        _ => "cedar/type",
    }
}

/// One of Cedar's complaints in our form: its words, its place (or else the policy's), its help.
fn complaint(
    id: &'static str,
    file: &PolicyFile,
    error: &dyn Complaint,
    policy: Option<Range<usize>>,
) -> Diagnostic {
    let labels = error.labels().into_iter().flatten();
    let place = labels.map(|l| l.offset()..l.offset() + l.len()).find(|r| r.end <= file.text.len());
    let found = Diagnostic::error(id, &file.path, one_line(&unprefixed(&error.to_string())));
    let found = Diagnostic { range: place.or(policy), ..found };
    match error.help() {
        Some(help) => found.help(one_line(&unprefixed(&help.to_string()))),
        None => found,
    }
}

/// Cedar begins with ``for policy `policy3`, ``, a number that says nothing to people.
fn unprefixed(message: &str) -> String {
    let rest = message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, "));
    rest.map_or_else(|| message.to_owned(), |(_, rest)| rest.to_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
}

/// Cedar numbers the policies of a text `policy0`, `policy1`, …: back to the order of the file.
fn in_order(set: &PolicySet) -> Vec<&Policy> {
    let mut policies: Vec<&Policy> = set.policies().collect();
    policies.sort_by_key(|policy| number(policy.id()));
    policies
}

fn number(id: &PolicyId) -> usize {
    id.to_string().trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}

/// Where the policies of one file stand.
struct Places {
    text: String,
    starts: BTreeMap<usize, Range<usize>>,
}

impl Places {
    fn of(file: &PolicyFile, set: &PolicySet) -> Self {
        let ids = set.policies().map(Policy::id).chain(set.templates().map(cedar_policy::Template::id));
        let mut numbers: Vec<usize> = ids.map(number).collect();
        numbers.sort_unstable();
        let starts = numbers.into_iter().zip(statements(&file.text)).collect();
        Self { text: file.text.clone(), starts }
    }

    fn get(&self, id: &PolicyId) -> Option<Range<usize>> {
        self.starts.get(&number(id)).cloned()
    }

    fn at(&self, id: &PolicyId, found: Diagnostic) -> Diagnostic {
        Diagnostic { range: self.get(id), ..found }
    }

    fn line(&self, id: &PolicyId) -> usize {
        let start = self.get(id).map_or(0, |range| range.start);
        1 + self.text.bytes().take(start).filter(|byte| *byte == b'\n').count()
    }
}

/// The range of each statement of a text that parses: from its first token to its semicolon. Strings
/// and comments may hold semicolons of their own.
fn statements(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut found, mut start, mut at) = (Vec::new(), None, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'"' => {
                start.get_or_insert(at);
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            b';' => found.extend(start.take().map(|start| start..at + 1)),
            byte if byte.is_ascii_whitespace() => {}
            _ => {
                start.get_or_insert(at);
            }
        }
        at += 1;
    }
    found
}
