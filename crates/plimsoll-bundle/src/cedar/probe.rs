//! One act's policies asked thousands of times, for the behaviour diff.
//!
//! Whether a policy applies depends only on the facts it reads. So Cedar evaluates each policy once for
//! each combination of those that occurs, and what a set of policies decides follows by Cedar's own law:
//! permitted when some permit applies, no forbid does, and none erred. A test compares this with
//! [`decide`](plimsoll_core::decide()) case by case.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};

use cedar_policy::{Authorizer, Effect, Policy, PolicySet, Request};
use plimsoll_core::{Assume, Case, Digest, Mode, Principal, Tier, ToolName};

use super::Engine;
use super::context::{self, Known};
use super::fact::Fact;
use super::literals::{self, Literals};
use super::policy::{Rule, Standing};
use super::slice::{self, Slice};
use super::vocabulary::ARGS;

/// How far an act gets, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reach {
    /// Nothing makes it run.
    Refused,
    /// It runs once people have approved it, and its checks have passed.
    Approved,
    /// It runs once its checks have passed.
    Checked,
    /// It runs by itself.
    Free,
}

impl Reach {
    /// What happens, after "the act …".
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Refused => "is refused",
            Self::Approved => "waits for people's approval",
            Self::Checked => "runs once its checks pass",
            Self::Free => "runs by itself",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refuse",
            Self::Approved => "hold",
            Self::Checked => "check",
            Self::Free => "allow",
        }
    }
}

/// What the rules of an engine say, apart from how they are written.
#[derive(Debug)]
pub(crate) struct Book {
    pages: BTreeMap<String, Page>,
}

#[derive(Debug)]
pub(super) struct Page {
    pub(super) content: Digest,
    literals: Literals,
    looks_at_act: bool,
}

impl Engine {
    pub(crate) fn book(&self) -> Book {
        let page = |rule: &Rule| {
            let json = literals::json(&rule.policy);
            Page {
                content: literals::content(&json),
                literals: literals::of(&json),
                looks_at_act: literals::looks_at_act(&json),
            }
        };
        Book { pages: self.rules.values().map(|rule| (rule.id.clone(), page(rule))).collect() }
    }

    /// Every `@reason`, in any order.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules.values().filter_map(|rule| Some((rule.id.as_str(), rule.reason.as_deref()?)))
    }

    /// The policies of one act in one workflow; `None` when the workflow does not list it.
    pub(crate) fn probe<'e>(&'e self, book: &'e Book, workflow: &str, tool: &ToolName) -> Option<Probe<'e>> {
        let slice = self.slice(workflow, tool)?;
        let fields = fields(slice);
        let mut asked: Vec<Asked<'e>> = slice
            .policies
            .policies()
            .map(Policy::id)
            .chain(&slice.claims)
            .filter_map(|id| Asked::new(self.rules.get(id)?, book, &fields))
            .collect();
        asked.sort_by_key(|asked| asked.rule.rank);
        Some(Probe {
            slice,
            fields,
            asked,
            workflow: workflow.to_owned(),
            act: OnceCell::new(),
            home: OnceCell::new(),
            reached: RefCell::default(),
        })
    }
}

/// What the policies of a slice may read, in the order in which it is worked out.
fn fields(slice: &Slice) -> Vec<(&'static str, String)> {
    let plain = super::vocabulary::FIELDS.iter().filter(|field| field.group.is_empty());
    let records = super::vocabulary::FIELDS.iter().filter(|field| !field.group.is_empty());
    let read = plain.chain(records).filter(|field| slice.reads.has(field.group, field.name));
    let mut fields: Vec<(&'static str, String)> =
        read.map(|field| (field.group, field.name.to_owned())).collect();
    let args = slice.shape.args.iter().filter(|arg| slice.reads.has(ARGS, &arg.name));
    fields.extend(args.map(|arg| (ARGS, arg.name.clone())));
    fields
}

/// One act of one workflow, to be asked.
#[derive(Debug)]
pub(crate) struct Probe<'e> {
    pub(super) slice: &'e Slice,
    workflow: String,
    fields: Vec<(&'static str, String)>,
    pub(super) asked: Vec<Asked<'e>>,
    /// The number of this act, and of this workflow, in the memo of the comparison.
    act: OnceCell<u32>,
    home: OnceCell<u32>,
    /// How far cases with the same facts got.
    reached: RefCell<HashMap<Seen, Reach>>,
}

/// All that a reach depends on: the facts that are read, the principal where one is, and what else
/// [`decide`](plimsoll_core::decide()) looks at.
type Seen = (Vec<u32>, u32, [bool; 4]);

#[derive(Debug)]
pub(super) struct Asked<'e> {
    pub(super) rule: &'e Rule,
    pub(super) page: &'e Page,
    /// The policy by itself, made when it is first asked.
    alone: OnceCell<PolicySet>,
    /// The places of the facts that it reads.
    reads: Vec<usize>,
    by_tool: bool,
}

