//! One act's policies asked thousands of times, for the behaviour diff.
//!
//! Whether a policy applies depends only on the facts it reads. So facts are numbered, Cedar evaluates each policy
//! once for each combination of numbers that occurs, and what a set of policies decides follows from their
//! [`Votes`]. A test compares this with [`decide`](plimsoll_core::decide()) case by case.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use cedar_policy::{Authorizer, Policy, PolicySet, Request};
use plimsoll_core::{Assume, Case, Digest, Principal, ToolName};
use rustc_hash::FxHashMap;

use super::Engine;
use super::args::Arg;
use super::context::{self, Facts, Known};
use super::fact::Fact;
use super::literals::{self, Literals};
use super::part::{self, Part};
use super::policy::Rule;
use super::slice::{self, Slice};
use super::vocabulary::{ARGS, Field};
use super::votes::{Assumed, Vote, Votes, Ways};

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
    looks_at_home: bool,
}

impl Engine {
    pub(crate) fn book(&self) -> Book {
        let page = |rule: &Rule| {
            let json = literals::json(&rule.policy);
            Page {
                content: literals::content(&json),
                literals: literals::of(&json),
                looks_at_act: literals::looks_at_act(&json),
                looks_at_home: literals::looks_at_home(&json),
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
        let slots = slots(slice);
        let mut asked: Vec<Asked<'e>> = slice
            .policies
            .policies()
            .map(Policy::id)
            .chain(&slice.claims)
            .filter_map(|id| Asked::new(self.rules.get(id)?, book, &slots))
            .collect();
        asked.sort_by_key(|asked| asked.rule.rank);
        Some(Probe { slice, slots, asked, workflow: workflow.to_owned() })
    }
}

/// One thing that a judgement of an act can depend on, and that has a number.
#[derive(Clone, Copy, Debug)]
enum Slot<'e> {
    Fact(&'static Field),
    Arg(&'e Arg),
    /// Which act it is.
    Act,
    /// In which workflow.
    Home,
    Principal,
    /// What is looked at beside the rules.
    Ways,
}

impl Slot<'_> {
    fn parts(self) -> &'static [Part] {
        match self {
            Self::Fact(field) => part::of_fact(field.group, field.name),
            Self::Arg(arg) => part::of_fact(ARGS, &arg.name),
            Self::Act | Self::Home => &[],
            Self::Principal => &[Part::Principal],
            Self::Ways => &[Part::Checks, Part::Mode, Part::Door],
        }
    }

    fn is_as(self, other: Slot<'_>) -> bool {
        match (self, other) {
            (Self::Fact(a), Slot::Fact(b)) => (a.group, a.name) == (b.group, b.name),
            (Self::Arg(a), Slot::Arg(b)) => a == b,
            (a, b) => std::mem::discriminant(&a) == std::mem::discriminant(&b),
        }
    }

    fn is_read_by(self, rule: &Rule, page: &Page) -> bool {
        match self {
            Self::Fact(field) => rule.reads.has(field.group, field.name),
            Self::Arg(arg) => rule.reads.has(ARGS, &arg.name),
            Self::Act => page.looks_at_act || rule.reads.touches(ARGS),
            Self::Home => rule.reads.principal && page.looks_at_home,
            Self::Principal => rule.reads.principal,
            Self::Ways => false,
        }
    }
}

/// All that judgements of one slice depend on.
fn slots(slice: &Slice) -> Vec<Slot<'_>> {
    let facts = slice.fields.iter().map(|field| Slot::Fact(field));
    let args = slice.read_args().map(Slot::Arg);
    let principal = [Slot::Home, Slot::Principal].into_iter().filter(|_| slice.reads.principal);
    facts.chain(args).chain([Slot::Act]).chain(principal).chain([Slot::Ways]).collect()
}

/// One act of one workflow, to be asked.
#[derive(Debug)]
pub(crate) struct Probe<'e> {
    pub(super) slice: &'e Slice,
    workflow: String,
    slots: Vec<Slot<'e>>,
    pub(super) asked: Vec<Asked<'e>>,
}

