//! What holds in the program itself, whatever the policies say: tried over *all* inputs that its pure functions
//! can tell apart, each time it is asked. That is exhaustive for these functions and says nothing about the code
//! around them; which facts they are given is the gateway's business, and its tests'.

use std::collections::BTreeSet;

use jiff::Timestamp;
use plimsoll_core::{
    Account, Act, ActId, Approval, ApprovalFact, ApprovalState, ApprovalTerms, Assume, Case, CheckFact, Code,
    Digest, Door, Effect, Facts, Flow, Integrity, Judgement, Label, Mode, Objection, PermitId, Principal,
    PrincipalKind, Rules, Stop, StopScope, Tier, ToolName, Trajectory, Vote, decide,
};
use serde::Serialize;
use serde_json::{Value, json};

/// One law, and how it was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Law {
    pub id: &'static str,
    /// The sentence that holds.
    pub says: &'static str,
    /// What it was tried over.
    pub over: &'static str,
    pub cases: usize,
    /// A case that breaks it; there is none in a program that passes its tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// Tries every law.
pub fn laws() -> Vec<Law> {
    let (stopped, unpermitted) = decided();
    vec![stopped, unpermitted, own()]
}

fn decided() -> (Law, Law) {
    let mut stopped = Law {
        id: "no-act-of-a-stopped-scope",
        says: "no guarded or dangerous act gets a permit while a stop covers it, in no mode and whatever the policies say; safe acts, which change nothing, go on",
        over: "`decide`: every scope of a stop, tier, mode, answer of the rules, state of checks and approval, objection and door",
        cases: 0,
        broken: None,
    };
    let mut unpermitted = Law {
        id: "no-permit-without-a-rule",
        says: "no act gets a permit that the rules do not permit as things stand, or that one of them errs on, unless the workflow is in observe mode, or another door will judge it and it is only held",
        over: "`decide`: the same inputs",
        cases: 0,
        broken: None,
    };
    each(&mut |inputs| {
        let permit = inputs.permit().is_some();
        if inputs.stopped && inputs.tier != Tier::Safe {
            stopped.tell(permit, inputs);
        }
        let passes = inputs.mode == Mode::Observe || inputs.deferred;
        let permitted = inputs.rules.0[0] == Says::Permits && !inputs.objected;
        unpermitted.tell(permit && !permitted && !passes, inputs);
    });
    (stopped, unpermitted)
}

impl Law {
    fn tell(&mut self, broken: bool, inputs: &dyn std::fmt::Debug) {
        self.cases += 1;
        if broken && self.broken.is_none() {
            self.broken = Some(format!("{inputs:?}"));
        }
    }
}

// === decide, over all that it tells apart ===

/// What the rules answer under one assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Permits,
    Forbids,
    Errs,
}

/// The answer as things stand, with checks, with approval, with both.
#[derive(Clone, Copy, Debug)]
struct Answers([Says; 4]);

impl Rules for Answers {
    fn judge(&self, _: &Case<'_>, assume: &Assume) -> Judgement {
        let says = self.0[usize::from(assume.checks) + 2 * usize::from(assume.approval)];
        let errors = if says == Says::Errs { vec!["it errs".to_owned()] } else { Vec::new() };
        Judgement { permitted: says == Says::Permits, errors, ..Judgement::default() }
    }
}

#[derive(Debug)]
struct Inputs {
    rules: Answers,
    tier: Tier,
    mode: Mode,
    stopped: bool,
    stop: Option<StopScope>,
    objected: bool,
    deferred: bool,
    /// `None`: the tool has no check.
    check: Option<Option<bool>>,
    terms: bool,
    /// Granted, denied.
    approval: Option<(bool, bool)>,
}

