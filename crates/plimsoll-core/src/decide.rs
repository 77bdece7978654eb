//! The judgement: a case in, a verdict out.
//!
//! Order matters and is told here once: kill switches, then hard objections, then drift, then the rules, then
//! the mode. `hold` is derived: it is the case where checks or an approval, if satisfied, would turn
//! the refusal into an allowance. Every remedy is tried on the rules before it is offered.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::act::{Mode, Tier};
use crate::approval::ApprovalTerms;
use crate::case::{Assume, Case, Facts, Judgement, RuleHit, Rules};
use crate::code::Code;
use crate::drift::{DriftPolicy, Drifted};
use crate::permit::{Basis, Permit};
use crate::remedy::{self, Remedy};

/// How long a permit is good for. The ledger makes a warrant of it within milliseconds; the rest is
/// room for a stalled disk.
pub const PERMIT_LIFE: SignedDuration = SignedDuration::from_secs(30);

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    Allow,
    Hold,
    Refuse,
}

impl Ruling {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }
}

/// What was decided and why. Recorded, shown, and enough to explain it to a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub ruling: Ruling,
    /// The stable code of a hold or refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    pub reasons: Vec<Reason>,
    /// What a hold waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The legal ways on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<Remedy>,
    /// The rules that would have forbidden it, had people not approved this exact act (the approval is among the facts).
    /// Only so does anything go further than its labels allow, and they stay what they are for every other act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declassified: Vec<Reason>,
    /// Set when the mode, not the rules, let it through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_because: Option<String>,
}

/// One reason, with the rule that gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub rule: String,
    pub text: String,
}

/// What a hold waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "need")]
pub enum Need {
    Check { name: String },
    Approval(ApprovalTerms),
}

/// A decision, and the permit when there is one.
#[derive(Debug)]
pub struct Verdict {
    pub decision: Decision,
    pub permit: Option<Permit>,
}

/// Decides one case. Pure: the same case and rules give the same verdict, today or in a replay.
pub fn decide(rules: &dyn Rules, case: &Case<'_>) -> Verdict {
    if let Some(verdict) = stopped(case) {
        return verdict;
    }
    let decision =
        objected(case).or_else(|| drifted(case)).unwrap_or_else(|| steadied(case, ruled(rules, case)));
    let basis = match (decision.ruling, case.mode) {
        (Ruling::Allow, Mode::Suggest) if case.tier != Tier::Safe && !case.facts.deferred => {
            return refused(suggested());
        }
        (Ruling::Allow, _) => Basis::Allowed,
        (_, Mode::Observe) => Basis::Observed,
        (Ruling::Hold, _) if case.facts.deferred => Basis::Deferred,
        _ => return refused(decision),
    };
    permitted(case, decision, basis)
}

fn permitted(case: &Case<'_>, mut decision: Decision, basis: Basis) -> Verdict {
    decision.passed_because = match basis {
        Basis::Allowed => None,
        Basis::Observed => Some("the workflow is in observe mode".to_owned()),
        Basis::Deferred => Some("the tool door judges and holds this act itself".to_owned()),
    };
    let expires_at = case.now.checked_add(PERMIT_LIFE).unwrap_or(Timestamp::MAX);
    let permit =
        Permit::new(case.permit, case.act.id, case.act_digest(), case.tier, case.mode, basis, expires_at);
    Verdict { decision, permit: Some(permit) }
}

fn refused(decision: Decision) -> Verdict {
    Verdict { decision, permit: None }
}

/// Kill switches come first and hold in every mode. Safe acts go on: they change nothing.
fn stopped(case: &Case<'_>) -> Option<Verdict> {
    if case.tier == Tier::Safe {
        return None;
    }
    let stop = case.facts.stops.iter().find(|s| s.covers(case.workflow, case.act, case.principal))?;
    let text = format!("stopped by {} at {}: {}", stop.by, stop.at, stop.reason);
    let remedy = Remedy::Do { text: "wait until the stop is lifted with `plimsoll resume`".to_owned() };
    Some(refused(refusal(Code::Stopped, "stop", text, vec![remedy])))
}

fn objected(case: &Case<'_>) -> Option<Decision> {
    let first = case.facts.objections.first()?;
    let reasons = case
        .facts
        .objections
        .iter()
        .map(|o| Reason { rule: o.code.id().to_owned(), text: o.text.clone() })
        .collect();
    Some(Decision { reasons, ..refusal(first.code, "", String::new(), Vec::new()) })
}

/// Drift that refuses. It is found before any rule is asked: rules were reviewed for the world as it was.
fn drifted(case: &Case<'_>) -> Option<Decision> {
    let refusing = || case.facts.drifts.iter().filter(|drift| drift.policy == DriftPolicy::Refuse);
    refusing().next()?;
    let reasons = refusing().map(told).collect();
    Some(Decision { reasons, ..refusal(Code::Drifted, "", String::new(), vec![steady()]) })
}