impl<'e> Asked<'e> {
    fn new(rule: &'e Rule, book: &'e Book, fields: &[(&'static str, String)]) -> Option<Self> {
        let page = book.pages.get(&rule.id)?;
        let read = |(group, name): &(&'static str, String)| rule.reads.has(group, name);
        let reads: Vec<usize> = (0..fields.len()).filter(|at| read(&fields[*at])).collect();
        let by_tool = page.looks_at_act || reads.iter().any(|at| fields[*at].0 == ARGS);
        Some(Self { rule, page, alone: OnceCell::new(), reads, by_tool })
    }
}

impl Asked<'_> {
    fn alone(&self) -> Result<&PolicySet, String> {
        if let Some(alone) = self.alone.get() {
            return Ok(alone);
        }
        let alone = PolicySet::from_policies([self.rule.policy.clone()]).map_err(|e| e.to_string())?;
        Ok(self.alone.get_or_init(|| alone))
    }
}

/// What was asked before. Facts are numbered, so that asking again is cheap.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    authorizer: Authorizer,
    numbers: HashMap<Fact, u32>,
    principals: HashMap<Principal, u32>,
    told: HashMap<Digest, HashMap<Vec<u32>, Told>>,
}

impl Memo {
    fn number(&mut self, fact: &Fact) -> u32 {
        if let Some(number) = self.numbers.get(fact) {
            return *number;
        }
        // 0 stands for what is absent.
        let next = u32::try_from(self.numbers.len() + 1).unwrap_or(u32::MAX);
        self.numbers.insert(fact.clone(), next);
        next
    }

    fn principal(&mut self, principal: &Principal) -> u32 {
        if let Some(number) = self.principals.get(principal) {
            return *number;
        }
        let next = u32::try_from(self.principals.len()).unwrap_or(u32::MAX);
        self.principals.insert(principal.clone(), next);
        next
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Applies,
    Silent,
    Errs,
}

impl Probe<'_> {
    /// Whether both are judged by the same policies, as what they are.
    pub(crate) fn same_as(&self, other: &Probe<'_>) -> bool {
        self.contents() == other.contents() && self.same_act_as(other)
    }

    /// Equal for two workflows in which this act is judged alike; `None` when a policy looks at the principal
    /// or the workflow, so that nobody can say.
    pub(crate) fn in_any_workflow(&self) -> Option<String> {
        if self.slice.reads.principal || self.slice.reads.has("", "workflow") {
            return None;
        }
        let contents: Vec<String> = self.contents().keys().map(ToString::to_string).collect();
        Some(format!("{} {} {}", self.slice.decides, self.slice.untrusted, contents.join(" ")))
    }

    fn read_args(&self) -> Vec<String> {
        let args = self.slice.shape.args.iter().filter(|arg| self.slice.reads.has(ARGS, &arg.name));
        args.map(|arg| format!("{} {} {}", arg.name, arg.kind(), arg.required)).collect()
    }

    /// What its policies say, each by its digest, in no order.
    pub(crate) fn contents(&self) -> BTreeMap<Digest, &str> {
        self.asked.iter().map(|asked| (asked.page.content, asked.rule.id.as_str())).collect()
    }

    /// Whether some policy of this act reads the fact.
    pub(crate) fn reads(&self, group: &str, name: &str) -> bool {
        self.slice.reads.has(group, name)
    }

