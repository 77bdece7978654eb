//! Which questions are asked about which acts, and what the answers come to for each invariant.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::ToolName;

use super::solver::{Query, Seen, What};
use super::{Counterexample, Erring, Outcome, Proof, Solver, tried};
use crate::cedar::{Ask, Book, Invariant, Memo, Parts, PolicyFile};
use crate::diagnostic::Diagnostic;
use crate::diff::reach::{SideAct, side_of};
use crate::diff::{Place, Places};
use crate::model::Bundle;
use crate::tree::Tree;

const CLAIMS: &str = include_str!("../../policies/claims.cedar");

/// Everything that can be asked about one state of a repository.
#[derive(Debug)]
pub(crate) struct Inquiry<'a> {
    bundle: &'a Bundle,
    tree: &'a Tree,
    ask: Ask,
}

/// One invariant and one act, of which it is not plain that nothing breaks it.
struct Open {
    act: usize,
    invariant: usize,
}

impl<'a> Inquiry<'a> {
    /// `more`: what another state of the repository said must hold.
    pub(crate) fn new(
        bundle: &'a Bundle,
        tree: &'a Tree,
        more: &[PolicyFile],
    ) -> Result<Self, Vec<Diagnostic>> {
        let policies = policies(tree);
        let parts = Parts {
            servers: &bundle.servers,
            workflows: &bundle.workflows,
            models: &bundle.models,
            policies: &policies,
            shipped: bundle.rules.shipped(),
        };
        let path = "(shipped) policies/claims.cedar".to_owned();
        let shipped = PolicyFile { path, text: CLAIMS.to_owned() };
        let claims: Vec<PolicyFile> = [shipped].into_iter().chain(more.iter().cloned()).collect();
        Ok(Self { bundle, tree, ask: Ask::new(parts, &claims)? })
    }

    /// What became of each invariant. `only` says which acts are asked about.
    pub(crate) fn run(
        &self,
        solver: Option<&dyn Solver>,
        only: &dyn Fn(&str, &ToolName) -> bool,
    ) -> Vec<Proof> {
        let (invariants, unasked) = self.ask.invariants();
        let book = self.ask.engine.book();
        let acts = self.acts(&book, only);
        let mut tallies = vec![Tally::default(); invariants.len()];
        let open = open(&invariants, &acts, &mut tallies);
        let answers = self.answers(solver, &invariants, &acts, &open);
        for (open, answer) in open.iter().zip(answers) {
            tallies[open.invariant].answers.push((acts[open.act].workflow, acts[open.act].name, answer));
        }
        let mut proofs: Vec<Proof> = invariants
            .iter()
            .zip(&mut tallies)
            .map(|(invariant, tally)| self.proof(invariant, tally))
            .collect();
        for (id, why) in unasked {
            let because = format!("it means nothing here: {why}");
            let invariant = Invariant::unknown(id);
            let untold = Proof {
                outcome: Outcome::Untold { because },
                ..self.proof(&invariant, &mut Tally::default())
            };
            proofs.push(untold);
        }
        proofs
    }

    /// The policies that forbid and may err, act by act.
    pub(crate) fn erring(&self, solver: Option<&dyn Solver>) -> Vec<Erring> {
        let book = self.ask.engine.book();
        let acts = self.acts(&book, &|_, _| true);
        let (mut seen, mut asked, mut queries) = (BTreeSet::new(), Vec::new(), Vec::new());
        for act in &acts {
            for (id, policy, reads) in act.probe.forbids_that_may_err() {
                if seen.insert((id.to_owned(), act.name)) {
                    asked.push((id.to_owned(), act.name));
                    queries.push(Query::new(&act.probe, What::NeverErrs(Box::new(policy)), reads));
                }
            }
        }
        let answers = solver.map(|solver| {
            let good: Vec<&Query> = queries.iter().collect();
            let answers = solver.ask(&self.ask.schema, &good);
            answers.into_iter().zip(&queries).map(|(answer, query)| query.see(answer)).collect::<Vec<_>>()
        });
        let answers = answers.unwrap_or_else(|| {
            queries.iter().map(|_| Seen::Unknown("no solver was asked".to_owned())).collect()
        });
        let mut erring: BTreeMap<String, Erring> = BTreeMap::new();
        for ((policy, tool), answer) in asked.into_iter().zip(answers) {
            let (given, because) = match answer {
                Seen::Holds => continue,
                Seen::Counter(found) => (found.given, None),
                Seen::Unknown(why) => (Vec::new(), Some(why)),
            };
            let place = self.place(&policy);
            erring.entry(policy.clone()).or_insert(Erring {
                policy,
                place,
                given,
                tool: tool.to_string(),
                because,
            });
        }
        erring.into_values().collect()
    }

    fn acts<'s>(&'s self, book: &'s Book, only: &dyn Fn(&str, &ToolName) -> bool) -> Vec<SideAct<'s>> {
        let mut acts = Vec::new();
        for (tool, workflows) in self.ask.acts() {
            let mine = workflows.into_iter().filter(|workflow| only(workflow, tool));
            acts.extend(
                mine.filter_map(|workflow| side_of(self.bundle, &self.ask.engine, book, workflow, tool)),
            );
        }
        acts
    }