/// Drift that holds: what the rules would let a guarded or dangerous act do waits for people, and where the release
/// names nobody to ask, it is refused.
fn steadied(case: &Case<'_>, decision: Decision) -> Decision {
    // A check alone would not let it run: where nobody can be asked, it need not be made.
    let waits_for_nobody = decision.ruling == Ruling::Hold && case.facts.terms.is_none();
    if !holds(case) || !(decision.ruling == Ruling::Allow || waits_for_nobody) {
        return decision;
    }
    let reasons: Vec<Reason> =
        case.facts.drifts.iter().filter(|drift| drift.policy == DriftPolicy::Hold).map(told).collect();
    let approval = case.facts.approval.as_ref();
    match &case.facts.terms {
        Some(_) if approval.is_some_and(|a| a.denied) => {
            refusal(Code::ApprovalDenied, "approval", "the people asked said no".to_owned(), Vec::new())
        }
        Some(terms) => {
            let text = format!(
                "while this lasts, it needs approval by {} of: {}",
                terms.quorum,
                terms.roles.join(", ")
            );
            let first = Reason { rule: "drift".to_owned(), text };
            let mut held = hold(Code::NeedsApproval, first, vec![Need::Approval(terms.clone())]);
            held.reasons.extend(reasons);
            held.remedies.push(Remedy::AskApproval { roles: terms.roles.clone(), quorum: terms.quorum });
            held.remedies.push(steady());
            held
        }
        None => Decision { reasons, ..refusal(Code::Drifted, "", String::new(), vec![steady()]) },
    }
}

/// Whether drift keeps this act from running by itself.
fn holds(case: &Case<'_>) -> bool {
    let granted = case.facts.approval.as_ref().is_some_and(|approval| approval.granted);
    let holding = case.facts.drifts.iter().any(|drift| drift.policy == DriftPolicy::Hold);
    case.tier != Tier::Safe && holding && !granted
}

fn told(drift: &Drifted) -> Reason {
    Reason { rule: drift.rule(), text: drift.text.clone() }
}

fn steady() -> Remedy {
    let text =
        "somebody looks at it with `plimsoll drift` and puts the world right, or accepts what is there"
            .to_owned();
    Remedy::Do { text }
}

/// The rules, asked about one case.
pub(crate) type Ask<'a> = &'a dyn Fn(&Assume) -> Judgement;

/// Asks the rules; when they do not permit, finds what would make them.
fn ruled(rules: &dyn Rules, case: &Case<'_>) -> Decision {
    let ask = rules.about(case);
    let judgement = ask(&Assume::default());
    if let Some(error) = judgement.errors.first() {
        let text = format!("a rule could not be evaluated: {error}");
        return refusal(Code::PolicyError, "policy-error", text, Vec::new());
    }
    if judgement.permitted {
        return Decision {
            ruling: Ruling::Allow,
            code: None,
            reasons: hits(&judgement.rules, "a rule permits it"),
            needs: Vec::new(),
            remedies: Vec::new(),
            declassified: declassified(rules, case),
            passed_because: None,
        };
    }
    if let Some(failed) = case.facts.checks.iter().find(|c| c.passed == Some(false)) {
        let text = format!("the check `{}` failed: {}", failed.name, failed.detail);
        return refusal(Code::CheckFailed, &format!("check:{}", failed.name), text, Vec::new());
    }
    held(&ask, case, &judgement).unwrap_or_else(|| not_permitted(&ask, case, &judgement))
}

/// The rules that forbid it without the approval that it has.
fn declassified(rules: &dyn Rules, case: &Case<'_>) -> Vec<Reason> {
    if !case.facts.approval.as_ref().is_some_and(|approval| approval.granted) {
        return Vec::new();
    }
    let facts = Facts { approval: None, ..case.facts.clone() };
    let answer = rules.judge(&Case { facts: &facts, ..case.clone() }, &Assume::default());
    if answer.permitted { Vec::new() } else { hits(&answer.rules, "a rule forbids it") }
}