    pub(crate) fn reads_principal(&self) -> bool {
        self.slice.reads.principal
    }

    /// What the named facts are compared with by any policy of this act.
    pub(crate) fn literals(&self, into: &mut Literals) {
        for (path, with) in self.asked.iter().flat_map(|asked| &asked.page.literals) {
            into.entry(path.clone()).or_default().extend(with.iter().cloned());
        }
    }

    /// Whether a policy of this content reads the fact.
    pub(crate) fn policy_reads(&self, content: &Digest, group: &str, name: &str) -> bool {
        self.of_content(content).is_some_and(|rule| rule.reads.has(group, name))
    }

    /// Whether it reads anything of the record.
    pub(crate) fn policy_touches(&self, content: &Digest, group: &str) -> bool {
        self.of_content(content).is_some_and(|rule| rule.reads.touches(group))
    }

    pub(crate) fn policy_reads_principal(&self, content: &Digest) -> bool {
        self.of_content(content).is_some_and(|rule| rule.reads.principal)
    }

    fn of_content(&self, content: &Digest) -> Option<&Rule> {
        self.asked.iter().find(|asked| asked.page.content == *content).map(|asked| asked.rule)
    }

    /// Whether all but the policies is the same: shape, roles, deciders, the arguments that are read.
    pub(crate) fn same_act_as(&self, other: &Probe<'_>) -> bool {
        let (a, b) = (&self.slice.shape, &other.slice.shape);
        (a.tier, a.effect, a.account) == (b.tier, b.effect, b.account)
            && (&a.roles, a.checks.len(), a.amount_free) == (&b.roles, b.checks.len(), b.amount_free)
            && (self.slice.decides, self.slice.untrusted) == (other.slice.decides, other.slice.untrusted)
            && self.read_args() == other.read_args()
    }

    /// How far a case gets.
    pub(crate) fn reach(&self, memo: &mut Memo, case: &Case<'_>) -> Reach {
        let Ok(known) = context::known(self.slice, case, &Assume::default()) else { return Reach::Refused };
        let numbers = self.numbers(memo, &known);
        let facts = &case.facts;
        let principal = if self.slice.reads.principal { memo.principal(case.principal) } else { 0 };
        let failed = facts.checks.iter().any(|check| check.passed == Some(false));
        let open = facts.checks.iter().any(|check| check.passed.is_none());
        let suggests = case.mode == Mode::Suggest && case.tier != Tier::Safe && !facts.deferred;
        let seen = (numbers, principal, [failed, open, facts.terms.is_some(), suggests]);
        if let Some(reach) = self.reached.borrow().get(&seen) {
            return *reach;
        }
        let reach = match self.permits(memo, case, false, false) {
            None => Reach::Refused,
            // What suggest mode does with it is no rule's business, and all the same what happens.
            Some(true) if suggests => Reach::Refused,
            Some(true) => Reach::Free,
            Some(false) if failed => Reach::Refused,
            Some(false) => self.held(memo, case, open),
        };
        self.reached.borrow_mut().insert(seen, reach);
        reach
    }

    /// How far it gets with the help of checks and people.
    fn held(&self, memo: &mut Memo, case: &Case<'_>, open: bool) -> Reach {
        let can_ask = case.facts.terms.is_some();
        let mut permitted = |checks, approval| self.permits(memo, case, checks, approval) == Some(true);
        match () {
            () if open && permitted(true, false) => Reach::Checked,
            () if can_ask && permitted(false, true) => Reach::Approved,
            () if open && can_ask && permitted(true, true) => Reach::Approved,
            () => Reach::Refused,
        }
    }

    /// Whether the rules permit it under these assumptions; `None` when a rule erred.
    fn permits(&self, memo: &mut Memo, case: &Case<'_>, checks: bool, approval: bool) -> Option<bool> {
        let assume = Assume { checks, approval, ..Assume::default() };
        self.permits_by(memo, case, &assume, Standing::decides)
    }