#[derive(Debug)]
pub(super) struct Asked<'e> {
    pub(super) rule: &'e Rule,
    pub(super) page: &'e Page,
    /// The policy by itself, made when it is first asked.
    alone: OnceCell<PolicySet>,
    /// The places of the slots that it reads.
    reads: Vec<usize>,
    /// The number of what it says, in the memo of the comparison.
    place: OnceCell<usize>,
}

impl<'e> Asked<'e> {
    fn new(rule: &'e Rule, book: &'e Book, slots: &[Slot<'e>]) -> Option<Self> {
        let page = book.pages.get(&rule.id)?;
        let reads = (0..slots.len()).filter(|at| slots[*at].is_read_by(rule, page)).collect();
        Some(Self { rule, page, alone: OnceCell::new(), reads, place: OnceCell::new() })
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

    /// The numbers of what it reads.
    fn key<'n>(&self, numbers: &'n [u32]) -> impl Iterator<Item = u32> + use<'_, 'n> {
        self.reads.iter().map(|at| numbers[*at])
    }
}

/// What was asked before. Facts are numbered, so that asking again is cheap.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    authorizer: Authorizer,
    numbers: HashMap<Fact, u32>,
    principals: HashMap<Principal, u32>,
    places: HashMap<Digest, usize>,
    /// What each content said to which numbers of what it reads.
    told: Vec<FxHashMap<Vec<u32>, Votes>>,
}

impl Memo {
    fn number(&mut self, fact: Fact) -> u32 {
        // 0 stands for what is absent.
        let next = u32::try_from(self.numbers.len() + 1).unwrap_or(u32::MAX);
        *self.numbers.entry(fact).or_insert(next)
    }

    fn principal(&mut self, principal: &Principal) -> u32 {
        if let Some(number) = self.principals.get(principal) {
            return *number;
        }
        let next = u32::try_from(self.principals.len()).unwrap_or(u32::MAX);
        self.principals.insert(principal.clone(), next);
        next
    }

    fn place(&mut self, asked: &Asked<'_>) -> usize {
        *asked.place.get_or_init(|| {
            let next = self.told.len();
            let place = *self.places.entry(asked.page.content).or_insert(next);
            if place == next {
                self.told.push(FxHashMap::default());
            }
            place
        })
    }
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
        self.slice.read_args().map(|arg| format!("{} {} {}", arg.name, arg.kind(), arg.required)).collect()
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

    /// Whether every case has the same numbers for both.
    pub(crate) fn is_numbered_as(&self, other: &Probe<'_>) -> bool {
        let mut slots = self.slots.iter().zip(&other.slots);
        self.same_act_as(other)
            && self.workflow == other.workflow
            && self.slots.len() == other.slots.len()
            && slots.all(|(a, b)| a.is_as(*b))
    }