/// The smallest of {checks, approval, both} that would turn refuse into allow.
fn held(ask: Ask<'_>, case: &Case<'_>, judgement: &Judgement) -> Option<Decision> {
    let open_checks = case.facts.checks.iter().any(|c| c.passed.is_none());
    let approval = case.facts.approval.as_ref();
    let can_ask = case.facts.terms.is_some() && !approval.is_some_and(|a| a.granted);
    let ways = [(open_checks, false), (false, can_ask), (open_checks, can_ask)];
    let (checks, people) = ways.into_iter().filter(|(c, a)| *c || *a).find(|&(checks, approval)| {
        let answer = ask(&Assume { checks, approval, ..Assume::default() });
        answer.permitted && answer.errors.is_empty()
    })?;
    if people && approval.is_some_and(|a| a.denied) {
        let text = "the people asked said no".to_owned();
        return Some(refusal(Code::ApprovalDenied, "approval", text, Vec::new()));
    }
    let mut needs = Vec::new();
    if checks {
        let open = case.facts.checks.iter().filter(|c| c.passed.is_none());
        needs.extend(open.map(|c| Need::Check { name: c.name.clone() }));
    }
    let Some(terms) = case.facts.terms.as_ref().filter(|_| people) else {
        let text = "it runs once its check against the system of record has passed".to_owned();
        return Some(hold(Code::NeedsCheck, Reason { rule: "check".to_owned(), text }, needs));
    };
    needs.push(Need::Approval(terms.clone()));
    let text = format!(
        "a {} act needs approval by {} of: {}",
        case.tier.name(),
        terms.quorum,
        terms.roles.join(", ")
    );
    let mut decision = hold(Code::NeedsApproval, Reason { rule: "approval".to_owned(), text }, needs);
    decision.remedies.push(Remedy::AskApproval { roles: terms.roles.clone(), quorum: terms.quorum });
    if case.tier != Tier::Dangerous {
        let ways = remedy::by_the_user(ask, case, false);
        decision.reasons.extend(remedy::lacking(case, &ways));
        decision.reasons.extend(standing(ask, case, judgement));
        decision.remedies.extend(ways);
    }
    Some(decision)
}

/// The rules that forbid it also once its open checks have passed: a check that was not run yet is no
/// reason against anything.
fn standing(ask: Ask<'_>, case: &Case<'_>, judgement: &Judgement) -> Vec<Reason> {
    let otherwise = "a rule forbids it";
    if case.facts.checks.iter().any(|check| check.passed.is_none()) {
        let checked = ask(&Assume { checks: true, ..Assume::default() });
        return hits(&checked.rules, otherwise);
    }
    hits(&judgement.rules, otherwise)
}

fn hold(code: Code, reason: Reason, needs: Vec<Need>) -> Decision {
    Decision {
        ruling: Ruling::Hold,
        code: Some(code),
        reasons: vec![reason],
        needs,
        remedies: Vec::new(),
        declassified: Vec::new(),
        passed_because: None,
    }
}

/// Refused by a rule, or for want of one. When untrusted content aims the act, that is the reason
/// people need to hear.
fn not_permitted(ask: Ask<'_>, case: &Case<'_>, judgement: &Judgement) -> Decision {
    let mut remedies = remedy::by_the_user(ask, case, false);
    if remedies.is_empty() && case.facts.terms.is_some() {
        remedies = remedy::by_the_user(ask, case, true);
    }
    let mut reasons = remedy::lacking(case, &remedies);
    let aimed = reasons.iter().any(|reason| reason.rule == remedy::ORIGIN);
    let standing = standing(ask, case, judgement);
    let code = match (aimed, standing.is_empty()) {
        (true, _) => Code::UntrustedOrigin,
        (false, false) => Code::Forbidden,
        (false, true) => Code::NotPermitted,
    };
    reasons.extend(standing);
    if reasons.is_empty() {
        let text = format!("no rule permits `{}` here", case.act.tool);
        reasons.push(Reason { rule: "default".to_owned(), text });
    }
    Decision { reasons, ..refusal(code, "", String::new(), remedies) }
}

/// Whether the act would run, by itself or after its checks: how another way is tried before it is
/// offered.
pub fn would_run(rules: &dyn Rules, case: &Case<'_>) -> bool {
    let suggests = case.mode == Mode::Suggest && case.tier != Tier::Safe;
    if suggests
        || stopped(case).is_some()
        || objected(case).is_some()
        || drifted(case).is_some()
        || holds(case)
    {
        return false;
    }
    let checks = case.facts.checks.iter().all(|check| check.passed != Some(false));
    let answer = rules.judge(case, &Assume { checks, ..Assume::default() });
    answer.permitted && answer.errors.is_empty()
}

fn suggested() -> Decision {
    let text = "the workflow is in suggest mode: the proposal is returned, not executed".to_owned();
    let remedy = Remedy::Do { text: "a person carries it out, or the workflow moves to enforce".to_owned() };
    refusal(Code::SuggestOnly, "mode:suggest", text, vec![remedy])
}

fn refusal(code: Code, rule: &str, text: String, remedies: Vec<Remedy>) -> Decision {
    Decision {
        ruling: Ruling::Refuse,
        code: Some(code),
        reasons: vec![Reason { rule: rule.to_owned(), text }],
        needs: Vec::new(),
        remedies,
        declassified: Vec::new(),
        passed_because: None,
    }
}

fn hits(rules: &[RuleHit], otherwise: &str) -> Vec<Reason> {
    rules
        .iter()
        .map(|hit| Reason {
            rule: hit.id.clone(),
            text: hit.reason.clone().unwrap_or_else(|| otherwise.to_owned()),
        })
        .collect()
}
