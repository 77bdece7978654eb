//! The short cut and the real engine say the same about every case; and a case is numbered as if it were the only one.

use plimsoll_core::{Need, Ruling, decide};

use super::*;
use crate::diff::load_for_diff;
use crate::tree::Tree;

#[path = "../../../tests/it/seeded.rs"]
#[expect(dead_code, reason = "what is stricter is tried where levels are compared")]
mod seeded;

use self::seeded::Seed;

fn tree() -> Tree {
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/support-desk");
    Tree::read_dir(&example).unwrap()
}

/// What a decision comes to, in the order of [`Reach`].
fn reach_of(decision: &plimsoll_core::Decision) -> Reach {
    match decision.ruling {
        Ruling::Allow => Reach::Free,
        Ruling::Refuse => Reach::Refused,
        Ruling::Hold if decision.needs.iter().any(|need| matches!(need, Need::Approval(_))) => {
            Reach::Approved
        }
        Ruling::Hold => Reach::Checked,
    }
}

/// Compares every case of every act; with the facts that an own policy reads besides.
fn compare(more: &str, departures: usize, only: &str) -> usize {
    let mut tree = tree();
    tree.insert("policies/own.cedar", more.as_bytes());
    let bundle = load_for_diff(&tree).unwrap();
    let book = bundle.rules.book();
    let mut memo = Memo::default();
    let mut cases = 0;
    let acts = names(&bundle, "support");
    for name in acts.iter().filter(|name| name.to_string().contains(only)) {
        let act = side(&bundle, &book, "support", name).unwrap();
        let space = Builder::new(vec![&act], ["demo", "demo"]).build();
        let sizes: Vec<usize> = space.dims.iter().map(|dim| dim.values.len()).collect();
        let (mut sheet, mut judge) = (Sheet::new(&mut memo, &space, &act), Judge::new(&act));
        let mut one = |key: &[u16]| {
            let situation = space.at(key);
            let quick = judge.reach(&mut memo, &mut sheet, key);
            let slow = act.with(&situation, |case| decide(&bundle.rules, case).decision);
            assert_eq!(quick, reach_of(&slow), "{name} {situation:#?} {slow:?}");
            cases += 1;
        };
        let rest: Vec<usize> = (0..sizes.len()).collect();
        departing(&sizes, &rest, departures, &mut vec![0; sizes.len()], &mut one);
    }
    cases
}

#[test]
fn the_short_cut_decides_as_the_engine_does() {
    assert!(compare("", 2, "desk.refund_order") > 100);
    assert!(compare("", 1, "") > 50);
    let own = "@id(\"own\") forbid(principal, action in Action::\"guarded\", resource) when {
        context.mode == \"enforce\" && principal.roles.contains(\"guest\") && context.counters.calls_per_day > 9 ||
        resource.account == \"execute\" && context.environment == \"moon\" };
    @id(\"errs\") forbid(principal, action == Action::\"desk.refund_order\", resource) when {
        context.args has currency && context.args.currency == \"XTS\" &&
        context.amount.hundredths + 9223372036854775807 > 0 };";
    assert!(compare(own, 1, "") > 80);
    assert!(compare(own, 2, "desk.pay_invoice") > 100);
}

/// How far a case gets, with nothing remembered of the cases before it but what its rules said to the same facts.
fn by_itself(memo: &mut Memo, space: &Space, side: &SideAct<'_>, key: &[u16]) -> Reach {
    let probe = &side.probe;
    let places: Vec<usize> = (0..probe.parts().count()).collect();
    side.with(&space.at(key), |case| {
        let Some(numbers) = probe.numbers(memo, case, &places) else { return Reach::Refused };
        if probe.votes(memo, &numbers).is_none() {
            probe.ask(memo, &numbers, case);
        }
        probe.votes(memo, &numbers).unwrap().reach(probe.ways(&numbers))
    })
}

/// Of the cases that a diff tries, one in so many is worked out by itself too; a prime, so that all values take part.
const COMPARED: usize = 7;

/// The same reach either way, on both sides of an act; how many cases were compared.
fn compare_act(memo: &mut Memo, was: Option<&SideAct<'_>>, is: &SideAct<'_>, seed: &Seed) -> usize {
    let space = Builder::new(was.into_iter().chain([is]).collect(), ["demo", "demo"]).build();
    let sides: Vec<&SideAct<'_>> = was.into_iter().chain([is]).collect();
    let mut judges: Vec<Judge<'_>> = sides.iter().map(|side| Judge::new(side)).collect();
    let mut sheets: Vec<Sheet<'_>> = Vec::new();
    if was.is_none_or(|was| was.is_numbered_as(is)) {
        sheets.push(Sheet::new(memo, &space, is));
    } else {
        sheets.extend(sides.iter().map(|side| Sheet::new(memo, &space, side)));
    }
    let mut cases = 0;
    Plan::of(&space, was, is).each(&mut |key: &[u16]| {
        cases += 1;
        for (at, side) in sides.iter().enumerate() {
            let sheet = at.min(sheets.len() - 1);
            let quick = judges[at].reach(memo, &mut sheets[sheet], key);
            if cases % COMPARED == 1 {
                let slow = by_itself(memo, &space, side, key);
                assert_eq!(quick, slow, "{} ({}): {} {key:?}", seed.name, seed.rule, is.name);
            }
        }
    });
    cases.div_ceil(COMPARED)
}

#[test]
fn what_is_remembered_is_what_would_be_found_again() {
    let base = load_for_diff(&seeded::repo()).unwrap();
    let mut compared = 0;
    for seed in seeded::changes().iter().chain(&seeded::refactorings()) {
        let head = load_for_diff(&seed.tree).unwrap();
        let books = [base.rules.book(), head.rules.book()];
        let mut memo = Memo::default();
        for workflow in head.workflows.keys() {
            for name in names(&head, workflow) {
                let was = side(&base, &books[0], workflow, &name);
                let is = side(&head, &books[1], workflow, &name).unwrap();
                if was.as_ref().is_none_or(|was| !was.is_judged_as(&is)) {
                    compared += compare_act(&mut memo, was.as_ref(), &is, seed);
                }
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn every_and_pairs() {
    let mut all = Vec::new();
    every(&[2, 3], &mut |key| all.push(key.to_vec()));
    assert_eq!(all.len(), 6);
    let mut some = Vec::new();
    let sizes = [2, 3, 2, 2];
    departing(&sizes, &[0, 1, 2], 2, &mut [0; 4], &mut |key| some.push(key.to_vec()));
    assert_eq!(some.len(), 1 + 4 + (2 + 1 + 2));
    let plan = Plan { sizes: sizes.into(), full: vec![3], rest: vec![0, 1, 2], departures: 2 };
    let mut planned = 0;
    plan.each(&mut |_| planned += 1);
    assert_eq!((planned, plan.cases()), (2 * some.len(), 2 * some.len()));
}