impl Inputs {
    fn permit(&self) -> Option<plimsoll_core::Permit> {
        let principal = principal();
        let act = act();
        let stop = |scope: &StopScope| Stop {
            scope: scope.clone(),
            reason: String::new(),
            by: String::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        let objection = || Objection { code: Code::UnknownTool, text: String::new() };
        let facts = Facts {
            stops: self.stop.iter().map(stop).collect(),
            objections: self.objected.then(objection).into_iter().collect(),
            terms: self.terms.then(terms),
            approval: self.approval.map(|(granted, denied)| ApprovalFact {
                id: "T-1".to_owned(),
                granted,
                denied,
                approvers: Vec::new(),
            }),
            checks: self
                .check
                .map(|passed| CheckFact { name: "check".to_owned(), passed, detail: String::new() })
                .into_iter()
                .collect(),
            deferred: self.deferred,
            ..Facts::default()
        };
        let trajectory = Trajectory {
            label: Label::of(Integrity::User),
            spans: 1,
            untrusted_tools: Vec::new(),
            unreleased: false,
        };
        let case = Case {
            principal: &principal,
            workflow: "work",
            environment: "any",
            release: "any",
            mode: self.mode,
            act: &act,
            tier: self.tier,
            effect: Effect::Own,
            account: Account::Execute,
            trajectory: &trajectory,
            flow: &Flow::default(),
            facts: &facts,
            now: Timestamp::UNIX_EPOCH,
            permit: PermitId(uuid::Uuid::nil()),
        };
        decide(&self.rules, &case).permit
    }
}

fn principal() -> Principal {
    Principal {
        id: "key:agent".to_owned(),
        kind: PrincipalKind::Agent,
        tenant: String::new(),
        roles: BTreeSet::new(),
        on_behalf_of: Some("ada".to_owned()),
    }
}

fn act() -> Act {
    Act {
        id: ActId(uuid::Uuid::nil()),
        door: Door::Tool,
        tool: ToolName::new("desk", "send"),
        arguments: json!({}),
        schema: None,
        call_id: None,
    }
}

fn terms() -> ApprovalTerms {
    ApprovalTerms { roles: vec!["reviewer".to_owned()], quorum: 1, expires_after_s: 60 }
}

fn each(one: &mut dyn FnMut(&Inputs)) {
    let answers = [Says::Permits, Says::Forbids, Says::Errs];
    for code in 0..81_usize {
        let rules = Answers([0, 1, 2, 3].map(|at| answers[code / 3_usize.pow(at) % 3]));
        for tier in [Tier::Safe, Tier::Guarded, Tier::Dangerous] {
            for mode in [Mode::Observe, Mode::Suggest, Mode::Enforce] {
                // Which scope it is matters to nothing but whether it covers: the answers vary with two of them.
                let most = if code % 40 == 0 { usize::MAX } else { 2 };
                for stop in scopes().into_iter().take(most) {
                    facts(&mut |objected, deferred, check, terms, approval| {
                        let (stop, stopped) = (stop.0.clone(), stop.1);
                        one(&Inputs {
                            rules,
                            tier,
                            mode,
                            stopped,
                            stop,
                            objected,
                            deferred,
                            check,
                            terms,
                            approval,
                        });
                    });
                }
            }
        }
    }
}

/// Scopes, and whether they cover the act.
fn scopes() -> Vec<(Option<StopScope>, bool)> {
    let text = str::to_owned;
    vec![
        (None, false),
        (Some(StopScope::All), true),
        (Some(StopScope::Workflow(text("work"))), true),
        (Some(StopScope::Workflow(text("other"))), false),
        (Some(StopScope::Tool(text("desk.send"))), true),
        (Some(StopScope::Tool(text("desk.*"))), true),
        (Some(StopScope::Tool(text("desk.sen"))), false),
        (Some(StopScope::Principal(text("key:agent"))), true),
        (Some(StopScope::Principal(text("ada"))), true),
        (Some(StopScope::Principal(text("bo"))), false),
    ]
}

type OneOfFacts<'a> = dyn FnMut(bool, bool, Option<Option<bool>>, bool, Option<(bool, bool)>) + 'a;

fn facts(one: &mut OneOfFacts<'_>) {
    for objected in [false, true] {
        for deferred in [false, true] {
            for check in [None, Some(None), Some(Some(false)), Some(Some(true))] {
                for terms in [false, true] {
                    for approval in [None, Some((false, false)), Some((true, false)), Some((false, true))] {
                        one(objected, deferred, check, terms, approval);
                    }
                }
            }
        }
    }
}

// === votes ===

fn own() -> Law {
    let mut law = Law {
        id: "nobody-approves-their-own",
        says: "no vote of the one who asked counts, under their name or with a key or log-in of that name; that two names are one person is not known",
        over: "`Approval::vote`: every form of the requester's name, state, time, role, quorum, page and vote before",
        cases: 0,
        broken: None,
    };
    for requester in ["ada", "Ada", "key:ada", "key:ADA", "oidc:ada", "bo", "key:bo"] {
        for person in ["ada", "ADA", "key:ada", "cy"] {
            votes(requester, person, &mut law);
        }
    }
    law
}

fn votes(requester: &str, person: &str, law: &mut Law) {
    use ApprovalState as S;
    let name = |name: &str| name.rsplit(':').next().unwrap_or_default().to_lowercase();
    // A person of `people.yaml` has no colon in their name; a requester's key or log-in has the name behind it.
    let own =
        requester.eq_ignore_ascii_case(person) || (!person.contains(':') && name(requester) == name(person));
    let second = |second: i64| Timestamp::from_second(second).unwrap_or_default();
    let vote = |person: &str, yes: bool, at: i64| Vote {
        person: person.to_owned(),
        yes,
        at: second(at),
        comment: String::new(),
    };
    for state in [S::Open, S::Granted, S::Denied, S::Expired, S::Consumed] {
        for (at, quorum) in [(0, 0), (0, 1), (0, 2), (59, 1), (60, 1), (61, 1)] {
            for before in [None, Some(true), Some(false)] {
                for (role, shown, yes) in ROLE_SHOWN_YES {
                    let approval = Approval {
                        id: "T-1".to_owned(),
                        state,
                        act_digest: Digest::of(b"act"),
                        terms: ApprovalTerms { quorum, ..terms() },
                        workflow: "work".to_owned(),
                        tool: "desk.send".to_owned(),
                        requester: requester.to_owned(),
                        opened_at: second(0),
                        expires_at: second(60),
                        votes: before.map(|yes| vote("dan", yes, 0)).into_iter().collect(),
                        page: Value::Null,
                    };
                    let roles: &[String] = if role { &["reviewer".to_owned()] } else { &[] };
                    let shown = Digest::of(if shown { b"act" } else { b"not" });
                    law.cases += 1;
                    if approval.vote(vote(person, yes, at), roles, &shown).is_ok()
                        && own
                        && law.broken.is_none()
                    {
                        law.broken = Some(format!("{person} about a request of {requester}"));
                    }
                }
            }
        }
    }
}

const ROLE_SHOWN_YES: [(bool, bool, bool); 8] = [
    (false, false, false),
    (false, false, true),
    (false, true, false),
    (false, true, true),
    (true, false, false),
    (true, false, true),
    (true, true, false),
    (true, true, true),
];