    /// What of a case decides each of the things that its judgement can depend on.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'static [Part]> {
        self.slots.iter().map(|slot| slot.parts())
    }

    /// The numbers of some of them; `None` when a fact can't be known, and the case is refused.
    pub(crate) fn numbers(&self, memo: &mut Memo, case: &Case<'_>, places: &[usize]) -> Option<Vec<u32>> {
        let nothing = Assume::default();
        let facts = Facts::of(self.slice, case, &nothing);
        places.iter().map(|at| self.number(memo, case, &facts, self.slots[*at]).ok()).collect()
    }

    fn number(
        &self,
        memo: &mut Memo,
        case: &Case<'_>,
        facts: &Facts<'_>,
        slot: Slot<'_>,
    ) -> Result<u32, String> {
        let fact = match slot {
            Slot::Fact(field) => facts.field(field)?,
            Slot::Arg(arg) => facts.arg(arg)?,
            Slot::Act => Some(self.act()),
            Slot::Home => Some(Fact::Text(format!("in {}", self.workflow))),
            Slot::Principal => return Ok(memo.principal(case.principal)),
            Slot::Ways => return Ok(Ways::of(case).number()),
        };
        Ok(fact.map_or(0, |fact| memo.number(fact)))
    }

    fn act(&self) -> Fact {
        let shape = &self.slice.shape;
        Fact::Text(format!("act {} {:?}", shape.name, shape.groups_in_order()))
    }

    /// What is looked at beside the rules.
    pub(crate) fn ways(&self, numbers: &[u32]) -> Ways {
        let at = self.slots.iter().position(|slot| matches!(slot, Slot::Ways));
        Ways::of_number(at.map_or(0, |at| numbers[at]))
    }

    /// What the rules that decide say to a case with these numbers; `None` when one of them was not asked yet.
    pub(crate) fn votes(&self, memo: &Memo, numbers: &[u32]) -> Option<Votes> {
        self.votes_of(memo, numbers, |rule| rule.kind.decides())
    }

    /// The same of some of the rules.
    pub(super) fn votes_of(
        &self,
        memo: &Memo,
        numbers: &[u32],
        counts: impl Fn(&Rule) -> bool,
    ) -> Option<Votes> {
        let mut key = Vec::new();
        let mut vote = |asked: &Asked<'_>| {
            key.clear();
            key.extend(asked.key(numbers));
            memo.told.get(*asked.place.get()?)?.get(key.as_slice()).copied()
        };
        let mut asked = self.asked.iter().filter(|asked| counts(asked.rule));
        asked.try_fold(Votes::default(), |votes, asked| Some(votes | vote(asked)?))
    }

    /// Asks each rule that was not asked about a case with these numbers yet.
    pub(crate) fn ask(&self, memo: &mut Memo, numbers: &[u32], case: &Case<'_>) {
        let assumed = Assumed::ALL.map(Assumed::assume);
        let settled = Rc::default();
        let facts = assumed.each_ref().map(|assume| Facts::with(self.slice, case, assume, &settled));
        for asked in &self.asked {
            let place = memo.place(asked);
            let key: Vec<u32> = asked.key(numbers).collect();
            if !memo.told[place].contains_key(&key) {
                let votes = self.vote(memo, asked, case, &facts);
                memo.told[place].insert(key, votes);
            }
        }
    }

    /// What one rule says under each assumption; what reads none of what is assumed is evaluated once.
    fn vote(
        &self,
        memo: &Memo,
        asked: &Asked<'_>,
        case: &Case<'_>,
        facts: &[Facts<'_>; Assumed::ALL.len()],
    ) -> Votes {
        let mut before: Vec<(Known, Vote)> = Vec::new();
        let mut votes = Votes::default();
        for (assumed, facts) in Assumed::ALL.into_iter().zip(facts) {
            let vote = self.known_to(asked, facts).map_or(Vote::Errs, |known| {
                if let Some((_, vote)) = before.iter().find(|(other, _)| *other == known) {
                    return *vote;
                }
                let vote = self.evaluate(memo, asked, case, known.clone()).unwrap_or(Vote::Errs);
                before.push((known, vote));
                vote
            });
            votes = votes | Votes::one(asked.rule.policy.effect(), vote, assumed);
        }
        votes
    }

    /// The facts that one rule reads.
    fn known_to(&self, asked: &Asked<'_>, facts: &Facts<'_>) -> Result<Known, String> {
        let mut known = Known::new();
        for at in &asked.reads {
            match self.slots[*at] {
                Slot::Fact(field) => {
                    let path = (field.group, Cow::Borrowed(field.name));
                    known.extend(facts.field(field)?.map(|fact| (path, fact)));
                }
                Slot::Arg(arg) => {
                    let path = (ARGS, Cow::Owned(arg.name.clone()));
                    known.extend(facts.arg(arg)?.map(|fact| (path, fact)));
                }
                Slot::Act | Slot::Home | Slot::Principal | Slot::Ways => {}
            }
        }
        Ok(known)
    }

    fn evaluate(&self, memo: &Memo, asked: &Asked<'_>, case: &Case<'_>, read: Known) -> Result<Vote, String> {
        let context = context::of_facts(&asked.rule.reads, read)?;
        let principal = slice::principal_uid(self.slice, case.principal);
        let (action, resource) = (self.slice.action.clone(), self.slice.resource.clone());
        let request = Request::new(principal, action, resource, context, None).map_err(|e| e.to_string())?;
        let entities = slice::entities(self.slice, &asked.rule.reads, case)?;
        let answer = memo.authorizer.is_authorized(&request, asked.alone()?, &entities);
        Ok(match answer.diagnostics().errors().next() {
            Some(_) => Vote::Errs,
            None if answer.diagnostics().reason().next().is_some() => Vote::Applies,
            None => Vote::Silent,
        })
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