    /// The same by some of the rules alone.
    pub(super) fn permits_by(
        &self,
        memo: &mut Memo,
        case: &Case<'_>,
        assume: &Assume,
        counts: impl Fn(Standing) -> bool,
    ) -> Option<bool> {
        let known = context::known(self.slice, case, assume).ok()?;
        let numbers = self.numbers(memo, &known);
        let (mut permitted, mut forbidden) = (false, false);
        for asked in self.asked.iter().filter(|asked| counts(asked.rule.standing)) {
            match self.told(memo, asked, case, &known, &numbers) {
                Told::Errs => return None,
                Told::Silent => {}
                Told::Applies if asked.rule.policy.effect() == Effect::Permit => permitted = true,
                Told::Applies => forbidden = true,
            }
        }
        Some(permitted && !forbidden)
    }

    /// The number of each fact, in the order of the fields; both lists have the same order.
    fn numbers(&self, memo: &mut Memo, known: &Known) -> Vec<u32> {
        let mut known = known.iter().peekable();
        let mut number = |field: &(&'static str, String)| match known.peek() {
            Some((path, _)) if path == field => known.next().map_or(0, |(_, fact)| memo.number(fact)),
            _ => 0,
        };
        self.fields.iter().map(&mut number).collect()
    }

    /// Whether one rule applies to it, whatever the others say.
    pub(super) fn applies(
        &self,
        memo: &mut Memo,
        case: &Case<'_>,
        assume: &Assume,
        id: &str,
    ) -> Option<bool> {
        let asked = self.asked.iter().find(|asked| asked.rule.id == id)?;
        let known = context::known(self.slice, case, assume).ok()?;
        let numbers = self.numbers(memo, &known);
        match self.told(memo, asked, case, &known, &numbers) {
            Told::Errs => None,
            told => Some(told == Told::Applies),
        }
    }

    fn told(
        &self,
        memo: &mut Memo,
        asked: &Asked<'_>,
        case: &Case<'_>,
        known: &Known,
        numbers: &[u32],
    ) -> Told {
        let mut key: Vec<u32> = asked.reads.iter().map(|at| numbers[*at]).collect();
        if asked.by_tool {
            let shape = &self.slice.shape;
            let act = || Fact::Text(format!("act {} {:?}", shape.name, shape.groups_in_order()));
            key.push(*self.act.get_or_init(|| memo.number(&act())));
        }
        if asked.rule.reads.principal {
            key.push(*self.home.get_or_init(|| memo.number(&Fact::Text(format!("in {}", self.workflow)))));
            key.push(memo.principal(case.principal));
        }
        if let Some(told) = memo.told.get(&asked.page.content).and_then(|told| told.get(&key)) {
            return *told;
        }
        let read = known.iter().filter(|((group, name), _)| asked.rule.reads.has(group, name));
        let told = self.ask(memo, asked, case, read.cloned().collect()).unwrap_or(Told::Errs);
        memo.told.entry(asked.page.content).or_default().insert(key, told);
        told
    }

    fn ask(&self, memo: &Memo, asked: &Asked<'_>, case: &Case<'_>, read: Known) -> Result<Told, String> {
        let context = context::of_facts(&asked.rule.reads, read)?;
        let principal = slice::principal_uid(self.slice, case.principal);
        let (action, resource) = (self.slice.action.clone(), self.slice.resource.clone());
        let request = Request::new(principal, action, resource, context, None).map_err(|e| e.to_string())?;
        let entities = slice::entities(self.slice, case)?;
        let answer = memo.authorizer.is_authorized(&request, asked.alone()?, &entities);
        let told = match answer.diagnostics().errors().next() {
            Some(_) => Told::Errs,
            None if answer.diagnostics().reason().next().is_some() => Told::Applies,
            None => Told::Silent,
        };
        Ok(told)
    }
}

/// The policies of one file: the digest of what each says, its name, and its text. Empty when it does not parse.
pub(crate) fn contents(text: &str) -> Vec<(String, String, String)> {
    let set: PolicySet = text.parse().unwrap_or_default();
    let name = |policy: &Policy| policy.annotation("id").unwrap_or_default().to_owned();
    set.policies()
        .map(|policy| {
            (literals::content(&literals::json(policy)).to_string(), name(policy), policy.to_string())
        })
        .collect()
}
