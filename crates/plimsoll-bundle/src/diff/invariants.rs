//! What must always hold, on both sides: invariants that were rewritten or dropped, and those that changed
//! policies no longer imply.

use std::collections::BTreeMap;

use plimsoll_core::ToolName;
use serde_json::json;

use super::change::Change;
use super::reach::Touched;
use super::rules::{self, Rule};
use super::{Diffing, Side};
use crate::cedar::PolicyFile;
use crate::prove::render::{counterexample, found};
use crate::prove::{Inquiry, Outcome, Proof};

const FOLDER: &str = "policies/invariants/";

impl Diffing<'_> {
    pub(super) fn invariants(&mut self, touched: &Touched) {
        self.no_longer_said();
        self.no_longer_implied(touched);
    }

    /// What `policies/invariants/` no longer says in the same form, asked of everything in force in HEAD.
    fn no_longer_said(&mut self) {
        let (was, is) = (said(self.base_tree), said(self.head_tree));
        let gone: BTreeMap<&String, &Said> =
            was.iter().filter(|(content, _)| !is.contains_key(*content)).collect();
        if gone.is_empty() {
            return;
        }
        let claims: Vec<PolicyFile> = gone
            .values()
            .map(|said| PolicyFile { path: said.file.clone(), text: said.text.clone() })
            .collect();
        let proofs = Inquiry::new(self.head, self.head_tree, &claims)
            .map(|inquiry| inquiry.run(self.solver, &|_, _| true))
            .unwrap_or_default();
        for (content, said) in gone {
            let id = said.id.as_str();
            let proof = proofs.iter().find(|proof| proof.invariant == id && !proof.in_force);
            let kept = is.values().any(|other| other.id == id);
            let place = if kept { self.at_head.policy(id) } else { self.at_base.policy(id) };
            let became = if kept { "says something else" } else { "is gone" };
            let (rule, now, sense) = match proof.map(|proof| &proof.outcome) {
                Some(Outcome::Broken(counter)) => {
                    let now = ", and what it forbade is allowed";
                    (&rules::INVARIANT_WEAKENED, now, json!([kept, counter.workflow, counter.tool]))
                }
                Some(Outcome::Proved) if self.solver.is_some() => {
                    (&rules::INVARIANT_KEPT, "; what it said still holds, proved", json!(kept))
                }
                _ => (&rules::INVARIANT, "", json!(kept)),
            };
            let what = format!("the invariant `{id}` {became}{now}");
            let change = Change::new(rule, &[id], place, what, json!(content), sense);
            self.tell(change.detail(proof.map(told).unwrap_or_default()));
        }
    }

    /// Invariants that still stand, over the acts that are judged otherwise.
    fn no_longer_implied(&mut self, touched: &Touched) {
        if touched.acts.is_empty() {
            return;
        }
        let only =
            |workflow: &str, tool: &ToolName| touched.acts.contains_key(&(workflow.to_owned(), tool.clone()));
        let run = |side: Side<'_>| {
            let inquiry = Inquiry::new(side.bundle, side.tree, &[]);
            inquiry.map(|inquiry| inquiry.run(self.solver, &only)).unwrap_or_default()
        };
        let is = run(Side { bundle: self.head, tree: self.head_tree });
        if is.iter().all(|proof| !matters(&proof.outcome)) {
            return;
        }
        let was = run(Side { bundle: self.base, tree: self.base_tree });
        for proof in is {
            let before =
                was.iter().find(|other| other.invariant == proof.invariant).map(|other| &other.outcome);
            let same = before.is_some_and(|before| {
                std::mem::discriminant(before) == std::mem::discriminant(&proof.outcome)
            });
            if same || !matters(&proof.outcome) {
                continue;
            }
            let id = proof.invariant.as_str();
            let (rule, what, sense): (&'static Rule, String, serde_json::Value) = match &proof.outcome {
                Outcome::Broken(counter) => (
                    &rules::INVARIANT_WEAKENED,
                    format!("`{id}` held, and is broken"),
                    json!([counter.workflow, counter.tool]),
                ),
                // Of an act that BASE does not list nothing was implied.
                Outcome::Alone(counter) => {
                    let act = counter.tool.parse().ok().map(|tool| (counter.workflow.clone(), tool));
                    if !act.and_then(|act| touched.acts.get(&act)).copied().unwrap_or(false)
                        || before.is_none()
                    {
                        continue;
                    }
                    let what =
                        format!("`{id}` was implied by the other policies, and now holds by itself alone");
                    (&rules::INVARIANT_ALONE, what, json!([counter.workflow, counter.tool]))
                }
                _ if before == Some(&Outcome::Proved) => {
                    (&rules::INVARIANT, format!("`{id}` was proved, and is not any more"), json!(null))
                }
                _ => continue,
            };
            let place = self.at_head.policy(id);
            self.tell(Change::new(rule, &[id], place, what, json!("held"), sense).detail(told(&proof)));
        }
    }
}

/// Whether it is less than one would wish.
fn matters(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Broken(_) | Outcome::Alone(_) | Outcome::Untold { .. })
}

/// What was found, and the request that shows it.
fn told(proof: &Proof) -> Vec<String> {
    let mut lines = vec![found(proof)];
    if let Outcome::Broken(counter) | Outcome::Alone(counter) = &proof.outcome {
        lines.extend(counterexample(counter));
    }
    lines
}

/// One invariant of a repository.
struct Said {
    id: String,
    file: String,
    /// As a policy of its own.
    text: String,
}

/// What each says, by its digest.
fn said(tree: &crate::Tree) -> BTreeMap<String, Said> {
    let files = tree.0.keys().filter(|path| path.starts_with(FOLDER) && path.ends_with(".cedar"));
    let each = files.filter_map(|path| Some((path, tree.text(path)?)));
    let of = |(file, text): (&String, &str)| -> Vec<(String, Said)> {
        let one = |(content, id, text)| (content, Said { id, file: file.clone(), text });
        crate::cedar::contents(text).into_iter().map(one).collect()
    };
    each.flat_map(of).collect()
}