    fn answers(
        &self,
        solver: Option<&dyn Solver>,
        invariants: &[Invariant],
        acts: &[SideAct<'_>],
        open: &[Open],
    ) -> Vec<Found> {
        let environment = self.bundle.project.environment.as_str();
        let mut memo = Memo::default();
        let mut try_it =
            |open: &Open| tried::act(&mut memo, &acts[open.act], &invariants[open.invariant], environment);
        let Some(solver) = solver else {
            return open.iter().map(|open| Found::of_trying(try_it(open), None)).collect();
        };
        let query = |open: &Open| {
            let (probe, invariant) = (&acts[open.act].probe, &invariants[open.invariant]);
            let question = probe.question(invariant)?;
            let what = What::Implies(Box::new(question.allowed), Box::new(question.within));
            Ok::<_, String>(Query::new(probe, what, question.reads))
        };
        let queries: Vec<Result<Query, String>> = open.iter().map(query).collect();
        let good: Vec<&Query> = queries.iter().flatten().collect();
        let mut answers = solver
            .ask(&self.ask.schema, &good)
            .into_iter()
            .zip(&good)
            .map(|(answer, query)| query.see(answer));
        let mut found = Vec::new();
        for (open, query) in open.iter().zip(&queries) {
            let answer = match query {
                Ok(_) => answers.next().unwrap_or_else(|| Seen::Unknown("it did not answer".to_owned())),
                Err(why) => Seen::Unknown(why.clone()),
            };
            found.push(match answer {
                Seen::Holds => Found::Proved,
                Seen::Counter(counter) => Found::Broken(counter),
                // The solver gave up: perhaps trying finds something against it.
                Seen::Unknown(why) => Found::of_trying(try_it(open), Some(why)),
            });
        }
        found
    }

    fn proof(&self, invariant: &Invariant, tally: &mut Tally<'_>) -> Proof {
        let answers = std::mem::take(&mut tally.answers);
        let mut proof = Proof {
            invariant: invariant.id.clone(),
            says: invariant.says.clone(),
            place: self.place(&invariant.id),
            in_force: invariant.in_force,
            acts: tally.acts,
            cases: 0,
            cut: Vec::new(),
            outcome: if tally.acts == 0 { Outcome::Idle } else { Outcome::Proved },
        };
        let mut cut = BTreeSet::new();
        for (workflow, tool, found) in answers {
            let outcome = match found {
                Found::Proved => continue,
                Found::Tried { cases, left_out, because } => {
                    proof.cases += cases;
                    cut.extend(left_out);
                    because.map_or(Outcome::Tried, |because| Outcome::Untold {
                        because: format!("{tool}: {because}"),
                    })
                }
                Found::Broken(counter) => {
                    let (workflow, tool) = (workflow.to_owned(), tool.to_string());
                    let counter = Box::new(Counterexample { workflow, tool, ..counter });
                    if invariant.in_force { Outcome::Alone(counter) } else { Outcome::Broken(counter) }
                }
            };
            if rank(&outcome) > rank(&proof.outcome) {
                proof.outcome = outcome;
            }
        }
        proof.cut = cut.into_iter().collect();
        proof
    }

    fn place(&self, id: &str) -> Option<Place> {
        let place = Places::new(self.tree, false).policy(id);
        (place.file != "policies").then_some(place)
    }
}

fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Idle | Outcome::Proved => 0,
        Outcome::Tried => 1,
        Outcome::Untold { .. } => 2,
        Outcome::Broken(_) | Outcome::Alone(_) => 3,
    }
}

/// What came of one question.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Proved,
    Tried {
        cases: usize,
        left_out: Option<String>,
        /// Why the solver could not say, when it was asked.
        because: Option<String>,
    },
    Broken(Counterexample),
}

impl Found {
    fn of_trying(tried: Self, because: Option<String>) -> Self {
        match tried {
            Self::Tried { cases, left_out, .. } => Self::Tried { cases, left_out, because },
            found => found,
        }
    }
}

/// What is known about one invariant so far.
#[derive(Clone, Debug, Default)]
struct Tally<'a> {
    acts: usize,
    answers: Vec<(&'a str, &'a ToolName, Found)>,
}

/// What has to be asked: the same act in another workflow that judges it alike needs no second question, and
/// where a rule in force says the same, or none permits, there is nothing to ask.
fn open<'a>(invariants: &[Invariant], acts: &[SideAct<'a>], tallies: &mut [Tally<'a>]) -> Vec<Open> {
    let (mut open, mut known) = (Vec::new(), BTreeSet::new());
    for (act, side) in acts.iter().enumerate() {
        for (number, invariant) in invariants.iter().enumerate() {
            if !side.probe.concerns(&invariant.key) {
                continue;
            }
            tallies[number].acts += 1;
            let alike = side.probe.in_any_workflow();
            let again = alike.is_some_and(|alike| !known.insert((number, side.name, alike)));
            if !again && !side.probe.plainly_holds(invariant) {
                open.push(Open { act, invariant: number });
            }
        }
    }
    open
}

/// Every policy of a repository.
fn policies(tree: &Tree) -> Vec<PolicyFile> {
    let paths = tree.0.keys().filter(|path| path.starts_with("policies/") && path.ends_with(".cedar"));
    let file = |path: &String| Some(PolicyFile { path: path.clone(), text: tree.text(path)?.to_owned() });
    paths.filter_map(file).collect()
}
